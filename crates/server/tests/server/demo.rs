//! `dauphin demo`: what it prints works as printed, and it leaves nothing behind.

use std::fs;

use crate::support::{Http, Place, Running};

#[test]
fn the_printed_lines_answer() {
    let place = Place::new();
    fs::create_dir(place.path("tmp")).unwrap();
    let arguments = ["demo", "--people", "2000", "--listen", "127.0.0.1:0"];
    let mut demo = Running::of(place.command(&arguments).env("TMPDIR", place.path("tmp")));
    let welcome = demo.stdout_until("Everything here is made up");

    let console = welcome.lines().find(|line| line.contains("/#key=")).expect("the console's address").trim();
    let (url, key) = console.split_once("/#key=").unwrap();
    let http = Http::new(url, key);
    assert_eq!(fs::read_dir(place.path("tmp")).unwrap().count(), 1, "the data is made where temporary files go");

    let mut asked = 0;
    for line in welcome.lines().filter(|line| line.trim_start().starts_with("curl")) {
        // curl -H 'NAME: VALUE' 'URL'
        let quoted: Vec<&str> = line.split('\'').skip(1).step_by(2).collect();
        let Some(target) = quoted.last().and_then(|last| last.strip_prefix(url)) else { continue };
        let (name, value) = quoted[0].split_once(": ").unwrap();
        assert_eq!((name, value), ("Authorization", &*http.bearer()));
        let answer = http.send("GET", target, &[(name, value)], b"");
        assert_eq!(answer.status, 200, "{line}: {}", answer.text());
        assert_eq!(answer.json()["data"].as_array().map(Vec::len), Some(7), "{line}");
        asked += 1;
    }
    assert_eq!(asked, 3, "{welcome}");

    // A year of people: every day somebody, never more than there are.
    let dau = http.values("/kpi/dau/data_series?length=100", "dau");
    assert!(dau[..99].iter().all(|users| (1..=2000).contains(users)), "{dau:?}");
    let by_app = |app: &str| http.values(&format!("/kpi/mau/data_series?length=1&app_id={app}"), "mau")[0];
    let all = http.values("/kpi/mau/data_series?length=1", "mau")[0];
    let apps = ["web", "ios", "android"].map(by_app);
    assert!(apps.iter().all(|users| *users > 0 && *users <= all) && apps.iter().sum::<i64>() >= all, "{apps:?} {all}");

    // Count somebody, as printed: they are new today.
    let you = "{\"user_id\":\"you\",\"app_id\":\"web\"}";
    assert!(welcome.contains(you), "{welcome}");
    let answer = http.ingest(you);
    assert_eq!((answer.status, answer.json()["new_user_days"].as_u64()), (200, Some(1)), "{}", answer.text());

    for target in ["/", "/?x=1"] {
        let page = http.send("GET", target, &[], b"");
        assert_eq!((page.status, page.header("Content-Type")), (200, Some("text/html; charset=utf-8")));
        assert!(page.text().starts_with("<!doctype html>") || page.text().starts_with("<!DOCTYPE html>"));
        assert!(page.text().len() > 10_000, "the page carries its style and its scripts");
        assert!(!page.text().contains("/*CSS*/") && !page.text().contains("/*JS*/"));
        // It loads nothing from elsewhere, and says so to the browser.
        let policy = page.header("Content-Security-Policy").unwrap();
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
        assert!(!page.text().contains(key), "a page for anybody holds no key");
    }

    demo.terminate();
    assert_eq!(fs::read_dir(place.path("tmp")).unwrap().count(), 0, "nothing is left behind");
}

#[test]
fn a_port_that_is_taken_is_said_at_once() {
    let place = Place::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let said = place.run(&format!("demo --people 5000000 --listen {address}"));
    said.refused(1, &[&format!("listen on `{address}`"), "--listen 127.0.0.1:PORT"]);
}
