//! What the tests share: filling stores, reading them, and comparing the files of a directory.

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use dauphin_store::{Batch, Embedded, KeyRange, Store, Table};
use tempfile::TempDir;

/// A directory that does not exist yet, in one that goes with the test.
pub fn new_directory() -> (TempDir, PathBuf) {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("parent").join("data");
    (parent, path)
}

/// The batch with this number: one log record, some pages, and the removal of an older log record.
pub fn batch(number: u64) -> Batch {
    let mut batch = Batch::new();
    batch.put(Table::Log, number.to_be_bytes(), number.to_be_bytes().repeat(2_000));
    batch.put(Table::Page, (number % 7).to_be_bytes(), number.to_be_bytes().repeat(6_000));
    if let Some(old) = number.checked_sub(5) {
        batch.remove_range(Table::Log, KeyRange::new(0_u64.to_be_bytes(), old.to_be_bytes()));
    }
    batch.put(Table::Source, *b"number", number.to_be_bytes());
    batch
}

pub fn commit(store: &mut Embedded, numbers: std::ops::Range<u64>) {
    numbers.for_each(|number| store.commit(batch(number)).unwrap());
}

pub type Contents = Vec<(Table, Vec<u8>, Vec<u8>)>;

pub fn contents(store: &dyn Store) -> Contents {
    let mut found = Vec::new();
    for table in Table::ALL {
        let each = &mut |key: &[u8], value: &[u8]| {
            found.push((table, key.to_vec(), value.to_vec()));
            ControlFlow::Continue(())
        };
        store.scan(table, &KeyRange::all(), each).unwrap();
    }
    found
}

/// What a store holds after the batches with the numbers below `count`.
pub fn contents_after(count: u64) -> Contents {
    let mut store = dauphin_store::MemoryStore::open(&dauphin_store::MemoryDisk::new());
    (0..count).for_each(|number| store.commit(batch(number)).unwrap());
    contents(&store)
}

/// The bytes and the time of the last change of every file, and of the directory itself.
pub fn files(directory: &Path) -> BTreeMap<PathBuf, (Vec<u8>, SystemTime)> {
    let changed = |path: &Path| fs::metadata(path).unwrap().modified().unwrap();
    let mut found = BTreeMap::from([(directory.to_owned(), (vec![], changed(directory)))]);
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        found.insert(path.clone(), (fs::read(&path).unwrap(), changed(&path)));
    }
    found
}

/// A copy of a directory, as it is at this moment.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}
