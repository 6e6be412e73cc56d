//! What the binary does when memory ends, with the least that it can be given.

use dauphin_model::Day;

use crate::ingest::counted;
use crate::support::Place;

const LEAST: &str = "128MiB";

/// Three users active on every day from 1970 on: few bytes to send, and rows of two scopes a day to hold.
fn rows(days: std::ops::Range<i32>) -> String {
    let row = |day: i32| {
        let day = Day::new(day).unwrap();
        let user = |user: &str| format!("{user},{day},cargo\n");
        [user("ada"), user("bob"), user("eve")].concat()
    };
    format!("user_id,time,app_id\n{}", days.map(row).collect::<String>())
}

const DAYS: i32 = 20_000;
const DAYS_A_BODY: i32 = 1_000;

#[test]
fn what_is_new_is_refused_while_repeats_and_queries_go_on() {
    let place = Place::new();
    let made = place.init("--app Cargo=cargo");
    let mut server = place.serve(&made.key, &["--memory-max", LEAST]);
    let settings = server.running.heard_line("settings:");
    assert!(settings.contains("memory_of_users=48 MiB"), "{settings}");
    let send = |rows: &str| server.http.ingest_as("text/csv", "", rows.as_bytes());
    let count = 3 * u64::try_from(DAYS_A_BODY).unwrap();
    let answers = (0..DAYS / DAYS_A_BODY).map(|body| send(&rows(body * DAYS_A_BODY..(body + 1) * DAYS_A_BODY)));
    let mut refused = answers.skip_while(|answer| answer.status == 200);
    let refused = refused.next().expect("memory ends before the days do");
    assert_eq!(refused.status, 503, "{}", refused.text());
    assert_eq!(refused.header("Retry-After"), Some("5"));
    let message = refused.json()["message"].as_str().unwrap().to_owned();
    assert!(message.starts_with("The memory of the server is full with 3 users"), "{message}");

    counted(&send(&rows(0..DAYS_A_BODY)), 200, count, 0, count, 0);
    assert_eq!(server.http.values("/kpi/dau/data_series?length=1&ending_at=1970-01-02", "dau"), [3]);
    let new = server.http.ingest("{\"user_id\":\"somebody new\",\"time\":\"1970-01-01\"}");
    assert_eq!((new.status, new.json()["message"].as_str()), (503, Some(message.as_str())));
    assert_eq!(server.http.values("/kpi/dau/data_series?length=1&ending_at=1970-01-02", "dau"), [3]);
    server.running.wait_for_line("memory is full: 3 users take all of the 48 MiB");
    server.terminate();

    // What was taken is there again with the same memory, and with more of it goes on.
    let server = place.serve(&made.key, &["--memory-max", LEAST]);
    assert_eq!(server.http.values("/kpi/dau/data_series?length=1&ending_at=1970-01-02", "dau"), [3]);
    server.terminate();
    let server = place.serve(&made.key, &["--memory-max", "1GiB"]);
    counted(&server.http.ingest("{\"user_id\":\"somebody new\",\"time\":\"1970-01-01\"}"), 200, 1, 1, 0, 0);
    server.terminate();
}

#[test]
fn an_import_ends_and_goes_on_with_more_memory() {
    let place = Place::new();
    place.init("--app Cargo=cargo");
    for body in 0..DAYS / DAYS_A_BODY {
        place.write(&format!("rows-{body:02}.csv"), rows(body * DAYS_A_BODY..(body + 1) * DAYS_A_BODY));
    }
    let ended = place.run(&format!("import --data data --memory-max {LEAST} rows-*.csv"));
    ended.refused(1, &["import `rows-1", "memory is full: 3 users take all of the 48 MiB", "--memory-max"]);
    let done = place.run_json("import --data data --memory-max 1GiB rows-*.csv");
    assert_eq!(done["rows"].as_u64(), Some(3 * u64::try_from(DAYS).unwrap()));
    assert_eq!(place.run_json("check --data data --memory-max 1GiB")["mismatches"].as_u64(), Some(0));

    // Now it holds more than the least memory does: nothing begins that could not end.
    let words = ["the data directory has 3 users or more", "48 MiB", "--memory-max"];
    for command in ["serve --listen 127.0.0.1:0", "check", "inspect"] {
        place.run(&format!("{command} --data data --memory-max {LEAST}")).refused(1, &words);
    }
    place.run("serve --data data --memory-max 1MiB").refused(2, &["the process needs 128MiB at least"]);
}
