use dauphin_model::{ActiveDay, AppIndex, Cause, RowKey, Scope};
use prefetch_index::prefetch_index;

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

/// Whose rows change alike.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Scopes {
    /// One scope's.
    One(Scope),
    /// An app's and the workspace's: those of who uses no other app.
    AppAndWorkspace(AppIndex),
}

/// The row changes of a batch: noted one by one, then drained as sums in a fixed order.
#[derive(Default)]
pub struct RowChanges {
    /// A hash table without order: what is drained is sorted. Its length is a power of two, and at most half of it is used.
    blocks: Vec<Block>,
    count: usize,
    /// Notes whose blocks were asked for: they are added when these are near.
    pending: Vec<Note>,
}

#[derive(Clone, Copy)]
struct Note {
    of_day: u64,
    bucket: Bucket,
    delta: i32,
}

/// What is noted of neighbouring buckets of a row (of an app's and the workspace's, where both change alike): most gaps are
/// short, so most notes of a day go to one line of the processor's cache.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Block {
    /// Key, day, cause and number of the block are bits of one number, which sorts in that order.
    of: u64,
    /// A shard has fewer than two billion people.
    deltas: [i32; BLOCK_BUCKETS],
}

const BLOCK_BUCKETS: usize = 14;
const _: () = assert!(size_of::<Block>() == 64);

impl Block {
    /// No number that says what is noted has these bits.
    const NONE: Self = Self { of: u64::MAX, deltas: [0; BLOCK_BUCKETS] };
}

/// What is noted of one bucket. Of a block's number that of the bucket is made, which sorts alike.
#[derive(Clone, Copy)]
struct Sum {
    of: u64,
    delta: i64,
}

impl Note {
    /// Its block's number among all that may be.
    #[inline]
    fn block(self) -> u64 {
        self.of_day | (self.bucket.index() / BLOCK_BUCKETS) as u64
    }
}

const BLOCKS_MIN: usize = 16;
/// Notes that wait together: more than the cache misses a processor has in flight.
const PENDING_MAX: usize = 64;

const CAUSE_SHIFT: u32 = 9;
const DAY_SHIFT: u32 = CAUSE_SHIFT + 4;
const KEY_SHIFT: u32 = DAY_SHIFT + 16;
const WITH_WORKSPACE: u64 = 1 << (KEY_SHIFT + 16);
const _: () = assert!(Bucket::COUNT <= 1 << CAUSE_SHIFT);

/// The bits of a key; of an app's active users, those of the workspace may be meant too.
#[inline]
fn key_bits(scopes: Scopes) -> u64 {
    let bits = |scope| u64::from(RowKey::active(scope).code()) << KEY_SHIFT;
    match scopes {
        Scopes::One(scope) => bits(scope),
        Scopes::AppAndWorkspace(app) => bits(Scope::App(app)) | WITH_WORKSPACE,
    }
}

#[inline]
fn bits(cause: Cause, day: ActiveDay) -> u64 {
    u64::from(day.code()) << DAY_SHIFT | u64::from(cause.code()) << CAUSE_SHIFT
}

