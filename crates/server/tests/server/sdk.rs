//! SDKs' bodies that no scenario file can hold: compressed, huge, or about now.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::support::{Answer, Http, Place, Server};

const BRAZE: &str = "/api/v3/data/";
const SEGMENT: &str = "/v1/batch";

struct Sdks {
    server: Server,
    write_key: String,
}

impl Sdks {
    fn serve(place: &Place, arguments: &[&str]) -> Self {
        let made = place.init("--app Web=web");
        let write_key = made.json["apps"][0]["write_key"].as_str().unwrap().to_owned();
        Self { server: place.serve(&made.key, arguments), write_key }
    }

    fn http(&self) -> &Http {
        &self.server.http
    }

    /// As an SDK of either kind sends it.
    fn send(&self, target: &str, body: &[u8]) -> Answer {
        let target =
            if target == SEGMENT { format!("{target}?writeKey={}", self.write_key) } else { target.to_owned() };
        self.http().send("POST", &target, &[("X-Braze-Api-Key", "web"), ("Content-Encoding", "gzip")], body)
    }

    /// Users of a day.
    fn dau(&self, day_after: &str) -> i64 {
        self.http().values(&format!("/kpi/dau/data_series?length=1&ending_at={day_after}"), "dau")[0]
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A body with one user on 28 June 2018, and whatever else.
fn body(target: &str, user: &str, else_: &str) -> String {
    if target == SEGMENT {
        format!(
            "{{\"x\":{else_},\"batch\":[{{\"type\":\"page\",\"userId\":\"{user}\",\"timestamp\":\"2018-06-28\"}},{else_}]}}"
        )
    } else {
        format!("{{\"x\":{else_},\"events\":[{{\"name\":\"ss\",\"user_id\":\"{user}\",\"time\":1530187200}},{else_}]}}")
    }
}

#[test]
fn a_compressed_body_is_a_body_and_a_broken_one_is_none() {
    let place = Place::new();
    let sdks = Sdks::serve(&place, &["--body-limit", "256KiB"]);
    for target in [BRAZE, SEGMENT] {
        let whole = gzip(body(target, target, "0").as_bytes());
        assert_eq!(sdks.send(target, &whole).json()["rejected"], 1, "{target}");
        for broken in [&whole[..whole.len() / 2], &whole[..10], &gzip(b"{\"batch\":")[..], &[0x1f, 0x8b, 0xff][..]] {
            let answer = sdks.send(target, broken);
            assert_eq!(answer.status, 400, "{target}: {}", answer.text());
            assert!(answer.json()["message"].is_string());
            assert_eq!(answer.header("Access-Control-Allow-Origin"), Some("*"));
        }
        let bomb = gzip(&vec![b' '; 16 << 20]);
        assert!(bomb.len() < 256 << 10, "{}", bomb.len());
        assert_eq!(sdks.send(target, &bomb).status, 413);
        let declared = [("Content-Length", "4294967296"), ("X-Braze-Api-Key", "web")];
        let answer = sdks.http().send("POST", &format!("{target}?writeKey={}", sdks.write_key), &declared, b"");
        assert_eq!(answer.status, 413);
        assert_eq!(answer.header("Access-Control-Allow-Origin"), Some("*"));
        assert!(answer.json()["message"].is_string());
    }
    assert_eq!(sdks.dau("2018-06-29"), 2);
    sdks.server.terminate();
}

#[test]
fn nesting_a_million_deep_and_bytes_that_are_no_text_spoil_nothing_else() {
    let place = Place::new();
    let sdks = Sdks::serve(&place, &[]);
    let deep = "[".repeat(500_000) + &"]".repeat(500_000);
    for target in [BRAZE, SEGMENT] {
        let answer = sdks.send(target, body(target, target, &deep).as_bytes());
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.json()["errors"][0]["reason"], "it is an array; it must be an object");
        let unclosed = sdks.send(target, "{\"x\":[".repeat(200_000).as_bytes());
        assert_eq!((unclosed.status, &unclosed.json()["message"]), (400, &"The body is not valid JSON".into()));
        let no_text: Vec<u8> =
            body(target, "bad", "\"~\"").bytes().map(|byte| if byte == b'~' { 0xff } else { byte }).collect();
        let no_text = sdks.send(target, &no_text);
        assert_eq!((no_text.status, &no_text.json()["message"]), (400, &"The body is not valid JSON".into()));
    }
    assert_eq!(sdks.dau("2018-06-29"), 2);
    sdks.server.terminate();
}

#[test]
fn an_answer_names_a_hundred_errors_and_counts_all() {
    let place = Place::new();
    let sdks = Sdks::serve(&place, &[]);
    let answer = sdks.send(SEGMENT, format!("{{\"batch\":[{}0]}}", "0,".repeat(999)).as_bytes()).json();
    assert_eq!(answer["rejected"], 1000);
    assert_eq!(answer["errors"].as_array().unwrap().len(), 100);
    assert_eq!(answer["success"], true);
}

/// A message without a time is of now; a clock that is two years behind does not make it older.
#[test]
fn a_message_is_of_the_time_it_was_sent_as_the_server_knows_it() {
    let place = Place::new();
    let sdks = Sdks::serve(&place, &[]);
    let messages = "{\"batch\":[{\"type\":\"page\",\"userId\":\"ada\"},\
        {\"type\":\"page\",\"userId\":\"bob\",\"originalTimestamp\":\"2018-06-28T12:00:00Z\",\"sentAt\":\"2018-06-28T12:00:01Z\"},\
        {\"type\":\"page\",\"userId\":\"cleo\",\"originalTimestamp\":\"2018-06-28T12:00:00Z\"}],\"sentAt\":\"2018-06-30T12:00:00Z\"}";
    assert_eq!(sdks.send(SEGMENT, messages.as_bytes()).text(), "{\"success\":true}");
    // Should midnight pass while this runs, now is yesterday.
    let days = sdks.http().values("/kpi/active_users/data_series?length=1&window=2", "active_users");
    assert_eq!(days, [2]);
    // cleo's was sent two days after it happened.
    let days = sdks.http().values("/kpi/active_users/data_series?length=1&window=4", "active_users");
    assert_eq!(days, [3]);
    assert_eq!(sdks.dau("2018-06-29"), 0);
}
