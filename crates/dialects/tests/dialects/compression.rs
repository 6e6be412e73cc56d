use std::io::{Cursor, Read, Write};

use dauphin_dialects::{BlockReader, Columns, ReadError, TextFormat};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::read;

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn zstd(text: &str) -> Vec<u8> {
    zstd::encode_all(text.as_bytes(), 3).unwrap()
}

fn lines(numbers: std::ops::Range<u64>) -> String {
    numbers.map(|number| format!("{{\"user_id\":{number},\"time\":{number}}}\n")).collect()
}

#[test]
fn members_and_frames_in_a_row_are_one_text() {
    let plain = read(TextFormat::Ndjson, Cursor::new(lines(0..40_000))).unwrap();
    assert_eq!(plain.lines().count(), 40_000);
    for encode in [gzip, zstd] {
        let parts = [encode(&lines(0..10)), encode(""), encode(&lines(10..40_000))].concat();
        assert!(read(TextFormat::Ndjson, Cursor::new(parts)).unwrap() == plain);
    }
}

#[test]
fn a_stream_cut_off_gives_its_whole_lines_and_then_an_error_with_the_line() {
    for (name, encode) in [("gzip", gzip as fn(&str) -> Vec<u8>), ("zstd", zstd)] {
        let mut bytes = encode(&lines(0..200_000));
        bytes.truncate(bytes.len() / 2);
        let (text, error) = read(TextFormat::Ndjson, Cursor::new(bytes)).unwrap_err();
        let line = text.lines().count();
        assert!(line > 50_000, "{line}");
        assert_eq!(text.lines().last().unwrap().split_once(' ').unwrap().0, line.to_string());
        let message = error.to_string();
        assert!(
            message.starts_with(&format!("the {name} stream is cut off or damaged after line {line}: ")),
            "{message}"
        );
    }
}

#[test]
fn a_damaged_stream_is_an_error() {
    for encode in [gzip, zstd] {
        let mut bytes = encode(&lines(0..200_000));
        let middle = bytes.len() / 2;
        bytes[middle..middle + 64].fill(0xff);
        let (_, error) = read(TextFormat::Ndjson, Cursor::new(bytes)).unwrap_err();
        assert!(matches!(error, ReadError::Compression { .. }), "{error}");
    }
    let (_, error) = read(TextFormat::Csv, Cursor::new(b"\x1f\x8bnot gzip".to_vec())).unwrap_err();
    assert!(error.to_string().starts_with("the gzip stream is cut off or damaged after line 0: "), "{error}");
}

#[test]
fn a_source_that_fails_is_told_apart_from_a_damaged_stream() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::from_raw_os_error(5))
        }
    }
    let source = Cursor::new(gzip(&lines(0..10))).take(30).chain(Failing);
    let (_, error) = read(TextFormat::Ndjson, source).unwrap_err();
    assert!(matches!(error, ReadError::Source { line: 0, .. }), "{error}");
    let source = Cursor::new(lines(0..10)).chain(Failing);
    let (text, error) = read(TextFormat::Ndjson, source).unwrap_err();
    assert_eq!(text.lines().count(), 10);
    assert!(matches!(error, ReadError::Source { line: 10, .. }), "{error}");
}

/// 1 GiB of one line in 1 MB: the blocks that come out, one reject and one row, say that it was not kept.
#[test]
fn a_decompression_bomb_is_one_reject() {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    for _ in 0..1024 {
        encoder.write_all(&vec![b'x'; 1 << 20]).unwrap();
    }
    encoder.write_all(b"\n{\"user_id\":\"ada\"}\n").unwrap();
    let bomb = encoder.finish().unwrap();
    let mut reader =
        BlockReader::open(TextFormat::Ndjson, &Columns::default(), Box::new(Cursor::new(bomb.clone()))).unwrap();
    while let Some(block) = reader.next_block().unwrap() {
        assert!(block.bytes().len() <= dauphin_dialects::RECORD_BYTES_MAX);
    }
    let text = read(TextFormat::Ndjson, Cursor::new(bomb)).unwrap();
    assert!(text.starts_with("1 ! the line is longer than 1 MiB ! xxx"));
    assert_eq!(text.lines().last(), Some("2 | ada | - | -"));
    assert_eq!(text.lines().count(), 2);
}
