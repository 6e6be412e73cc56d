use std::io::{self, Read};

use memchr::{memchr, memchr_iter, memrchr};

use super::compression::Text;
use super::{Layout, csv};
use crate::{Columns, ReadError, Reject, TextFormat};

/// Longest record, its line end included. A row needs a user id of at most 1 KiB, a time and an app: what is a thousand
/// times as long is no row, and a bound on it bounds the memory of a block.
pub const RECORD_BYTES_MAX: usize = 1 << 20;

/// Most bytes of a block: the longest record fits, and so many rows that handing a block to another thread costs nothing.
const BLOCK_BYTES_MAX: usize = RECORD_BYTES_MAX;

pub(super) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A place between two records of a file. An import that stored [`Block::end`] goes on from there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Bytes before it, decompressed.
    pub offset: u64,
    /// The line that begins there, counted from 1.
    pub line: u64,
}

/// Some whole records of a file.
#[derive(Debug)]
pub struct Block {
    bytes: Vec<u8>,
    reject: Option<Reject>,
    first_line: u64,
    end: Position,
}

impl Block {
    /// The records, line ends included.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The line on which the records begin, counted from 1.
    pub fn first_line(&self) -> u64 {
        self.first_line
    }

    /// Where the next block begins.
    pub fn end(&self) -> Position {
        self.end
    }

    /// A record before this block that was too long to be read.
    pub(super) fn reject(&self) -> Option<&Reject> {
        self.reject.as_ref()
    }
}

/// Cuts a stream of text into blocks that end where a record ends. A line end inside quotes ends no CSV record.
pub struct BlockReader {
    text: Text,
    format: TextFormat,
    layout: Layout,
    /// What was read beyond the last block.
    pending: Vec<u8>,
    /// Where `pending` begins.
    position: Position,
    /// A record that was skipped, to be delivered with the next block.
    reject: Option<Reject>,
    state: State,
}

enum State {
    Open,
    Ended,
    /// The stream failed; the error waits until what was read before it is delivered.
    Failed(io::Error),
}

impl BlockReader {
    /// Begins to read: finds out whether the source is compressed, and reads the header of a CSV file.
    pub fn open(format: TextFormat, columns: &Columns, source: Box<dyn Read + Send>) -> Result<Self, ReadError> {
        let text = Text::open(source).map_err(|source| ReadError::Source { line: 0, source })?;
        let mut reader = Self {
            text,
            format,
            layout: Layout::of_ndjson(columns),
            pending: Vec::new(),
            position: Position { offset: 0, line: 1 },
            reject: None,
            state: State::Open,
        };
        reader.fill();
        if reader.pending.starts_with(BYTE_ORDER_MARK) {
            reader.consume(BYTE_ORDER_MARK.len());
        }
        if format == TextFormat::Csv {
            reader.read_header(columns)?;
        }
        Ok(reader)
    }

    /// What [`parse_block`](super::parse_block) needs besides a block.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Whether the source is compressed: only then may its content fail when all of its bytes are there.
    pub fn is_compressed(&self) -> bool {
        self.text.compression().is_some()
    }

    /// Where the next block begins.
    pub fn position(&self) -> Position {
        self.position
    }

    /// Passes over what was read before: `position` is the [`Block::end`] of a block of the same file.
    pub fn skip_to(&mut self, position: Position) -> Result<(), ReadError> {
        loop {
            let missing = position.offset.saturating_sub(self.position.offset);
            self.consume(usize::try_from(missing).unwrap_or(usize::MAX).min(self.pending.len()));
            if self.position.offset >= position.offset {
                break;
            }
            if !matches!(self.state, State::Open) {
                self.take_failure()?;
                break;
            }
            self.fill();
        }
        if self.position != position {
            return Err(ReadError::Resume { wanted: position, reached: self.position });
        }
        Ok(())
    }

    /// The next records, or `None` at the end. After an error there are no more.
    pub fn next_block(&mut self) -> Result<Option<Block>, ReadError> {
        self.fill();
        let size = self.complete_records();
        if size == 0 && !self.pending.is_empty() && !matches!(self.state, State::Failed(_)) {
            self.skip_record();
            return Ok(Some(self.cut(0)));
        }
        if size == 0 {
            self.take_failure()?;
            return Ok(None);
        }
        Ok(Some(self.cut(size)))
    }

