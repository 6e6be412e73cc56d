//! A process that is killed while it writes.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use dauphin_store::{Embedded, Store, StoreError};

use crate::files::{batch, commit, contents, contents_after, new_directory};
use crate::reading::read_without_a_trace;

/// Names the directory the other process writes; absent in a run of the tests.
const DIRECTORY_VARIABLE: &str = "DAUPHIN_STORE_TEST_DIRECTORY";
const ACKNOWLEDGED: &str = "acknowledged ";

/// The other process: this same program, told to run this test alone. It writes until it is killed.
#[test]
fn writes_until_it_is_killed() {
    let Some(path) = env::var_os(DIRECTORY_VARIABLE).map(PathBuf::from) else { return };
    let mut store = Embedded::create(&path).unwrap();
    for number in 0.. {
        store.commit(batch(number)).unwrap();
        let mut out = std::io::stdout().lock();
        writeln!(out, "{ACKNOWLEDGED}{}", number + 1).and_then(|()| out.flush()).unwrap();
    }
}

#[test]
fn a_killed_writer_leaves_every_acknowledged_commit() {
    let (_parent, path) = new_directory();
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "killed::writes_until_it_is_killed", "--nocapture"])
        .env(DIRECTORY_VARIABLE, &path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut counts = lines.filter_map(|line| line.unwrap().split_once(ACKNOWLEDGED)?.1.parse::<u64>().ok());
    assert!(counts.by_ref().any(|count| count == 20));

    // While it lives, nobody else gets in; the killing takes the lock from it.
    assert!(matches!(Embedded::open(&path), Err(StoreError::Locked { .. })));
    assert!(matches!(Embedded::open_read_only(&path), Err(StoreError::Locked { .. })));
    child.kill().unwrap();
    child.wait().unwrap();
    let acknowledged = counts.last().unwrap_or(20);

    let found = read_without_a_trace(&path);
    let count = [acknowledged, acknowledged + 1].into_iter().find(|&count| found == contents_after(count));
    let count = count.expect("all acknowledged commits, and at most one more");
    let mut store = Embedded::open(&path).unwrap();
    assert_eq!(contents(&store), found);
    commit(&mut store, count..count + 3);
    Box::new(store).close().unwrap();
    assert_eq!(read_without_a_trace(&path), contents_after(count + 3));
}
