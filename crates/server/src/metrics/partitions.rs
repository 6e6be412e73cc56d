use std::time::Duration;

use dauphin_engine::{Backend, Lag, PartitionStats};

use super::text::Text;

/// A metric of each partition: its name, its type, what it means, and how it is read.
type Metric<T> = (&'static str, &'static str, &'static str, fn(&PartitionStats) -> Option<T>);

/// Messages that a partition's log never had are none.
fn message_count(offset: i64) -> u64 {
    u64::try_from(offset).unwrap_or(0)
}

const COUNTS: [Metric<u64>; 7] = [
    ("dauphin_partition_owned", "gauge", "1 where this node folds the partition.", |of| Some(of.owned.into())),
    ("dauphin_partition_lag_events", "gauge", "Events accepted and not folded yet.", |of| Some(of.lag.events)),
    ("dauphin_partition_messages_folded", "counter", "Messages folded, of all that the log ever had.", |of| {
        Some(message_count(of.next_offset))
    }),
    ("dauphin_partition_messages", "counter", "Messages that the log ever had.", |of| {
        Some(message_count(of.end_offset))
    }),
    ("dauphin_partition_events_folded", "counter", "Events folded since the partition was made.", |of| {
        Some(of.event_count)
    }),
    ("dauphin_partition_profiles", "gauge", "Profiles that live in the partition, where it is owned.", |of| {
        of.profile_count.map(|count| count as u64)
    }),
    ("dauphin_partition_state_bytes", "gauge", "Bytes of memory of its state, where it is owned.", |of| {
        of.state_byte_count.map(|count| count as u64)
    }),
];

/// How far a cluster is behind, and how each of its partitions does. On one machine there is nothing to say.
pub fn write(engine: &dyn Backend, text: &mut Text) {
    if let Some(lag) = engine.lag() {
        text.begin("dauphin_lag_events", "gauge", "Events accepted anywhere and not counted here yet.");
        text.value(&[], lag.events);
        text.begin("dauphin_lag_seconds", "gauge", "Seconds since the oldest of them was sent.");
        text.seconds(&[], time_of(lag));
    }
    let partitions: Vec<_> =
        engine.partitions().into_iter().map(|partition| (partition.number.to_string(), partition)).collect();
    if partitions.is_empty() {
        return;
    }
    for (name, kind, help, read) in COUNTS {
        text.begin(name, kind, help);
        for (number, partition) in &partitions {
            if let Some(count) = read(partition) {
                text.value(&[("partition", number)], count);
            }
        }
    }
    text.begin("dauphin_partition_lag_seconds", "gauge", "Seconds since the oldest event not folded yet was sent.");
    for (number, PartitionStats { lag, .. }) in &partitions {
        text.seconds(&[("partition", number)], time_of(*lag));
    }
}

/// What no clock can say is no time.
fn time_of(lag: Lag) -> Duration {
    Duration::try_from_secs_f64(lag.seconds).unwrap_or_default()
}
