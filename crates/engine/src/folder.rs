use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError};

use dauphin_core::{
    Applied, Change, Identities, IdentityChange, IdentityEffects, IdentityOutcome, RowChanges, Shard, Stamp,
};
use dauphin_model::limits::SHARD_COUNT;
use dauphin_model::{ProfileKey, WorkspaceIndex};

use crate::committer::{CommitMessage, Folded, Waiting};
use crate::record::{LogRecord, PageKey};
use crate::shards::{Shards, WorkspaceShards};
use crate::submission::{ShardChanges, Ticket};
use crate::{AuditEntry, EngineError, IdentityDone};

/// What reaches a thread that folds.
pub(crate) enum FoldMessage {
    /// Apply these to one of this thread's shards.
    Fold { workspace: WorkspaceIndex, shard: u8, changes: ShardChanges, stamp: Stamp, ticket: Arc<Ticket> },
    /// Change who is who, in any shards of a workspace.
    Identify {
        workspace: WorkspaceIndex,
        changes: Vec<IdentityChange>,
        stamp: Stamp,
        audit: Option<AuditEntry>,
        done: IdentityDone,
    },
    /// Look at the flags.
    Wake,
    /// Stop once everything before this is folded.
    Close,
}

/// Folds what arrives for the shards whose number leaves its own when divided by the number of folders.
pub(crate) struct Folder {
    pub number: u8,
    /// How many folders there are.
    pub count: u8,
    pub shards: Arc<Shards>,
    pub inbox: Receiver<FoldMessage>,
    pub committer: SyncSender<CommitMessage>,
    /// Write every dirty page to the store.
    pub sweep_requested: Arc<AtomicBool>,
}

/// A pass over the dirty pages: of each shard, from the last page there was when it began down to the first. It has come
/// down to the page whose number is given.
type Sweep = VecDeque<(WorkspaceIndex, u8, usize)>;

/// The committer is gone: nothing more can be made durable.
struct Gone;

impl Folder {
    /// Pages written after each batch while a sweep runs, so that it ends however busy the folder is.
    const SWEEP_PAGES_PER_BATCH: usize = 2;

    /// Runs until told to close, or until the committer is gone.
    pub fn run(self) {
        let mut rows = RowChanges::new();
        let mut sweep: Option<Sweep> = None;
        loop {
            if self.sweep_requested.swap(false, Ordering::AcqRel) {
                sweep = Some(self.begin_sweep());
            }
            let message = if sweep.is_some() {
                match self.inbox.try_recv() {
                    Ok(message) => message,
                    Err(TryRecvError::Empty) => FoldMessage::Wake,
                    Err(TryRecvError::Disconnected) => return,
                }
            } else {
                match self.inbox.recv() {
                    Ok(message) => message,
                    Err(_) => return,
                }
            };
            let worked = match message {
                FoldMessage::Fold { workspace, shard, changes, stamp, ticket } => {
                    let job = Job { folder: &self, workspace, stamp, shards: self.shards.of(workspace) };
                    job.fold(shard, &changes, &ticket, &mut rows)
                }
                FoldMessage::Identify { workspace, changes, stamp, audit, done } => {
                    let job = Job { folder: &self, workspace, stamp, shards: self.shards.of(workspace) };
                    job.identify(&changes, audit, |outcomes| Waiting::Identity { done, outcomes }, &mut rows)
                }
                FoldMessage::Wake => Ok(()),
                FoldMessage::Close => return,
            };
            let swept = sweep.as_mut().map_or(Ok(()), |sweep| self.sweep_some(sweep));
            if worked.and(swept).is_err() {
                return;
            }
            if sweep.as_ref().is_some_and(VecDeque::is_empty) {
                sweep = None;
                if self.send(CommitMessage::Swept).is_err() {
                    return;
                }
            }
        }
    }

    fn send(&self, message: CommitMessage) -> Result<(), Gone> {
        self.committer.send(message).map_err(|_| Gone)
    }

