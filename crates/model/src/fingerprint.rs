use std::hash::Hasher;

use siphasher::sip128::{Hasher128, SipHasher24};

use crate::{AppIndex, IdentitySecret, Instant, ProfileKey};

/// What tells a session from a repeat of it: a keyed 128-bit hash, apart from those of identities and of each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SessionFingerprint([u64; 2]);

/// Combined with the first byte of the secret; the kinds of identities are small numbers.
const BY_ID: u8 = 0x80;
const BY_START: u8 = 0x81;

impl SessionFingerprint {
    /// Of a session with an id: the same wherever it is met in the app.
    pub fn of_id(secret: &IdentitySecret, app: Option<AppIndex>, id: &str) -> Self {
        Self::hash(secret, BY_ID, app, |hasher| hasher.write(id.as_bytes()))
    }

    /// Of a session without an id: who, in which app, and when.
    pub fn of_start(secret: &IdentitySecret, app: Option<AppIndex>, profile: ProfileKey, start: Instant) -> Self {
        Self::hash(secret, BY_START, app, |hasher| {
            hasher.write(&profile.to_u128().to_le_bytes());
            hasher.write(&start.seconds().to_le_bytes());
            hasher.write(&start.nanos().to_le_bytes());
        })
    }

    fn hash(secret: &IdentitySecret, domain: u8, app: Option<AppIndex>, rest: impl Fn(&mut SipHasher24)) -> Self {
        let mut key = *secret.bytes();
        key[0] ^= domain;
        let mut hasher = SipHasher24::new_with_key(&key);
        hasher.write(&app.map_or(0, |app| app.get() + 1).to_le_bytes());
        rest(&mut hasher);
        Self::from_u128(hasher.finish128().as_u128())
    }

    /// The fingerprint with this value.
    #[expect(clippy::cast_possible_truncation, reason = "the halves of 128 bits")]
    pub const fn from_u128(value: u128) -> Self {
        Self([value as u64, (value >> 64) as u64])
    }

    /// The value.
    pub const fn to_u128(self) -> u128 {
        let [low, high] = self.0;
        (high as u128) << 64 | low as u128
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::IdentityKind;

    #[test]
    fn a_fingerprint_depends_on_everything_and_never_changes() {
        let secret = IdentitySecret::new([7; 16]);
        let app = AppIndex::new(0);
        let profile = ProfileKey::of(&secret, IdentityKind::ExternalId, "ada").unwrap();
        let (start, later) = (Instant::new(5, 0).unwrap(), Instant::new(5, 1).unwrap());
        let prints = [
            SessionFingerprint::of_id(&secret, app, "ada"),
            SessionFingerprint::of_id(&secret, None, "ada"),
            SessionFingerprint::of_id(&secret, app, "bob"),
            SessionFingerprint::of_id(&IdentitySecret::new([8; 16]), app, "ada"),
            SessionFingerprint::of_start(&secret, app, profile, start),
            SessionFingerprint::of_start(&secret, app, profile, later),
            SessionFingerprint::of_start(&secret, None, profile, start),
        ];
        for (index, print) in prints.iter().enumerate() {
            assert!(!prints[..index].contains(print), "{index}");
            assert_ne!(print.to_u128(), profile.to_u128());
        }
        assert_eq!(prints[0], SessionFingerprint::of_id(&secret, app, "ada"));
    }
}
