//! What is read costs no allocation an event: ten times the events need hardly more of them.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray};
use dauphin_dialects::{
    AvroReader, BlockReader, Columns, Element, ParquetReader, SdkBody, SegmentBody, SegmentCall, SegmentContext,
    TextFormat, parse_avro_block, parse_block, read_users_track,
};
use dauphin_model::{Instant, Zone};
use parquet::arrow::ArrowWriter;

use crate::avro_file::{Values, file, schema};

/// 2018-06-28T00:00:00Z.
const FIRST_SECOND: u32 = 1_530_144_000;

/// More than ten times the events may need this many more: vectors that grow by doubling, blocks and pages.
const MORE_MAX: u64 = 64;

/// Counts the allocations of `read`, which returns how many events it met, over `n` and `10 n` events.
fn check<T>(name: &str, n: u32, make: impl Fn(u32) -> T, read: impl Fn(&T) -> u64) {
    let [few, many] = [n, 10 * n].map(|count| {
        let input = make(count);
        let mut events = 0;
        let allocations = allocation_counter::measure(|| events = read(&input)).count_total;
        assert!(events >= count.into(), "{name}: {events} events of {count}");
        allocations
    });
    assert!(many <= few + MORE_MAX, "{name}: {few} allocations for {n} events, {many} for ten times as many");
}

fn row(row: u32) -> (String, String, &'static str) {
    let time = Instant::new((FIRST_SECOND + row).into(), 0).unwrap().to_string();
    (format!("user-{row:016x}"), time, ["web", "ios"][row as usize % 2])
}

fn lines(count: u32, line: impl Fn(String, String, &'static str) -> String) -> String {
    (0..count).map(row).map(|(user, time, app)| line(user, time, app)).collect()
}

/// Blocks are cut before: each is one allocation, however many lines it has.
fn check_text(name: &str, format: TextFormat, header: &str, line: impl Fn(String, String, &'static str) -> String) {
    check(
        name,
        800,
        |count| {
            let text = header.to_owned() + &lines(count, &line);
            let mut reader =
                BlockReader::open(format, &Columns::default(), Box::new(std::io::Cursor::new(text))).unwrap();
            let block = reader.next_block().unwrap().unwrap();
            (reader.layout().clone(), block)
        },
        |(layout, block)| {
            let mut rows = 0;
            parse_block(layout, block, &Zone::utc(), &mut |element| {
                assert!(matches!(element, Element::Row(_)), "{element:?}");
                rows += 1;
            });
            rows
        },
    );
}

#[test]
fn lines_of_text_cost_none() {
    check_text("CSV", TextFormat::Csv, "user_id,time,app_id,session_id\n", |user, time, app| {
        format!("{user},{time},{app},s{user}\n")
    });
    check_text("quoted CSV", TextFormat::Csv, "user_id,time,app_id,x\n", |user, time, app| {
        format!("\"{user}\",\"{time}\",\"{app}\",\"a, \"\"b\"\"\"\r\n")
    });
    check_text("NDJSON", TextFormat::Ndjson, "", |user, time, app| {
        format!("{{\"user_id\":\"{user}\",\"time\":\"{time}\",\"app_id\":\"{app}\",\"session_id\":\"s{user}\"}}\n")
    });
    check_text("NDJSON with numbers", TextFormat::Ndjson, "", |user, _, app| {
        format!("{{\"user_id\": {}, \"time\": 1530144000, \"app_id\": \"{app}\"}}\n", 100 + user.len())
    });
    check_text("NDJSON with objects", TextFormat::Ndjson, "", |user, time, app| {
        format!("{{\"user_id\":\"{user}\",\"time\":\"{time}\",\"app_id\":\"{app}\",\"x\":{{\"y\":[1.5,\"\\\"\"]}}}}\n")
    });
}

#[test]
fn rows_of_parquet_cost_none() {
    let make = |count: u32| {
        let rows: Vec<_> = (0..count).map(row).collect();
        let times = (0..count).map(|row| i64::from(FIRST_SECOND + row) * 1_000_000);
        let column = |name: &'static str, array: ArrayRef| (name, array, true);
        let batch = RecordBatch::try_from_iter_with_nullable([
            column("user_id", Arc::new(StringArray::from_iter_values(rows.iter().map(|row| &row.0)))),
            column("time", Arc::new(TimestampMicrosecondArray::from_iter_values(times).with_timezone("UTC"))),
            column("app_id", Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.2)))),
        ]);
        let (batch, mut bytes) = (batch.unwrap(), Vec::new());
        let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        ParquetReader::of_bytes(bytes.into(), &Columns::default()).unwrap()
    };
    // Fewer rows than one batch has; a batch costs some allocations.
    check("Parquet", 800, make, |reader| {
        let mut rows = 0;
        reader.read_row_group(0, 0, &Zone::utc(), &mut |_| rows += 1).unwrap();
        rows
    });
}