    fn begin_sweep(&self) -> Sweep {
        let mine = (0..SHARD_COUNT).filter(|shard| shard % self.count == self.number);
        let workspaces = self.shards.all();
        let all = workspaces.iter().flat_map(|(workspace, shards)| {
            mine.clone().map(move |number| (*workspace, number, shards.hold(number).page_count()))
        });
        all.collect()
    }

    /// Writes the next dirty pages, and drops shards that are done.
    fn sweep_some(&self, sweep: &mut Sweep) -> Result<(), Gone> {
        for _ in 0..Self::SWEEP_PAGES_PER_BATCH {
            let Some((workspace, number, below)) = sweep.front_mut() else { return Ok(()) };
            let shards = self.shards.of(*workspace);
            let mut shard = shards.hold(*number);
            let Some(page) = shard.next_page(below) else {
                let (oldest, changed) = (shard.seen().oldest(), shard.seen_mut().take_dirty());
                if !changed.is_empty() {
                    self.send(CommitMessage::Seen { workspace: *workspace, shard: *number, oldest, changed })?;
                }
                sweep.pop_front();
                continue;
            };
            let mut bytes = Vec::new();
            shard.write_page(page, &mut bytes);
            let page = u32::try_from(page).expect("four billion profiles fill fewer pages");
            let key = PageKey { workspace: *workspace, shard: *number, page };
            self.send(CommitMessage::Page { key, bytes })?;
        }
        Ok(())
    }
}

/// One message being folded.
struct Job<'a> {
    folder: &'a Folder,
    workspace: WorkspaceIndex,
    stamp: Stamp,
    shards: Arc<WorkspaceShards>,
}

