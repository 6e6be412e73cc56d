//! Bodies that nobody should send: each gets a clear refusal, and the server goes on and counts only what is good.

use std::io::{Read, Write};
use std::net::Shutdown;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::ingest::{counted, dau, serve};
use crate::support::{Answer, Http, Place};

const NDJSON: &str = "application/x-ndjson";
const GOOD: &str = "{\"user_id\":\"good\",\"time\":\"2018-06-28\"}\n";

/// Users on 28 June 2018 must be `good` alone, and whoever is sent now is counted at once.
fn goes_on(http: &Http) {
    assert_eq!(http.send("GET", "/readyz", &[], b"").status, 200);
    assert_eq!(dau(http), 1);
}

#[test]
fn every_bad_line_is_a_rejection_of_its_own() {
    let place = Place::new();
    let server = serve(&place, "--app Cargo=cargo", &[]);
    let user = |text: &str| format!("{{\"user_id\":{text},\"time\":\"2018-06-28\"}}");
    let time = |text: &str| format!("{{\"user_id\":\"bad\",\"time\":{text}}}");
    let app = |text: &str| format!("{{\"user_id\":\"bad\",\"time\":\"2018-06-28\",\"app_id\":{text}}}");
    for (line, reason) in [
        (user("\"\""), "the user id is empty"),
        (user("null"), "`user_id` is null"),
        (user("1.5"), "`user_id` is"),
        (user("1e400"), "not a JSON object"),
        (user("true"), "`user_id` is"),
        (user("[1]"), "`user_id` is"),
        (user("{\"a\":1}"), "`user_id` is"),
        (user("\"\\ud800\""), "not a JSON object"),
        (user("\"\\ud800\\u0041\""), "not a JSON object"),
        (user("\"\\udc00\\ud800\""), "not a JSON object"),
        (user("\"tab\tinside\""), "not a JSON object"),
        (user(&format!("\"{}\"", "x".repeat(1025))), "the user id has 1025 bytes"),
        ("{\"time\":\"2018-06-28\"}".to_owned(), "the object has no `user_id`"),
        ("{\"User_Id\":\"a\",\"time\":\"2018-06-28\"}".to_owned(), "the object has no `user_id`"),
        ("{\"user_id\":\"a\",\"user_id\":\"a\",\"time\":1}".to_owned(), "the key `user_id` twice"),
        ("{\"user_id\":\"a\",\"time\":1530144000,\"time\":1}".to_owned(), "the key `time` twice"),
        (time("\"0000-01-01T00:00:00Z\""), "`0000-01-01T00:00:00Z`"),
        (time("\"0001-01-01T00:00:00Z\""), "lies outside"),
        (time("\"0001-01-03\""), "is before 1970"),
        (time("\"1969-12-31T23:59:59Z\""), "is before 1970"),
        (time("-1"), "is before 1970"),
        (time("\"9999-12-31T23:59:59Z\""), "lies outside"),
        (time("\"9999-12-28\""), "is more than 48 hours ahead"),
        (time("\"2100-01-01\""), "is more than 48 hours ahead"),
        (time("\"10000-01-01\""), "`10000-01-01`"),
        (time("99999999999"), "is more than 48 hours ahead"),
        (time("1530144000000"), "looks like milliseconds"),
        (time("1e300"), "`1e300`"),
        (time("NaN"), "not a JSON object"),
        (time("Infinity"), "not a JSON object"),
        (time("\"NaN\""), "`NaN`"),
        (time("\"soon\""), "`soon`"),
        (time("\"2018-02-30\""), "`2018-02-30`"),
        (time("\"2018-06-28T25:00:00\""), "`2018-06-28T25:00:00`"),
        (time("\"2018-06-28T12:00:00+99:99\""), "`2018-06-28T12:00:00+99:99`"),
        (time("true"), "`time` is"),
        (time("[]"), "`time` is"),
        (app("\"nobody\""), "has no app `nobody`"),
        (app("7"), "`app_id` is"),
        (app("[\"cargo\"]"), "`app_id` is"),
        ("null".to_owned(), "must be a JSON object"),
        ("42".to_owned(), "must be a JSON object"),
        ("\"text\"".to_owned(), "must be a JSON object"),
        ("[]".to_owned(), "must be a JSON object"),
        ("{".to_owned(), "not a JSON object"),
        ("{}{}".to_owned(), "more text follows the JSON object"),
        (format!("{{\"user_id\":\"a\",\"time\":1530144000}}{}", user("\"b\"")), "more text follows the JSON object"),
        ("user_id,time".to_owned(), "JSON"),
        ("<html>".to_owned(), "JSON"),
        ("\u{0}".to_owned(), "JSON"),
        (format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)), "JSON"),
        (user(&format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000))), "`user_id` is an array"),
    ] {
        let answer = server.http.ingest(&format!("{GOOD}{line}\n{GOOD}"));
        let shown: String = line.chars().take(80).collect();
        assert_eq!(answer.status, 200, "{shown}: {}", answer.text());
        let json = answer.json();
        assert_eq!((json["rows"].as_u64(), json["rejected"].as_u64()), (Some(3), Some(1)), "{shown}: {json}");
        assert_eq!(json["errors"][0]["line"].as_u64(), Some(2), "{shown}");
        let said = json["errors"][0]["reason"].as_str().unwrap();
        assert!(said.contains(reason), "{shown}: `{said}` does not say `{reason}`");
        assert!(said.len() < 1000, "{shown}: a reason of {} bytes", said.len());
    }
    let not_utf8 = [GOOD.as_bytes(), b"{\"user_id\":\"\xff\xfe\",\"time\":\"2018-06-28\"}\n"].concat();
    counted(&server.http.ingest_as(NDJSON, "", &not_utf8), 200, 2, 0, 1, 1);
    goes_on(&server.http);
    server.terminate();
    assert_eq!(place.run_json("check --data data")["mismatches"].as_u64(), Some(0));
}

