use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use dauphin_model::{ActiveDay, Cause, RowKey};

use crate::varint::{Reader, Truncated, write_signed, write_varint};
use crate::{Bucket, History, RowChange};

/// Every row of a workspace, kept apart by when it was recorded and why. The parts of a row add up to today's truth;
/// leaving out later parts gives the row as it once stood.
#[derive(Default)]
pub struct Ledger {
    histories: BTreeMap<RowKey, Arc<History>>,
    dirty: BTreeSet<(RowKey, ActiveDay)>,
    row_count: usize,
    /// Of all parts of all rows.
    bucket_count: usize,
}

/// One row in its parts.
#[derive(Default, Clone, PartialEq, Eq, Debug)]
pub struct LedgerRow {
    /// By day of recording and cause: buckets in order, none of them zero.
    parts: BTreeMap<(ActiveDay, Cause), Vec<(Bucket, i64)>>,
}

/// About the bytes of a row with one part, without its buckets: the nodes of two trees, and two allocations.
const ROW_BYTES: usize = 450;

/// Bytes that are no row of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LedgerRowError;

impl From<Truncated> for LedgerRowError {
    fn from(Truncated: Truncated) -> Self {
        Self
    }
}

impl Ledger {
    /// Adds `changes` recorded on one day; they come ordered by key, day, cause and bucket.
    pub fn add(&mut self, recorded: ActiveDay, changes: &[RowChange]) {
        let same_part = |a: &RowChange, b: &RowChange| (a.key, a.day, a.cause) == (b.key, b.day, b.cause);
        for of_key in changes.chunk_by(|a, b| a.key == b.key) {
            let key = of_key[0].key;
            let history = Arc::make_mut(self.histories.entry(key).or_default());
            let row_count = history.row_count();
            for part in of_key.chunk_by(same_part) {
                let RowChange { day, cause, .. } = part[0];
                let changes = part.iter().map(|change| (change.bucket, change.delta));
                let (before, after) = history.row_mut(day).add(recorded, cause, changes);
                self.bucket_count = self.bucket_count - before + after;
                self.dirty.insert((key, day));
            }
            self.row_count += history.row_count() - row_count;
        }
    }

    /// Puts a row read from the store in its place, where there is none yet.
    pub fn insert(&mut self, key: RowKey, day: ActiveDay, row: LedgerRow) {
        self.row_count += 1;
        self.bucket_count += row.parts().map(|(_, _, counts)| counts.len()).sum::<usize>();
        *Arc::make_mut(self.histories.entry(key).or_default()).row_mut(day) = row;
    }

    /// How many rows there are: days of a measure and scope.
    pub const fn row_count(&self) -> usize {
        self.row_count
    }

    /// About the bytes of memory held: of each row's own, and of its buckets, whose lists have room for a third more.
    pub const fn byte_count(&self) -> usize {
        self.row_count * ROW_BYTES + self.bucket_count * (size_of::<(Bucket, i64)>() * 4 / 3)
    }

    /// The rows of a measure and scope as they are now, shared: what is added later does not reach them.
    pub fn history(&self, key: RowKey) -> Arc<History> {
        self.histories.get(&key).cloned().unwrap_or_default()
    }

    /// Every row.
    pub fn rows(&self) -> impl Iterator<Item = (RowKey, ActiveDay, &LedgerRow)> {
        self.histories.iter().flat_map(|(key, history)| history.rows().map(|(day, row)| (*key, day, row)))
    }

    /// The rows changed since they were last taken to be written.
    pub fn take_dirty(&mut self) -> impl Iterator<Item = (RowKey, ActiveDay, &LedgerRow)> {
        let dirty = std::mem::take(&mut self.dirty);
        dirty.into_iter().filter_map(|(key, day)| Some((key, day, self.histories.get(&key)?.row(day)?)))
    }
}

impl LedgerRow {
    /// Gives how many buckets the part had and has.
    fn add(
        &mut self,
        recorded: ActiveDay,
        cause: Cause,
        changes: impl Iterator<Item = (Bucket, i64)>,
    ) -> (usize, usize) {
        let part = self.parts.entry((recorded, cause)).or_default();
        let before = std::mem::take(part);
        let count_before = before.len();
        let mut old = before.into_iter().peekable();
        for (bucket, delta) in changes {
            while let Some(entry) = old.next_if(|(other, _)| *other < bucket) {
                part.push(entry);
            }
            let count = delta + old.next_if(|(other, _)| *other == bucket).map_or(0, |(_, count)| count);
            if count != 0 {
                part.push((bucket, count));
            }
        }
        part.extend(old);
        let count = part.len();
        if count == 0 {
            self.parts.remove(&(recorded, cause));
        }
        (count_before, count)
    }

    /// The parts: recorded when, why, and how many users in which buckets.
    pub fn parts(&self) -> impl Iterator<Item = (ActiveDay, Cause, &[(Bucket, i64)])> {
        self.parts.iter().map(|((recorded, cause), counts)| (*recorded, *cause, counts.as_slice()))
    }

    /// The sum of the parts, as changes of an empty row.
    pub fn changes(&self, key: RowKey, day: ActiveDay) -> Vec<RowChange> {
        let parts = self.parts();
        parts
            .flat_map(|(_, cause, counts)| {
                counts.iter().map(move |(bucket, delta)| RowChange { key, day, cause, bucket: *bucket, delta: *delta })
            })
            .collect()
    }

