//! `dauphin import`: bad rows, many files, a kill in the middle, a running server, and bounded memory.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::support::{Place, Said, eventually};

const SERIES: &str = "series --data data --length 100 --ending-at 2018-04-11 --format csv --metric";

fn counts(said: &Said) -> [u64; 4] {
    assert_eq!(said.code, 0, "{}", said.stderr);
    let json: Value = serde_json::from_slice(&said.stdout).unwrap();
    assert!(json["seconds"].is_f64(), "{json}");
    ["rows", "new_user_days", "repeats", "rejected"].map(|name| json[name].as_u64().unwrap())
}

/// Every series there is, for comparing.
fn all_series(place: &Place) -> Vec<String> {
    let ask = |metric: &str| {
        let said = place.run(&format!("{SERIES} {metric}"));
        assert_eq!(said.code, 0, "{}", said.stderr);
        said.text().to_owned()
    };
    ["dau", "mau", "new_users", "growth", "active_users --window 366", "dau --app web", "growth --app ios"]
        .map(ask)
        .to_vec()
}

const HEADER: &str = "user_id,padding,time,app_id\n";

/// 1,000 users on each of so many days, each user in one of two apps.
fn user_days(days: usize, padding: &str) -> String {
    let mut rows = String::new();
    for (day, user) in (0..days).flat_map(|day| (0..1000).map(move |user| (day, user))) {
        let (month, day, app) = (1 + day / 28, 1 + day % 28, if user % 3 == 0 { "ios" } else { "web" });
        writeln!(rows, "user-{user},{padding},2018-{month:02}-{day:02},{app}").unwrap();
    }
    rows
}

