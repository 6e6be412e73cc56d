use std::io;
use std::path::{Path, PathBuf};

use crate::Table;

/// Why a store could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another process holds the data directory.
    #[error("the data directory `{}` is in use by another process; stop that process first", path.display())]
    Locked {
        /// The data directory.
        path: PathBuf,
    },
    /// A data directory is to be made where there is one.
    #[error("`{}` is a data directory already; open it, or name another directory", path.display())]
    AlreadyExists {
        /// The data directory.
        path: PathBuf,
    },
    /// The directory is not there, or not one of ours, or was left before it was complete.
    #[error("`{}` is not a data directory: {reason}; create one there, or name another directory", path.display())]
    NotADataDirectory {
        /// The directory that was named.
        path: PathBuf,
        /// What is missing.
        reason: String,
    },
    /// A release with another format wrote the data directory.
    #[error(
        "the data directory `{}` has format {found}, and this release reads format {supported}; use the release that wrote it",
        path.display()
    )]
    OtherFormat {
        /// The data directory.
        path: PathBuf,
        /// The format it has.
        found: u32,
        /// The format this release reads.
        supported: u32,
    },
    /// What is stored cannot be what this software stored.
    #[error("the data in `{}` is damaged: {reason}; restore it from a copy", path.display())]
    Corrupt {
        /// The damaged file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A key or value beyond the limit. Nothing was written, and the store can still be used.
    #[error("a {what} of {byte_count} bytes for table `{table}` is over the limit of {byte_count_max} bytes")]
    TooLarge {
        /// Where the record was to go.
        table: Table,
        /// `key` or `value`.
        what: &'static str,
        /// The bytes it has.
        byte_count: usize,
        /// The bytes it may have.
        byte_count_max: usize,
    },
    /// A message beyond the limit. Nothing was written, and the store can still be used.
    #[error("a {what} of {byte_count} bytes is over the limit of {byte_count_max} bytes")]
    MessageTooLarge {
        /// `relayed message` or `reply`.
        what: &'static str,
        /// The bytes it has.
        byte_count: usize,
        /// The bytes it may have.
        byte_count_max: usize,
    },
    /// A batch for a partition of a cluster was given to a data directory. Nothing was written, and the store can still be used.
    #[error(
        "`{}` is the data directory of one machine, which relays no message, replies to nobody and consumes no input; leave those out of the batch, or commit it to the store of a cluster",
        path.display()
    )]
    NotACluster {
        /// The data directory.
        path: PathBuf,
    },
    /// Another node took the partition over. Nothing that this one writes from now on is kept.
    #[error(
        "another node owns partition {partition} of `{topic}` now; this one writes nothing to it until it opens it again"
    )]
    Fenced {
        /// The topic of the partition's records.
        topic: String,
        /// The partition.
        partition: u16,
    },
    /// The brokers refused or did not answer.
    #[error("cannot {action} `{topic}`: {reason}")]
    Brokers {
        /// What was tried, as a verb.
        action: &'static str,
        /// With which topic, or which brokers.
        topic: String,
        /// What the brokers or their client said.
        reason: String,
    },
    /// The store was opened for reading only. Nothing was written, and the store can still be read.
    #[error("`{}` was opened for reading only; open it for writing to change it", path.display())]
    ReadOnly {
        /// The data directory.
        path: PathBuf,
    },
    /// A commit failed before. What is on disk is unknown until the store is opened again.
    #[error(
        "an earlier commit failed, and whether it is on disk is unknown until the store is opened again; nothing is read or written until then"
    )]
    Failed,
    /// The operating system refused.
    #[error("cannot {action} `{}`: {source}", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// With which file or directory.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

impl StoreError {
    /// For `map_err`: puts the action and the path to what the operating system said.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }
}
