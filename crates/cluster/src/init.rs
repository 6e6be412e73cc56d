use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use dauphin_engine::{AuditEntry, CatalogEdit, Engine, EngineError, InitialiseError, Settings};
use dauphin_model::{IdentitySecret, WorkspaceIndex};
use dauphin_store::kafka::{TopicPlan, create_topics, describe};
use dauphin_store::{MemoryDisk, MemoryStore};

use crate::meta::Meta;
use crate::{ClusterError, ClusterOptions};

/// How a cluster is to be made.
#[derive(Clone, Copy, Debug)]
pub struct InitPlan {
    /// Into how many parts people are divided, and among how many nodes they can be at most. It stays.
    pub partitions: u16,
    /// On how many brokers each message is.
    pub replication_factor: u16,
    /// On how many brokers a message must be before it is acknowledged.
    pub min_insync_replicas: u16,
    /// How long what came in is kept: as long as a partition may go unfolded.
    pub retention: Duration,
    /// Make it though it would lose data when a broker fails.
    pub allow_unsafe: bool,
}

/// Makes the topics and sets up what all nodes share.
pub fn init(
    options: &ClusterOptions,
    plan: &InitPlan,
    secret: &IdentitySecret,
    edits: &[(CatalogEdit, AuditEntry)],
) -> Result<(), ClusterError> {
    // As an empty data directory: what cannot be is refused before anything is made, and all of it is set up at once.
    let mut directory = MemoryStore::open(&MemoryDisk::new());
    Engine::initialise_audited(&mut directory, secret, edits).map_err(|error| match error {
        InitialiseError::Catalog(error) => ClusterError::from(error),
        InitialiseError::Store(error) => ClusterError::from(error),
    })?;
    let settings = Settings::read(&directory)?;
    make_topics(options, plan)?;
    with_meta(options, |meta| set_up(meta, &settings, &[]))
}

/// Sets up what is to be, where nothing is set up.
pub(crate) fn set_up(meta: &Meta, settings: &Settings, zones_fixed: &[WorkspaceIndex]) -> Result<(), ClusterError> {
    let failed = |error: EngineError| ClusterError::Brokers { action: "set up the cluster", reason: error.to_string() };
    meta.import(settings, zones_fixed).map_err(failed)
}

/// Makes the topics of a plan that is safe, or meant, unless something is set up in them.
pub(crate) fn make_topics(options: &ClusterOptions, plan: &InitPlan) -> Result<(), ClusterError> {
    let kafka = options.kafka();
    let topics = TopicPlan {
        replication_factor: plan.replication_factor,
        min_insync_replicas: plan.min_insync_replicas,
        activity_retention: plan.retention,
        ..TopicPlan::new(plan.partitions)
    };
    let hazards = topics.hazards(&kafka);
    if !hazards.is_empty() && !plan.allow_unsafe {
        return Err(ClusterError::Unsafe(hazards));
    }
    if describe(&kafka)?.partitions(&kafka).is_some() && is_set_up(options)? {
        return Err(ClusterError::IsSetUp(options.topic_prefix.clone()));
    }
    create_topics(&kafka, &topics)?;
    Ok(())
}

fn is_set_up(options: &ClusterOptions) -> Result<bool, ClusterError> {
    with_meta(options, |meta| Ok(meta.catalog().is_some()))
}

/// Does something with what all nodes share, followed meanwhile.
pub(crate) fn with_meta<T>(
    options: &ClusterOptions,
    work: impl FnOnce(&Meta) -> Result<T, ClusterError>,
) -> Result<T, ClusterError> {
    let meta = Meta::new(options.kafka());
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let follower = scope.spawn(|| meta.follow(&|| stop.load(Ordering::Acquire)));
        let done = meta.wait_caught_up().and_then(|()| work(&meta));
        stop.store(true, Ordering::Release);
        let followed = follower.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        // Who does not hear what nodes share is told by the follower why.
        followed.and(done)
    })
}
