use std::path::Path;

use anyhow::Context;
use dauphin_dialects::Columns;

use super::BenchOptions;
use super::files::Files;
use super::measure::{Measures, repeat};
use super::stand::Stand;
use super::world::World;
use crate::import::{ImportOptions, Local, Summary, Target, expand, run};

const RUNS_MAX: usize = 3;

/// Imports the CSV file into a fresh data directory, several times.
pub fn measure_csv(
    files: &Files,
    world: &World,
    options: &BenchOptions,
    directory: &Path,
    measures: &mut Measures,
) -> anyhow::Result<()> {
    measure("CSV", &files.csv, world, options, directory, measures)?.remove()
}

/// Imports the Parquet file into a fresh data directory, several times, and keeps the last one.
pub fn measure_parquet(
    files: &Files,
    world: &World,
    options: &BenchOptions,
    directory: &Path,
    measures: &mut Measures,
) -> anyhow::Result<Stand> {
    let stand = measure("Parquet", &files.parquet, world, options, directory, measures)?;
    let stats = stand.engine.stats();
    let per_user = |bytes: usize| bytes as f64 / stats.profile_count.max(1) as f64;
    measures.add("memory of profiles and calendars", "bytes/user", vec![per_user(stats.profile_byte_count)]);
    measures.add("memory of gap rows", "MiB", vec![stats.row_byte_count as f64 / f64::from(1 << 20)]);
    Ok(stand)
}

fn measure(
    format: &str,
    file: &Path,
    world: &World,
    options: &BenchOptions,
    directory: &Path,
    measures: &mut Measures,
) -> anyhow::Result<Stand> {
    let mut last: Option<Stand> = None;
    let runs = repeat(options.budget * 2, RUNS_MAX, || {
        if let Some(stand) = last.take() {
            stand.remove()?;
        }
        let stand = Stand::create(&directory.join("data"), options.thread_count)?;
        let first = import(&stand, file, options, directory)?;
        let again = import(&stand, file, options, directory)?;
        last = Some(stand);
        Ok((first, again))
    })?;
    let rate = |summary: &Summary| summary.counts.rows as f64 / summary.seconds / 1e6;
    measures.add(format!("import {format}"), "M rows/s", runs.iter().map(|(first, _)| rate(first)).collect());
    measures.add(format!("import {format} again"), "M rows/s", runs.iter().map(|(_, again)| rate(again)).collect());
    let user_days = runs.iter().map(|(first, _)| first.counts.new_user_days as f64 / f64::from(world.users()));
    measures.add(format!("{format} user-days"), "per user", user_days.collect());
    last.context("import at least once")
}

fn import(stand: &Stand, file: &Path, options: &BenchOptions, directory: &Path) -> anyhow::Result<Summary> {
    let import = ImportOptions {
        files: expand(&[file.display().to_string()])?,
        columns: Columns::default(),
        strict: false,
        rejects: directory.join("rejects.ndjson"),
        thread_count: options.thread_count,
    };
    let (engine, workspace) = (stand.engine.clone(), stand.workspace.clone());
    run(&Target::Local(Local::new(engine, workspace, false, options.now)), &import)
}
