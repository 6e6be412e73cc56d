use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use dauphin_core::{Arrival, History, IdentityChange, Rows, Stamp};
use dauphin_engine::{
    AuditEntry, AuditPage, AuditRecord, Backend, Catalog, CatalogEdit, CommitCounts, Done, EngineError, EngineStats,
    IdentityDone, Lag, PartitionStats, PersonView, Submission,
};
use dauphin_model::{ActiveDay, ProfileKey, RowKey, WorkspaceIndex};
use dauphin_store::kafka::describe;

use crate::gateway::Gateway;
use crate::lag::LagWatch;
use crate::meta::Meta;
use crate::owner::Owner;
use crate::rows::FollowedRows;
use crate::waiting::Waiting;
use crate::worker::Workplace;
use crate::{ClusterError, ClusterOptions};

/// A node at work. It takes in what comes and answers every question; of the folding it does its share.
pub struct Node {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

struct Shared {
    options: ClusterOptions,
    partition_count: u16,
    meta: Arc<Meta>,
    rows: FollowedRows,
    lag: Arc<LagWatch>,
    waiting: Arc<Waiting>,
    gateway: Gateway,
    owner: Arc<Owner>,
    stopped: AtomicBool,
    /// Set when one of its threads ended though nobody told it to.
    broken: Mutex<Option<Arc<str>>>,
}

impl Node {
    /// Opens a node, once it knows everything that was committed before. Partitions come to it afterwards.
    pub fn open(options: &ClusterOptions) -> Result<Self, ClusterError> {
        let kafka = options.kafka();
        let not_set_up = || ClusterError::NotSetUp(options.topic_prefix.clone());
        let partition_count = describe(&kafka)?.partitions(&kafka).ok_or_else(not_set_up)?;
        let (lag, waiting) = (Arc::new(LagWatch::new(partition_count)), Arc::new(Waiting::new()));
        let gateway = Gateway::open(options, partition_count, Arc::clone(&lag), Arc::clone(&waiting))?;
        let meta = Arc::new(Meta::new(kafka.clone()));
        let owner = Owner::new(Workplace {
            options: kafka.clone(),
            partition_count,
            meta: Arc::clone(&meta),
            lag: Arc::clone(&lag),
            state_bytes_max: options.state_bytes_max,
        });
        let shared = Arc::new(Shared {
            options: options.clone(),
            partition_count,
            meta,
            rows: FollowedRows::new(partition_count),
            lag: Arc::clone(&lag),
            waiting,
            gateway,
            owner,
            stopped: AtomicBool::new(false),
            broken: Mutex::default(),
        });
        let node = Self { shared: Arc::clone(&shared), threads: Mutex::default() };
        node.spawn("meta", |shared| shared.meta.follow(&|| shared.is_stopped()));
        shared.meta.wait_caught_up()?;
        shared.meta.catalog().ok_or_else(not_set_up)?;
        let consumer = shared.rows.catch_up(&kafka, partition_count, &lag)?;
        node.spawn("rows", move |shared| {
            shared.rows.follow(&consumer, &shared.lag, &shared.waiting, &|| shared.is_stopped());
            Ok(())
        });
        node.spawn("lag", |shared| shared.lag.watch(&shared.options.kafka(), &|| shared.is_stopped()));
        node.spawn("owner", |shared| shared.owner.take_part(&shared.options, &|| shared.is_stopped()));
        Ok(node)
    }

    fn spawn(&self, name: &str, run: impl FnOnce(&Shared) -> Result<(), ClusterError> + Send + 'static) {
        let shared = Arc::clone(&self.shared);
        let work = move || {
            let ended = run(&shared);
            if !shared.is_stopped() {
                let reason = ended.err().map_or_else(|| "a thread ended".to_owned(), |error| error.to_string());
                tracing::error!("{reason}");
                *shared.broken.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason.into());
            }
        };
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(work).expect("a thread can be started");
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
    }

    /// Bytes of memory of the partitions here, and profiles in them.
    fn sizes(&self) -> (usize, usize) {
        let workers = self.shared.owner.workers();
        let sum = |of: fn(&crate::worker::Worker) -> usize| workers.iter().map(|worker| of(worker)).sum::<usize>();
        (
            sum(|worker| worker.state_byte_count.load(Ordering::Relaxed)),
            sum(|worker| worker.profile_count.load(Ordering::Relaxed)),
        )
    }
}

impl Shared {
    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }
}