fn gzipped(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn bad_rows_are_named_and_kept() {
    let place = Place::new();
    place.init("--app Web=web");
    let csv = "user_id,time,app_id\n\
               ada,2018-06-28,web\n\
               bob,soon,web\n\
               \"cl\neo\",2018-06-28,web\n\
               ,2018-06-28,web\n\
               dora,2018-06-28\n\
               eve,2018-06-28,nobody\n\
               finn,2100-01-01,web\n\
               gus,,web\n\
               hal,1969-12-31,web\n\
               ida,2018-06-28,\n";
    place.write("rows.csv", csv);
    let said = place.run("import --data data rows.csv");
    assert_eq!(counts(&said), [10, 3, 0, 7]);
    assert!(said.stderr.contains("7 of 10 rows could not be counted"), "{}", said.stderr);
    assert!(said.stderr.contains("`dauphin.rejects.ndjson`"), "{}", said.stderr);

    let rejects: Vec<Value> =
        place.read("dauphin.rejects.ndjson").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut found: Vec<_> = rejects.iter().map(|reject| (reject["line"].as_u64().unwrap(), reject)).collect();
    found.sort_unstable_by_key(|(line, _)| *line);
    let expected = [
        (3, "`soon`", "bob,soon,web"),
        (6, "the user id is empty", ",2018-06-28,web"),
        (7, "the line has 2 fields; the header has 3", "dora,2018-06-28"),
        (8, "no app `nobody`", "eve,2018-06-28T00:00:00Z,nobody"),
        (9, "more than 48 hours ahead", "finn,2100-01-01T00:00:00Z,web"),
        (10, "`time` is empty", "gus,,web"),
        (11, "before 1970", "hal,1969-12-31T00:00:00Z,web"),
    ];
    assert_eq!(found.len(), expected.len(), "{rejects:?}");
    for ((line, reason, input), (found_line, reject)) in expected.into_iter().zip(found) {
        assert_eq!((found_line, &reject["file"], &reject["input"]), (line, &json!("rows.csv"), &json!(input)));
        assert!(reject["reason"].as_str().unwrap().contains(reason), "{reject}");
    }

    // Again, elsewhere: the same rows are rejected, and none is there twice.
    let again = place.run("import --data data --rejects other.ndjson rows.csv");
    assert_eq!(counts(&again), [10, 0, 3, 7]);
    place.run("import --data data rows.csv");
    assert_eq!(place.read("dauphin.rejects.ndjson").lines().count(), 7);
    assert_eq!(place.read("other.ndjson").lines().count(), 7);
}

#[test]
fn strict_imports_all_or_nothing() {
    let place = Place::new();
    place.init("--app Web=web");
    let mut csv = "user_id,time,app_id\n".to_owned();
    for row in 0..100_000 {
        writeln!(csv, "user-{row},2018-04-10,web").unwrap();
    }
    place.write("good.csv", &csv);
    let count = |place: &Place| place.run(&format!("{SERIES} dau")).text().lines().last().unwrap().to_owned();
    for (bad, words) in [
        ("bob,soon,web\n", ["`bad.csv`, line 100002: ", "`soon`"]),
        ("bob,2018-04-10,nobody\n", ["`bad.csv`, line 100002: ", "no app `nobody`"]),
        ("bob,2100-01-01,web\n", ["`bad.csv`, line 100002: ", "48 hours ahead"]),
        ("bob\n", ["`bad.csv`, line 100002: ", "1 fields"]),
    ] {
        place.write("bad.csv", format!("{csv}{bad}ada,2018-04-10,web\n"));
        // The good file is named first, and is not imported either.
        let said = place.run("import --data data --strict good.csv bad.csv");
        said.refused(1, &words);
        assert!(said.stderr.contains("nothing was imported (--strict)"), "{}", said.stderr);
        assert_eq!(count(&place), "2018-04-10,0");
    }
    place.run("import --data data --strict --create-apps bad.csv").refused(1, &["line 100002"]);
    place.run(&format!("{SERIES} dau --app nobody")).refused(1, &["there is no app `nobody`"]);
    assert!(!place.path("dauphin.rejects.ndjson").exists());
    assert_eq!(counts(&place.run("import --data data --strict good.csv")), [100_000, 100_000, 0, 0]);
    assert_eq!(count(&place), "2018-04-10,100000");
}

/// A strict import that makes apps imported the good rows and then rejected one whose identifier can be no app's.
#[test]
fn strict_imports_nothing_if_an_app_cannot_be_made() {
    let place = Place::new();
    place.init("");
    place.write("rows.csv", format!("user_id,time,app_id\nada,2018-04-10,web\nbob,2018-04-10,{}\n", "x".repeat(256)));
    place.run("import --data data --strict --create-apps rows.csv").refused(1, &["`rows.csv`, line 3: ", "256 bytes"]);
    assert_eq!(place.run(&format!("{SERIES} dau")).text().lines().last(), Some("2018-04-10,0"));
}

#[test]
fn several_files_by_name_and_pattern() {
    let place = Place::new();
    place.init("");
    fs::create_dir(place.path("parts")).unwrap();
    place.write("parts/1.csv", "user_id,time\nada,2018-04-10\nbob,2018-04-10\n");
    place.write(
        "parts/2.ndjson",
        "{\"user_id\":\"ada\",\"time\":\"2018-04-10\"}\n{\"user_id\":\"cleo\",\"time\":1}\nx\n",
    );
    place.write("parts/readme.txt", "not rows");
    place.write("more.csv.zst", zstd::encode_all(&b"user_id,time\ndora,2018-04-10\n"[..], 1).unwrap());
    let said = place.run("import --data data parts/*.csv parts/[2-9].* more.csv.zst");
    assert_eq!(counts(&said), [6, 4, 1, 1]);
    let reject: Value = serde_json::from_str(&place.read("dauphin.rejects.ndjson")).unwrap();
    assert_eq!((&reject["file"], &reject["line"]), (&json!("parts/2.ndjson"), &json!(3)));
    place.run("import --data data parts/*").refused(1, &["`parts/readme.txt`: the name does not say"]);
}

#[test]
fn into_a_running_server_as_into_its_directory() {
    let place = Place::new();
    let made = place.init("--zone Asia/Kolkata --app Web=web");
    let mut csv = "who,time,app_id\n".to_owned();
    for row in 0..50_000 {
        // Around midnight in Kolkata; a time without an offset is Kolkata's. Every thousandth row is bad.
        let time = match row % 3 {
            0 => format!("2018-04-{:02}T18:29:59Z", 1 + row % 10),
            1 => format!("2018-04-{:02}T18:30:00Z", 1 + row % 10),
            _ => format!("2018-04-{:02}T00:00:00", 1 + row % 10),
        };
        let app = ["web", "ios", ""][row % 7 % 3];
        let time = if row % 1000 == 999 { "soon".to_owned() } else { time };
        writeln!(csv, "user-{},{time},{app}", row % 4321).unwrap();
    }
    place.write("rows.csv", &csv);
    let server = place.serve(&made.key, &[]);
    let remote = format!("--url {} --key {}", server.http.url, server.http.key);
    let first = place.run(&format!("import {remote} --create-apps --map user_id=who rows.csv"));
    let again = place.run(&format!("import {remote} --map user_id=who rows.csv"));
    let [rows, new_user_days, repeats, rejected] = counts(&first);
    assert_eq!((rows, rejected, new_user_days + repeats), (50_000, 50, 49_950));
    assert_eq!(counts(&again), [50_000, 0, 49_950, 50]);
    assert_eq!(place.read("dauphin.rejects.ndjson").lines().count(), 50);
    place.run("import --url http://127.0.0.1:9 --key wrong rows.csv").refused(1, &["http://127.0.0.1:9"]);
    let wrong = place.run(&format!("import --url {} --key wrong rows.csv", server.http.url));
    wrong.refused(1, &["the server answered 401: Invalid API key"]);
    // Looked through before anything is sent.
    place.write("bad.csv", "user_id,time,app_id\nzoe,2018-04-10,\nzoe,2018-04-10,nobody\n");
    place.run(&format!("import {remote} --strict bad.csv")).refused(1, &["`bad.csv`, line 3: ", "no app `nobody`"]);
    server.terminate();

    let other = Place::new();
    other.init("--zone Asia/Kolkata --app Web=web");
    other.write("rows.csv", &csv);
    let local = other.run("import --data data --create-apps --map user_id=who rows.csv");
    assert_eq!(counts(&local), counts(&first));
    assert_eq!(all_series(&other), all_series(&place));
    assert_eq!(other.run("check --data data").code, 0);
}

/// A figure of a living process from `/proc/ID/NAME`, the number after `label`.
fn figure(id: u32, name: &str, label: &str) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{id}/{name}")).ok()?;
    text.lines().find_map(|line| line.strip_prefix(label)?.split_whitespace().next()?.parse().ok())
}

