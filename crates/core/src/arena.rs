use prefetch_index::prefetch_index;

use crate::chunk::{CACHE_LINE_BYTES, Chunk};

/// Where a byte string lies in an [`Arena`]: the number of its chunk, and of the unit in it where it begins; meaningful only
/// together with its length.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Place(u32);

/// Of the bits of a place, those that number a unit.
const UNIT_NUMBER_BITS: u32 = 26;
const CHUNKS_MAX: usize = 1 << (u32::BITS - UNIT_NUMBER_BITS);

impl Place {
    /// Where the empty byte string lies: nowhere.
    pub const NOWHERE: Self = Self(0);

    fn new(chunk: usize, offset: usize) -> Self {
        assert!(chunk < CHUNKS_MAX, "a shard takes less than 44 gibibytes");
        let number = (chunk << UNIT_NUMBER_BITS) + offset / UNIT;
        Self(u32::try_from(number).expect("a chunk has fewer units than its bits tell apart"))
    }

    /// The place in four bytes.
    pub const fn to_le_bytes(self) -> [u8; 4] {
        self.0.to_le_bytes()
    }

    /// What [`Place::to_le_bytes`] gave.
    pub const fn from_le_bytes(bytes: [u8; 4]) -> Self {
        Self(u32::from_le_bytes(bytes))
    }

    /// Its chunk, and the byte of it.
    #[inline]
    const fn locate(self) -> (usize, usize) {
        let unit = self.0 & ((1 << UNIT_NUMBER_BITS) - 1);
        ((self.0 >> UNIT_NUMBER_BITS) as usize, unit as usize * UNIT)
    }
}

/// Many byte strings in few allocations: slots of like size, of which one that was freed is used again. A string's
/// length tells its slot's size, so a place costs four bytes and a slot has no header.
#[derive(Default)]
pub struct Arena {
    chunks: Vec<Chunk>,
    /// The chunk that slots are cut from.
    current: usize,
    /// Bytes of it that slots were cut from.
    end: usize,
    /// The same of the chunks before it.
    full_bytes: usize,
    /// Free slots, by class.
    free: Vec<Vec<Place>>,
    used_bytes: usize,
    free_bytes: usize,
}

/// Memory is cut in units of so many bytes: a string grows within its slot until it needs another unit.
const UNIT: usize = 16;
/// Slots grow in steps of a unit up to this size, beyond it by an eighth of the next lower power of two.
const FINE_BYTES: usize = 128 * UNIT;
const FINE_CLASSES: usize = FINE_BYTES / UNIT;
/// Bytes of the first chunk: little, because many a shard has few profiles. Each is twice as large as the one before, up to
/// what the number of a unit reaches.
const FIRST_CHUNK_BYTES: usize = 2048;
const CHUNK_BYTES_MAX: usize = UNIT << UNIT_NUMBER_BITS;
/// What is asked for of a string at most.
const PREFETCHED_BYTES_MAX: usize = 256;
/// Slots that were left for larger ones may take this much, and one in so many bytes, before they are worth a compaction.
const SPARE_BYTES_MIN: usize = 64 * 1024;
const SPARE_SHARE: usize = 6;

/// The class whose slots hold `length` bytes (at least one), and the size of its slots.
const fn class_of(length: usize) -> (usize, usize) {
    if length <= FINE_BYTES {
        let class = (length - 1) / UNIT;
        return (class, (class + 1) * UNIT);
    }
    let power = (length - 1).ilog2();
    let step_log2 = power - 3;
    let eighth = (length - 1 - (1 << power)) >> step_log2;
    let class = FINE_CLASSES + (power as usize - FINE_BYTES.ilog2() as usize) * 8 + eighth;
    (class, (1 << power) + ((eighth + 1) << step_log2))
}

/// The size of a chunk.
fn chunk_bytes(chunk: usize) -> usize {
    FIRST_CHUNK_BYTES << chunk.min((CHUNK_BYTES_MAX / FIRST_CHUNK_BYTES).ilog2() as usize)
}

impl Arena {
    /// The byte string of `length` at `place`.
    #[inline]
    pub fn get(&self, place: Place, length: usize) -> &[u8] {
        if length == 0 {
            return &[];
        }
        let (chunk, offset) = place.locate();
        &self.chunks[chunk].bytes()[offset..offset + length]
    }

    /// As [`Arena::get`], to be written to.
    #[inline]
    pub fn get_mut(&mut self, place: Place, length: usize) -> &mut [u8] {
        if length == 0 {
            return &mut [];
        }
        let (chunk, offset) = place.locate();
        &mut self.chunks[chunk].bytes_mut()[offset..offset + length]
    }

    /// Asks for the string.
    #[inline]
    pub fn prefetch(&self, place: Place, length: usize) {
        let (chunk, offset) = place.locate();
        let Some(chunk) = self.chunks.get(chunk).filter(|_| length > 0) else { return };
        // Of a longer one the rest is read in order, which the processor foresees.
        let end = offset + length.min(PREFETCHED_BYTES_MAX);
        for at in (offset / CACHE_LINE_BYTES * CACHE_LINE_BYTES..end).step_by(CACHE_LINE_BYTES) {
            prefetch_index(chunk.bytes(), at);
        }
    }

