//! A cluster on Kafka.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use dauphin_cluster::{ClusterOptions, InitPlan, Node};
use dauphin_engine::{Backend, CheckReport};
use serde_json::Value;

use super::arguments::{
    BrokerArguments, ClusterExportArguments, ClusterImportArguments, ClusterInitArguments, TopicArguments,
};
use crate::cli::init::Plan;

fn options(at: &BrokerArguments, state_bytes_max: usize) -> ClusterOptions {
    let mut options = ClusterOptions::new(at.brokers(), at.topic_prefix.as_str());
    options.properties.clone_from(&at.kafka_property);
    options.state_bytes_max = state_bytes_max;
    options
}

fn plan(topics: &TopicArguments) -> InitPlan {
    InitPlan {
        partitions: topics.partitions,
        replication_factor: topics.replication_factor,
        min_insync_replicas: topics.min_insync_replicas,
        retention: Duration::from_hours(24 * u64::from(topics.retention_days)),
        allow_unsafe: topics.allow_unsafe,
    }
}

/// A node at work, which is missed after `session_timeout`, and whose partitions may take `state_bytes_max` bytes of
/// memory.
pub fn open(
    at: &BrokerArguments,
    session_timeout: Duration,
    state_bytes_max: usize,
) -> anyhow::Result<Arc<dyn Backend>> {
    let options = ClusterOptions { session_timeout, ..options(at, state_bytes_max) };
    Ok(Arc::new(Node::open(&options).context("open the cluster")?))
}

/// Counts everything again, over all partitions.
pub fn check(at: &BrokerArguments, state_bytes_max: usize) -> anyhow::Result<CheckReport> {
    dauphin_cluster::check(&options(at, state_bytes_max)).context("check the cluster")
}

/// Makes the topics, and what `first` has in them.
pub fn init(arguments: &ClusterInitArguments, first: &Plan) -> anyhow::Result<()> {
    let options = options(&arguments.brokers, usize::MAX);
    dauphin_cluster::init(&options, &plan(&arguments.topics), &first.secret, &first.edits).context("make the cluster")
}

/// The nodes and the partitions.
pub fn status(at: &BrokerArguments) -> anyhow::Result<Value> {
    let status = dauphin_cluster::status(&options(at, usize::MAX)).context("look at the cluster")?;
    serde_json::to_value(status).context("write JSON")
}

/// Makes the topics, and brings all that a data directory holds into them.
pub fn import(arguments: &ClusterImportArguments) -> anyhow::Result<Value> {
    let options = options(&arguments.brokers, arguments.memory.state_bytes_max());
    let directory = &arguments.directory;
    let context = || format!("import the data directory `{}`", directory.display());
    let migrated =
        dauphin_cluster::import_directory(&options, &plan(&arguments.topics), directory).with_context(context)?;
    serde_json::to_value(migrated).context("write JSON")
}

/// Brings all that the cluster holds into a new data directory.
pub fn export(arguments: &ClusterExportArguments) -> anyhow::Result<Value> {
    let options = options(&arguments.brokers, arguments.memory.state_bytes_max());
    let directory = &arguments.directory;
    let context = || format!("export into the data directory `{}`", directory.display());
    let migrated = dauphin_cluster::export_directory(&options, directory).with_context(context)?;
    serde_json::to_value(migrated).context("write JSON")
}
