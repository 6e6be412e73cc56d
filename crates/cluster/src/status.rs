use dauphin_engine::Progress;
use dauphin_store::kafka::{Topics, describe};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::groups::GroupInfo;
use serde::Serialize;

use crate::lag::LagWatch;
use crate::node::COMMAND_MAX;
use crate::rows::FollowedRows;
use crate::{ClusterError, ClusterOptions};

/// How a cluster does.
#[derive(Clone, Debug, Serialize)]
pub struct ClusterStatus {
    /// What the names of its topics begin with.
    pub topic_prefix: String,
    /// Brokers that answer.
    pub brokers: Vec<String>,
    /// What would lose data when a broker fails.
    pub hazards: Vec<String>,
    /// The nodes that own partitions.
    pub members: Vec<MemberStatus>,
    /// Every partition, by number.
    pub partitions: Vec<PartitionStatus>,
    /// Messages not folded yet, of all partitions.
    pub lag_messages: i64,
}

/// One member of the group of workers.
#[derive(Clone, Debug, Serialize)]
pub struct MemberStatus {
    /// The name that the brokers gave it.
    pub id: String,
    /// Where it runs.
    pub host: String,
}

/// One partition.
#[derive(Clone, Debug, Serialize)]
pub struct PartitionStatus {
    /// Which.
    pub partition: u16,
    /// Messages that its log ever had, with the marks of transactions.
    pub end_offset: i64,
    /// The next one that is folded.
    pub next_offset: i64,
    /// Messages not folded yet.
    pub lag_messages: i64,
    /// Events folded since the partition was made.
    pub events_folded: u64,
    /// Brokers that have everything, of those that should.
    pub in_sync: (usize, usize),
}

/// Looks at a cluster, and changes nothing.
pub fn status(options: &ClusterOptions) -> Result<ClusterStatus, ClusterError> {
    let kafka = options.kafka();
    let topics = describe(&kafka)?;
    let count = topics.partitions(&kafka).ok_or_else(|| ClusterError::NotSetUp(options.topic_prefix.clone()))?;
    let failed = ClusterError::brokers("ask how the cluster does");
    let consumer: BaseConsumer = kafka.reader().create().map_err(&failed)?;
    let metadata = consumer.fetch_metadata(None, COMMAND_MAX).map_err(&failed)?;
    let brokers = metadata.brokers().iter().map(|broker| format!("{}:{}", broker.host(), broker.port())).collect();
    let groups = consumer.fetch_group_list(Some(&options.group()), COMMAND_MAX).map_err(&failed)?;
    let members = groups.groups().iter().flat_map(GroupInfo::members).map(|member| MemberStatus {
        id: member.id().to_owned(),
        host: member.client_host().trim_start_matches('/').to_owned(),
    });
    let (rows, lag) = (FollowedRows::new(count), LagWatch::new(count));
    rows.catch_up(&kafka, count, &lag)?;
    let activity = metadata.topics().iter().find(|topic| topic.name() == kafka.activity_topic());
    let partition = |partition: u16| -> Result<PartitionStatus, ClusterError> {
        let watermarks = consumer.fetch_watermarks(&kafka.activity_topic(), partition.into(), COMMAND_MAX);
        let (_, end_offset) = watermarks.map_err(&failed)?;
        let Progress { next_offset, event_count, .. } = rows.lock().progress(partition);
        let of = activity.and_then(|topic| topic.partitions().iter().find(|of| of.id() == i32::from(partition)));
        Ok(PartitionStatus {
            partition,
            end_offset,
            next_offset,
            lag_messages: (end_offset - next_offset).max(0),
            events_folded: event_count,
            in_sync: of.map_or((0, 0), |of| (of.isr().len(), of.replicas().len())),
        })
    };
    let partitions = (0..count).map(partition).collect::<Result<Vec<_>, _>>()?;
    Ok(ClusterStatus {
        topic_prefix: options.topic_prefix.clone(),
        brokers,
        hazards: hazards(&topics, options),
        members: members.collect(),
        lag_messages: partitions.iter().map(|partition| partition.lag_messages).sum(),
        partitions,
    })
}

fn hazards(topics: &Topics, options: &ClusterOptions) -> Vec<String> {
    topics.hazards(&options.kafka()).iter().map(ToString::to_string).collect()
}
