//! On real brokers, where the environment names some.

use std::io::{self, Write};
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rdkafka::admin::AdminOptions;
use rdkafka::metadata::Metadata;
use rdkafka::producer::{BaseProducer, Producer};

use super::partition::{self, PARTITION, batch, messages, open};
use crate::conformance::{Contents, Subject, conforms, contents};
use crate::kafka::topics::{admin, await_brokers, wait};
use crate::kafka::{KafkaOptions, KafkaStore, TopicPlan, create_topics, describe};
use crate::{Store, StoreError, Table};

/// Names the brokers, `host:port` with commas between.
const BROKERS_VARIABLE: &str = "DAUPHIN_TEST_BROKERS";

/// Topics of a name of their own, while the test runs.
pub(super) struct Brokers {
    pub options: KafkaOptions,
}

impl Brokers {
    /// Which ones the environment names.
    pub fn names() -> Option<String> {
        std::env::var(BROKERS_VARIABLE).ok()
    }

    /// None when the environment names no brokers; the reason is printed then, once.
    pub fn named() -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        static SKIPPED: Once = Once::new();
        let Some(brokers) = Self::names() else {
            // Past what is kept from the screen of a test that passes.
            SKIPPED.call_once(|| writeln!(io::stderr(), "skipped: {BROKERS_VARIABLE} names no brokers").unwrap());
            return None;
        };
        let mut options = KafkaOptions::new(brokers);
        options.topic_prefix = format!("test-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        options.stall_timeout = Duration::from_secs(20);
        create_topics(&options, &plan(&options)).unwrap();
        Some(Self { options })
    }
}

/// As safe as the number of brokers allows that are named.
fn plan(options: &KafkaOptions) -> TopicPlan {
    let count = u16::try_from(options.brokers.split(',').count()).unwrap();
    TopicPlan { replication_factor: count.min(3), min_insync_replicas: count.min(2), ..TopicPlan::new(2) }
}

impl Drop for Brokers {
    fn drop(&mut self) {
        let options = &self.options;
        let names = [options.activity_topic(), options.state_topic(), options.rows_topic(), options.meta_topic()];
        let deleted = admin(options)
            .map(|admin| wait(admin.delete_topics(&names.each_ref().map(String::as_str), &AdminOptions::new())));
        if let Err(error) = deleted {
            println!("the topics of `{}` are left: {error}", options.topic_prefix);
        }
    }
}

impl Subject for Brokers {
    fn open(&mut self) -> Box<dyn Store> {
        Box::new(open(&self.options))
    }

    /// Another owner comes, and goes.
    fn fail_next_commit(&mut self) {
        let producer: BaseProducer = self.options.writer(PARTITION).create().unwrap();
        producer.init_transactions(self.options.open_timeout).unwrap();
    }
}

conforms!(where there is one: Brokers::named());

fn with_brokers(check: impl FnOnce(&KafkaOptions)) {
    if let Some(brokers) = Brokers::named() {
        check(&brokers.options);
    }
}

#[test]
fn all_of_a_batch_comes_together() {
    with_brokers(partition::all_of_a_batch_comes_together);
}

#[test]
fn the_newest_is_there_after_reopening() {
    with_brokers(partition::the_newest_is_there_after_reopening);
}

#[test]
fn a_message_for_no_partition_is_refused_and_the_store_goes_on() {
    with_brokers(partition::a_message_for_no_partition_is_refused_and_the_store_goes_on);
}

#[test]
fn a_partition_that_is_not_there_is_refused() {
    with_brokers(partition::a_partition_that_is_not_there_is_refused);
}

/// Everything a commit can carry; nothing of it may show.
fn unwanted() -> crate::Batch {
    batch(|batch| {
        batch.put(Table::Row, *b"row", *b"unwanted");
        batch.put(Table::Page, *b"new", *b"unwanted");
        batch.remove(Table::Page, *b"page");
        batch.relay(0, *b"unwanted");
        batch.reply(*b"unwanted");
    })
}

fn wanted() -> crate::Batch {
    batch(|batch| {
        batch.put(Table::Row, *b"row", *b"wanted");
        batch.put(Table::Page, *b"page", *b"wanted");
    })
}

