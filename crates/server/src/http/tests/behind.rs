use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use dauphin_core::{History, IdentityChange, Rows, Stamp};
use dauphin_engine::{
    App as CatalogApp, AuditEntry, AuditPage, AuditRecord, Backend, Catalog, CatalogEdit, Done, Engine, EngineError,
    EngineOptions, EngineStats, IdentityDone, Lag, PartitionStats, PersonView, Receipt, Submission,
};
use dauphin_model::{AppId, IdentitySecret, ProfileKey, RowKey, WorkspaceIndex, Zone};
use dauphin_store::{MemoryDisk, MemoryStore, Store};

use crate::keys;

/// A backend that is behind what it accepts, as a node of a cluster is: it answers before it counts, unless it is asked to
/// wait. It has one app, `cargo`, with the write key `wk`.
pub struct Behind {
    engine: Engine,
    /// Its only key, with every permission.
    pub key: String,
    /// For each submission, whether it waits until it is visible.
    pub waits: Mutex<Vec<bool>>,
    /// Why it does nothing, if it does nothing.
    pub unavailable: Mutex<Option<&'static str>>,
    /// Counts how often it was looked at.
    lag_events: AtomicU64,
}

impl Behind {
    pub fn new() -> Arc<Self> {
        let workspace = WorkspaceIndex(0);
        let add = CatalogEdit::AddWorkspace {
            name: "main".to_owned(),
            zone: Zone::utc(),
            rate_limit_per_hour: 1000,
            api_key_in_query: true,
        };
        let app = CatalogApp { name: "Cargo".to_owned(), id: AppId::new("cargo").unwrap(), write_key: "wk".to_owned() };
        let (text, key) = keys::new_api_key(keys::FIRST_KEY).unwrap();
        let edits = [add, CatalogEdit::AddApp { workspace, app }, CatalogEdit::AddKey { workspace, key }];
        let mut store: Box<dyn Store> = Box::new(MemoryStore::open(&MemoryDisk::new()));
        Engine::initialise(store.as_mut(), &IdentitySecret::new([1; 16]), &edits).unwrap();
        Arc::new(Self {
            engine: Engine::open(store, EngineOptions::for_cores(1)).unwrap(),
            key: text,
            waits: Mutex::default(),
            unavailable: Mutex::default(),
            lag_events: AtomicU64::new(0),
        })
    }

    fn refusal(&self) -> Result<(), EngineError> {
        let reason = *self.unavailable.lock().unwrap();
        reason.map_or(Ok(()), |reason| Err(EngineError::Unavailable(reason.into())))
    }
}

impl Backend for Behind {
    fn catalog(&self) -> Arc<Catalog> {
        self.engine.catalog()
    }

    fn rows(&self, workspace: WorkspaceIndex) -> Arc<Rows> {
        self.engine.rows(workspace)
    }

    fn history(&self, workspace: WorkspaceIndex, keys: Vec<RowKey>) -> Result<Vec<Arc<History>>, EngineError> {
        self.refusal()?;
        self.engine.history(workspace, keys)
    }

    fn failure(&self) -> Option<EngineError> {
        self.refusal().err()
    }

    fn submit(&self, submission: Submission, done: Done) {
        if let Err(error) = self.refusal() {
            return done(Err(error));
        }
        let is_visible = submission.waits_until_visible();
        self.waits.lock().unwrap().push(is_visible);
        let unseen = Receipt { is_visible, new_user_days: 0, repeats: 0 };
        let done = move |result: Result<_, _>| done(result.map(|seen| if is_visible { seen } else { unseen }));
        self.engine.submit(submission, Box::new(done));
    }

    fn change_identities(
        &self,
        workspace: WorkspaceIndex,
        stamp: Stamp,
        changes: Vec<IdentityChange>,
        audit: Option<AuditEntry>,
        done: IdentityDone,
    ) {
        match self.refusal() {
            Err(error) => done(Err(error)),
            Ok(()) => self.engine.change_identities(workspace, stamp, changes, audit, done),
        }
    }

    fn person(&self, workspace: WorkspaceIndex, profile: ProfileKey) -> Result<Option<PersonView>, EngineError> {
        self.refusal()?;
        Ok(self.engine.person(workspace, profile))
    }

    fn edit(&self, edit: CatalogEdit, audit: Option<AuditEntry>) -> Result<Arc<Catalog>, EngineError> {
        self.refusal()?;
        self.engine.edit(edit, audit)
    }

    fn audit(&self, page: AuditPage) -> Result<Vec<AuditRecord>, EngineError> {
        self.refusal()?;
        self.engine.audit(page)
    }

    fn stats(&self) -> EngineStats {
        self.engine.stats()
    }

    fn lag(&self) -> Option<Lag> {
        Some(Lag { events: self.lag_events.fetch_add(1, Ordering::Relaxed), seconds: 1.25 })
    }

    fn partitions(&self) -> Vec<PartitionStats> {
        let lag = Lag { events: 3, seconds: 0.5 };
        let owned = PartitionStats {
            number: 0,
            owned: true,
            next_offset: 10,
            end_offset: 12,
            event_count: 100,
            profile_count: Some(5),
            state_byte_count: Some(640),
            lag,
        };
        vec![owned, PartitionStats { number: 11, next_offset: 7, end_offset: 7, ..PartitionStats::default() }]
    }

    fn close(&self) -> Result<(), EngineError> {
        self.engine.close()
    }
}
