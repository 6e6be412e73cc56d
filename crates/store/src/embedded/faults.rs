//! The embedded store over disks that fail: the contract, and every crash.

use std::cell::Cell;
use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use proptest::collection::vec;
use proptest::prelude::*;
use redb::StorageBackend;
use redb::backends::FileBackend;
use tempfile::TempDir;

use super::directory::Directory;
use super::overlay::Overlay;
use super::simulated_disk::{Fault, SimulatedDisk};
use super::{Access, Embedded};
use crate::conformance::{Contents, Subject, conforms, contents};
use crate::{Batch, Change, KeyRange, MemoryDisk, MemoryStore, Store, StoreError, Table};

/// A file whose next sync can be made to fail.
#[derive(Debug)]
struct FailingFile {
    file: FileBackend,
    sync_fails: Arc<AtomicBool>,
}

impl StorageBackend for FailingFile {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, byte_count: u64) -> io::Result<()> {
        self.file.set_len(byte_count)
    }

    fn sync_data(&self) -> io::Result<()> {
        if self.sync_fails.swap(false, Ordering::SeqCst) {
            return Err(io::Error::other("the test asked for a failure"));
        }
        self.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.file.write(offset, data)
    }
}

struct OnDisk {
    _parent: TempDir,
    path: PathBuf,
    sync_fails: Arc<AtomicBool>,
}

impl OnDisk {
    fn new() -> Self {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("data");
        Box::new(Embedded::create(&path).unwrap()).close().unwrap();
        Self { _parent: parent, path, sync_fails: Arc::default() }
    }
}

impl Subject for OnDisk {
    fn open(&mut self) -> Box<dyn Store> {
        let directory = Directory::open_for_writing(&self.path).unwrap();
        let file = OpenOptions::new().read(true).write(true).open(directory.engine_file()).unwrap();
        let file = FailingFile { file: FileBackend::new(file).unwrap(), sync_fails: Arc::clone(&self.sync_fails) };
        Box::new(Embedded::over(file, directory, Access::Write).unwrap())
    }

    fn fail_next_commit(&mut self) {
        self.sync_fails.store(true, Ordering::SeqCst);
    }
}

mod conformance {
    use super::*;
    conforms!(OnDisk::new());
}

/// Opens a store over `backend`, in a directory that lends only its name.
fn open(backend: impl StorageBackend, access: Access, directory: &Path) -> Result<Embedded, StoreError> {
    Embedded::over(backend, Directory::open_for_writing(directory)?, access)
}

fn change() -> impl Strategy<Value = Change> {
    let table = prop::sample::select(&Table::ALL);
    let key = || vec(0..8_u8, 1..3);
    let value_byte_count = prop_oneof![6 => 0..200_usize, 3 => 200..6_000_usize, 1 => 10_000..90_000_usize];
    let put = (table.clone(), key(), value_byte_count, any::<u8>()).prop_map(|(table, key, count, byte)| Change::Put {
        table,
        key,
        value: vec![byte; count],
    });
    let remove = (table.clone(), key()).prop_map(|(table, key)| Change::Remove { table, key });
    let remove_range = (table, key(), key())
        .prop_map(|(table, start, end)| Change::RemoveRange { table, keys: KeyRange::new(start, end) });
    prop_oneof![8 => put, 1 => remove, 1 => remove_range]
}

fn batch(changes: &[Change]) -> Batch {
    let mut batch = Batch::new();
    for change in changes.iter().cloned() {
        match change {
            Change::Put { table, key, value } => batch.put(table, key, value),
            Change::Remove { table, key } => batch.remove(table, key),
            Change::RemoveRange { table, keys } => batch.remove_range(table, keys),
        }
    }
    batch
}

/// What a store holds after none, one, … all of the batches.
fn states(batches: &[Vec<Change>]) -> Vec<Contents> {
    let mut store = MemoryStore::open(&MemoryDisk::new());
    let mut states = vec![Contents::new()];
    for changes in batches {
        store.commit(batch(changes)).unwrap();
        states.push(contents(&store));
    }
    states
}

