use std::fs;
use std::io::{Cursor, Read, Write};
use std::path::Path;

use dauphin_dialects::{AvroReader, Columns, ReadError, parse_avro_block};
use dauphin_model::Zone;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use proptest::prelude::*;

use crate::avro_file::{Values, block, file, header, schema};
use crate::describe;

/// Everything in a file, one line each, and the error that ended it if one did.
fn read_as(path: &str, source: impl Read + Send + 'static) -> (String, Option<ReadError>) {
    let zone = Zone::named("Europe/Paris").unwrap();
    let mut text = String::new();
    let read = || {
        let mut reader = AvroReader::open(path, &Columns::default(), Box::new(source))?;
        while let Some(block) = reader.next_block()? {
            parse_avro_block(reader.layout(), &block, &zone, &mut |element| describe(&mut text, &element))?;
        }
        Ok(())
    };
    let ended: Result<(), ReadError> = read();
    (text, ended.err())
}

fn read(bytes: Vec<u8>) -> Result<String, String> {
    match read_as("", Cursor::new(bytes)) {
        (text, None) => Ok(text),
        (_, Some(error)) => Err(error.to_string()),
    }
}

/// `event type | fields | rows`, each row its values in order: `-` is null.
const EVENTS: &str = "
    users.behaviors.app.SessionStart | id:text user_id:text external_user_id:text? app_id:text? time:int session_id:text? platform:text? | e1 b1 ada web 1530248399 s1 ios; e2 b2 - web 1530248400 s2 -; e3 b1 ada - 1530248401 - web; e4 b3 bob web 99999999999 s4 -; e5 - ada web 1530248399 s1 ios
    users.behaviors.app.FirstSession | id:text user_id:text external_user_id:text? app_id:text? time:int session_id:text? | e1 b1 ada web 1530248399 s1
    users.behaviors.app.SessionEnd | id:text user_id:text external_user_id:text? app_id:text? time:int duration:\"double\" | e1 b1 ada web 1530248399 0; e2 b2 - web 1530248399 0
    users.behaviors.CustomEvent | id:text user_id:text external_user_id:text? app_id:text? time:int name:text properties:text? | e1 b1 ada web 1530248399 looked {}; e2 b1 ada web 1530248399 - -
    users.behaviors.Purchase | id:text user_id:text external_user_id:text? app_id:text? time:int product_id:text | e1 b1 ada web 1530248399 p1
    users.behaviors.Uninstall | id:text user_id:text external_user_id:text? app_id:text? time:int | e1 b1 ada web 1530248399
    users.UserOrphan | id:text user_id:text external_user_id:text? time:int orphaned_by_id:text? | e1 b1 - 1530248399 b2; e2 b3 bob 1530248399 b2; e3 b1 - 1530248399 -
    users.UserDeleteRequest | id:text user_id:text time:int app_group_id:text? | e1 b1 1530248399 g1
";

fn row(fields: &str, values: &str) -> Values {
    let values: Vec<&str> = values.split_whitespace().collect();
    let fields: Vec<&str> = fields.split_whitespace().collect();
    assert_eq!(fields.len(), values.len(), "{fields:?} {values:?}");
    fields.iter().zip(values).fold(Values::default(), |row, (field, value)| {
        let value = if value == "-" { "" } else { value };
        match field.split_once(':').unwrap().1 {
            "text" => row.text(value),
            "text?" => row.maybe(value),
            "int" => row.long(value.parse().unwrap()),
            _ => row.raw(&[0; 8]),
        }
    })
}

/// One file of each type of event, by its type.
fn event_files() -> Vec<(String, Vec<u8>)> {
    let lines = EVENTS.lines().filter(|line| !line.trim().is_empty());
    let files = lines.map(|line| {
        let [event, fields, rows] = line.split(" | ").collect::<Vec<_>>().try_into().unwrap();
        let rows: Vec<Values> = rows.split(';').map(|values| row(fields, values)).collect();
        (event.trim().to_owned(), file(&schema(event.trim(), fields), 2, &rows))
    });
    files.collect()
}

