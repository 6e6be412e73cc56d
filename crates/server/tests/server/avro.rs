//! Avro, from files and over HTTP: the events of Braze Currents, and rows of another make.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::process::Stdio;

use dauphin_model::Day;
use serde_json::{Value, json};

use crate::avro_file::{Values, block, file, header, schema};
use crate::real_data::{assert_all_series, csv};
use crate::support::{Http, Place};

/// The first fields of every event of Currents.
const EVENT: &str = "id:text user_id:text external_user_id:text? app_id:text? time:int";

fn counts(json: &Value) -> [u64; 4] {
    ["rows", "new_user_days", "repeats", "rejected"].map(|name| json[name].as_u64().unwrap())
}

/// A session start: `braze id, external id or nothing, app, time`. The session's id is the event's.
fn start(number: usize, braze_id: &str, external_id: &str, app: &str, time: i64) -> Values {
    let id = format!("event-{number}");
    Values::default().text(&id).text(braze_id).maybe(external_id).maybe(app).long(time).maybe(&id)
}

fn starts(rows: &[Values]) -> Vec<u8> {
    file(&schema("users.behaviors.app.SessionStart", &format!("{EVENT} session_id:text?")), 100, rows)
}

fn day(text: &str) -> i64 {
    i64::from(Day::parse(text).unwrap().number()) * 86_400
}

/// A year's worth of visits, counted by sets, against what an import of them answers.
#[test]
fn session_starts_are_counted_as_sets_of_users_count_them() {
    let place = Place::new();
    let made = place.init("--app Web=web --app iOS=ios");
    let first = day("2018-01-01");
    let (mut rows, mut users_of) = (Vec::new(), BTreeMap::<(&str, i64), BTreeSet<String>>::new());
    for number in 0..20_000_usize {
        // A walk that visits users, days and apps in an order of its own.
        let step = number * 7919 + number * number % 641;
        let (user, day_index) = (step % 700, i64::try_from(step / 3 % 100).unwrap());
        let app = ["web", "ios", ""][step % 3];
        let external = if user % 4 == 0 { String::new() } else { format!("user-{user}") };
        let name = if external.is_empty() { format!("braze-{user}") } else { external.clone() };
        for scope in BTreeSet::from(["", app]) {
            users_of.entry((scope, day_index)).or_default().insert(name.clone());
        }
        rows.push(start(number, &format!("braze-{user}"), &external, app, first + day_index * 86_400 + 5));
    }
    let folder = "currents/event_type=users.behaviors.app.SessionStart/date=2018-04-11-00";
    fs::create_dir_all(place.path(folder)).unwrap();
    for (part, rows) in rows.chunks(7_000).enumerate() {
        place.write(&format!("{folder}/{part}.avro"), starts(rows));
    }
    let pattern = "currents/event_type=*/date=*/*.avro";
    let [rows, _, _, rejected] = counts(&place.run_json(&format!("import --data data {pattern}")));
    assert_eq!((rows, rejected), (20_000, 0));
    // At least once: all of it again changes nothing.
    assert_eq!(counts(&place.run_json(&format!("import --data data {pattern}")))[1], 0);

    let server = place.serve(&made.key, &[]);
    for scope in ["", "web", "ios"] {
        let in_window = |window: i64| -> Vec<i64> {
            let users = |last: i64| {
                let days = (last + 1 - window).max(0)..=last;
                days.filter_map(|day| users_of.get(&(scope, day))).flatten().collect::<BTreeSet<_>>().len()
            };
            (0..100).map(|last| i64::try_from(users(last)).unwrap()).collect()
        };
        let app = if scope.is_empty() { String::new() } else { format!("&app_id={scope}") };
        let ask = |metric: &str| {
            let target = format!("/kpi/{metric}/data_series?length=100&ending_at=2018-04-11{app}");
            server.http.values(&target, metric)
        };
        assert_eq!(ask("dau"), in_window(1), "{scope}");
        assert_eq!(ask("mau"), in_window(30), "{scope}");
    }
    server.terminate();
    assert_eq!(place.run_json("check --data data")["mismatches"], json!(0));
}

fn dau(http: &Http, day: &str) -> i64 {
    let ending_at = Day::parse(day).unwrap().offset(1).unwrap();
    http.values(&format!("/kpi/dau/data_series?length=1&ending_at={ending_at}"), "dau")[0]
}

