//! A process that is killed while it commits.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use super::brokers::Brokers;
use super::partition::{batch, messages, open};
use crate::conformance::{Contents, contents};
use crate::kafka::KafkaOptions;
use crate::{Batch, Store, Table};

/// Names the topics the other process writes; absent in a run of the tests.
const PREFIX_VARIABLE: &str = "DAUPHIN_STORE_TEST_PREFIX";
const ACKNOWLEDGED: &str = "acknowledged ";
const PAGE_BYTE_COUNT: usize = 100_000;

/// The batch with this number: a part for each topic.
fn numbered(number: u8) -> Batch {
    batch(|batch| {
        batch.put(Table::Row, *b"row", [number]);
        batch.put(Table::Page, [number % 3], vec![number; PAGE_BYTE_COUNT]);
        batch.relay(0, [number]);
    })
}

/// What is there after the batches 1 to `number`.
fn contents_after(number: u8) -> Contents {
    let mut pages: Vec<_> = (1..=number).rev().take(3).map(|n| (vec![n % 3], vec![n; PAGE_BYTE_COUNT])).collect();
    pages.sort();
    Contents::from([(Table::Page, pages), (Table::Row, vec![(b"row".to_vec(), vec![number])])])
}

/// The other process: this same program, told to run this test alone. It commits until it is killed.
#[test]
fn commits_until_it_is_killed() {
    let (Ok(prefix), Some(brokers)) = (env::var(PREFIX_VARIABLE), Brokers::names()) else { return };
    let mut options = KafkaOptions::new(brokers);
    options.topic_prefix = prefix;
    let mut store = open(&options);
    for number in 1..=u8::MAX {
        store.commit(numbered(number)).unwrap();
        let mut out = std::io::stdout().lock();
        writeln!(out, "{ACKNOWLEDGED}{number}").and_then(|()| out.flush()).unwrap();
    }
}

#[test]
fn a_killed_owner_leaves_every_acknowledged_commit_whole_and_once() {
    let Some(brokers) = Brokers::named() else { return };
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "kafka::tests::killed::commits_until_it_is_killed", "--nocapture"])
        .env(PREFIX_VARIABLE, &brokers.options.topic_prefix)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut numbers = lines.filter_map(|line| line.unwrap().split_once(ACKNOWLEDGED)?.1.parse::<u8>().ok());
    assert!(numbers.by_ref().any(|number| number == 10));
    child.kill().unwrap();
    child.wait().unwrap();
    let acknowledged = numbers.last().unwrap_or(10);

    let mut store = open(&brokers.options);
    let found = contents(&store)[&Table::Row][0].1[0];
    assert!((acknowledged..=acknowledged + 1).contains(&found), "{found} of {acknowledged} acknowledged");
    assert!(contents(&store) == contents_after(found), "not what {found} batches leave");
    store.commit(batch(|batch| batch.relay(0, *b"end"))).unwrap();
    let mut expected: Vec<_> = (1..=found).map(|number| (None, Some(vec![number]))).collect();
    expected.push((None, Some(b"end".to_vec())));
    let topic = brokers.options.activity_topic();
    assert_eq!(messages(&brokers.options, &topic, 0, usize::from(found) + 1), expected);
}
