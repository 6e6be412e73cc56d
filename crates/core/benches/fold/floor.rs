//! What does less than a shard, for the same events.

use std::collections::HashMap;

use dauphin_model::ProfileKey;
use memmap2::MmapMut;
use prefetch_index::prefetch_index;

use super::{BATCH, Clock, FIRST_DAY, SPAN_DAYS, say, shuffle, visitors};

/// The same rounds, in the same order, where nothing is kept but who was active when.
pub fn run(keys: &[ProfileKey], days: u16, rounds: u16, active_percent: u64) {
    let (mut lines, mut map) = (Lines::new(keys.len()), HashMap::<ProfileKey, Vec<u16>>::new());
    let users = u32::try_from(keys.len()).unwrap();
    for day in (0..days).map(|visit| FIRST_DAY + visit) {
        keys.iter().for_each(|key| map.entry(*key).or_default().push(day));
        lines.fold(keys, day);
    }
    for round in 0..rounds {
        let day = FIRST_DAY + SPAN_DAYS + round;
        let mut order = visitors(users, day, active_percent);
        for (name, expected) in [("new", order.len()), ("repeats", 0)] {
            shuffle(&mut order, day);
            let mut visitors: Vec<ProfileKey> = order.iter().map(|user| keys[*user as usize]).collect();
            visitors.chunks_mut(BATCH).for_each(|batch| batch.sort_by_key(|key| key.shard()));
            let started = Clock::start();
            let new = visitors.iter().filter(|key| {
                let days = map.entry(**key).or_default();
                let is_new = days.last() != Some(&day);
                if is_new {
                    days.push(day);
                }
                is_new
            });
            assert_eq!(new.count(), expected);
            say(&format!("hash map, {name}"), visitors.len() as u64, started.elapsed());
            let started = Clock::start();
            assert_eq!(lines.fold(&visitors, day), expected);
            say(&format!("one line each, {name}"), visitors.len() as u64, started.elapsed());
        }
    }
}

const LINE_BYTES: usize = 64;
const LINE_GAPS_AT: usize = 20;

/// An open hash table of cache lines in huge pages, one for each person: the key, the latest day, how many gaps, and the gaps
/// there is room for.
struct Lines {
    memory: MmapMut,
}

impl Lines {
    fn new(count: usize) -> Self {
        let memory = MmapMut::map_anon((count * 5 / 4 * LINE_BYTES).next_multiple_of(2 << 20)).unwrap();
        #[cfg(target_os = "linux")]
        memory.advise(memmap2::Advice::HugePage).unwrap();
        Self { memory }
    }

    /// Makes a day active for all visitors; how many of these visits are new.
    #[inline(never)]
    fn fold(&mut self, visitors: &[ProfileKey], day: u16) -> usize {
        let lines = self.memory.as_chunks_mut::<LINE_BYTES>().0;
        let line_count = lines.len();
        let home = |key: ProfileKey| {
            let share = u128::from(key.low().reverse_bits()) * line_count as u128;
            usize::try_from(share >> u64::BITS).unwrap()
        };
        let mut new = 0;
        for (index, visitor) in visitors.iter().enumerate() {
            if let Some(soon) = visitors.get(index + 32) {
                prefetch_index(&*lines, home(*soon));
            }
            let key = visitor.to_u128().to_le_bytes();
            let mut at = home(*visitor);
            while lines[at][..16] != key && lines[at][..16] != [0; 16] {
                at = (at + 1) % line_count;
            }
            let line = &mut lines[at];
            let latest = u16::from_le_bytes([line[16], line[17]]);
            if day > latest {
                let count = usize::from(line[18]);
                line[..16].copy_from_slice(&key);
                line[16..18].copy_from_slice(&day.to_le_bytes());
                line[18] = u8::try_from((count + 1) % (LINE_BYTES - LINE_GAPS_AT)).unwrap();
                line[LINE_GAPS_AT + count] = u8::try_from((day - latest).min(254)).unwrap();
                new += 1;
            }
        }
        new
    }
}
