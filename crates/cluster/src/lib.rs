//! A node of a cluster on Kafka: the same as an engine over a data directory, on an engine that distributes.
//!
//! An event travels: gateway → `activity` (acknowledged when every in-sync replica has it) → the worker of its partition,
//! which folds it and commits what changed in one transaction → `rows` → every node, which adds the rows of all partitions
//! up and answers from them. What all nodes share travels through `meta`.
//!
//! What is absent here: the fold, formulas, HTTP. There is no consensus, membership or replication of its own.

mod check;
mod client;
mod error;
mod gateway;
mod init;
mod lag;
mod meta;
mod migrate;
mod node;
mod options;
mod owner;
mod rows;
mod snapshot;
mod status;
mod waiting;
mod worker;

pub use check::check;
pub use error::ClusterError;
pub use init::{InitPlan, init};
pub use migrate::{Migrated, export_directory, import_directory};
pub use node::Node;
pub use options::ClusterOptions;
pub use status::{ClusterStatus, MemberStatus, PartitionStatus, status};
