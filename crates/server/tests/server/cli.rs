//! The command line: exit codes, what it refuses and how it says so, and that reading writes nothing.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::process::Stdio;

use serde_json::json;
use sha2::{Digest, Sha256};

use crate::support::{Place, Running};

const CSV: &str = "user_id,time,app_id\nada,2018-06-28,cargo\nbob,2018-06-27,cargo\n";

/// A place with `data` (two users in the app `cargo`) and `rows.csv`.
fn filled() -> (Place, String) {
    let place = Place::new();
    let made = place.init("--app Cargo=cargo");
    place.write("rows.csv", CSV);
    place.run_json("import --data data rows.csv");
    (place, made.key)
}

#[test]
fn usage_is_two_and_failure_is_one() {
    let (place, _) = filled();
    for (line, code, words) in [
        ("", 2, &["Usage: dauphin"][..]),
        ("import", 2, &["FILE|GLOB"]),
        ("import rows.csv", 2, &["--data DIR", "--url URL with --key KEY"]),
        ("coutn --data data", 2, &["unrecognized subcommand 'coutn'"]),
        ("check", 2, &["say where the data is", "--data DIR", "--store kafka"]),
        ("serve --brokers a:9092", 2, &["--brokers is for --store kafka"]),
        ("serve --data data --brokers a:9092", 2, &["--brokers is for --store kafka"]),
        ("serve --data data --store kafka --brokers a:9092", 2, &["--data is for --store embedded"]),
        ("serve --store kafka", 2, &["say which cluster: --brokers HOST:PORT,…"]),
        ("serve --store kafka --brokers a:9092,b", 2, &["`b` is no broker; write HOST:PORT"]),
        ("serve --store kafka --brokers a:9092 --session-timeout 5", 2, &["5 is not in 6..=1800"]),
        ("serve --store kafka --brokers a:9092 --topic-prefix a/b", 2, &["letters, digits"]),
        ("serve --store kafka --brokers a:9092 --kafka-property ssl", 2, &["KEY=VALUE"]),
        ("serve --store redb --data data", 2, &["'redb'", "embedded, kafka"]),
        ("check --data data --store kafka --brokers a:9092", 2, &["--data is for --store embedded"]),
        ("cluster", 2, &["Usage: dauphin cluster"]),
        ("cluster status", 2, &["say which cluster: --brokers"]),
        ("cluster init", 2, &["say which cluster: --brokers"]),
        ("cluster init --brokers a:9092 --partitions 0", 2, &["--partitions"]),
        ("cluster init --brokers a:9092 --zone Mars/Olympus", 2, &["`Mars/Olympus` is not an IANA time zone"]),
        ("cluster import --brokers a:9092", 2, &["<DIR>"]),
        ("cluster export data", 2, &["say which cluster: --brokers"]),
        ("check --data data --fast", 2, &["unexpected argument '--fast'"]),
        ("series --data data --metric dua --length 7", 2, &["'dua'", "dau, mau, active_users"]),
        ("series --data data --metric dau", 2, &["--length"]),
        ("series --data data --metric dau --length 7 --format pdf", 2, &["'pdf'", "table, json, csv, svg, png"]),
        ("series --url http://127.0.0.1:9 --metric dau --length 7", 2, &["--key"]),
        ("series --data data --url http://127.0.0.1:9 --metric dau --length 7", 2, &["cannot be used with"]),
        ("init --data other --zone Mars/Olympus", 2, &["`Mars/Olympus` is not an IANA time zone", "`Europe/Paris`"]),
        ("init --data other --app Web=", 2, &["an app identifier is empty"]),
        ("serve --data data --body-limit 5apples", 2, &["`32MiB`"]),
        ("serve --data data --tls-cert cert.pem", 2, &["--tls-key"]),
        ("demo --people 0", 2, &["0 is not in 1..=5000000"]),
        ("check --data nowhere", 1, &["`nowhere` is not a data directory", "no such directory"]),
        ("serve --data nowhere", 1, &["`nowhere` is not a data directory"]),
        ("serve --data data --listen nonsense", 1, &["listen on `nonsense`"]),
        (
            "series --data data --metric dau --length 0",
            1,
            &["`length` is `0`; it must be a whole number from 1 to 100"],
        ),
        ("series --data data --metric dau --length 7 --app carg", 1, &["there is no app `carg`; there is `cargo`"]),
        ("series --data data --metric dau --length 7 --ending-at soon", 1, &["`ending_at` is `soon`"]),
        ("series --data data --metric growth --length 7 --window 367", 1, &["`window` is `367`", "from 1 to 366"]),
        ("series --data data --metric mau --length 7 --window 7", 1, &["--metric active_users --window W"]),
        ("series --data data --workspace min --metric dau --length 7", 1, &["no workspace `min`; there is `main`"]),
        ("import --data data missing.csv", 1, &["there is no file `missing.csv`"]),
        ("import --data data none-*.csv", 1, &["there is no file `none-*.csv`"]),
        ("import --data data a[.csv", 1, &["`a[.csv` is no pattern of file names"]),
        (
            "import --data data https://example.org/a.csv",
            1,
            &["is a URL of a kind that cannot be read; those of s3://"],
        ),
        ("import --data data rows.csv --map customer", 1, &["`customer` is not a mapping", "`user_id=COL`"]),
        ("import --data data rows.csv --map who=user_id", 1, &["`who=user_id` is not a mapping"]),
    ] {
        let said = place.run(line);
        said.refused(code, words);
        assert!(said.stderr.len() < 4000, "{line}: {}", said.stderr);
    }
    assert!(!place.path("other").exists(), "a refused init leaves nothing");
    let help = place.run("--help");
    assert_eq!(help.code, 0);
    for command in ["init", "serve", "import", "series", "check", "cluster", "demo"] {
        assert!(help.text().contains(&format!("\n  {command} ")), "{}", help.text());
    }
    assert_eq!(place.run("--version").code, 0);
}

