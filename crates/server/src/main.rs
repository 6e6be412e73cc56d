//! The binary `dauphin`: HTTP, command line, console. It wires the other crates together, and it alone has tokio, axum
//! and a clock. Never knows: formulas.

mod administration;
mod bench;
mod chart;
mod cli;
mod clock;
mod console;
mod demo;
mod docs;
mod handed_in;
mod http;
mod import;
mod intake;
mod keys;
mod memory;
mod metrics;
mod permissions;
mod points;
mod taking;

fn main() -> std::process::ExitCode {
    cli::run()
}
