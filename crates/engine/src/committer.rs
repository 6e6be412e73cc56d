use std::collections::VecDeque;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use dauphin_core::{History, IdentityEffects, IdentityOutcome, Ledger, RowChange, Rows};
use dauphin_model::{ActiveDay, RowKey, WorkspaceIndex};
use dauphin_store::{Batch, KeyRange, Store, Table};

use crate::audit::AuditLog;
use crate::commit_stats::CommitStats;
use crate::engine::FolderHandle;
use crate::folder::FoldMessage;
use crate::record::{
    LogRecord, PageKey, ROWS_SEQUENCE_KEY, SeenKey, identity_key, identity_value, log_key, page_value, put_edit,
    row_key,
};
use crate::row_sums::RowSums;
use crate::shards::Shards;
use crate::submission::Ticket;
use crate::zone_gate::ZoneGate;
use crate::{AuditEntry, AuditPage, AuditRecord, Catalog, CatalogEdit, CatalogError, EngineError, IdentityDone};

/// What reaches the committer.
pub(crate) enum CommitMessage {
    /// A part of a submission was folded.
    Folded(Folded),
    /// A page of a shard, whole.
    Page { key: PageKey, bytes: Vec<u8> },
    /// What a shard has seen: the generations that changed, whole, and the oldest one it still needs.
    Seen { workspace: WorkspaceIndex, shard: u8, oldest: u32, changed: Vec<(u32, Vec<u8>)> },
    /// A folder wrote all its dirty pages.
    Swept,
    /// Change the catalog.
    Edit { edit: CatalogEdit, audit: Option<AuditEntry>, done: Answer<Arc<Catalog>> },
    /// Read the audit log, this group's entries included.
    ReadAudit { page: AuditPage, done: Answer<Vec<AuditRecord>> },
    /// Remember how far a source was read (`None`: forget it).
    Source { key: Vec<u8>, value: Option<Vec<u8>>, done: Answer<()> },
    /// Fold the log into pages, if starting would be long for it.
    Sweep { done: Answer<()> },
    /// Show rows in their parts.
    History { workspace: WorkspaceIndex, keys: Vec<RowKey>, done: Answer<Vec<Arc<History>>> },
    /// Close the store and stop.
    Close,
}

/// What was folded under one hold: what is to be remembered, how the rows change, and who waits.
pub(crate) struct Folded {
    pub workspace: WorkspaceIndex,
    pub recorded: ActiveDay,
    /// What changed in one shard.
    pub record: LogRecord,
    /// Of any shards. Boxed: rare, and large.
    pub identities: Option<Box<IdentityEffects>>,
    /// What the audit log is to remember of it.
    pub audit: Option<Box<AuditEntry>>,
    pub rows: Vec<RowChange>,
    pub waiting: Waiting,
}

impl Folded {
    /// About the bytes it takes in the log.
    fn weight(&self) -> usize {
        let identities = self.identities.as_ref().map_or(0, |effects| effects.records.len() * 150);
        self.record.byte_count() + identities + self.rows.len() * 4
    }
}

/// Who waits for something folded to be durable and visible.
pub(crate) enum Waiting {
    /// A submission, for one of its parts.
    Ticket { ticket: Arc<Ticket>, new_user_days: usize },
    /// Whoever changed who is who.
    Identity { done: IdentityDone, outcomes: Vec<IdentityOutcome> },
}

impl Waiting {
    fn settle(self) {
        match self {
            Self::Ticket { ticket, new_user_days } => ticket.settle(new_user_days),
            Self::Identity { done, outcomes } => done(Ok(outcomes)),
        }
    }

    pub fn fail(self, error: EngineError) {
        match self {
            Self::Ticket { ticket, .. } => ticket.fail(error),
            Self::Identity { done, .. } => done(Err(error)),
        }
    }
}

/// Takes the result of one message.
pub(crate) type Answer<T> = Box<dyn FnOnce(Result<T, EngineError>) + Send>;

/// What readers take, swapped whole.
pub(crate) struct Shared {
    pub catalog: ArcSwap<Catalog>,
    /// Today's rows of each workspace.
    pub rows: ArcSwap<Vec<Arc<Rows>>>,
    /// For metrics.
    pub stats: CommitStats,
    /// Set once, when storage failed.
    pub failed: OnceLock<Arc<str>>,
    /// Which zones may still change.
    pub zones: ZoneGate,
}

