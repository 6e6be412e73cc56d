//! The files of a data directory, who may hold it, and which format it has.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::StoreError;

/// The format of a data directory this release writes and reads.
pub const FORMAT_SUPPORTED: u32 = 3;

const LOCK_FILE: &str = "LOCK";
const VERSION_FILE: &str = "VERSION";
const ENGINE_FILE: &str = "dauphin.redb";
/// Files get their name only when they are complete; until then it ends like this.
const UNFINISHED_SUFFIX: &str = ".new";

/// A data directory that this process holds, until it is dropped or the process ends, however it ends.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    _lock: File,
}

impl Directory {
    /// Makes a data directory without an engine file. It is complete once [`Self::publish_engine_file`] was called.
    pub(super) fn create(path: &Path) -> Result<Self, StoreError> {
        fs::create_dir_all(path).map_err(StoreError::io("create", path))?;
        // Before the lock is made: an existing directory is refused without being changed.
        refuse_existing(path)?;
        let directory = Self::lock_for_writing(path)?;
        // Again, now that nobody else can be making it.
        refuse_existing(path)?;
        let unfinished = directory.unfinished_engine_file();
        match fs::remove_file(&unfinished) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(StoreError::io("remove", &unfinished)(error));
            }
            _ => {}
        }
        write_version(path)?;
        Ok(directory)
    }

    pub(super) fn open_for_writing(path: &Path) -> Result<Self, StoreError> {
        require_complete(path)?;
        let directory = Self::lock_for_writing(path)?;
        check_version(path)?;
        Ok(directory)
    }

    pub(super) fn open_for_reading(path: &Path) -> Result<Self, StoreError> {
        require_complete(path)?;
        let lock_path = path.join(LOCK_FILE);
        let lock = File::open(&lock_path).map_err(StoreError::io("read", &lock_path))?;
        patiently(|| lock.try_lock_shared()).map_err(|error| refused(path, error))?;
        check_version(path)?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    fn lock_for_writing(path: &Path) -> Result<Self, StoreError> {
        let lock_path = path.join(LOCK_FILE);
        let lock = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&lock_path)
            .map_err(StoreError::io("write", &lock_path))?;
        patiently(|| lock.try_lock()).map_err(|error| refused(path, error))?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn engine_file(&self) -> PathBuf {
        self.path.join(ENGINE_FILE)
    }

    pub(super) fn unfinished_engine_file(&self) -> PathBuf {
        unfinished(&self.path, ENGINE_FILE)
    }

    /// The last step of making a data directory: gives the engine file its name.
    pub(super) fn publish_engine_file(&self) -> Result<(), StoreError> {
        publish(&self.path, ENGINE_FILE)?;
        // The directory itself is a name in its parent.
        match self.path.canonicalize().map_err(StoreError::io("read", &self.path))?.parent() {
            Some(parent) => sync_directory(parent),
            None => Ok(()),
        }
    }

    pub(super) fn byte_count(&self) -> Result<u64, StoreError> {
        let file = self.engine_file();
        let metadata = fs::metadata(&file).map_err(StoreError::io("read", &file))?;
        Ok(metadata.len())
    }
}

fn refuse_existing(path: &Path) -> Result<(), StoreError> {
    if exists(&path.join(ENGINE_FILE))? { Err(StoreError::AlreadyExists { path: path.to_owned() }) } else { Ok(()) }
}

fn require_complete(path: &Path) -> Result<(), StoreError> {
    let not_one = |reason: String| StoreError::NotADataDirectory { path: path.to_owned(), reason };
    if !path.is_dir() {
        return Err(not_one("there is no such directory".to_owned()));
    }
    for name in [ENGINE_FILE, VERSION_FILE] {
        if !exists(&path.join(name))? {
            return Err(not_one(format!("the file `{name}` is missing")));
        }
    }
    Ok(())
}

fn exists(file: &Path) -> Result<bool, StoreError> {
    file.try_exists().map_err(StoreError::io("read", file))
}

