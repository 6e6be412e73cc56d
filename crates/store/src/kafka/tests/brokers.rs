//! On real brokers, where the environment names some.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rdkafka::admin::AdminOptions;
use rdkafka::producer::{BaseProducer, Producer};

use crate::Store;
use crate::conformance::{Subject, conforms};
use crate::kafka::topics::{admin, wait};
use crate::kafka::{Group, KafkaOptions, KafkaStore, TopicPlan, create_topics};

/// Names the brokers, `host:port` with commas between.
const BROKERS_VARIABLE: &str = "DAUPHIN_TEST_BROKERS";

/// Topics of a name of their own, while the test runs.
struct Brokers {
    options: KafkaOptions,
}

impl Brokers {
    /// None when the environment names no brokers; the reason is printed then.
    fn named() -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let Ok(brokers) = std::env::var(BROKERS_VARIABLE) else {
            println!("skipped: {BROKERS_VARIABLE} names no brokers");
            return None;
        };
        let mut options = KafkaOptions::new(brokers);
        options.topic_prefix = format!("test-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        options.stall_timeout = Duration::from_secs(20);
        let mut plan = TopicPlan::new(2);
        (plan.replication_factor, plan.min_insync_replicas) = (1, 1);
        create_topics(&options, &plan).unwrap();
        Some(Self { options })
    }

    fn open(&self) -> KafkaStore {
        KafkaStore::open(&self.options, 1, Group::none()).unwrap()
    }
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
        Box::new(Self::open(self))
    }

    /// Another owner comes, and goes.
    fn fail_next_commit(&mut self) {
        let producer: BaseProducer = self.options.writer(1).create().unwrap();
        producer.init_transactions(self.options.open_timeout).unwrap();
    }
}

conforms!(where there is one: Brokers::named());
