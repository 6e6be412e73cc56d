use std::path::PathBuf;

use dauphin_engine::RestoreError;
use dauphin_store::StoreError;
use dauphin_store::kafka::Hazard;
use rdkafka::error::KafkaError;

/// Why a node cannot take part, or a command on the cluster cannot be done.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// The topics, or what is in them.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What a partition holds.
    #[error("partition {partition}: {source}")]
    Restore {
        /// Which.
        partition: u16,
        /// Why.
        source: RestoreError,
    },
    /// The brokers.
    #[error("cannot {action}: {reason}")]
    Brokers {
        /// What was tried.
        action: &'static str,
        /// What the brokers or the client said.
        reason: String,
    },
    /// Nobody has set it up.
    #[error("no cluster is set up under the topic prefix `{0}`; set it up with `dauphin cluster init`")]
    NotSetUp(String),
    /// Somebody has set it up.
    #[error("a cluster is set up under the topic prefix `{0}` already; choose another --topic-prefix")]
    IsSetUp(String),
    /// Nobody has set it up, but there is data.
    #[error(
        "the topics under the prefix `{0}` hold data, but nothing is set up there: an import was interrupted, or still \
         runs; remove the topics `{0}.activity`, `{0}.state`, `{0}.rows` and `{0}.meta`, or choose another --topic-prefix"
    )]
    Leftovers(String),
    /// A data directory, read.
    #[error(transparent)]
    Unreadable(#[from] RestoreError),
    /// A data directory, made.
    #[error("cannot give `{}` its name: {source}", path.display())]
    Directory {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It would lose data when a broker fails.
    #[error("{}; if that is meant, say --allow-unsafe", hazards(.0))]
    Unsafe(Vec<Hazard>),
    /// What was to be set up cannot be.
    #[error(transparent)]
    Catalog(#[from] dauphin_engine::CatalogError),
    /// Something is still on its way.
    #[error("{0}")]
    Busy(String),
}

fn hazards(hazards: &[Hazard]) -> String {
    hazards.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl ClusterError {
    pub(crate) fn brokers(action: &'static str) -> impl Fn(KafkaError) -> Self {
        move |error| Self::Brokers { action, reason: error.to_string() }
    }
}
