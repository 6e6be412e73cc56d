use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use dauphin_engine::{AuditEntry, Catalog, CatalogEdit, EngineError};
use dauphin_model::IdentitySecret;
use dauphin_store::kafka::{TopicPlan, create_topics, describe};

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
    // Refused before anything is made.
    edits.iter().try_fold(Catalog::new(secret.clone()), |catalog, (edit, _)| catalog.with(edit))?;
    make_topics(options, plan)?;
    with_meta(options, |meta| {
        if meta.catalog().is_some() {
            return Err(ClusterError::IsSetUp(options.topic_prefix.clone()));
        }
        let failed =
            |error: EngineError| ClusterError::Brokers { action: "set up the cluster", reason: error.to_string() };
        meta.found(&Catalog::founded(secret).1).map_err(failed)?;
        for (edit, entry) in edits {
            meta.edit(edit, Some(entry)).map_err(failed)?;
        }
        Ok(())
    })
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
