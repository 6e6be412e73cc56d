use dauphin_model::{ActiveDay, Cause, RowKey, Scope};
use hashbrown::HashTable;

use crate::Bucket;
use crate::calendar::MergedDays;

/// The gap row of one scope and day, as suffix sums: `above(k)` is the number of users active on the day whose gap is
/// greater than `k`, in one look-up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GapRow {
    suffix: [u32; Bucket::COUNT],
}

impl GapRow {
    /// A day on which nobody was active.
    pub const EMPTY: Self = Self { suffix: [0; Bucket::COUNT] };

    /// Users active on the day with a gap greater than `days` (0 to 366; more is the same as 366).
    pub fn above(&self, days: usize) -> u32 {
        self.suffix[days.min(Bucket::OLDER.index())]
    }

    /// [`GapRow::above`] of each of `days`, within 0 to 366.
    pub fn above_each(&self, days: std::ops::Range<usize>) -> &[u32] {
        &self.suffix[days]
    }

    /// Users active on the day.
    pub fn total(&self) -> u32 {
        self.suffix[0]
    }

    /// Users active on the day and never before.
    pub fn first(&self) -> u32 {
        self.suffix[Bucket::FIRST.index()]
    }

    /// This row with `changes` added, each a bucket and how many users more (or fewer) it holds.
    ///
    /// # Panics
    /// If a sum leaves 0..2³²: rows count users, so that would be a defect of the fold.
    pub fn plus(&self, changes: impl IntoIterator<Item = (Bucket, i64)>) -> Self {
        let mut deltas = [0_i64; Bucket::COUNT];
        let mut highest = 0;
        for (bucket, delta) in changes {
            deltas[bucket.index()] += delta;
            highest = highest.max(bucket.index());
        }
        let mut row = self.clone();
        let mut above = 0;
        for index in (0..=highest).rev() {
            above += deltas[index];
            row.suffix[index] = u32::try_from(i64::from(row.suffix[index]) + above).expect("a gap row counts users");
        }
        row
    }

    /// How many are in one bucket.
    pub fn in_bucket(&self, bucket: Bucket) -> u32 {
        self.suffix[bucket.index()] - self.suffix.get(bucket.index() + 1).copied().unwrap_or(0)
    }

    /// Users per bucket, for buckets that hold any.
    pub fn buckets(&self) -> impl Iterator<Item = (Bucket, u32)> {
        (0..Bucket::COUNT).filter_map(|index| {
            let bucket = Bucket::new(u16::try_from(index).ok()?)?;
            let count = self.in_bucket(bucket);
            (count > 0).then_some((bucket, count))
        })
    }
}

/// So many users more (or fewer) in one bucket of one row, and why.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RowChange {
    /// Whose row, and of what.
    pub key: RowKey,
    /// Which day's row.
    pub day: ActiveDay,
    /// Why.
    pub cause: Cause,
    /// Which gap.
    pub bucket: Bucket,
    /// How many users.
    pub delta: i64,
}

/// The row changes of a batch: noted one by one, then drained as sums in a fixed order.
///
/// A note is one word, so that the fold writes little: key, day, cause and bucket in the upper bits (which sort in
/// that order), the delta in the lowest eight.
#[derive(Default)]
pub struct RowChanges {
    notes: Vec<u64>,
    /// Of notes that were many: what they have in common, and the sum of their deltas.
    sums: HashTable<(u64, i64)>,
}

/// Notes that are kept apart while days are put in by the million.
const NOTES_MAX: usize = 1 << 14;

const BUCKET_SHIFT: u32 = 8;
const CAUSE_SHIFT: u32 = BUCKET_SHIFT + 9;
const DAY_SHIFT: u32 = CAUSE_SHIFT + 4;
const KEY_SHIFT: u32 = DAY_SHIFT + 16;
const DELTA_ZERO: u64 = 0x80;
const _: () = assert!(Bucket::COUNT <= 1 << 9);

/// A note but for its key.
#[inline]
fn packed(cause: Cause, day: ActiveDay, bucket: Bucket, delta: i8) -> u64 {
    u64::from(day.code()) << DAY_SHIFT
        | u64::from(cause.code()) << CAUSE_SHIFT
        | u64::from(bucket.get()) << BUCKET_SHIFT
        | DELTA_ZERO.wrapping_add_signed(i64::from(delta)) & 0xff
}

fn delta_of(note: u64) -> i64 {
    i64::from((note & 0xff) as u8) - 0x80
}

/// Any bits will do, as long as equal notes have equal ones and neighbours do not crowd.
const fn hash_of(common: u64) -> u64 {
    let mixed = common.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ mixed >> 32
}

impl RowChanges {
    /// Nothing noted yet.
    pub const fn new() -> Self {
        Self { notes: Vec::new(), sums: HashTable::new() }
    }

    /// Nothing noted.
    pub fn is_empty(&self) -> bool {
        self.notes.is_empty() && self.sums.is_empty()
    }

    /// Forgets what was noted.
    pub fn clear(&mut self) {
        self.notes.clear();
        self.sums.clear();
    }

