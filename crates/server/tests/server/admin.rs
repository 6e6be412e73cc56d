//! Administration from the command line: at rest and on a running server, and what lasts.

use serde_json::{Value, json};

use crate::support::{Http, Place, Said, said};

/// Runs a command on `data`; `--url` instead when there is a server.
fn administer(place: &Place, server: Option<&Http>, words: &[&str]) -> Said {
    let mut command = place.command(words);
    match server {
        None => command.args(["--data", "data"]),
        Some(http) => command.args(["--url", &http.url, "--key", &http.key]),
    };
    said(&mut command)
}

/// The same, of a command that must succeed and print one line of JSON.
fn administer_json(place: &Place, server: Option<&Http>, words: &[&str]) -> Value {
    let said = administer(place, server, words);
    assert_eq!(said.code, 0, "{words:?}: {}", said.stderr);
    serde_json::from_slice(&said.stdout).unwrap_or_else(|error| panic!("{words:?}: {error}: {}", said.text()))
}

/// Text without what is random or the time: 32 and more digits of a key, an identifier, a time.
fn without_chance(text: &str) -> String {
    let is_random =
        |word: &&str| word.len() >= 20 && word.bytes().all(|b| b.is_ascii_hexdigit() || b"-:TZ".contains(&b));
    let words = text.split_inclusive(|c: char| !c.is_ascii_alphanumeric() && !"-:".contains(c));
    let plain = words.map(|word| {
        let end = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric() && !"-:".contains(c));
        if is_random(&end) { word.replacen(end, "…", 1) } else { word.to_owned() }
    });
    plain.collect()
}

/// Every power once, in an order that makes sense.
const COMMANDS: [&[&str]; 20] = [
    &["workspace", "set", "zone=Asia/Tokyo", "activity=login", "activity=Order placed", "rate_limit_per_hour=900"],
    &["workspace", "set", "ingest_limit_per_hour=50", "api_key_in_query=false"],
    &["workspace", "list"],
    &["workspace", "list", "--json"],
    &["app", "add", "Web=web"],
    &["app", "add", "iOS"],
    &["app", "rename", "web", "The web"],
    &["app", "rotate", "web"],
    &["app", "list"],
    &[
        "key",
        "add",
        "sender",
        "--permission",
        "ingest",
        "--permission",
        "apps.create",
        "--allowed-address",
        "::1,10.0.0.0/8",
    ],
    &["key", "add", "reader", "--permission", "kpi.dau.data_series,kpi.mau.data_series"],
    &["key", "revoke", "sender"],
    &["key", "revoke", "--number", "2"],
    &["key", "list"],
    &["key", "list", "--json"],
    &["user", "link", "--external-id", "ada", "--device-id", "d-1"],
    &["user", "unlink", "--alias", "crm:7"],
    &["user", "exclude", "--email", "a@example.org"],
    &["user", "include", "--phone", "+100"],
    &["user", "erase", "--braze-id", "b-1"],
];

