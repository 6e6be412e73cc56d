//! On real brokers: run with `cluster/brokers run -- cargo test -p dauphin-cluster`. Elsewhere nothing is run.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::print_stdout, reason = "says what is skipped")]

mod migrate;
mod nodes;
mod support;
