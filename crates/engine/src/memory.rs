use std::sync::atomic::{AtomicUsize, Ordering};

use dauphin_core::{GapRow, Ledger};

/// How many bytes of memory the state takes, and how many it may take.
#[derive(Debug)]
pub(crate) struct Memory {
    byte_count_max: usize,
    of_shards: AtomicUsize,
    of_rows: AtomicUsize,
}

impl Memory {
    /// Nothing taken yet.
    pub const fn new(byte_count_max: usize) -> Self {
        Self { byte_count_max, of_shards: AtomicUsize::new(0), of_rows: AtomicUsize::new(0) }
    }

    pub const fn byte_count_max(&self) -> usize {
        self.byte_count_max
    }

    /// Bytes of profiles, calendars and rows.
    pub fn byte_count(&self) -> usize {
        self.of_shards.load(Ordering::Relaxed) + self.of_rows.load(Ordering::Relaxed)
    }

    /// Nothing more may come in that takes memory.
    pub fn is_full(&self) -> bool {
        self.byte_count() >= self.byte_count_max
    }

    /// A shard that took `before` takes `after` now.
    pub fn change_shard(&self, before: usize, after: usize) {
        // Addition wraps around, so it subtracts as well.
        self.of_shards.fetch_add(after.wrapping_sub(before), Ordering::Relaxed);
    }

    /// What the rows take, in their parts and as the sums that readers take.
    pub fn set_rows(&self, ledgers: &[Ledger]) {
        let of_ledger = |ledger: &Ledger| ledger.byte_count() + ledger.row_count() * size_of::<GapRow>();
        self.of_rows.store(ledgers.iter().map(of_ledger).sum(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::Memory;

    #[test]
    fn it_is_full_when_all_is_taken() {
        let memory = Memory::new(100);
        memory.change_shard(0, 60);
        memory.change_shard(0, 39);
        assert!(!memory.is_full());
        memory.change_shard(60, 61);
        assert!(memory.is_full());
        memory.change_shard(61, 10);
        assert_eq!((memory.byte_count(), memory.is_full()), (49, false));
    }
}