#[test]
fn a_nul_is_a_character_like_any_other() {
    let place = Place::new();
    let server = serve(&place, "", &[]);
    let rows = ["a", "a\\u0000", "a\\u0000b", "\\u0000"];
    let body = rows.map(|user| format!("{{\"user_id\":\"{user}\",\"time\":\"2018-06-28\"}}\n")).concat();
    counted(&server.http.ingest(&body), 200, 4, 4, 0, 0);
    assert_eq!(dau(&server.http), 4);
    assert_eq!(server.http.get("/kpi/dau/data_series?length=1&app_id=%00").status, 400);
}

#[test]
fn a_million_nested_arrays() {
    let place = Place::new();
    let server = serve(&place, "", &[]);
    let nested = "[".repeat(1_000_000);
    for line in [nested.clone(), format!("{{\"user_id\":{nested}"), format!("{{\"a\":{nested}")] {
        let answer = server.http.ingest(&format!("{GOOD}{line}\n{GOOD}"));
        assert_eq!((answer.status, answer.json()["rejected"].as_u64()), (200, Some(1)), "{}", answer.text());
        assert!(answer.text().len() < 2000, "{}", answer.text());
    }
    // Longer than a line may be.
    let answer = server.http.ingest(&format!("{GOOD}{}\n{GOOD}", nested.repeat(2)));
    assert_eq!((answer.status, answer.json()["rejected"].as_u64()), (200, Some(1)), "{}", answer.text());
    assert_eq!(answer.json()["errors"][0]["line"].as_u64(), Some(2));
    // As a request's JSON, where a key might be.
    let headers = [("Content-Type", "application/json")];
    let answer = server.http.send("GET", "/kpi/dau/data_series?length=1", &headers, &nested.as_bytes()[..60_000]);
    assert_eq!(answer.status, 401);
    goes_on(&server.http);
}

