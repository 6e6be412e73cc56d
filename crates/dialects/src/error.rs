use std::io;

use serde_json::error::Category;

use crate::Position;

/// Why a file cannot be read, or not be read on. What was delivered before it stands.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file lacks a column, has it twice, or keeps it as a type that cannot be read: the mapping may be wrong.
    #[error("{0}")]
    Columns(String),
    /// A compressed stream ends too early or is not what its first bytes promise.
    #[error("the {compression} stream is cut off or damaged after line {line}: {source}")]
    Compression {
        /// `gzip` or `zstd`.
        compression: &'static str,
        /// The last line that was delivered.
        line: u64,
        /// What the decoder says.
        source: io::Error,
    },
    /// The source of the bytes failed.
    #[error("cannot read on after line {line}: {source}")]
    Source {
        /// The last line that was delivered.
        line: u64,
        /// What the source says.
        source: io::Error,
    },
    /// A position to resume at is none of this file's: it is not the file that was read before.
    #[error("cannot resume after byte {} at line {}: the file has no such place (byte {} is in line {}); it is not the \
             file that was read before", wanted.offset, wanted.line, reached.offset, reached.line)]
    Resume {
        /// The position asked for.
        wanted: Position,
        /// The last position that reading came to.
        reached: Position,
    },
    /// Not Avro, damaged, or of a make that cannot be read.
    #[error("not a readable Avro file after row {row}: {reason}")]
    Avro {
        /// The last row before what cannot be read.
        row: u64,
        /// What is wrong.
        reason: String,
    },
    /// Not Parquet, or damaged.
    #[error("not a readable Parquet file: {0}")]
    Parquet(String),
}

/// Why a whole body is refused: nothing of it counts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// The bytes are no JSON; where, and why.
    #[error("{0}")]
    NotJson(String),
    /// The JSON is not what the route takes; what it takes.
    #[error("{0}")]
    Shape(String),
}

impl BodyError {
    pub(crate) fn of(error: &serde_json::Error) -> Self {
        match error.classify() {
            Category::Data => Self::Shape(format!("The body is refused: {error}")),
            Category::Syntax | Category::Eof | Category::Io => Self::NotJson(error.to_string()),
        }
    }
}
