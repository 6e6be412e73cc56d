//! How fast each dialect is read, beside what the library under it does with the same bytes when it keeps nothing.
//!
//! `cargo bench -p dauphin-dialects --bench parse` prints one line a dialect; a word after `--` picks those whose name
//! has it. The limit of JSON is `serde_json` passing over the bytes (`IgnoredAny`); of CSV, `csv-core` taking the fields
//! apart; of Parquet, the Arrow reader decoding the same columns. Rounds of both alternate, and the best of each counts.

#![expect(clippy::print_stdout, reason = "a program whose output is its purpose")]
#![expect(clippy::unwrap_used, reason = "what it reads it has made itself")]

use std::fmt::Write;
use std::hint::black_box;
use std::io::Cursor;
use std::sync::Arc;
use std::time::{Duration, Instant as Stopwatch};

use arrow_array::{ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray};
use bytes::Bytes;
use dauphin_dialects::{
    Block, BlockReader, Columns, Element, Layout, ParquetReader, SdkBody, SegmentBody, SegmentCall, SegmentContext,
    TextFormat, parse_block, read_users_track,
};
use dauphin_model::{Instant, Zone};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use serde::de::IgnoredAny;

/// Rows of a file.
const ROWS: u32 = 200_000;
/// Rounds of each side.
const ROUNDS: u32 = 15;
/// 2018-06-28T00:00:00Z.
const FIRST_SECOND: u32 = 1_530_144_000;

/// One dialect's work, and its library's on the same bytes; both return how many events they met.
struct Contest {
    byte_count: usize,
    read: Box<dyn Fn() -> u64>,
    limit: Box<dyn Fn() -> u64>,
}

fn main() {
    let picked = std::env::args().skip(1).find(|argument| !argument.starts_with('-')).unwrap_or_default();
    println!("dialect          bytes/event  ns/event  MB/s  limit MB/s  of the limit");
    for (name, make) in CONTESTS.into_iter().filter(|(name, _)| name.contains(&picked)) {
        run(name, &make());
    }
}

fn run(name: &str, contest: &Contest) {
    let (mut best, mut best_limit) = (Duration::MAX, Duration::MAX);
    let mut events = 0;
    for _ in 0..ROUNDS {
        let (elapsed, found) = time(&contest.read);
        events = found;
        best = best.min(elapsed);
        best_limit = best_limit.min(time(&contest.limit).0);
    }
    let rate = |elapsed: Duration| contest.byte_count as f64 / elapsed.as_secs_f64() / 1e6;
    println!(
        "{name:<16} {:>11.0} {:>9.1} {:>5.0} {:>11.0} {:>13.2}",
        contest.byte_count as f64 / events as f64,
        best.as_secs_f64() * 1e9 / events as f64,
        rate(best),
        rate(best_limit),
        best_limit.as_secs_f64() / best.as_secs_f64(),
    );
}

fn time(work: &dyn Fn() -> u64) -> (Duration, u64) {
    let started = Stopwatch::now();
    let events = black_box(work());
    (started.elapsed(), events)
}

type Make = fn() -> Contest;

const CONTESTS: [(&str, Make); 7] = [
    ("ndjson", || text(TextFormat::Ndjson, ndjson(), ndjson_limit)),
    ("csv", || text(TextFormat::Csv, csv(""), csv_limit)),
    ("csv, quoted", || text(TextFormat::Csv, csv("\""), csv_limit)),
    ("Parquet, snappy", parquet_contest),
    ("users/track", || json((0..200).map(track_body), read_track)),
    ("Braze SDK", || json((0..5_000).map(sdk_body), read_sdk)),
    ("Segment", || json((0..2_000).map(segment_body), read_segment)),
];

fn read_track(body: &[u8]) -> u64 {
    read_users_track(body, &Zone::utc(), 1_000).unwrap().said.len() as u64
}

fn read_sdk(body: &[u8]) -> u64 {
    let mut count = 0;
    SdkBody::parse(body).unwrap().messages("web", &mut |_, said| count += u64::from(said.is_ok())).unwrap();
    count
}

