use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::UNIX_EPOCH;

use anyhow::{Context, bail};
use dauphin_dialects::{
    AvroBlock, AvroLayout, AvroReader, Block, BlockReader, Columns, Element, Format, Layout, ParquetReader, Position,
    ReadError, parse_avro_block, parse_block,
};
use dauphin_model::Zone;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A file to import, whose name says how it keeps its rows.
pub struct SourceFile {
    path: PathBuf,
    format: Format,
}

/// Every file that `arguments` name: paths, and patterns such as `events-*.csv.gz`.
pub fn expand(arguments: &[String]) -> anyhow::Result<Vec<SourceFile>> {
    let mut files = Vec::new();
    for argument in arguments {
        if Path::new(argument).is_file() {
            files.push(SourceFile::new(argument.into())?);
            continue;
        }
        if argument.contains("://") {
            bail!("`{argument}` is a URL; this version imports local files");
        }
        let pattern = glob::glob(argument).with_context(|| format!("`{argument}` is no pattern of file names"))?;
        let before = files.len();
        for path in pattern {
            let path = path.with_context(|| format!("look for `{argument}`"))?;
            if path.is_file() {
                files.push(SourceFile::new(path)?);
            }
        }
        if files.len() == before {
            bail!("there is no file `{argument}`");
        }
    }
    Ok(files)
}

impl SourceFile {
    fn new(path: PathBuf) -> anyhow::Result<Self> {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let Some(format) = Format::of_file_name(&name) else {
            bail!(
                "`{}`: the name does not say how rows are kept; it must end in .csv, .ndjson or .jsonl (each also \
                 .gz or .zst), .parquet or .avro",
                path.display()
            );
        };
        Ok(Self { path, format })
    }

    /// As the user named it.
    pub fn name(&self) -> String {
        self.path.display().to_string()
    }

    /// Size on disk.
    pub fn byte_count(&self) -> io::Result<u64> {
        Ok(self.path.metadata()?.len())
    }

    /// Tells this file, as it is now, read with these columns, from any other: where an import goes on after a kill is
    /// kept under this.
    pub fn fingerprint(&self, workspace: &str, columns: &Columns) -> anyhow::Result<[u8; 32]> {
        let context = || format!("read `{}`", self.path.display());
        let metadata = self.path.metadata().with_context(context)?;
        let path = self.path.canonicalize().with_context(context)?;
        let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let said = format!(
            "{workspace}\0{}\0{}\0{}\0{columns:?}",
            path.display(),
            metadata.len(),
            modified.unwrap_or_default().as_nanos()
        );
        Ok(Sha256::digest(said.as_bytes()).into())
    }
}

/// Between two units of a file: an import that is killed goes on from the last one that was durable.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Mark {
    /// Bytes of decompressed text or of Avro, or rows of Parquet, before it.
    pub offset: u64,
    /// The line or row that begins there, counted from 1.
    pub line: u64,
}

/// A part of a file that can be parsed apart from the others.
pub enum Unit {
    Block { block: Block, layout: Arc<Layout>, end: Mark },
    RowGroup { reader: ParquetReader, index: usize, end: Mark },
    Avro { block: AvroBlock, layout: Arc<AvroLayout>, end: Mark },
}

impl Unit {
    /// Where the next unit begins.
    pub fn end(&self) -> Mark {
        match self {
            Self::Block { end, .. } | Self::RowGroup { end, .. } | Self::Avro { end, .. } => *end,
        }
    }

    /// Rows of Avro as a file of their own, and the row that comes first in them.
    pub fn as_avro_file(&self) -> Option<(Vec<u8>, u64)> {
        match self {
            Self::Avro { block, layout, .. } => Some((block.to_file(layout), block.first_row())),
            Self::Block { .. } | Self::RowGroup { .. } => None,
        }
    }

