//! `/users/track` beyond what its scenario shows: how much at once, compressed, repeated, and what nobody should send.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::ingest::{dau, serve};
use crate::support::{Answer, Http, Place};

const JSON: &str = "application/json";

fn send(http: &Http, target: &str, body: &[u8]) -> Answer {
    let headers = [("Authorization", &*http.bearer()), ("Content-Type", JSON)];
    http.send("POST", target, &headers, body)
}

fn track(http: &Http, body: &str) -> Answer {
    send(http, "/users/track", body.as_bytes())
}

/// An event of `user` on 28 June 2018.
fn event(user: &str) -> String {
    format!("{{\"external_id\":\"{user}\",\"name\":\"n\",\"time\":\"2018-06-28\"}}")
}

fn events(count: usize) -> String {
    (0..count).map(|user| event(&format!("user{user}"))).collect::<Vec<_>>().join(",")
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_request_takes_so_many_elements_over_all_arrays() {
    let place = Place::new();
    let server = serve(&place, "", &[]);
    let (http, bearer) = (&server.http, server.http.bearer());
    let bulk = |body: &str, value: &str| {
        let headers = [("Authorization", &*bearer), ("Content-Type", JSON), ("X-Braze-Bulk", value)];
        http.send("POST", "/users/track", &headers, body.as_bytes())
    };
    let body = |events_count: usize| {
        format!("{{\"attributes\":[{{\"external_id\":\"a\"}}],\"events\":[{}]}}", events(events_count))
    };
    let too_many = |most: usize| {
        format!(
            "{{\"message\":\"A request takes at most {most} attributes, events and purchases in all; send more of them in \
             several requests\"}}"
        )
    };
    for (answer, expected) in [
        (track(http, &body(75)), (400, too_many(75))),
        (bulk(&body(75), "false"), (400, too_many(75))),
        (bulk(&body(1000), "true"), (400, too_many(1000))),
        (send(http, "/users/track/bulk", body(1000).as_bytes()), (400, too_many(1000))),
    ] {
        assert_eq!((answer.status, answer.text()), (expected.0, &*expected.1));
        assert_eq!(dau(http), 0, "a body that was refused was counted in part");
    }
    let taken =
        |count: usize| format!("{{\"message\":\"success\",\"attributes_processed\":1,\"events_processed\":{count}}}");
    assert_eq!(track(http, &body(74)).text(), taken(74));
    assert_eq!(dau(http), 74);
    assert_eq!(bulk(&body(999), "True").text(), taken(999));
    assert_eq!(dau(http), 999);
    assert_eq!(send(http, "/users/track/bulk", body(999).as_bytes()).text(), taken(999));
    assert_eq!(dau(http), 999);
}

/// A client that does not hear an answer sends again: the same elements, maybe more than once in one body.
#[test]
fn a_repeat_changes_no_count() {
    let place = Place::new();
    let server = serve(&place, "--app Web=web", &[]);
    let elements: Vec<_> = (0..36)
        .map(|number| {
            let (user, day) = (number % 9, number % 7 + 1);
            let app = if number % 2 == 0 { ",\"app_id\":\"web\"" } else { "" };
            let alias = format!("\"user_alias\":{{\"alias_label\":\"l\",\"alias_name\":\"{user}\"}}");
            let who = if number % 3 == 0 { alias } else { format!("\"external_id\":{user}") };
            format!("{{{who}{app},\"name\":\"n\",\"time\":\"2018-06-0{day}T12:00:00Z\"}}")
        })
        .collect();
    let body = format!(
        "{{\"attributes\":{{\"external_id\":1,\"date_of_first_session\":\"2018-05-31\"}},\"events\":[{}]}}",
        elements.join(",")
    );
    let counts = || {
        let mut counts = Vec::new();
        for app in ["", "&app_id=web"] {
            for (series, name) in [("dau", "dau"), ("mau", "mau"), ("new_users", "new_users"), ("growth", "active")] {
                let target = format!("/kpi/{series}/data_series?length=12&ending_at=2018-06-10{app}");
                counts.push(server.http.values(&target, name));
            }
        }
        counts
    };
    let nobody = counts();
    let first = track(&server.http, &body);
    assert_eq!(first.status, 201, "{}", first.text());
    let once = counts();
    assert_ne!(once, nobody);
    for _ in 0..3 {
        assert_eq!(track(&server.http, &body).text(), first.text());
    }
    assert_eq!(counts(), once);
    let twice_in_one = format!("{{\"events\":[{0},{0}]}}", elements.join(","));
    assert_eq!(track(&server.http, &twice_in_one).status, 201);
    assert_eq!(counts(), once);
    server.terminate();
    assert_eq!(place.run_json("check --data data")["mismatches"].as_u64(), Some(0));
}

#[test]
fn a_body_may_be_compressed() {
    let place = Place::new();
    let server = serve(&place, "", &["--body-limit", "64KiB"]);
    let http = &server.http;
    let body = format!("{{\"api_key\":\"{}\",\"events\":[{}]}}", http.key, events(10));
    let gzip = gzipped(body.as_bytes());
    let answer = send(http, "/users/track", &gzip);
    assert_eq!((answer.status, answer.text()), (201, r#"{"message":"success","events_processed":10}"#));
    // The key is found inside.
    let headers = [("Content-Type", JSON), ("Content-Encoding", "gzip")];
    assert_eq!(http.send("POST", "/users/track", &headers, &gzip).status, 201);
    assert_eq!(dau(http), 10);

    let mut damaged = gzip.clone();
    let checksum = damaged.len() - 6;
    damaged[checksum] ^= 0xff;
    for broken in [&gzip[..gzip.len() / 2], &gzip[..3], &gzip[..gzip.len() - 1], &damaged] {
        let answer = send(http, "/users/track", broken);
        assert_eq!(answer.status, 400, "{}", answer.text());
        assert!(answer.text().contains("The body is no whole gzip stream"), "{}", answer.text());
    }
    let bomb = gzipped(format!("{{\"x\":\"{}\"}}", " ".repeat(10_000_000)).as_bytes());
    assert!(bomb.len() < 64 * 1024);
    for target in ["/users/track", "/users/delete"] {
        for headers in [vec![("Content-Type", JSON)], vec![("Authorization", &*http.bearer()), ("Content-Type", JSON)]]
        {
            assert_eq!(http.send("POST", target, &headers, &bomb).status, 413);
        }
    }
    assert_eq!(track(http, &format!("{{\"events\":{}}}", event("last"))).status, 201);
    assert_eq!(dau(http), 11);
}

#[test]
fn a_body_over_the_limit_is_refused_unread() {
    let place = Place::new();
    let server = serve(&place, "", &["--body-limit", "64KiB"]);
    let (host, bearer) = (server.http.authority(), server.http.bearer());
    for key in [format!("Authorization: {bearer}\r\n"), String::new()] {
        for path in ["/users/track", "/users/track/bulk", "/users/identify"] {
            let mut stream = server.http.connect();
            let head = format!(
                "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: {JSON}\r\n{key}Content-Length: 4294967296\r\n\
                 Connection: close\r\n\r\n"
            );
            stream.write_all(head.as_bytes()).unwrap();
            let answer = Answer::read(&mut stream).unwrap();
            let expected =
                r#"{"message":"The body is longer than the limit of 65536 bytes; send it in smaller parts"}"#;
            assert_eq!((answer.status, answer.text()), (413, expected), "{path}");
        }
    }
    // Nobody's body is read where none is taken.
    let answer = server.http.send("POST", "/nowhere", &[("Content-Type", JSON)], "x".repeat(70_000).as_bytes());
    assert_eq!(answer.status, 404);
    assert_eq!(dau(&server.http), 0);
}

#[test]
fn every_bad_element_is_an_error_of_its_own() {
    let place = Place::new();
    let server = serve(&place, "--app Web=web", &[]);
    let who = |text: &str| format!("{{\"external_id\":{text},\"name\":\"n\",\"time\":\"2018-06-28\"}}");
    let time = |text: &str| format!("{{\"external_id\":\"bad\",\"name\":\"n\",\"time\":{text}}}");
    let more = |text: &str| format!("{{\"external_id\":\"bad\",\"name\":\"n\",\"time\":\"2018-06-28\",{text}}}");
    let digits = "9".repeat(400);
    for (element, reason) in [
        (who("\"\""), "'external_id' is not valid: the user id is empty"),
        (who("null"), "'external_id', 'braze_id', 'user_alias', 'email' or 'phone' is required"),
        (who("1.5"), "'external_id' is the number 1.5; it must be a string or a whole number"),
        (who("1e400"), "'external_id' is the number 1e400"),
        (who(&digits), "'external_id' is the number 99999"),
        (who("true"), "'external_id' is a boolean"),
        (who("[1]"), "'external_id' is an array"),
        (who("{}"), "'external_id' is an object"),
        (who("\"\\ud800\""), "'external_id' is not valid: one of its escapes is half a character"),
        (who("\"\\ud800\\u0041\""), "'external_id' is not valid: one of its escapes is half a character"),
        (who("\"\\udc00\\ud800\""), "'external_id' is not valid: one of its escapes is half a character"),
        (who(&format!("\"{}\"", "x".repeat(1025))), "the user id has 1025 bytes; it must have at most 1024"),
        (who(&format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000))), "'external_id' is an array"),
        (time("null"), "'time' is required"),
        (time("\"\""), "'time' is required"),
        (time("1530144000"), "'time' is the number 1530144000; it must be a string"),
        (time("\"0000-01-01T00:00:00Z\""), "there is no year 0"),
        (time("\"0001-01-01T00:00:00Z\""), "lies outside"),
        (time("\"1969-12-31T23:59:59Z\""), "is before 1970"),
        (time("\"9999-12-31T23:59:59Z\""), "lies outside"),
        (time("\"9999-12-28\""), "is more than 48 hours ahead"),
        (time("\"2018-02-30\""), "`2018-02-30` is not a time"),
        (time("\"NaN\""), "`NaN` is not a time"),
        (time(&format!("\"{}\"", "x".repeat(100_000))), "is not a time"),
        (more("\"app_id\":\"nowhere\""), "has no app `nowhere`"),
        (more("\"app_id\":7"), "'app_id' is the number 7; it must be a string"),
        (more("\"external_id\":\"other\""), "duplicate field `external_id`"),
        (more("\"time\":\"2018-06-27\""), "duplicate field `time`"),
        (more("\"user_alias\":{\"alias_label\":\"l\",\"alias_name\":\"n\"}"), "exclude each other"),
        (
            "{\"user_alias\":{\"alias_label\":\"l\"},\"name\":\"n\",\"time\":\"2018-06-28\"}".to_owned(),
            "'alias_name' is required",
        ),
        ("{\"user_alias\":\"n\",\"name\":\"n\",\"time\":\"2018-06-28\"}".to_owned(), "'user_alias' is a string"),
        ("{\"external_id\":\"bad\",\"name\":7,\"time\":\"2018-06-28\"}".to_owned(), "'name' is the number 7"),
        ("null".to_owned(), "'element' is null; it must be an object"),
        ("7".to_owned(), "'element' is the number 7"),
        (format!("-{digits}"), "'element' is the number -9999"),
        ("\"text\"".to_owned(), "'element' is a string"),
        ("[]".to_owned(), "'element' is an array"),
        (format!("{}{}", "[".repeat(500_000), "]".repeat(500_000)), "'element' is an array"),
        ("{}".to_owned(), "'external_id', 'braze_id', 'user_alias', 'email' or 'phone' is required"),
    ] {
        let shown: String = element.chars().take(80).collect();
        let body = format!("{{\"events\":[{},{element},{}]}}", event("good"), event("good"));
        let answer = track(&server.http, &body);
        assert_eq!(answer.status, 201, "{shown}: {:.200}", answer.text());
        let json = answer.json();
        assert_eq!(json["events_processed"].as_u64(), Some(2), "{shown}: {json}");
        assert_eq!(json["errors"].as_array().map(Vec::len), Some(1), "{shown}: {json}");
        assert_eq!(
            (json["errors"][0]["input_array"].as_str(), json["errors"][0]["index"].as_u64()),
            (Some("events"), Some(1))
        );
        let said = json["errors"][0]["type"].as_str().unwrap();
        assert!(said.contains(reason), "{shown}: `{said}` does not say `{reason}`");
        assert!(said.len() < 1000, "{shown}: a reason of {} bytes", said.len());
    }
    assert_eq!(dau(&server.http), 1);
    server.terminate();
    assert_eq!(place.run_json("check --data data")["mismatches"].as_u64(), Some(0));
}

#[test]
fn ids_of_any_characters_and_lengths() {
    let place = Place::new();
    let server = serve(&place, "", &[]);
    let ids = ["a", "a\\u0000", "a\\u0000b", "\\u0000", "\\ud83d\\ude00", &"x".repeat(988), &"é".repeat(512)];
    let body = ids.map(event).join(",");
    let answer = track(&server.http, &format!("{{\"events\":[{body}]}}"));
    assert_eq!((answer.status, answer.text()), (201, r#"{"message":"success","events_processed":7}"#));
    assert_eq!(dau(&server.http), 7);
    // An escape and what it stands for are one.
    assert_eq!(track(&server.http, &format!("{{\"events\":[{}]}}", event("\u{1f600}"))).status, 201);
    assert_eq!(dau(&server.http), 7);
}

#[test]
fn a_body_that_is_no_json_leaves_nothing() {
    let place = Place::new();
    let server = serve(&place, "", &[]);
    let good = event("bad");
    for (body, error) in [
        (format!("{{\"events\":[{good}"), "EOF while parsing"),
        (format!("{{\"events\":[{good}]}}}}"), "trailing characters"),
        (format!("{{\"events\":[{good},]}}"), "expected value"),
        (format!("{{\"events\":[{good}],\"purchases\":NaN}}"), "expected value"),
        (format!("{{\"events\":[{good},{{\"external_id\":\"tab\tinside\"}}]}}"), "control character"),
        ("[".repeat(1_000_000), "EOF while parsing"),
        (format!("{{\"events\":{}", "[".repeat(1_000_000)), "EOF while parsing"),
        (format!("{{\"events\":[{good}],\"x\":{}", "{\"x\":".repeat(200_000)), "EOF while parsing"),
        (format!("\u{feff}{{\"events\":[{good}]}}"), "expected value"),
        ("\u{0}".to_owned(), "expected value"),
    ] {
        let shown: String = body.chars().take(80).collect();
        let answer = track(&server.http, &body);
        assert_eq!(answer.status, 400, "{shown}: {}", answer.text());
        let json = answer.json();
        assert_eq!(json["message"].as_str(), Some("The body is not valid JSON"), "{shown}");
        let said = json["error"].as_str().unwrap();
        assert!(said.contains(error), "{shown}: `{said}` does not say `{error}`");
    }
    let not_utf8 = [b"{\"events\":[{\"external_id\":\"\xff\"},", good.as_bytes(), b"]}"].concat();
    let answer = send(&server.http, "/users/track", &not_utf8);
    let expected = r#"{"message":"The body is not valid JSON","error":"byte 27 is not UTF-8"}"#;
    assert_eq!((answer.status, answer.text()), (400, expected));
    let nested = format!("{}{}", "[".repeat(500_000), "]".repeat(500_000));
    assert_eq!(track(&server.http, &format!("{{\"events\":[],\"x\":{nested}}}")).status, 400);
    for target in ["/users/delete", "/users/identify", "/users/merge", "/users/external_ids/remove"] {
        assert_eq!(send(&server.http, target, nested.as_bytes()).status, 400, "{target}");
    }
    assert_eq!(dau(&server.http), 0);
    // What is passed over may be as deep as it likes.
    let deep = format!("{{\"events\":[{{\"x\":{nested},{}],\"y\":{nested}}}", &event("good")[1..]);
    assert_eq!(track(&server.http, &deep).status, 201);
    assert_eq!(dau(&server.http), 1);
}
