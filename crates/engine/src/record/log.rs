use dauphin_core::{Bucket, Change, Move, Reader, RowChange, write_varint};
use dauphin_model::limits::SHARD_COUNT;
use dauphin_model::{ActiveDay, AppIndex, Cause, ProfileKey, RowKey, WorkspaceIndex};

use super::Malformed;

/// What one group commit changed. Key: its sequence, `u64` big-endian. Value: entries one after another,
/// `[kind: u8][byte count: varint][entry]`:
///
/// - kind 1, rows: `[workspace: varint][recorded day: u16]`, then row changes to the end, each
///   `[measure and scope: varint][day: u16][cause: u8][bucket count: varint]` and for each bucket
///   `[bucket: varint][delta: zigzag varint]`;
/// - kind 2, changes of a shard: `[workspace: varint][shard: u8]`, then runs to the end, each `[tag: u8][count: varint]`
///   and `count` times, tag 1 (active): `[profile: 16 bytes][twice app + 1 or 0, and 1 more if the next is of the same
///   profile, whose key is left out: varint][day: u16]`, tag 3 (known): `[profile: 16 bytes]`; tag 2 is not used;
/// - kind 3, a profile that came into a shard: `[workspace: varint][shard: u8][profile: 16 bytes]`, then its calendars;
/// - kind 4, a profile that left a shard: `[workspace: varint][shard: u8][profile: 16 bytes]`;
/// - kind 6, what a shard counted that is remembered by fingerprint: `[workspace: varint][shard: u8][recorded day: u16]`,
///   then fingerprints to the end, 16 bytes each, in the order of counting.
///
/// Fixed-width numbers are little-endian. An unknown kind or tag is refused.
#[derive(Default)]
pub struct LogRecord {
    bytes: Vec<u8>,
    entry: Vec<u8>,
}

/// One entry, read.
#[derive(PartialEq, Eq, Debug)]
pub enum LogEntry {
    Rows { workspace: WorkspaceIndex, recorded: ActiveDay, changes: Vec<RowChange> },
    Changes { workspace: WorkspaceIndex, shard: u8, changes: Vec<Change> },
    Move { workspace: WorkspaceIndex, moved: Move },
    Seen { workspace: WorkspaceIndex, shard: u8, recorded: ActiveDay, fingerprints: Vec<u128> },
}

const KIND_ROWS: u8 = 1;
const KIND_CHANGES: u8 = 2;
const KIND_ARRIVED: u8 = 3;
const KIND_LEFT: u8 = 4;
const KIND_SEEN: u8 = 6;
const TAG_ACTIVE: u8 = 1;
const TAG_KNOWN: u8 = 3;
const MORE_OF_PROFILE: u64 = 1;

pub fn log_key(sequence: u64) -> [u8; 8] {
    sequence.to_be_bytes()
}

pub fn log_sequence(key: &[u8]) -> Result<u64, Malformed> {
    Ok(u64::from_be_bytes(key.try_into().map_err(|_| Malformed)?))
}

impl LogRecord {
    /// Adds row changes, ordered by key, day, cause and bucket.
    pub fn rows(&mut self, workspace: WorkspaceIndex, recorded: ActiveDay, changes: &[RowChange]) {
        let entry = &mut self.entry;
        write_varint(entry, u64::from(workspace.0));
        entry.extend_from_slice(&recorded.code().to_le_bytes());
        let same_row = |a: &RowChange, b: &RowChange| (a.key, a.day, a.cause) == (b.key, b.day, b.cause);
        for run in changes.chunk_by(same_row) {
            write_varint(entry, u64::from(run[0].key.code()));
            entry.extend_from_slice(&run[0].day.code().to_le_bytes());
            entry.push(run[0].cause.code());
            write_varint(entry, run.len() as u64);
            for change in run {
                write_varint(entry, change.bucket.index() as u64);
                dauphin_core::write_signed(entry, change.delta);
            }
        }
        self.finish(KIND_ROWS);
    }

    /// Adds what a shard counted and remembers by fingerprint, in order.
    pub fn seen(&mut self, workspace: WorkspaceIndex, shard: u8, recorded: ActiveDay, fingerprints: &[u128]) {
        let entry = &mut self.entry;
        write_varint(entry, u64::from(workspace.0));
        entry.push(shard);
        entry.extend_from_slice(&recorded.code().to_le_bytes());
        entry.extend(fingerprints.iter().flat_map(|fingerprint| fingerprint.to_le_bytes()));
        self.finish(KIND_SEEN);
    }