fn read_segment(body: &[u8]) -> u64 {
    let (mut count, zone) = (0, Zone::utc());
    let arrival = Instant::new(FIRST_SECOND.into(), 0).unwrap();
    let context = SegmentContext { app_id: "web", arrival, zone: &zone };
    let body = SegmentBody::parse(SegmentCall::Batch, body).unwrap();
    body.messages(&context, &mut |_, said| count += u64::from(said.is_ok())).unwrap();
    count
}

fn ndjson_limit(bytes: &[u8]) {
    for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        black_box(serde_json::from_slice::<IgnoredAny>(line).unwrap());
    }
}

fn text(format: TextFormat, file: String, limit: fn(&[u8])) -> Contest {
    let byte_count = file.len();
    let mut reader = BlockReader::open(format, &Columns::default(), Box::new(Cursor::new(file))).unwrap();
    let mut blocks = Vec::new();
    while let Some(block) = reader.next_block().unwrap() {
        blocks.push(block);
    }
    let (layout, blocks) = (reader.layout().clone(), Arc::new(blocks));
    let limited = Arc::clone(&blocks);
    Contest {
        byte_count,
        read: Box::new(move || blocks.iter().map(|block| rows_of(&layout, block)).sum()),
        limit: Box::new(move || {
            limited.iter().for_each(|block| limit(block.bytes()));
            u64::from(ROWS)
        }),
    }
}

fn rows_of(layout: &Layout, block: &Block) -> u64 {
    let mut rows = 0;
    parse_block(layout, block, &Zone::utc(), &mut |element| rows += count(&element));
    rows
}

fn count(element: &Element<'_>) -> u64 {
    let Element::Row(row) = black_box(element) else { panic!("{element:?}") };
    u64::from(row.instant.is_some())
}

fn csv_limit(bytes: &[u8]) {
    let mut reader = csv_core::Reader::new();
    let (mut rest, mut text, mut ends) = (bytes, [0; 1024], [0; 16]);
    while !rest.is_empty() {
        let (_, read, _, fields) = reader.read_record(rest, &mut text, &mut ends);
        black_box((&text, fields));
        rest = &rest[read..];
    }
}

fn parquet_contest() -> Contest {
    let column = |name: &'static str, array: ArrayRef| (name, array, true);
    let times = (0..ROWS).map(|row| i64::from(FIRST_SECOND + row) * 1_000_000);
    let batch = RecordBatch::try_from_iter_with_nullable([
        column("user_id", Arc::new(StringArray::from_iter_values((0..ROWS).map(user_id)))),
        column("time", Arc::new(TimestampMicrosecondArray::from_iter_values(times).with_timezone("UTC"))),
        column("app_id", Arc::new(StringArray::from_iter_values((0..ROWS).map(app_id)))),
    ]);
    let batch = batch.unwrap();
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let bytes = Bytes::from(bytes);
    let reader = ParquetReader::of_bytes(bytes.clone(), &Columns::default()).unwrap();
    Contest {
        byte_count: bytes.len(),
        read: Box::new(move || {
            let mut rows = 0;
            for group in 0..reader.row_group_count() {
                reader.read_row_group(group, 0, &Zone::utc(), &mut |element| rows += count(&element)).unwrap();
            }
            rows
        }),
        limit: Box::new(move || {
            let builder = ParquetRecordBatchReaderBuilder::try_new(bytes.clone()).unwrap();
            let batches = builder.with_batch_size(8192).build().unwrap();
            batches.map(|batch| black_box(batch.unwrap()).num_rows() as u64).sum()
        }),
    }
}

fn json(bodies: impl Iterator<Item = String>, read: fn(&[u8]) -> u64) -> Contest {
    let bodies: Arc<Vec<_>> = Arc::new(bodies.collect());
    let limited = Arc::clone(&bodies);
    Contest {
        byte_count: bodies.iter().map(String::len).sum(),
        read: Box::new(move || bodies.iter().map(|body| read(body.as_bytes())).sum()),
        limit: Box::new(move || {
            for body in limited.iter() {
                black_box(serde_json::from_slice::<IgnoredAny>(body.as_bytes()).unwrap());
            }
            0
        }),
    }
}