/// Which events make a user active.
#[test]
fn each_type_of_event_says_what_it_says() {
    let time = day("2018-06-28");
    let event = |id: &str| Values::default().text(id).text("b1").maybe("ada").maybe("web").long(time);
    for (name, more, row, expected) in [
        ("users.behaviors.app.SessionStart", "session_id:text?", event("1").maybe("s1"), 1),
        ("users.behaviors.app.FirstSession", "session_id:text?", event("1").maybe("s1"), 1),
        ("users.behaviors.app.SessionEnd", "session_id:text?", event("1").maybe("s1"), 0),
        ("users.behaviors.CustomEvent", "name:text", event("1").text("looked"), 1),
        ("users.behaviors.Purchase", "product_id:text", event("1").text("p1"), 1),
        ("users.behaviors.Uninstall", "device_id:text?", event("1").maybe(""), 0),
    ] {
        let place = Place::new();
        let made = place.init("--app Web=web");
        place.write("events.avro", file(&schema(name, &format!("{EVENT} {more}")), 1, &[row]));
        let imported = place.run_json("import --data data events.avro");
        assert_eq!((imported["rows"].as_u64(), imported["rejected"].as_u64()), (Some(1), Some(0)), "{name}");
        let server = place.serve(&made.key, &[]);
        assert_eq!(dau(&server.http, "2018-06-28"), expected, "{name}");
    }
}

#[test]
fn sessions_uninstalls_merged_and_deleted_users() {
    let place = Place::new();
    let made = place.init("--app Web=web");
    let time = day("2018-06-28");
    let server = place.serve(&made.key, &[]);
    let send = |name: &str, more: &str, rows: &[Values]| {
        let body = file(&schema(name, &format!("{EVENT} {more}")), 10, rows);
        let answer = server.http.ingest_as("application/avro", "", &body);
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
    };
    let ask = |route: &str, name: &str| {
        server.http.values(&format!("/{route}/data_series?length=1&ending_at=2018-06-29"), name)[0]
    };
    let rows = [
        start(1, "b1", "ada", "web", time),
        start(2, "b2", "", "web", time + 3600),
        start(3, "b3", "bob", "web", time + 7200),
    ];
    // The same twice, as Currents may.
    for _ in 0..2 {
        send("users.behaviors.app.SessionStart", "session_id:text?", &rows);
        assert_eq!((ask("sessions", "sessions"), ask("kpi/dau", "dau")), (3, 3));
    }
    let uninstall = Values::default().text("u1").text("b3").maybe("bob").maybe("web").long(time);
    send("users.behaviors.Uninstall", "device_id:text?", &[uninstall.maybe("")]);
    assert_eq!((ask("kpi/uninstalls", "uninstalls"), ask("kpi/dau", "dau")), (1, 3));
    // Who was known by `b2` alone turns out to be `ada`.
    let orphan = Values::default().text("o1").text("b2").maybe("").maybe("").long(time).text("b1");
    send("users.UserOrphan", "orphaned_by_id:text", &[orphan]);
    assert_eq!(ask("kpi/dau", "dau"), 2);
    // Forgotten by the id that Braze gave, with what was said of `ada`.
    let delete = Values::default().text("d1").text("b1").maybe("").maybe("").long(time).maybe("");
    send("users.UserDeleteRequest", "app_group_id:text?", &[delete]);
    assert_eq!(ask("kpi/dau", "dau"), 1);
    server.terminate();
    assert_eq!(place.run_json("check --data data")["mismatches"], json!(0));
}

/// A row may say in which session it was, in every format.
#[test]
fn rows_count_sessions_once_each() {
    let place = Place::new();
    let made = place.init("");
    let csv = "user_id,time,session\nada,2018-06-28T01:00:00Z,s1\nada,2018-06-28T02:00:00Z,s1\nbob,2018-06-28,\n";
    place.write("rows.csv", csv);
    let ndjson = "{\"user_id\":\"ada\",\"time\":\"2018-06-28T03:00:00Z\",\"session\":\"s1\"}\n\
                  {\"user_id\":\"ada\",\"time\":\"2018-06-28T04:00:00Z\",\"session\":2}\n";
    place.write("rows.ndjson", ndjson);
    let row = |user: &str, session: &str| Values::default().text(user).long(day("2018-06-28")).maybe(session);
    let avro = file(&schema("Row", "user_id:text time:long session:text?"), 2, &[row("ada", "2"), row("bob", "s3")]);
    place.write("rows.avro", avro);
    let imported = place.run_json("import --data data --map session_id=session rows.csv rows.ndjson rows.avro");
    assert_eq!((imported["rows"].as_u64(), imported["rejected"].as_u64()), (Some(7), Some(0)));
    let server = place.serve(&made.key, &[]);
    assert_eq!(dau(&server.http, "2018-06-28"), 2);
    let sessions = server.http.values("/sessions/data_series?length=1&ending_at=2018-06-29", "sessions");
    assert_eq!(sessions, [3]);
}