/// Owns the store and the rows: makes groups of changes durable, publishes them, and answers.
pub(crate) struct Committer {
    pub store: Box<dyn Store>,
    pub inbox: Receiver<CommitMessage>,
    pub shared: Arc<Shared>,
    pub shards: Arc<Shards>,
    pub folders: Vec<FolderHandle>,
    pub ledgers: Vec<Ledger>,
    pub rows: Vec<Arc<Rows>>,
    pub next_sequence: u64,
    pub log: VecDeque<(u64, usize)>,
    pub log_bytes_min: usize,
    pub audit: AuditLog,
    pub sweep: Option<SweepProgress>,
    /// Who waits for a sweep that has not begun.
    pub sweep_asked: Vec<Answer<()>>,
}

/// The log grows to the state divided by this. Less often, and starting replays longer; more often, and pages are written
/// more often for each new day.
const LOG_SHARE: usize = 8;

/// A sweep under way: the log up to `until` is not needed once every folder has answered.
pub(crate) struct SweepProgress {
    pub until: u64,
    pub folders_left: usize,
    /// Who waits for it.
    pub asked: Vec<Answer<()>>,
}

/// Messages that are made durable together.
#[derive(Default)]
struct Group {
    folded: Vec<Folded>,
    pages: Vec<(PageKey, Vec<u8>)>,
    seen: Vec<SeenSweep>,
    histories: Vec<HistoryRequest>,
    edits: Vec<(CatalogEdit, Option<AuditEntry>, Answer<Arc<Catalog>>)>,
    audit_reads: Vec<(AuditPage, Answer<Vec<AuditRecord>>)>,
    sources: Vec<SourceEdit>,
    sweeps: Vec<Answer<()>>,
    swept: usize,
    close: bool,
    weight: usize,
}

/// What a shard has seen: workspace and shard, the oldest generation it still needs, and those that changed.
type SeenSweep = (WorkspaceIndex, u8, u32, Vec<(u32, Vec<u8>)>);

/// Of which workspace, which rows, and who waits for them.
type HistoryRequest = (WorkspaceIndex, Vec<RowKey>, Answer<Vec<Arc<History>>>);

/// Key, value or nothing, and who waits for it.
type SourceEdit = (Vec<u8>, Option<Vec<u8>>, Answer<()>);

impl Group {
    /// A group ends when it weighs this much, so that a commit stays a few milliseconds of writing.
    const BYTE_COUNT_MAX: usize = 4 << 20;

    fn take(&mut self, message: CommitMessage) {
        match message {
            CommitMessage::Folded(folded) => {
                self.weight += folded.weight();
                self.folded.push(folded);
            }
            CommitMessage::Page { key, bytes } => {
                self.weight += bytes.len();
                self.pages.push((key, bytes));
            }
            CommitMessage::Seen { workspace, shard, oldest, changed } => {
                self.weight += changed.iter().map(|(_, bytes)| bytes.len()).sum::<usize>();
                self.seen.push((workspace, shard, oldest, changed));
            }
            CommitMessage::History { workspace, keys, done } => self.histories.push((workspace, keys, done)),
            CommitMessage::Sweep { done } => self.sweeps.push(done),
            CommitMessage::Swept => self.swept += 1,
            CommitMessage::Edit { edit, audit, done } => self.edits.push((edit, audit, done)),
            CommitMessage::ReadAudit { page, done } => self.audit_reads.push((page, done)),
            CommitMessage::Source { key, value, done } => self.sources.push((key, value, done)),
            CommitMessage::Close => self.close = true,
        }
    }

    /// The row changes of all parts, summed.
    fn take_rows(&mut self) -> RowSums {
        let mut sums = RowSums::default();
        for folded in &mut self.folded {
            sums.add(folded.workspace, folded.recorded, std::mem::take(&mut folded.rows));
        }
        sums.sum();
        sums
    }
}

impl Committer {
    /// Runs until told to close, or until every sender is gone.
    pub fn run(mut self) -> Result<(), EngineError> {
        while let Ok(first) = self.inbox.recv() {
            let mut group = Group::default();
            group.take(first);
            while group.weight < Group::BYTE_COUNT_MAX {
                let Ok(message) = self.inbox.try_recv() else { break };
                group.take(message);
            }
            let close = group.close;
            self.commit(group);
            if close {
                break;
            }
        }
        let failed = self.shared.failed.get().cloned();
        let closed = self.store.close();
        match failed {
            Some(reason) => Err(EngineError::Failed(reason)),
            None => closed.map_err(|error| EngineError::Failed(error.to_string().into())),
        }
    }