    /// Appends the row to `out`: for each part `[recorded day: u16][cause: u8][bucket count: varint]`, then for each
    /// bucket `[distance from the bucket before: varint][count: zigzag varint]`.
    pub fn write(&self, out: &mut Vec<u8>) {
        for ((recorded, cause), counts) in &self.parts {
            out.extend_from_slice(&recorded.code().to_le_bytes());
            out.push(cause.code());
            write_varint(out, counts.len() as u64);
            let mut before = 0;
            for (bucket, count) in counts {
                write_varint(out, u64::from(bucket.get() - before));
                write_signed(out, *count);
                before = bucket.get();
            }
        }
    }

    /// Reads what [`LedgerRow::write`] wrote.
    pub fn read(bytes: &[u8]) -> Result<Self, LedgerRowError> {
        let mut reader = Reader::new(bytes);
        let mut row = Self::default();
        while !reader.is_empty() {
            let recorded = ActiveDay::from_code(reader.u16()?);
            let cause = Cause::from_code(reader.u8()?).ok_or(LedgerRowError)?;
            let bucket_count = reader.number::<usize>()?;
            let mut counts = Vec::new();
            let mut before = 0_u16;
            for index in 0..bucket_count {
                let distance = reader.number::<u16>()?;
                if index > 0 && distance == 0 {
                    return Err(LedgerRowError);
                }
                before = before.checked_add(distance).ok_or(LedgerRowError)?;
                let bucket = Bucket::new(before).ok_or(LedgerRowError)?;
                counts.push((bucket, reader.signed()?));
            }
            if counts.is_empty() || counts.iter().any(|(_, count)| *count == 0) {
                return Err(LedgerRowError);
            }
            if row.parts.insert((recorded, cause), counts).is_some() {
                return Err(LedgerRowError);
            }
        }
        Ok(row)
    }
}

#[cfg(test)]
mod tests {
    use dauphin_model::Scope;
    use proptest::prelude::*;

    use super::*;

    fn day(code: u16) -> ActiveDay {
        ActiveDay::from_code(code)
    }

    fn change(scope: Scope, day_code: u16, cause: Cause, bucket: u16, delta: i64) -> RowChange {
        RowChange { key: RowKey::active(scope), day: day(day_code), cause, bucket: Bucket::new(bucket).unwrap(), delta }
    }

    #[test]
    fn golden_bytes() {
        let mut ledger = Ledger::default();
        ledger.add(
            day(258),
            &[
                change(Scope::Workspace, 257, Cause::Live, 0, 3),
                change(Scope::Workspace, 257, Cause::Late, 29, -1),
                change(Scope::Workspace, 257, Cause::Late, 367, 200),
            ],
        );
        let mut bytes = Vec::new();
        let (_, _, row) = ledger.take_dirty().next().unwrap();
        row.write(&mut bytes);
        assert_eq!(bytes, [2, 1, 1, 1, 0, 6, 2, 1, 2, 2, 29, 1, 0xd2, 2, 0x90, 3]);
        assert_eq!(LedgerRow::read(&bytes).as_ref(), Ok(row));
        assert_eq!(ledger.take_dirty().count(), 0);
    }

    #[test]
    fn malformed_rows_are_refused() {
        for (bytes, why) in [
            (&[1, 0, 1][..], "cut"),
            (&[1, 0, 99, 1, 0, 2], "no such cause"),
            (&[1, 0, 1, 0], "a part of nothing"),
            (&[1, 0, 1, 1, 0, 0], "a count of nothing"),
            (&[1, 0, 1, 2, 1, 2, 0, 2], "one bucket twice"),
            (&[1, 0, 1, 1, 0x80, 3, 2], "a bucket beyond the last"),
            (&[1, 0, 1, 1, 0, 2, 1, 0, 1, 1, 0, 2], "one part twice"),
        ] {
            assert_eq!(LedgerRow::read(bytes), Err(LedgerRowError), "{why}");
        }
    }

    proptest! {
        #[test]
        fn parts_are_sums_and_come_back(
            adds in prop::collection::vec((0_u16..3, prop::sample::select(Cause::ALL.to_vec()), 0_u16..368, -3_i64..4), 0..60)
        ) {
            let mut model = BTreeMap::<(u16, Cause, u16), i64>::new();
            let mut row = LedgerRow::default();
            for (recorded, cause, bucket, delta) in adds {
                *model.entry((recorded, cause, bucket)).or_default() += delta;
                row.add(day(recorded), cause, [(Bucket::new(bucket).unwrap(), delta)].into_iter());
            }
            model.retain(|_, count| *count != 0);
            let flat: BTreeMap<_, _> = row.parts().flat_map(|(recorded, cause, counts)| {
                counts.iter().map(move |(bucket, count)| ((recorded.code(), cause, bucket.get()), *count))
            }).collect();
            prop_assert_eq!(flat, model);
            let mut bytes = Vec::new();
            row.write(&mut bytes);
            prop_assert_eq!(LedgerRow::read(&bytes), Ok(row));
        }

        #[test]
        fn any_bytes_are_read_without_panic(bytes: Vec<u8>) {
            let _ = LedgerRow::read(&bytes);
        }
    }
}
