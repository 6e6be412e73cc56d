use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;

use arc_swap::ArcSwap;
use dauphin_core::{History, Rows, Shard, Stamp};
use dauphin_model::limits::SHARD_COUNT;
use dauphin_model::{IdentitySecret, RowKey, WorkspaceIndex};
use dauphin_store::{Batch, KeyRange, Store, StoreError, Table};

use crate::commit_stats::{CommitCounts, CommitStats};
use crate::committer::{Answer, CommitMessage, Committer, Shared};
use crate::folder::{FoldMessage, Folder, FolderShared};
use crate::record::{put_edit, put_secret};
use crate::submission::Ticket;
use crate::{
    Catalog, CatalogEdit, Done, EngineError, IdentityChange, IdentityDone, IdentityOutcome, InitialiseError,
    RestoreError, Restored, Submission,
};

/// How an engine runs.
#[derive(Clone, Copy, Debug)]
pub struct EngineOptions {
    /// Threads that fold, 1 to 16.
    pub folder_count: usize,
    /// The log is folded into pages when it reaches this size, or half the size of the state if that is more.
    pub log_bytes_min: usize,
}

impl EngineOptions {
    /// For a machine with so many cores.
    pub const fn for_cores(cores: usize) -> Self {
        Self { folder_count: cores, log_bytes_min: 64 << 20 }
    }
}

/// A data directory at work. Dropping it without [`Engine::close`] is like a crash: nothing answered is lost.
pub struct Engine {
    shared: Arc<Shared>,
    folders: Vec<(SyncSender<FoldMessage>, Arc<FolderShared>)>,
    committer: SyncSender<CommitMessage>,
    /// Positions of sources as they were when the engine was opened.
    sources: BTreeMap<Vec<u8>, Vec<u8>>,
    threads: Mutex<Option<Threads>>,
}

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
        let mut batch = Batch::new();
        put_secret(secret, &mut batch);
        let mut catalog = Catalog::new(secret.clone());
        for edit in edits {
            catalog = catalog.with(edit)?;
            put_edit(&catalog, edit, &mut batch);
        }
        Ok(store.commit(batch)?)
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
        let folder_count = options.folder_count.clamp(1, usize::from(SHARD_COUNT));
        let mut restored = Restored::read(store.as_ref(), folder_count)?;
        let mut sources = BTreeMap::new();
        store.scan(Table::Source, &KeyRange::all(), &mut |key, value| {
            sources.insert(key.to_vec(), value.to_vec());
            ControlFlow::Continue(())
        })?;
        let rows: Vec<_> = std::mem::take(&mut restored.rows.rows).into_iter().map(Arc::new).collect();
        let shared = Arc::new(Shared {
            catalog: ArcSwap::from_pointee(restored.rows.catalog),
            rows: ArcSwap::from_pointee(rows.clone()),
            stats: CommitStats::default(),
            failed: OnceLock::new(),
        });

        let (committer, committer_inbox) = sync_channel(Self::COMMITTER_INBOX);
        let mut shards = split(restored.shards, folder_count);
        let mut folders = Vec::new();
        let mut folder_threads = Vec::new();
        for shards in shards.drain(..) {
            let (sender, inbox) = sync_channel(Self::FOLDER_INBOX);
            let folder_shared = Arc::new(FolderShared::of(&shards));
            let folder = Folder { shards, inbox, committer: committer.clone(), shared: Arc::clone(&folder_shared) };
            folder_threads.push(spawn("folder", move || folder.run()));
            folders.push((sender, folder_shared));
        }
        let committer_thread = Committer {
            store,
            inbox: committer_inbox,
            shared: Arc::clone(&shared),
            folders: folders.clone(),
            ledgers: restored.rows.ledgers,
            rows,
            next_sequence: restored.next_sequence,
            log: restored.rows.log,
            log_bytes_min: options.log_bytes_min,
            sweep: None,
        };
        let threads =
            Threads { folders: folder_threads, committer: spawn("committer", move || committer_thread.run()) };
        Ok(Self { shared, folders, committer, sources, threads: Mutex::new(Some(threads)) })
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
        let ticket = Ticket::new(parts.max(1), submission.user_day_count(), done);
        if parts == 0 {
            return ticket.settle(0);
        }
        let Submission { workspace, stamp, by_shard, .. } = submission;
        for (changes, shard) in by_shard.into_iter().zip(0_u8..).filter(|(changes, _)| !changes.is_empty()) {
            let ticket = Arc::clone(&ticket);
            let (folder, _) = &self.folders[usize::from(shard) % self.folders.len()];
            // A closed folder drops the message and with it the ticket, which then answers.
            let _ = folder.send(FoldMessage::Fold { workspace, shard, changes, stamp, ticket });
        }
    }

    /// Changes who is who, in order. `done` is called once, when all of it is durable and visible.
    pub fn change_identities(
        &self,
        _workspace: WorkspaceIndex,
        _stamp: Stamp,
        changes: Vec<IdentityChange>,
        done: IdentityDone,
    ) {
        // The fold follows.
        done(Ok(vec![IdentityOutcome::Changed; changes.len()]));
    }

    /// Changes the catalog; the answer comes when it is durable and visible.
    pub fn edit(&self, edit: CatalogEdit) -> Result<Arc<Catalog>, EngineError> {
        self.ask(|done| CommitMessage::Edit { edit, done })
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
        let sum = |of: fn(&FolderShared) -> usize| self.folders.iter().map(|(_, shared)| of(shared)).sum();
        EngineStats {
            profile_count: sum(|shared| shared.profile_count.load(Ordering::Relaxed)),
            profile_byte_count: sum(|shared| shared.byte_count.load(Ordering::Relaxed)),
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

/// Which shards each folder owns: those whose number leaves its own when divided by the number of folders.
fn split(
    shards: BTreeMap<(WorkspaceIndex, u8), Shard>,
    folder_count: usize,
) -> Vec<BTreeMap<(WorkspaceIndex, u8), Shard>> {
    let mut split: Vec<_> = std::iter::repeat_with(BTreeMap::new).take(folder_count).collect();
    for (key, shard) in shards {
        split[usize::from(key.1) % folder_count].insert(key, shard);
    }
    split
}

fn spawn<T: Send + 'static>(name: &str, run: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    std::thread::Builder::new().name(name.to_owned()).spawn(run).expect("the system starts threads")
}
