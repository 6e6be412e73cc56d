use dauphin_core::Reader;
use dauphin_model::WorkspaceIndex;

use super::Malformed;

/// Key of a page: `[workspace: u32][shard: u8][page: u32]`, big-endian, so that a scan meets pages in order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PageKey {
    pub workspace: WorkspaceIndex,
    pub shard: u8,
    pub page: u32,
}

impl PageKey {
    pub fn to_bytes(self) -> [u8; 9] {
        let mut bytes = [0; 9];
        bytes[..5].copy_from_slice(&Self::prefix(self.workspace, self.shard));
        bytes[5..].copy_from_slice(&self.page.to_be_bytes());
        bytes
    }

    /// What the keys of one shard begin with.
    pub fn prefix(workspace: WorkspaceIndex, shard: u8) -> [u8; 5] {
        let mut prefix = [shard; 5];
        prefix[..4].copy_from_slice(&workspace.0.to_be_bytes());
        prefix
    }

    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Malformed> {
        let (workspace, rest) = bytes.split_first_chunk().ok_or(Malformed)?;
        let (shard, page) = rest.split_first().ok_or(Malformed)?;
        Ok(Self {
            workspace: WorkspaceIndex(u32::from_be_bytes(*workspace)),
            shard: *shard,
            page: u32::from_be_bytes(page.try_into().map_err(|_| Malformed)?),
        })
    }
}

/// Value of a page: `[sequence: u64 little-endian][page]`. The page holds the effect of every log record up to that
/// sequence, and maybe of later ones.
pub fn page_value(sequence: u64, page: &[u8]) -> Vec<u8> {
    [&sequence.to_le_bytes(), page].concat()
}

pub fn split_page_value(value: &[u8]) -> Result<(u64, &[u8]), Malformed> {
    let (sequence, page) = value.split_first_chunk().ok_or(Malformed)?;
    Ok((u64::from_le_bytes(*sequence), page))
}

/// Profiles in a page, from its value.
pub fn page_profile_count(value: &[u8]) -> Result<usize, Malformed> {
    let (_, page) = split_page_value(value)?;
    let mut reader = Reader::new(page);
    let _level = reader.u8()?;
    Ok(reader.number()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_bytes() {
        let key = PageKey { workspace: WorkspaceIndex(1), shard: 15, page: 258 };
        assert_eq!(key.to_bytes(), [0, 0, 0, 1, 15, 0, 0, 1, 2]);
        assert_eq!(PageKey::from_bytes(&key.to_bytes()), Ok(key));
        assert_eq!(PageKey::from_bytes(&[0; 8]), Err(Malformed));
        assert_eq!(page_value(3, b"xy"), [3, 0, 0, 0, 0, 0, 0, 0, b'x', b'y']);
        assert_eq!(split_page_value(&page_value(3, b"xy")), Ok((3, &b"xy"[..])));
        assert_eq!(split_page_value(&[1; 7]), Err(Malformed));
        assert_eq!(page_profile_count(&page_value(3, &[0, 0x80, 8, 1, 2])), Ok(1024));
        assert_eq!(page_profile_count(&page_value(3, &[0, 0x80])), Err(Malformed));
    }
}