#[test]
fn files_that_cannot_be_imported() {
    let (place, _) = filled();
    place.write("rows.xlsx", "");
    place.write("rows", CSV);
    place.write("columns.csv", "who,time\nada,2018-06-28\n");
    place.write("twice.csv", "user_id,time,time\n");
    place.write("empty.csv", "");
    place.write("not.parquet", CSV);
    place.write("cut.csv.gz", &[0x1f, 0x8b, 8, 0][..]);
    for (name, words) in [
        ("rows.xlsx", &["`rows.xlsx`: the name does not say how rows are kept", ".csv, .ndjson", ".parquet"][..]),
        ("rows", &["`rows`: the name does not say"]),
        ("columns.csv", &["`columns.csv`", "no column `user_id`", "--map user_id=COL", "its columns are `who,time`"]),
        ("twice.csv", &["`twice.csv`", "two columns `time`"]),
        ("empty.csv", &["`empty.csv`", "the file is empty; a CSV file begins with a header"]),
        ("not.parquet", &["`not.parquet`", "not a readable Parquet file"]),
        ("cut.csv.gz", &["`cut.csv.gz`", "the gzip stream is cut off or damaged"]),
    ] {
        place.run(&format!("import --data data {name}")).refused(1, words);
        place.run(&format!("import --data data --strict {name}")).refused(1, words);
    }
    let mapped = place.run_json("import --data data columns.csv --map user_id=who");
    assert_eq!(mapped["rows"], json!(1));
}

#[test]
fn init_says_what_it_made_and_makes_nothing_twice() {
    let place = Place::new();
    let made = place.init("--workspace shop --zone america/new_york --app Web --app iOS=ios-app");
    assert_eq!((&made.json["workspace"], &made.json["zone"]), (&json!("shop"), &json!("America/New_York")));
    let apps = made.json["apps"].as_array().unwrap();
    assert_eq!((&apps[0]["name"], &apps[1]["app_id"]), (&json!("Web"), &json!("ios-app")));
    assert_eq!(apps[0]["app_id"].as_str().unwrap().len(), 36);
    let secrets: Vec<_> = apps.iter().map(|app| app["write_key"].as_str().unwrap()).chain([&*made.key]).collect();
    assert!(secrets.iter().all(|secret| secret.len() >= 32), "{secrets:?}");

    let before = hash(&place);
    place.run("init --data data").refused(1, &["`data` is a data directory already"]);
    assert_eq!(hash(&place), before);
    let second = place.run_json("init --data second");
    assert_ne!(second["api_key"], made.json["api_key"]);
    assert_eq!(second["zone"], json!("UTC"));
}

#[test]
fn init_with_the_same_app_twice_makes_nothing() {
    let place = Place::new();
    place.run("init --data data --app A=x --app B=x").refused(1, &["there is an app `x` in this workspace already"]);
    // Nothing half-made is in the way.
    place.init("--app A=x");
}