    /// Adds the changes of a shard that had an effect, in order.
    pub fn changes(&mut self, workspace: WorkspaceIndex, shard: u8, changes: &[Change]) {
        let entry = &mut self.entry;
        write_varint(entry, u64::from(workspace.0));
        entry.push(shard);
        let same_tag = |a: &Change, b: &Change| std::mem::discriminant(a) == std::mem::discriminant(b);
        for run in changes.chunk_by(same_tag) {
            entry.push(match run[0] {
                Change::Active { .. } => TAG_ACTIVE,
                Change::Known { .. } => TAG_KNOWN,
                Change::Session { .. } | Change::Uninstall { .. } => unreachable!("remembered by fingerprint"),
            });
            write_varint(entry, run.len() as u64);
            for of_profile in run.chunk_by(|a, b| a.profile() == b.profile()) {
                write_of_profile(entry, of_profile);
            }
        }
        self.finish(KIND_CHANGES);
    }

    /// Adds profiles that came into shards and left them, in order.
    pub fn moves(&mut self, workspace: WorkspaceIndex, moves: &[Move]) {
        for moved in moves {
            let (kind, shard, profile, calendars) = match moved {
                Move::Arrived { shard, profile, calendars } => (KIND_ARRIVED, shard, profile, calendars.as_slice()),
                Move::Left { shard, profile } => (KIND_LEFT, shard, profile, &[][..]),
            };
            write_varint(&mut self.entry, u64::from(workspace.0));
            self.entry.push(*shard);
            self.entry.extend_from_slice(&profile.to_u128().to_le_bytes());
            self.entry.extend_from_slice(calendars);
            self.finish(kind);
        }
    }

    /// Adds the entries of another.
    pub fn append(&mut self, other: &Self) {
        self.bytes.extend_from_slice(&other.bytes);
    }

    /// Bytes so far.
    pub const fn byte_count(&self) -> usize {
        self.bytes.len()
    }

    fn finish(&mut self, kind: u8) {
        self.bytes.push(kind);
        write_varint(&mut self.bytes, self.entry.len() as u64);
        self.bytes.append(&mut self.entry);
    }

    /// The value, if there is any entry.
    pub fn into_bytes(self) -> Option<Vec<u8>> {
        (!self.bytes.is_empty()).then_some(self.bytes)
    }

    /// Gives `each` the entries in order. Entries of shards that `wanted` refuses are skipped unread.
    pub fn read(
        value: &[u8],
        wanted: &dyn Fn(Option<u8>) -> bool,
        each: &mut dyn FnMut(LogEntry) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        let mut reader = Reader::new(value);
        while !reader.is_empty() {
            let kind = reader.u8()?;
            let byte_count = reader.number()?;
            let mut entry = Reader::new(reader.bytes(byte_count)?);
            let workspace = WorkspaceIndex(entry.number()?);
            match kind {
                KIND_ROWS if wanted(None) => each(read_rows(workspace, entry)?)?,
                KIND_CHANGES | KIND_ARRIVED | KIND_LEFT | KIND_SEEN => {
                    let shard = entry.u8()?;
                    if shard >= SHARD_COUNT {
                        return Err(Malformed);
                    }
                    if wanted(Some(shard)) {
                        each(match kind {
                            KIND_CHANGES => read_changes(workspace, shard, entry)?,
                            KIND_SEEN => read_seen(workspace, shard, entry)?,
                            _ => LogEntry::Move { workspace, moved: read_move(kind, shard, entry)? },
                        })?;
                    }
                }
                KIND_ROWS => {}
                _ => return Err(Malformed),
            }
        }
        Ok(())
    }
}

/// Writes changes of one profile and one tag.
fn write_of_profile(entry: &mut Vec<u8>, changes: &[Change]) {
    let key = changes[0].profile().to_u128().to_le_bytes();
    let mut is_first = true;
    for (change, left) in changes.iter().zip((0..changes.len()).rev()) {
        let Change::Active { app, day, .. } = change else {
            entry.extend_from_slice(&key);
            continue;
        };
        if std::mem::take(&mut is_first) {
            entry.extend_from_slice(&key);
        }
        let code = app.map_or(0, |app| u64::from(app.get()) + 1);
        write_varint(entry, code << 1 | if left > 0 { MORE_OF_PROFILE } else { 0 });
        entry.extend_from_slice(&day.code().to_le_bytes());
    }
}

