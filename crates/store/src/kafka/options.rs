use std::time::Duration;

use rdkafka::ClientConfig;

use crate::limits::{KEY_BYTE_COUNT_MAX, VALUE_BYTE_COUNT_MAX};

/// The longest message: a record of the longest key and value, with what the protocol puts around it.
pub(super) const MESSAGE_BYTE_COUNT_MAX: usize = VALUE_BYTE_COUNT_MAX + KEY_BYTE_COUNT_MAX + (63 << 10);

/// How much of a topic a reader holds before it is asked for it.
const PREFETCH_KIBIBYTE_COUNT: usize = 16 << 10;

const _: () = assert!(MESSAGE_BYTE_COUNT_MAX == (64 << 20) + (64 << 10));

/// Where a cluster's topics are, and how long is waited for its brokers.
///
/// ```
/// use dauphin_store::kafka::KafkaOptions;
///
/// let options = KafkaOptions::new("10.0.0.1:9092,10.0.0.2:9092");
/// assert_eq!(options.state_topic(), "dauphin.state");
/// ```
#[derive(Clone, Debug)]
pub struct KafkaOptions {
    /// Some brokers, `host:port` with commas between; the others are learnt from them.
    pub brokers: String,
    /// What the names of all topics and the transactional ids begin with.
    pub topic_prefix: String,
    /// Properties of the client library beyond those set here, as its own configuration names them. What the store
    /// relies on (transactions, isolation, acknowledgement) cannot be changed by them.
    pub properties: Vec<(String, String)>,
    /// After this time without a word from its producer the brokers end a transaction.
    pub transaction_timeout: Duration,
    /// How long a commit is tried before the store gives up.
    pub commit_timeout: Duration,
    /// How long opening waits for an earlier owner's transaction to be ended.
    pub open_timeout: Duration,
    /// How long reading goes on without a message where there must be one.
    pub stall_timeout: Duration,
}

impl KafkaOptions {
    /// The prefix `dauphin`, no further properties, and timeouts that outlast the failure of a broker.
    pub fn new(brokers: impl Into<String>) -> Self {
        Self {
            brokers: brokers.into(),
            topic_prefix: "dauphin".to_owned(),
            properties: Vec::new(),
            transaction_timeout: Duration::from_mins(1),
            commit_timeout: Duration::from_mins(2),
            open_timeout: Duration::from_mins(1),
            stall_timeout: Duration::from_mins(1),
        }
    }

    /// The topic of the input: what gateways accepted, and what partitions relay to each other.
    pub fn activity_topic(&self) -> String {
        self.topic("activity")
    }

    /// The topic of all records but the rows.
    pub fn state_topic(&self) -> String {
        self.topic("state")
    }

    /// The topic of the rows and the replies.
    pub fn rows_topic(&self) -> String {
        self.topic("rows")
    }

    /// The topic of what all nodes share.
    pub fn meta_topic(&self) -> String {
        self.topic("meta")
    }

    fn topic(&self, name: &str) -> String {
        format!("{}.{name}", self.topic_prefix)
    }

    /// Who writes a partition: the name under which its owners take it from each other.
    pub fn transactional_id(&self, partition: u16) -> String {
        format!("{}-partition-{partition}", self.topic_prefix)
    }

    /// What every client of this cluster is made with.
    pub fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("message.max.bytes", MESSAGE_BYTE_COUNT_MAX.to_string());
        config.set("allow.auto.create.topics", "false");
        // A broker that says nothing for so long is given up; the default of a minute would hold a transaction up as long.
        config.set("socket.timeout.ms", "10000");
        // Who leads a partition is asked this often, whatever errors say: after brokers failed, a reader was seen to stand
        // still until it asked of its own accord, by default after five minutes.
        config.set("topic.metadata.refresh.interval.ms", "10000");
        for (key, value) in &self.properties {
            config.set(key, value);
        }
        config.set("bootstrap.servers", &self.brokers);
        config
    }

    /// For a consumer that reads what was committed, from places it names itself. It joins no group.
    pub fn reader(&self) -> ClientConfig {
        let mut config = self.client();
        config
            // The library wants a name; without a subscription it is no membership.
            .set("group.id", format!("{}-readers", self.topic_prefix))
            .set("isolation.level", "read_committed")
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "earliest")
            // Messages come at once whatever this is; that there are no more is said after so long. Shorter, and brokers
            // are kept busy with nothing; longer, and a start is.
            .set("fetch.wait.max.ms", "100")
            .set("queued.max.messages.kbytes", PREFETCH_KIBIBYTE_COUNT.to_string());
        config
    }

    /// For the producer of a partition.
    pub(super) fn writer(&self, partition: u16) -> ClientConfig {
        let mut config = self.client();
        if config.get("compression.type").is_none() {
            config.set("compression.type", "lz4");
        }
        config
            .set("transactional.id", self.transactional_id(partition))
            .set("transaction.timeout.ms", self.transaction_timeout.as_millis().to_string())
            .set("acks", "all")
            // A batch is complete when it is sent: there is nothing to wait for.
            .set("linger.ms", "0");
        config
    }
}
