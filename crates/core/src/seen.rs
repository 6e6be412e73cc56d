use std::collections::{BTreeMap, VecDeque};

use dauphin_model::limits::{SEEN_DAYS, SEEN_GENERATION_MAX, SEEN_MAX};
use dauphin_model::{ActiveDay, AppIndex, Measure, ProfileKey, Scope};
use hashbrown::HashTable;

use crate::row::RowChanges;
use crate::shard::{Shard, Stamp};
use crate::varint::Truncated;
use crate::{Bucket, Reader};

/// What a shard counted lately and must not count again: a bounded memory of fingerprints.
///
/// It keeps those of the last [`SEEN_DAYS`] days of recording, and of these at most [`SEEN_MAX`]; what was counted
/// before is counted again if it is sent again.
#[derive(Default)]
pub struct Seen {
    /// Oldest first; only the last one grows.
    generations: VecDeque<Generation>,
    next_number: u32,
}

/// Fingerprints recorded one after another, forgotten together.
pub struct Generation {
    number: u32,
    /// The day of recording.
    day: ActiveDay,
    fingerprints: HashTable<u128>,
    /// Changed since it was last written.
    dirty: bool,
}

/// Bytes that are no generation, or one out of order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GenerationError;

impl From<Truncated> for GenerationError {
    fn from(Truncated: Truncated) -> Self {
        Self
    }
}

/// Fingerprints are keyed hashes already, or derived from one.
#[expect(clippy::cast_possible_truncation, reason = "the halves of 128 bits")]
const fn hash(fingerprint: u128) -> u64 {
    fingerprint as u64 ^ (fingerprint >> 64) as u64
}

impl Seen {
    /// Remembers a fingerprint, and says whether it is new. Days of recording that go backwards count as the latest.
    pub fn insert(&mut self, fingerprint: u128, recorded: ActiveDay) -> bool {
        let known = |generation: &Generation| generation.contains(fingerprint);
        // What is repeated was mostly sent just before.
        if self.generations.iter().rev().any(known) {
            return false;
        }
        let current = self.generations.back();
        if current.is_none_or(|current| current.day < recorded || current.fingerprints.len() == SEEN_GENERATION_MAX) {
            let day = current.map_or(recorded, |current| current.day.max(recorded));
            self.begin(day);
        }
        let current = self.generations.back_mut().expect("there is one now");
        current.fingerprints.insert_unique(hash(fingerprint), fingerprint, |fingerprint| hash(*fingerprint));
        current.dirty = true;
        true
    }

    /// Begins a generation, and forgets what is too old or too much beside a full one.
    fn begin(&mut self, day: ActiveDay) {
        let mut count: usize = self.generations.iter().map(|generation| generation.fingerprints.len()).sum();
        while let Some(oldest) = self.generations.front() {
            let is_recent = day.code() - oldest.day.code() < SEEN_DAYS;
            if is_recent && count + SEEN_GENERATION_MAX <= SEEN_MAX {
                break;
            }
            count -= oldest.fingerprints.len();
            self.generations.pop_front();
        }
        let fingerprints = HashTable::new();
        self.generations.push_back(Generation { number: self.next_number, day, fingerprints, dirty: true });
        self.next_number += 1;
    }

    /// What any of `parts` remembers of fingerprints that are to be kept, as one memory: in the order of the days of
    /// recording, and as much of it as one memory keeps.
    pub fn united(parts: &[&Self], is_kept: &dyn Fn(u128) -> bool) -> Self {
        let mut by_day = BTreeMap::<ActiveDay, Vec<u128>>::new();
        for generation in parts.iter().flat_map(|part| &part.generations) {
            let kept = generation.fingerprints.iter().copied().filter(|fingerprint| is_kept(*fingerprint));
            by_day.entry(generation.day).or_default().extend(kept);
        }
        let mut united = Self::default();
        for (day, mut fingerprints) in by_day {
            // Which are forgotten first, if they are too many, must not hang on how they lie in memory.
            fingerprints.sort_unstable();
            for fingerprint in fingerprints {
                united.insert(fingerprint, day);
            }
        }
        united
    }

    /// The number of the oldest generation; all before it are forgotten.
    pub fn oldest(&self) -> u32 {
        self.generations.front().map_or(self.next_number, |oldest| oldest.number)
    }