fn read_rows(workspace: WorkspaceIndex, mut reader: Reader<'_>) -> Result<LogEntry, Malformed> {
    let recorded = ActiveDay::from_code(reader.u16()?);
    let mut changes = Vec::new();
    while !reader.is_empty() {
        let key = RowKey::from_code(reader.number()?).ok_or(Malformed)?;
        let day = ActiveDay::from_code(reader.u16()?);
        let cause = Cause::from_code(reader.u8()?).ok_or(Malformed)?;
        for _ in 0..reader.number::<usize>()? {
            let bucket = Bucket::new(reader.number()?).ok_or(Malformed)?;
            let delta = reader.signed()?;
            changes.push(RowChange { key, day, cause, bucket, delta });
        }
    }
    Ok(LogEntry::Rows { workspace, recorded, changes })
}

fn read_changes(workspace: WorkspaceIndex, shard: u8, mut reader: Reader<'_>) -> Result<LogEntry, Malformed> {
    let mut changes = Vec::new();
    while !reader.is_empty() {
        let tag = reader.u8()?;
        let mut last = None;
        for _ in 0..reader.number::<usize>()? {
            let profile = last.take().map_or_else(|| read_profile(&mut reader), Ok)?;
            changes.push(match tag {
                TAG_ACTIVE => {
                    let code = reader.number::<u64>()?;
                    last = (code & MORE_OF_PROFILE != 0).then_some(profile);
                    let app = match (code >> 1).checked_sub(1) {
                        None => None,
                        Some(index) => Some(u16::try_from(index).ok().and_then(AppIndex::new).ok_or(Malformed)?),
                    };
                    Change::Active { profile, app, day: ActiveDay::from_code(reader.u16()?) }
                }
                TAG_KNOWN => Change::Known { profile },
                _ => return Err(Malformed),
            });
        }
        if last.is_some() {
            return Err(Malformed);
        }
    }
    Ok(LogEntry::Changes { workspace, shard, changes })
}

fn read_seen(workspace: WorkspaceIndex, shard: u8, mut reader: Reader<'_>) -> Result<LogEntry, Malformed> {
    let recorded = ActiveDay::from_code(reader.u16()?);
    let mut fingerprints = Vec::with_capacity(reader.rest().len() / 16);
    while !reader.is_empty() {
        fingerprints.push(u128::from_le_bytes(reader.array()?));
    }
    Ok(LogEntry::Seen { workspace, shard, recorded, fingerprints })
}

fn read_move(kind: u8, shard: u8, mut reader: Reader<'_>) -> Result<Move, Malformed> {
    let profile = read_profile(&mut reader)?;
    let calendars = reader.rest();
    match kind {
        KIND_ARRIVED => Ok(Move::Arrived { shard, profile, calendars: calendars.to_vec() }),
        _ if calendars.is_empty() => Ok(Move::Left { shard, profile }),
        _ => Err(Malformed),
    }
}

/// A person's profiles live in one shard, which is not always the one that a profile's key tells.
fn read_profile(reader: &mut Reader<'_>) -> Result<ProfileKey, Malformed> {
    Ok(ProfileKey::from_u128(u128::from_le_bytes(reader.array()?)))
}

#[cfg(test)]
mod tests {
    use dauphin_model::Scope;
    use proptest::prelude::*;

    use super::*;

    fn read_all(value: &[u8]) -> Result<Vec<LogEntry>, Malformed> {
        let mut entries = Vec::new();
        LogRecord::read(value, &|_| true, &mut |entry| {
            entries.push(entry);
            Ok(())
        })?;
        Ok(entries)
    }

    fn example() -> (Vec<RowChange>, Vec<Change>) {
        let (day, bucket) = (ActiveDay::from_code(0x0102), |index| Bucket::new(index).unwrap());
        let row =
            |bucket, delta| RowChange { key: RowKey::active(Scope::Workspace), day, cause: Cause::Live, bucket, delta };
        let profile = ProfileKey::from_u128(5);
        (
            vec![row(bucket(3), -1), row(bucket(300), 70)],
            vec![
                Change::Active { profile, app: AppIndex::new(0), day },
                Change::Known { profile: ProfileKey::from_u128(6) },
            ],
        )
    }

