use std::fs::File;
use std::sync::Arc;

use arrow_array::types::Int8Type;
use arrow_array::{
    Array, ArrayRef, BinaryArray, Date32Array, Date64Array, DictionaryArray, Float64Array, Int32Array, Int64Array,
    LargeStringArray, NullArray, RecordBatch, StringArray, StringViewArray, TimestampMicrosecondArray,
    TimestampMillisecondArray, TimestampNanosecondArray, TimestampSecondArray, UInt64Array,
};
use dauphin_dialects::{Columns, ParquetReader, ReadError};
use dauphin_model::Zone;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{ByteArrayType, Int96, Int96Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use proptest::prelude::*;

use crate::describe;

fn file(columns: Vec<(&str, ArrayRef)>, rows_a_group: usize) -> Vec<u8> {
    let batch =
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true))).unwrap();
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(rows_a_group))
        .build();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

fn open(bytes: Vec<u8>) -> Result<ParquetReader, ReadError> {
    ParquetReader::of_bytes(bytes.into(), &Columns::default())
}

fn group(reader: &ParquetReader, row_group: usize, skip: u64) -> Result<String, ReadError> {
    let mut text = String::new();
    let zone = Zone::named("Europe/Paris").unwrap();
    reader.read_row_group(row_group, skip, &zone, &mut |element| describe(&mut text, &element))?;
    Ok(text)
}