    /// The generations changed since they were last taken to be written: number and bytes.
    pub fn take_dirty(&mut self) -> Vec<(u32, Vec<u8>)> {
        let dirty = |generation: &mut Generation| std::mem::take(&mut generation.dirty);
        self.generations.iter_mut().filter_map(|of| dirty(of).then(|| (of.number, of.bytes()))).collect()
    }

    /// Takes the next generation of a memory that is being filled; they come in order.
    pub fn load(&mut self, number: u32, bytes: &[u8]) -> Result<(), GenerationError> {
        let generation = Generation::read(number, bytes)?;
        let last = self.generations.back();
        if last.is_some_and(|last| last.number >= number || last.day > generation.day) {
            return Err(GenerationError);
        }
        self.generations.push_back(generation);
        self.next_number = number.checked_add(1).ok_or(GenerationError)?;
        Ok(())
    }

    /// Fingerprints that are remembered.
    pub fn len(&self) -> usize {
        self.generations.iter().map(|generation| generation.fingerprints.len()).sum()
    }

    /// Nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of memory held.
    pub fn byte_count(&self) -> usize {
        self.generations.iter().map(|generation| generation.fingerprints.allocation_size()).sum()
    }
}

impl Generation {
    fn contains(&self, fingerprint: u128) -> bool {
        self.fingerprints.find(hash(fingerprint), |other| *other == fingerprint).is_some()
    }

    /// `[day of recording: u16]`, then the fingerprints in ascending order, 16 bytes each, all little-endian.
    fn bytes(&self) -> Vec<u8> {
        let mut fingerprints: Vec<u128> = self.fingerprints.iter().copied().collect();
        fingerprints.sort_unstable();
        let mut bytes = self.day.code().to_le_bytes().to_vec();
        bytes.extend(fingerprints.into_iter().flat_map(u128::to_le_bytes));
        bytes
    }

    fn read(number: u32, bytes: &[u8]) -> Result<Self, GenerationError> {
        let mut reader = Reader::new(bytes);
        let day = ActiveDay::from_code(reader.u16()?);
        let mut fingerprints = HashTable::with_capacity(reader.rest().len() / 16);
        let mut before = None;
        while !reader.is_empty() {
            let fingerprint = u128::from_le_bytes(reader.array()?);
            if before.is_some_and(|before| before >= fingerprint) {
                return Err(GenerationError);
            }
            before = Some(fingerprint);
            fingerprints.insert_unique(hash(fingerprint), fingerprint, |fingerprint| hash(*fingerprint));
        }
        if fingerprints.is_empty() || fingerprints.len() > SEEN_GENERATION_MAX {
            return Err(GenerationError);
        }
        Ok(Self { number, day, fingerprints, dirty: false })
    }
}

/// A session, as the fold takes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Session {
    pub app: Option<AppIndex>,
    pub day: ActiveDay,
    pub hour: u8,
    pub fingerprint: u128,
}

impl Shard {
    /// Counts a session once, in its app and in the workspace.
    pub(crate) fn count_session(
        &mut self,
        session: Session,
        stamp: Stamp,
        rows: &mut RowChanges,
        seen: &mut Vec<u128>,
    ) {
        if !self.see(session.fingerprint, stamp.recorded, seen) {
            return;
        }
        let (cause, bucket) = (stamp.cause_of(session.day), Bucket::of_hour(session.hour));
        for scope in session.app.map(Scope::App).into_iter().chain([Scope::Workspace]) {
            rows.note(Measure::Sessions.of(scope), cause, session.day, bucket, 1);
        }
    }

    /// Counts a user who removed an app: once a day in the app, and once a day in the workspace.
    pub(crate) fn count_uninstall(
        &mut self,
        (profile, app, day): (ProfileKey, Option<AppIndex>, ActiveDay),
        stamp: Stamp,
        rows: &mut RowChanges,
        seen: &mut Vec<u128>,
    ) {
        for scope in app.map(Scope::App).into_iter().chain([Scope::Workspace]) {
            if self.see(uninstall_fingerprint(profile, scope, day), stamp.recorded, seen) {
                rows.note(Measure::Uninstalls.of(scope), stamp.cause_of(day), day, Bucket::ONLY, 1);
            }
        }
    }

    /// Whether it was not seen before; then it must be remembered.
    fn see(&mut self, fingerprint: u128, recorded: ActiveDay, seen: &mut Vec<u128>) -> bool {
        let is_new = self.seen_mut().insert(fingerprint, recorded);
        if is_new {
            seen.push(fingerprint);
        }
        is_new
    }
}