    #[test]
    fn golden_bytes() {
        let (rows, changes) = example();
        let mut record = LogRecord::default();
        record.rows(WorkspaceIndex(0), ActiveDay::from_code(0x0103), &rows);
        record.changes(WorkspaceIndex(0), 0, &changes);
        let moves = [
            Move::Left { shard: 0, profile: ProfileKey::from_u128(5) },
            Move::Arrived { shard: 1, profile: ProfileKey::from_u128(5), calendars: vec![7, 8] },
        ];
        record.moves(WorkspaceIndex(0), &moves);
        let bytes = record.into_bytes().unwrap();
        let five = [5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let six = [6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let expected = [
            &[1, 14, 0, 3, 1, 0, 2, 1, 1, 2, 3, 1, 0xac, 2, 0x8c, 1][..],
            &[2, 41, 0, 0, 1, 1],
            &five,
            &[2, 2, 1, 3, 1],
            &six,
            &[4, 18, 0, 0],
            &five,
            &[3, 20, 0, 1],
            &five,
            &[7, 8],
        ]
        .concat();
        assert_eq!(bytes, expected);
        assert_eq!(
            read_all(&bytes),
            Ok(vec![
                LogEntry::Rows { workspace: WorkspaceIndex(0), recorded: ActiveDay::from_code(0x0103), changes: rows },
                LogEntry::Changes { workspace: WorkspaceIndex(0), shard: 0, changes },
                LogEntry::Move { workspace: WorkspaceIndex(0), moved: moves[0].clone() },
                LogEntry::Move { workspace: WorkspaceIndex(0), moved: moves[1].clone() },
            ])
        );
        assert_eq!(log_sequence(&log_key(258)), Ok(258));
        assert_eq!(log_key(258), [0, 0, 0, 0, 0, 0, 1, 2]);
    }

    #[test]
    fn golden_bytes_of_what_was_seen() {
        let (workspace, recorded) = (WorkspaceIndex(0), ActiveDay::from_code(0x0102));
        let mut record = LogRecord::default();
        record.seen(workspace, 3, recorded, &[258, 1]);
        let bytes = record.into_bytes().unwrap();
        let fingerprints = [[2, 1, 0, 0, 0, 0, 0, 0], [0; 8], [1, 0, 0, 0, 0, 0, 0, 0], [0; 8]].concat();
        assert_eq!(bytes, [&[6, 36, 0, 3, 2, 1][..], &fingerprints].concat());
        assert_eq!(
            read_all(&bytes),
            Ok(vec![LogEntry::Seen { workspace, shard: 3, recorded, fingerprints: vec![258, 1] }])
        );
    }

    #[test]
    fn golden_bytes_of_several_days_of_a_profile() {
        let (workspace, profile) = (WorkspaceIndex(0), ProfileKey::from_u128(5));
        let active = |profile, app, day| Change::Active { profile, app, day: ActiveDay::from_code(day) };
        let changes = vec![
            active(profile, None, 257),
            active(profile, AppIndex::new(1), 257),
            active(profile, AppIndex::new(1), 258),
            active(ProfileKey::from_u128(6), None, 258),
        ];
        let mut record = LogRecord::default();
        record.changes(workspace, 3, &changes);
        let bytes = record.into_bytes().unwrap();
        let key = |first: u8| [&[first][..], &[0; 15]].concat();
        let expected = [&[2, 48, 0, 3, 1, 4][..], &key(5), &[1, 1, 1, 5, 1, 1, 4, 2, 1], &key(6), &[0, 2, 1]].concat();
        assert_eq!(bytes, expected);
        assert_eq!(read_all(&bytes), Ok(vec![LogEntry::Changes { workspace, shard: 3, changes }]));
    }

    #[test]
    fn malformed_records_are_refused() {
        for (bytes, why) in [
            (&[9, 1, 0][..], "no such kind"),
            (&[1, 3, 0, 0], "cut"),
            (&[2, 2, 0, 16], "a shard beyond the last"),
            (&[2, 4, 0, 0, 9, 1], "no such tag"),
            (&[2, 4, 0, 0, 1, 1], "a profile is missing"),
            (&[4, 3, 0, 0, 5], "half a profile left"),
            (&[4, 19, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], "calendars that left"),
            (
                &[2, 23, 0, 0, 1, 1, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0],
                "more of a profile, and no more",
            ),
            (&[2, 4, 0, 0, 2, 1], "the tag that is not used"),
            (&[1, 9, 0, 0, 0, 0, 0, 0, 99, 1, 0], "no such cause"),
            (&[6, 5, 0, 3, 2, 1, 9], "a fingerprint is cut"),
            (&[6, 4, 0, 16, 2, 1], "a shard beyond the last"),
        ] {
            assert_eq!(read_all(bytes), Err(Malformed), "{why}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes: Vec<u8>) {
            let _ = read_all(&bytes);
        }
    }
}
