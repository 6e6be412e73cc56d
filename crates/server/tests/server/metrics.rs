//! `/metrics`: with a key on the server's own address, without one on an address of its own.

use crate::support::{Http, Place};

/// The value of the sample that begins with `name`.
fn value(text: &str, name: &str) -> f64 {
    let line = text.lines().find(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')));
    let line = line.unwrap_or_else(|| panic!("no `{name}` in {text}"));
    line.rsplit_once(' ').unwrap().1.parse().unwrap()
}

#[test]
fn they_count_what_happened() {
    let place = Place::new();
    let key = place.init("--app Web=web").key;
    let server = place.serve(&key, &["--metrics-listen", "127.0.0.1:0"]);
    let url = server.running.heard_line("metrics on http://").rsplit_once(' ').unwrap().1.to_owned();
    let row =
        |user: &str, app: &str| format!("{{\"user_id\":\"{user}\",\"time\":\"2018-06-28\",\"app_id\":\"{app}\"}}\n");
    let rows = [row("ada", "web"), row("ada", "web"), row("bob", "web"), row("bob", "nowhere")].concat();
    assert_eq!(server.http.ingest(&rows).status, 200);
    for _ in 0..3 {
        server.http.get_json("/kpi/dau/data_series/?length=1");
    }
    assert_eq!(server.http.get("/kpi/dau/data_series?length=0").status, 400);
    assert_eq!(server.http.get("/nowhere/1").status, 404);
    assert_eq!(server.http.get("/nowhere/2").status, 404);

    let answer = server.http.get("/metrics");
    assert_eq!((answer.status, answer.header("Content-Type")), (200, Some("text/plain; version=0.0.4; charset=utf-8")));
    let text = answer.text();
    for (name, expected) in [
        ("dauphin_http_requests_total{path=\"/kpi/dau/data_series\",status=\"200\"}", 3.0),
        ("dauphin_http_requests_total{path=\"/kpi/dau/data_series\",status=\"400\"}", 1.0),
        ("dauphin_http_requests_total{path=\"/ingest\",status=\"200\"}", 1.0),
        ("dauphin_http_requests_total{path=\"other\",status=\"404\"}", 2.0),
        ("dauphin_http_request_seconds_count{path=\"/kpi/dau/data_series\"}", 4.0),
        ("dauphin_http_request_seconds_bucket{path=\"/kpi/dau/data_series\",le=\"+Inf\"}", 4.0),
        ("dauphin_rows_taken_total{dialect=\"ndjson\"}", 3.0),
        ("dauphin_rows_rejected_total{dialect=\"ndjson\"}", 1.0),
        ("dauphin_profiles", 2.0),
        ("dauphin_workspaces", 1.0),
        ("dauphin_storage_failed", 0.0),
    ] {
        assert!((value(text, name) - expected).abs() < 1e-9, "{name} in {text}");
    }
    assert!(value(text, "dauphin_commit_seconds_count") >= 1.0);
    assert!(value(text, "dauphin_commit_parts_total") >= 1.0);
    assert!(value(text, "dauphin_log_bytes") > 0.0);
    // One machine is never behind, and has no partitions.
    assert!(!text.contains("dauphin_lag") && !text.contains("dauphin_partition"), "{text}");
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let name = line.split(['{', ' ']).next().unwrap();
        let metric = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
        let described =
            |name: &str| text.contains(&format!("# TYPE {name} ")) && text.contains(&format!("# HELP {name} "));
        assert!(described(name) || described(metric), "{line}");
    }

    // A place of its own asks for no key, and shows nothing else.
    let private = Http::new(url.strip_suffix("/metrics").unwrap(), "");
    let answer = private.send("GET", "/metrics", &[], b"");
    assert_eq!(answer.status, 200);
    assert!(value(answer.text(), "dauphin_profiles") > 1.0);
    assert_eq!(private.send("GET", "/kpi/dau/data_series?length=1", &[], b"").status, 404);
    server.terminate();
}