    /// Notes that inserting `day` between its neighbours changed the rows of `scopes`: `day` gains its gap, and the gap
    /// of the next active day shrinks to reach `day` only. `sign` is +1 for an insertion, −1 for its reverse.
    #[inline]
    pub(crate) fn note_day(
        &mut self,
        scopes: &[Scope],
        cause: Cause,
        sign: i8,
        previous: Option<ActiveDay>,
        day: ActiveDay,
        next: Option<ActiveDay>,
    ) {
        let mut note = |day, bucket, sign| {
            let change = packed(cause, day, bucket, sign);
            self.notes
                .extend(scopes.iter().map(|scope| u64::from(RowKey::active(*scope).code()) << KEY_SHIFT | change));
        };
        note(day, Bucket::of(previous, day), sign);
        if let Some(next) = next {
            note(next, Bucket::of(previous, next), -sign);
            note(next, Bucket::of(Some(day), next), sign);
        }
    }

    /// Notes that days were put into a calendar whose rows are those of `scopes`.
    pub(crate) fn note_merged(&mut self, scopes: &[Scope], cause: Cause, merged: MergedDays<'_>) {
        if self.notes.len() >= NOTES_MAX {
            self.sum_notes();
        }
        // The active day before the next one, as it was and as it is.
        let (mut before, mut now) = (merged.before, merged.before);
        let mut note = |day, bucket, delta| {
            let change = packed(cause, day, bucket, delta);
            self.notes
                .extend(scopes.iter().map(|scope| u64::from(RowKey::active(*scope).code()) << KEY_SHIFT | change));
        };
        for merged in merged.days {
            let day = merged.day();
            if merged.is_new() {
                note(day, Bucket::of(now, day), 1);
            } else {
                let (was, is) = (Bucket::of(before, day), Bucket::of(now, day));
                if was != is {
                    note(day, was, -1);
                    note(day, is, 1);
                }
                before = Some(day);
            }
            now = Some(day);
        }
    }

    pub(crate) fn note(&mut self, key: RowKey, cause: Cause, day: ActiveDay, bucket: Bucket, delta: i8) {
        self.notes.push(u64::from(key.code()) << KEY_SHIFT | packed(cause, day, bucket, delta));
    }

    fn sum_notes(&mut self) {
        for note in self.notes.drain(..) {
            let common = note >> BUCKET_SHIFT;
            let found = self.sums.entry(hash_of(common), |sum| sum.0 == common, |sum| hash_of(sum.0));
            found.or_insert((common, 0)).get_mut().1 += delta_of(note);
        }
    }

    /// The sums, ordered by key, day, cause and bucket, without zeros. Leaves this empty, its memory kept.
    pub fn drain(&mut self) -> Vec<RowChange> {
        if !self.sums.is_empty() {
            self.sum_notes();
            let mut sums: Vec<_> = self.sums.drain().filter(|(_, delta)| *delta != 0).collect();
            sums.sort_unstable();
            return sums.into_iter().map(|(common, delta)| Self::unpack(common << BUCKET_SHIFT, delta)).collect();
        }
        self.notes.sort_unstable();
        let mut sums: Vec<RowChange> = Vec::new();
        for run in self.notes.chunk_by(|a, b| a >> BUCKET_SHIFT == b >> BUCKET_SHIFT) {
            let delta = run.iter().copied().map(delta_of).sum();
            if delta != 0 {
                sums.push(Self::unpack(run[0], delta));
            }
        }
        self.notes.clear();
        sums
    }

    #[expect(clippy::cast_possible_truncation, reason = "each field is masked to its width")]
    fn unpack(note: u64, delta: i64) -> RowChange {
        const WRITTEN: &str = "written by `note`";
        RowChange {
            key: RowKey::from_code((note >> KEY_SHIFT) as u16).expect(WRITTEN),
            day: ActiveDay::from_code((note >> DAY_SHIFT) as u16),
            cause: Cause::from_code((note >> CAUSE_SHIFT & 0xf) as u8).expect(WRITTEN),
            bucket: Bucket::new((note >> BUCKET_SHIFT & 0x1ff) as u16).expect(WRITTEN),
            delta,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_what_was_added() {
        let bucket = |index| Bucket::new(index).unwrap();
        let row = GapRow::EMPTY.plus([(bucket(0), 5), (bucket(29), 2), (Bucket::FIRST, 3)]).plus([(bucket(0), -1)]);
        assert_eq!((row.total(), row.first(), row.above(1), row.above(29), row.above(30)), (9, 3, 5, 5, 3));
        assert_eq!(row.above(366), 3);
        assert_eq!(row.above(9999), 3);
        assert_eq!(row.buckets().collect::<Vec<_>>(), [(bucket(0), 4), (bucket(29), 2), (Bucket::FIRST, 3)]);
    }

    #[test]
    fn opposite_notes_cancel_and_sums_come_in_order() {
        let day = ActiveDay::from_code;
        let mut changes = RowChanges::new();
        changes.note_day(&[Scope::Workspace], Cause::Late, 1, Some(day(10)), day(12), Some(day(15)));
        changes.note_day(&[Scope::Workspace], Cause::Late, -1, Some(day(10)), day(12), Some(day(15)));
        assert_eq!(changes.drain(), []);
        changes.note_day(&[Scope::Workspace], Cause::Late, 1, Some(day(10)), day(12), Some(day(15)));
        let sums: Vec<_> = changes.drain().iter().map(|c| (c.day.code(), c.bucket.index(), c.delta)).collect();
        assert_eq!(sums, [(12, 1, 1), (15, 2, 1), (15, 4, -1)]);
        assert!(changes.is_empty());
    }
}
