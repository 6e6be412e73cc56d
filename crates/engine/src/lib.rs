//! A data directory at work: threads that own shards, one committer that makes their changes durable, and the views that
//! readers take. An event travels `submit → fold → commit → publish → answer`, one way.
//!
//! Never knows: HTTP, dialects, what time it is.

mod audit;
mod backend;
mod catalog;
mod error;
mod identity;
mod record;

mod check;
mod inspect;
mod restore;

mod commit_stats;
mod committer;
mod engine;
mod folder;
mod follower;
mod memory;
mod migration;
mod partition;
mod row_sums;
mod shards;
mod submission;
mod zone_gate;

pub use audit::{Actor, AuditEntry, AuditPage, AuditRecord};
pub use backend::{Backend, Lag, PartitionStats};
pub use catalog::{
    ActivityRule, ApiKey, App, Catalog, CatalogEdit, CatalogError, KeyIndex, SenderError, Setting, Workspace,
};
pub use check::{CheckReport, Mismatch};
pub use commit_stats::{COMMIT_STEPS, CommitCounts};
pub use dauphin_core::{IdentityChange, IdentityOutcome, Person as PersonView};
pub use engine::{Engine, EngineOptions, EngineStats};
pub use error::{EngineError, InitialiseError};
pub use follower::Follower;
pub use identity::IdentityDone;
pub use inspect::{Inspection, TableInspection, WorkspaceInspection};
pub use migration::{Division, Joined, Settings, Union};
pub use partition::{MessageCounts, PartitionEngine, PartitionOptions};
pub use record::{Envelope, Malformed, PROGRESS_KEY, Progress, Reply, Trace};
pub use restore::{RestoreError, Restored, RestoredRows};
pub use submission::{Done, PartitionChanges, Receipt, Spares, Submission};
