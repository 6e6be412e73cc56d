//! Remembers changed records atomically and gives them back. Never knows what the records mean.
//!
//! A record is a key and a value, both bytes, in one of a few numbered [`Table`]s.
//! A [`Batch`] of changes is committed whole or not at all, and is on disk before the commit answers;
//! a scan gives records back in the byte order of their keys.
//! [`Store`] is the contract; [`Embedded`] keeps it in a data directory, `kafka::KafkaStore` (feature `kafka`) in topics
//! of a cluster of brokers, [`MemoryStore`] in memory for tests.
//!
//! What is absent here: the encoding of keys and values, and what time it is.

mod batch;
#[cfg(test)]
mod conformance;
mod embedded;
mod error;
#[cfg(feature = "kafka")]
pub mod kafka;
mod limits;
mod memory;
mod range;
mod store;
mod table;

pub use batch::{Batch, Change, Relay};
pub use embedded::{Embedded, FORMAT_SUPPORTED};
pub use error::StoreError;
pub use limits::{KEY_BYTE_COUNT_MAX, VALUE_BYTE_COUNT_MAX};
pub use memory::{FailedCommit, MemoryDisk, MemoryStore};
pub use range::KeyRange;
pub use store::{Record, Store, Visit};
pub use table::Table;