/// Files of each type of event are kept in the repository: what they say must never change.
#[test]
fn every_golden_file_says_what_it_did() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/avro");
    let mut said = String::new();
    for (event, bytes) in event_files() {
        let path = folder.join(format!("{event}.avro"));
        if std::env::var_os("DAUPHIN_WRITE_GOLDENS").is_some() {
            fs::write(&path, &bytes).unwrap();
        }
        let golden = fs::read(&path).unwrap();
        assert!(golden == bytes, "the generator makes another {event}.avro");
        let text = read(golden).unwrap();
        said += &format!("{event}\n{text}");
    }
    if std::env::var_os("DAUPHIN_WRITE_GOLDENS").is_some() {
        fs::write(folder.join("expected.txt"), &said).unwrap();
    }
    let expected = fs::read_to_string(folder.join("expected.txt")).unwrap();
    for (found, expected) in said.lines().zip(expected.lines()) {
        assert_eq!(found, expected);
    }
    assert_eq!(said.lines().count(), expected.lines().count());
}

const ROW_FIELDS: &str = "user_id:text time:long app_id:text? session_id:text?";

fn numbered(count: i64, rows_a_block: usize) -> Vec<u8> {
    let rows: Vec<Values> = (0..count)
        .map(|number| Values::default().text(&format!("user {}", number % 50)).long(number).maybe("web").maybe(""))
        .collect();
    file(&schema("Row", ROW_FIELDS), rows_a_block, &rows)
}

#[test]
fn rows_of_another_make_are_rows() {
    let bytes = file(
        &schema("com.example.Row", &format!("padding:{{\"type\":\"array\",\"items\":\"string\"}} {ROW_FIELDS}")),
        10,
        &[
            Values::default()
                .long(2)
                .text("x")
                .text("y")
                .long(0)
                .text("ada")
                .long(1_530_248_399)
                .maybe("web")
                .maybe("s"),
            Values::default().long(0).text("").long(1).maybe("").maybe(""),
            Values::default().long(-1).long(2).text("x").long(0).text("bob").long(i64::MAX).maybe("").maybe(""),
        ],
    );
    let expected = "\
        1 | ada | web | 2018-06-29T04:59:59Z | s\n\
        2 ! the user id is empty ! user_id=, time=1\n\
        3 ! `9223372036854775807` is too large for Unix seconds; it looks like nanoseconds ! \
        user_id=bob, time=9223372036854775807\n";
    assert_eq!(read(bytes).unwrap(), expected);
}

#[test]
fn every_type_of_user_and_time_is_read_or_named() {
    let seconds = 1_530_248_399_i64;
    let double = |number: f64| Values::default().raw(&number.to_le_bytes());
    let logical = |kind: &str| format!("{{\"type\":\"long\",\"logicalType\":\"{kind}\"}}");
    for (of, value, expected) in [
        ("\"long\"".to_owned(), Values::default().long(seconds), "2018-06-29T04:59:59Z"),
        ("\"double\"".to_owned(), double(1_530_248_399.25), "2018-06-29T04:59:59.25Z"),
        ("\"double\"".to_owned(), double(f64::NAN), "`NaN` is not a number of seconds"),
        ("\"float\"".to_owned(), Values::default().raw(&1e9_f32.to_le_bytes()), "2001-09-09T01:46:40Z"),
        ("\"string\"".to_owned(), Values::default().text("2018-06-28T23:59:59-05:00"), "2018-06-29T04:59:59Z"),
        ("\"string\"".to_owned(), Values::default().text("soon"), "`soon` is not a time"),
        ("\"bytes\"".to_owned(), Values::default().long(1).raw(&[0xff]), "`time` is bytes that are no UTF-8 text"),
        (logical("timestamp-millis"), Values::default().long(seconds * 1_000), "2018-06-29T04:59:59Z"),
        (logical("timestamp-micros"), Values::default().long(seconds * 1_000_000), "2018-06-29T04:59:59Z"),
        (logical("timestamp-nanos"), Values::default().long(1), "1970-01-01T00:00:00.000000001Z"),
        (logical("local-timestamp-millis"), Values::default().long(seconds * 1_000), "2018-06-29T02:59:59Z"),
        (logical("timestamp-millis"), Values::default().long(i64::MIN), "lies outside the years 1 to 9999"),
        (
            "{\"type\":\"int\",\"logicalType\":\"date\"}".to_owned(),
            Values::default().long(17_711),
            "2018-06-28T22:00:00Z",
        ),
        ("{\"type\":\"int\",\"logicalType\":\"date\"}".to_owned(), Values::default().long(i64::MAX), "lies outside"),
        ("\"boolean\"".to_owned(), Values::default().raw(&[1]), "`time` is a boolean; it must be a timestamp"),
        ("[\"null\",\"long\"]".to_owned(), Values::default().long(0), "`time` is null"),
        ("{\"type\":\"array\",\"items\":\"null\"}".to_owned(), Values::default().long(0), "`time` is an array"),
        ("{\"type\":\"map\",\"values\":\"long\"}".to_owned(), Values::default().long(0), "`time` is a map"),
    ] {
        let of_row =
            schema("Row", &format!("user_id:{{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"ada\"]}} time:{of}"));
        let bytes = file(&of_row, 1, &[Values::default().long(0).raw(&value.0)]);
        let text = read(bytes).unwrap();
        assert!(text.contains(expected), "{of}: {text}");
        assert_eq!(text.starts_with("1 | ada | - | "), expected.ends_with('Z'), "{of}: {text}");
    }
    let users = schema("Row", "user_id:long time:long");
    assert_eq!(
        read(file(&users, 1, &[Values::default().long(-7).long(1)])).unwrap(),
        "1 | -7 | - | 1970-01-01T00:00:01Z\n"
    );
}

