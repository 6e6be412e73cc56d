use std::io::Cursor;

use dauphin_dialects::{Columns, RECORD_BYTES_MAX, TextFormat, is_compressed, parse_ndjson};
use dauphin_model::Zone;

use crate::{describe, read};

#[test]
fn a_text_in_memory_is_read_as_a_stream_is() {
    let rows: String = (0..40_000).map(|number| format!("{{\"user_id\":\"u{number}\",\"time\":{number}}}\n")).collect();
    let long = format!("{{\"user_id\":\"ada\",\"x\":\"{}\"}}", "x".repeat(RECORD_BYTES_MAX));
    let short = "{\"user_id\":\"bob\"}";
    for (text, lines) in [
        (String::new(), 0),
        (format!("\u{feff}{short}"), 1),
        (format!("{rows}\n\r\n{rows}{short}"), 80_001),
        (format!("no JSON\n{rows}{long}\n{short}\n{long}"), 40_004),
        (format!("{long}\n{rows}"), 40_001),
    ] {
        let (zone, mut found) = (Zone::named("Europe/Paris").unwrap(), String::new());
        parse_ndjson(&Columns::default(), text.as_bytes(), &zone, &mut |element| describe(&mut found, &element));
        assert_eq!(found.lines().count(), lines);
        assert!(found == read(TextFormat::Ndjson, Cursor::new(text)).unwrap());
    }
}

#[test]
fn the_first_bytes_tell_a_compressed_text() {
    for (text, compressed) in [
        (&[0x1f, 0x8b, 8][..], true),
        (&[0x28, 0xb5, 0x2f, 0xfd, 0], true),
        (&[0x5a, 0x2a, 0x4d, 0x18], true),
        (&[0x28, 0xb5, 0x2f], false),
        (&[0x1f], false),
        (b"{\"user_id\":1}", false),
        (b"", false),
    ] {
        assert_eq!(is_compressed(text), compressed, "{text:x?}");
    }
}
