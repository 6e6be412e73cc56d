use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};

/// A file that is not on this machine, read in parts by several threads. It does not change while it is read.
pub trait ReadAt: Send + Sync {
    /// How many bytes it has.
    fn byte_count(&self) -> u64;

    /// Fills the buffer from its beginning with what lies from `offset` on, and says with how many bytes: fewer than there
    /// is room for if that is easier, none only at the end.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;
}

/// Bytes to be read from several threads at once. An open file has one cursor, also through its clones, so that
/// seeking and reading must be one step.
#[derive(Clone)]
pub(super) enum Source {
    Parts(Arc<dyn ReadAt>),
    File { file: Arc<Mutex<File>>, size: u64 },
    Bytes(Bytes),
}

impl Source {
    pub(super) fn of_file(file: File) -> io::Result<Self> {
        let size = file.metadata()?.len();
        Ok(Self::File { file: Arc::new(Mutex::new(file)), size })
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Parts(file) => file.read_at(offset, buffer),
            Self::File { file, .. } => {
                // Whoever panicked with the lock held left nothing behind but the cursor, which is set anew.
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                file.seek(SeekFrom::Start(offset))?;
                file.read(buffer)
            }
            Self::Bytes(bytes) => {
                let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
                (&bytes[start..]).read(buffer)
            }
        }
    }

    /// Sizes in a damaged file may be anything: nothing is allocated for bytes that are not there.
    fn check(&self, start: u64, length: u64) -> Result<()> {
        match start.checked_add(length) {
            Some(end) if end <= self.len() => Ok(()),
            _ => Err(ParquetError::EOF(format!(
                "{length} bytes from byte {start} on are needed, but the file has {} bytes",
                self.len()
            ))),
        }
    }
}

impl Length for Source {
    fn len(&self) -> u64 {
        match self {
            Self::Parts(file) => file.byte_count(),
            Self::File { size, .. } => *size,
            Self::Bytes(bytes) => bytes.len() as u64,
        }
    }
}

impl ChunkReader for Source {
    type T = BufReader<Section>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        self.check(start, 0)?;
        Ok(BufReader::new(Section { source: self.clone(), offset: start }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        self.check(start, length as u64)?;
        if let Self::Bytes(bytes) = self {
            let start = usize::try_from(start).expect("checked to lie inside");
            return Ok(bytes.slice(start..start + length));
        }
        let mut bytes = vec![0; length];
        Section { source: self.clone(), offset: start }.read_exact(&mut bytes)?;
        Ok(bytes.into())
    }
}

/// A source from an offset on, with a cursor of its own.
pub(super) struct Section {
    source: Source,
    offset: u64,
}

impl Read for Section {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let size = self.source.read_at(self.offset, buffer)?;
        self.offset += size as u64;
        Ok(size)
    }
}