fn holds_what_was_wanted(options: &KafkaOptions, store: &KafkaStore) {
    let record = |key: &[u8]| vec![(key.to_vec(), b"wanted".to_vec())];
    assert_eq!(contents(store), Contents::from([(Table::Page, record(b"page")), (Table::Row, record(b"row"))]));
    // Of the input, the first message that others may read is one that comes now.
    let mut other = KafkaStore::open(options, 0).unwrap();
    other.commit(batch(|batch| batch.relay(0, *b"now"))).unwrap();
    assert_eq!(messages(options, &options.activity_topic(), 0, 1), [(None, Some(b"now".to_vec()))]);
}

#[test]
fn opening_takes_the_partition_from_an_earlier_owner() {
    with_brokers(|options| {
        let mut first = open(options);
        first.commit(wanted()).unwrap();
        let mut second = open(options);
        let error = first.commit(unwanted()).unwrap_err();
        assert!(matches!(error, StoreError::Fenced { partition: PARTITION, .. }), "{error}");
        assert!(matches!(first.commit(wanted()), Err(StoreError::Failed)));
        holds_what_was_wanted(options, &second);
        second.commit(batch(|batch| batch.put(Table::Row, *b"row", *b"later"))).unwrap();
        assert!(matches!(Box::new(first).close(), Err(StoreError::Failed)));
        let store = open(options);
        assert_eq!(contents(&store)[&Table::Row], [(b"row".to_vec(), b"later".to_vec())]);
    });
}

/// Everything is with the brokers but the word that it is to be.
#[test]
fn a_commit_that_was_cut_short_is_not_there() {
    with_brokers(|options| {
        let mut store = open(options);
        store.commit(wanted()).unwrap();
        let messages = store.index.messages(unwanted());
        store.writer.begin(&messages).unwrap();
        // Gone without a word, as a process that was killed: nothing of it is taken back.
        std::mem::forget(store);
        let store = open(options);
        holds_what_was_wanted(options, &store);
    });
}

/// Whichever of them whoever opens a partition next asks.
#[test]
fn every_broker_knows_of_topics_that_were_made() {
    for _ in 0..5 {
        with_brokers(|options| {
            for broker in options.brokers.split(',') {
                let options = KafkaOptions { brokers: broker.to_owned(), ..options.clone() };
                let known = admin(&options).unwrap().inner().fetch_metadata(None, options.open_timeout).unwrap();
                for wanted in plan(&options).topics(&options) {
                    let topic = known.topics().iter().find(|topic| topic.name() == wanted.name);
                    let count = topic.map(|topic| topic.partitions().len());
                    assert_eq!(count, Some(usize::from(wanted.partitions)), "{} at {broker}", wanted.name);
                }
            }
        });
    }
}

#[test]
fn topics_are_made_as_planned_and_once() {
    with_brokers(|options| {
        let topics = describe(options).unwrap();
        let found: Vec<_> = plan(options).hazards(options).iter().map(ToString::to_string).collect();
        assert_eq!(topics.hazards(options).iter().map(ToString::to_string).collect::<Vec<_>>(), found);
        assert_eq!(topics.partitions(options), Some(2));
        for wanted in plan(options).topics(options) {
            let made = topics.get(&wanted.name).unwrap();
            assert_eq!((made.partitions, made.replication_factor), (wanted.partitions, wanted.replication_factor));
            for (setting, value) in &wanted.settings {
                assert_eq!(made.settings.get(setting), Some(value), "{setting} of {}", wanted.name);
            }
        }
        assert_eq!(create_topics(options, &plan(options)).unwrap(), Vec::<String>::new());
        let error = create_topics(options, &TopicPlan { partitions: 3, ..plan(options) }).unwrap_err();
        assert!(error.to_string().contains("2 partitions, and 3 are wanted"), "{error}");
        // What was interrupted is completed.
        wait(admin(options).unwrap().delete_topics(&[&options.rows_topic()], &AdminOptions::new())).unwrap();
        let is_gone = |known: &Metadata| known.topics().iter().all(|topic| topic.name() != options.rows_topic());
        await_brokers(options, "that a topic is gone", is_gone).unwrap();
        let hazards = describe(options).unwrap().hazards(options);
        assert!(hazards.iter().any(|hazard| hazard.to_string().contains("it is not there")), "{hazards:?}");
        assert_eq!(create_topics(options, &plan(options)).unwrap(), [options.rows_topic()]);
        assert_eq!(contents(&open(options)), Contents::new());
    });
}