#[test]
fn streams_that_break_off() {
    let place = Place::new();
    let server = serve(&place, "", &[]);
    counted(&server.http.ingest(GOOD), 200, 1, 1, 0, 0);
    let gzip = gzipped(b"{\"user_id\":\"bad\",\"time\":\"2018-06-28\"}\n");
    let zstd = zstd::encode_all(&b"{\"user_id\":\"bad\",\"time\":\"2018-06-28\"}\n"[..], 3).unwrap();
    let mut damaged = gzip.clone();
    let checksum = damaged.len() - 6;
    damaged[checksum] ^= 0xff;
    for (body, name) in [
        (&gzip[..gzip.len() / 2], "gzip"),
        (&gzip[..3], "gzip"),
        (&gzip[..gzip.len() - 1], "gzip"),
        (&damaged, "gzip"),
        (&zstd[..zstd.len() / 2], "zstd"),
        (&[&gzip[..], b"garbage"].concat(), "gzip"),
    ] {
        let answer = server.http.ingest_as(NDJSON, "", body);
        assert_eq!(answer.status, 400, "{}", answer.text());
        let message = answer.json()["message"].as_str().unwrap().to_owned();
        assert!(message.contains(&format!("the {name} stream is cut off or damaged")), "{message}");
    }
    goes_on(&server.http);
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A refusal by 4xx promised that nothing was recorded, but the rows before the break of a long body were.
#[test]
fn a_refused_body_leaves_nothing() {
    let place = Place::new();
    let server = serve(&place, "", &["--body-limit", "256KiB"]);
    counted(&server.http.ingest(GOOD), 200, 1, 1, 0, 0);
    let rows = |count: usize| -> String {
        (0..count).map(|user| format!("{{\"user_id\":\"{user}\",\"time\":\"2018-06-28\"}}\n")).collect()
    };
    // More rows than travel together, and then the end is missing.
    let mut cut = gzipped(rows(70_000).as_bytes());
    cut.truncate(cut.len() - 4);
    assert_eq!(server.http.ingest_as(NDJSON, "", &cut).status, 400);
    // Answered after whatever was handed in before it.
    counted(&server.http.ingest(GOOD), 200, 1, 0, 1, 0);
    assert_eq!(dau(&server.http), 1, "a body that was refused as damaged was counted in part");
    // More than the limit, once expanded.
    let bomb = zstd::encode_all(rows(150_000).as_bytes(), 3).unwrap();
    let answer = server.http.ingest_as(NDJSON, "", &bomb);
    assert_eq!(answer.status, 413, "{}", answer.text());
    counted(&server.http.ingest(GOOD), 200, 1, 0, 1, 0);
    assert_eq!(dau(&server.http), 1, "a body that was refused as too long was counted in part");
}

#[test]
fn a_media_type_that_cannot_be_read() {
    let place = Place::new();
    let server = serve(&place, "", &[]);
    let bearer = server.http.bearer();
    for content_type in ["application/xml", "image/png", "multipart/form-data; boundary=x", "nonsense", "text/html"] {
        let answer = server.http.ingest_as(content_type, "", GOOD.as_bytes());
        assert_eq!(answer.status, 415, "{content_type}");
        assert_eq!(
            answer.text(),
            r#"{"message":"This `Content-Type` cannot be read here; send `application/x-ndjson`, `text/csv` or `application/avro`"}"#
        );
    }
    for encoding in ["br", "deflate", "gzip, gzip", "é"] {
        let headers = [("Authorization", &*bearer), ("Content-Encoding", encoding)];
        let answer = server.http.send("POST", "/ingest", &headers, GOOD.as_bytes());
        assert_eq!(answer.status, 415, "{encoding}");
        assert!(answer.text().contains("send the body plain, or as `gzip` or `zstd`"), "{}", answer.text());
    }
    assert_eq!(dau(&server.http), 0);
}

const LIMIT: usize = 64 * 1024;

#[test]
fn a_body_over_the_limit_is_refused_unread() {
    let place = Place::new();
    let server = serve(&place, "", &["--body-limit", "64KiB"]);
    let too_long =
        format!("{{\"message\":\"The body is longer than the limit of {LIMIT} bytes; send it in smaller parts\"}}");
    // By its declared length: the headers alone are sent.
    for declared in ["65537", "1000000000000", "18446744073709551613"] {
        let answer = send_head(&server.http, &format!("Content-Length: {declared}"), b"");
        assert_eq!((answer.status, answer.text()), (413, &*too_long), "{declared}");
    }
    // By what arrives: nothing is declared, and the part over the limit is the last that is sent.
    let chunk = format!("{:x}\r\n{}\r\n", LIMIT + 1, "x".repeat(LIMIT + 1));
    let answer = send_head(&server.http, "Transfer-Encoding: chunked", chunk.as_bytes());
    assert_eq!((answer.status, answer.text()), (413, &*too_long));
    // Just as long as it may be.
    let mut body = GOOD.repeat(LIMIT / GOOD.len());
    body.push_str(&"\n".repeat(LIMIT - body.len()));
    assert_eq!(server.http.ingest(&body).status, 200);
    let chunks = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    assert_eq!(send_head(&server.http, "Transfer-Encoding: chunked", chunks.as_bytes()).status, 200);
    goes_on(&server.http);
}

/// Sends a head of `POST /ingest` with one more header, and a body as it is.
fn send_head(http: &Http, header: &str, body: &[u8]) -> Answer {
    let mut stream = http.connect();
    let (host, bearer) = (http.authority(), http.bearer());
    let head = format!(
        "POST /ingest HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nAuthorization: {bearer}\r\n{header}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body).unwrap();
    Answer::read(&mut stream).unwrap()
}

#[test]
fn a_body_that_ends_early_or_is_no_http() {
    let place = Place::new();
    let server = serve(&place, "", &[]);
    counted(&server.http.ingest(GOOD), 200, 1, 1, 0, 0);
    let (host, bearer) = (server.http.authority().to_owned(), server.http.bearer());
    let head = format!("POST /ingest HTTP/1.1\r\nHost: {host}\r\nAuthorization: {bearer}\r\n");
    let bad = "{\"user_id\":\"bad\",\"time\":\"2018-06-28\"}\n";
    for request in [
        format!("{head}Content-Length: 1000\r\n\r\n{bad}"),
        format!("{head}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{bad}\r\n", bad.len()),
        format!("{head}Transfer-Encoding: chunked\r\n\r\nzz\r\n{bad}\r\n0\r\n\r\n"),
        format!("{head}Content-Length: -5\r\n\r\n{bad}"),
        format!("{head}X: {}\r\n\r\n", "x".repeat(1 << 20)),
        "\u{0}\u{1}\u{2}\r\n\r\n".to_owned(),
        head,
    ] {
        let mut stream = server.http.connect();
        // The server may hang up before it has read all of this.
        let _ = stream.write_all(request.as_bytes());
        let _ = stream.shutdown(Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let status = answer.strip_prefix(b"HTTP/1.1 ").map(|rest| rest[0]);
        assert!(matches!(status, None | Some(b'4')), "{}", String::from_utf8_lossy(&answer));
    }
    goes_on(&server.http);
}
