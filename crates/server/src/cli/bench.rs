use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::ValueEnum;

use super::arguments::BenchArguments;
use super::{data, print, print_json};
use crate::bench::{self, BenchOptions, WriteOptions, WrittenFile};
use crate::clock;

/// Interrupted by Ctrl-C, as shells count it.
const INTERRUPTED: i32 = 130;

pub fn run(arguments: &BenchArguments) -> anyhow::Result<ExitCode> {
    if let Some(directory) = &arguments.write {
        return write(arguments, directory);
    }
    let directory =
        tempfile::Builder::new().prefix("dauphin-bench-").tempdir().context("make a temporary directory")?;
    clean_up_when_interrupted(directory.path().to_owned())?;
    let options = BenchOptions {
        users: users(arguments),
        days_per_user: arguments.days_per_user,
        span_days: arguments.span_days,
        budget: Duration::from_secs(if arguments.quick { 1 } else { 12 }),
        thread_count: data::cores(),
        now: clock::now(),
    };
    let report = bench::run(&options, directory.path())?;
    directory.close().context("remove the temporary directory")?;
    if arguments.json {
        print_json(&report)?;
    } else {
        print(report.table().as_bytes())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn write(arguments: &BenchArguments, directory: &Path) -> anyhow::Result<ExitCode> {
    let options = WriteOptions {
        users: users(arguments),
        days_per_user: arguments.days_per_user,
        span_days: arguments.span_days,
        seed: arguments.seed,
        files: if arguments.write_files.is_empty() {
            WrittenFile::value_variants().to_vec()
        } else {
            arguments.write_files.clone()
        },
    };
    print_json(&bench::write(&options, directory)?)?;
    Ok(ExitCode::SUCCESS)
}

fn users(arguments: &BenchArguments) -> u32 {
    arguments.users.unwrap_or(if arguments.quick { 100_000 } else { 1_000_000 })
}

/// The files are large; nobody wants to find them later.
fn clean_up_when_interrupted(directory: PathBuf) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("start the runtime")?;
    std::thread::spawn(move || {
        if runtime.block_on(tokio::signal::ctrl_c()).is_ok() {
            // What cannot be removed is in the system's directory for such things.
            let _ = std::fs::remove_dir_all(&directory);
            std::process::exit(INTERRUPTED);
        }
    });
    Ok(())
}
