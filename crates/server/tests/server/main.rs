//! The binary, driven from outside: its command line, its files, its HTTP, and its death.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops where it is")]
#![expect(clippy::format_collect, clippy::format_push_string, reason = "bodies are built once and read best this way")]

mod support;

mod scenarios;

#[path = "../../../dialects/tests/dialects/avro_file.rs"]
mod avro_file;

mod admin;
mod avro;
mod check;
mod cli;
mod crash;
mod demo;
mod formats;
mod import;
mod ingest;
mod ingest_bad;
mod inspect;
mod memory;
mod metrics;
mod object_store;
mod real_data;
mod sdk;
mod series;
mod settings;
mod users_track;

#[cfg(not(feature = "kafka"))]
mod without_kafka;
