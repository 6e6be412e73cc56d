//! Any bytes as a Parquet file: an error or rows. The library behind it panics on some of them, which is caught, so this
//! finds what gets past: aborts, long waits, much memory.
#![no_main]

use std::sync::Once;

use dauphin_dialects::{Columns, ParquetReader};
use dauphin_model::Zone;
use libfuzzer_sys::fuzz_target;

/// Row groups that are read of one file.
const ROW_GROUPS_MAX: usize = 8;

fuzz_target!(|bytes: &[u8]| {
    // The fuzzer's own hook would end the process before a panic can be caught.
    static QUIET: Once = Once::new();
    QUIET.call_once(|| std::panic::set_hook(Box::new(|_| {})));
    let Ok(reader) = ParquetReader::of_bytes(bytes.to_vec().into(), &Columns::default()) else { return };
    for row_group in 0..reader.row_group_count().min(ROW_GROUPS_MAX) {
        let _ = reader.read_row_group(row_group, 0, &Zone::utc(), &mut |_| {});
    }
});