/// A place with a file that says the same 100,000 user-days and 1,000 bad rows so many times: a gzip member for each.
fn repeating(times: usize) -> Place {
    let place = Place::new();
    place.init("--app Web=web --app iOS=ios");
    let member = gzipped(&(user_days(100, "x") + &"user-1,x,soon,web\n".repeat(1000)));
    place.write("rows.csv.gz", [gzipped(HEADER), member.repeat(times)].concat());
    place
}

#[test]
fn an_import_that_is_killed_goes_on_where_it_was() {
    let uninterrupted = repeating(1);
    assert_eq!(counts(&uninterrupted.run("import --data data rows.csv.gz")), [101_000, 100_000, 0, 1000]);
    let series = all_series(&uninterrupted);
    assert_eq!(series[0].lines().nth(1), Some("2018-01-01,1000"));

    // The position is kept once a second. A machine so fast that it keeps none before the kill gets a longer file.
    for times in [20, 80, 320] {
        let place = repeating(times);
        let size = place.path("rows.csv.gz").metadata().unwrap().len();
        let mut import = place.start(&["import", "--data", "data", "rows.csv.gz"]);
        eventually("most of the file is read", || {
            assert!(!import.has_ended(), "the import ends before it is killed");
            figure(import.id(), "io", "rchar: ").is_some_and(|read| read > size / 10 * 8)
        });
        import.kill9();
        let said = place.run("import --data data rows.csv.gz");
        // What was counted before the kill is in the sum, once.
        let [rows, new_user_days, repeats, rejected] = counts(&said);
        assert_eq!((rows, rejected), (times as u64 * 101_000, times as u64 * 1000));
        assert_eq!(new_user_days + repeats + rejected, rows);
        assert_eq!(all_series(&place), series);
        assert_eq!(place.run("check --data data").code, 0);
        // Every bad row is kept; half a line is another test's matter.
        let rejects = place.read("dauphin.rejects.ndjson");
        let lines = rejects.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()?["line"].as_u64());
        let lines: Vec<_> = lines.collect();
        assert_eq!(lines.len(), times * 1000);
        assert_eq!(lines.iter().collect::<BTreeSet<_>>().len(), lines.len(), "a row is kept twice");

        if let Some(line) = said.stderr.lines().find(|line| line.contains("going on with `rows.csv.gz` at line ")) {
            let number = line.split("at line ").nth(1).unwrap().split(',').next().unwrap();
            assert!(number.parse::<u64>().unwrap() > 1, "{line}");
            // One that came to its end begins anew.
            let again = uninterrupted.run("import --data data rows.csv.gz");
            assert_eq!(counts(&again), [101_000, 0, 100_000, 1000]);
            assert!(!again.stderr.contains("going on"), "{}", again.stderr);
            return;
        }
    }
    panic!("never went on where it was");
}

/// A killed import left half a line at the end of the reject file, and the next import kept it for good.
#[test]
fn the_reject_file_is_whole_lines_again_after_a_kill() {
    let place = Place::new();
    place.init("");
    place.write("rows.csv", "user_id,time\nada,soon\nbob,soon\n");
    place.run_json("import --data data rows.csv");
    let whole = place.read("dauphin.rejects.ndjson");
    let half = &whole[..whole.len() - 20];
    place.write("dauphin.rejects.ndjson", half);
    place.run_json("import --data data rows.csv");
    assert_eq!(place.read("dauphin.rejects.ndjson"), whole);
}

#[test]
fn memory_does_not_grow_with_the_file() {
    let place = Place::new();
    place.init("--app Web=web --app iOS=ios");
    let rows = user_days(50, &"x".repeat(400));
    let mut file = fs::File::create(place.path("rows.csv")).unwrap();
    file.write_all(HEADER.as_bytes()).unwrap();
    (0..10).for_each(|_| file.write_all(rows.as_bytes()).unwrap());
    let size = HEADER.len() + 10 * rows.len();
    assert!(size > 200 << 20, "{size}");

    let mut import = place.start(&["import", "--data", "data", "rows.csv"]);
    let mut peak_kibibytes = 0;
    eventually("the import ends", || {
        peak_kibibytes = figure(import.id(), "status", "VmHWM:").unwrap_or(peak_kibibytes);
        import.has_ended()
    });
    assert_eq!(counts(&import.finish()), [500_000, 50_000, 450_000, 0]);
    assert!((1..100 << 10).contains(&peak_kibibytes), "{peak_kibibytes} KiB for a file of {size} bytes");
}
