use dauphin_model::Zone;
use memchr::{memchr, memchr_iter, memrchr};

use super::block::{BYTE_ORDER_MARK, RECORD_BYTES_MAX};
use super::{compression, ndjson};
use crate::{Columns, Element, Reject};

/// Whether a text that is in memory is compressed: only then may its content fail when all of its bytes are there.
pub fn is_compressed(text: &[u8]) -> bool {
    compression::compression_of(text).is_some()
}

/// Hands every line of a plain NDJSON text to `sink`, as a [`BlockReader`](super::BlockReader) and
/// [`parse_block`](super::parse_block) do, without a copy of it.
pub fn parse_ndjson(columns: &Columns, text: &[u8], zone: &Zone, sink: &mut dyn FnMut(Element<'_>)) {
    let (mut rest, mut line) = (text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text), 1);
    while !rest.is_empty() {
        let size = match rest.get(..RECORD_BYTES_MAX) {
            None => rest.len(),
            Some(most) => memrchr(b'\n', most).map_or(0, |index| index + 1),
        };
        let (lines, after) = if size == 0 {
            let size = memchr(b'\n', rest).map_or(rest.len(), |index| index + 1);
            sink(Element::Reject(Reject::new(line, "the line is longer than 1 MiB", &rest[..RECORD_BYTES_MAX])));
            rest.split_at(size)
        } else {
            let (lines, after) = rest.split_at(size);
            ndjson::parse(columns, lines, line, zone, sink);
            (lines, after)
        };
        line += memchr_iter(b'\n', lines).count() as u64;
        rest = after;
    }
}
