use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::{Batch, Change, KeyRange, Record, Relay, Store, StoreError, Table, Visit};

type Records = BTreeMap<Vec<u8>, Vec<u8>>;
type Tables = BTreeMap<Table, Records>;

/// What a failed commit of a [`MemoryStore`] leaves on its disk. A real disk may leave either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailedCommit {
    /// Nothing of the batch.
    Lost,
    /// The whole batch.
    Kept,
}

/// What outlives a [`MemoryStore`], as a disk outlives a process. Clones are the same disk.
#[derive(Clone, Debug, Default)]
pub struct MemoryDisk {
    contents: Arc<Mutex<Contents>>,
}

#[derive(Debug, Default)]
struct Contents {
    /// Shared with running scans, so that they need no lock.
    tables: Arc<Tables>,
    relays: Vec<Relay>,
    replies: Vec<Vec<u8>>,
    commit_count: u64,
    fault: Option<(u64, FailedCommit)>,
}

impl MemoryDisk {
    /// An empty disk.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets one commit fail: the next for `nth` 0, the one after it for 1, and so on. `left` is what it leaves.
    pub fn fail_commit(&self, nth: u64, left: FailedCommit) {
        let mut contents = self.lock();
        contents.fault = Some((contents.commit_count + nth, left));
    }

    /// How many commits were tried, the failed one included; empty batches are not counted.
    pub fn commit_count(&self) -> u64 {
        self.lock().commit_count
    }

    /// The messages for partitions of all batches committed so far, in order.
    pub fn relays(&self) -> Vec<Relay> {
        self.lock().relays.clone()
    }

    /// The replies of all batches committed so far, in order.
    pub fn replies(&self) -> Vec<Vec<u8>> {
        self.lock().replies.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().expect("nothing panics while it holds the lock")
    }
}

/// Keeps records in memory, for tests: the store everything above is tested with, and that fails when told to.
///
/// ```
/// use dauphin_store::{Batch, FailedCommit, MemoryDisk, MemoryStore, Store, StoreError, Table, Visit};
///
/// let disk = MemoryDisk::new();
/// disk.fail_commit(0, FailedCommit::Lost);
/// let mut store = MemoryStore::open(&disk);
/// let mut batch = Batch::new();
/// batch.put(Table::Row, *b"key", *b"value");
/// assert!(store.commit(batch.clone()).is_err());
/// assert!(matches!(store.commit(batch.clone()), Err(StoreError::Failed)));
/// let mut store = MemoryStore::open(&disk);
/// store.commit(batch)?;
/// # Ok::<(), StoreError>(())
/// ```
#[derive(Debug)]
pub struct MemoryStore {
    disk: MemoryDisk,
    has_failed: bool,
}

impl MemoryStore {
    /// Opens what is on the disk.
    pub fn open(disk: &MemoryDisk) -> Self {
        Self { disk: disk.clone(), has_failed: false }
    }
}

impl Store for MemoryStore {
    fn scan(&self, table: Table, keys: &KeyRange, each: &mut Visit<'_>) -> Result<(), StoreError> {
        if self.has_failed {
            return Err(StoreError::Failed);
        }
        let tables = Arc::clone(&self.disk.lock().tables);
        if let Some(records) = tables.get(&table)
            && !keys.is_empty()
        {
            for (key, value) in records.range::<[u8], _>(keys.bounds()) {
                if each(key, value).is_break() {
                    break;
                }
            }
        }
        Ok(())
    }

    fn last(&self, table: Table, keys: &KeyRange) -> Result<Option<Record>, StoreError> {
        if self.has_failed {
            return Err(StoreError::Failed);
        }
        let tables = Arc::clone(&self.disk.lock().tables);
        let Some(records) = tables.get(&table).filter(|_| !keys.is_empty()) else { return Ok(None) };
        Ok(records.range::<[u8], _>(keys.bounds()).next_back().map(|(key, value)| (key.clone(), value.clone())))
    }