const ROW: &str = "who:text time:long app_id:text?";

fn rows_of(rows: &[(&str, i64, &str)]) -> Vec<u8> {
    let rows: Vec<Values> =
        rows.iter().map(|(who, time, app)| Values::default().text(who).long(*time).maybe(app)).collect();
    file(&schema("Row", ROW), 3, &rows)
}

#[test]
fn bad_rows_are_named_and_strict_stops_at_the_first() {
    let place = Place::new();
    place.init("--app Web=web");
    let good = day("2018-06-28");
    let rows = [
        ("ada", good, "web"),
        ("bob", good * 1_000, "web"),
        ("", good, "web"),
        ("eve", good, "nobody"),
        ("finn", 9_999_999_999, "web"),
        ("gus", good, ""),
    ];
    place.write("rows.avro", rows_of(&rows));
    let import = "--map user_id=who rows.avro";
    place.run(&format!("import --data data --strict {import}")).refused(1, &["`rows.avro`, line 2: ", "milliseconds"]);
    assert_eq!(counts(&place.run_json(&format!("import --data data {import}"))), [6, 2, 0, 4]);
    let rejects = place.read("dauphin.rejects.ndjson");
    let mut found: Vec<Value> = rejects.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    found.sort_by_key(|reject| reject["line"].as_u64());
    for (reject, (line, reason, input)) in found.iter().zip([
        (2, "it looks like milliseconds", "who=bob, time=1530144000000, app_id=web"),
        (3, "the user id is empty", "who=, time=1530144000, app_id=web"),
        (4, "no app `nobody`", "eve,2018-06-28T00:00:00Z,nobody"),
        (5, "more than 48 hours ahead", "finn,2286-11-20T17:46:39Z,web"),
    ]) {
        assert_eq!((&reject["line"], &reject["input"]), (&json!(line), &json!(input)));
        assert!(reject["reason"].as_str().unwrap().contains(reason), "{reject}");
    }
    assert_eq!(found.len(), 4);
    place.run("import --data data rows.avro").refused(1, &["no column `user_id`", "its columns are `who,time,app_id`"]);
    place.write("cut.avro", &rows_of(&rows)[..150]);
    place.run("import --data data cut.avro").refused(1, &["import `cut.avro`", "not a readable Avro file"]);
    // What says nothing about activity is passed over, and said to be.
    place.write("sends.avro", file(&schema("users.messages.email.Send", EVENT), 1, &[]));
    let said = place.run("import --data data sends.avro");
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(said.stderr.contains("`users.messages.email.Send` says nothing about activity"), "{}", said.stderr);
}

#[test]
fn over_http_as_from_a_file() {
    let place = Place::new();
    let made = place.init("--app Web=web");
    let server = place.serve(&made.key, &[]);
    let good = day("2018-06-28");
    let post = |body: &[u8], query: &str| server.http.ingest_as("application/avro", query, body);
    let answer =
        post(&rows_of(&[("ada", good, "web"), ("bob", good, "nobody"), ("ada", good, "web")]), "?map=user_id%3Dwho");
    assert_eq!(answer.status, 200, "{}", answer.text());
    let json = answer.json();
    assert_eq!(counts(&json), [3, 1, 1, 1]);
    assert_eq!(json["errors"][0]["line"], json!(2));
    assert!(json["errors"][0]["reason"].as_str().unwrap().contains("no app `nobody`"), "{json}");
    // What is damaged or says nothing is refused whole.
    let whole = rows_of(&[("eve", good, "web"), ("finn", good, "web"), ("gus", good, "web"), ("hal", good, "web")]);
    let mut marked = whole.clone();
    *marked.last_mut().unwrap() ^= 1;
    let bomb = zstd::encode_all(&vec![0_u8; 60 << 20][..], 1).unwrap();
    let bombs = [header(&schema("Row", ROW), "zstandard"), block(1, &bomb).repeat(20)].concat();
    for (body, reason) in [
        (marked, "a block is not followed by the file's mark"),
        (whole[..whole.len() - 30].to_vec(), "it is cut off"),
        (b"user_id,time\n".to_vec(), "it does not begin as Avro does"),
        (file(&schema("users.messages.email.Send", EVENT), 1, &[]), "`users.messages.email.Send` say nothing"),
        (bombs, "not a readable Avro file after row 1"),
    ] {
        let answer = post(&body, "?map=user_id%3Dwho");
        assert_eq!(answer.status, 400, "{}", answer.text());
        assert!(answer.json()["message"].as_str().unwrap().contains(reason), "{}", answer.text());
    }
    assert_eq!(post(&whole, "").status, 400);
    assert_eq!(dau(&server.http, "2018-06-28"), 1);
    assert_eq!(counts(&post(&whole, "?map=user_id%3Dwho&strict=true").json()), [4, 4, 0, 0]);
    assert_eq!(dau(&server.http, "2018-06-28"), 5);
}