/// Where a block is looked for first. Any place will do, as long as neighbours do not crowd.
#[inline]
fn first_place(blocks: &[Block], of: u64) -> usize {
    (of.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize & (blocks.len() - 1)
}

impl RowChanges {
    /// Nothing noted yet.
    pub const fn new() -> Self {
        Self { blocks: Vec::new(), count: 0, pending: Vec::new() }
    }

    /// Nothing noted.
    pub const fn is_empty(&self) -> bool {
        self.count == 0 && self.pending.is_empty()
    }

    /// Bytes of memory in use.
    pub(crate) const fn byte_count(&self) -> usize {
        self.blocks.len() * size_of::<Block>()
    }

    /// Forgets what was noted.
    pub fn clear(&mut self) {
        self.blocks.clear();
        self.pending.clear();
        self.count = 0;
    }

    /// Notes that inserting `day` between its neighbours changed the rows of `scopes`: `day` gains its gap, and the gap
    /// of the next active day shrinks to reach `day` only. `sign` is +1 for an insertion, −1 for its reverse.
    #[inline(always)]
    pub(crate) fn note_day(
        &mut self,
        scopes: Scopes,
        cause: Cause,
        sign: i32,
        previous: Option<ActiveDay>,
        day: ActiveDay,
        next: Option<ActiveDay>,
    ) {
        let key = key_bits(scopes);
        self.add(key | bits(cause, day), Bucket::of(previous, day), sign);
        if let Some(next) = next {
            self.add(key | bits(cause, next), Bucket::of(previous, next), -sign);
            self.add(key | bits(cause, next), Bucket::of(Some(day), next), sign);
        }
    }

    /// Notes that days were put into a calendar whose rows are those of `scopes`.
    pub(crate) fn note_merged(&mut self, scopes: Scopes, cause: Cause, merged: MergedDays<'_>) {
        if self.pending.len() >= PENDING_MAX {
            self.add_pending();
        }
        let key = key_bits(scopes);
        // The active day before the next one, as it was and as it is.
        let (mut before, mut now) = (merged.before, merged.before);
        for merged in merged.days {
            let day = merged.day();
            let of_day = key | bits(cause, day);
            if merged.is_new() {
                self.add_soon(Note { of_day, bucket: Bucket::of(now, day), delta: 1 });
            } else {
                let (was, is) = (Bucket::of(before, day), Bucket::of(now, day));
                if was != is {
                    self.add_soon(Note { of_day, bucket: was, delta: -1 });
                    self.add_soon(Note { of_day, bucket: is, delta: 1 });
                }
                before = Some(day);
            }
            now = Some(day);
        }
    }

    pub(crate) fn note(&mut self, key: RowKey, cause: Cause, day: ActiveDay, bucket: Bucket, delta: i32) {
        self.add(u64::from(key.code()) << KEY_SHIFT | bits(cause, day), bucket, delta);
    }

    /// Asks for the block of a note, which is added later.
    #[inline]
    fn add_soon(&mut self, note: Note) {
        if !self.blocks.is_empty() {
            prefetch_index(&self.blocks, first_place(&self.blocks, note.block()));
        }
        self.pending.push(note);
    }

    fn add_pending(&mut self) {
        let mut pending = std::mem::take(&mut self.pending);
        pending.drain(..).for_each(|note| self.add(note.of_day, note.bucket, note.delta));
        self.pending = pending;
    }

    #[inline]
    fn add(&mut self, of_day: u64, bucket: Bucket, delta: i32) {
        if 2 * self.count >= self.blocks.len() {
            self.grow();
        }
        let of = Note { of_day, bucket, delta }.block();
        let block = Self::block_of(&mut self.blocks, of);
        if block.of != of {
            self.count += 1;
            block.of = of;
        }
        block.deltas[bucket.index() % BLOCK_BUCKETS] += delta;
    }

    /// Where a block is, or is to be.
    #[inline]
    fn block_of(blocks: &mut [Block], of: u64) -> &mut Block {
        let mask = blocks.len() - 1;
        let mut at = first_place(blocks, of);
        while blocks[at].of != of && blocks[at].of != Block::NONE.of {
            at = (at + 1) & mask;
        }
        &mut blocks[at]
    }

    #[cold]
    fn grow(&mut self) {
        let larger = vec![Block::NONE; (2 * self.blocks.len()).max(BLOCKS_MIN)];
        for block in std::mem::replace(&mut self.blocks, larger) {
            if block.of != Block::NONE.of {
                *Self::block_of(&mut self.blocks, block.of) = block;
            }
        }
    }

    /// The sums, ordered by key, day, cause and bucket, without zeros. Leaves this empty.
    pub fn drain(&mut self) -> Vec<RowChange> {
        self.add_pending();
        self.count = 0;
        let mut sums = Vec::new();
        let blocks = std::mem::take(&mut self.blocks).into_iter().filter(|block| block.of != Block::NONE.of);
        for Block { of, deltas } in blocks {
            let number = of & ((1 << CAUSE_SHIFT) - 1);
            let first = of - number + number * BLOCK_BUCKETS as u64;
            let changed = (first..).zip(deltas).filter(|(_, delta)| *delta != 0);
            sums.extend(changed.map(|(of, delta)| Sum { of, delta: delta.into() }));
        }
        for index in 0..sums.len() {
            let sum = sums[index];
            if sum.of & WITH_WORKSPACE != 0 {
                let rest = sum.of & ((1 << KEY_SHIFT) - 1);
                sums[index].of &= !WITH_WORKSPACE;
                sums.push(Sum { of: key_bits(Scopes::One(Scope::Workspace)) | rest, ..sum });
            }
        }
        sums.sort_unstable_by_key(|sum| sum.of);
        let same = sums.chunk_by(|a, b| a.of == b.of);
        let summed = same.map(|same| Sum { of: same[0].of, delta: same.iter().map(|sum| sum.delta).sum() });
        summed.filter(|sum| sum.delta != 0).map(Sum::unpack).collect()
    }
}

impl Sum {
    #[expect(clippy::cast_possible_truncation, reason = "each field is masked to its width")]
    fn unpack(self) -> RowChange {
        const WRITTEN: &str = "written by `bits`";
        let Self { of, delta } = self;
        RowChange {
            key: RowKey::from_code((of >> KEY_SHIFT) as u16).expect(WRITTEN),
            day: ActiveDay::from_code((of >> DAY_SHIFT) as u16),
            cause: Cause::from_code((of >> CAUSE_SHIFT & 0xf) as u8).expect(WRITTEN),
            bucket: Bucket::new((of & 0x1ff) as u16).expect(WRITTEN),
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
        changes.note_day(Scopes::One(Scope::Workspace), Cause::Late, 1, Some(day(10)), day(12), Some(day(15)));
        changes.note_day(Scopes::One(Scope::Workspace), Cause::Late, -1, Some(day(10)), day(12), Some(day(15)));
        assert_eq!(changes.drain(), []);
        changes.note_day(Scopes::One(Scope::Workspace), Cause::Late, 1, Some(day(10)), day(12), Some(day(15)));
        let sums: Vec<_> = changes.drain().iter().map(|c| (c.day.code(), c.bucket.index(), c.delta)).collect();
        assert_eq!(sums, [(12, 1, 1), (15, 2, 1), (15, 4, -1)]);
        assert!(changes.is_empty());
    }
}
