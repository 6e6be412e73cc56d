//! The grammar of CSV, in one place, so that cutting a file into blocks and parsing them agree on it.
//!
//! A record ends with LF or CRLF. A field that begins with `"` is quoted up to the next lone `"`; inside, `""` is one
//! quote, and commas and line ends are text. What follows the closing quote up to the comma is text again. A quote
//! anywhere else is text.

use std::ops::Range;

use memchr::{memchr, memchr_iter, memchr2, memrchr};

use crate::text::scan::first_of;

/// How many of the bytes, which begin with a record, are records with an end; `ended` says that no more will come.
pub(in crate::text) fn complete_records(bytes: &[u8], ended: bool) -> usize {
    if memchr(b'"', bytes).is_none() {
        return if ended { bytes.len() } else { memrchr(b'\n', bytes).map_or(0, |index| index + 1) };
    }
    let mut end = 0;
    while let Some(next) = next_end(bytes, end, ended) {
        end = next;
        if end == bytes.len() {
            break;
        }
    }
    end
}

/// The first record's size with its line end, and its content without; `None` when it has no end.
pub(in crate::text) fn first_record(bytes: &[u8], ended: bool) -> Option<(usize, &[u8])> {
    let size = next_end(bytes, 0, ended)?;
    Some((size, without_line_end(&bytes[..size])))
}

/// A record that was walked over.
pub(super) struct Walked {
    /// Where the next one begins.
    pub(super) end: usize,
    /// Lines it spans.
    pub(super) line_count: u64,
    pub(super) field_count: usize,
    /// It is nothing but a line end.
    pub(super) is_blank: bool,
}

/// Hands on where each field of the record at `start` is, quotes included, with its number. The last record needs no line
/// end.
#[inline(always)]
#[expect(clippy::inline_always, reason = "the fields go into the caller's own variables")]
pub(super) fn walk(bytes: &[u8], start: usize, mut field: impl FnMut(usize, Range<usize>)) -> Walked {
    let (mut begin, mut number, mut line_count) = (start, 0, 1);
    loop {
        let mut after_quotes = begin;
        if bytes.get(begin) == Some(&b'"') {
            after_quotes = closing_quote(bytes, begin).map_or(bytes.len(), |quote| quote + 1);
            line_count += memchr_iter(b'\n', &bytes[begin..after_quotes]).count() as u64;
        }
        let stop = first_of(b',', b'\n', bytes, after_quotes);
        if bytes.get(stop) == Some(&b',') {
            field(number, begin..stop);
            (begin, number) = (stop + 1, number + 1);
            continue;
        }
        // Also where the last line of a file lacks its LF and has kept its CR.
        let content = begin + without_line_end(&bytes[begin..stop]).len();
        field(number, begin..content);
        let end = bytes.len().min(stop + 1);
        return Walked { end, line_count, field_count: number + 1, is_blank: content == start };
    }
}

pub(super) fn without_line_end(record: &[u8]) -> &[u8] {
    let record = record.strip_suffix(b"\n").unwrap_or(record);
    // Also where the last line of a file lacks its LF and has kept its CR.
    record.strip_suffix(b"\r").unwrap_or(record)
}

/// What a field says.
pub(super) enum Content {
    /// It stands there.
    Within(Range<usize>),
    /// It is more than what one pair of quotes encloses.
    Copied(Vec<u8>),
}

/// What the field at `range` says.
pub(super) fn content(bytes: &[u8], range: Range<usize>) -> Content {
    let field = &bytes[range.clone()];
    let [b'"', inside @ ..] = field else { return Content::Within(range) };
    match memchr(b'"', inside) {
        Some(quote) if quote + 1 == inside.len() => return Content::Within(range.start + 1..range.end - 1),
        None => return Content::Within(range.start + 1..range.end),
        Some(_) => {}
    }
    let close = closing_quote(field, 0).unwrap_or(field.len());
    let mut text = Vec::with_capacity(field.len());
    let mut quoted = &field[1..close];
    while let Some(quote) = memchr(b'"', quoted) {
        text.extend_from_slice(&quoted[..=quote]);
        quoted = &quoted[quote + 2..];
    }
    text.extend_from_slice(quoted);
    text.extend_from_slice(field.get(close + 1..).unwrap_or_default());
    Content::Copied(text)
}

