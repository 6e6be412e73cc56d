//! `dauphin series`: the same numbers in every form, from a directory as from a server.

use crate::support::Place;

const CSV: &str = "user_id,time,app_id\nada,2018-06-25,cargo\nada,2018-06-28,cargo\nbob,2018-06-27,cargo\n\
                   bob,2018-06-28,rustup\ncleo,2018-06-28,\n";
const DAYS: &str = "--length 4 --ending-at 2018-06-29";

fn filled() -> (Place, String) {
    let place = Place::new();
    let made = place.init("--zone Europe/Paris --app Cargo=cargo --app Rustup=rustup");
    place.write("rows.csv", CSV);
    place.run_json("import --data data rows.csv");
    (place, made.key)
}

fn series(place: &Place, line: &str) -> Vec<u8> {
    let said = place.run(&format!("series {DAYS} {line}"));
    assert_eq!(said.code, 0, "{line}: {}", said.stderr);
    assert_eq!(said.stderr, "");
    said.stdout
}

fn text(place: &Place, line: &str) -> String {
    String::from_utf8(series(place, line)).unwrap()
}

#[test]
fn a_table_for_people() {
    let (place, _) = filled();
    assert_eq!(
        text(&place, "--data data --metric dau"),
        "\
Daily active users
all apps · Europe/Paris · 25 Jun to 28 Jun 2018

time        dau
2018-06-25    1
2018-06-26    0
2018-06-27    1
2018-06-28    3

     first  last  min  max
dau      1     3    0    3  ▃▁▃█
"
    );
    assert_eq!(
        text(&place, "--data data --metric growth --window 2 --app cargo"),
        "\
Growth of users active in 2 days
cargo · Europe/Paris · 25 Jun to 28 Jun 2018

time        active  new  resurrected  retained  churned
2018-06-25       1    1            0         0        0
2018-06-26       1    0            0         1        0
2018-06-27       1    1            0         0        1
2018-06-28       2    0            1         1        0

             first  last  min  max
active           1     2    1    2  ▁▁▁█
new              1     0    0    1  █▁█▁
resurrected      0     1    0    1  ▁▁▁█
retained         0     1    0    1  ▁█▁█
churned          0     0    0    1  ▁▁█▁
"
    );
}

#[test]
fn json_and_csv_for_programs() {
    let (place, _) = filled();
    assert_eq!(
        text(&place, "--data data --metric mau --format json"),
        "{\"data\":[{\"time\":\"2018-06-25\",\"mau\":1},{\"time\":\"2018-06-26\",\"mau\":1},\
         {\"time\":\"2018-06-27\",\"mau\":2},{\"time\":\"2018-06-28\",\"mau\":3}],\"message\":\"success\"}\n"
    );
    assert_eq!(
        text(&place, "--data data --metric stickiness --window 2 --format csv"),
        "time,dau,active,stickiness\n2018-06-25,1,1,1.0\n2018-06-26,0,1,0.0\n2018-06-27,1,1,1.0\n2018-06-28,3,3,1.0\n"
    );
    assert_eq!(
        text(&place, "--data data --metric new_users --app rustup --format csv"),
        "time,new_users\n2018-06-25,0\n2018-06-26,0\n2018-06-27,0\n2018-06-28,1\n"
    );
}

#[test]
fn charts_for_files() {
    let (place, _) = filled();
    let svg = text(&place, "--data data --metric active_users --window 7 --format svg");
    assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"), "{svg}");
    for words in ["Users active in 7 days", "all apps", "Europe/Paris", "<polyline"] {
        assert!(svg.contains(words), "`{words}` is not in {svg}");
    }
    let png = series(&place, "--data data --metric growth --format png");
    let decoder = png::Decoder::new(std::io::Cursor::new(&png));
    let mut reader = decoder.read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let frame = reader.next_frame(&mut pixels).unwrap();
    assert!(frame.width >= 640 && frame.height >= 320, "{frame:?}");
    pixels.truncate(frame.buffer_size());
    assert!(pixels.iter().any(|value| *value != pixels[0]), "an empty picture");
}

#[test]
fn a_server_gives_what_its_directory_gives() {
    let (place, key) = filled();
    let lines = [
        "--metric dau --format table",
        "--metric mau --format json",
        "--metric new_users --format csv --app cargo",
        "--metric active_users --window 366 --format csv",
        "--metric growth --window 2 --format table",
        "--metric stickiness --format table",
        "--metric stickiness --format csv --app rustup",
        "--metric growth --format svg",
        "--metric growth --format png",
    ];
    let from_directory = lines.map(|line| series(&place, &format!("--data data {line}")));
    let server = place.serve(&key, &[]);
    let url = server.http.url.clone();
    for (line, expected) in lines.iter().zip(&from_directory) {
        // A slash at the end of the address makes no difference.
        for url in [url.clone(), format!("{url}/")] {
            assert!(series(&place, &format!("--url {url} --key {key} {line}")) == *expected, "{line}");
        }
    }
    let ask = |rest: &str| place.run(&format!("series --url {url} {rest}"));
    ask("--key wrong --metric dau --length 7").refused(1, &["the server answered 401: Invalid API key"]);
    ask(&format!("--key {key} --metric dau --length 0")).refused(1, &["`length` is `0`"]);
    ask(&format!("--key {key} --metric dau --length 7 --app x")).refused(1, &["`app_id` is `x`"]);
    ask(&format!("--key {key} --workspace other --metric dau --length 7")).refused(1, &["`other`"]);
    server.terminate();
    ask(&format!("--key {key} --metric dau --length 7")).refused(1, &[&url]);
}
