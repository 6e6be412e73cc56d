//! A server that is killed has lost nothing it answered for.

use std::sync::mpsc::{Sender, channel};
use std::thread;

use crate::ingest::{counted, dau};
use crate::support::{Http, Place};

const WRITERS: usize = 4;
const ROWS_A_BODY: usize = 50;

/// Rows that no other body has; each user is active on two days.
fn body(writer: usize, number: usize) -> String {
    let row = |row: usize| {
        let day = 27 + row % 2;
        let user = format!("{writer}-{number}-{}", row / 2);
        format!("{{\"user_id\":\"{user}\",\"time\":\"2018-06-{day}\",\"app_id\":\"cargo\"}}\n")
    };
    (0..ROWS_A_BODY).map(row).collect()
}

/// Sends bodies one after another until the server is gone; tells of each answer, and says in the end how many.
fn write_until_gone(http: &Http, writer: usize, answered: &Sender<()>) -> usize {
    let headers = [("Authorization", &*http.bearer())];
    for number in 0.. {
        let Ok(answer) = http.try_send("POST", "/ingest", &headers, body(writer, number).as_bytes()) else {
            return number;
        };
        assert_eq!(answer.status, 200, "{}", answer.text());
        // The receiver may have heard enough.
        let _ = answered.send(());
    }
    unreachable!("the server is killed long before the numbers end")
}

#[test]
fn everything_answered_is_there_after_a_kill() {
    let place = Place::new();
    let made = place.init("--app Cargo=cargo");
    let mut answered_before = [0; WRITERS];
    for answers_wanted in [1, 40, 7] {
        let server = place.serve(&made.key, &[]);
        let (sender, answers) = channel();
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (http, sender) = (server.http.clone(), sender.clone());
                thread::spawn(move || write_until_gone(&http, writer, &sender))
            })
            .collect();
        assert_eq!(answers.iter().take(answers_wanted).count(), answers_wanted);
        server.kill9();
        for (before, writer) in answered_before.iter_mut().zip(writers) {
            let answered: usize = writer.join().unwrap();
            *before = answered.max(*before);
        }
    }

    let server = place.serve(&made.key, &[]);
    // Bodies that were under way may be there or not; those that were answered are, so sending them again says nothing.
    let rows = ROWS_A_BODY as u64;
    for (writer, answered) in answered_before.iter().enumerate() {
        for number in 0..*answered {
            counted(&server.http.ingest(&body(writer, number)), 200, rows, 0, rows, 0);
        }
    }
    // With one more body each, what was under way is there too, and every count is known.
    let mut bodies = 0;
    for (writer, answered) in answered_before.iter().enumerate() {
        assert_eq!(server.http.ingest(&body(writer, *answered)).status, 200);
        bodies += answered + 1;
    }
    let users = i64::try_from(bodies * ROWS_A_BODY / 2).unwrap();
    assert_eq!(dau(&server.http), users);
    let growth = server.http.get_json("/kpi/growth/data_series?length=1&window=1&ending_at=2018-06-29&app_id=cargo");
    assert_eq!(growth["data"][0]["retained"].as_i64(), Some(users));
    assert_eq!(growth["data"][0]["new"].as_i64(), Some(0));
    server.kill9();
    assert_eq!(place.run_json("check --data data")["mismatches"].as_u64(), Some(0));
}

#[test]
fn a_request_under_way_when_asked_to_stop_is_answered() {
    let place = Place::new();
    let made = place.init("--app Cargo=cargo");
    let server = place.serve(&made.key, &[]);
    let http = server.http.clone();
    let (sender, answers) = channel();
    let writer = thread::spawn(move || write_until_gone(&http, 0, &sender));
    assert_eq!(answers.iter().take(5).count(), 5);
    server.terminate();
    let answered = writer.join().unwrap();
    let server = place.serve(&made.key, &[]);
    let rows = ROWS_A_BODY as u64;
    for number in 0..answered {
        counted(&server.http.ingest(&body(0, number)), 200, rows, 0, rows, 0);
    }
    // Nothing was taken that was not answered: a clean stop leaves no doubt.
    counted(&server.http.ingest(&body(0, answered)), 200, rows, rows, 0, 0);
}

#[test]
fn an_init_that_is_killed_can_be_done_again() {
    for _ in 0..10 {
        let place = Place::new();
        place.start(&["init", "--data", "data", "--app", "Cargo=cargo"]).kill9();
        let again = place.run("init --data data --app Cargo=cargo");
        // It may have been done already.
        if again.code != 0 {
            again.refused(1, &["`data` is a data directory already"]);
        }
        assert_eq!(place.run("check --data data").text(), "{\"points_checked\":0,\"mismatches\":0}\n");
    }
}

#[test]
fn a_kill_at_once_after_init_or_start() {
    let place = Place::new();
    let made = place.init("--app Cargo=cargo");
    for _ in 0..3 {
        place.serve(&made.key, &[]).kill9();
    }
    // Killed before it says that it is ready, wherever it is then.
    for _ in 0..5 {
        place.start(&["serve", "--data", "data", "--listen", "127.0.0.1:0"]).kill9();
    }
    let server = place.serve(&made.key, &[]);
    counted(&server.http.ingest(&body(0, 0)), 200, 50, 50, 0, 0);
}