fn texts(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

/// The instants that a column of times is read as.
fn instants(times: ArrayRef) -> Vec<String> {
    let users = texts(&vec!["ada"; times.len()]);
    let reader = open(file(vec![("user_id", users), ("time", times)], 100)).unwrap();
    let text = group(&reader, 0, 0).unwrap();
    text.lines()
        .map(|line| line.replace(" | ada | - | ", " ").replace(" ! ", " ").split_once(' ').unwrap().1.to_owned())
        .collect()
}

#[test]
fn every_type_of_time_is_read() {
    let zoned = "2018-06-29T04:59:59Z";
    let local = "2018-06-29T02:59:59Z";
    let seconds = 1_530_248_399_i64;
    assert_eq!(
        instants(Arc::new(TimestampMillisecondArray::from(vec![seconds * 1_000]).with_timezone("UTC"))),
        [zoned]
    );
    assert_eq!(
        instants(Arc::new(TimestampMicrosecondArray::from(vec![seconds * 1_000_000]).with_timezone("-05:00"))),
        [zoned]
    );
    assert_eq!(instants(Arc::new(TimestampMillisecondArray::from(vec![seconds * 1_000]))), [local]);
    assert_eq!(instants(Arc::new(TimestampMicrosecondArray::from(vec![seconds * 1_000_000]))), [local]);
    assert_eq!(
        instants(Arc::new(TimestampNanosecondArray::from(vec![seconds * 1_000_000_000 + 1]))),
        ["2018-06-29T02:59:59.000000001Z"]
    );
    assert_eq!(instants(Arc::new(TimestampSecondArray::from(vec![seconds]))), [local]);
    assert_eq!(instants(Arc::new(Date32Array::from(vec![17_711]))), ["2018-06-28T22:00:00Z"]);
    assert_eq!(instants(Arc::new(Date64Array::from(vec![17_711 * 86_400_000]))), ["2018-06-28T22:00:00Z"]);
    assert_eq!(instants(Arc::new(Int64Array::from(vec![seconds]))), [zoned]);
    assert_eq!(instants(Arc::new(Int32Array::from(vec![1_530_248_399]))), [zoned]);
    assert_eq!(instants(Arc::new(UInt64Array::from(vec![1_530_248_399]))), [zoned]);
    assert_eq!(instants(Arc::new(Float64Array::from(vec![1_530_248_399.25]))), ["2018-06-29T04:59:59.25Z"]);
    assert_eq!(instants(texts(&["2018-06-28T23:59:59-05:00", "1530248399"])), [zoned, zoned]);
}

/// Arrow writes no 96-bit timestamps; Spark does: nanoseconds of the day, and its Julian day number.
#[test]
fn a_96_bit_timestamp_is_utc_in_all_years() {
    let message = "message schema { required binary user_id (STRING); required int96 time; }";
    let schema = Arc::new(parse_message_type(message).unwrap());
    let mut bytes = Vec::new();
    let mut writer = SerializedFileWriter::new(&mut bytes, schema, Arc::default()).unwrap();
    let mut row_group = writer.next_row_group().unwrap();
    let mut column = row_group.next_column().unwrap().unwrap();
    column.typed::<ByteArrayType>().write_batch(&["ada".into(), "bob".into()], None, None).unwrap();
    column.close().unwrap();
    let mut column = row_group.next_column().unwrap().unwrap();
    let time = |julian_day| {
        let mut time = Int96::new();
        time.set_data(3_000_000_000, 0, julian_day);
        time
    };
    column.typed::<Int96Type>().write_batch(&[time(2_440_588), time(4_000_000)], None, None).unwrap();
    column.close().unwrap();
    row_group.close().unwrap();
    writer.close().unwrap();
    let text = group(&open(bytes).unwrap(), 0, 0).unwrap();
    assert_eq!(text, "1 | ada | - | 1970-01-01T00:00:03Z\n2 | bob | - | 6239-07-12T00:00:03Z\n");
}

#[test]
fn a_time_that_is_none_is_a_reject() {
    let reason = |times: ArrayRef| instants(times).remove(0);
    assert!(reason(Arc::new(Int64Array::from(vec![1_530_248_399_000]))).contains("looks like milliseconds"));
    assert!(reason(Arc::new(UInt64Array::from(vec![u64::MAX]))).contains("looks like nanoseconds"));
    assert!(reason(Arc::new(Float64Array::from(vec![f64::NAN]))).contains("`NaN` is not a number of seconds"));
    assert!(reason(Arc::new(TimestampMicrosecondArray::from(vec![i64::MAX]))).contains("lies outside the years"));
    assert!(
        reason(Arc::new(TimestampMillisecondArray::from(vec![i64::MIN]).with_timezone("UTC")))
            .contains("lies outside the years")
    );
    assert!(reason(Arc::new(Date32Array::from(vec![i32::MAX]))).contains("lies outside the years"));
    assert!(reason(texts(&["soon"])).starts_with("`soon` is not a time"));
    let seconds = Int64Array::from(vec![None, Some(0)]);
    assert_eq!(reason(Arc::new(seconds)), "`time` is null user_id=ada, time=null");
}

#[test]
fn every_type_of_user_id_is_read() {
    let keys = arrow_array::Int8Array::from(vec![1, 0, 1]);
    let dictionary = DictionaryArray::<Int8Type>::try_new(keys, texts(&["bob", "ada"])).unwrap();
    let columns: Vec<(ArrayRef, &str)> = vec![
        (texts(&["ada", "bob", "ada"]), "ada,bob,ada"),
        (Arc::new(LargeStringArray::from(vec!["ada", "bob", "ada"])), "ada,bob,ada"),
        (Arc::new(StringViewArray::from(vec!["ada", "bob", "ada"])), "ada,bob,ada"),
        (Arc::new(BinaryArray::from(vec![b"ada".as_slice(), b"bob", b"ada"])), "ada,bob,ada"),
        (Arc::new(dictionary), "ada,bob,ada"),
        (Arc::new(Int32Array::from(vec![7, -1, 7])), "7,-1,7"),
        (Arc::new(Int64Array::from(vec![i64::MAX, 0, 1])), "9223372036854775807,0,1"),
        (Arc::new(UInt64Array::from(vec![u64::MAX, 0, 1])), "18446744073709551615,0,1"),
    ];
    for (users, expected) in columns {
        let kind = users.data_type().clone();
        let apps = Arc::clone(&users);
        let times: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3]));
        let reader = open(file(
            vec![("app_id", apps), ("extra", texts(&["", "", ""])), ("time", times), ("user_id", users)],
            100,
        ))
        .unwrap();
        let text = group(&reader, 0, 0).unwrap();
        let fields =
            |index: usize| text.lines().map(|line| line.split(" | ").nth(index).unwrap()).collect::<Vec<_>>().join(",");
        assert_eq!(fields(1), expected, "{kind}");
        assert_eq!(fields(2), expected, "{kind}");
    }
}

#[test]
fn a_null_user_is_a_reject_and_a_null_app_is_none() {
    let users: ArrayRef = Arc::new(StringArray::from(vec![None, Some("ada"), Some(""), Some("bob")]));
    let times: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3, 4]));
    let apps: ArrayRef = Arc::new(StringArray::from(vec![Some("web"), None, Some("web"), Some("")]));
    let reader = open(file(vec![("user_id", users), ("time", times), ("app_id", apps)], 100)).unwrap();
    let expected = "\
        1 ! `user_id` is null ! user_id=null, time=1, app_id=web\n\
        2 | ada | - | 1970-01-01T00:00:02Z\n\
        3 ! the user id is empty ! user_id=, time=3, app_id=web\n\
        4 | bob | - | 1970-01-01T00:00:04Z\n";
    assert_eq!(group(&reader, 0, 0).unwrap(), expected);
    let none: ArrayRef = Arc::new(NullArray::new(1));
    let reader =
        open(file(vec![("user_id", texts(&["ada"])), ("time", texts(&["1970-01-02"])), ("app_id", none)], 100))
            .unwrap();
    assert_eq!(group(&reader, 0, 0).unwrap(), "1 | ada | - | 1970-01-01T23:00:00Z\n");
}

