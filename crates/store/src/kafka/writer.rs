use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use rdkafka::client::{Client, ClientContext};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, BaseRecord, NoCustomPartitioner, Producer, ProducerContext, PurgeConfig};

use super::message::{Destination, Message};
use super::options::KafkaOptions;
use crate::StoreError;

/// How long the client library is waited for at a time: what it has to say is heard this often.
const POLL_INTERVAL: Duration = Duration::from_micros(500);

/// Between the first two tries of a transaction that was aborted; twice as long each time, up to the second.
const RETRY_INTERVAL: Duration = Duration::from_millis(100);
const RETRY_INTERVAL_MAX: Duration = Duration::from_secs(2);

/// Writes transactions to the topics of one partition, until another writer of the partition is opened.
pub(super) struct Writer {
    producer: BaseProducer<Deliveries>,
    options: KafkaOptions,
    partition: u16,
    partition_count: usize,
}

/// Why a transaction did not come to its end.
enum Setback {
    /// Nothing of it is there once it is aborted; it can be tried again.
    Abort(String),
    /// It is there whole or not at all, and this writer writes no more.
    Failed(StoreError),
}

impl Writer {
    /// Takes the partition over: an earlier writer's transaction is ended, and no later one of it is taken.
    pub fn open(options: &KafkaOptions, partition: u16) -> Result<Self, StoreError> {
        let producer = options.writer(partition).create_with_context(Deliveries::default());
        let producer: BaseProducer<_> =
            producer.map_err(|error| unopened(options.brokers.clone(), error.to_string()))?;
        let partition_count = require_partition(producer.client(), options, partition)?;
        let writer = Self { producer, options: options.clone(), partition, partition_count };
        let deadline = Instant::now() + options.open_timeout;
        writer
            .patiently("take over", deadline, |rest| writer.producer.init_transactions(rest))
            .map_err(|setback| writer.failure("take over", setback))?;
        Ok(writer)
    }

    /// Into how many partitions the input is divided.
    pub const fn partition_count(&self) -> usize {
        self.partition_count
    }

    /// Makes all messages visible to those who read what is committed, or none, and answers at which offset each is.
    pub fn commit(&self, messages: &[Message]) -> Result<Vec<i64>, StoreError> {
        let deadline = Instant::now() + self.options.commit_timeout;
        let mut pause = RETRY_INTERVAL;
        loop {
            match self.attempt(messages, deadline) {
                Ok(offsets) => return Ok(offsets),
                Err(Setback::Failed(error)) => return Err(error),
                Err(Setback::Abort(reason)) => {
                    self.abort(deadline).map_err(|setback| self.failure("commit to", setback))?;
                    if Instant::now() >= deadline {
                        return Err(self.failure("commit to", Setback::Abort(reason)));
                    }
                    self.producer.poll(pause);
                    pause = RETRY_INTERVAL_MAX.min(pause * 2);
                }
            }
        }
    }

    fn attempt(&self, messages: &[Message], deadline: Instant) -> Result<Vec<i64>, Setback> {
        self.write(messages, deadline)?;
        self.settle(deadline)?;
        let offsets = self.producer.context().offsets()?;
        // From here on brokers may have committed what the client takes for failed: a second try could make it twice.
        self.patiently("commit to", deadline, |rest| self.producer.commit_transaction(rest))
            .map_err(|setback| Setback::Failed(self.failure("commit to", setback)))?;
        Ok(offsets)
    }

    /// Begins a transaction, and puts everything into it.
    fn write(&self, messages: &[Message], deadline: Instant) -> Result<(), Setback> {
        self.producer.context().expect(messages.len());
        self.producer.begin_transaction().map_err(|error| self.setback("commit to", &error))?;
        for (index, message) in messages.iter().enumerate() {
            self.send(index, message, deadline)?;
        }
        Ok(())
    }

    /// A transaction with these messages, all of them with the brokers, that nobody ends.
    #[cfg(test)]
    pub fn begin(&self, messages: &[Message]) -> Result<(), StoreError> {
        let deadline = Instant::now() + self.options.commit_timeout;
        let written = self.write(messages, deadline).and_then(|()| self.settle(deadline));
        written.map_err(|setback| self.failure("write to", setback))
    }