/// Whatever the disk does with what was not synced, a store holds after a crash what some number of its commits made
/// of it: all that were acknowledged, and at most the one that was under way.
#[test]
fn a_crash_leaves_every_acknowledged_commit_and_at_most_one_more() {
    let empty = OnDisk::new();
    let image = std::fs::read(empty.path.join("dauphin.redb")).unwrap();
    let config = ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(
        batches in vec(vec(change(), 1..8), 1..12),
        operation_count in 0..160_u64,
        fault in prop::sample::select(&[Fault::Forever, Fault::Once]),
        seed in any::<u64>(),
    )| {
        let disk = SimulatedDisk::holding(image.clone());
        disk.fail_after(operation_count, fault, seed);
        let acknowledged = commit_until_refused(&disk, &batches, &empty.path);
        let states = states(&batches);
        let allowed = &states[acknowledged..=(acknowledged + 1).min(batches.len())];
        let left = disk.crash();
        let found = check_repair(left.clone(), &batches[0], &empty.path);
        prop_assert!(allowed.contains(&found), "{acknowledged} of {} commits were acknowledged", batches.len());
        check_reading(&left, &found, &empty.path);
    });
}

/// Commits until the disk fails, and drops the store. Answers how many commits were acknowledged.
fn commit_until_refused(disk: &SimulatedDisk, batches: &[Vec<Change>], directory: &Path) -> usize {
    // The disk may fail while the store is opened.
    let Ok(mut store) = open(disk.clone(), Access::Write, directory) else { return 0 };
    let acknowledged = batches.iter().take_while(|changes| store.commit(batch(changes)).is_ok()).count();
    if acknowledged < batches.len() {
        assert!(matches!(store.commit(Batch::new()), Err(StoreError::Failed)));
    }
    acknowledged
}

/// Opens what a crash left, and checks that it goes on like any other store. Answers what it held.
fn check_repair(left: Vec<u8>, more: &[Change], directory: &Path) -> Contents {
    let disk = SimulatedDisk::holding(left);
    let mut store = open(disk.clone(), Access::Write, directory).unwrap();
    let found = contents(&store);
    store.commit(batch(more)).unwrap();
    let later = contents(&store);
    Box::new(store).close().unwrap();
    let reopened = open(SimulatedDisk::holding(disk.bytes()), Access::Write, directory).unwrap();
    assert_eq!(contents(&reopened), later);
    found
}

/// Reads what a crash left without repairing it on disk.
fn check_reading(left: &[u8], expected: &Contents, directory: &Path) {
    let disk = SimulatedDisk::holding(left.to_owned());
    let store = open(Overlay::over(Box::new(disk.clone())).unwrap(), Access::Read, directory).unwrap();
    assert_eq!(contents(&store), *expected);
    Box::new(store).close().unwrap();
    assert!(disk.bytes() == left, "reading changed the disk");
}

/// A damaged file is refused, or was damaged where it holds nothing. It never gives other records, and never panics.
#[test]
fn damage_is_told_or_harmless() {
    let empty = OnDisk::new();
    let file = empty.path.join("dauphin.redb");
    let mut store: Box<dyn Store> = Box::new(Embedded::open(&empty.path).unwrap());
    for key in 0..40 {
        let mut batch = Batch::new();
        for table in Table::ALL {
            batch.put(table, [key], vec![key; 20 * usize::from(key).pow(2)]);
        }
        store.commit(batch).unwrap();
    }
    let undamaged = contents(&*store);
    store.close().unwrap();
    let image = std::fs::read(&file).unwrap();

    let config = ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() };
    let offset = prop_oneof![1 => 0..400_usize, 3 => 0..image.len()];
    let refused_count = Cell::new(0);
    proptest!(config, |(offsets in vec(offset, 1..20), flips in 1..=255_u8)| {
        let mut damaged = image.clone();
        for &offset in &offsets {
            damaged[offset] ^= flips;
        }
        match open(SimulatedDisk::holding(damaged), Access::Write, &empty.path) {
            Ok(store) => prop_assert!(contents(&store) == undamaged),
            Err(StoreError::Corrupt { .. }) => refused_count.set(refused_count.get() + 1),
            Err(other) => prop_assert!(false, "{other}"),
        }
    });
    assert!(refused_count.get() > 0);
}

/// Cut short at any length, a file is refused.
#[test]
fn a_file_cut_short_is_refused() {
    let empty = OnDisk::new();
    let image = std::fs::read(empty.path.join("dauphin.redb")).unwrap();
    for byte_count in [0, 1, 100, 319, 320, 4095, 4096, 5000, image.len() / 2] {
        let disk = SimulatedDisk::holding(image[..byte_count].to_vec());
        let refused = open(disk, Access::Write, &empty.path);
        assert!(matches!(refused, Err(StoreError::Corrupt { .. })), "{byte_count}: {refused:?}");
    }
}
