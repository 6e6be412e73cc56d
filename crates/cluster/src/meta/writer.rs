use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use dauphin_store::Batch;
use dauphin_store::kafka::{KafkaOptions, MessageKey};
use rdkafka::ClientContext;
use rdkafka::Message as _;
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};

use super::{Message, messages};

/// The only one who changes the catalog, until somebody else is.
pub(super) struct MetaWriter {
    producer: ThreadedProducer<Told>,
    topic: String,
}

/// Where the last message of a change is.
pub(super) struct Written {
    pub last: i64,
}

const TIMEOUT: Duration = Duration::from_secs(30);

/// Tells where each message ended up.
struct Told;

impl ClientContext for Told {}

impl ProducerContext for Told {
    type DeliveryOpaque = Box<Sender<Result<i64, String>>>;

    fn delivery(&self, result: &DeliveryResult<'_>, told: Self::DeliveryOpaque) {
        let result = match result {
            Ok(message) => Ok(message.offset()),
            Err((error, _)) => Err(error.to_string()),
        };
        // Whoever asked may have given up.
        let _ = told.send(result);
    }
}

impl MetaWriter {
    /// Takes the right to write from everybody else. Everything that others wrote is before the offset given.
    pub fn open(options: &KafkaOptions) -> Result<(Self, i64), String> {
        let mut config = options.client();
        config
            .set("transactional.id", format!("{}-meta", options.topic_prefix))
            .set("transaction.timeout.ms", "30000")
            .set("linger.ms", "0");
        let producer = config.create_with_context(Told).map_err(|error| error.to_string())?;
        let writer = Self { producer, topic: options.meta_topic() };
        writer.producer.init_transactions(TIMEOUT).map_err(|error| error.to_string())?;
        let mark = writer.transact(&[(MessageKey::Mark.encode(), Some(Vec::new()))])?;
        Ok((writer, mark))
    }

    /// Writes all of a change, or nothing of it if somebody else has the right by now.
    pub fn write(&self, batch: Batch) -> Result<Written, String> {
        let messages = messages(batch).map_err(|error| error.to_string())?;
        Ok(Written { last: self.transact(&messages)? })
    }

    fn transact(&self, messages: &[Message]) -> Result<i64, String> {
        self.producer.begin_transaction().map_err(|error| error.to_string())?;
        let last = send(&self.producer, &self.topic, messages)?;
        self.producer.commit_transaction(TIMEOUT).map_err(|error| error.to_string())?;
        Ok(last)
    }
}

/// Adds messages that depend on nothing.
pub(super) struct Appender {
    producer: ThreadedProducer<Told>,
    topic: String,
}

impl Appender {
    pub fn open(options: &KafkaOptions) -> Result<Self, String> {
        let mut config = options.client();
        config.set("enable.idempotence", "true").set("linger.ms", "0").set("message.timeout.ms", "30000");
        let producer = config.create_with_context(Told).map_err(|error| error.to_string())?;
        Ok(Self { producer, topic: options.meta_topic() })
    }

    /// Adds messages and waits until they are there; gives the offset of the last.
    pub fn append(&self, batch: Batch) -> Result<i64, String> {
        let messages = messages(batch).map_err(|error| error.to_string())?;
        send(&self.producer, &self.topic, &messages)
    }
}

fn send(producer: &ThreadedProducer<Told>, topic: &str, messages: &[Message]) -> Result<i64, String> {
    let (told, hears): (_, Receiver<Result<i64, String>>) = channel();
    for (key, value) in messages {
        let mut record = BaseRecord::with_opaque_to(topic, Box::new(told.clone())).partition(0).key(key.as_slice());
        record.payload = value.as_deref();
        producer.send(record).map_err(|(error, _)| error.to_string())?;
    }
    let mut last = 0;
    for _ in messages {
        last = hears.recv_timeout(TIMEOUT).map_err(|_| "the brokers did not answer".to_owned())??.max(last);
    }
    Ok(last)
}
