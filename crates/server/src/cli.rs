//! The command line: stdout is data, stderr is talk; 0 done, 1 failed, 2 usage.

mod administration;
mod arguments;
mod bench;
mod check;
mod cluster;
mod data;
mod demo;
mod import;
mod init;
mod inspect;
mod series;
mod serve;
mod settings;

use std::io::Write;
use std::process::ExitCode;

use anyhow::Context;
use clap::FromArgMatches;
use tracing::Level;

use arguments::{Arguments, Command};

/// Reads the arguments, does what they say, and turns the result into an exit code.
pub fn run() -> ExitCode {
    let level = std::env::var("DAUPHIN_LOG").ok().and_then(|level| level.parse().ok()).unwrap_or(Level::INFO);
    tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr).with_target(false).init();
    let command = match settings::command() {
        Ok(command) => command,
        Err(error) => {
            talk_of(&error);
            return ExitCode::from(2);
        }
    };
    let arguments = Arguments::from_arg_matches(&command.get_matches()).unwrap_or_else(|error| error.exit());
    let done = match arguments.command {
        Command::Init(arguments) => init::run(&arguments),
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Import(arguments) => import::run(&arguments),
        Command::Series(arguments) => series::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Workspace(arguments) => administration::workspace(&arguments),
        Command::App(arguments) => administration::app(&arguments),
        Command::Key(arguments) => administration::key(&arguments),
        Command::User(arguments) => administration::user(&arguments),
        Command::Audit(arguments) => administration::audit(&arguments),
        Command::Cluster(arguments) => cluster::run(&arguments),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Inspect(arguments) => inspect::run(&arguments),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            talk_of(&error);
            ExitCode::FAILURE
        }
    }
}

fn talk_of(error: &anyhow::Error) {
    let mut text = String::from("error");
    for cause in error.chain() {
        text.push_str(": ");
        text.push_str(&cause.to_string());
    }
    // Nobody may be listening.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Writes data to stdout. A reader that has seen enough (`| head`) ends the program quietly.
fn print(bytes: &[u8]) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("write to stdout"),
    }
}

/// Writes one JSON line to stdout.
fn print_json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    let mut text = serde_json::to_vec(value).context("write JSON")?;
    text.push(b'\n');
    print(&text)
}