/// Digits that follow from a row's number and look random.
fn user_id(row: u32) -> String {
    let mixed = u64::from(row).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    format!("{:016x}{:04x}", mixed ^ (mixed >> 31), row & 0xffff)
}

fn app_id(row: u32) -> &'static str {
    ["web", "ios", "android"][(row % 7 % 3) as usize]
}

fn time_of(row: u32) -> String {
    Instant::new((FIRST_SECOND + row / 20).into(), 0).unwrap().to_string()
}

fn csv(quote: &str) -> String {
    let mut text = "user_id,time,app_id\n".to_owned();
    for row in 0..ROWS {
        let (user, time, app) = (user_id(row), time_of(row), app_id(row));
        writeln!(text, "{quote}{user}{quote},{quote}{time}{quote},{quote}{app}{quote}").unwrap();
    }
    text
}

fn ndjson() -> String {
    let mut text = String::new();
    for row in 0..ROWS {
        let (user, time, app) = (user_id(row), time_of(row), app_id(row));
        writeln!(text, r#"{{"user_id":"{user}","time":"{time}","app_id":"{app}"}}"#).unwrap();
    }
    text
}

/// A full request of a server: 1,000 events with properties.
fn track_body(number: u32) -> String {
    let events = (0..1_000).map(|index| {
        let row = number * 1_000 + index;
        format!(
            r#"{{"external_id":"{}","app_id":"{}","name":"opened","time":"{}","properties":{{"source":"push","count":{index}}}}}"#,
            user_id(row),
            app_id(row),
            time_of(row),
        )
    });
    format!(r#"{{"events":[{}]}}"#, events.collect::<Vec<_>>().join(","))
}

/// What a page sends after some clicks: a session, ten events of its own, the session's end.
fn sdk_body(number: u32) -> String {
    let user = user_id(number);
    let event = |name: &str, second: u32, data: &str| {
        format!(
            r#"{{"name":"{name}","time":{}.194,"data":{data},"session_id":"s-{number}","user_id":"{user}"}}"#,
            FIRST_SECOND + second
        )
    };
    let clicks = (0..10).map(|click| event("ce", click, r#"{"n":"clicked","p":{"button":"buy","page":"/shoes/17"}}"#));
    let events: Vec<_> =
        std::iter::once(event("ss", 0, "{}")).chain(clicks).chain([event("se", 11, r#"{"d":11}"#)]).collect();
    format!(
        r#"{{"api_key":"web","device_id":"d-{number}","time":{FIRST_SECOND},"sdk_version":"6.13.0","events":[{}],"respond_with":{{"triggers":true}}}}"#,
        events.join(",")
    )
}

/// What a browser sends after some clicks: ten messages with their context.
fn segment_body(number: u32) -> String {
    let user = user_id(number);
    let messages = (0..10).map(|message| {
        format!(
            r#"{{"timestamp":"{time}","integrations":{{"Segment.io":true}},"type":"track","event":"clicked","properties":{{"path":"/","title":"Shoes","url":"https://shop.example/shoes/17","button":"buy"}},"context":{{"page":{{"path":"/","referrer":"","search":"","title":"Shoes","url":"https://shop.example/shoes/17"}},"userAgent":"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36","locale":"en-US","library":{{"name":"analytics.js","version":"npm:next-1.84.3"}},"timezone":"UTC"}},"messageId":"ajs-next-{number}-{message}","anonymousId":"an-{number}","userId":"{user}"}}"#,
            time = time_of(number * 10 + message),
        )
    });
    format!(
        r#"{{"writeKey":"wk","sentAt":"{}","batch":[{}]}}"#,
        time_of(number),
        messages.collect::<Vec<_>>().join(",")
    )
}