#[test]
fn a_directory_in_use_is_refused() {
    let (place, key) = filled();
    let server = place.serve(&key, &[]);
    for line in [
        "serve --data data --listen 127.0.0.1:0",
        "import --data data rows.csv",
        "check --data data",
        "series --data data --metric dau --length 7",
    ] {
        place
            .run(line)
            .refused(1, &["the data directory `data` is in use by another process; stop that process first"]);
    }
    place.run("init --data data").refused(1, &["data"]);
    assert_eq!(server.http.values("/kpi/mau/data_series?length=1&ending_at=2018-06-29", "mau"), [2]);
    server.terminate();
    assert_eq!(place.run("check --data data").code, 0);
}

#[test]
fn another_format_is_refused_and_nonsense_too() {
    let (place, _) = filled();
    for (version, words) in [
        ("dauphin 999\n", &["has format 999, and this release reads format 3"][..]),
        ("giraffe\n", &["VERSION", "is damaged", "`giraffe"]),
        ("", &["VERSION", "is damaged"]),
    ] {
        place.write("data/VERSION", version);
        let before = hash(&place);
        for line in [
            "serve --data data --listen 127.0.0.1:0",
            "import --data data rows.csv",
            "check --data data",
            "series --data data --metric dau --length 7",
        ] {
            place.run(line).refused(1, words);
        }
        assert_eq!(hash(&place), before);
    }
    place.write("data/VERSION", "dauphin 3\n");
    assert_eq!(place.run("check --data data").code, 0);
    fs::remove_file(place.path("data/VERSION")).unwrap();
    place.run("serve --data data").refused(1, &["is not a data directory: the file `VERSION` is missing"]);
}

/// Every file of the data directory: its name, and a hash of its content.
fn hash(place: &Place) -> BTreeMap<String, String> {
    let files = fs::read_dir(place.path("data")).unwrap().map(Result::unwrap);
    let hash = |path| Sha256::digest(fs::read(path).unwrap()).iter().map(|byte| format!("{byte:02x}")).collect();
    files.map(|file| (file.file_name().into_string().unwrap(), hash(file.path()))).collect()
}

#[test]
fn reading_changes_no_byte() {
    let (place, key) = filled();
    let read = |place: &Place| {
        let before = hash(place);
        assert_eq!(place.run("check --data data").code, 0);
        for format in ["table", "json", "csv", "svg", "png"] {
            let line = format!("series --data data --metric mau --length 30 --ending-at 2018-06-29 --format {format}");
            let said = place.run(&line);
            assert_eq!(said.code, 0, "{}", said.stderr);
        }
        assert_eq!(hash(place), before);
    };
    read(&place);
    // After a kill the file is not as a clean stop leaves it, and still nobody tidies up who only reads.
    let server = place.serve(&key, &[]);
    let answer = server.http.ingest("{\"user_id\":\"cleo\",\"time\":\"2018-06-28\"}");
    assert_eq!(answer.status, 200);
    server.kill9();
    read(&place);
    let said = place.run("series --data data --metric dau --length 1 --ending-at 2018-06-29 --format csv");
    assert_eq!(said.text(), "time,dau\n2018-06-28,2\n");
}

#[test]
fn a_reader_that_has_seen_enough_ends_it_quietly() {
    let (place, _) = filled();
    for format in ["table", "json", "svg", "png"] {
        let line = ["series", "--data", "data", "--metric", "growth", "--length", "100", "--format", format];
        let mut command = place.command(&line);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        drop(child.stdout.take());
        let mut stderr = String::new();
        child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        assert_eq!((child.wait().unwrap().code(), &*stderr), (Some(0), ""), "{format}");
    }
}

#[test]
fn serve_says_what_it_does_and_stops_when_asked() {
    let (place, key) = filled();
    let said = place.serve(&key, &[]).terminate();
    assert_eq!(said.stdout, b"", "stdout is data");
    for words in ["settings: data=data", "2 profiles in 1 workspaces", "listening on http://127.0.0.1:", "stopping"] {
        assert!(said.stderr.contains(words), "`{words}` is not in: {}", said.stderr);
    }
    assert!(!said.stderr.contains(&key));

    let mut beyond = place.start(&["serve", "--data", "data", "--listen", "0.0.0.0:0"]);
    beyond.wait_for_line("keys travel unencrypted");
    beyond.wait_for_line("listening on http://0.0.0.0:");
    Running::terminate(beyond);

    let server = place.serve(&key, &[]);
    let port = server.http.authority().to_owned();
    let other = Place::new();
    other.init("");
    other.run(&format!("serve --data data --listen {port}")).refused(1, &[&format!("listen on `{port}`")]);
}
