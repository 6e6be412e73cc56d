use std::collections::{BTreeMap, HashSet};
use std::ops::ControlFlow;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;

use arc_swap::ArcSwap;
use dauphin_core::{History, IdentityChange, Rows, Stamp};
use dauphin_model::limits::SHARD_COUNT;
use dauphin_model::{IdentitySecret, ProfileKey, RowKey, WorkspaceIndex};
use dauphin_store::{Batch, KeyRange, Store, StoreError, Table};

use crate::audit::AuditLog;
use crate::commit_stats::{CommitCounts, CommitStats};
use crate::committer::{Answer, CommitMessage, Committer, Shared};
use crate::folder::{FoldMessage, Folder};
use crate::memory::Memory;
use crate::record::{put_edit, put_secret, read_catalog};
use crate::shards::Shards;
use crate::submission::Ticket;
use crate::zone_gate::ZoneGate;
use crate::{
    AuditEntry, AuditPage, AuditRecord, Catalog, CatalogEdit, Done, EngineError, IdentityDone, InitialiseError,
    PersonView, RestoreError, Restored, Submission,
};

/// How an engine runs.
#[derive(Clone, Copy, Debug)]
pub struct EngineOptions {
    /// Threads that fold, 1 to 16.
    pub folder_count: usize,
    /// The log is folded into pages when it reaches this size, or an eighth of the state's size if that is more.
    pub log_bytes_min: usize,
    /// Bytes of memory that profiles, calendars and rows may take. What would need more is refused.
    pub state_bytes_max: usize,
}

impl EngineOptions {
    /// For a machine with so many cores.
    pub const fn for_cores(cores: usize) -> Self {
        Self { folder_count: cores, log_bytes_min: 64 << 20, state_bytes_max: usize::MAX }
    }
}

/// A data directory at work. Dropping it without [`Engine::close`] is like a crash: nothing answered is lost.
pub struct Engine {
    shared: Arc<Shared>,
    shards: Arc<Shards>,
    folders: Vec<FolderHandle>,
    committer: SyncSender<CommitMessage>,
    /// Positions of sources as they were when the engine was opened.
    sources: BTreeMap<Vec<u8>, Vec<u8>>,
    threads: Mutex<Option<Threads>>,
}

/// How a folder is reached: its inbox, and the flag that asks it to sweep.
pub(crate) type FolderHandle = (SyncSender<FoldMessage>, Arc<AtomicBool>);

struct Threads {
    folders: Vec<JoinHandle<()>>,
    committer: JoinHandle<Result<(), EngineError>>,
}

/// Sizes, for metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EngineStats {
    /// Profiles known.
    pub profile_count: usize,
    /// Bytes of memory of profiles and calendars.
    pub profile_byte_count: usize,
    /// Bytes of memory of the published rows.
    pub row_byte_count: usize,
    /// Bytes of memory of everything that grows with users and days, and how many it may be.
    pub state_byte_count: usize,
    /// As [`EngineOptions::state_bytes_max`].
    pub state_bytes_max: usize,
    /// What was made durable, and how fast.
    pub commits: CommitCounts,
}

impl Engine {
    /// Parts of submissions that may wait for one folder. Each is bounded by [`Submission::CHANGE_COUNT_MAX`].
    const FOLDER_INBOX: usize = 64;
    /// Results that may wait for the committer.
    const COMMITTER_INBOX: usize = 256;

    /// Gives a new store its identity secret and all that `edits` make, in one commit: a crash leaves all or nothing.
    pub fn initialise(
        store: &mut dyn Store,
        secret: &IdentitySecret,
        edits: &[CatalogEdit],
    ) -> Result<(), InitialiseError> {
        Self::set_up(store, secret, edits.iter().map(|edit| (edit, None)))
    }

    /// As [`Engine::initialise`], with what the audit log is to remember of each edit.
    pub fn initialise_audited(
        store: &mut dyn Store,
        secret: &IdentitySecret,
        edits: &[(CatalogEdit, AuditEntry)],
    ) -> Result<(), InitialiseError> {
        Self::set_up(store, secret, edits.iter().map(|(edit, entry)| (edit, Some(entry))))
    }

