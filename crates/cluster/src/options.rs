use std::time::Duration;

use dauphin_store::kafka::KafkaOptions;
use rdkafka::ClientConfig;

/// Which cluster, and how a node takes part in it.
#[derive(Clone, Debug)]
pub struct ClusterOptions {
    /// Some brokers, `host:port` with commas between.
    pub brokers: String,
    /// What the names of all topics begin with.
    pub topic_prefix: String,
    /// Properties of the Kafka client beyond those set here, by its own names: TLS, authentication.
    pub properties: Vec<(String, String)>,
    /// A node that is not heard of for so long gives its partitions up.
    pub session_timeout: Duration,
    /// Bytes of memory that the partitions of a node may take.
    pub state_bytes_max: usize,
}

impl ClusterOptions {
    /// With the client's own session timeout, and as much memory as there is.
    pub fn new(brokers: impl Into<String>, topic_prefix: impl Into<String>) -> Self {
        Self {
            brokers: brokers.into(),
            topic_prefix: topic_prefix.into(),
            properties: Vec::new(),
            session_timeout: Duration::from_secs(45),
            state_bytes_max: usize::MAX,
        }
    }

    pub(crate) fn kafka(&self) -> KafkaOptions {
        KafkaOptions {
            topic_prefix: self.topic_prefix.clone(),
            properties: self.properties.clone(),
            ..KafkaOptions::new(self.brokers.clone())
        }
    }

    /// The group whose members own partitions.
    pub(crate) fn group(&self) -> String {
        format!("{}-workers", self.topic_prefix)
    }

    /// For the member of the group.
    pub(crate) fn member(&self) -> ClientConfig {
        let mut config = self.kafka().client();
        let session = self.session_timeout.as_millis();
        config
            .set("group.id", self.group())
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set("session.timeout.ms", session.to_string())
            .set("heartbeat.interval.ms", (session / 4).to_string())
            .set("max.poll.interval.ms", session.max(300_000).to_string())
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            // It never reads: what was folded is known from the partition's own records.
            .set("auto.offset.reset", "latest")
            .set("queued.max.messages.kbytes", "1024");
        config
    }

    /// For what gateways send.
    pub(crate) fn sender(&self) -> ClientConfig {
        let mut config = self.kafka().client();
        if config.get("compression.type").is_none() {
            config.set("compression.type", "lz4");
        }
        config
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("linger.ms", "1")
            .set("message.timeout.ms", "30000")
            .set("queue.buffering.max.kbytes", "131072");
        config
    }
}
