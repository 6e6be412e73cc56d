//! Any bytes as an Avro file: an error or rows, and never a panic, a long wait or much memory.
#![no_main]

use std::io::Cursor;

use dauphin_dialects::{AvroReader, Columns, parse_avro_block};
use dauphin_model::Zone;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let source = Box::new(Cursor::new(bytes.to_vec()));
    let Ok(mut reader) = AvroReader::open("", &Columns::default(), source) else { return };
    while let Ok(Some(block)) = reader.next_block() {
        if parse_avro_block(reader.layout(), &block, &Zone::utc(), &mut |_| {}).is_err() {
            return;
        }
    }
});