    /// Makes a string longer or shorter and says where it lies now; what it has in common with before stays, what it
    /// gains is undefined.
    #[inline]
    pub fn resize(&mut self, place: Place, before: usize, length: usize) -> Place {
        if before > 0 && length > 0 && class_of(before).0 == class_of(length).0 {
            return place;
        }
        self.move_to_size(place, before, length)
    }

    fn move_to_size(&mut self, place: Place, before: usize, length: usize) -> Place {
        let resized = if length == 0 { Place::NOWHERE } else { self.take(length) };
        if before > 0 {
            let kept = before.min(length);
            self.copy(place, resized, kept);
            self.free(place, before);
        }
        resized
    }

    fn copy(&mut self, from: Place, to: Place, length: usize) {
        if length == 0 {
            return;
        }
        let ((from_chunk, from), (to_chunk, to)) = (from.locate(), to.locate());
        if from_chunk == to_chunk {
            self.chunks[from_chunk].bytes_mut().copy_within(from..from + length, to);
            return;
        }
        let [source, target] = self.chunks.get_disjoint_mut([from_chunk, to_chunk]).expect("two chunks that there are");
        target.bytes_mut()[to..to + length].copy_from_slice(&source.bytes()[from..from + length]);
    }

    fn take(&mut self, length: usize) -> Place {
        let (class, slot_bytes) = class_of(length);
        self.used_bytes += slot_bytes;
        if let Some(place) = self.free.get_mut(class).and_then(Vec::pop) {
            self.free_bytes -= slot_bytes;
            return place;
        }
        // A slot lies in one chunk; what is left of the one before is never touched.
        while self.chunks.get(self.current).is_none_or(|chunk| self.end + slot_bytes > chunk.bytes().len()) {
            if self.current < self.chunks.len() {
                self.full_bytes += self.end;
                (self.current, self.end) = (self.current + 1, 0);
            } else {
                self.chunks.push(Chunk::new(chunk_bytes(self.chunks.len())));
            }
        }
        let place = Place::new(self.current, self.end);
        self.end += slot_bytes;
        place
    }

    fn free(&mut self, place: Place, length: usize) {
        let (class, slot_bytes) = class_of(length);
        if self.free.len() <= class {
            self.free.resize_with(class + 1, Vec::new);
        }
        self.free[class].push(place);
        self.free_bytes += slot_bytes;
        self.used_bytes -= slot_bytes;
    }

    /// Whether so much of the memory is free slots that moving every string to the front repays: strings mostly grow, so
    /// slots of the smaller sizes are left behind for good.
    pub fn is_sparse(&self) -> bool {
        self.free_bytes > SPARE_BYTES_MIN && self.free_bytes > self.used_bytes / SPARE_SHARE
    }

    /// Bytes of memory in use.
    pub fn byte_count(&self) -> usize {
        let free_places: usize = self.free.iter().map(|free| free.capacity() * size_of::<Place>()).sum();
        self.full_bytes + self.end + free_places
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn classes_follow_each_other_without_holes() {
        let mut expected = (0, UNIT);
        for length in 1..300_000 {
            let (class, slot_bytes) = class_of(length);
            if (class, slot_bytes) != expected {
                assert_eq!(class, expected.0 + 1, "{length}");
                assert_eq!(length, expected.1 + 1, "a class starts where the one before ends");
                expected = (class, slot_bytes);
            }
            assert!(slot_bytes.is_multiple_of(UNIT), "{slot_bytes}");
            assert!(length <= slot_bytes && slot_bytes <= length + (length / 8).max(UNIT), "{length} {slot_bytes}");
        }
    }

    #[test]
    fn chunks_double_until_places_reach_no_further() {
        assert_eq!([0, 1, 18, 19, 20, 63].map(chunk_bytes), [2 << 10, 4 << 10, 512 << 20, 1 << 30, 1 << 30, 1 << 30]);
        let last = Place::new(CHUNKS_MAX - 1, CHUNK_BYTES_MAX - UNIT);
        assert_eq!(last.locate(), (CHUNKS_MAX - 1, CHUNK_BYTES_MAX - UNIT));
    }

    proptest! {
        #[test]
        fn strings_come_back_whatever_was_resized(
            edits in prop::collection::vec((0_usize..20, prop_oneof![0_usize..700, 0_usize..40_000], any::<u8>()), 1..300)
        ) {
            let mut arena = Arena::default();
            let mut strings = vec![(Place::NOWHERE, Vec::<u8>::new()); 20];
            for (which, length, fill) in edits {
                let (place, mut bytes) = strings[which].clone();
                let place = arena.resize(place, bytes.len(), length);
                let kept = bytes.len().min(length);
                bytes.resize(length, fill);
                arena.get_mut(place, length)[kept..].fill(fill);
                strings[which] = (place, bytes);
                for (place, bytes) in &strings {
                    prop_assert_eq!(arena.get(*place, bytes.len()), bytes.as_slice());
                }
            }
        }
    }
}
