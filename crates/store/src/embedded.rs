//! The store on one machine: a data directory with one file of the embedded engine.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::path::Path;

use redb::backends::FileBackend;
use redb::{Database, ReadOnlyTable, ReadableDatabase, StorageBackend, TableDefinition, TableError};

use crate::limits::CACHE_BYTE_COUNT;
use crate::{Batch, Change, KeyRange, Record, Store, StoreError, Table, Visit};
use directory::Directory;
use overlay::Overlay;

mod directory;
#[cfg(test)]
mod faults;
mod overlay;
#[cfg(test)]
mod simulated_disk;

pub use directory::FORMAT_SUPPORTED;

/// Keeps records in a data directory.
///
/// One process holds a data directory for writing, or any number hold it for reading.
///
/// ```
/// use dauphin_store::{Batch, Embedded, KeyRange, Store, Table};
///
/// # let parent = tempfile::tempdir().expect("a temporary directory");
/// # let path = parent.path().join("data");
/// let mut store: Box<dyn Store> = Box::new(Embedded::create(&path)?);
/// let mut batch = Batch::new();
/// batch.put(Table::Page, *b"key", *b"value");
/// store.commit(batch)?;
/// store.close()?;
///
/// let store = Embedded::open_read_only(&path)?;
/// store.scan(Table::Page, &KeyRange::all(), &mut |key, value| {
///     assert_eq!((key, value), (&b"key"[..], &b"value"[..]));
///     std::ops::ControlFlow::Continue(())
/// })?;
/// # Ok::<(), dauphin_store::StoreError>(())
/// ```
#[derive(Debug)]
pub struct Embedded {
    // Before the directory: the lock is released only when the file is closed.
    database: Database,
    directory: Directory,
    access: Access,
    has_failed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    Write,
    Read,
}

impl Embedded {
    /// Makes an empty data directory, its parents too, and opens it for writing.
    ///
    /// What an earlier, interrupted `create` left is made anew; a data directory is refused.
    pub fn create(path: &Path) -> Result<Self, StoreError> {
        let directory = Directory::create(path)?;
        let unfinished = directory.unfinished_engine_file();
        make_engine_file(&unfinished).map_err(|error| translate(&unfinished, error))?;
        directory.publish_engine_file()?;
        Self::open_in(directory)
    }

    /// Opens a data directory for writing. This reads all of it: every checksum is verified, and what a crash left
    /// is repaired.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_in(Directory::open_for_writing(path)?)
    }

    /// Opens a data directory for reading. Nothing in it is changed, also when a crash left it in need of repair:
    /// the repair happens in memory.
    pub fn open_read_only(path: &Path) -> Result<Self, StoreError> {
        let directory = Directory::open_for_reading(path)?;
        let file = directory.engine_file();
        let overlay = Overlay::open(&file).map_err(StoreError::io("read", &file))?;
        Self::over(overlay, directory, Access::Read)
    }

    fn open_in(directory: Directory) -> Result<Self, StoreError> {
        let path = directory.engine_file();
        let file = OpenOptions::new().read(true).write(true).open(&path).map_err(StoreError::io("write", &path))?;
        let file = FileBackend::new(file).map_err(|error| translate(&path, error))?;
        Self::over(file, directory, Access::Write)
    }

    /// Over the bytes of the engine file, however they are kept.
    fn over(file: impl StorageBackend, directory: Directory, access: Access) -> Result<Self, StoreError> {
        let path = directory.engine_file();
        let is_empty = file.len().map_err(StoreError::io("read", &path))? == 0;
        if is_empty {
            // The engine would take it as an invitation to start anew.
            return Err(StoreError::Corrupt { path, reason: "the file is empty".to_owned() });
        }
        let database = builder().create_with_backend(file).map_err(|error| translate(&path, error))?;
        Ok(Self { database, directory, access, has_failed: false })
    }
}

impl Store for Embedded {
    fn scan(&self, table: Table, keys: &KeyRange, each: &mut Visit<'_>) -> Result<(), StoreError> {
        if self.has_failed {
            return Err(StoreError::Failed);
        }
        read(&self.database, table, keys, each).map_err(|error| translate(&self.directory.engine_file(), error))
    }

    fn last(&self, table: Table, keys: &KeyRange) -> Result<Option<Record>, StoreError> {
        if self.has_failed {
            return Err(StoreError::Failed);
        }
        read_last(&self.database, table, keys).map_err(|error| translate(&self.directory.engine_file(), error))
    }

