use dauphin_model::{ActiveDay, ProfileKey};

use crate::calendar::Calendars;
use crate::linear;
use crate::row::RowChanges;
use crate::shard::{Arrival, Change, Shard, Stamp};
use crate::varint::{Reader, Truncated, write_varint};

/// Profiles in one page, on average. A page is the unit in which a shard is written to the store: large enough that
/// reading is sequential, small enough that a page of busy profiles stays far below a mebibyte.
pub const PAGE_PROFILES: usize = 1024;

/// Four million pages hold more profiles than memory does, and a wrong number cannot ask for more than their marks take.
const LEVEL_MAX: u32 = 22;
/// Changes of the log that are applied together: enough that what is looked up for one does not hold up the next.
const REPLAYED_MAX: usize = 4096;

/// Why bytes are no page of a shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageError {
    /// Cut, or a number out of range, or bytes left over.
    Malformed,
    /// Calendars that are none.
    Calendars(ProfileKey),
    /// A profile that stands twice in one page, or does not belong in it.
    Misplaced(ProfileKey),
    /// Pages must be loaded in order.
    OutOfOrder,
}

impl From<Truncated> for PageError {
    fn from(Truncated: Truncated) -> Self {
        Self::Malformed
    }
}

/// How a shard is cut into pages, by linear hashing, and what must be written of them.
///
/// When a page comes, half of what another holds is its own from then on. In the store the other may still hold that half:
/// so a page that was never written is written before any other is written again, and of two pages in the store that both
/// cover a profile, the one with the higher number is right.
#[derive(Default)]
pub(crate) struct Pages {
    /// Of each page, whether it changed since it was last written.
    dirty: Vec<bool>,
    /// Pages that the store does not have, in order.
    unwritten: Vec<usize>,
    /// Of each page the store had, while it is restored.
    loaded: Vec<Option<Loaded>>,
    /// The latest sequence of them.
    sequence_max: u64,
}

/// A page as the store had it.
#[derive(Clone, Copy)]
struct Loaded {
    level: u32,
    /// The log record up to which it was complete when it was written.
    sequence: u64,
}

impl Pages {
    /// Profiles are spread over so many pages that each holds [`PAGE_PROFILES`] on average.
    pub fn grow_to(&mut self, profile_count: usize) {
        while profile_count > self.dirty.len() * PAGE_PROFILES {
            let new = self.dirty.len();
            self.dirty.push(true);
            self.unwritten.push(new);
            if new > 0 {
                self.dirty[linear::parent(new)] = true;
            }
        }
    }

    /// The profile's page changed.
    #[inline]
    pub fn touch(&mut self, profile: ProfileKey) {
        if !self.dirty.is_empty() {
            let page = linear::address(profile.low(), self.dirty.len());
            self.dirty[page] = true;
        }
    }

    /// The store had a page, but none of those between it and the one loaded before.
    fn take_loaded(&mut self, page: usize, loaded: Loaded) {
        self.unwritten.extend(self.dirty.len()..page);
        self.dirty.resize(page, true);
        self.dirty.push(false);
        self.loaded.resize(page, None);
        self.loaded.push(Some(loaded));
        self.sequence_max = self.sequence_max.max(loaded.sequence);
    }

    /// The sequence of the page that held what the store knew of the profile.
    fn sequence_of(&self, profile: ProfileKey) -> Option<u64> {
        let levels = usize::BITS - self.loaded.len().leading_zeros();
        (0..=levels).rev().find_map(|level| {
            let page = usize::try_from(profile.low() & ((1 << level) - 1)).ok()?;
            let loaded = (*self.loaded.get(page)?)?;
            (loaded.level == level).then_some(loaded.sequence)
        })
    }
}

impl Shard {
    /// Number of pages.
    pub const fn page_count(&self) -> usize {
        self.pages.dirty.len()
    }

    /// The page that a sweep is to write next: one that the store does not have, or the next one down from `below` that
    /// changed since it was last written. The sweep has then come down to it.
    pub fn next_page(&self, below: &mut usize) -> Option<usize> {
        if let Some(unwritten) = self.pages.unwritten.last() {
            return Some(*unwritten);
        }
        let next = (0..self.page_count().min(*below)).rev().find(|page| self.pages.dirty[*page]);
        *below = next.unwrap_or(0);
        next
    }