#[test]
fn into_a_running_server_as_into_its_directory() {
    let good = day("2018-06-28");
    let names: Vec<String> = (0..30_000).map(|number| format!("user {}", number % 1_234)).collect();
    let rows: Vec<(&str, i64, &str)> = (0_i64..)
        .zip(&names)
        .map(|(number, name)| {
            (name.as_str(), good + number % 20 * 86_400, if number % 1_000 == 7 { "nobody" } else { "web" })
        })
        .collect();
    let avro = rows_of(&rows);
    let place = Place::new();
    let made = place.init("--app Web=web");
    place.write("rows.avro", &avro);
    let server = place.serve(&made.key, &[]);
    let remote = format!("--url {} --key {}", server.http.url, server.http.key);
    let sent = place.run_json(&format!("import {remote} --map user_id=who rows.avro"));
    assert_eq!(place.read("dauphin.rejects.ndjson").lines().count(), 30);
    let target = "/kpi/mau/data_series?length=30&ending_at=2018-07-20&app_id=web";
    let of_server = server.http.get_json(target);
    server.terminate();

    let other = Place::new();
    let made = other.init("--app Web=web");
    other.write("rows.avro", &avro);
    let local = other.run_json("import --data data --map user_id=who rows.avro");
    assert_eq!(counts(&sent), counts(&local));
    let server = other.serve(&made.key, &[]);
    assert_eq!(server.http.get_json(target), of_server);
}

#[test]
fn standard_input_is_told_by_how_it_begins() {
    let time = day("2018-06-28");
    for (content, expected) in [
        (starts(&[start(1, "b1", "ada", "", time), start(2, "b2", "bob", "", time)]), Ok(2)),
        (b"user_id,time\nada,2018-06-28\n".to_vec(), Ok(1)),
        (zstd::encode_all(&b"{\"user_id\":\"ada\",\"time\":\"2018-06-28\"}\n"[..], 1).unwrap(), Ok(1)),
        (b"PAR1".to_vec(), Err("standard input is Parquet, which is read from its end")),
    ] {
        let place = Place::new();
        place.init("");
        let mut command = place.command(&["import", "--data", "data", "-"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(&content).unwrap();
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        match expected {
            Ok(rows) => {
                assert!(output.status.success(), "{stderr}");
                let json: Value = serde_json::from_slice(&output.stdout).unwrap();
                assert_eq!((json["rows"].as_u64(), json["rejected"].as_u64()), (Some(rows), Some(0)), "{json}");
            }
            Err(words) => assert!(stderr.contains(words), "{stderr}"),
        }
    }
}

/// The public data set, as Avro of another make.
#[test]
fn every_series_of_the_public_data_set() {
    let Some(csv) = csv() else { return };
    let rows: Vec<Values> =
        csv.lines().skip(1).map(|line| line.split(',').fold(Values::default(), Values::text)).collect();
    let place = Place::new();
    let made = place.init("--zone America/New_York");
    place.write("rows.avro", file(&schema("Row", "user_id:text time:text app_id:text"), 500, &rows));
    let imported = place.run_json("import --data data --create-apps rows.avro");
    assert_eq!((imported["rows"].as_u64(), imported["rejected"].as_u64()), (Some(112_404), Some(0)));
    let server = place.serve(&made.key, &[]);
    assert_all_series(&server.http, "America/New_York");
}
