//! The engine over its stores: exact through restarts and crashes, and honest when storage fails.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod administration;
mod durability;
mod memory;
mod migration;
#[path = "../../../core/tests/fold/oracle.rs"]
mod oracle;
mod partitions;
mod property;
mod senders;
mod sessions;
mod support;
