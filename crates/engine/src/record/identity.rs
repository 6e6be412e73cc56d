use dauphin_core::{Flags, IdentityRecord, Reader};
use dauphin_model::limits::SHARD_COUNT;
use dauphin_model::{ProfileKey, WorkspaceIndex};

use super::Malformed;

/// Key: `[workspace: u32 big-endian][profile: 16 bytes]`.
pub fn identity_key(workspace: WorkspaceIndex, profile: ProfileKey) -> [u8; 20] {
    let mut key = [0; 20];
    key[..4].copy_from_slice(&workspace.0.to_be_bytes());
    key[4..].copy_from_slice(&profile.to_u128().to_le_bytes());
    key
}

pub fn split_identity_key(key: &[u8]) -> Result<(WorkspaceIndex, ProfileKey), Malformed> {
    let (workspace, profile) = key.split_first_chunk().ok_or(Malformed)?;
    let profile = u128::from_le_bytes(profile.try_into().map_err(|_| Malformed)?);
    Ok((WorkspaceIndex(u32::from_be_bytes(*workspace)), ProfileKey::from_u128(profile)))
}

/// Value: `[home shard: u8][flags: u8]`, then, for a person of several profiles, `[profile that names it: 16 bytes]`.
pub fn identity_value(record: &IdentityRecord) -> Vec<u8> {
    let mut value = vec![record.home, record.flags.bits()];
    if let Some(person) = record.person {
        value.extend_from_slice(&person.to_u128().to_le_bytes());
    }
    value
}

pub fn read_identity_value(value: &[u8]) -> Result<IdentityRecord, Malformed> {
    let mut reader = Reader::new(value);
    let home = reader.u8()?;
    let flags = Flags::from_bits(reader.u8()?).ok_or(Malformed)?;
    let person =
        if reader.is_empty() { None } else { Some(ProfileKey::from_u128(u128::from_le_bytes(reader.array()?))) };
    if home >= SHARD_COUNT || !reader.is_empty() {
        return Err(Malformed);
    }
    Ok(IdentityRecord { home, person, flags })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_bytes() {
        let key = identity_key(WorkspaceIndex(1), ProfileKey::from_u128(0x0203));
        assert_eq!(key, [0, 0, 0, 1, 3, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(split_identity_key(&key), Ok((WorkspaceIndex(1), ProfileKey::from_u128(0x0203))));
        let alone = IdentityRecord { home: 15, person: None, flags: Flags::UNLINKED };
        assert_eq!(identity_value(&alone), [15, 4]);
        let person = Some(ProfileKey::from_u128(9));
        let linked = IdentityRecord { home: 2, person, flags: Flags::EXCLUDED.with(Flags::OUT_OF_USE) };
        assert_eq!(identity_value(&linked), [2, 3, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        for record in [alone, linked] {
            assert_eq!(read_identity_value(&identity_value(&record)), Ok(record));
        }
    }

    #[test]
    fn malformed_records_are_refused() {
        for (value, why) in [
            (&[1][..], "cut"),
            (&[16, 0], "a shard beyond the last"),
            (&[1, 8], "a flag that is not known"),
            (&[1, 0, 5], "half a profile"),
            (&[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7], "bytes left over"),
        ] {
            assert_eq!(read_identity_value(value), Err(Malformed), "{why}");
        }
        assert_eq!(split_identity_key(&[0; 19]), Err(Malformed));
    }
}
