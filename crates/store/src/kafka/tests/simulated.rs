//! On the client library's simulated brokers. They take transactions and end those of an earlier owner, but show readers
//! what an aborted one wrote, compact nothing, and keep 5 MB of a partition: what depends on that, real brokers show.

use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

use super::partition::{self, PARTITION, batch, open};
use crate::conformance::{Contents, Subject, conforms, contents};
use crate::kafka::KafkaOptions;
use crate::{Store, StoreError, Table};

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

    /// The next requests of a kind get these answers, each one.
    fn refuse(&self, kind: RDKafkaApiKey, answers: &[RDKafkaRespErr]) {
        self.brokers.request_errors(kind, answers);
    }
}

impl Subject for Simulated {
    fn open(&mut self) -> Box<dyn Store> {
        Box::new(open(&self.options))
    }

    fn fail_next_commit(&mut self) {
        // They do not fence by themselves.
        self.refuse(RDKafkaApiKey::EndTxn, &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_PRODUCER_FENCED]);
    }
}

conforms!(Simulated::new());

#[test]
fn all_of_a_batch_comes_together() {
    partition::all_of_a_batch_comes_together(&Simulated::new().options);
}

#[test]
fn the_newest_is_there_after_reopening() {
    partition::the_newest_is_there_after_reopening(&Simulated::new().options);
}

#[test]
fn a_message_for_no_partition_is_refused_and_the_store_goes_on() {
    partition::a_message_for_no_partition_is_refused_and_the_store_goes_on(&Simulated::new().options);
}

#[test]
fn a_partition_that_is_not_there_is_refused() {
    partition::a_partition_that_is_not_there_is_refused(&Simulated::new().options);
}

/// Each refusal once, wherever in a transaction it comes.
#[test]
fn what_brokers_refuse_for_a_while_is_tried_again() {
    use RDKafkaApiKey::{AddPartitionsToTxn, EndTxn, Produce};
    use RDKafkaRespErr as Answer;
    let simulated = Simulated::new();
    let mut store = open(&simulated.options);
    for (number, (kind, answer)) in [
        (AddPartitionsToTxn, Answer::RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS),
        (AddPartitionsToTxn, Answer::RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS),
        (AddPartitionsToTxn, Answer::RD_KAFKA_RESP_ERR_NOT_COORDINATOR),
        (Produce, Answer::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION),
        (Produce, Answer::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS),
        (EndTxn, Answer::RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE),
        // After this one the transaction is taken back, and made again.
        (AddPartitionsToTxn, Answer::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED),
    ]
    .into_iter()
    .enumerate()
    {
        let value = number.to_string().into_bytes();
        simulated.refuse(kind, &[answer]);
        store.commit(batch(|batch| batch.put(Table::Row, *b"row", value.clone()))).unwrap();
        let expected = Contents::from([(Table::Row, vec![(b"row".to_vec(), value)])]);
        assert_eq!(contents(&store), expected, "{kind:?} {answer:?}");
    }
}

#[test]
fn what_brokers_go_on_refusing_fails_the_store() {
    let mut simulated = Simulated::new();
    simulated.options.commit_timeout = std::time::Duration::from_millis(300);
    let mut store = open(&simulated.options);
    let denied = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED; 100];
    simulated.refuse(RDKafkaApiKey::AddPartitionsToTxn, &denied);
    let error = store.commit(batch(|batch| batch.put(Table::Row, *b"row", *b"1"))).unwrap_err();
    assert!(matches!(error, StoreError::Brokers { action: "commit to", .. }), "{error}");
    assert!(matches!(store.scan(Table::Row, &crate::KeyRange::all(), &mut |_, _| panic!()), Err(StoreError::Failed)));
}

#[test]
fn a_fenced_commit_says_so() {
    let mut simulated = Simulated::new();
    let mut store = open(&simulated.options);
    simulated.fail_next_commit();
    let error = store.commit(batch(|batch| batch.put(Table::Row, *b"row", *b"1"))).unwrap_err();
    assert!(matches!(error, StoreError::Fenced { partition: PARTITION, .. }), "{error}");
    assert!(error.to_string().contains("another node owns partition 1"), "{error}");
}

/// Brokers may have done what they refused to say they did, so it is for the next opening to find out.
#[test]
fn a_transaction_whose_end_is_refused_is_not_tried_again() {
    let simulated = Simulated::new();
    let mut store = open(&simulated.options);
    simulated.refuse(RDKafkaApiKey::EndTxn, &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_PRODUCER_ID]);
    let error = store.commit(batch(|batch| batch.relay(0, *b"once"))).unwrap_err();
    assert!(matches!(error, StoreError::Brokers { action: "commit to", .. }), "{error}");
    assert!(matches!(store.commit(batch(|batch| batch.relay(0, *b"again"))), Err(StoreError::Failed)));
}