    /// Hands every row to `sink`.
    pub fn read(&self, zone: &Zone, sink: &mut dyn FnMut(Element<'_>)) -> Result<(), ReadError> {
        match self {
            Self::Block { block, layout, .. } => {
                parse_block(layout, block, zone, sink);
                Ok(())
            }
            Self::RowGroup { reader, index, .. } => reader.read_row_group(*index, 0, zone, sink),
            Self::Avro { block, layout, .. } => parse_avro_block(layout, block, zone, sink).map(drop),
        }
    }
}

/// The units of a file, in order.
pub enum Units {
    Text { reader: Box<BlockReader>, layout: Arc<Layout>, read: Arc<AtomicU64> },
    Parquet { reader: ParquetReader, next: usize, byte_count: u64 },
    Avro { reader: Box<AvroReader>, read: Arc<AtomicU64> },
}

impl Units {
    /// Opens the file, at `from` if it was read up to there before.
    pub fn open(file: &SourceFile, columns: &Columns, from: Option<Mark>) -> anyhow::Result<Self> {
        let opened = File::open(&file.path)?;
        match file.format {
            Format::Text(format) => {
                let read = Arc::new(AtomicU64::new(0));
                let counting = CountingReader { file: opened, read: Arc::clone(&read) };
                let mut reader = Box::new(BlockReader::open(format, columns, Box::new(counting))?);
                if let Some(mark) = from {
                    reader.skip_to(Position { offset: mark.offset, line: mark.line })?;
                }
                let layout = Arc::new(reader.layout().clone());
                Ok(Self::Text { reader, layout, read })
            }
            Format::Parquet => {
                let byte_count = opened.metadata()?.len();
                let reader = ParquetReader::of_file(opened, columns)?;
                let rows = from.map_or(0, |mark| mark.offset);
                let next = (0..reader.row_group_count()).find(|group| reader.rows_before(*group) >= rows);
                let next = next.unwrap_or(reader.row_group_count());
                Ok(Self::Parquet { reader, next, byte_count })
            }
            Format::Avro => {
                let read = Arc::new(AtomicU64::new(0));
                let counting = CountingReader { file: opened, read: Arc::clone(&read) };
                let mut reader = Box::new(AvroReader::open(&file.name(), columns, Box::new(counting))?);
                if let Some(event) = reader.layout().says_nothing() {
                    tracing::warn!("`{}` is passed over: `{event}` says nothing about activity", file.name());
                }
                if let Some(mark) = from {
                    reader.skip_to(Position { offset: mark.offset, line: mark.line })?;
                }
                Ok(Self::Avro { reader, read })
            }
        }
    }

    /// The next unit, or `None` at the end.
    pub fn next(&mut self) -> Result<Option<Unit>, ReadError> {
        match self {
            Self::Text { reader, layout, .. } => Ok(reader.next_block()?.map(|block| {
                let Position { offset, line } = block.end();
                Unit::Block { block, layout: Arc::clone(layout), end: Mark { offset, line } }
            })),
            Self::Parquet { reader, next, .. } => {
                let index = *next;
                if index >= reader.row_group_count() {
                    return Ok(None);
                }
                *next += 1;
                let rows =
                    if *next < reader.row_group_count() { reader.rows_before(*next) } else { reader.row_count() };
                let end = Mark { offset: rows, line: rows + 1 };
                Ok(Some(Unit::RowGroup { reader: reader.clone(), index, end }))
            }
            Self::Avro { reader, .. } if reader.layout().says_nothing().is_some() => Ok(None),
            Self::Avro { reader, .. } => Ok(reader.next_block()?.map(|block| {
                let Position { offset, line } = block.end();
                Unit::Avro { block, layout: Arc::clone(reader.layout()), end: Mark { offset, line } }
            })),
        }
    }

    /// Bytes of the file read so far, for progress.
    pub fn bytes_read(&self) -> u64 {
        match self {
            Self::Text { read, .. } | Self::Avro { read, .. } => read.load(Ordering::Relaxed),
            Self::Parquet { reader, next, byte_count } => {
                let groups = reader.row_group_count().max(1) as u64;
                byte_count / groups * (*next as u64)
            }
        }
    }
}

struct CountingReader {
    file: File,
    read: Arc<AtomicU64>,
}

impl Read for CountingReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}