#[test]
fn at_rest_and_on_a_server_it_is_the_same() {
    let (resting, serving) = (Place::new(), Place::new());
    resting.init("--app Cargo=cargo");
    let made = serving.init("--app Cargo=cargo");
    let server = serving.serve(&made.key, &[]);
    for words in COMMANDS {
        let (one, other) = (administer(&resting, None, words), administer(&serving, Some(&server.http), words));
        assert_eq!((one.code, other.code), (0, 0), "{words:?}: {} {}", one.stderr, other.stderr);
        assert_eq!(without_chance(one.text()), without_chance(other.text()), "{words:?}");
        assert!(!other.text().contains(&made.key), "{words:?}");
    }
    // What is refused is refused in the same words, and is no usage error.
    for words in [
        &["workspace", "set", "zoen=UTC"][..],
        &["workspace", "set", "rate_limit_per_hour=off"],
        &["app", "add", "Again=web"],
        &["app", "rotate", "nothing"],
        &["key", "add", "x", "--permission", "kpi"],
        &["key", "add", "reader", "--permission", "ingest"],
        &["key", "revoke", "nobody"],
        &["user", "erase", "--external-id", ""],
        &["audit", "--length", "0"],
    ] {
        let (one, other) = (administer(&resting, None, words), administer(&serving, Some(&server.http), words));
        assert_eq!((one.code, other.code), (1, 1), "{words:?}: {}", one.stderr);
        let reason = one.stderr.trim_end().strip_prefix("error: ").unwrap();
        assert!(other.stderr.contains(reason), "{words:?}: {} {}", one.stderr, other.stderr);
    }
    // Both remember the same of it, but for who did it.
    let entries = |place, server| {
        let json = administer_json(place, server, &["audit", "--json"]);
        json["entries"].as_array().unwrap().clone()
    };
    let (at_rest, served) = (entries(&resting, None), entries(&serving, Some(&server.http)));
    let what = |entries: &[Value]| -> Vec<_> {
        entries.iter().map(|entry| (entry["sequence"].clone(), entry["action"].clone())).collect()
    };
    assert_eq!(what(&at_rest), what(&served));
    let actions: Vec<_> = served.iter().rev().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(
        actions,
        [
            "workspace.add",
            "app.add",
            "key.add",
            "workspace.set",
            "workspace.set",
            "app.add",
            "app.add",
            "app.rename",
            "app.rotate",
            "key.add",
            "key.add",
            "key.revoke",
            "key.revoke",
            "user.link",
            "user.unlink",
            "user.exclude",
            "user.include",
            "user.erase",
        ]
    );
    assert!(at_rest.iter().all(|entry| entry["actor"] == json!("command line")), "{at_rest:?}");
    let by_key = json!("made with the workspace");
    assert_eq!(served.iter().filter(|entry| entry["actor"] == by_key).count(), 15);
    let said = server.terminate();
    assert!(!said.stderr.contains(&made.key));
}

#[test]
fn settings_last_and_lists_are_tables() {
    let place = Place::new();
    let made = place.init("--app Cargo=cargo");
    for words in &COMMANDS[..13] {
        assert_eq!(administer(&place, None, words).code, 0, "{words:?}");
    }
    let expected = "name  zone        apps  activity             rate limit  ingest limit  key in query\n\
                    main  Asia/Tokyo  3     Order placed, login  900         50            false\n";
    assert_eq!(administer(&place, None, &["workspace", "list"]).text(), expected);
    let server = place.serve(&made.key, &[]);
    assert_eq!(administer(&place, Some(&server.http), &["workspace", "list"]).text(), expected);
    let workspace = server.http.get("/admin/workspace");
    assert_eq!(workspace.header("X-RateLimit-Limit"), Some("900"));
    assert_eq!(workspace.json()["ingest_limit_per_hour"], json!(50));
    assert_eq!(
        server.http.ingest("{\"user_id\":\"ada\",\"time\":\"2018-06-28\"}").header("X-RateLimit-Limit"),
        Some("50")
    );
    server.kill9();
    let expected = "number  name                     permissions                               from             revoked\n\
                    0       made with the workspace  *                                         -                false\n\
                    1       sender                   ingest, apps.create                       ::1, 10.0.0.0/8  true\n\
                    2       reader                   kpi.dau.data_series, kpi.mau.data_series  -                true\n";
    assert_eq!(administer(&place, None, &["key", "list"]).text(), expected);
    let apps = administer_json(&place, None, &["app", "list", "--json"]);
    assert_eq!(apps["apps"][1], json!({"name": "The web", "app_id": "web"}));
}