    /// Appends the page to `out` and takes it as written:
    /// `[level: u8][profile count: varint]`, then for each profile `[key: 16 bytes][calendar byte count: varint][calendars]`.
    /// The page covers the keys whose low bits, as many as the level says, are its number.
    pub fn write_page(&mut self, page: usize, out: &mut Vec<u8>) {
        let level = linear::level(page, self.page_count());
        let profiles = || self.profiles().of_hash(page, level);
        out.push(u8::try_from(level).expect("a level counts bits"));
        write_varint(out, profiles().count() as u64);
        let mut bytes = Vec::new();
        for (key, calendars) in profiles() {
            bytes.clear();
            calendars.write_to(&mut bytes);
            out.extend_from_slice(&key.to_u128().to_le_bytes());
            write_varint(out, bytes.len() as u64);
            out.extend_from_slice(&bytes);
        }
        self.pages.dirty[page] = false;
        self.pages.unwritten.retain(|unwritten| *unwritten != page);
    }

    /// Takes a page of a shard that is being restored; pages come in order. `sequence` is the log record up to which the
    /// page was complete when it was written.
    pub fn load_page(&mut self, page: usize, bytes: &[u8], sequence: u64) -> Result<(), PageError> {
        let mut reader = Reader::new(bytes);
        let level = u32::from(reader.u8()?);
        if page < self.pages.loaded.len() {
            return Err(PageError::OutOfOrder);
        }
        if level > LEVEL_MAX || page >> level != 0 {
            return Err(PageError::Malformed);
        }
        self.pages.take_loaded(page, Loaded { level, sequence });
        self.drop_covered(page, level);
        let count = reader.number::<usize>()?;
        // No more than there can be in so many bytes.
        let mut profiles = Vec::with_capacity(count.min(reader.rest().len() / size_of::<ProfileKey>()));
        for _ in 0..count {
            let key = ProfileKey::from_u128(u128::from_le_bytes(reader.array()?));
            let byte_count = reader.number::<usize>()?;
            let calendars = reader.bytes(byte_count)?;
            Calendars::checked(calendars).map_err(|_| PageError::Calendars(key))?;
            if !linear::covers(page, level, key.low()) {
                return Err(PageError::Misplaced(key));
            }
            profiles.push((key, calendars));
        }
        self.profiles_mut().add_all(&profiles).map_err(PageError::Misplaced)?;
        if reader.is_empty() { Ok(()) } else { Err(PageError::Malformed) }
    }

    /// Takes out what pages before said of the profiles that this one covers.
    fn drop_covered(&mut self, page: usize, level: u32) {
        let stale: Vec<_> = self.profiles().of_hash(page, level).map(|(key, _)| key).collect();
        for key in stale {
            let spot = self.profiles().find(key).expect("it was met a moment ago");
            self.profiles_mut().remove(spot);
        }
    }

    /// Whether a page held what became of the profile up to the log record `sequence`.
    fn holds(&self, profile: ProfileKey, sequence: u64) -> bool {
        sequence <= self.pages.sequence_max && self.pages.sequence_of(profile).is_some_and(|held| sequence <= held)
    }

    /// Applies again what the log says happened to a profile, unless a page holds it already; at the latest when
    /// something else than this is done.
    pub fn replay(&mut self, change: &Change, sequence: u64) {
        if !self.holds(change.profile(), sequence) {
            self.replayed.push(*change);
        }
        if self.replayed.len() >= REPLAYED_MAX {
            self.apply_replayed();
        }
    }

    fn apply_replayed(&mut self) {
        let mut changes = std::mem::take(&mut self.replayed);
        // The rows have these changes already, so what they would change is dropped.
        let mut rows = RowChanges::new();
        let stamp = Stamp { recorded: ActiveDay::from_code(0), arrival: Arrival::Sent };
        self.apply_all(&changes, stamp, &mut rows);
        changes.clear();
        self.replayed = changes;
    }

    /// Puts again what the log says arrived, unless a page holds it already.
    pub fn replay_arrived(&mut self, profile: ProfileKey, calendars: &[u8], sequence: u64) -> Result<(), PageError> {
        Calendars::checked(calendars).map_err(|_| PageError::Calendars(profile))?;
        self.apply_replayed();
        if !self.holds(profile, sequence) {
            self.put(profile, calendars);
        }
        Ok(())
    }

    /// Takes out again what the log says left, unless a page knows of it already.
    pub fn replay_left(&mut self, profile: ProfileKey, sequence: u64) {
        self.apply_replayed();
        if !self.holds(profile, sequence) {
            self.take_out(profile);
        }
    }

    /// Nothing more is replayed.
    pub fn restored(&mut self) {
        self.apply_replayed();
        self.pages.loaded = Vec::new();
        self.replayed = Vec::new();
    }
}