fn numbered(count: i32, rows_a_group: usize) -> Vec<u8> {
    let users: ArrayRef =
        Arc::new((0..count).map(|number| Some(format!("user {}", number % 50))).collect::<StringArray>());
    let times: ArrayRef = Arc::new(Int64Array::from_iter_values(0..i64::from(count)));
    file(vec![("user_id", users), ("time", times)], rows_a_group)
}

#[test]
fn row_groups_are_read_on_their_own_and_from_any_row() {
    let mut on_disk = tempfile::tempfile().unwrap();
    std::io::Write::write_all(&mut on_disk, &numbered(25_000, 10_000)).unwrap();
    let reader = ParquetReader::of_file(on_disk, &Columns::default()).unwrap();
    assert_eq!((reader.row_group_count(), reader.row_count()), (3, 25_000));
    assert_eq!([0, 1, 2].map(|index| reader.rows_before(index)), [0, 10_000, 20_000]);
    let groups: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..3)
            .map(|index| {
                scope.spawn({
                    let reader = &reader;
                    move || group(reader, index, 0).unwrap()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let all = groups.concat();
    for (number, line) in all.lines().enumerate() {
        assert!(line.starts_with(&format!("{} | user {} | - | ", number + 1, number % 50)), "{line}");
    }
    assert_eq!(all.lines().count(), 25_000);
    let rest = group(&reader, 1, 9_998).unwrap();
    assert_eq!(rest.lines().next().unwrap().split_once(' ').unwrap().0, "19999");
    assert_eq!(rest.lines().count(), 2);
    assert_eq!(group(&reader, 2, 5_000).unwrap(), "");
    assert_eq!(group(&reader, 2, u64::MAX).unwrap(), "");
}

#[test]
fn a_file_without_the_columns_or_of_other_types_is_refused() {
    let refusal = |columns| open(file(columns, 100)).map(drop).unwrap_err().to_string();
    let numbers = || -> ArrayRef { Arc::new(Int64Array::from(vec![1])) };
    let floats = || -> ArrayRef { Arc::new(Float64Array::from(vec![1.0])) };
    assert!(refusal(vec![("who", numbers()), ("time", numbers())]).starts_with("the file has no column `user_id`"));
    let error = refusal(vec![("user_id", floats()), ("time", numbers())]);
    assert_eq!(error, "the column `user_id` has the type Float64; it must hold text or whole numbers");
    let flags: ArrayRef = Arc::new(arrow_array::BooleanArray::from(vec![true]));
    let error = refusal(vec![("user_id", numbers()), ("time", flags)]);
    assert_eq!(error, "the column `time` has the type Boolean; it must hold timestamps, dates, text or Unix seconds");
    let error = open(b"PAR1 not really".to_vec()).map(drop).unwrap_err().to_string();
    assert!(error.starts_with("not a readable Parquet file: "), "{error}");
    assert!(open(Vec::new()).is_err());
    assert!(
        ParquetReader::of_file(
            File::open(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).unwrap(),
            &Columns::default()
        )
        .is_err()
    );
}

fn read_all(bytes: Vec<u8>) -> Result<u64, ReadError> {
    let reader = open(bytes)?;
    let mut rows = 0;
    for row_group in 0..reader.row_group_count().min(8) {
        reader.read_row_group(row_group, 0, &Zone::utc(), &mut |_| rows += 1)?;
    }
    Ok(rows)
}

proptest! {
    #[test]
    fn a_file_cut_off_is_an_error(size in 0_usize..2_000) {
        let bytes = numbered(300, 100);
        prop_assert!(size >= bytes.len() || read_all(bytes[..size].to_vec()).is_err());
    }

    #[test]
    fn no_damaged_file_makes_it_panic(damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let mut bytes = numbered(300, 100);
        for (index, byte) in damage {
            let size = bytes.len();
            bytes[index.index(size)] = byte;
        }
        let _ = read_all(bytes);
    }
}
