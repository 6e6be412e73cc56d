use std::io::{Cursor, Read};

use dauphin_dialects::{BlockReader, Columns, Position, RECORD_BYTES_MAX, ReadError, TextFormat, parse_block};
use dauphin_model::Zone;
use proptest::prelude::*;

use crate::{describe, read};

const FORMATS: [TextFormat; 2] = [TextFormat::Csv, TextFormat::Ndjson];

/// Enough rows, some of several lines, for a few blocks.
fn large(format: TextFormat) -> String {
    let row = |number: u32| match format {
        TextFormat::Csv if number.is_multiple_of(7) => format!("\"u\n\"\"{number}\"\"\",{number:09},\"a,\n\"\n"),
        TextFormat::Csv => format!("u{number},{number:09},\n"),
        TextFormat::Ndjson => format!("{{\"user_id\":\"u{number}\",\"time\":{number}}}\n"),
    };
    let header = if format == TextFormat::Csv { "user_id,time,app_id\n" } else { "" };
    header.to_owned() + &(0..150_000).map(row).collect::<String>()
}

#[test]
fn reading_goes_on_from_the_end_of_any_block() {
    for format in FORMATS {
        let file = large(format);
        let open = || BlockReader::open(format, &Columns::default(), Box::new(Cursor::new(file.clone()))).unwrap();
        let rest = |reader: &mut BlockReader| {
            let mut text = String::new();
            while let Some(block) = reader.next_block().unwrap() {
                let layout = reader.layout();
                parse_block(layout, &block, &Zone::utc(), &mut |element| describe(&mut text, &element));
            }
            text
        };
        let mut reader = open();
        let mut ends = vec![reader.position()];
        while let Some(block) = reader.next_block().unwrap() {
            ends.push(block.end());
        }
        assert!(ends.len() > 3);
        let all = rest(&mut open());
        assert_eq!(all.lines().count(), 150_000);
        for end in ends {
            let mut resumed = open();
            resumed.skip_to(end).unwrap();
            assert!(all.ends_with(&rest(&mut resumed)));
        }
        let wrong = Position { offset: file.len() as u64 + 1, line: 7 };
        assert!(matches!(open().skip_to(wrong), Err(ReadError::Resume { .. })));
        assert!(matches!(open().skip_to(Position { offset: 30, line: 7 }), Err(ReadError::Resume { .. })));
    }
}

#[test]
fn a_record_too_long_is_skipped_and_named() {
    let long = "x".repeat(RECORD_BYTES_MAX);
    let csv = format!("user_id,time\n{long},2018-06-28\nada,2018-06-28T00:00:00Z\n{long}{long}{long}");
    let text = read(TextFormat::Csv, Cursor::new(csv)).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("2 ! the line is longer than 1 MiB ! xxx"));
    assert_eq!(lines[0].len(), "2 ! the line is longer than 1 MiB ! ".len() + 1024);
    assert_eq!(lines[1], "3 | ada | - | 2018-06-28T00:00:00Z");
    assert!(lines[2].starts_with("4 ! the line is longer than 1 MiB ! xxx"));
    assert_eq!(lines.len(), 3);
}

#[test]
fn the_longest_record_is_read() {
    let head = "{\"user_id\":\"ada\",\"x\":\"";
    let filler = "x".repeat(RECORD_BYTES_MAX - head.len() - "\"}\n".len());
    let text = read(TextFormat::Ndjson, Cursor::new(format!("{head}{filler}\"}}\n{head}{filler}x\"}}\n"))).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "1 | ada | - | -");
    assert!(lines[1].starts_with("2 ! the line is longer than 1 MiB ! "));
}

#[test]
fn a_stray_quote_costs_its_own_line_only() {
    let rows: String = (0..100_000).map(|number| format!("u{number},2018-06-28\n")).collect();
    let text = read(TextFormat::Csv, Cursor::new(format!("user_id,time\n\"stray,2018-06-28\n{rows}"))).unwrap();
    let mut lines = text.lines();
    let reject = "2 ! a quote opens a field on this line and is not closed within 1 MiB or before the file ends ! ";
    assert_eq!(lines.next(), Some(format!("{reject}\"stray,2018-06-28").as_str()));
    assert_eq!(lines.count(), 100_000);
}

/// Gives what it has in pieces of changing sizes, as sockets do.
struct Pieces {
    bytes: Cursor<Vec<u8>>,
    sizes: Vec<usize>,
    turn: usize,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let size = self.sizes[self.turn % self.sizes.len()].min(buffer.len());
        self.turn += 1;
        self.bytes.read(&mut buffer[..size])
    }
}

fn quoted(field: &str, is_quoted: bool) -> String {
    let needs_quotes = field.starts_with('"') || field.contains([',', '\n', '\r']);
    if is_quoted || needs_quotes { format!("\"{}\"", field.replace('"', "\"\"")) } else { field.to_owned() }
}

proptest! {
    #[test]
    fn rows_written_are_the_rows_read(
        rows in prop::collection::vec(("[a\",é\n\r]{1,8}", any::<bool>(), 100_000_000_u32.., "[a\",\n]{0,4}", any::<bool>()), 0..40),
        sizes in prop::collection::vec(1_usize..40, 1..8),
        is_crlf in any::<bool>(),
        has_last_line_end in any::<bool>(),
    ) {
        let line_end = if is_crlf { "\r\n" } else { "\n" };
        let mut file = format!("app_id,user_id,time{line_end}");
        let mut expected = String::new();
        for (user_id, is_user_quoted, seconds, app_id, is_app_quoted) in rows {
            let line = file.matches('\n').count() + 1;
            let instant = dauphin_model::Instant::new(seconds.into(), 0).unwrap();
            let app = if app_id.is_empty() { "-" } else { app_id.as_str() };
            let row = format!("{line} | {user_id} | {app} | {instant}").replace('\r', "\\r").replace('\n', "\\n");
            expected += &(row + "\n");
            file += &format!("{},{},{seconds}{line_end}", quoted(&app_id, is_app_quoted), quoted(&user_id, is_user_quoted));
        }
        if !has_last_line_end {
            file.truncate(file.len() - line_end.len());
        }
        let source = Pieces { bytes: Cursor::new(file.into_bytes()), sizes, turn: 0 };
        prop_assert_eq!(read(TextFormat::Csv, source).unwrap(), expected);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        for format in FORMATS {
            let _ = read(format, Cursor::new(bytes.clone()));
            let after_header = [b"user_id,time\n".as_slice(), &bytes].concat();
            let _ = read(format, Cursor::new(after_header));
        }
    }

    #[test]
    fn no_bytes_of_the_right_letters_make_it_panic(
        text in "([\",\n\r\\\\{}:0-9a.]|user_id|time|true|null|\\[|\\]){0,200}",
    ) {
        let _ = read(TextFormat::Ndjson, Cursor::new(text.clone()));
        let found = read(TextFormat::Csv, Cursor::new(format!("user_id,time\n{text}"))).unwrap();
        // Every line is named at most once, in order.
        let lines: Vec<u64> = found.lines().map(|line| line.split_once(' ').unwrap().0.parse().unwrap()).collect();
        prop_assert!(lines.is_sorted_by(|one, other| one < other));
    }
}
