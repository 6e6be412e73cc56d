//! The same rows in every form a file can have.

use std::io::Write;
use std::sync::Arc;

use arrow_array::{RecordBatch, StringArray};
use flate2::Compression;
use flate2::write::GzEncoder;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;

use crate::real_data::{assert_all_series, csv};
use crate::support::Place;

const ZONE: &str = "America/New_York";

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn ndjson(csv: &str) -> String {
    let mut text = String::new();
    for [user_id, time, app_id] in rows(csv) {
        text.push_str(&format!(
            "{{\"app_id\":\"{app_id}\",\"user_id\":\"{user_id}\",\"time\":\"{time}\",\"more\":[1]}}\n"
        ));
    }
    text
}

fn rows(csv: &str) -> impl Iterator<Item = [&str; 3]> {
    csv.lines().skip(1).map(|line| {
        let fields: Vec<&str> = line.split(',').collect();
        fields.try_into().expect("three fields without quotes")
    })
}

fn parquet(csv: &str) -> Vec<u8> {
    let column = |index: usize| Arc::new(StringArray::from_iter_values(rows(csv).map(|row| row[index]))) as _;
    let columns = [("time", column(1)), ("user_id", column(0)), ("app_id", column(2))];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(30_000)).build();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

fn import_and_ask(name: &str, content: impl FnOnce(&str) -> Vec<u8>) {
    let Some(csv) = csv() else { return };
    let place = Place::new();
    place.write(name, content(&csv));
    let made = place.init(&format!("--zone {ZONE}"));
    let imported = place.run_json(&format!("import --data data --create-apps {name}"));
    assert_eq!((imported["rows"].as_u64(), imported["rejected"].as_u64()), (Some(112_404), Some(0)));
    let server = place.serve(&made.key, &[]);
    assert_all_series(&server.http, ZONE);
}

#[test]
fn plain_csv() {
    import_and_ask("rows.csv", |csv| csv.as_bytes().to_vec());
}

#[test]
fn csv_in_zstd() {
    import_and_ask("rows.csv.zst", |csv| zstd::encode_all(csv.as_bytes(), 1).unwrap());
}

#[test]
fn plain_ndjson() {
    import_and_ask("rows.ndjson", |csv| ndjson(csv).into_bytes());
}

#[test]
fn ndjson_in_gzip() {
    import_and_ask("rows.jsonl.gz", |csv| gzipped(ndjson(csv).as_bytes()));
}

#[test]
fn parquet_with_several_row_groups() {
    import_and_ask("rows.parquet", parquet);
}
