use std::sync::Arc;

use dauphin_core::{History, IdentityChange, Rows, Stamp};
use dauphin_model::{ProfileKey, RowKey, WorkspaceIndex};

use crate::{
    AuditEntry, AuditPage, AuditRecord, Catalog, CatalogEdit, Done, Engine, EngineError, EngineStats, IdentityDone,
    PersonView, Submission,
};

/// Whatever counts: an [`Engine`] over a data directory, or a node of a cluster. Who serves asks no further.
pub trait Backend: Send + Sync {
    /// What is set up.
    fn catalog(&self) -> Arc<Catalog>;

    /// Today's rows of a workspace, as far as they are known here; see [`Backend::lag`].
    fn rows(&self, workspace: WorkspaceIndex) -> Arc<Rows>;

    /// Rows of a workspace in their parts, one history for each of `keys`.
    fn history(&self, workspace: WorkspaceIndex, keys: Vec<RowKey>) -> Result<Vec<Arc<History>>, EngineError>;

    /// Why nothing is accepted or answered here, if so.
    fn failure(&self) -> Option<EngineError>;

    /// Hands in changes. `done` is called once, when all of them are durable, and visible if the submission asks for it
    /// ([`Submission::until_visible`]) or if that is the same. Waits while queues are full.
    fn submit(&self, submission: Submission, done: Done);

    /// Changes who is who, in order. `done` is called once, when all of it is durable and visible, together with `audit`
    /// in the audit log.
    fn change_identities(
        &self,
        workspace: WorkspaceIndex,
        stamp: Stamp,
        changes: Vec<IdentityChange>,
        audit: Option<AuditEntry>,
        done: IdentityDone,
    );

    /// What is known of the person behind a profile, if the profile is known.
    fn person(&self, workspace: WorkspaceIndex, profile: ProfileKey) -> Result<Option<PersonView>, EngineError>;

    /// Changes the catalog, and remembers `audit` with it; the answer comes when it is durable and visible.
    fn edit(&self, edit: CatalogEdit, audit: Option<AuditEntry>) -> Result<Arc<Catalog>, EngineError>;

    /// Reads a workspace's audit log, newest entry first.
    fn audit(&self, page: AuditPage) -> Result<Vec<AuditRecord>, EngineError>;

    /// Sizes, as of now.
    fn stats(&self) -> EngineStats;

    /// How far what is answered here is behind what was accepted anywhere; `None` where it never is.
    fn lag(&self) -> Option<Lag>;

    /// How each partition does, by number; none where there is one machine.
    fn partitions(&self) -> Vec<PartitionStats>;

    /// Finishes everything handed in before, and stops. A second call does nothing.
    fn close(&self) -> Result<(), EngineError>;
}

/// What was accepted and is not counted yet.
#[derive(Clone, Copy, Default, PartialEq, Debug)]
pub struct Lag {
    /// Events; where only messages are known, as many as messages of late have held.
    pub events: u64,
    /// How long ago the oldest of them was sent.
    pub seconds: f64,
}

/// One partition of a cluster, as seen from one node.
#[derive(Clone, Copy, Default, PartialEq, Debug)]
pub struct PartitionStats {
    /// Which.
    pub number: u16,
    /// This node folds it.
    pub owned: bool,
    /// Its own part of the lag.
    pub lag: Lag,
    /// Messages that were folded, of all that its log ever had.
    pub next_offset: i64,
    /// Messages that its log ever had.
    pub end_offset: i64,
    /// Events folded since the partition was made.
    pub event_count: u64,
    /// Profiles that live in it; known where it is owned.
    pub profile_count: Option<usize>,
    /// Bytes of memory of its state; known where it is owned.
    pub state_byte_count: Option<usize>,
}

impl Backend for Engine {
    fn catalog(&self) -> Arc<Catalog> {
        self.catalog()
    }

    fn rows(&self, workspace: WorkspaceIndex) -> Arc<Rows> {
        self.rows(workspace)
    }

    fn history(&self, workspace: WorkspaceIndex, keys: Vec<RowKey>) -> Result<Vec<Arc<History>>, EngineError> {
        self.history(workspace, keys)
    }

    fn failure(&self) -> Option<EngineError> {
        self.failure()
    }

    fn submit(&self, submission: Submission, done: Done) {
        self.submit(submission, done);
    }

    fn change_identities(
        &self,
        workspace: WorkspaceIndex,
        stamp: Stamp,
        changes: Vec<IdentityChange>,
        audit: Option<AuditEntry>,
        done: IdentityDone,
    ) {
        self.change_identities(workspace, stamp, changes, audit, done);
    }

    fn person(&self, workspace: WorkspaceIndex, profile: ProfileKey) -> Result<Option<PersonView>, EngineError> {
        Ok(self.person(workspace, profile))
    }

    fn edit(&self, edit: CatalogEdit, audit: Option<AuditEntry>) -> Result<Arc<Catalog>, EngineError> {
        self.edit(edit, audit)
    }

    fn audit(&self, page: AuditPage) -> Result<Vec<AuditRecord>, EngineError> {
        self.audit(page)
    }

    fn stats(&self) -> EngineStats {
        self.stats()
    }

    fn lag(&self) -> Option<Lag> {
        None
    }

    fn partitions(&self) -> Vec<PartitionStats> {
        Vec::new()
    }

    fn close(&self) -> Result<(), EngineError> {
        self.close()
    }
}