    /// Encodes, commits, publishes, answers: in this order.
    fn commit(&mut self, mut group: Group) {
        if let Some(reason) = self.shared.failed.get().cloned() {
            return group.fail(&EngineError::Failed(reason));
        }
        let sequence = self.next_sequence;
        let mut batch = Batch::new();
        let mut catalog = Arc::clone(&self.shared.catalog.load());
        let edits = std::mem::take(&mut group.edits);
        let mut edited = Vec::with_capacity(edits.len());
        for (edit, audit, done) in edits {
            let result = self.edit(&mut catalog, &edit, audit.as_ref(), &mut batch);
            // Refusals too are answered last: what they refer to ("exists already") must be visible by then.
            edited.push((result, done));
        }
        for folded in &group.folded {
            if let Some(entry) = &folded.audit {
                self.audit.put(folded.workspace, entry, &mut batch);
            }
        }
        for (key, value, _) in &mut group.sources {
            match value.take() {
                Some(value) => batch.put(Table::Source, key.as_slice(), value),
                None => batch.remove(Table::Source, key.as_slice()),
            }
        }
        for (key, page) in std::mem::take(&mut group.pages) {
            // Parts of this very group may have been folded after the page was taken.
            batch.put(Table::Page, key.to_bytes(), page_value(sequence - 1, &page));
        }
        for sweep in std::mem::take(&mut group.seen) {
            put_seen(sequence - 1, sweep, &mut batch);
        }
        self.grow_to(catalog.workspaces().len());
        let rows = group.take_rows();
        let log_bytes = self.put_log(sequence, &group.folded, &rows, &mut batch);
        let finished = self.finish_sweep(sequence, group.swept, &mut batch);
        self.sweep_asked.append(&mut group.sweeps);

        if !batch.is_empty() {
            let began = std::time::Instant::now();
            if let Err(error) = self.store.commit(batch) {
                let reason = self.shared.failed.get_or_init(|| error.to_string().into());
                let failed = EngineError::Failed(Arc::clone(reason));
                edited.into_iter().for_each(|(_, done)| done(Err(failed.clone())));
                let under_way = finished.into_iter().chain(self.sweep.take());
                let asked = under_way.flat_map(|sweep| sweep.asked).chain(self.sweep_asked.drain(..));
                asked.for_each(|done| done(Err(failed.clone())));
                return group.fail(&failed);
            }
            self.next_sequence += 1;
            self.shared.stats.add(began.elapsed(), group.folded.len());
        }
        if log_bytes > 0 {
            self.log.push_back((sequence, log_bytes));
        }
        let swept_until = finished.as_ref().map_or(0, |sweep| sweep.until);
        while self.log.front().is_some_and(|(sequence, _)| *sequence <= swept_until) {
            self.log.pop_front();
        }

        for (workspace, changes) in rows.by_workspace() {
            Arc::make_mut(&mut self.rows[workspace.0 as usize]).add(&changes);
        }
        if !rows.is_empty() {
            self.shards.memory().set_rows(&self.ledgers);
        }
        if !rows.is_empty() || !edited.is_empty() {
            self.shared.rows.store(Arc::new(self.rows.clone()));
        }
        if !edited.is_empty() {
            self.shared.catalog.store(Arc::clone(&catalog));
        }

        group.folded.into_iter().for_each(|folded| folded.waiting.settle());
        for (result, done) in edited {
            done(result.map(|()| Arc::clone(&catalog)).map_err(EngineError::from));
        }
        group.sources.into_iter().for_each(|(_, _, done)| done(Ok(())));
        for (workspace, keys, done) in group.histories {
            let ledger = self.ledgers.get(workspace.0 as usize);
            done(Ok(keys.into_iter().map(|key| ledger.map(|of| of.history(key)).unwrap_or_default()).collect()));
        }
        for (page, done) in group.audit_reads {
            done(page.read(self.store.as_ref()).map_err(|error| EngineError::Failed(error.to_string().into())));
        }
        self.maybe_begin_sweep();
        finished.into_iter().flat_map(|sweep| sweep.asked).for_each(|done| done(Ok(())));
    }

    /// Makes an edit in `catalog`, or says why it cannot be; puts what it changes and what is to be remembered of it.
    fn edit(
        &mut self,
        catalog: &mut Arc<Catalog>,
        edit: &CatalogEdit,
        audit: Option<&AuditEntry>,
        batch: &mut Batch,
    ) -> Result<(), CatalogError> {
        let next = catalog.with(edit)?;
        if let Some((workspace, zone)) = edit.new_zone()
            && let Some(before) = catalog.workspace(workspace)
            && before.zone.name() != zone.name()
            && !self.shared.zones.change(workspace, zone)
        {
            return Err(CatalogError::ZoneFixed { name: before.name.clone(), zone: before.zone.name().to_owned() });
        }
        put_edit(&next, edit, batch);
        if let Some(entry) = audit {
            let made = WorkspaceIndex(u32::try_from(catalog.workspaces().len()).expect("the catalog is bounded"));
            self.audit.put(edit.workspace(made), entry, batch);
        }
        *catalog = Arc::new(next);
        Ok(())
    }