    fn commit(&mut self, batch: Batch) -> Result<(), StoreError> {
        if self.has_failed {
            return Err(StoreError::Failed);
        }
        if self.access == Access::Read {
            return Err(StoreError::ReadOnly { path: self.directory.path().to_owned() });
        }
        if batch.is_of_a_cluster() {
            return Err(StoreError::NotACluster { path: self.directory.path().to_owned() });
        }
        batch.check()?;
        if batch.is_empty() {
            return Ok(());
        }
        write(&self.database, batch.changes()).map_err(|error| {
            self.has_failed = true;
            translate(&self.directory.engine_file(), error)
        })
    }

    fn byte_count(&self) -> Result<u64, StoreError> {
        self.directory.byte_count()
    }

    fn close(self: Box<Self>) -> Result<(), StoreError> {
        let file = self.directory.engine_file();
        let closed = self.database.close().map_err(|error| translate(&file, error));
        if self.has_failed { Err(StoreError::Failed) } else { closed }
    }
}

fn builder() -> redb::Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE_BYTE_COUNT);
    // Every checksum, at every opening, as after a crash: damage is told at once, not when a damaged page is met.
    builder.set_check_integrity_on_open(true);
    builder
}

fn definition(table: Table) -> TableDefinition<'static, &'static [u8], &'static [u8]> {
    TableDefinition::new(table.name())
}

fn make_engine_file(path: &Path) -> Result<(), redb::Error> {
    let database = builder().create(path)?;
    let transaction = database.begin_write()?;
    for table in Table::ALL {
        transaction.open_table(definition(table))?;
    }
    transaction.commit()?;
    Ok(database.close()?)
}

fn read(database: &Database, table: Table, keys: &KeyRange, each: &mut Visit<'_>) -> Result<(), redb::Error> {
    let Some(records) = records(database, table, keys)? else { return Ok(()) };
    for record in records.range::<&[u8]>(keys.bounds())? {
        let (key, value) = record?;
        if each(key.value(), value.value()).is_break() {
            break;
        }
    }
    Ok(())
}

fn read_last(database: &Database, table: Table, keys: &KeyRange) -> Result<Option<Record>, redb::Error> {
    let Some(records) = records(database, table, keys)? else { return Ok(None) };
    let last = records.range::<&[u8]>(keys.bounds())?.next_back().transpose()?;
    Ok(last.map(|(key, value)| (key.value().to_vec(), value.value().to_vec())))
}

/// A table as it is now, unless no record of it can lie in `keys`.
fn records(database: &Database, table: Table, keys: &KeyRange) -> Result<Option<Records>, redb::Error> {
    if keys.is_empty() {
        return Ok(None);
    }
    match database.begin_read()?.open_table(definition(table)) {
        // A table that is newer than the file, and was not written yet.
        Err(TableError::TableDoesNotExist(_)) => Ok(None),
        opened => Ok(Some(opened?)),
    }
}

type Records = ReadOnlyTable<&'static [u8], &'static [u8]>;

fn write(database: &Database, changes: &[Change]) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    for run in changes.chunk_by(|one, next| one.table() == next.table()) {
        let mut records = transaction.open_table(definition(run[0].table()))?;
        for change in run {
            match change {
                Change::Put { key, value, .. } => drop(records.insert(key.as_slice(), value.as_slice())?),
                Change::Remove { key, .. } => drop(records.remove(key.as_slice())?),
                Change::RemoveRange { keys, .. } if keys.is_empty() => {}
                Change::RemoveRange { keys, .. } => records.retain_in::<&[u8], _>(keys.bounds(), |_, _| false)?,
            }
        }
    }
    Ok(transaction.commit()?)
}

fn translate(file: &Path, error: impl Into<redb::Error>) -> StoreError {
    let path = file.to_owned();
    match error.into() {
        redb::Error::DatabaseAlreadyOpen => StoreError::Locked { path: file.parent().unwrap_or(file).to_owned() },
        redb::Error::Io(source) if matches!(source.kind(), ErrorKind::InvalidData | ErrorKind::UnexpectedEof) => {
            StoreError::Corrupt { path, reason: source.to_string() }
        }
        redb::Error::Io(source) => StoreError::Io { action: "read or write", path, source },
        redb::Error::PreviousIo => StoreError::Failed,
        other => StoreError::Corrupt { path, reason: other.to_string() },
    }
}
