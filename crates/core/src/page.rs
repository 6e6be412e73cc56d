use dauphin_model::{ActiveDay, ProfileKey};

use crate::calendar::Calendars;
use crate::row::RowChanges;
use crate::shard::{Arrival, Change, PAGE_PROFILES, Shard, Stamp};
use crate::varint::{Reader, Truncated, write_varint};

/// Changes of the log that are applied together: enough that what is looked up for one does not hold up the next.
const REPLAYED_MAX: usize = 4096;

/// Why bytes are no page of a shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageError {
    /// Cut, or a number out of range, or bytes left over.
    Malformed,
    /// Calendars that are none.
    Calendars(ProfileKey),
    /// A profile that stands twice in one page.
    Duplicate(ProfileKey),
    /// Pages must be loaded in order, each full before the next.
    OutOfOrder,
}

impl From<Truncated> for PageError {
    fn from(Truncated: Truncated) -> Self {
        Self::Malformed
    }
}

impl Shard {
    /// Appends the page to `out` and takes it as written:
    /// `[slot count: varint]`, then for each slot `[key: 16 bytes][0: varint][calendar byte count: varint][calendars]`.
    /// A free slot has the key 0 and no calendars.
    pub fn write_page(&mut self, page: usize, out: &mut Vec<u8>) {
        let records = self.records(page * PAGE_PROFILES..(page + 1) * PAGE_PROFILES);
        write_varint(out, records.len() as u64);
        for (key, calendars) in records {
            out.extend_from_slice(&key.to_u128().to_le_bytes());
            write_varint(out, 0);
            write_varint(out, calendars.len() as u64);
            out.extend_from_slice(calendars);
        }
        self.dirty_mut()[page] = false;
    }

    /// Takes the next page of a shard that is being restored; pages come in order. `sequence` is the log record up to
    /// which the page was complete when it was written.
    pub fn load_page(&mut self, page: usize, bytes: &[u8], sequence: u64) -> Result<(), PageError> {
        if page * PAGE_PROFILES != self.slot_count() as usize {
            return Err(PageError::OutOfOrder);
        }
        let mut reader = Reader::new(bytes);
        let count = reader.number::<usize>()?;
        if count == 0 || count > PAGE_PROFILES {
            return Err(PageError::Malformed);
        }
        self.page_sequences.push(sequence);
        self.page_sequence_max = self.page_sequence_max.max(sequence);
        for _ in 0..count {
            let key = ProfileKey::from_u128(u128::from_le_bytes(reader.array()?));
            let reserved = reader.number::<u32>()?;
            let byte_count = reader.number::<usize>()?;
            let calendars = reader.bytes(byte_count)?;
            if reserved != 0 {
                return Err(PageError::Malformed);
            }
            Calendars::checked(calendars).map_err(|_| PageError::Calendars(key))?;
            self.restore_slot(key, calendars, sequence)?;
        }
        self.dirty_mut()[page] = false;
        self.restored_slot_count = self.slot_count();
        if reader.is_empty() { Ok(()) } else { Err(PageError::Malformed) }
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

    /// Takes out again what the log says left. If it came back before its page was written, the log has what came back.
    pub fn replay_left(&mut self, profile: ProfileKey) {
        self.apply_replayed();
        self.take_out(profile);
    }

    /// Nothing more is replayed: free slots may be filled.
    pub fn restored(&mut self) {
        self.apply_replayed();
        self.page_sequences = Vec::new();
        self.replayed = Vec::new();
    }
}
