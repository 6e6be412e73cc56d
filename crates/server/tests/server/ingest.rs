//! `POST /ingest`: what is taken, and what is said of it.

use std::io::Write;

use dauphin_model::Instant;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::support::{Answer, Http, Place, Server};

const NDJSON: &str = "application/x-ndjson";
const DAU: &str = "/kpi/dau/data_series?length=1&ending_at=2018-06-29";

pub fn serve(place: &Place, init: &str, arguments: &[&str]) -> Server {
    let made = place.init(init);
    place.serve(&made.key, arguments)
}

/// Users on 28 June 2018.
pub fn dau(http: &Http) -> i64 {
    http.values(DAU, "dau")[0]
}

/// The answer's numbers must be these.
pub fn counted(answer: &Answer, status: u16, rows: u64, new_user_days: u64, repeats: u64, rejected: u64) {
    assert_eq!(answer.status, status, "{}", answer.text());
    let json = answer.json();
    let found = ["rows", "new_user_days", "repeats", "rejected"].map(|name| json[name].as_u64());
    assert_eq!(found, [rows, new_user_days, repeats, rejected].map(Some), "{}", answer.text());
    assert_eq!(answer.header("Content-Type"), Some("application/json"));
}

#[test]
fn rows_are_visible_to_the_next_query() {
    let place = Place::new();
    let server = serve(&place, "--app Cargo=cargo", &[]);
    let http = &server.http;
    for user in 1..=20 {
        let row = format!("{{\"user_id\":\"user-{user}\",\"time\":\"2018-06-28T12:00:00Z\",\"app_id\":\"cargo\"}}");
        counted(&http.ingest(&row), 200, 1, 1, 0, 0);
        assert_eq!(dau(http), user);
        assert_eq!(http.values(&format!("{DAU}&app_id=cargo"), "dau"), [user]);
    }
    // Sent again, and again within a body.
    let row = "{\"user_id\":\"user-1\",\"time\":\"2018-06-28T13:00:00Z\",\"app_id\":\"cargo\"}\n";
    counted(&http.ingest(&row.repeat(5)), 200, 5, 0, 5, 0);
    // Late activity counts as exactly as any other.
    counted(&http.ingest("{\"user_id\":\"user-1\",\"time\":\"1999-12-31\"}"), 200, 1, 1, 0, 0);
    assert_eq!(http.values("/kpi/new_users/data_series?length=1&ending_at=2018-06-29", "new_users"), [19]);
    assert_eq!(http.values("/kpi/new_users/data_series?length=1&ending_at=2000-01-01", "new_users"), [1]);
}

#[test]
fn csv_and_ndjson_plain_and_compressed() {
    let place = Place::new();
    let server = serve(&place, "--app Cargo=cargo", &[]);
    let ndjson = |user: &str| format!("{{\"user_id\":\"{user}\",\"time\":\"2018-06-28\",\"app_id\":\"cargo\"}}\n");
    let csv = |user: &str| format!("app_id,user_id,time\ncargo,{user},2018-06-28\n");
    let gzip = |text: String| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let zstd = |text: String| zstd::encode_all(text.as_bytes(), 3).unwrap();
    for (index, (content_type, encoding, body)) in [
        (NDJSON, "", ndjson("a").into_bytes()),
        ("application/json", "identity", ndjson("b").into_bytes()),
        ("text/plain; charset=utf-8", "", ndjson("c").into_bytes()),
        ("application/x-www-form-urlencoded", "", ndjson("d").into_bytes()),
        ("text/csv", "", csv("e").into_bytes()),
        ("Text/CSV; charset=utf-8; header=present", "", csv("f").into_bytes()),
        (NDJSON, "gzip", gzip(ndjson("g"))),
        (NDJSON, "zstd", zstd(ndjson("h"))),
        ("text/csv", "gzip", gzip(csv("i"))),
        ("text/csv", "zstd", zstd(csv("j"))),
        // The bytes say it even when the headers do not.
        (NDJSON, "", gzip(ndjson("k"))),
        ("application/zstd", "", zstd(ndjson("l"))),
    ]
    .into_iter()
    .enumerate()
    {
        let bearer = server.http.bearer();
        let mut headers = vec![("Authorization", &*bearer), ("Content-Type", content_type)];
        headers.extend((!encoding.is_empty()).then_some(("Content-Encoding", encoding)));
        let answer = server.http.send("POST", "/ingest", &headers, &body);
        counted(&answer, 200, 1, 1, 0, 0);
        assert_eq!(dau(&server.http), i64::try_from(index).unwrap() + 1, "{content_type} {encoding}");
    }
    // Without a type it is NDJSON.
    let bearer = server.http.bearer();
    let answer = server.http.send("POST", "/ingest", &[("Authorization", &bearer)], ndjson("m").as_bytes());
    counted(&answer, 200, 1, 1, 0, 0);
}

