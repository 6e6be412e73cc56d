use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use dauphin_engine::{CheckReport, Restored};
use dauphin_store::Embedded;
use serde::Serialize;

use super::arguments::CheckArguments;
use super::cluster::arguments::Stored;
use super::{cluster, data, print_json};

#[derive(Serialize)]
struct Answer {
    points_checked: u64,
    mismatches: u64,
}

pub fn run(arguments: &CheckArguments) -> anyhow::Result<ExitCode> {
    let state_bytes_max = arguments.memory.state_bytes_max();
    let report = match arguments.store.place() {
        Stored::Directory(path) => check_directory(path, state_bytes_max)?,
        Stored::Cluster(brokers) => cluster::check(brokers, state_bytes_max)?,
    };
    for mismatch in &report.mismatches {
        eprintln!(
            "workspace `{}`, {}, {}{}, {}: answers {}, the calendars hold {}",
            mismatch.workspace,
            mismatch.app_id.as_ref().map_or("all apps".to_owned(), |id| format!("app `{id}`")),
            mismatch.metric,
            if mismatch.window == 0 { String::new() } else { format!(" in {} days", mismatch.window) },
            mismatch.day,
            mismatch.answered,
            mismatch.recounted
        );
    }
    print_json(&Answer { points_checked: report.points_checked, mismatches: report.mismatch_count })?;
    Ok(if report.mismatch_count == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn check_directory(path: &Path, state_bytes_max: usize) -> anyhow::Result<CheckReport> {
    let store = Embedded::open_read_only(path).context("open the data directory")?;
    let restored = Restored::read_within(&store, data::cores(), state_bytes_max)
        .with_context(|| format!("read the data directory `{}`", path.display()))?;
    Ok(restored.check())
}