#[test]
fn every_codec_is_read_and_another_is_named() {
    let plain = Values::default().text("ada").long(1).maybe("").maybe("").0;
    let deflated = {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(&plain).unwrap();
        encoder.finish().unwrap()
    };
    let mut snappy = snap::raw::Encoder::new().compress_vec(&plain).unwrap();
    let mut crc = flate2::Crc::new();
    crc.update(&plain);
    snappy.extend(crc.sum().to_be_bytes());
    let with = |codec: &str, stored: &[u8]| [header(&schema("Row", ROW_FIELDS), codec), block(1, stored)].concat();
    let expected = Ok("1 | ada | - | 1970-01-01T00:00:01Z\n".to_owned());
    assert_eq!(read(with("null", &plain)), expected);
    assert_eq!(read(with("deflate", &deflated)), expected);
    assert_eq!(read(with("snappy", &snappy)), expected);
    assert_eq!(read(with("zstandard", &zstd::encode_all(&plain[..], 3).unwrap())), expected);
    *snappy.last_mut().unwrap() ^= 1;
    assert!(read(with("snappy", &snappy)).unwrap_err().contains("its checksum is another"));
    for codec in ["deflate", "snappy", "zstandard"] {
        assert!(read(with(codec, &[0xff; 9])).unwrap_err().contains("a compressed block is damaged"), "{codec}");
    }
    assert!(read(with("xz", &plain)).unwrap_err().contains("it is compressed with `xz`; `null`, `deflate`,"));
}

/// 1 GiB of zeros in some kilobytes, in each codec that can say so.
#[test]
fn a_decompression_bomb_is_an_error() {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    (0..1024).for_each(|_| encoder.write_all(&vec![0; 1 << 20]).unwrap());
    let bomb = encoder.finish().unwrap();
    let bytes = [header(&schema("Row", ROW_FIELDS), "zstandard"), block(1, &bomb)].concat();
    assert!(read(bytes).unwrap_err().contains("a block is longer than 67108864 bytes"));
    // A length of 4 GiB and nothing after it.
    let stored = [&[0xff, 0xff, 0xff, 0xff, 0x0f][..], &[0; 4]].concat();
    let bytes = [header(&schema("Row", ROW_FIELDS), "snappy"), block(1, &stored)].concat();
    assert!(read(bytes).unwrap_err().contains("a block is longer than 67108864 bytes"));
}

#[test]
fn blocks_are_read_on_their_own_and_from_any_of_them() {
    let bytes = numbered(200_000, 1_000);
    let open = || AvroReader::open("", &Columns::default(), Box::new(Cursor::new(bytes.clone()))).unwrap();
    let mut reader = open();
    let mut blocks = Vec::new();
    while let Some(block) = reader.next_block().unwrap() {
        blocks.push(block);
    }
    assert!(blocks.len() > 2, "{}", blocks.len());
    let text_of = |reader: &AvroReader, block| {
        let mut text = String::new();
        parse_avro_block(reader.layout(), block, &Zone::utc(), &mut |element| describe(&mut text, &element)).unwrap();
        text
    };
    let mut lines = 0;
    for block in &blocks {
        assert_eq!(block.first_row(), lines + 1);
        for line in text_of(&reader, block).lines() {
            assert!(line.starts_with(&format!("{} | user {} | web | ", lines + 1, lines % 50)), "{line}");
            lines += 1;
        }
        // Each is a file of its own, and where it ends another reader goes on.
        assert_eq!(
            read(block.to_file(reader.layout())).unwrap().lines().count(),
            text_of(&reader, block).lines().count()
        );
        let mut other = open();
        other.skip_to(block.end()).unwrap();
        let next = other.next_block().unwrap();
        assert_eq!(next.map_or(200_001, |next| next.first_row()), lines + 1);
    }
    assert_eq!(lines, 200_000);
    let mut wrong = blocks[0].end();
    wrong.offset += 1;
    assert!(matches!(open().skip_to(wrong), Err(ReadError::Resume { .. })));
}

