//! Without Kafka every command on a cluster says how to get it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use dauphin_engine::{Backend, CheckReport};
use serde_json::Value;

use super::arguments::{BrokerArguments, ClusterExportArguments, ClusterImportArguments, ClusterInitArguments};
use crate::cli::init::Plan;

fn missing<T>() -> anyhow::Result<T> {
    bail!("this dauphin was built without Kafka; build it with `--features kafka`")
}

pub fn open(
    _at: &BrokerArguments,
    _session_timeout: Duration,
    _state_bytes_max: usize,
) -> anyhow::Result<Arc<dyn Backend>> {
    missing()
}

pub fn check(_at: &BrokerArguments, _state_bytes_max: usize) -> anyhow::Result<CheckReport> {
    missing()
}

pub fn init(_arguments: &ClusterInitArguments, _first: &Plan) -> anyhow::Result<()> {
    missing()
}

pub fn status(_at: &BrokerArguments) -> anyhow::Result<Value> {
    missing()
}

pub fn import(_arguments: &ClusterImportArguments) -> anyhow::Result<Value> {
    missing()
}

pub fn export(_arguments: &ClusterExportArguments) -> anyhow::Result<Value> {
    missing()
}