    /// A new workspace needs a place for its rows.
    fn grow_to(&mut self, workspace_count: usize) {
        self.ledgers.resize_with(workspace_count, Ledger::default);
        self.rows.resize_with(workspace_count, Arc::default);
    }

    /// Puts what changed as one record. A group that only repeats what is known writes nothing.
    fn put_log(&mut self, sequence: u64, folded: &[Folded], rows: &RowSums, batch: &mut Batch) -> usize {
        let mut record = LogRecord::default();
        for (workspace, recorded, changes) in rows.by_recording() {
            record.rows(workspace, recorded, changes);
            self.ledgers[workspace.0 as usize].add(recorded, changes);
        }
        for part in folded {
            record.append(&part.record);
            if let Some(effects) = &part.identities {
                record.moves(part.workspace, &effects.moves);
                put_identities(part.workspace, effects, batch);
            }
        }
        let Some(bytes) = record.into_bytes() else { return 0 };
        let byte_count = bytes.len();
        batch.put(Table::Log, log_key(sequence), bytes);
        byte_count
    }

    /// When the last folder has swept: writes the changed rows, and removes the log they and the pages replace.
    fn finish_sweep(&mut self, sequence: u64, swept: usize, batch: &mut Batch) -> Option<SweepProgress> {
        let under_way = self.sweep.as_mut()?;
        under_way.folders_left -= swept;
        let sweep = self.sweep.take_if(|sweep| sweep.folders_left == 0)?;
        for (ledger, workspace) in self.ledgers.iter_mut().zip(0..) {
            for (key, day, row) in ledger.take_dirty() {
                let mut bytes = Vec::new();
                row.write(&mut bytes);
                batch.put(Table::Row, row_key(WorkspaceIndex(workspace), key, day), bytes);
            }
        }
        batch.put(Table::Row, ROWS_SEQUENCE_KEY, sequence.to_le_bytes());
        batch.remove_range(Table::Log, KeyRange::new(log_key(0), log_key(sweep.until + 1)));
        Some(sweep)
    }

    /// A log that has grown to a share of the state is worth folding into pages; one that somebody wants shorter, earlier.
    fn maybe_begin_sweep(&mut self) {
        let (state, _) = self.shards.sizes();
        let log: usize = self.log.iter().map(|(_, byte_count)| byte_count).sum();
        self.shared.stats.set_log_byte_count(log);
        if self.sweep.is_some() {
            return;
        }
        let asked = std::mem::take(&mut self.sweep_asked);
        let share = if asked.is_empty() { state / LOG_SHARE } else { 0 };
        if log < self.log_bytes_min.max(share) {
            return asked.into_iter().for_each(|done| done(Ok(())));
        }
        self.sweep = Some(SweepProgress { until: self.next_sequence - 1, folders_left: self.folders.len(), asked });
        for (inbox, sweep_requested) in &self.folders {
            sweep_requested.store(true, std::sync::atomic::Ordering::Release);
            // A full inbox means that the folder is awake; the committer must never wait for a folder.
            let _ = inbox.try_send(FoldMessage::Wake);
        }
    }
}

fn put_identities(workspace: WorkspaceIndex, effects: &IdentityEffects, batch: &mut Batch) {
    for (profile, record) in &effects.records {
        let key = identity_key(workspace, *profile);
        match record {
            Some(record) => batch.put(Table::Identity, key, identity_value(record)),
            None => batch.remove(Table::Identity, key),
        }
    }
}

impl Group {
    fn fail(self, error: &EngineError) {
        self.folded.into_iter().for_each(|folded| folded.waiting.fail(error.clone()));
        self.edits.into_iter().for_each(|(_, _, done)| done(Err(error.clone())));
        self.audit_reads.into_iter().for_each(|(_, done)| done(Err(error.clone())));
        self.sources.into_iter().for_each(|(_, _, done)| done(Err(error.clone())));
        self.sweeps.into_iter().for_each(|done| done(Err(error.clone())));
        self.histories.into_iter().for_each(|(_, _, done)| done(Err(error.clone())));
    }
}

/// Puts the generations that changed, and removes those that are forgotten.
fn put_seen(sequence: u64, (workspace, shard, oldest, changed): SeenSweep, batch: &mut Batch) {
    let key = |generation| SeenKey { workspace, shard, generation }.to_bytes();
    batch.remove_range(Table::Seen, KeyRange::new(key(0), key(oldest)));
    for (generation, bytes) in changed {
        batch.put(Table::Seen, key(generation), page_value(sequence, &bytes));
    }
}
