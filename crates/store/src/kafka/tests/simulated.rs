//! On the client library's simulated brokers. They take transactions and end those of an earlier owner, but show readers
//! what an aborted one wrote, compact nothing, and keep 5 MB of a partition: what depends on that, real brokers show.

use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

use crate::Store;
use crate::conformance::{Subject, conforms};
use crate::kafka::{Group, KafkaOptions, KafkaStore};

struct Simulated {
    brokers: MockCluster<'static, DefaultProducerContext>,
    options: KafkaOptions,
}

impl Simulated {
    fn new() -> Self {
        let brokers = MockCluster::new(1).unwrap();
        let options = KafkaOptions::new(brokers.bootstrap_servers());
        for topic in [options.activity_topic(), options.state_topic(), options.rows_topic()] {
            brokers.create_topic(&topic, 2, 1).unwrap();
        }
        Self { brokers, options }
    }
}

impl Subject for Simulated {
    fn open(&mut self) -> Box<dyn Store> {
        Box::new(KafkaStore::open(&self.options, 1, Group::none()).unwrap())
    }

    fn fail_next_commit(&mut self) {
        // They do not fence by themselves.
        let fenced = RDKafkaRespErr::RD_KAFKA_RESP_ERR_PRODUCER_FENCED;
        self.brokers.request_errors(RDKafkaApiKey::EndTxn, &[fenced]);
    }
}

conforms!(Simulated::new());
