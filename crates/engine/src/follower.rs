use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use dauphin_core::{Bucket, History, Ledger, LedgerRow, RowChange, Rows};
use dauphin_model::{ActiveDay, Cause, RowKey, WorkspaceIndex};

use crate::record::{Malformed, PROGRESS_KEY, Progress, split_row_key};

/// The rows of all partitions added up, kept true while they change: all that answering needs.
///
/// Records come partition by partition in the order in which they were committed. A commit shows as a whole, when the
/// record that ends it comes.
pub struct Follower {
    partitions: Vec<Followed>,
    ledgers: Vec<Ledger>,
    rows: Vec<Arc<Rows>>,
}

/// One partition, as far as it was read.
#[derive(Default)]
struct Followed {
    rows: HashMap<(WorkspaceIndex, RowKey, ActiveDay), Box<[u8]>>,
    progress: Progress,
    /// Rows of a commit whose end has not come.
    coming: Vec<(WorkspaceIndex, RowKey, ActiveDay, Vec<u8>)>,
}

impl Follower {
    /// Follows so many partitions, from the start.
    pub fn new(partition_count: u16) -> Self {
        let partitions = (0..partition_count).map(|_| Followed::default()).collect();
        Self { partitions, ledgers: Vec::new(), rows: Vec::new() }
    }

    /// Takes the next record of a partition's rows; says whether it ended a commit.
    pub fn take(&mut self, partition: u16, key: &[u8], value: &[u8]) -> Result<bool, Malformed> {
        let followed = self.partitions.get_mut(usize::from(partition)).ok_or(Malformed)?;
        if key == PROGRESS_KEY {
            followed.progress = Progress::read(value)?;
            let coming = std::mem::take(&mut followed.coming);
            for (workspace, key, day, bytes) in coming {
                self.apply(partition, (workspace, key, day), bytes)?;
            }
            return Ok(true);
        }
        let (workspace, row_key, day) = split_row_key(key)?;
        followed.coming.push((workspace, row_key, day, value.to_vec()));
        Ok(false)
    }

    fn apply(
        &mut self,
        partition: u16,
        of: (WorkspaceIndex, RowKey, ActiveDay),
        bytes: Vec<u8>,
    ) -> Result<(), Malformed> {
        let (workspace, key, day) = of;
        let now = LedgerRow::read(&bytes).map_err(|_| Malformed)?;
        let followed = &mut self.partitions[usize::from(partition)];
        let before = match followed.rows.insert(of, bytes.into_boxed_slice()) {
            Some(bytes) => LedgerRow::read(&bytes).map_err(|_| Malformed)?,
            None => LedgerRow::default(),
        };
        let count = workspace.0 as usize + 1;
        if self.ledgers.len() < count {
            self.ledgers.resize_with(count, Ledger::default);
            self.rows.resize_with(count, Arc::default);
        }
        for ((recorded, cause), buckets) in difference(&before, &now) {
            let changes = buckets.into_iter().filter(|(_, delta)| *delta != 0);
            let changes: Vec<_> = changes.map(|(bucket, delta)| RowChange { key, day, cause, bucket, delta }).collect();
            self.ledgers[workspace.0 as usize].add(recorded, &changes);
        }
        // Of several causes, one may take what another gives: only their sum is a row.
        let changes: Vec<_> = negated(before.changes(key, day)).chain(now.changes(key, day)).collect();
        Arc::make_mut(&mut self.rows[workspace.0 as usize]).add(&changes);
        Ok(())
    }

    /// How far a partition is.
    pub fn progress(&self, partition: u16) -> Progress {
        self.partitions.get(usize::from(partition)).map(|followed| followed.progress).unwrap_or_default()
    }

    /// Today's rows of each workspace with rows, by number, shared.
    pub fn rows(&self) -> Vec<Arc<Rows>> {
        self.rows.clone()
    }

    /// Rows of a workspace in their parts, one history for each of `keys`, shared.
    pub fn history(&self, workspace: WorkspaceIndex, keys: &[RowKey]) -> Vec<Arc<History>> {
        let ledger = self.ledgers.get(workspace.0 as usize);
        keys.iter().map(|key| ledger.map(|of| of.history(*key)).unwrap_or_default()).collect()
    }

    /// Bytes of memory held, about.
    pub fn byte_count(&self) -> usize {
        let rows = self.rows.iter().map(|rows| rows.byte_count()).sum::<usize>();
        let ledgers = self.ledgers.iter().map(Ledger::byte_count).sum::<usize>();
        let partitions = self.partitions.iter().flat_map(|followed| followed.rows.values());
        rows + ledgers + partitions.map(|bytes| bytes.len() + 64).sum::<usize>()
    }
}

/// Parts by when they were recorded and why, with what each bucket gains.
type Parts = BTreeMap<(ActiveDay, Cause), BTreeMap<Bucket, i64>>;

fn difference(before: &LedgerRow, now: &LedgerRow) -> Parts {
    let mut parts = Parts::new();
    for (row, sign) in [(before, -1), (now, 1)] {
        for (recorded, cause, buckets) in row.parts() {
            let part = parts.entry((recorded, cause)).or_default();
            for (bucket, count) in buckets {
                *part.entry(*bucket).or_default() += sign * count;
            }
        }
    }
    parts
}

fn negated(changes: Vec<RowChange>) -> impl Iterator<Item = RowChange> {
    changes.into_iter().map(|change| RowChange { delta: -change.delta, ..change })
}
