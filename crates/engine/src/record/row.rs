use dauphin_model::{ActiveDay, RowKey, WorkspaceIndex};

use super::Malformed;

/// Key of the one record in the row table that is no row: the sequence (u64 little-endian) of the last log record whose
/// row changes the rows hold.
pub const ROWS_SEQUENCE_KEY: &[u8] = &[];

/// Key of how far a partition of a cluster is, in place of the other: it comes after every row, so that who reads the
/// records of a commit in order has all of them by then.
pub const PROGRESS_KEY: &[u8] = &[0xff; 9];

/// Key of a row: `[workspace: u32][measure and scope: u16][day: u16]`, big-endian. Its value is the row in its parts.
pub fn row_key(workspace: WorkspaceIndex, row: RowKey, day: ActiveDay) -> [u8; 8] {
    let mut key = [0; 8];
    key[..4].copy_from_slice(&workspace.0.to_be_bytes());
    key[4..6].copy_from_slice(&row.code().to_be_bytes());
    key[6..].copy_from_slice(&day.code().to_be_bytes());
    key
}

pub fn split_row_key(key: &[u8]) -> Result<(WorkspaceIndex, RowKey, ActiveDay), Malformed> {
    let (workspace, rest) = key.split_first_chunk().ok_or(Malformed)?;
    let (row, day) = rest.split_first_chunk().ok_or(Malformed)?;
    Ok((
        WorkspaceIndex(u32::from_be_bytes(*workspace)),
        RowKey::from_code(u16::from_be_bytes(*row)).ok_or(Malformed)?,
        ActiveDay::from_code(u16::from_be_bytes(day.try_into().map_err(|_| Malformed)?)),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_bytes() {
        for (code, bytes) in [(3, [0, 3]), (0x4003, [0x40, 3]), (0x8000, [0x80, 0])] {
            let parts = (WorkspaceIndex(2), RowKey::from_code(code).unwrap(), ActiveDay::from_code(0x1234));
            let key = row_key(parts.0, parts.1, parts.2);
            assert_eq!(key, [0, 0, 0, 2, bytes[0], bytes[1], 0x12, 0x34]);
            assert_eq!(split_row_key(&key), Ok(parts));
        }
        let key = [0, 0, 0, 2, 0, 3, 0x12, 0x34];
        assert_eq!(split_row_key(&key[1..]), Err(Malformed));
        assert_eq!(split_row_key(&[0, 0, 0, 2, 0xff, 0xff, 0, 0]), Err(Malformed));
    }
}