/// How often a lock is tried, and how long is waited between.
const LOCK_TRIES: u32 = 10;
const LOCK_WAIT: Duration = Duration::from_millis(10);

/// Tries a lock for a tenth of a second: a process that is ending lets go of it in that time, and so does a child that
/// has a copy of the lock until it becomes another program.
fn patiently(mut try_lock: impl FnMut() -> Result<(), TryLockError>) -> Result<(), TryLockError> {
    for _ in 1..LOCK_TRIES {
        match try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_WAIT),
            decided => return decided,
        }
    }
    try_lock()
}

fn refused(path: &Path, error: TryLockError) -> StoreError {
    match error {
        TryLockError::WouldBlock => StoreError::Locked { path: path.to_owned() },
        TryLockError::Error(source) => StoreError::io("lock", &path.join(LOCK_FILE))(source),
    }
}

fn write_version(path: &Path) -> Result<(), StoreError> {
    let file_path = unfinished(path, VERSION_FILE);
    let write = || {
        let mut file = File::create(&file_path)?;
        file.write_all(format!("dauphin {FORMAT_SUPPORTED}\n").as_bytes())?;
        file.sync_all()
    };
    write().map_err(StoreError::io("write", &file_path))?;
    publish(path, VERSION_FILE)
}

/// Refuses a directory whose format this release does not read.
fn check_version(path: &Path) -> Result<(), StoreError> {
    let file = path.join(VERSION_FILE);
    let bytes = fs::read(&file).map_err(StoreError::io("read", &file))?;
    match parse_version(&bytes) {
        Some(FORMAT_SUPPORTED) => Ok(()),
        Some(found @ 1..) => Err(StoreError::OtherFormat { path: path.to_owned(), found, supported: FORMAT_SUPPORTED }),
        Some(0) | None => {
            let reason = format!("it holds `{}`, not `dauphin` and the number of a format", bytes.escape_ascii());
            Err(StoreError::Corrupt { path: file, reason })
        }
    }
}

/// The format a `VERSION` file names: `dauphin`, a space, a decimal number without leading zeros, a line end.
fn parse_version(bytes: &[u8]) -> Option<u32> {
    let number = str::from_utf8(bytes).ok()?.strip_prefix("dauphin ")?.strip_suffix('\n')?;
    let format: u32 = number.parse().ok()?;
    (format.to_string() == number).then_some(format)
}

fn unfinished(path: &Path, name: &str) -> PathBuf {
    path.join(format!("{name}{UNFINISHED_SUFFIX}"))
}

/// Gives a file that is complete and synced its name, durably.
fn publish(path: &Path, name: &str) -> Result<(), StoreError> {
    let file = path.join(name);
    fs::rename(unfinished(path, name), &file).map_err(StoreError::io("rename a file to", &file))?;
    sync_directory(path)
}

fn sync_directory(path: &Path) -> Result<(), StoreError> {
    File::open(path).and_then(|directory| directory.sync_all()).map_err(StoreError::io("sync", path))
}

#[cfg(test)]
mod tests {
    use super::parse_version;

    #[test]
    fn a_version_is_a_word_a_number_and_a_line_end() {
        for (text, format) in [
            ("dauphin 1\n", Some(1)),
            ("dauphin 0\n", Some(0)),
            ("dauphin 4294967295\n", Some(u32::MAX)),
            ("dauphin 4294967296\n", None),
            ("dauphin 01\n", None),
            ("dauphin +1\n", None),
            ("dauphin -1\n", None),
            ("dauphin 1", None),
            ("dauphin 1\r\n", None),
            ("dauphin 1\n\n", None),
            ("dauphin  1\n", None),
            ("dauphin\n", None),
            ("Dauphin 1\n", None),
            ("1\n", None),
            ("", None),
        ] {
            assert_eq!(parse_version(text.as_bytes()), format, "{text:?}");
        }
        assert_eq!(parse_version(b"dauphin \xff\n"), None);
    }
}
