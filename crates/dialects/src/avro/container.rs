//! A file of Avro: a header with the schema, then blocks of rows, each compressed on its own and followed by a mark.

use std::io::{self, BufReader, ErrorKind, Read};
use std::ops::Range;
use std::sync::Arc;

use super::codec::{Codec, DATA_BYTES_MAX};
use super::{AvroLayout, datum::Datum};
use crate::{Columns, Position, ReadError};

/// Longest header: room for a schema of a hundred thousand fields.
const HEADER_BYTES_MAX: usize = 4 << 20;
/// Longest block as it is stored.
const BLOCK_BYTES_MAX: usize = 16 << 20;
/// Stored bytes that are gathered into one [`AvroBlock`]: so many rows that handing them to another thread costs nothing.
const GATHERED_BYTES: usize = 1 << 20;

const MAGIC: &[u8; 4] = b"Obj\x01";
type Mark = [u8; 16];

/// Cuts a stream of Avro, as object container files have it, into blocks that are parsed apart.
pub struct AvroReader {
    source: BufReader<Box<dyn Read + Send>>,
    layout: Arc<AvroLayout>,
    mark: Mark,
    position: Position,
    /// Why reading stopped, when blocks before it had to be delivered first.
    failure: Option<ReadError>,
}

/// Some blocks of a file.
pub struct AvroBlock {
    /// As they are stored.
    stored: Vec<u8>,
    parts: Vec<Part>,
    first_row: u64,
    end: Position,
}

/// One block as the file has it: how many rows, and where they are stored.
pub(super) struct Part {
    pub(super) row_count: u64,
    pub(super) range: Range<usize>,
}

impl AvroBlock {
    /// The row that comes first, counted from 1.
    pub fn first_row(&self) -> u64 {
        self.first_row
    }

    /// Where the next block begins.
    pub fn end(&self) -> Position {
        self.end
    }

    /// A file of its own with these rows.
    pub fn to_file(&self, layout: &AvroLayout) -> Vec<u8> {
        [&layout.header, &self.stored].map(Vec::as_slice).concat()
    }

    pub(super) fn parts(&self) -> impl Iterator<Item = (u64, &[u8])> {
        self.parts.iter().map(|part| (part.row_count, &self.stored[part.range.clone()]))
    }
}

impl AvroReader {
    /// Reads the header. `path` is where the file lies, if anywhere: Currents says there what its events are.
    pub fn open(path: &str, columns: &Columns, source: Box<dyn Read + Send>) -> Result<Self, ReadError> {
        let mut source = BufReader::with_capacity(128 * 1024, source);
        let mut header = Recording { source: &mut source, bytes: Vec::new(), most: HEADER_BYTES_MAX };
        let (schema, codec, mark) = read_header(&mut header).map_err(|error| unreadable(0, error))?;
        let header = header.bytes;
        let position = Position { offset: header.len() as u64, line: 1 };
        let layout = Arc::new(AvroLayout::new(path, &schema, codec, columns, header)?);
        Ok(Self { source, layout, mark, position, failure: None })
    }

    /// What [`parse_avro_block`](super::parse_avro_block) needs besides a block.
    pub fn layout(&self) -> &Arc<AvroLayout> {
        &self.layout
    }

    /// Passes over what was read before: `position` is the [`AvroBlock::end`] of a block of the same file.
    pub fn skip_to(&mut self, position: Position) -> Result<(), ReadError> {
        while self.position < position {
            let mut passed = AvroBlock::new(self.position);
            match self.read_part(&mut passed) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => return Err(unreadable(self.position.line - 1, error)),
            }
        }
        if self.position != position {
            return Err(ReadError::Resume { wanted: position, reached: self.position });
        }
        Ok(())
    }

    /// The next rows, or `None` at the end. After an error there are no more.
    pub fn next_block(&mut self) -> Result<Option<AvroBlock>, ReadError> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        let mut block = AvroBlock::new(self.position);
        while block.stored.len() < GATHERED_BYTES {
            match self.read_part(&mut block) {
                Ok(true) => block.end = self.position,
                Ok(false) => break,
                Err(error) => {
                    self.failure = Some(unreadable(self.position.line - 1, error));
                    break;
                }
            }
        }
        if !block.parts.is_empty() {
            return Ok(Some(block));
        }
        self.failure.take().map_or(Ok(None), Err)
    }

    /// Adds one block of the file; `false` at the end.
    fn read_part(&mut self, block: &mut AvroBlock) -> Result<bool, Failure> {
        let before = block.stored.len();
        let bytes = std::mem::take(&mut block.stored);
        let most = before + BLOCK_BYTES_MAX + 64;
        let mut part = Recording { source: &mut self.source, bytes, most };
        let read = read_part(&mut part, &self.mark);
        block.stored = part.bytes;
        match read {
            Ok(Some(part)) => {
                self.position.offset += (block.stored.len() - before) as u64;
                self.position.line += part.row_count;
                block.parts.push(part);
                Ok(true)
            }
            other => {
                block.stored.truncate(before);
                other.map(|_| false)
            }
        }
    }
}

