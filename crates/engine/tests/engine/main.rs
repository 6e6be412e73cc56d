//! The engine over its stores: exact through restarts and crashes, and honest when storage fails.

mod durability;
#[path = "../../../core/tests/fold/oracle.rs"]
mod oracle;
mod property;
mod support;
