//! `dauphin inspect`: what a data directory holds, without changing it.

use crate::support::Place;

#[test]
fn it_shows_what_is_there_and_never_a_key() {
    let place = Place::new();
    let made = place.init("--zone Europe/Paris --app Web=web --app Phone=phone");
    place.write("rows.csv", "user_id,time,app_id\nada,2018-06-25,web\nada,2018-06-28,web\nbob,2018-06-28,phone\n");
    place.run_json("import --data data rows.csv");
    let json = place.run_json("inspect --data data --json");
    let workspace = &json["workspaces"][0];
    assert_eq!(workspace["workspace"], "main");
    assert_eq!(workspace["zone"], "Europe/Paris");
    assert_eq!(workspace["apps"][1]["app_id"], "phone");
    assert_eq!(workspace["keys"][0]["permissions"], serde_json::json!(["*"]));
    assert_eq!(workspace["keys"][0]["revoked"], false);
    assert_eq!((workspace["profiles"].as_u64(), workspace["first_day"].as_str()), (Some(2), Some("2018-06-25")));
    assert_eq!(workspace["last_day"], "2018-06-28");
    // Two days of the workspace, two of one app, one of the other.
    assert_eq!(workspace["rows"], serde_json::json!({"active_users": 5, "sessions": 0, "uninstalls": 0}));
    let tables: Vec<_> =
        json["tables"].as_array().unwrap().iter().map(|table| table["name"].as_str().unwrap()).collect();
    assert_eq!(tables, ["catalog", "log", "page", "row", "source", "identity", "seen", "audit", "route"]);
    assert_eq!(json["log_records"], json["tables"][1]["records"]);
    assert!(json["file_bytes"].as_u64().unwrap() > 0);

    let said = place.run("inspect --data data");
    assert_eq!((said.code, said.stderr.as_str()), (0, ""));
    let text = said.text();
    for words in [
        "workspace main, days cut in Europe/Paris\n",
        "  app Web = web\n",
        "  profiles 2\n",
        "  activity from 2018-06-25 to 2018-06-28\n",
        "  rows of active_users: 5\n",
    ] {
        assert!(text.contains(words), "`{words}` is not in {text}");
    }
    for secret in [made.key.as_str(), made.json["apps"][0]["write_key"].as_str().unwrap()] {
        assert!(!text.contains(secret) && !json.to_string().contains(secret));
    }
    place.run("inspect --data nothing").refused(1, &["nothing"]);
}

#[test]
fn a_new_directory_has_nothing_in_it() {
    let place = Place::new();
    place.init("");
    let json = place.run_json("inspect --data data --json");
    let workspace = &json["workspaces"][0];
    assert_eq!((workspace["profiles"].as_u64(), workspace["first_day"].as_str()), (Some(0), None));
    assert!(place.run("inspect --data data").text().contains("  no activity\n"));
}
