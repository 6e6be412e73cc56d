use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use dauphin_core::{Ledger, Move, PAGE_PROFILES, Shard};
use dauphin_model::WorkspaceIndex;
use dauphin_model::limits::SHARD_COUNT;
use dauphin_store::{KeyRange, Store, Table};

use super::{RestoreError, each_record};
use crate::memory::Memory;
use crate::record::{
    LogEntry, LogRecord, Malformed, PageKey, SeenKey, log_sequence, page_profile_count, read_identity_value,
    split_identity_key, split_page_value,
};

/// How much there is to hold, and how much of it fits.
pub(super) struct Room {
    /// About how many profiles the pages of each shard hold.
    profile_counts: BTreeMap<(WorkspaceIndex, u8), usize>,
    memory: Memory,
    /// Profiles taken so far, by all threads.
    profile_count: AtomicUsize,
}

impl Room {
    /// Looks at the last page of every shard: pages are so many that each is full on average.
    pub fn new(store: &dyn Store, workspaces: &[WorkspaceIndex], memory: Memory) -> Result<Self, RestoreError> {
        let mut profile_counts = BTreeMap::new();
        let mut sum = 0_usize;
        for (workspace, shard) in workspaces.iter().flat_map(|of| (0..SHARD_COUNT).map(|shard| (*of, shard))) {
            let keys = KeyRange::prefix(PageKey::prefix(workspace, shard));
            let Some((key, value)) = store.last(Table::Page, &keys)? else { continue };
            let count = profiles_until(&key, &value).map_err(|Malformed| RestoreError::Malformed(Table::Page))?;
            sum = sum.saturating_add(count);
            profile_counts.insert((workspace, shard), count);
        }
        // Nobody reserves memory for profiles that were forgotten, or because a damaged key says so.
        if (sum as u64).saturating_mul(PROFILE_BYTES_MIN) > store.byte_count()? {
            profile_counts.clear();
        }
        Ok(Self { profile_counts, memory, profile_count: AtomicUsize::new(0) })
    }

    pub fn take_rows(&self, ledgers: &[Ledger]) -> Result<(), RestoreError> {
        self.memory.set_rows(ledgers);
        self.check()
    }

    fn check(&self) -> Result<(), RestoreError> {
        let (byte_count, byte_count_max) = (self.memory.byte_count(), self.memory.byte_count_max());
        // What came in while there was room is let in again, though it may lie less closely now: tables grow by doubling.
        if byte_count - byte_count / 9 <= byte_count_max {
            return Ok(());
        }
        let taken = self.profile_count.load(Ordering::Relaxed);
        let share = byte_count_max as u128 * taken as u128 / byte_count as u128;
        Err(RestoreError::TooLarge {
            profile_count: self.profile_counts.values().sum::<usize>().max(taken),
            profile_count_max: usize::try_from(share).unwrap_or(taken),
            byte_count_max,
        })
    }
}

/// A profile takes at least its key and a byte of a page.
const PROFILE_BYTES_MIN: u64 = 17;

/// About how many profiles a shard has whose last page this is: more than fill the pages before it, unless some were
/// forgotten.
fn profiles_until(key: &[u8], value: &[u8]) -> Result<usize, Malformed> {
    match PageKey::from_bytes(key)?.page as usize {
        0 => page_profile_count(value),
        page => page.checked_mul(PAGE_PROFILES).ok_or(Malformed),
    }
}

/// Reads shards, each thread its own: their pages, then what the log has beyond them, then who is who.
#[derive(Clone, Copy)]
pub(super) struct ShardReader<'a> {
    pub store: &'a dyn Store,
    pub workspaces: &'a [WorkspaceIndex],
    pub room: &'a Room,
    pub thread_count: u8,
}

/// The shards of one thread.
pub(super) struct ShardsRead<'a> {
    pub shards: BTreeMap<(WorkspaceIndex, u8), Shard>,
    pub last_sequence: u64,
    /// The log record up to which what each shard has seen is complete.
    seen_sequences: BTreeMap<(WorkspaceIndex, u8), u64>,
    room: &'a Room,
    /// What the room was told last: bytes and profiles.
    told: (usize, usize),
    /// Profiles and changes taken since.
    untold: usize,
}

/// So many profiles or changes are taken before the room is told.
const UNTOLD_MAX: usize = 1 << 16;

impl<'a> ShardReader<'a> {
    pub fn read(self, thread: u8) -> Result<ShardsRead<'a>, RestoreError> {
        let mut read = ShardsRead {
            shards: BTreeMap::new(),
            last_sequence: 0,
            seen_sequences: BTreeMap::new(),
            room: self.room,
            told: (0, 0),
            untold: 0,
        };
        let mine = |shard: u8| shard % self.thread_count == thread;
        for workspace in self.workspaces {
            for shard in (0..SHARD_COUNT).filter(|shard| mine(*shard)) {
                self.read_pages(*workspace, shard, &mut read)?;
            }
        }
        each_record(self.store, Table::Log, &KeyRange::all(), &mut |key, value| {
            let sequence = log_sequence(key)?;
            LogRecord::read(value, &|shard| shard.is_some_and(mine), &mut |entry| {
                read.replay(sequence, self.workspaces, entry)
            })?;
            Ok(read.tell_sometimes()?)
        })?;
        read.shards.values_mut().for_each(Shard::restored);
        for workspace in self.workspaces {
            let keys = KeyRange::prefix(workspace.0.to_be_bytes());
            each_record(self.store, Table::Identity, &keys, &mut |key, value| {
                read.take_identity(*workspace, &mine, key, value)?;
                Ok(read.tell_sometimes()?)
            })?;
        }
        read.tell()?;
        Ok(read)
    }

    fn read_pages(&self, workspace: WorkspaceIndex, number: u8, read: &mut ShardsRead<'_>) -> Result<(), RestoreError> {
        if let Some(count) = self.room.profile_counts.get(&(workspace, number)) {
            read.shard(workspace, number).reserve(*count);
        }
        let keys = KeyRange::prefix(PageKey::prefix(workspace, number));
        each_record(self.store, Table::Page, &keys, &mut |key, value| {
            read.take_page(key, value)?;
            Ok(read.tell_sometimes()?)
        })?;
        let keys = KeyRange::prefix(SeenKey::prefix(workspace, number));
        each_record(self.store, Table::Seen, &keys, &mut |key, value| Ok(read.take_seen(key, value)?))
    }
}