impl AvroBlock {
    fn new(position: Position) -> Self {
        Self { stored: Vec::new(), parts: Vec::new(), first_row: position.line, end: position }
    }
}

/// Why a file cannot be read on.
enum Failure {
    Source(io::Error),
    Damaged(String),
}

fn unreadable(row: u64, failure: Failure) -> ReadError {
    match failure {
        Failure::Source(source) => ReadError::Source { line: row, source },
        Failure::Damaged(reason) => ReadError::Avro { row, reason },
    }
}

fn damaged<T>(reason: impl Into<String>) -> Result<T, Failure> {
    Err(Failure::Damaged(reason.into()))
}

/// Reads from the source and keeps what was read, up to a bound.
struct Recording<'a> {
    source: &'a mut BufReader<Box<dyn Read + Send>>,
    bytes: Vec<u8>,
    most: usize,
}

impl Recording<'_> {
    /// So many bytes more. Nothing is allocated for bytes that are not there.
    fn read(&mut self, size: usize) -> Result<Range<usize>, Failure> {
        let start = self.bytes.len();
        if size > self.most.saturating_sub(start) {
            return damaged(format!("its header is longer than {HEADER_BYTES_MAX} bytes"));
        }
        let read = (&mut *self.source).take(size as u64).read_to_end(&mut self.bytes).map_err(Failure::Source)?;
        if read < size { damaged("it is cut off") } else { Ok(start..start + size) }
    }

    fn long(&mut self) -> Result<i64, Failure> {
        let start = self.bytes.len();
        loop {
            let byte = self.read(1)?;
            if self.bytes[byte.start] & 0x80 == 0 || byte.end - start > 10 {
                return Datum(&self.bytes[start..]).long().map_err(Failure::Damaged);
            }
        }
    }

    fn bytes(&mut self) -> Result<Range<usize>, Failure> {
        let length = self.long()?;
        let Ok(size) = usize::try_from(length) else {
            return damaged(format!("a value has the length {length}"));
        };
        self.read(size)
    }

    fn has_ended(&mut self) -> Result<bool, Failure> {
        loop {
            match io::BufRead::fill_buf(self.source) {
                Ok(rest) => return Ok(rest.is_empty()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(Failure::Source(error)),
            }
        }
    }
}

/// The schema's text, the codec, and the mark that follows every block.
fn read_header(header: &mut Recording<'_>) -> Result<(Vec<u8>, Codec, Mark), Failure> {
    let magic = match header.read(MAGIC.len()) {
        Err(Failure::Damaged(_)) => return damaged("it does not begin as Avro does"),
        magic => magic?,
    };
    if header.bytes[magic] != *MAGIC {
        return damaged("it does not begin as Avro does");
    }
    let (mut schema, mut codec) = (None, None);
    loop {
        let mut count = header.long()?;
        if count == 0 {
            break;
        }
        if count < 0 {
            header.long()?;
            count = count.saturating_neg();
        }
        // Each has bytes of its own, so the bound on the header bounds the loop.
        for _ in 0..count {
            let (name, value) = (header.bytes()?, header.bytes()?);
            match &header.bytes[name] {
                b"avro.schema" => schema = Some(value),
                b"avro.codec" => codec = Some(value),
                _ => {}
            }
        }
    }
    let mark = header.read(size_of::<Mark>())?;
    let mark = header.bytes[mark].try_into().expect("as many bytes as a mark has were read");
    let Some(schema) = schema else { return damaged("its header has no schema") };
    let codec = Codec::named(codec.map(|codec| &header.bytes[codec])).map_err(Failure::Damaged)?;
    Ok((header.bytes[schema].to_vec(), codec, mark))
}

fn read_part(part: &mut Recording<'_>, mark: &Mark) -> Result<Option<Part>, Failure> {
    if part.has_ended()? {
        return Ok(None);
    }
    let (count, size) = (part.long()?, part.long()?);
    let row_count = match u64::try_from(count) {
        // A row has a user and a time, and so at least two bytes.
        Ok(count) if count <= DATA_BYTES_MAX as u64 => count,
        _ => return damaged(format!("a block says that it has {count} rows")),
    };
    let size = match usize::try_from(size) {
        Ok(size) if size <= BLOCK_BYTES_MAX => size,
        _ => return damaged(format!("a block says that it has {size} bytes; at most {BLOCK_BYTES_MAX} can be read")),
    };
    let range = part.read(size)?;
    let found = part.read(mark.len())?;
    if part.bytes[found] != *mark {
        return damaged("a block is not followed by the file's mark");
    }
    Ok(Some(Part { row_count, range }))
}
