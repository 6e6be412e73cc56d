use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dauphin_core::Shard;
use dauphin_model::WorkspaceIndex;
use dauphin_model::limits::SHARD_COUNT;

use crate::EngineError;
use crate::memory::Memory;

/// Every shard of every workspace. Each is folded into by one thread; a change of who is who may hold them all, which is
/// why each has a lock, free but then.
///
/// Whoever changes a shard hands the result to the committer before letting go of it: so the committer meets the changes
/// of a shard in the order they were made. The committer takes no lock.
pub(crate) struct Shards {
    workspaces: Mutex<BTreeMap<WorkspaceIndex, Arc<WorkspaceShards>>>,
    memory: Arc<Memory>,
}

/// The shards of one workspace, by number.
pub(crate) struct WorkspaceShards {
    cells: [Cell; SHARD_COUNT as usize],
    memory: Arc<Memory>,
}

/// A shard, and sizes that are read without its lock.
#[derive(Default)]
struct Cell {
    shard: Mutex<Shard>,
    byte_count: AtomicUsize,
    profile_count: AtomicUsize,
}

/// A shard held. Its sizes are told when it is let go.
pub(crate) struct HeldShard<'a> {
    cell: &'a Cell,
    memory: &'a Memory,
    guard: MutexGuard<'a, Shard>,
}

impl Shards {
    /// Those that were restored.
    pub fn new(restored: BTreeMap<(WorkspaceIndex, u8), Shard>, memory: Memory) -> Arc<Self> {
        let shards = Self { workspaces: Mutex::default(), memory: Arc::new(memory) };
        for ((workspace, number), shard) in restored {
            *shards.of(workspace).hold(number) = shard;
        }
        Arc::new(shards)
    }

    /// The shards of a workspace; empty ones if nothing happened in it yet.
    pub fn of(&self, workspace: WorkspaceIndex) -> Arc<WorkspaceShards> {
        let mut workspaces = self.workspaces.lock().unwrap_or_else(PoisonError::into_inner);
        let cells = || std::array::from_fn(|_| Cell::default());
        let new = || Arc::new(WorkspaceShards { cells: cells(), memory: Arc::clone(&self.memory) });
        Arc::clone(workspaces.entry(workspace).or_insert_with(new))
    }

    /// Every workspace in which something happened.
    pub fn all(&self) -> Vec<(WorkspaceIndex, Arc<WorkspaceShards>)> {
        let workspaces = self.workspaces.lock().unwrap_or_else(PoisonError::into_inner);
        workspaces.iter().map(|(workspace, shards)| (*workspace, Arc::clone(shards))).collect()
    }

    /// What everything takes together.
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// That nothing more may come in, if so.
    pub fn full(&self) -> Option<EngineError> {
        let byte_count_max = self.memory.byte_count_max();
        self.memory.is_full().then(|| EngineError::MemoryFull { profile_count: self.sizes().1, byte_count_max })
    }

    /// Bytes of memory, and profiles.
    pub fn sizes(&self) -> (usize, usize) {
        let mut sizes = (0, 0);
        for (_, shards) in self.all() {
            for cell in &shards.cells {
                sizes.0 += cell.byte_count.load(Ordering::Relaxed);
                sizes.1 += cell.profile_count.load(Ordering::Relaxed);
            }
        }
        sizes
    }
}

impl WorkspaceShards {
    /// Holds one shard.
    pub fn hold(&self, number: u8) -> HeldShard<'_> {
        let cell = &self.cells[usize::from(number)];
        // A thread that panicked while it held a shard ended the process's trust in it; see `Threads`.
        HeldShard { cell, memory: &self.memory, guard: cell.shard.lock().unwrap_or_else(PoisonError::into_inner) }
    }

    /// Holds all of them, in order: two that do so wait for each other, and never both.
    pub fn hold_all(&self) -> Vec<HeldShard<'_>> {
        (0..SHARD_COUNT).map(|number| self.hold(number)).collect()
    }
}

impl std::ops::Deref for HeldShard<'_> {
    type Target = Shard;

    fn deref(&self) -> &Shard {
        &self.guard
    }
}

impl std::ops::DerefMut for HeldShard<'_> {
    fn deref_mut(&mut self) -> &mut Shard {
        &mut self.guard
    }
}

impl Drop for HeldShard<'_> {
    fn drop(&mut self) {
        let byte_count = self.guard.byte_count();
        self.memory.change_shard(self.cell.byte_count.swap(byte_count, Ordering::Relaxed), byte_count);
        self.cell.profile_count.store(self.guard.profile_count(), Ordering::Relaxed);
    }
}