impl ShardsRead<'_> {
    fn shard(&mut self, workspace: WorkspaceIndex, number: u8) -> &mut Shard {
        self.shards.entry((workspace, number)).or_default()
    }

    fn tell_sometimes(&mut self) -> Result<(), RestoreError> {
        if self.untold < UNTOLD_MAX { Ok(()) } else { self.tell() }
    }

    /// Tells the room how much is taken, and ends when that is too much.
    fn tell(&mut self) -> Result<(), RestoreError> {
        self.untold = 0;
        let sizes = self.shards.values().map(|shard| (shard.byte_count(), shard.profile_count()));
        let sum = sizes.fold((0, 0), |sum, of| (sum.0 + of.0, sum.1 + of.1));
        let before = std::mem::replace(&mut self.told, sum);
        self.room.memory.change_shard(before.0, sum.0);
        // Addition wraps around: there may be fewer.
        self.room.profile_count.fetch_add(sum.1.wrapping_sub(before.1), Ordering::Relaxed);
        self.room.check()
    }

    fn take_page(&mut self, key: &[u8], value: &[u8]) -> Result<(), Malformed> {
        let key = PageKey::from_bytes(key)?;
        let (sequence, page) = split_page_value(value)?;
        self.shard(key.workspace, key.shard).load_page(key.page as usize, page, sequence).map_err(|_| Malformed)?;
        self.last_sequence = self.last_sequence.max(sequence);
        self.untold += PAGE_PROFILES;
        Ok(())
    }

    fn take_seen(&mut self, key: &[u8], value: &[u8]) -> Result<(), Malformed> {
        let key = SeenKey::from_bytes(key)?;
        let (sequence, generation) = split_page_value(value)?;
        let seen = self.shard(key.workspace, key.shard).seen_mut();
        seen.load(key.generation, generation).map_err(|_| Malformed)?;
        // Only the last one grows, so it was written with the latest record.
        self.seen_sequences.insert((key.workspace, key.shard), sequence);
        self.last_sequence = self.last_sequence.max(sequence);
        Ok(())
    }

    /// Makes again what the pages do not hold yet.
    fn replay(&mut self, sequence: u64, workspaces: &[WorkspaceIndex], entry: LogEntry) -> Result<(), Malformed> {
        let (workspace, number) = match &entry {
            LogEntry::Rows { .. } => return Ok(()),
            LogEntry::Changes { workspace, shard, .. }
            | LogEntry::Seen { workspace, shard, .. }
            | LogEntry::Move { workspace, moved: Move::Arrived { shard, .. } | Move::Left { shard, .. } } => {
                (*workspace, *shard)
            }
        };
        if !workspaces.contains(&workspace) {
            return Err(Malformed);
        }
        let held = self.seen_sequences.get(&(workspace, number)).copied().unwrap_or(0);
        let shard = self.shards.entry((workspace, number)).or_default();
        self.untold += 1;
        match entry {
            LogEntry::Rows { .. } => {}
            LogEntry::Changes { changes, .. } => {
                self.untold += changes.len();
                changes.iter().for_each(|change| shard.replay(change, sequence));
            }
            LogEntry::Move { moved: Move::Arrived { profile, calendars, .. }, .. } => {
                shard.replay_arrived(profile, &calendars, sequence).map_err(|_| Malformed)?;
            }
            LogEntry::Move { moved: Move::Left { profile, .. }, .. } => shard.replay_left(profile, sequence),
            LogEntry::Seen { recorded, fingerprints, .. } => {
                for fingerprint in fingerprints.into_iter().filter(|_| sequence > held) {
                    // A generation may hold more than its sequence says: then this changes nothing.
                    shard.seen_mut().insert(fingerprint, recorded);
                }
            }
        }
        Ok(())
    }

    /// Puts back who a profile is: what its own shard knows of it, and the shard in which it lives. Every calendar of
    /// either is in place already.
    fn take_identity(
        &mut self,
        workspace: WorkspaceIndex,
        mine: &dyn Fn(u8) -> bool,
        key: &[u8],
        value: &[u8],
    ) -> Result<(), Malformed> {
        let (_, profile) = split_identity_key(key)?;
        let record = read_identity_value(value)?;
        if mine(profile.shard()) {
            self.shard(workspace, profile.shard()).restore_home(profile, record);
        }
        if mine(record.home) {
            self.shard(workspace, record.home).restore_identity(profile, record);
            self.untold += 1;
        }
        Ok(())
    }
}
