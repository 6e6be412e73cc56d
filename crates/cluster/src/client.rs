use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use dauphin_store::kafka::KafkaOptions;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::BorrowedMessage;
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

/// Reads these partitions of a topic to where each ends when it is reached, unless `each` ends it before; says whether all
/// ends were reached.
pub(crate) fn read_to_ends(
    consumer: &Follows,
    options: &KafkaOptions,
    (topic, partitions): (&str, impl Iterator<Item = u16>),
    each: &mut dyn FnMut(&BorrowedMessage<'_>) -> Result<ControlFlow<()>, ClusterError>,
) -> Result<bool, ClusterError> {
    let mut behind: BTreeSet<i32> = partitions.map(i32::from).collect();
    let mut heard = Instant::now();
    while !behind.is_empty() {
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(message)) => {
                heard = Instant::now();
                if each(&message)?.is_break() {
                    return Ok(false);
                }
            }
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                heard = Instant::now();
                behind.remove(&partition);
            }
            Some(Err(error @ KafkaError::MessageConsumptionFatal(_))) => {
                return Err(ClusterError::brokers("read a topic")(error));
            }
            // The client goes on by itself.
            Some(Err(_)) | None => {}
        }
        if heard.elapsed() > options.stall_timeout {
            let reason = format!("the brokers said nothing of `{topic}`, partitions {behind:?}");
            return Err(ClusterError::Brokers { action: "read a topic", reason });
        }
    }
    Ok(true)
}

/// A number that nobody else has drawn.
pub(crate) fn random() -> u128 {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the system has randomness");
    u128::from_le_bytes(bytes)
}
