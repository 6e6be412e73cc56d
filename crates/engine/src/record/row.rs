use dauphin_model::{ActiveDay, Scope, WorkspaceIndex};

use super::Malformed;

/// Key of the one record in the row table that is no row: the sequence (u64 little-endian) of the last log record whose
/// row changes the rows hold.
pub const ROWS_SEQUENCE_KEY: &[u8] = &[];

/// Key of a gap row: `[workspace: u32][scope: u16][day: u16]`, big-endian. Its value is the row in its parts.
pub fn row_key(workspace: WorkspaceIndex, scope: Scope, day: ActiveDay) -> [u8; 8] {
    let mut key = [0; 8];
    key[..4].copy_from_slice(&workspace.0.to_be_bytes());
    key[4..6].copy_from_slice(&scope.code().to_be_bytes());
    key[6..].copy_from_slice(&day.code().to_be_bytes());
    key
}

pub fn split_row_key(key: &[u8]) -> Result<(WorkspaceIndex, Scope, ActiveDay), Malformed> {
    let (workspace, rest) = key.split_first_chunk().ok_or(Malformed)?;
    let (scope, day) = rest.split_first_chunk().ok_or(Malformed)?;
    Ok((
        WorkspaceIndex(u32::from_be_bytes(*workspace)),
        Scope::from_code(u16::from_be_bytes(*scope)).ok_or(Malformed)?,
        ActiveDay::from_code(u16::from_be_bytes(day.try_into().map_err(|_| Malformed)?)),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_bytes() {
        let parts = (WorkspaceIndex(2), Scope::from_code(3).unwrap(), ActiveDay::from_code(0x1234));
        let key = row_key(parts.0, parts.1, parts.2);
        assert_eq!(key, [0, 0, 0, 2, 0, 3, 0x12, 0x34]);
        assert_eq!(split_row_key(&key), Ok(parts));
        assert_eq!(split_row_key(&key[1..]), Err(Malformed));
        assert_eq!(split_row_key(&[0, 0, 0, 2, 0xff, 0xff, 0, 0]), Err(Malformed));
    }
}
