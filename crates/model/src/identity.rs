use std::borrow::Cow;
use std::fmt;

use siphasher::sip128::SipHasher24;

use crate::limits::{IDENTITY_BYTES_MAX, SHARD_COUNT};

/// What a profile is known by. The numbers enter the hash and are never reused.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum IdentityKind {
    /// The customer's own user id.
    ExternalId = 1,
    /// A user alias: a label and a name ([`Identity::alias`]).
    Alias = 2,
    /// The id that Braze gave the user.
    BrazeId = 3,
    /// An email address.
    Email = 4,
    /// A phone number.
    Phone = 5,
    /// A device of a Braze SDK, before anybody is known on it.
    Device = 6,
    /// A visitor of a Segment or RudderStack SDK, before they are known.
    Anonymous = 7,
}

/// Somebody, by one of the things a profile is known by; borrowed from a message.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Identity<'a> {
    /// What kind of thing.
    pub kind: IdentityKind,
    /// The thing.
    pub text: Cow<'a, str>,
}

impl<'a> Identity<'a> {
    /// An identity of any kind but an alias.
    pub fn new(kind: IdentityKind, text: impl Into<Cow<'a, str>>) -> Self {
        Self { kind, text: text.into() }
    }

    /// An alias. The length of the label keeps ("a", "bc") and ("ab", "c") apart.
    pub fn alias(label: &str, name: &str) -> Self {
        Self { kind: IdentityKind::Alias, text: format!("{}:{label}{name}", label.len()).into() }
    }

    /// Its profile.
    pub fn key(&self, secret: &IdentitySecret) -> Result<ProfileKey, IdentityError> {
        ProfileKey::of(secret, self.kind, &self.text)
    }
}

/// The secret that keys the hash of identities. It stays in the data directory: without it a key says nothing
/// about the identity, and nobody can choose identities that collide.
#[derive(Clone)]
pub struct IdentitySecret([u8; 16]);

impl IdentitySecret {
    /// A secret from 16 random bytes.
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes, for the store.
    pub const fn bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for IdentitySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdentitySecret(…)")
    }
}

/// Why a text is no identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// Nothing there.
    #[error("the user id is empty")]
    Empty,
    /// Longer than the limit.
    #[error("the user id has {0} bytes; it must have at most {IDENTITY_BYTES_MAX}")]
    TooLong(usize),
}

/// A profile: the keyed 128-bit SipHash-2-4 of one identity. No plaintext identity is kept. Two of n identities
/// collide with probability below n² / 2¹²⁹: under 10⁻²⁰ for a billion.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProfileKey {
    /// In two words, so that what has a key in it is aligned to one.
    high: u64,
    low: u64,
}

impl ProfileKey {
    /// The key of an identity: 1 to 1,024 bytes, compared byte for byte.
    pub fn of(secret: &IdentitySecret, kind: IdentityKind, text: &str) -> Result<Self, IdentityError> {
        ProfileHasher::new(secret, kind).key(text)
    }

    /// The key with this value.
    #[expect(clippy::cast_possible_truncation, reason = "the halves of 128 bits")]
    pub const fn from_u128(value: u128) -> Self {
        Self { high: (value >> 64) as u64, low: value as u64 }
    }

    /// The value.
    pub const fn to_u128(self) -> u128 {
        (self.high as u128) << 64 | self.low as u128
    }

    /// The shard that owns this profile: its top bits, so that tables inside a shard may use the low ones.
    #[expect(clippy::cast_possible_truncation, reason = "four bits are left")]
    pub const fn shard(self) -> u8 {
        (self.high >> (64 - SHARD_COUNT.trailing_zeros())) as u8
    }

    /// Of `count` partitions, the one that owns this profile. The shard is told by four bits of the same word, so that each
    /// partition has about as many profiles in each shard.
    #[expect(clippy::cast_possible_truncation, reason = "a remainder of a 16-bit number")]
    pub const fn partition(self, count: u16) -> u16 {
        (self.high % count as u64) as u16
    }

    /// The lower half of the value: a hash of the profile within its shard.
    pub const fn low(self) -> u64 {
        self.low
    }
}

impl fmt::Debug for ProfileKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.to_u128())
    }
}

/// Makes the keys of many identities of one kind.
#[derive(Clone)]
pub struct ProfileHasher(SipHasher24);

impl ProfileHasher {
    /// For identities of this kind.
    pub fn new(secret: &IdentitySecret, kind: IdentityKind) -> Self {
        let mut key = secret.0;
        key[0] ^= kind as u8;
        Self(SipHasher24::new_with_key(&key))
    }

    /// As [`ProfileKey::of`].
    #[inline]
    pub fn key(&self, text: &str) -> Result<ProfileKey, IdentityError> {
        match text.len() {
            0 => Err(IdentityError::Empty),
            // 0 is no profile.
            1..=IDENTITY_BYTES_MAX => Ok(ProfileKey::from_u128(self.0.hash(text.as_bytes()).as_u128().max(1))),
            length => Err(IdentityError::TooLong(length)),
        }
    }
}

impl fmt::Debug for ProfileHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProfileHasher(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_depends_on_secret_and_text_and_never_changes() {
        let key = |secret: u8, text| {
            ProfileKey::of(&IdentitySecret::new([secret; 16]), IdentityKind::ExternalId, text).unwrap()
        };
        assert_eq!(key(7, "ada"), key(7, "ada"));
        assert_ne!(key(7, "ada"), key(8, "ada"));
        assert_ne!(key(7, "ada"), key(7, "Ada"));
        // Golden: data directories depend on it.
        assert_eq!(format!("{:?}", key(7, "ada")), "5833d434178e5056266b396427606441");
    }

    #[test]
    fn an_identity_has_bounds() {
        let of = |text: &str| ProfileKey::of(&IdentitySecret::new([0; 16]), IdentityKind::ExternalId, text);
        assert_eq!(of(""), Err(IdentityError::Empty));
        assert_eq!(of(&"x".repeat(1025)), Err(IdentityError::TooLong(1025)));
        assert!(of(&"x".repeat(1024)).is_ok());
        assert!(of("\0").is_ok());
    }
}
