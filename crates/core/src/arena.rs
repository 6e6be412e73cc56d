/// Where a byte string lies in an [`Arena`]; meaningful only together with its length.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place(u32);

impl Place {
    /// Where the empty byte string lies: nowhere.
    pub const NOWHERE: Self = Self(0);
}

/// Many short byte strings in few allocations: slots of like size lie together in chunks, a freed slot is used again.
/// A string's length tells its slot's size, so a place costs four bytes and a slot has no header.
#[derive(Default)]
pub struct Arena {
    classes: Vec<Class>,
    used_bytes: usize,
    free_bytes: usize,
}

/// All slots of one size.
struct Class {
    slot_bytes: usize,
    chunk_slots_log2: u32,
    chunks: Vec<Box<[u8]>>,
    slot_count: u32,
    free: Vec<u32>,
}

/// Slots grow in steps of 4 bytes up to this size, beyond it by an eighth of the next lower power of two.
const FINE_BYTES: usize = 128;
const FINE_STEP: usize = 4;
const FINE_CLASSES: usize = FINE_BYTES / FINE_STEP;
/// A chunk has at least this many bytes: so few that the last, part-filled chunk of every class of sixteen shards weighs
/// little, so many that what an allocation costs is spread thin.
const CHUNK_BYTES: usize = 4 * 1024;
/// Slots that were left for larger ones may take this much before they are worth a compaction.
const SPARE_BYTES_MIN: usize = 64 * 1024;

/// The class whose slots hold `length` bytes (at least one), and the size of its slots.
const fn class_of(length: usize) -> (usize, usize) {
    if length <= FINE_BYTES {
        let class = (length - 1) / FINE_STEP;
        return (class, (class + 1) * FINE_STEP);
    }
    let power = (length - 1).ilog2();
    let step_log2 = power - 3;
    let eighth = (length - 1 - (1 << power)) >> step_log2;
    let class = FINE_CLASSES + (power as usize - FINE_BYTES.ilog2() as usize) * 8 + eighth;
    (class, (1 << power) + ((eighth + 1) << step_log2))
}

impl Class {
    fn new(slot_bytes: usize) -> Self {
        let chunk_slots_log2 = CHUNK_BYTES.div_ceil(slot_bytes).next_power_of_two().ilog2();
        Self { slot_bytes, chunk_slots_log2, chunks: Vec::new(), slot_count: 0, free: Vec::new() }
    }

    fn locate(&self, slot: u32) -> (usize, usize) {
        let slot = slot as usize;
        (slot >> self.chunk_slots_log2, (slot & ((1 << self.chunk_slots_log2) - 1)) * self.slot_bytes)
    }

    fn take(&mut self) -> u32 {
        if let Some(slot) = self.free.pop() {
            return slot;
        }
        let slot = self.slot_count;
        if self.locate(slot).0 == self.chunks.len() {
            self.chunks.push(vec![0; self.slot_bytes << self.chunk_slots_log2].into());
        }
        self.slot_count = slot.checked_add(1).expect("memory ends before four billion slots");
        slot
    }
}

impl Arena {
    /// The byte string of `length` at `place`.
    pub fn get(&self, place: Place, length: usize) -> &[u8] {
        if length == 0 {
            return &[];
        }
        let class = &self.classes[class_of(length).0];
        let (chunk, offset) = class.locate(place.0);
        &class.chunks[chunk][offset..offset + length]
    }

    /// Stores `bytes` in the stead of the string of `old_length` at `old`, and says where they lie now.
    pub fn replace(&mut self, old: Place, old_length: usize, bytes: &[u8]) -> Place {
        let place = match (old_length, bytes.len()) {
            (0, 0) => return Place::NOWHERE,
            (_, 0) => {
                self.free(old, old_length);
                return Place::NOWHERE;
            }
            (0, new) => self.take(new),
            (before, new) if class_of(before).0 == class_of(new).0 => old,
            (before, new) => {
                self.free(old, before);
                self.take(new)
            }
        };
        let class = &mut self.classes[class_of(bytes.len()).0];
        let (chunk, offset) = class.locate(place.0);
        class.chunks[chunk][offset..offset + bytes.len()].copy_from_slice(bytes);
        place
    }

    fn take(&mut self, length: usize) -> Place {
        let (class, _) = class_of(length);
        while self.classes.len() <= class {
            let shortest = self.classes.last().map_or(1, |last| last.slot_bytes + 1);
            self.classes.push(Class::new(class_of(shortest).1));
        }
        let class = &mut self.classes[class];
        if !class.free.is_empty() {
            self.free_bytes -= class.slot_bytes;
        }
        self.used_bytes += class.slot_bytes;
        Place(class.take())
    }

    fn free(&mut self, place: Place, length: usize) {
        let class = &mut self.classes[class_of(length).0];
        class.free.push(place.0);
        self.free_bytes += class.slot_bytes;
        self.used_bytes -= class.slot_bytes;
    }

    /// Whether so much of the memory is free slots that moving every string into a new arena repays: strings only grow,
    /// so slots of the smaller sizes are left behind for good.
    pub fn is_sparse(&self) -> bool {
        self.free_bytes > SPARE_BYTES_MIN && self.free_bytes > self.used_bytes / 4
    }

    /// Bytes of memory held.
    pub fn byte_count(&self) -> usize {
        let class = |class: &Class| {
            class.chunks.len() * (class.slot_bytes << class.chunk_slots_log2) + class.free.capacity() * size_of::<u32>()
        };
        self.classes.iter().map(class).sum()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn classes_follow_each_other_without_holes() {
        let mut expected = (0, FINE_STEP);
        for length in 1..300_000 {
            let (class, slot_bytes) = class_of(length);
            if (class, slot_bytes) != expected {
                assert_eq!(class, expected.0 + 1, "{length}");
                assert_eq!(length, expected.1 + 1, "a class starts where the one before ends");
                expected = (class, slot_bytes);
            }
            assert!(
                length <= slot_bytes && slot_bytes <= length + (length / 8).max(FINE_STEP),
                "{length} {slot_bytes}"
            );
        }
    }

    proptest! {
        #[test]
        fn strings_come_back_whatever_was_replaced(
            edits in prop::collection::vec((0_usize..20, 0_usize..700, any::<u8>()), 1..300)
        ) {
            let mut arena = Arena::default();
            let mut places = vec![(Place::NOWHERE, Vec::<u8>::new()); 20];
            for (which, length, fill) in edits {
                let (place, before) = places[which].clone();
                let bytes = vec![fill; length];
                places[which] = (arena.replace(place, before.len(), &bytes), bytes);
                for (place, bytes) in &places {
                    prop_assert_eq!(arena.get(*place, bytes.len()), bytes.as_slice());
                }
            }
        }
    }
}