    fn commit(&mut self, batch: Batch) -> Result<(), StoreError> {
        if self.has_failed {
            return Err(StoreError::Failed);
        }
        batch.check()?;
        if batch.is_empty() {
            return Ok(());
        }
        let mut contents = self.disk.lock();
        let index = contents.commit_count;
        let fault = contents.fault.take_if(|(at, _)| *at == index);
        contents.commit_count += 1;
        if !matches!(fault, Some((_, FailedCommit::Lost))) {
            contents.relays.extend_from_slice(batch.relays());
            contents.replies.extend_from_slice(batch.replies());
            apply(Arc::make_mut(&mut contents.tables), batch);
        }
        if fault.is_some() {
            self.has_failed = true;
            let source = io::Error::other("the test asked for a failure");
            return Err(StoreError::Io { action: "commit to", path: Path::new("memory").to_owned(), source });
        }
        Ok(())
    }

    fn byte_count(&self) -> Result<u64, StoreError> {
        let tables = Arc::clone(&self.disk.lock().tables);
        let records = tables.values().flatten();
        Ok(records.map(|(key, value)| (key.len() + value.len()) as u64).sum())
    }

    fn close(self: Box<Self>) -> Result<(), StoreError> {
        if self.has_failed { Err(StoreError::Failed) } else { Ok(()) }
    }
}

fn apply(tables: &mut Tables, batch: Batch) {
    for change in batch.into_changes() {
        match change {
            Change::Put { table, key, value } => {
                tables.entry(table).or_default().insert(key, value);
            }
            Change::Remove { table, key } => {
                tables.entry(table).or_default().remove(&key);
            }
            Change::RemoveRange { table, keys } => {
                tables.entry(table).or_default().retain(|key, _| !keys.contains(key));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{FailedCommit, MemoryDisk, MemoryStore};
    use crate::conformance::{Subject, conforms};
    use crate::{Batch, Relay, Store, StoreError, VALUE_BYTE_COUNT_MAX};

    struct Memory {
        disk: MemoryDisk,
        left: FailedCommit,
    }

    impl Memory {
        fn new(left: FailedCommit) -> Self {
            Self { disk: MemoryDisk::new(), left }
        }
    }

    impl Subject for Memory {
        fn open(&mut self) -> Box<dyn Store> {
            Box::new(MemoryStore::open(&self.disk))
        }

        fn fail_next_commit(&mut self) {
            self.disk.fail_commit(0, self.left);
        }
    }

    mod losing_the_failed_commit {
        use super::*;
        conforms!(Memory::new(FailedCommit::Lost));
    }

    mod keeping_the_failed_commit {
        use super::*;
        conforms!(Memory::new(FailedCommit::Kept));
    }

    fn batch_of_a_cluster(number: u8) -> Batch {
        let mut batch = Batch::new();
        batch.relay(number.into(), [number]);
        batch.reply([number]);
        batch
    }

    #[test]
    fn what_is_of_a_cluster_is_kept_with_the_commit_it_came_in() {
        let disk = MemoryDisk::new();
        for number in 1..3 {
            MemoryStore::open(&disk).commit(batch_of_a_cluster(number)).unwrap();
        }
        let relay = |number: u8| Relay { partition: number.into(), value: vec![number] };
        assert_eq!((disk.relays(), disk.replies()), (vec![relay(1), relay(2)], vec![vec![1], vec![2]]));
        assert_eq!(disk.commit_count(), 2);
        for (left, count) in [(FailedCommit::Lost, 2), (FailedCommit::Kept, 3)] {
            disk.fail_commit(0, left);
            assert!(MemoryStore::open(&disk).commit(batch_of_a_cluster(4)).is_err());
            assert_eq!((disk.relays().len(), disk.replies().len()), (count, count), "{left:?}");
        }
    }

    #[test]
    fn a_message_over_the_limit_is_refused() {
        let disk = MemoryDisk::new();
        let mut store = MemoryStore::open(&disk);
        let mut too_large = [Batch::new(), Batch::new()];
        too_large[0].relay(0, vec![0; VALUE_BYTE_COUNT_MAX + 1]);
        too_large[1].reply(vec![0; VALUE_BYTE_COUNT_MAX + 1]);
        for batch in too_large {
            assert!(matches!(store.commit(batch), Err(StoreError::MessageTooLarge { .. })));
        }
        store.commit(batch_of_a_cluster(1)).unwrap();
        assert_eq!(disk.commit_count(), 1);
    }
}
