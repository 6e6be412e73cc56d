//! A flag, else the environment, else `dauphin.toml`.

use crate::support::{Place, Running, said};

const SERIES: [&str; 4] = ["series", "--metric", "dau", "--length"];

fn filled() -> Place {
    let place = Place::new();
    place.init("");
    place.write("rows.csv", "user_id,time\nada,2018-06-28\n");
    place.run_json("import --data data rows.csv");
    place
}

#[test]
fn the_environment_is_read() {
    let place = filled();
    let mut command = place.command(&["series"]);
    command.envs([("DAUPHIN_DATA", "data"), ("DAUPHIN_METRIC", "dau"), ("DAUPHIN_LENGTH", "2")]);
    command.envs([("DAUPHIN_ENDING_AT", "2018-06-29"), ("DAUPHIN_FORMAT", "csv")]);
    let by_environment = said(&mut command);
    assert_eq!(by_environment.text(), "time,dau\n2018-06-27,0\n2018-06-28,1\n", "{}", by_environment.stderr);
    // A flag wins.
    command.args(["--length", "1"]);
    assert_eq!(said(&mut command).text(), "time,dau\n2018-06-28,1\n");

    let mut init = place.command(&["init"]);
    init.envs([("DAUPHIN_DATA", "other"), ("DAUPHIN_ZONE", "Nowhere/Land")]);
    said(&mut init).refused(2, &["`Nowhere/Land` is not an IANA time zone"]);

    let mut serve = place.command(&["serve"]);
    serve.envs([("DAUPHIN_DATA", "data"), ("DAUPHIN_LISTEN", "127.0.0.1:0"), ("DAUPHIN_BODY_LIMIT", "1KiB")]);
    let mut server = Running::of(&mut serve);
    let settings = server.wait_for_line("settings:");
    assert!(settings.contains("listen=127.0.0.1:0") && settings.contains("body_limit=1024"), "{settings}");
    server.wait_for_line("listening on");
    server.terminate();
}

#[test]
fn a_file_gives_defaults() {
    let place = filled();
    place.write("dauphin.toml", "data = 'data'\nending_at = '2018-06-29'\nformat = 'csv'\nlength = 1\n");
    let series = |arguments: &[&str]| place.command(&[&["series", "--metric", "dau"], arguments].concat());
    let by_file = said(&mut series(&[]));
    assert_eq!(by_file.text(), "time,dau\n2018-06-28,1\n", "{}", by_file.stderr);
    assert!(by_file.stderr.contains("settings from `dauphin.toml`"), "{}", by_file.stderr);
    // The environment wins over the file, a flag over both.
    let by_environment = said(series(&[]).env("DAUPHIN_ENDING_AT", "2018-06-28"));
    assert_eq!(by_environment.text(), "time,dau\n2018-06-27,0\n");
    let by_flag = said(series(&["--ending-at", "2018-06-27"]).env("DAUPHIN_ENDING_AT", "2018-06-28"));
    assert_eq!(by_flag.text(), "time,dau\n2018-06-26,0\n");

    place.write("other.toml", "data = 'data'\nending_at = '2018-06-30'\nformat = 'csv'\n");
    let by_name = said(series(&["--length", "1"]).env("DAUPHIN_CONFIG", "other.toml"));
    assert_eq!(by_name.text(), "time,dau\n2018-06-29,0\n", "{}", by_name.stderr);
    said(series(&[]).env("DAUPHIN_CONFIG", "missing.toml")).refused(2, &["read the settings `missing.toml`"]);
}

#[test]
fn a_file_with_a_mistake_is_refused_before_anything_is_done() {
    let place = filled();
    for (file, words) in [
        ("lisen = '127.0.0.1:0'", &["`dauphin.toml` have an unknown key `lisen`", "known are", "listen"][..]),
        ("data = 'data'\nfiles = ['a.csv']", &["unknown key `files`"]),
        ("length = 1.5", &["the key `length` must be a text, a whole number"]),
        ("[data]\npath = 'data'", &["the key `data` must be"]),
        ("data = ", &["read the settings `dauphin.toml`"]),
        ("data = 'a'\ndata = 'b'", &["read the settings `dauphin.toml`", "duplicate key"]),
    ] {
        place.write("dauphin.toml", file);
        said(&mut place.command(&[&SERIES[..], &["1"]].concat())).refused(2, words);
    }
    // A value is checked as if it were a flag's.
    place.write("dauphin.toml", "data = 'data'\nformat = 'pdf'");
    said(&mut place.command(&[&SERIES[..], &["1"]].concat())).refused(2, &["'pdf'"]);
}