/// The end of the record that begins at `start`; `None` when the bytes hold no end of it.
fn next_end(bytes: &[u8], start: usize, ended: bool) -> Option<usize> {
    let mut from = start;
    loop {
        let Some(found) = memchr2(b'"', b'\n', &bytes[from..]).map(|index| from + index) else {
            return ended.then_some(bytes.len());
        };
        if bytes[found] == b'\n' {
            return Some(found + 1);
        }
        let opens = found == start || bytes[found - 1] == b',';
        from = if opens { closing_quote(bytes, found)? + 1 } else { found + 1 };
        // The quote may be the first of two whose second was not read yet.
        if opens && from == bytes.len() && !ended {
            return None;
        }
    }
}

/// The quote that closes the field whose quote opens at `open`.
fn closing_quote(bytes: &[u8], open: usize) -> Option<usize> {
    let mut from = open + 1;
    loop {
        let quote = from + memchr(b'"', bytes.get(from..)?)?;
        if bytes.get(quote + 1) != Some(&b'"') {
            return Some(quote);
        }
        from = quote + 2;
    }
}

#[cfg(test)]
mod tests {
    use csv_core::{ReadRecordResult, Reader, ReaderBuilder, Terminator};
    use proptest::prelude::*;

    use super::*;

    type Records = Vec<Vec<Vec<u8>>>;

    fn records(bytes: &[u8]) -> Records {
        let mut records = Vec::new();
        let mut start = 0;
        while start < bytes.len() {
            let mut fields = Vec::new();
            let walked = walk(bytes, start, |_, range| {
                fields.push(match content(bytes, range) {
                    Content::Within(range) => bytes[range].to_vec(),
                    Content::Copied(text) => text,
                });
            });
            assert_eq!(next_end(bytes, start, true), Some(walked.end));
            assert_eq!(walked.field_count, fields.len());
            assert_eq!(
                walked.line_count,
                bytes[start..walked.end].split_inclusive(|byte| *byte == b'\n').count() as u64
            );
            if !walked.is_blank {
                records.push(fields);
            }
            start = walked.end;
        }
        records
    }

    fn records_of_library(bytes: &[u8]) -> Records {
        let mut reader: Reader = ReaderBuilder::new().terminator(Terminator::Any(b'\n')).build();
        let (mut records, mut rest) = (Vec::new(), bytes);
        let (mut text, mut ends) = (vec![0; bytes.len() + 1], vec![0; bytes.len() + 1]);
        let (mut text_size, mut field_count) = (0, 0);
        loop {
            let (result, read, written, ended) =
                reader.read_record(rest, &mut text[text_size..], &mut ends[field_count..]);
            rest = &rest[read..];
            text_size += written;
            field_count += ended;
            match result {
                ReadRecordResult::Record => {
                    let starts = std::iter::once(0).chain(ends.iter().copied());
                    let fields = starts.zip(&ends[..field_count]).map(|(start, end)| text[start..*end].to_vec());
                    records.push(fields.collect());
                    (text_size, field_count) = (0, 0);
                }
                ReadRecordResult::End => return records,
                ReadRecordResult::InputEmpty => {}
                other => panic!("the buffers are as large as the input: {other:?}"),
            }
        }
    }

    proptest! {
        #[test]
        fn the_grammar_is_that_of_the_library(text in "[a\",\n]{0,60}") {
            let whole = complete_records(text.as_bytes(), true);
            let bytes = &text.as_bytes()[..whole];
            prop_assert_eq!(records(bytes), records_of_library(bytes));
        }

        /// Where a file is cut, and how much of it was read by then, changes no record.
        #[test]
        fn a_cut_changes_no_record(text in "[a\",\n]{0,60}", size in 0_usize..60) {
            let bytes = text.as_bytes();
            let whole = &bytes[..complete_records(bytes, true)];
            let end = complete_records(&whole[..size.min(whole.len())], false);
            let parts = [records(&whole[..end]), records(&whole[end..])].concat();
            prop_assert_eq!(parts, records(whole));
        }
    }
}