#[test]
fn a_key_is_shown_once_and_revoked_at_once() {
    let place = Place::new();
    let made = place.init("");
    let server = place.serve(&made.key, &[]);
    let http = Some(&server.http);
    let added = administer_json(&place, http, &["key", "add", "reader", "--permission", "kpi.dau.data_series"]);
    let reader = Http::new(&server.http.url, added["key"].as_str().unwrap());
    assert_eq!(reader.get("/kpi/dau/data_series?length=1").status, 200);
    assert_eq!(reader.get("/admin/keys").status, 403);
    let app = administer_json(&place, http, &["app", "add", "Web=web"]);
    let rotated = administer_json(&place, http, &["app", "rotate", "web"]);
    assert_ne!(app["write_key"], rotated["write_key"]);
    administer_json(&place, http, &["key", "revoke", "reader"]);
    assert_eq!(reader.get("/kpi/dau/data_series?length=1").status, 401);

    let secrets = [&added["key"], &app["write_key"], &rotated["write_key"], &json!(made.key)].map(Value::clone);
    let mut heard = String::new();
    for path in ["/admin/workspace", "/admin/workspaces", "/admin/apps", "/admin/keys", "/audit", "/console/workspace"]
    {
        heard.push_str(server.http.get(path).text());
    }
    heard.push_str(&server.terminate().stderr);
    for secret in secrets {
        assert!(!heard.contains(secret.as_str().unwrap()), "{heard}");
    }
    // A restart forgets nothing.
    let server = place.serve(&made.key, &[]);
    let reader = Http::new(&server.http.url, &reader.key);
    assert_eq!(reader.get("/kpi/dau/data_series?length=1").status, 401);
}