#[test]
fn a_row_without_a_time_is_of_now() {
    let place = Place::new();
    let server = serve(&place, "", &[]);
    let body = "{\"user_id\":\"a\"}\n{\"user_id\":\"b\",\"time\":null}\n{\"user_id\":\"c\",\"time\":\"\"}\n";
    counted(&server.http.ingest(body), 200, 3, 3, 0, 0);
    // Thirty days, so that midnight may pass in between.
    assert_eq!(server.http.values("/kpi/mau/data_series?length=1", "mau"), [3]);
    assert_eq!(dau(&server.http), 0);
}

#[test]
fn up_to_two_days_ahead_is_taken() {
    let place = Place::new();
    let server = serve(&place, "", &[]);
    let answer = server.http.get("/kpi/dau/data_series?length=1");
    let next_hour: i64 = answer.header("X-RateLimit-Reset").unwrap().parse().unwrap();
    let day = 24 * 3600;
    let row = |ahead: i64| format!("{{\"user_id\":\"a\",\"time\":{}}}", next_hour + ahead);
    counted(&server.http.ingest(&row(2 * day - 2 * 3600)), 200, 1, 1, 0, 0);
    let late = server.http.ingest(&row(2 * day + 60));
    counted(&late, 400, 1, 0, 0, 1);
    assert!(late.text().contains("is more than 48 hours ahead of the server's clock"), "{}", late.text());
    // An end in the near future is now; what lies further is a mistake.
    let last_day = |query: &str| {
        let json = server.http.get_json(&format!("/kpi/dau/data_series?length=1{query}"));
        json["data"][0]["time"].as_str().unwrap().to_owned()
    };
    let ending_at = |ahead: i64| format!("&ending_at={}", Instant::new(next_hour + ahead, 0).unwrap());
    // Midnight may pass in between.
    let (before, ahead, after) = (last_day(""), last_day(&ending_at(day)), last_day(""));
    assert!(ahead == before || ahead == after, "{before} {ahead} {after}");
    let refused = server.http.get(&format!("/kpi/dau/data_series?length=1{}", ending_at(2 * day + 60)));
    assert_eq!(refused.status, 400, "{}", refused.text());
}

#[test]
fn one_user_is_one_user_however_written() {
    let place = Place::new();
    let server = serve(&place, "", &[]);
    let body = [
        json!({"user_id": 7, "time": "2018-06-28T00:00:00Z"}),
        json!({"user_id": "7", "time": "2018-06-28T01:00:00+01:00"}),
        json!({"user_id": "7", "time": 1_530_144_000}),
        json!({"user_id": "7", "time": "1530144000.5"}),
        json!({"more": {"user_id": "8"}, "user_id": 7, "time": "20180628T120000Z"}),
    ]
    .map(|row| format!("{row}\n"))
    .concat();
    let escaped = "{\"user\\u005fid\":\"\\u0037\",\"time\":\"2018-06-28\"}\n";
    counted(&server.http.ingest(&(body + escaped)), 200, 6, 1, 5, 0);
    // Neither case nor spaces nor the form of an accent are touched: they are other users.
    let body = "{\"user_id\":\"é\",\"time\":\"2018-06-28\"}\n{\"user_id\":\"e\u{301}\",\"time\":\"2018-06-28\"}\n\
                {\"user_id\":\"É\",\"time\":\"2018-06-28\"}\n{\"user_id\":\" é\",\"time\":\"2018-06-28\"}\n";
    counted(&server.http.ingest(body), 200, 4, 4, 0, 0);
}

#[test]
fn columns_can_be_mapped() {
    let place = Place::new();
    let server = serve(&place, "", &[]);
    let query = "?map=user_id%3Dcustomer&map=time=at";
    let csv = b"at,customer\n2018-06-28,a\n2018-06-28,b\n";
    counted(&server.http.ingest_as("text/csv", query, csv), 200, 2, 2, 0, 0);
    counted(&server.http.ingest_as(NDJSON, query, b"{\"customer\":\"c\",\"at\":\"2018-06-28\"}"), 200, 1, 1, 0, 0);
    let answer = server.http.ingest_as(NDJSON, "?map=customer", b"{}");
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("`customer` is not a mapping; write it like `user_id=COL`"), "{}", answer.text());
    // A CSV header without what is needed names what there is.
    let answer = server.http.ingest_as("text/csv", "", csv);
    assert_eq!(answer.status, 400);
    let message = answer.json()["message"].as_str().unwrap().to_owned();
    assert!(message.contains("no column `user_id`") && message.contains("`at,customer`"), "{message}");
}