#[test]
fn a_file_that_is_none_is_refused() {
    let refusal = |bytes: Vec<u8>| read(bytes).unwrap_err();
    let with_schema = |schema: &str| refusal(header(schema, "null"));
    assert_eq!(refusal(Vec::new()), "not a readable Avro file after row 0: it does not begin as Avro does");
    assert!(refusal(b"PAR1 not really".to_vec()).ends_with("it does not begin as Avro does"));
    assert!(refusal(b"Obj\x01".to_vec()).ends_with("it is cut off"));
    assert!(with_schema("{").contains("its schema is not JSON"));
    assert!(with_schema("\"string\"").contains("its rows are no records"));
    assert!(with_schema("{\"type\":\"record\",\"name\":\"R\"}").contains("a record has no list of fields"));
    assert!(with_schema(&schema("R", "user_id:\"S\"")).contains("the type `S` is not defined"));
    assert!(with_schema(&schema("R", "who:text time:long")).contains("no column `user_id` (if it has another name"));
    assert!(with_schema(&schema("R", "user_id:text user_id:text time:long")).contains("two columns `user_id`"));
    let deep = "{\"type\":\"array\",\"items\":".repeat(100_000);
    assert!(with_schema(&deep).contains("its schema is not JSON: recursion limit exceeded"));
    let long = format!("{}{}", schema("R", ROW_FIELDS), " ".repeat(5 << 20));
    assert!(with_schema(&long).contains("its header is longer than 4194304 bytes"));
    let no_schema = Values::default().raw(b"Obj\x01").long(0).raw(&[0; 16]).0;
    assert!(refusal(no_schema).contains("its header has no schema"));
}

#[test]
fn a_damaged_block_is_an_error_after_the_rows_before_it() {
    let good = numbered(10, 10);
    let damaged = |block: &[u8]| {
        let (text, error) = read_as("", Cursor::new([&good, block].concat()));
        let error = error.unwrap().to_string();
        let begin = format!("not a readable Avro file after row {}: ", text.lines().count());
        assert!(error.starts_with(&begin) && text.lines().count() >= 10, "{error}");
        error
    };
    let row = Values::default().text("ada").long(1).maybe("").maybe("").0;
    let mut marked = block(1, &row);
    *marked.last_mut().unwrap() ^= 1;
    for (block, reason) in [
        (marked, "a block is not followed by the file's mark"),
        (block(1, &row)[..12].to_vec(), "it is cut off"),
        (block(1, &row[..5]), "a number is cut off"),
        (block(1, &[&row[..], &row].concat()), "7 bytes follow the last row of a block"),
        (block(2, &row), "a number is cut off"),
        (block(100, &row), "a block of 7 bytes says that it has 100 rows"),
        (block(1 << 62, &row), "a block says that it has 4611686018427387904 rows"),
        (block(-1, &row), "a block says that it has -1 rows"),
        (Values::default().long(1).long(1 << 62).0, "a block says that it has 4611686018427387904 bytes"),
        (Values::default().long(1).long(-1).0, "a block says that it has -1 bytes"),
        (Values::default().long(1).long(1 << 20).0, "it is cut off"),
        (vec![0xff; 12], "a number is longer than 64 bits"),
        (block(1, &Values::default().long(1 << 62).0), "a value of 4611686018427387904 bytes begins 0 bytes before"),
        (block(1, &Values::default().text("ada").long(1).long(7).0), "a union of 2 types has no type 7"),
    ] {
        let error = damaged(&block);
        assert!(error.contains(reason), "{error}; expected {reason}");
    }
}