#[test]
fn events_of_avro_cost_none() {
    let schema = schema(
        "users.behaviors.app.SessionStart",
        "id:text user_id:text external_user_id:text? app_id:text time:int session_id:text",
    );
    let make = |count: u32| {
        let rows: Vec<Values> = (0..count)
            .map(row)
            .map(|(user, _, app)| {
                let values = Values::default().text(&user).text(&user).maybe(&user).text(app);
                values.long(FIRST_SECOND.into()).text("s1")
            })
            .collect();
        let bytes = file(&schema, 100_000, &rows);
        let source = Box::new(std::io::Cursor::new(bytes));
        let mut reader = AvroReader::open("", &Columns::default(), source).unwrap();
        let block = reader.next_block().unwrap().unwrap();
        (Arc::clone(reader.layout()), block)
    };
    check("Avro", 1_000, make, |(layout, block)| {
        let mut said = 0;
        let mut sink = |element: Element<'_>| match element {
            Element::Said { messages, .. } => said += messages.len() as u64,
            other => panic!("{other:?}"),
        };
        parse_avro_block(layout, block, &Zone::utc(), &mut sink).unwrap();
        said
    });
}

#[test]
fn elements_of_users_track_cost_none() {
    let element = |user, time, app| {
        format!(
            "{{\"external_id\":\"{user}\",\"app_id\":\"{app}\",\"name\":\"opened\",\"time\":\"{time}\",\"properties\":{{\"x\":[1]}}}},"
        )
    };
    check(
        "users/track",
        100,
        |count| format!("{{\"events\":[{}]}}", lines(count, element).trim_end_matches(',')),
        |body| read_users_track(body.as_bytes(), &Zone::utc(), 10_000).unwrap().said.len() as u64,
    );
}

#[test]
fn events_of_braze_sdks_cost_none() {
    let event = |user, _, _| {
        format!(
            "{{\"name\":\"ce\",\"time\":1530144000.25,\"data\":{{\"n\":\"clicked\",\"p\":{{\"x\":1}}}},\"session_id\":\"s1\",\"user_id\":\"{user}\"}},\
             {{\"name\":\"ss\",\"time\":1530144000,\"data\":{{}},\"session_id\":\"s1\"}},"
        )
    };
    check(
        "Braze SDK",
        100,
        |count| format!("{{\"device_id\":\"d1\",\"events\":[{}]}}", lines(count, event).trim_end_matches(',')),
        |body| {
            let mut said = 0;
            let body = SdkBody::parse(body.as_bytes()).unwrap();
            body.messages("web", &mut |_, message| said += u64::from(message.is_ok())).unwrap();
            said
        },
    );
}

#[test]
fn messages_of_segment_cost_none() {
    let message = |user, time, _| {
        format!(
            "{{\"type\":\"track\",\"event\":\"clicked\",\"userId\":\"{user}\",\"anonymousId\":\"an{user}\",\"timestamp\":\"{time}\",\"messageId\":\"m\",\
             \"context\":{{\"page\":{{\"path\":\"/\"}},\"sessionId\":1795307896373}}}},"
        )
    };
    check(
        "Segment",
        100,
        |count| format!("{{\"batch\":[{}]}}", lines(count, message).trim_end_matches(',')),
        |body| {
            let (mut said, zone) = (0, Zone::utc());
            let arrival = Instant::new(FIRST_SECOND.into(), 0).unwrap();
            let context = SegmentContext { app_id: "web", arrival, zone: &zone };
            let body = SegmentBody::parse(SegmentCall::Batch, body.as_bytes()).unwrap();
            body.messages(&context, &mut |_, message| said += u64::from(message.is_ok())).unwrap();
            said
        },
    );
}