#[test]
fn bad_lines_are_named_and_good_ones_count() {
    let place = Place::new();
    let server = serve(&place, "--app Cargo=cargo", &[]);
    let body = "{\"user_id\":\"a\",\"time\":\"2018-06-28\"}\n\
                \n\
                {\"user_id\":\"b\",\"time\":\"soon\"}\n\
                {\"user_id\":\"c\",\"time\":\"2018-06-28\",\"app_id\":\"nobody\"}\n\
                {\"user_id\":\"d\",\"time\":\"2018-06-28\",\"app_id\":\"cargo\"}\n";
    let answer = server.http.ingest(body);
    counted(&answer, 200, 4, 2, 0, 2);
    let errors = answer.json()["errors"].clone();
    assert_eq!((&errors[0]["line"], &errors[1]["line"]), (&json!(3), &json!(4)));
    assert!(errors[0]["reason"].as_str().unwrap().contains("`soon`"), "{errors}");
    let reason = errors[1]["reason"].as_str().unwrap();
    assert!(reason.contains("no app `nobody`") && reason.contains("create_apps=true"), "{errors}");
    assert_eq!(dau(&server.http), 2);

    // Nothing good: 400 with the same fields.
    let answer = server.http.ingest("{\"user_id\":\"b\",\"time\":\"soon\"}\n[]\n");
    counted(&answer, 400, 2, 0, 0, 2);
    let message = answer.json()["message"].as_str().unwrap().to_owned();
    assert!(message.starts_with("Nothing was taken; line 1: ") && message.contains("`soon`"), "{message}");

    // A hundred are named, all are counted.
    let answer = server.http.ingest(&"{}\n".repeat(150));
    counted(&answer, 400, 150, 0, 0, 150);
    assert_eq!(answer.json()["errors"].as_array().map(Vec::len), Some(100));

    // A body without rows says nothing, which is no mistake.
    counted(&server.http.ingest("\n\n"), 200, 0, 0, 0, 0);
    assert_eq!(dau(&server.http), 2);
}

#[test]
fn strict_takes_all_or_nothing() {
    let place = Place::new();
    let server = serve(&place, "--app Cargo=cargo", &[]);
    let good = "{\"user_id\":\"a\",\"time\":\"2018-06-28\",\"app_id\":\"cargo\"}\n".repeat(1000);
    for (query, bad) in [
        ("?strict=true", "{\"user_id\":\"b\",\"time\":\"soon\"}\n"),
        ("?strict=1", "{\"user_id\":\"b\",\"time\":\"2018-06-28\",\"app_id\":\"nobody\"}\n"),
        ("?strict=true&create_apps=true", "{\"user_id\":\"b\",\"time\":\"2100-01-01\",\"app_id\":\"made\"}\n"),
    ] {
        let answer = server.http.ingest_as(NDJSON, query, format!("{good}{bad}{good}").as_bytes());
        counted(&answer, 400, 2001, 0, 0, 1);
        assert_eq!(answer.json()["errors"][0]["line"], json!(1001));
        assert_eq!(dau(&server.http), 0, "{query}");
    }
    assert_eq!(apps(&server.http), ["cargo"]);
    counted(&server.http.ingest_as(NDJSON, "?strict=true", good.as_bytes()), 200, 1000, 1, 999, 0);
    let answer = server.http.ingest_as(NDJSON, "?strict=perhaps", good.as_bytes());
    assert_eq!((answer.status, answer.text()), (400, "{\"message\":\"`strict` must be `true` or `false`\"}"));
}

#[test]
fn apps_are_made_when_asked_for() {
    let place = Place::new();
    let made = place.init("");
    let server = place.serve(&made.key, &[]);
    let row = |app: &str| format!("{{\"user_id\":\"a\",\"time\":\"2018-06-28\",\"app_id\":\"{app}\"}}\n");
    counted(&server.http.ingest(&row("web")), 400, 1, 0, 0, 1);
    let body = row("web") + &row("ios") + &row("web");
    counted(&server.http.ingest_as(NDJSON, "?create_apps=true", body.as_bytes()), 200, 3, 2, 1, 0);
    counted(&server.http.ingest(&row("ios")), 200, 1, 0, 1, 0);
    assert_eq!(apps(&server.http), ["ios", "web"]);
    let unusable = row(&"x".repeat(256)) + &row("bell\\u0007");
    counted(&server.http.ingest_as(NDJSON, "?create_apps=true", unusable.as_bytes()), 400, 2, 0, 0, 2);
    server.terminate();

    // They are still there for the next server.
    let server = place.serve(&made.key, &[]);
    assert_eq!(server.http.values(&format!("{DAU}&app_id=web"), "dau"), [1]);
    assert_eq!(apps(&server.http), ["ios", "web"]);
}

/// A strict request that makes apps took the good rows and then answered 400 for an identifier that can be no app's.
#[test]
fn strict_takes_nothing_if_an_app_cannot_be_made() {
    let place = Place::new();
    let server = serve(&place, "", &[]);
    let good = "{\"user_id\":\"a\",\"time\":\"2018-06-28\"}\n";
    for unusable in ["x".repeat(256), "bell\\u0007".to_owned()] {
        let bad = format!("{{\"user_id\":\"b\",\"time\":\"2018-06-28\",\"app_id\":\"{unusable}\"}}\n");
        let body = format!("{good}{bad}");
        let answer = server.http.ingest_as(NDJSON, "?strict=true&create_apps=true", body.as_bytes());
        counted(&answer, 400, 2, 0, 0, 1);
        assert_eq!(dau(&server.http), 0);
    }
}

fn apps(http: &Http) -> Vec<String> {
    let workspace = http.get_json("/console/workspace");
    let apps = workspace["apps"].as_array().unwrap().iter().map(|app| &app["app_id"]);
    let mut apps: Vec<_> = apps.map(Value::as_str).map(|app| app.unwrap().to_owned()).collect();
    apps.sort_unstable();
    apps
}