/// Lists that claim 2⁶² items without a byte to each, records in records whose number doubles sixty times, a list in a
/// list without end: they end, at once.
#[test]
fn what_a_schema_claims_costs_nothing() {
    let array = |items: &str| format!("{{\"type\":\"array\",\"items\":{items}}}");
    let nulls = schema("Row", &format!("x:{} user_id:text time:long", array("\"null\"")));
    let row = Values::default().long(1 << 62).long(0).text("ada").long(1);
    assert_eq!(read(file(&nulls, 1, &[row])).unwrap(), "1 | ada | - | 1970-01-01T00:00:01Z\n");

    let mut records = "{\"type\":\"record\",\"name\":\"R0\",\"fields\":[]}".to_owned();
    let mut fields = format!("f0:{records}");
    for number in 1..60 {
        let before = number - 1;
        records = format!(
            "{{\"type\":\"record\",\"name\":\"R{number}\",\"fields\":[{{\"name\":\"a\",\"type\":\"R{before}\"}},\
             {{\"name\":\"b\",\"type\":\"R{before}\"}}]}}"
        );
        fields += &format!(" f{number}:{records}");
    }
    let doubling = schema("Row", &format!("{fields} user_id:text time:long"));
    let row = Values::default().text("ada").long(1);
    assert_eq!(read(file(&doubling, 1, &[row])).unwrap(), "1 | ada | - | 1970-01-01T00:00:01Z\n");

    let list = "{\"type\":\"record\",\"name\":\"L\",\"fields\":[{\"name\":\"next\",\"type\":[\"null\",\"L\"]}]}";
    let linked = schema("Row", &format!("x:{list} user_id:text time:long"));
    let rows = |depth: usize| {
        let list = (0..depth).fold(Values::default(), |list, _| list.long(1));
        read(file(&linked, 1, &[list.long(0).text("ada").long(1)]))
    };
    assert_eq!(rows(20).unwrap(), "1 | ada | - | 1970-01-01T00:00:01Z\n");
    assert!(rows(1_000_000).unwrap_err().contains("values lie more than 128 deep in one another"));

    let itself = "{\"type\":\"record\",\"name\":\"S\",\"fields\":[{\"name\":\"s\",\"type\":\"S\"}]}";
    let endless = schema("Row", &format!("x:{itself} user_id:text time:long"));
    let row = Values::default().text("ada").long(1);
    assert!(read(file(&endless, 1, &[row])).unwrap_err().contains("values lie more than 128 deep"));
}

#[test]
fn events_that_say_nothing_are_told_by_record_and_by_path() {
    let bytes = file(&schema("users.messages.email.Send", "id:text user_id:text time:int"), 1, &[]);
    let open = |path: &str| AvroReader::open(path, &Columns::default(), Box::new(Cursor::new(bytes.clone()))).unwrap();
    assert_eq!(open("").layout().says_nothing(), Some("users.messages.email.Send"));
    let path = "s3://bucket/x/event_type=users.behaviors.app.SessionStart/date=2018-06-29-04/1.avro";
    assert_eq!(open(path).layout().says_nothing(), None);
}

proptest! {
    #[test]
    fn a_file_cut_off_is_an_error_unless_between_blocks(size in 0_usize..3_000) {
        let bytes = numbered(120, 10);
        let size = size.min(bytes.len());
        let (text, error) = read_as("", Cursor::new(bytes[..size].to_vec()));
        // Whole blocks of ten rows, and an error when a part of another is there.
        prop_assert_eq!(text.lines().count() % 10, 0);
        let whole = header(&schema("Row", ROW_FIELDS), "null").len();
        let blocks = (0..=12).map(|count| if count == 0 { whole } else { numbered(count * 10, 10).len() });
        prop_assert_eq!(error.is_none(), blocks.into_iter().any(|end| end == size));
    }

    #[test]
    fn no_damaged_file_makes_it_panic(
        event in 0_usize..8,
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = event_files().swap_remove(event).1;
        for (index, byte) in damage {
            let size = bytes.len();
            bytes[index.index(size)] = byte;
        }
        let _ = read(bytes);
    }

    #[test]
    fn no_bytes_after_a_header_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let of_row = schema("Row", &format!("m:{{\"type\":\"map\",\"values\":[\"null\",\"double\"]}} {ROW_FIELDS}"));
        let _ = read([header(&of_row, "null"), bytes.clone()].concat());
        let _ = read([header(&of_row, "null"), block(3, &bytes)].concat());
    }
}
