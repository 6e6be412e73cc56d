//! The fold against a brute-force oracle, and against tables written by hand.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod history;
mod oracle;
mod partitions;
mod property;
mod restoring;
mod runs;
mod sessions;
mod table;
