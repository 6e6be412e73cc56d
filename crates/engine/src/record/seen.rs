use dauphin_model::WorkspaceIndex;
use dauphin_model::limits::SHARD_COUNT;

use super::Malformed;

/// Key of a generation of what a shard has seen: `[workspace: u32][shard: u8][generation: u32]`, big-endian. Its value is
/// as a page's: `[sequence: u64 little-endian][generation]`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SeenKey {
    pub workspace: WorkspaceIndex,
    pub shard: u8,
    pub generation: u32,
}

impl SeenKey {
    pub fn to_bytes(self) -> [u8; 9] {
        let mut key = [0; 9];
        key[..5].copy_from_slice(&Self::prefix(self.workspace, self.shard));
        key[5..].copy_from_slice(&self.generation.to_be_bytes());
        key
    }

    pub fn from_bytes(key: &[u8]) -> Result<Self, Malformed> {
        let (workspace, rest) = key.split_first_chunk().ok_or(Malformed)?;
        let (shard, generation) = rest.split_first().ok_or(Malformed)?;
        if *shard >= SHARD_COUNT {
            return Err(Malformed);
        }
        let generation = u32::from_be_bytes(generation.try_into().map_err(|_| Malformed)?);
        Ok(Self { workspace: WorkspaceIndex(u32::from_be_bytes(*workspace)), shard: *shard, generation })
    }

    /// What the keys of a shard begin with.
    pub fn prefix(workspace: WorkspaceIndex, shard: u8) -> [u8; 5] {
        let [a, b, c, d] = workspace.0.to_be_bytes();
        [a, b, c, d, shard]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_bytes() {
        let key = SeenKey { workspace: WorkspaceIndex(1), shard: 15, generation: 258 };
        assert_eq!(key.to_bytes(), [0, 0, 0, 1, 15, 0, 0, 1, 2]);
        assert_eq!(SeenKey::from_bytes(&key.to_bytes()), Ok(key));
        assert_eq!(SeenKey::from_bytes(&key.to_bytes()[..8]), Err(Malformed));
        assert_eq!(SeenKey::from_bytes(&[0, 0, 0, 0, 16, 0, 0, 0, 0]), Err(Malformed));
    }
}
