use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError};

use dauphin_core::{Change, RowChanges, Shard, Stamp};
use dauphin_model::WorkspaceIndex;

use crate::committer::{CommitMessage, Folded};
use crate::record::PageKey;
use crate::submission::Ticket;

/// What reaches a thread that owns shards.
pub(crate) enum FoldMessage {
    /// Apply these.
    Fold { workspace: WorkspaceIndex, shard: u8, changes: Vec<Change>, stamp: Stamp, ticket: Arc<Ticket> },
    /// Look at the flags.
    Wake,
    /// Stop once everything before this is folded.
    Close,
}

/// What others see of a folder, and ask of it, without a message.
#[derive(Default)]
pub(crate) struct FolderShared {
    /// Write every dirty page to the store.
    pub sweep_requested: AtomicBool,
    /// Bytes of memory the shards take.
    pub byte_count: AtomicUsize,
    /// Profiles in the shards.
    pub profile_count: AtomicUsize,
}

impl FolderShared {
    /// For a folder that begins with these shards.
    pub fn of(shards: &BTreeMap<(WorkspaceIndex, u8), Shard>) -> Self {
        let shared = Self::default();
        shards.values().for_each(|shard| shared.grow((0, 0), size_of_shard(shard)));
        shared
    }

    /// A shard went from one size to another; it may shrink when its memory is used better.
    fn grow(&self, before: (usize, usize), after: (usize, usize)) {
        self.byte_count.fetch_add(after.0.wrapping_sub(before.0), Ordering::Relaxed);
        self.profile_count.fetch_add(after.1.wrapping_sub(before.1), Ordering::Relaxed);
    }
}

/// Owns some shards of every workspace, and folds what arrives into them.
pub(crate) struct Folder {
    pub shards: BTreeMap<(WorkspaceIndex, u8), Shard>,
    pub inbox: Receiver<FoldMessage>,
    pub committer: SyncSender<CommitMessage>,
    pub shared: Arc<FolderShared>,
}

/// A pass over the dirty pages there were when it began. Pages born later wait for the next one: on disk, a page is only
/// ever followed by another when it is full.
type Sweep = VecDeque<(WorkspaceIndex, u8, std::ops::Range<usize>)>;

impl Folder {
    /// Pages written after each batch while a sweep runs, so that it ends however busy the folder is.
    const SWEEP_PAGES_PER_BATCH: usize = 2;

    /// Runs until told to close, or until the committer is gone.
    pub fn run(mut self) {
        let mut rows = RowChanges::new();
        let mut sweep: Option<Sweep> = None;
        loop {
            if self.shared.sweep_requested.swap(false, Ordering::AcqRel) {
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
            let sent = match message {
                FoldMessage::Fold { workspace, shard, changes, stamp, ticket } => {
                    self.fold(workspace, shard, &changes, stamp, ticket, &mut rows)
                }
                FoldMessage::Wake => true,
                FoldMessage::Close => return,
            };
            let swept = sweep.as_mut().is_none_or(|sweep| self.sweep_some(sweep));
            if !sent || !swept {
                return;
            }
            if sweep.as_ref().is_some_and(VecDeque::is_empty) {
                sweep = None;
                if self.committer.send(CommitMessage::Swept).is_err() {
                    return;
                }
            }
        }
    }

    /// Whether the committer is there to take the result.
    fn fold(
        &mut self,
        workspace: WorkspaceIndex,
        shard_number: u8,
        changes: &[Change],
        stamp: Stamp,
        ticket: Arc<Ticket>,
        rows: &mut RowChanges,
    ) -> bool {
        let shard = self.shards.entry((workspace, shard_number)).or_default();
        let before = size_of_shard(shard);
        let effective = shard.apply_all(changes, stamp, rows);
        let seen = shard.take_fresh();
        self.shared.grow(before, size_of_shard(shard));
        let (recorded, rows) = (stamp.recorded, rows.drain());
        let folded = Folded { workspace, shard: shard_number, recorded, effective, seen, rows, ticket };
        self.committer.send(CommitMessage::Folded(folded)).is_ok()
    }

    fn begin_sweep(&self) -> Sweep {
        self.shards.iter().map(|((workspace, number), shard)| (*workspace, *number, 0..shard.page_count())).collect()
    }

    /// Writes the next dirty pages, and drops shards that are done.
    fn sweep_some(&mut self, sweep: &mut Sweep) -> bool {
        for _ in 0..Self::SWEEP_PAGES_PER_BATCH {
            let Some((workspace, number, pages)) = sweep.front_mut() else { return true };
            let shard = self.shards.get_mut(&(*workspace, *number)).expect("shards are never dropped");
            let Some(page) = shard.next_dirty_page(pages.start).filter(|page| *page < pages.end) else {
                let (oldest, changed) = (shard.seen().oldest(), shard.seen_mut().take_dirty());
                let message = CommitMessage::Seen { workspace: *workspace, shard: *number, oldest, changed };
                sweep.pop_front();
                if self.committer.send(message).is_err() {
                    return false;
                }
                continue;
            };
            let mut bytes = Vec::new();
            shard.write_page(page, &mut bytes);
            pages.start = page + 1;
            let page = u32::try_from(page).expect("four billion profiles fill fewer pages");
            let key = PageKey { workspace: *workspace, shard: *number, page };
            if self.committer.send(CommitMessage::Page { key, bytes }).is_err() {
                return false;
            }
        }
        true
    }
}

/// Bytes of memory and profiles.
fn size_of_shard(shard: &Shard) -> (usize, usize) {
    (shard.byte_count(), shard.profile_count() as usize)
}
