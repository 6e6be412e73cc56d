use std::fs::{self, File};
use std::path::Path;

use dauphin_dialects::{BlockReader, Columns, Format, ReadError, TextFormat};

use crate::read;

#[test]
fn every_golden_file_gives_its_expected_rows_and_rejects() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut checked = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let Some(Format::Text(format)) = Format::of_file_name(path.to_str().unwrap()) else { continue };
        let found = read(format, File::open(&path).unwrap()).unwrap();
        let expected = fs::read_to_string(path.with_extension("expected")).unwrap();
        for (found, expected) in found.lines().zip(expected.lines()) {
            assert_eq!(found, expected, "{}", path.display());
        }
        assert_eq!(found.lines().count(), expected.lines().count(), "{}", path.display());
        checked += 1;
    }
    assert_eq!(checked, 4);
}

#[test]
fn a_header_without_a_column_is_an_error_that_names_it() {
    for (header, expected) in [
        ("", "the file is empty; a CSV file begins with a header"),
        ("\n\n", "the file is empty; a CSV file begins with a header"),
        ("who,time\nada,2018-06-28\n", "no column `user_id` (if it has another name, say `--map user_id=COL`)"),
        (
            "user_id,when",
            "no column `time` (if it has another name, say `--map time=COL`); its columns are `user_id,when`",
        ),
        ("user_id,time,user_id", "two columns `user_id`"),
        ("\"user_id,time", "a quote that is not closed"),
    ] {
        let opened = BlockReader::open(TextFormat::Csv, &Columns::default(), Box::new(header.as_bytes()));
        let Err(ReadError::Columns(message)) = opened.map(drop) else { panic!("`{header}` was accepted") };
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn nesting_a_million_deep_does_not_exhaust_the_stack() {
    let deep = "[".repeat(500_000) + &"]".repeat(500_000);
    let lines = format!(
        "{deep}\n{{\"user_id\":{deep}}}\n{{\"x\":{deep},\"user_id\":\"ada\"}}\n{}\n{{\"user_id\":\"bob\"}}\n",
        "{\"x\":".repeat(200_000)
    );
    let found = read(TextFormat::Ndjson, std::io::Cursor::new(lines)).unwrap();
    let found: Vec<&str> = found.lines().collect();
    assert!(found[0].starts_with("1 ! the line is an array; it must be a JSON object"), "{:.200}", found[0]);
    assert!(found[1].starts_with("2 ! `user_id` is an array; it must be a string"), "{:.200}", found[1]);
    assert_eq!(found[2], "3 | ada | - | -");
    assert!(found[3].starts_with("4 ! the line is not a JSON object: EOF"), "{:.200}", found[3]);
    assert_eq!(found[4], "5 | bob | - | -");
}
