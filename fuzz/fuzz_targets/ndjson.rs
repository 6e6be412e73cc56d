//! Any bytes as NDJSON, cut into blocks and parsed: rows or rejects, and never a panic.
#![no_main]

use std::io::Cursor;

use dauphin_dialects::{BlockReader, Columns, TextFormat, parse_block};
use dauphin_model::Zone;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let source = Box::new(Cursor::new(bytes.to_vec()));
    let Ok(mut reader) = BlockReader::open(TextFormat::Ndjson, &Columns::default(), source) else { return };
    while let Ok(Some(block)) = reader.next_block() {
        parse_block(reader.layout(), &block, &Zone::utc(), &mut |_| {});
    }
});