    /// Reads until a block's worth is pending, or as far as it goes.
    fn fill(&mut self) {
        let missing = BLOCK_BYTES_MAX - self.pending.len();
        if missing == 0 || !matches!(self.state, State::Open) {
            return;
        }
        self.pending.reserve_exact(missing);
        match (&mut self.text).take(missing as u64).read_to_end(&mut self.pending) {
            Ok(size) if size == missing => {}
            Ok(_) => self.state = State::Ended,
            Err(error) => self.state = State::Failed(error),
        }
    }

    /// How many of the pending bytes are records that can be parsed: up to the last end of a record, and up to the
    /// last byte when the file ends without a line end.
    fn complete_records(&self) -> usize {
        let ended = matches!(self.state, State::Ended);
        match self.format {
            TextFormat::Ndjson if ended => self.pending.len(),
            TextFormat::Ndjson => memrchr(b'\n', &self.pending).map_or(0, |index| index + 1),
            TextFormat::Csv => csv::complete_records(&self.pending, ended),
        }
    }

    fn cut(&mut self, size: usize) -> Block {
        let first_line = self.position.line;
        let mut rest = Vec::new();
        if size < self.pending.len() {
            rest.reserve_exact(BLOCK_BYTES_MAX);
            rest.extend_from_slice(&self.pending[size..]);
        }
        let mut bytes = std::mem::replace(&mut self.pending, rest);
        bytes.truncate(size);
        self.advance(&bytes);
        Block { bytes, reject: self.reject.take(), first_line, end: self.position }
    }

    /// Passes over the first line of a record that has no end, or whose end is too far away, and makes it a reject.
    /// When an open quote is the reason, what follows its line is read as records again: one stray quote must not
    /// swallow the rest of a file.
    fn skip_record(&mut self) {
        let line = self.position.line;
        if let Some(index) = memchr(b'\n', &self.pending) {
            let reason = "a quote opens a field on this line and is not closed within 1 MiB or before the file ends";
            self.reject = Some(Reject::new(line, reason, &self.pending[..index]));
            self.consume(index + 1);
            return;
        }
        let reason = match self.state {
            State::Open => "the line is longer than 1 MiB",
            State::Ended | State::Failed(_) => "a quote opens a field on this line and is not closed",
        };
        self.reject = Some(Reject::new(line, reason, &self.pending));
        while matches!(self.state, State::Open) || !self.pending.is_empty() {
            let end = memchr(b'\n', &self.pending).map(|index| index + 1);
            self.consume(end.unwrap_or(self.pending.len()));
            if end.is_some() {
                break;
            }
            self.fill();
        }
    }

    fn read_header(&mut self, columns: &Columns) -> Result<(), ReadError> {
        loop {
            let Some((record_size, content)) = csv::first_record(&self.pending, matches!(self.state, State::Ended))
            else {
                self.take_failure()?;
                let reason = "the header, the first line, is longer than 1 MiB or has a quote that is not closed";
                return Err(ReadError::Columns(reason.to_owned()));
            };
            if record_size == 0 {
                return Err(ReadError::Columns("the file is empty; a CSV file begins with a header".to_owned()));
            }
            let header = (!content.is_empty()).then(|| Layout::of_csv_header(content, columns)).transpose()?;
            self.consume(record_size);
            if let Some(layout) = header {
                self.layout = layout;
                return Ok(());
            }
        }
    }

    fn consume(&mut self, size: usize) {
        let rest = self.pending.split_off(size);
        let passed = std::mem::replace(&mut self.pending, rest);
        self.advance(&passed);
    }

    fn advance(&mut self, passed: &[u8]) {
        self.position.offset += passed.len() as u64;
        self.position.line += memchr_iter(b'\n', passed).count() as u64;
    }

    /// The error that ended the stream, once.
    fn take_failure(&mut self) -> Result<(), ReadError> {
        let State::Failed(source) = std::mem::replace(&mut self.state, State::Ended) else { return Ok(()) };
        // A record that the failure cut in two is not delivered.
        self.pending.clear();
        let line = self.position.line - 1;
        Err(match self.text.compression() {
            // The system's own errors carry its code; the rest is the decoder's.
            Some(compression) if source.raw_os_error().is_none() => {
                ReadError::Compression { compression, line, source }
            }
            _ => ReadError::Source { line, source },
        })
    }
}
