use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{ClientConfig, ClientContext, Offset, TopicPartitionList};

use crate::ClusterError;

/// Whoever follows a topic comes to its end all the time, which is no error.
pub(crate) struct Following;

impl ClientContext for Following {
    fn error(&self, error: KafkaError, reason: &str) {
        if error.rdkafka_error_code() != Some(RDKafkaErrorCode::PartitionEOF) {
            tracing::warn!("{error}: {reason}");
        }
    }
}

impl ConsumerContext for Following {}

/// A consumer that follows.
pub(crate) type Follows = BaseConsumer<Following>;

/// A consumer of these partitions of a topic from these offsets on, which says when it is at the end of one.
pub(crate) fn assigned(
    config: &ClientConfig,
    topic: &str,
    partitions: impl Iterator<Item = (u16, Offset)>,
) -> Result<Follows, ClusterError> {
    let failed = ClusterError::brokers("follow a topic");
    let mut config = config.clone();
    let consumer: Follows =
        config.set("enable.partition.eof", "true").create_with_context(Following).map_err(&failed)?;
    assign(&consumer, topic, partitions)?;
    Ok(consumer)
}

/// Goes on from these offsets instead.
pub(crate) fn assign(
    consumer: &Follows,
    topic: &str,
    partitions: impl Iterator<Item = (u16, Offset)>,
) -> Result<(), ClusterError> {
    let failed = ClusterError::brokers("follow a topic");
    let mut list = TopicPartitionList::new();
    for (partition, offset) in partitions {
        list.add_partition_offset(topic, partition.into(), offset).map_err(&failed)?;
    }
    consumer.assign(&list).map_err(&failed)
}

/// A number that nobody else has drawn.
pub(crate) fn random() -> u128 {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the system has randomness");
    u128::from_le_bytes(bytes)
}