#[test]
fn a_zone_is_fixed_by_data() {
    let place = Place::new();
    place.init("");
    place.write("rows.csv", "user_id,time,app_id\nada,2018-06-28T20:00:00Z,met\n");
    administer_json(&place, None, &["workspace", "set", "zone=Asia/Tokyo"]);
    place.run_json("import --data data --create-apps rows.csv");
    let series = "series --data data --metric dau --length 2 --ending-at 2018-06-30 --format csv";
    assert_eq!(place.run(series).text(), "time,dau\n2018-06-28,0\n2018-06-29,1\n");
    let words = ["`main` has data", "zone `Asia/Tokyo`", "a new workspace or data directory", "import the data again"];
    administer(&place, None, &["workspace", "set", "zone=UTC"]).refused(1, &words);
    // The zone that it has is no change.
    administer_json(&place, None, &["workspace", "set", "zone=Asia/Tokyo"]);
    assert_eq!(place.run(series).text(), "time,dau\n2018-06-28,0\n2018-06-29,1\n");
    let audit = administer(&place, None, &["audit", "--length", "2", "--before", "5"]);
    let rest: Vec<_> =
        audit.text().lines().skip(1).map(|line| line.split("  ").filter(|cell| !cell.is_empty())).collect();
    let cells: Vec<Vec<_>> = rest.into_iter().map(|cells| cells.map(str::trim).collect()).collect();
    assert_eq!(cells[0][2..], ["command line", "app.add", "main", r#"{"name":"met","app_id":"met","with":"data"}"#]);
    assert_eq!(cells[1][2..], ["command line", "workspace.set", "main", r#"{"zone":"Asia/Tokyo"}"#]);
}

#[test]
fn workspaces_are_apart() {
    let place = Place::new();
    let made = place.init("--app Cargo=cargo");
    let server = place.serve(&made.key, &[]);
    let shop = administer_json(&place, Some(&server.http), &["workspace", "add", "shop", "--zone", "Asia/Tokyo"]);
    let shop = Http::new(&server.http.url, shop["key"].as_str().unwrap());
    administer_json(&place, Some(&shop), &["app", "add", "Cargo=cargo"]);
    administer_json(&place, Some(&shop), &["workspace", "set", "activity=login"]);
    assert_eq!(shop.ingest("{\"user_id\":\"ada\",\"time\":\"2018-06-28\"}").status, 200);
    assert_eq!(shop.values("/kpi/dau/data_series?length=1&ending_at=2018-06-29", "dau"), [1]);
    assert_eq!(server.http.values("/kpi/dau/data_series?length=1&ending_at=2018-06-29", "dau"), [0]);
    // The data of one fixes nothing in the other.
    administer_json(&place, Some(&server.http), &["workspace", "set", "zone=Europe/Paris"]);
    administer(&place, Some(&shop), &["workspace", "set", "zone=Europe/Paris"]).refused(1, &["`shop` has data"]);
    administer(&place, Some(&shop), &["app", "list", "--workspace", "main"])
        .refused(1, &["the key opens the workspace `shop`, not `main`"]);
    // Who made it, and who it is, both remember its making; the rest is each one's own.
    let actions = |http| {
        let json = administer_json(&place, Some(http), &["audit", "--json"]);
        let entries = json["entries"].as_array().unwrap().clone();
        entries.iter().map(|entry| format!("{} {}", entry["workspace"], entry["action"])).collect::<Vec<_>>()
    };
    let text = |actions: Vec<String>| actions.join(", ").replace('"', "");
    assert_eq!(text(actions(&shop)), "shop workspace.set, shop app.add, shop workspace.add");
    assert_eq!(
        text(actions(&server.http)),
        "main workspace.set, shop workspace.add, main key.add, main app.add, main workspace.add"
    );
    server.terminate();

    // At rest: which one must be said, where there are several.
    administer(&place, None, &["app", "list"]).refused(1, &["say which workspace with --workspace: `main`, `shop`"]);
    let apps = administer_json(&place, None, &["app", "list", "--json", "--workspace", "shop"]);
    assert_eq!(apps["apps"], json!([{"name": "Cargo", "app_id": "cargo"}]));
    let made = administer_json(&place, None, &["workspace", "add", "third"]);
    assert_eq!((&made["name"], &made["zone"]), (&json!("third"), &json!("UTC")));
    let listed = administer_json(&place, None, &["workspace", "list", "--json"]);
    assert_eq!(listed["workspaces"].as_array().unwrap().len(), 3);
    let audit = administer_json(&place, None, &["audit", "--json", "--workspace", "third"]);
    assert_eq!(audit["entries"][0]["action"], json!("workspace.add"));
}

#[test]
fn usage_and_places() {
    let place = Place::new();
    let made = place.init("");
    for (words, code, expected) in [
        (&["workspace"][..], 2, &["Usage: dauphin workspace"][..]),
        (&["user", "erase"], 2, &["say who, by one thing"]),
        (&["user", "erase", "--external-id", "a", "--email", "b"], 2, &["say who, by one thing"]),
        (&["user", "link", "--external-id", "a"], 2, &["say which two profiles"]),
        (&["user", "erase", "--alias", "label"], 2, &["`LABEL:NAME`"]),
        (&["key", "revoke"], 2, &["NAME"]),
        (&["key", "add", "x"], 2, &["--permission"]),
        (&["workspace", "set"], 2, &["SETTING=VALUE"]),
        (&["workspace", "set", "zone"], 2, &["`SETTING=VALUE`"]),
        (&["app", "add", "Web="], 2, &["an app identifier is empty"]),
    ] {
        administer(&place, None, words).refused(code, expected);
    }
    place.run("app list").refused(2, &["--data DIR", "--url URL with --key KEY"]);
    place.run("app list --data nowhere").refused(1, &["`nowhere` is not a data directory"]);

    let server = place.serve(&made.key, &[]);
    for words in [&["app", "list"][..], &["app", "add", "Web"], &["audit"]] {
        let expected = ["`data` is in use by another process", "--url URL --key KEY"];
        administer(&place, None, words).refused(1, &expected);
    }
    let stranger = Http::new(&server.http.url, "unknown");
    administer(&place, Some(&stranger), &["app", "list"]).refused(1, &["the server answered 401: Invalid API key"]);
}