impl Backend for Node {
    fn catalog(&self) -> Arc<Catalog> {
        self.shared.meta.catalog().expect("a node is open once there is a catalog")
    }

    fn rows(&self, workspace: WorkspaceIndex) -> Arc<Rows> {
        self.shared.rows.published().get(workspace.0 as usize).cloned().unwrap_or_default()
    }

    fn history(&self, workspace: WorkspaceIndex, keys: Vec<RowKey>) -> Result<Vec<Arc<History>>, EngineError> {
        Ok(self.shared.rows.lock().history(workspace, &keys))
    }

    fn failure(&self) -> Option<EngineError> {
        if self.shared.is_stopped() {
            return Some(EngineError::Closed);
        }
        self.shared.broken.lock().unwrap_or_else(PoisonError::into_inner).clone().map(EngineError::Failed)
    }

    fn submit(&self, submission: Submission, done: Done) {
        if let Some(error) = self.failure() {
            return done(Err(error));
        }
        let (byte_count, profile_count) = self.sizes();
        let byte_count_max = self.shared.options.state_bytes_max;
        if byte_count > byte_count_max {
            return done(Err(EngineError::MemoryFull { profile_count, byte_count_max }));
        }
        let (workspace, _) = submission.about();
        match self.shared.meta.fix_zone(workspace, submission.zone()) {
            Ok(()) => self.shared.gateway.submit(submission, done),
            Err(error) => done(Err(error)),
        }
    }

    fn change_identities(
        &self,
        workspace: WorkspaceIndex,
        stamp: Stamp,
        changes: Vec<IdentityChange>,
        audit: Option<AuditEntry>,
        done: IdentityDone,
    ) {
        let noted = audit.map_or(Ok(()), |entry| self.shared.meta.note(workspace, &entry));
        done(noted.and_then(|()| self.shared.gateway.change(workspace, stamp, &changes)));
    }

    fn person(&self, workspace: WorkspaceIndex, profile: ProfileKey) -> Result<Option<PersonView>, EngineError> {
        // Who asks changes nothing, so the day says nothing.
        let stamp = Stamp { recorded: ActiveDay::from_code(0), arrival: Arrival::Sent };
        self.shared.gateway.person(workspace, stamp, profile)
    }

    fn edit(&self, edit: CatalogEdit, audit: Option<AuditEntry>) -> Result<Arc<Catalog>, EngineError> {
        self.shared.meta.edit(&edit, audit.as_ref())
    }

    fn audit(&self, page: AuditPage) -> Result<Vec<AuditRecord>, EngineError> {
        self.shared.meta.audit(page)
    }

    fn stats(&self) -> EngineStats {
        let (profile_byte_count, profile_count) = self.sizes();
        let row_byte_count = self.shared.rows.lock().byte_count();
        EngineStats {
            profile_count,
            profile_byte_count,
            row_byte_count,
            state_byte_count: profile_byte_count + row_byte_count,
            state_bytes_max: self.shared.options.state_bytes_max,
            commits: CommitCounts::default(),
        }
    }

    fn lag(&self) -> Option<Lag> {
        Some(self.shared.lag.total())
    }

    fn partitions(&self) -> Vec<PartitionStats> {
        let workers = self.shared.owner.workers();
        let stats = |number| {
            let worker = workers.iter().find(|worker| worker.partition == number);
            let restored = worker.filter(|worker| worker.restored.load(Ordering::Acquire));
            let (lag, progress, end_offset) = self.shared.lag.of(number);
            PartitionStats {
                number,
                owned: worker.is_some(),
                lag,
                next_offset: progress.next_offset,
                end_offset,
                event_count: progress.event_count,
                profile_count: restored.map(|worker| worker.profile_count.load(Ordering::Relaxed)),
                state_byte_count: restored.map(|worker| worker.state_byte_count.load(Ordering::Relaxed)),
            }
        };
        (0..self.shared.partition_count).map(stats).collect()
    }

    fn close(&self) -> Result<(), EngineError> {
        if self.shared.stopped.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        self.shared.gateway.flush();
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            thread.join().map_err(|_| EngineError::Closed)?;
        }
        Ok(())
    }
}

/// Dropped without [`Node::close`], it leaves as if its machine had failed, only sooner.
impl Drop for Node {
    fn drop(&mut self) {
        // Nobody is left who could be told.
        let _ = self.close();
    }
}

/// How long commands wait for a cluster that is at work.
pub(crate) const COMMAND_MAX: Duration = Duration::from_mins(1);
