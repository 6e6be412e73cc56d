use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::UNIX_EPOCH;

use anyhow::{Context, bail};
use dauphin_dialects::{
    AvroBlock, AvroLayout, AvroReader, Block, BlockReader, Columns, Element, Format, Layout, ParquetReader, Position,
    ReadError, parse_avro_block, parse_block,
};
use dauphin_model::Zone;
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::object::{self, ObjectFile};

/// A file to import, and how it keeps its rows.
pub struct SourceFile {
    place: Place,
    format: Format,
}

/// Where a file lies.
enum Place {
    Local(PathBuf),
    Object(Arc<ObjectFile>),
    /// What comes through standard input, less what was read of it to see how it begins. It comes once.
    Input(Mutex<Option<Box<dyn Read + Send>>>),
}

/// Every file that `arguments` name: paths, patterns such as `events-*.csv.gz`, URLs of both, and `-`, standard input.
pub fn expand(arguments: &[String]) -> anyhow::Result<Vec<SourceFile>> {
    let mut files = Vec::new();
    for argument in arguments {
        let before = files.len();
        if Path::new(argument).is_file() {
            files.push(SourceFile::named(Place::Local(argument.into()))?);
        } else if argument == "-" {
            files.push(SourceFile::of_input()?);
        } else if object::is_object_url(argument) {
            for file in object::expand(argument)? {
                files.push(SourceFile::named(Place::Object(file))?);
            }
        } else {
            files.extend(expand_local(argument)?);
        }
        if files.len() == before {
            bail!("there is no file `{argument}`");
        }
    }
    // Who is who is said after what they did: a user who was forgotten stays so.
    files.sort_by_cached_key(|file| CHANGES_OF_USERS.iter().position(|event| file.name().contains(event)));
    Ok(files)
}

/// Files of Currents that say who is who, in the order in which they are read.
const CHANGES_OF_USERS: [&str; 2] = ["users.UserOrphan", "users.UserDeleteRequest"];

fn expand_local(argument: &str) -> anyhow::Result<Vec<SourceFile>> {
    let pattern = match argument.split_once("://") {
        Some(("file", path)) => percent_decode_str(path).decode_utf8().context("the URL is no UTF-8 text")?,
        Some(_) => {
            bail!("`{argument}` is a URL of a kind that cannot be read; those of s3://, gs://, az:// and file:// can")
        }
        None => argument.into(),
    };
    let mut files = Vec::new();
    for path in glob::glob(&pattern).with_context(|| format!("`{argument}` is no pattern of file names"))? {
        let path = path.with_context(|| format!("look for `{argument}`"))?;
        if path.is_file() {
            files.push(SourceFile::named(Place::Local(path))?);
        }
    }
    Ok(files)
}

/// Bytes of standard input that are looked at to see what it is.
const BEGINNING_BYTES: u64 = 4096;

impl SourceFile {
    fn named(place: Place) -> anyhow::Result<Self> {
        let mut file = Self { place, format: Format::Parquet };
        let name = file.name();
        let last = name.rsplit(['/', std::path::MAIN_SEPARATOR]).next().unwrap_or_default();
        let Some(format) = Format::of_file_name(last) else {
            bail!(
                "`{name}`: the name does not say how rows are kept; it must end in .csv, .ndjson or .jsonl (each also \
                 .gz or .zst), .parquet or .avro"
            );
        };
        file.format = format;
        Ok(file)
    }

    fn of_input() -> anyhow::Result<Self> {
        let mut beginning = Vec::new();
        io::stdin().take(BEGINNING_BYTES).read_to_end(&mut beginning).context("read standard input")?;
        let format = Format::of_content(&beginning);
        if format == Format::Parquet {
            bail!("standard input is Parquet, which is read from its end; name a file");
        }
        let input: Box<dyn Read + Send> = Box::new(Cursor::new(beginning).chain(io::stdin()));
        Ok(Self { place: Place::Input(Mutex::new(Some(input))), format })
    }

    /// As the user named it.
    pub fn name(&self) -> String {
        match &self.place {
            Place::Local(path) => path.display().to_string(),
            Place::Object(file) => file.url().to_owned(),
            Place::Input(_) => "standard input".to_owned(),
        }
    }

    /// How many bytes are stored, if that is known.
    pub fn byte_count(&self) -> Option<u64> {
        match &self.place {
            Place::Local(path) => Some(path.metadata().ok()?.len()),
            Place::Object(file) => Some(file.byte_count()),
            Place::Input(_) => None,
        }
    }

    /// Tells this file, as it is now, read with these columns, from any other: where an import goes on after a kill is
    /// kept under this. `None` when it cannot be read again.
    pub fn fingerprint(&self, workspace: &str, columns: &Columns) -> anyhow::Result<Option<[u8; 32]>> {
        let said = match &self.place {
            Place::Local(path) => {
                let context = || format!("read `{}`", path.display());
                let metadata = path.metadata().with_context(context)?;
                let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
                let modified = modified.unwrap_or_default().as_nanos();
                format!("{}\0{}\0{modified}", path.canonicalize().with_context(context)?.display(), metadata.len())
            }
            Place::Object(file) => format!("{}\0{}", file.url(), file.version()),
            Place::Input(_) => return Ok(None),
        };
        Ok(Some(Sha256::digest(format!("{workspace}\0{said}\0{columns:?}").as_bytes()).into()))
    }

    /// Its bytes from the first to the last, counted as they are read.
    fn stream(&self) -> anyhow::Result<(Box<dyn Read + Send>, Arc<AtomicU64>)> {
        let source: Box<dyn Read + Send> = match &self.place {
            Place::Local(path) => Box::new(File::open(path)?),
            Place::Object(file) => Box::new(file.stream()),
            Place::Input(input) => {
                let input = input.lock().unwrap_or_else(PoisonError::into_inner).take();
                input.context("it can be read only once; save it to a file first")?
            }
        };
        let read = Arc::new(AtomicU64::new(0));
        Ok((Box::new(CountingReader { source, read: Arc::clone(&read) }), read))
    }

    fn parquet(&self, columns: &Columns) -> anyhow::Result<ParquetReader> {
        Ok(match &self.place {
            Place::Local(path) => ParquetReader::of_file(File::open(path)?, columns)?,
            Place::Object(file) => ParquetReader::of_parts(Arc::clone(file) as _, columns)?,
            Place::Input(_) => bail!("Parquet cannot be read from standard input"),
        })
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
        match file.format {
            Format::Text(format) => {
                let (source, read) = file.stream()?;
                let mut reader = Box::new(BlockReader::open(format, columns, source)?);
                if let Some(mark) = from {
                    reader.skip_to(Position { offset: mark.offset, line: mark.line })?;
                }
                let layout = Arc::new(reader.layout().clone());
                Ok(Self::Text { reader, layout, read })
            }
            Format::Parquet => {
                let byte_count = file.byte_count().unwrap_or_default();
                let reader = file.parquet(columns)?;
                let rows = from.map_or(0, |mark| mark.offset);
                let next = (0..reader.row_group_count()).find(|group| reader.rows_before(*group) >= rows);
                let next = next.unwrap_or(reader.row_group_count());
                Ok(Self::Parquet { reader, next, byte_count })
            }
            Format::Avro => {
                let (source, read) = file.stream()?;
                let mut reader = Box::new(AvroReader::open(&file.name(), columns, source)?);
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
    source: Box<dyn Read + Send>,
    read: Arc<AtomicU64>,
}

impl Read for CountingReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        self.read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}