impl Job<'_> {
    /// Applies changes to the shard, and what follows from them to others. Each result travels as a part of the ticket of
    /// its own; the message's part is settled when there are no more.
    fn fold(&self, shard: u8, changes: &ShardChanges, ticket: &Arc<Ticket>, rows: &mut RowChanges) -> Result<(), Gone> {
        let mut elsewhere = self.fold_into(shard, changes, ticket, rows)?;
        // A profile may move on while its change is on the way; its own shard knows where to.
        while !elsewhere.is_empty() {
            elsewhere.sort_by_key(|(home, _)| *home);
            let mut moved = Vec::new();
            for at_home in elsewhere.chunk_by(|a, b| a.0 == b.0) {
                self.fold_at_home(at_home, ticket, &mut moved, rows)?;
            }
            let moved = ShardChanges { changes: moved, ..ShardChanges::default() };
            elsewhere = self.fold_into(shard, &moved, ticket, rows)?;
        }
        let claims = match changes.claims.as_slice() {
            [] => Vec::new(),
            claims => self.shards.hold(shard).open_claims(claims),
        };
        if !claims.is_empty() {
            let changes: Vec<_> = claims.iter().map(|(anonymous, user)| claim(*anonymous, *user)).collect();
            ticket.add_part();
            let ticket = Arc::clone(ticket);
            self.identify(&changes, None, |_| Waiting::Ticket { ticket, new_user_days: 0 }, rows)?;
        }
        ticket.settle(0);
        Ok(())
    }

    fn fold_into(
        &self,
        number: u8,
        changes: &ShardChanges,
        ticket: &Arc<Ticket>,
        rows: &mut RowChanges,
    ) -> Result<Vec<(u8, Change)>, Gone> {
        if changes.all().next().is_none() {
            return Ok(Vec::new());
        }
        let mut shard = self.shards.hold(number);
        if let Some(error) = self.refusal(&shard, changes.all()) {
            ticket.fail(error);
            return Ok(Vec::new());
        }
        let (mut effects, mut elsewhere) = (Effects::default(), Vec::new());
        changes.each_list(|list| {
            let mut applied = shard.apply_all(list, self.stamp, rows);
            effects.add(self, number, &applied);
            elsewhere.append(&mut applied.elsewhere);
        });
        self.send(effects, ticket, rows)?;
        drop(shard);
        Ok(elsewhere)
    }

    /// Applies changes of profiles that live in a shard which is not their own; those that are not there go to `moved`.
    fn fold_at_home(
        &self,
        changes: &[(u8, Change)],
        ticket: &Arc<Ticket>,
        moved: &mut Vec<Change>,
        rows: &mut RowChanges,
    ) -> Result<(), Gone> {
        let number = changes[0].0;
        let mut shard = self.shards.hold(number);
        let (here, gone): (Vec<_>, Vec<_>) =
            changes.iter().map(|(_, change)| *change).partition(|change| shard.contains(change.profile()));
        moved.extend(gone);
        if let Some(error) = self.refusal(&shard, &here) {
            ticket.fail(error);
            return Ok(());
        }
        let mut effects = Effects::default();
        effects.add(self, number, &shard.apply_all(&here, self.stamp, rows));
        self.send(effects, ticket, rows)
    }

    /// When memory is full, nothing is taken that would need more of it. Then sender and shard are as before, but for
    /// other parts of the same submission.
    fn refusal<'a>(&self, shard: &Shard, changes: impl IntoIterator<Item = &'a Change>) -> Option<EngineError> {
        self.folder.shards.full().filter(|_| !changes.into_iter().all(|change| shard.is_repeat(change)))
    }

    /// Called while the shard is held.
    fn send(&self, effects: Effects, ticket: &Arc<Ticket>, rows: &mut RowChanges) -> Result<(), Gone> {
        ticket.add_part();
        let Effects { record, new_user_days } = effects;
        self.folder.send(CommitMessage::Folded(Folded {
            workspace: self.workspace,
            recorded: self.stamp.recorded,
            record,
            identities: None,
            audit: None,
            rows: rows.drain(),
            waiting: Waiting::Ticket { ticket: Arc::clone(ticket), new_user_days },
        }))
    }

    /// Changes who is who while every shard of the workspace is held.
    fn identify(
        &self,
        changes: &[IdentityChange],
        audit: Option<AuditEntry>,
        waiting: impl FnOnce(Vec<IdentityOutcome>) -> Waiting,
        rows: &mut RowChanges,
    ) -> Result<(), Gone> {
        if let Some(error) = self.folder.shards.full().filter(|_| changes.iter().any(needs_memory)) {
            waiting(Vec::new()).fail(error);
            return Ok(());
        }
        let mut held = self.shards.hold_all();
        let mut shards = held.iter_mut().map(|shard| &mut **shard);
        let mut identities = Identities::new(std::array::from_fn(|_| shards.next().expect("there are as many")));
        let outcomes = changes.iter().map(|change| identities.apply(*change, rows)).collect();
        let effects = identities.into_effects();
        self.folder.send(CommitMessage::Folded(Folded {
            workspace: self.workspace,
            recorded: self.stamp.recorded,
            record: LogRecord::default(),
            identities: Some(effects).filter(|effects| *effects != IdentityEffects::default()).map(Box::new),
            audit: audit.map(Box::new),
            rows: rows.drain(),
            waiting: waiting(outcomes),
        }))
    }
}

/// What a shard that is held is to remember of changes.
#[derive(Default)]
struct Effects {
    record: LogRecord,
    new_user_days: usize,
}

impl Effects {
    fn add(&mut self, job: &Job<'_>, shard: u8, Applied { effective, seen, .. }: &Applied) {
        if !effective.is_empty() {
            self.record.changes(job.workspace, shard, effective);
        }
        if !seen.is_empty() {
            self.record.seen(job.workspace, shard, job.stamp.recorded, seen);
        }
        self.new_user_days += effective.iter().filter(|change| matches!(change, Change::Active { .. })).count();
    }
}

/// Whether something may be known afterwards that was not before.
const fn needs_memory(change: &IdentityChange) -> bool {
    match change {
        IdentityChange::Link { .. }
        | IdentityChange::Claim { .. }
        | IdentityChange::Exclude { .. }
        | IdentityChange::Rename { .. }
        | IdentityChange::Replace { .. } => true,
        IdentityChange::Unlink { .. }
        | IdentityChange::Erase { .. }
        | IdentityChange::Include { .. }
        | IdentityChange::Remove { .. } => false,
    }
}

const fn claim(anonymous: ProfileKey, user: ProfileKey) -> IdentityChange {
    IdentityChange::Claim { anonymous, user }
}
