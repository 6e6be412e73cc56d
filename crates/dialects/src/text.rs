//! Lines of text: decompressed and cut into blocks by one thread, parsed by many.

mod block;
mod compression;
pub(crate) mod scan;

mod csv;
pub(crate) mod ndjson;
mod whole;

use std::io::{Cursor, Read};

use dauphin_model::Zone;

pub use block::{Block, BlockReader, Position, RECORD_BYTES_MAX};
pub use csv::TextBatch;
pub use whole::{is_compressed, parse_ndjson};

use crate::{Columns, Element, ReadError};

/// How the records of one file are laid out: everything that is needed, besides a [`Block`], to parse it.
#[derive(Debug, Clone)]
pub struct Layout(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Csv(csv::Header),
    Ndjson(Columns),
}

impl Layout {
    /// The layout that the header, the first record of a CSV file, declares.
    fn of_csv_header(record: &[u8], columns: &Columns) -> Result<Self, ReadError> {
        csv::Header::parse(record, columns).map(Kind::Csv).map(Self)
    }

    fn of_ndjson(columns: &Columns) -> Self {
        Self(Kind::Ndjson(columns.clone()))
    }
}

/// The plain text with which a file begins whose first bytes, as they are stored, are these.
pub(crate) fn beginning(stored: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    if let Ok(text) = compression::Text::open(Box::new(Cursor::new(stored.to_vec()))) {
        // What was cut off is no matter: as much as there is.
        let _ = text.take(BEGINNING_BYTES).read_to_end(&mut plain);
    }
    if plain.starts_with(block::BYTE_ORDER_MARK) { plain.split_off(block::BYTE_ORDER_MARK.len()) } else { plain }
}

/// Enough to see how a file begins.
const BEGINNING_BYTES: u64 = 4096;

/// Hands the rows of a block to `sink`, many at once; or nothing, and returns false, where they are not of the kind that
/// a [`TextBatch`] has.
pub fn parse_batches(layout: &Layout, block: &Block, zone: &Zone, sink: &mut dyn FnMut(&TextBatch<'_>)) -> bool {
    match (&layout.0, block.reject()) {
        (Kind::Csv(header), None) => csv::parse_batches(header, block.bytes(), block.first_line(), zone, sink),
        _ => false,
    }
}

/// Hands every line of a block to `sink`, in order, as a row or as a reject. `zone` is whose local time a time without
/// an offset is. Blocks of one file may be parsed in any order and side by side.
pub fn parse_block(layout: &Layout, block: &Block, zone: &Zone, sink: &mut dyn FnMut(Element<'_>)) {
    if let Some(reject) = block.reject() {
        sink(Element::Reject(reject.clone()));
    }
    match &layout.0 {
        Kind::Csv(header) => csv::parse(header, block.bytes(), block.first_line(), zone, sink),
        Kind::Ndjson(columns) => ndjson::parse(columns, block.bytes(), block.first_line(), zone, sink),
    }
}