/// The profile's key is a keyed hash; scope and day are told apart in its low bits. Two of n users collide as rarely as
/// their keys in all but 33 bits: below n² / 2⁹⁶.
fn uninstall_fingerprint(profile: ProfileKey, scope: Scope, day: ActiveDay) -> u128 {
    profile.to_u128() ^ (1 << 32 | u128::from(scope.code()) << 16 | u128::from(day.code()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(code: u16) -> ActiveDay {
        ActiveDay::from_code(code)
    }

    fn restored(seen: &Seen) -> Seen {
        let mut restored = Seen::default();
        for generation in &seen.generations {
            restored.load(generation.number, &generation.bytes()).unwrap();
        }
        restored
    }

    #[test]
    fn it_remembers_seven_days_of_recording() {
        let mut seen = Seen::default();
        assert!(seen.insert(1, day(100)));
        assert!(!seen.insert(1, day(106)), "six days later it is known");
        assert!(seen.insert(2, day(106)));
        assert!(!seen.insert(1, day(106)), "and the first day is still there");
        assert_eq!(seen.oldest(), 0);
        assert!(seen.insert(3, day(107)), "a seventh day later");
        assert_eq!((seen.oldest(), seen.len()), (1, 2));
        assert!(seen.insert(1, day(107)), "it is forgotten");
        assert!(seen.insert(4, day(90)), "a day that goes backwards");
        assert!(!restored(&seen).insert(4, day(107)));
        assert_eq!(seen.take_dirty().iter().map(|(number, _)| *number).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(seen.take_dirty(), []);
    }

    #[test]
    fn it_remembers_a_bounded_number() {
        let mut seen = Seen::default();
        let spread = |index: usize| (index as u128).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        for index in 0..SEEN_MAX {
            assert!(seen.insert(spread(index), day(100)));
        }
        assert_eq!((seen.len(), seen.oldest()), (SEEN_MAX, 0));
        assert!(!seen.insert(spread(0), day(100)));
        assert!(seen.insert(spread(SEEN_MAX), day(100)));
        assert_eq!((seen.len(), seen.oldest()), (SEEN_MAX - SEEN_GENERATION_MAX + 1, 1));
        assert!(!seen.insert(spread(SEEN_GENERATION_MAX), day(100)));
        assert!(seen.insert(spread(0), day(100)));
        assert!(seen.byte_count() < 9_000_000, "{}", seen.byte_count());
    }

    #[test]
    fn parts_are_united_in_the_order_of_their_days() {
        let mut parts = [Seen::default(), Seen::default()];
        for (fingerprint, number) in (1..=8).zip(100..) {
            assert!(parts[usize::try_from(fingerprint % 2).unwrap()].insert(fingerprint, day(number)));
        }
        let mut united = Seen::united(&[&parts[0], &parts[1]], &|fingerprint| fingerprint != 5);
        let days: Vec<_> = united.generations.iter().map(|generation| (generation.number, generation.day)).collect();
        assert_eq!(days, [(1, day(101)), (2, day(102)), (3, day(103)), (4, day(105)), (5, day(106)), (6, day(107))]);
        assert_eq!(united.take_dirty().len(), 6);
        for fingerprint in 1..=8 {
            assert_eq!(united.insert(fingerprint, day(107)), [1, 5].contains(&fingerprint), "{fingerprint}");
        }
    }

    #[test]
    fn golden_bytes() {
        let mut seen = Seen::default();
        seen.insert(258, day(0x0304));
        seen.insert(1, day(0x0304));
        let mut expected = vec![4, 3, 1];
        expected.extend([0; 15]);
        expected.extend([2, 1]);
        expected.extend([0; 14]);
        assert_eq!(seen.take_dirty(), [(0, expected.clone())]);
        let mut other = Seen::default();
        other.load(5, &expected).unwrap();
        assert_eq!(other.load(5, &expected), Err(GenerationError), "a number twice");
        for (bytes, why) in [(&expected[..17], "cut"), (&expected[..2], "empty"), (&[][..], "no day")] {
            assert_eq!(other.load(6, bytes), Err(GenerationError), "{why}");
        }
        let backwards = [&expected[..2], &expected[18..], &expected[2..18]].concat();
        assert_eq!(other.load(6, &backwards), Err(GenerationError), "out of order");
    }
}
