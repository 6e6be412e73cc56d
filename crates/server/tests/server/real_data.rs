//! A public data set: commits of Rust tools, with counts made by other software.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::PathBuf;

use dauphin_model::Day;
use flate2::read::GzDecoder;
use serde::Deserialize;
use serde_json::Value;

use crate::support::{Http, Place};

const ROWS: u64 = 112_404;

#[derive(Deserialize)]
struct Expected {
    zone: String,
    app: Option<String>,
    metric: String,
    window: u16,
    end: String,
    length: usize,
    series: BTreeMap<String, i64>,
}

/// The data set's directory; it is not part of the repository.
#[expect(clippy::print_stdout, reason = "whoever runs the tests shall know what was left out")]
fn shared() -> Option<PathBuf> {
    let directory = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data"));
    if directory.is_dir() {
        return Some(directory.canonicalize().unwrap());
    }
    println!("skipped: no ../shared");
    None
}

/// `user_id,time,app_id` with a header, or `None` where there is no data set.
pub fn csv() -> Option<String> {
    let file = fs::File::open(shared()?.join("rust-tools.csv.gz")).unwrap();
    let mut text = String::new();
    GzDecoder::new(file).read_to_string(&mut text).unwrap();
    Some(text)
}

fn expected(zone: &str) -> Vec<Expected> {
    let text = fs::read(shared().unwrap().join("rust-tools.expected.json")).unwrap();
    let all: Vec<Expected> = serde_json::from_slice(&text).unwrap();
    assert_eq!(all.len(), 216);
    let of_zone: Vec<_> = all.into_iter().filter(|expected| expected.zone == zone).collect();
    assert_eq!(of_zone.len(), 72);
    of_zone
}

/// Asks for every series of a zone, each in every way there is to ask for it.
pub fn assert_all_series(http: &Http, zone: &str) {
    for expected in expected(zone) {
        let window = expected.window;
        let routes: Vec<(String, &[&str])> = match expected.metric.as_str() {
            "active" => {
                let mut routes: Vec<(String, &[&str])> = vec![
                    (format!("active_users/data_series?window={window}"), &["active_users"]),
                    (format!("growth/data_series?window={window}"), &["active"]),
                    (format!("growth/data_series?window={window}"), &["new", "resurrected", "retained"]),
                    (format!("stickiness/data_series?window={window}"), &["active"]),
                ];
                match window {
                    1 => routes.push(("dau/data_series?".to_owned(), &["dau"])),
                    30 => routes.push(("mau/data_series?".to_owned(), &["mau"])),
                    _ => {}
                }
                routes
            }
            "new" => vec![
                ("new_users/data_series?".to_owned(), &["new_users"]),
                (format!("growth/data_series?window={window}"), &["new"]),
            ],
            "entering" => vec![(format!("growth/data_series?window={window}"), &["new", "resurrected"])],
            "resurrected" => vec![(format!("growth/data_series?window={window}"), &["resurrected"])],
            "churned" => vec![(format!("growth/data_series?window={window}"), &["churned"])],
            other => panic!("no route for `{other}`"),
        };
        // A date alone ends the day before.
        let ending_at = Day::parse(&expected.end).unwrap().offset(1).unwrap();
        let app = expected.app.as_ref().map(|app| format!("&app_id={app}")).unwrap_or_default();
        for (route, names) in routes {
            let target = format!("/kpi/{route}&length={}&ending_at={ending_at}{app}", expected.length);
            let answer = http.get_json(&target);
            let sum = |point: &Value| names.iter().map(|name| point[*name].as_i64().unwrap()).sum();
            let points = answer["data"].as_array().unwrap().iter();
            let series: BTreeMap<_, i64> =
                points.map(|point| (point["time"].as_str().unwrap().to_owned(), sum(point))).collect();
            assert_eq!(series, expected.series, "{} in {zone}: {target} {names:?}", expected.metric);
        }
    }
}

fn import_and_ask(zone: &str) {
    let Some(directory) = shared() else { return };
    let place = Place::new();
    let made = place.init(&format!("--zone {zone}"));
    let import = format!("import --data data --create-apps {}/rust-tools.csv.gz", directory.display());
    let first = place.run_json(&import);
    assert_eq!((first["rows"].as_u64(), first["rejected"].as_u64()), (Some(ROWS), Some(0)));
    assert_eq!(first["new_user_days"].as_u64().unwrap() + first["repeats"].as_u64().unwrap(), ROWS);

    let server = place.serve(&made.key, &[]);
    assert_all_series(&server.http, zone);
    assert_verbatim_requests(&server.http);
    server.terminate();

    let again = place.run_json(&import);
    assert_eq!((again["new_user_days"].as_u64(), again["repeats"].as_u64()), (Some(0), Some(ROWS)));
    let server = place.serve(&made.key, &[]);
    assert_all_series(&server.http, zone);
    server.terminate();

    let check = place.run_json("check --data data");
    assert_eq!(check["mismatches"].as_u64(), Some(0));
    assert!(check["points_checked"].as_u64().unwrap() > 100_000, "{check}");
}

/// The requests of the field, as they were first written, and the French one. All three end on 2018-06-29 or 28, as the
/// zone has it; that they count right is known from the same days asked for by date.
fn assert_verbatim_requests(http: &Http) {
    for (target, by_date) in [
        (
            "/kpi/mau/data_series?length=7&ending_at=2018-06-28T23:59:59-05:00&app_id=cargo",
            "/kpi/mau/data_series?length=7&app_id=cargo",
        ),
        (
            "/kpi/dau/data_series?length=10&ending_at=2018-06-28T23:59:59-5:00&app_id=cargo",
            "/kpi/dau/data_series?length=10&app_id=cargo",
        ),
    ] {
        // 04:59:59 in UTC, 00:59:59 in New York, 10:29:59 in Kolkata: the 29th in all of them.
        assert_eq!(http.get_json(target), http.get_json(&format!("{by_date}&ending_at=2018-06-30")), "{target}");
    }
    let english = http.get_json("/kpi/dau/data_series?length=10&ending_at=2018-06-28T23:59:59-5:00&app_id=cargo");
    for name in ["finalisation_%C3%A0", "finalisation_à", "finalisation_a", "finalisation_a%CC%80"] {
        let target = format!("/fr/kpi/dau/data_series?Longueur=10&{name}=2018-06-28T23:59:59-5:00&app_id=cargo");
        let french = http.get(&target);
        assert_eq!(french.status, 200, "{target}");
        let as_english = french.text().replace("\"données\"", "\"data\"").replace("\"temps\"", "\"time\"");
        assert_eq!(serde_json::from_str::<Value>(&as_english).unwrap(), english, "{target}");
    }
}

#[test]
fn every_series_in_utc() {
    import_and_ask("UTC");
}

#[test]
fn every_series_in_new_york() {
    import_and_ask("America/New_York");
}

#[test]
fn every_series_in_kolkata() {
    import_and_ask("Asia/Kolkata");
}