    fn set_up<'a>(
        store: &mut dyn Store,
        secret: &IdentitySecret,
        edits: impl Iterator<Item = (&'a CatalogEdit, Option<&'a AuditEntry>)>,
    ) -> Result<(), InitialiseError> {
        let mut batch = Batch::new();
        put_secret(secret, &mut batch);
        let mut catalog = Catalog::new(secret.clone());
        let mut audit = AuditLog::empty();
        for (edit, entry) in edits {
            let made = WorkspaceIndex(u32::try_from(catalog.workspaces().len()).expect("the catalog is bounded"));
            catalog = catalog.with(edit)?;
            put_edit(&catalog, edit, &mut batch);
            if let Some(entry) = entry {
                audit.put(edit.workspace(made), entry, &mut batch);
            }
        }
        Ok(store.commit(batch)?)
    }

    /// What is set up in a store that nobody works with.
    pub fn read_catalog(store: &dyn Store) -> Result<Catalog, RestoreError> {
        let read = read_catalog(store)?;
        read.map_err(|_| RestoreError::Malformed(Table::Catalog))?.ok_or(RestoreError::Empty)
    }

    /// Whether a store has been initialised.
    pub fn is_initialised(store: &dyn Store) -> Result<bool, StoreError> {
        let mut found = false;
        store.scan(Table::Catalog, &KeyRange::all(), &mut |_, _| {
            found = true;
            ControlFlow::Break(())
        })?;
        Ok(found)
    }

    /// Restores what is stored and goes to work.
    pub fn open(store: Box<dyn Store>, options: EngineOptions) -> Result<Self, RestoreError> {
        let folder_count = u8::try_from(options.folder_count).unwrap_or(SHARD_COUNT).clamp(1, SHARD_COUNT);
        let mut restored = Restored::read_within(store.as_ref(), usize::from(folder_count), options.state_bytes_max)?;
        let mut sources = BTreeMap::new();
        store.scan(Table::Source, &KeyRange::all(), &mut |key, value| {
            sources.insert(key.to_vec(), value.to_vec());
            ControlFlow::Continue(())
        })?;
        let rows: Vec<_> = std::mem::take(&mut restored.rows.rows).into_iter().map(Arc::new).collect();
        let workspaces = restored.rows.catalog.workspaces().iter().map(|workspace| workspace.index);
        let audit = AuditLog::read(store.as_ref(), workspaces)?;
        let with_rows = restored.rows.ledgers.iter().zip(0..).filter(|(ledger, _)| ledger.rows().next().is_some());
        let with_data: HashSet<_> = with_rows.map(|(_, index)| WorkspaceIndex(index)).collect();
        let shared = Arc::new(Shared {
            catalog: ArcSwap::from_pointee(restored.rows.catalog),
            rows: ArcSwap::from_pointee(rows.clone()),
            stats: CommitStats::default(),
            failed: OnceLock::new(),
            zones: ZoneGate::new(with_data),
        });

        let (committer, committer_inbox) = sync_channel(Self::COMMITTER_INBOX);
        let memory = Memory::new(options.state_bytes_max);
        memory.set_rows(&restored.rows.ledgers);
        let shards = Shards::new(restored.shards, memory);
        let mut folders = Vec::new();
        let mut folder_threads = Vec::new();
        for number in 0..folder_count {
            let (sender, inbox) = sync_channel(Self::FOLDER_INBOX);
            let sweep_requested = Arc::new(AtomicBool::new(false));
            let folder = Folder {
                number,
                count: folder_count,
                shards: Arc::clone(&shards),
                inbox,
                committer: committer.clone(),
                sweep_requested: Arc::clone(&sweep_requested),
            };
            folder_threads.push(spawn("folder", move || folder.run()));
            folders.push((sender, sweep_requested));
        }
        let committer_thread = Committer {
            store,
            inbox: committer_inbox,
            shared: Arc::clone(&shared),
            shards: Arc::clone(&shards),
            folders: folders.clone(),
            ledgers: restored.rows.ledgers,
            rows,
            next_sequence: restored.next_sequence,
            log: restored.rows.log,
            log_bytes_min: options.log_bytes_min,
            audit,
            sweep: None,
            sweep_asked: Vec::new(),
        };
        let threads =
            Threads { folders: folder_threads, committer: spawn("committer", move || committer_thread.run()) };
        Ok(Self { shared, shards, folders, committer, sources, threads: Mutex::new(Some(threads)) })
    }

    /// What is set up.
    pub fn catalog(&self) -> Arc<Catalog> {
        self.shared.catalog.load_full()
    }

    /// Today's rows of a workspace: everything answered so far, and nothing that was not made durable.
    pub fn rows(&self, workspace: WorkspaceIndex) -> Arc<Rows> {
        self.shared.rows.load().get(workspace.0 as usize).cloned().unwrap_or_default()
    }

    /// Rows of a workspace in their parts, one history for each of `keys`: everything answered so far. Waits for the
    /// commit under way, if there is one; what is recorded later does not reach what was answered.
    pub fn history(&self, workspace: WorkspaceIndex, keys: Vec<RowKey>) -> Result<Vec<Arc<History>>, EngineError> {
        self.ask(|done| CommitMessage::History { workspace, keys, done })
    }

    /// Why storage failed, if it did.
    pub fn failure(&self) -> Option<EngineError> {
        self.shared.failed.get().cloned().map(EngineError::Failed)
    }

    /// Hands in changes. `done` is called once, when all of them are durable and visible. Waits while queues are full.
    pub fn submit(&self, submission: Submission, done: Done) {
        if let Some(error) = self.failure() {
            return done(Err(error));
        }
        let parts = submission.by_shard.iter().filter(|changes| !changes.is_empty()).count();
        let ticket = Ticket::new(parts.max(1), submission.activity_count(), done);
        if parts == 0 {
            return ticket.settle(0);
        }
        if !self.shared.zones.admit(submission.workspace, submission.zone.as_ref()) {
            return ticket.fail(EngineError::ZoneChanged);
        }
        let Submission { workspace, stamp, by_shard, .. } = submission;
        for (changes, shard) in by_shard.into_iter().zip(0_u8..).filter(|(changes, _)| !changes.is_empty()) {
            let ticket = Arc::clone(&ticket);
            let (folder, _) = &self.folders[usize::from(shard) % self.folders.len()];
            // A closed folder drops the message and with it the ticket, which then answers.
            let _ = folder.send(FoldMessage::Fold { workspace, shard, changes, stamp, ticket });
        }
    }

    /// Changes who is who, in order. `done` is called once, when all of it is durable and visible, together with
    /// `audit` in the audit log.
    pub fn change_identities(
        &self,
        workspace: WorkspaceIndex,
        stamp: Stamp,
        changes: Vec<IdentityChange>,
        audit: Option<AuditEntry>,
        done: IdentityDone,
    ) {
        if let Some(error) = self.failure() {
            return done(Err(error));
        }
        let (folder, _) = &self.folders[workspace.0 as usize % self.folders.len()];
        // A closed folder drops the message and with it `done`; whoever waits for it learns that nobody will call.
        let _ = folder.send(FoldMessage::Identify { workspace, changes, stamp, audit, done });
    }

    /// What is known of the person behind a profile, if the profile is known. Waits for what is being folded in its shard.
    pub fn person(&self, workspace: WorkspaceIndex, profile: ProfileKey) -> Option<PersonView> {
        let shards = self.shards.of(workspace);
        let mut number = profile.shard();
        loop {
            let shard = shards.hold(number);
            if shard.contains(profile) {
                let profile_count = shard.person_of(profile).len();
                let excluded = shard.is_excluded(profile);
                return Some(PersonView { profile_count, excluded, days: shard.days_of(profile) });
            }
            // A profile may move on before it is looked for where it went; its own shard knows where to.
            number = match shard.elsewhere(profile) {
                Some(home) => home,
                None if number == profile.shard() => return None,
                None => profile.shard(),
            };
        }
    }

    /// Changes the catalog, and remembers `audit` in the same commit; the answer comes when it is durable and visible.
    pub fn edit(&self, edit: CatalogEdit, audit: Option<AuditEntry>) -> Result<Arc<Catalog>, EngineError> {
        self.ask(|done| CommitMessage::Edit { edit, audit, done })
    }

    /// Reads a workspace's audit log, newest entry first.
    pub fn audit(&self, page: AuditPage) -> Result<Vec<AuditRecord>, EngineError> {
        self.ask(|done| CommitMessage::ReadAudit { page, done })
    }

    /// How far a source was read, as of opening.
    pub fn source(&self, key: &[u8]) -> Option<&[u8]> {
        self.sources.get(key).map(Vec::as_slice)
    }

    /// Remembers how far a source was read; `None` forgets it.
    pub fn set_source(&self, key: &[u8], value: Option<&[u8]>) -> Result<(), EngineError> {
        let (key, value) = (key.to_vec(), value.map(<[u8]>::to_vec));
        self.ask(|done| CommitMessage::Source { key, value, done })
    }

    /// Folds what was handed in before into pages, if there is so much of it that the next start would be long.
    pub fn sweep(&self) -> Result<(), EngineError> {
        self.ask(|done| CommitMessage::Sweep { done })
    }

    fn ask<T: Send + 'static>(&self, message: impl FnOnce(Answer<T>) -> CommitMessage) -> Result<T, EngineError> {
        let (sender, receiver) = sync_channel(1);
        let done: Answer<T> = Box::new(move |result| {
            // The asker may be gone; then nobody wants to know.
            let _ = sender.send(result);
        });
        self.committer.send(message(done)).map_err(|_| EngineError::Closed)?;
        receiver.recv().unwrap_or(Err(EngineError::Closed))
    }

    /// Sizes, as of now.
    pub fn stats(&self) -> EngineStats {
        let (profile_byte_count, profile_count) = self.shards.sizes();
        EngineStats {
            profile_count,
            profile_byte_count,
            state_byte_count: self.shards.memory().byte_count(),
            state_bytes_max: self.shards.memory().byte_count_max(),
            row_byte_count: self.shared.rows.load().iter().map(|rows| rows.byte_count()).sum(),
            commits: self.shared.stats.counts(),
        }
    }

    /// Finishes everything handed in before, closes the store and stops. A second call does nothing.
    pub fn close(&self) -> Result<(), EngineError> {
        let threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(threads) = threads else { return Ok(()) };
        for (folder, _) in &self.folders {
            // A folder that is gone already has nothing to finish.
            let _ = folder.send(FoldMessage::Close);
        }
        for thread in threads.folders {
            thread.join().map_err(|_| EngineError::Closed)?;
        }
        let _ = self.committer.send(CommitMessage::Close);
        threads.committer.join().map_err(|_| EngineError::Closed)?
    }
}

fn spawn<T: Send + 'static>(name: &str, run: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    std::thread::Builder::new().name(name.to_owned()).spawn(run).expect("the system starts threads")
}
