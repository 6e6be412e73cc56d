use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::{Offset, TopicPartitionList};

use super::options::KafkaOptions;
use crate::StoreError;

/// No reading takes longer: the topics keep removals for an hour, and one that was slower could miss some.
const READ_DURATION_MAX: Duration = Duration::from_mins(50);

const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// A part of a topic's partition, from one committed message to another.
pub(super) struct Span {
    pub topic: String,
    /// The first offset that is read.
    pub first: Offset,
    /// Offset of the last message. It must be one that is there, and stays: reading ends when it, or a later one, came.
    pub last: i64,
}

/// Reads spans of one partition, in the order of each, side by side. `each` is told which span a message is of.
///
/// What is told to be the end is never trusted for it: just after brokers failed it may lie before what was acknowledged.
pub(super) fn read(
    options: &KafkaOptions,
    partition: u16,
    spans: &[Span],
    each: &mut dyn FnMut(usize, &BorrowedMessage<'_>),
) -> Result<(), StoreError> {
    let topics: Vec<&str> = spans.iter().map(|span| span.topic.as_str()).collect();
    let topics = topics.join("` and `");
    let failed = |reason: String| StoreError::Brokers { action: "read", topic: topics.clone(), reason };
    let consumer: BaseConsumer = options.reader().create().map_err(|error| failed(error.to_string()))?;
    let mut parts = TopicPartitionList::new();
    for span in spans {
        parts
            .add_partition_offset(&span.topic, partition.into(), span.first)
            .map_err(|error| failed(error.to_string()))?;
    }
    for span in spans {
        // A partition that is asked for before its leader is known is asked for again after half a second.
        consumer.fetch_metadata(Some(&span.topic), options.stall_timeout).map_err(|error| failed(error.to_string()))?;
    }
    consumer.assign(&parts).map_err(|error| failed(error.to_string()))?;
    let started = Instant::now();
    let mut heard = started;
    let mut trouble = None;
    let mut done = vec![false; spans.len()];
    while done.contains(&false) {
        match consumer.poll(POLL_INTERVAL) {
            Some(Ok(message)) => {
                heard = Instant::now();
                let Some(index) = spans.iter().position(|span| span.topic == message.topic()) else { continue };
                if message.offset() <= spans[index].last {
                    each(index, &message);
                }
                done[index] |= message.offset() >= spans[index].last;
            }
            Some(Err(error @ KafkaError::MessageConsumptionFatal(_))) => return Err(failed(error.to_string())),
            // The client goes on by itself.
            Some(Err(error)) => trouble = Some(error),
            None => {}
        }
        if heard.elapsed() > options.stall_timeout || started.elapsed() > READ_DURATION_MAX {
            let trouble = trouble.map_or_else(String::new, |error| format!(", and the client said: {error}"));
            let reason = format!(
                "partition {partition} was read for {} s, and what is known to be there did not come{trouble}",
                started.elapsed().as_secs()
            );
            return Err(failed(reason));
        }
    }
    Ok(())
}