    fn send(&self, index: usize, message: &Message, deadline: Instant) -> Result<(), Setback> {
        let (topic, partition) = match message.to {
            Destination::State => (self.options.state_topic(), self.partition),
            Destination::Rows => (self.options.rows_topic(), self.partition),
            Destination::Activity(partition) => (self.options.activity_topic(), partition),
        };
        let mut record: BaseRecord<'_, [u8], [u8], usize> =
            BaseRecord::with_opaque_to(&topic, index).partition(partition.into());
        record.key = message.key.as_deref();
        record.payload = message.value.as_deref();
        loop {
            match self.producer.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), unsent))
                    if Instant::now() < deadline =>
                {
                    record = unsent;
                    self.rest();
                }
                Err((error, _)) => return Err(self.setback("write to", &error)),
            }
        }
    }

    /// Waits until every message was delivered, or given up.
    fn settle(&self, deadline: Instant) -> Result<(), Setback> {
        while self.producer.in_flight_count() > 0 {
            if Instant::now() >= deadline {
                return Err(Setback::Abort("the brokers did not take all messages in time".to_owned()));
            }
            self.rest();
        }
        Ok(())
    }

    /// Hears what brokers have said, and if that is nothing waits a little. The library's own wait is one to its end,
    /// whatever happens meanwhile, and of its last millisecond it spins.
    fn rest(&self) {
        let before = self.producer.in_flight_count();
        self.producer.poll(Duration::ZERO);
        if self.producer.in_flight_count() == before {
            std::thread::sleep(POLL_INTERVAL);
        }
    }

    /// Takes back what the open transaction wrote.
    fn abort(&self, deadline: Instant) -> Result<(), Setback> {
        // A second wait of the same length: the first may have used up its time before it was known that this is needed.
        let deadline = deadline.max(Instant::now() + self.options.transaction_timeout);
        self.producer.purge(PurgeConfig::default().queue().inflight());
        self.settle(deadline)?;
        self.patiently("abort a transaction of", deadline, |rest| self.producer.abort_transaction(rest))
    }

    /// Does one step of a transaction, as often as the client library says that it may be done again.
    fn patiently(
        &self,
        action: &'static str,
        deadline: Instant,
        mut step: impl FnMut(Duration) -> KafkaResult<()>,
    ) -> Result<(), Setback> {
        loop {
            let rest = deadline.saturating_duration_since(Instant::now());
            match step(rest) {
                Err(KafkaError::Transaction(error)) if error.is_retriable() && !rest.is_zero() => self.rest(),
                done => return done.map_err(|error| self.setback(action, &error)),
            }
        }
    }

    /// What an error means for the transaction.
    fn setback(&self, action: &'static str, error: &KafkaError) -> Setback {
        if let Some((code, reason)) = self.producer.client().fatal_error() {
            return Setback::Failed(self.refusal(action, code, reason));
        }
        match error {
            KafkaError::Transaction(error) if error.txn_requires_abort() => Setback::Abort(error.to_string()),
            KafkaError::Transaction(error) => Setback::Failed(self.refusal(action, error.code(), error.to_string())),
            other => Setback::Abort(other.to_string()),
        }
    }

    fn failure(&self, action: &'static str, setback: Setback) -> StoreError {
        match setback {
            Setback::Failed(error) => error,
            Setback::Abort(reason) => StoreError::Brokers { action, topic: self.options.state_topic(), reason },
        }
    }

    fn refusal(&self, action: &'static str, code: RDKafkaErrorCode, reason: String) -> StoreError {
        let topic = self.options.state_topic();
        match code {
            RDKafkaErrorCode::Fenced | RDKafkaErrorCode::ProducerFenced | RDKafkaErrorCode::InvalidProducerEpoch => {
                StoreError::Fenced { topic, partition: self.partition }
            }
            _ => StoreError::Brokers { action, topic, reason },
        }
    }
}

/// Refuses a partition that is not there, and answers how many there are.
fn require_partition(client: &Client<Deliveries>, options: &KafkaOptions, partition: u16) -> Result<usize, StoreError> {
    // Of all topics: brokers may make a topic that is asked for by name.
    let metadata = client.fetch_metadata(None, options.open_timeout);
    let metadata = metadata.map_err(|error| unopened(options.brokers.clone(), error.to_string()))?;
    let mut partition_count = 0;
    for name in [options.state_topic(), options.rows_topic(), options.activity_topic()] {
        let topic = metadata.topics().iter().find(|topic| topic.name() == name);
        partition_count = topic.map_or(0, |topic| topic.partitions().len());
        if partition_count <= usize::from(partition) {
            let reason = format!("it has no partition {partition}; make the topics of the cluster first");
            return Err(unopened(name, reason));
        }
    }
    Ok(partition_count)
}

fn unopened(topic: String, reason: String) -> StoreError {
    StoreError::Brokers { action: "open", topic, reason }
}

/// Hears where each message of a transaction ended up.
#[derive(Default)]
struct Deliveries {
    offsets: Mutex<Vec<Option<i64>>>,
}

impl Deliveries {
    /// So many messages follow; nothing is known of them.
    fn expect(&self, message_count: usize) {
        let mut offsets = self.lock();
        offsets.clear();
        offsets.resize(message_count, None);
    }

    /// The offset of every message.
    fn offsets(&self) -> Result<Vec<i64>, Setback> {
        let offsets: Option<Vec<i64>> = self.lock().iter().copied().collect();
        offsets.ok_or_else(|| Setback::Abort("the brokers did not say where they put a message".to_owned()))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Option<i64>>> {
        self.offsets.lock().expect("nothing panics while it holds the lock")
    }
}

impl ClientContext for Deliveries {}

impl ProducerContext<NoCustomPartitioner> for Deliveries {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, index: usize) {
        // A message that was sent twice for want of an answer may be there at an offset that is not told: below zero.
        let offset = result.as_ref().ok().map(rdkafka::Message::offset).filter(|offset| *offset >= 0);
        if let Some(place) = self.lock().get_mut(index) {
            *place = offset;
        }
    }
}
