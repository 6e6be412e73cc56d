//! `dauphin cluster`, and what other commands need of a cluster. Built without the feature `kafka`, the same commands say
//! that they cannot.

pub mod arguments;

#[cfg_attr(feature = "kafka", path = "cluster/enabled.rs")]
#[cfg_attr(not(feature = "kafka"), path = "cluster/disabled.rs")]
mod kafka;
mod report;

use std::process::ExitCode;

use super::init::Plan;
use super::{print, print_json};
use arguments::{ClusterArguments, ClusterCommand, ClusterInitArguments, ClusterStatusArguments};

pub use kafka::{check, open};

/// `dauphin cluster`
pub fn run(arguments: &ClusterArguments) -> anyhow::Result<ExitCode> {
    // A word on usage comes first, whatever this build can do.
    arguments.command.broker_arguments().brokers();
    match &arguments.command {
        ClusterCommand::Init(arguments) => init(arguments)?,
        ClusterCommand::Status(arguments) => status(arguments)?,
        ClusterCommand::Import(arguments) => print_json(&kafka::import(arguments)?)?,
        ClusterCommand::Export(arguments) => print_json(&kafka::export(arguments)?)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn init(arguments: &ClusterInitArguments) -> anyhow::Result<()> {
    let plan = Plan::of(&arguments.workspace)?;
    kafka::init(arguments, &plan)?;
    print_json(&plan.made)
}

fn status(arguments: &ClusterStatusArguments) -> anyhow::Result<()> {
    let status = kafka::status(&arguments.brokers)?;
    if arguments.json { print_json(&status) } else { print(report::text(&status).as_bytes()) }
}
