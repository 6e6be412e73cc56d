use std::collections::{BTreeMap, VecDeque};

use dauphin_core::Partition;
use dauphin_model::WorkspaceIndex;
use dauphin_model::limits::SHARD_COUNT;
use dauphin_store::{Batch, KeyRange, Table};

use crate::record::{PageKey, SeenKey, page_value};

/// A pass over the pages that changed, a few with each batch. When it ends, the log up to where it began is not needed.
pub(crate) struct Sweep {
    /// The last log record that the pages hold.
    pub until: u64,
    /// Of each shard, the page down to which it has come.
    shards: VecDeque<(WorkspaceIndex, u8, usize)>,
}

impl Sweep {
    /// Bytes of pages that one batch takes along.
    const BATCH_BYTES: usize = 1 << 20;

    /// Begins, with everything folded up to and with record `until`.
    pub fn begin(workspaces: &BTreeMap<WorkspaceIndex, Partition>, until: u64) -> Self {
        let shards = workspaces.iter().flat_map(|(workspace, partition)| {
            (0..SHARD_COUNT).zip(partition.shards()).map(|(number, shard)| (*workspace, number, shard.page_count()))
        });
        Self { until, shards: shards.collect() }
    }

    /// Puts the next pages; says whether that was all. They hold everything up to and with record `sequence`, whose
    /// changes are in the same batch.
    pub fn go_on(
        &mut self,
        workspaces: &mut BTreeMap<WorkspaceIndex, Partition>,
        sequence: u64,
        batch: &mut Batch,
    ) -> bool {
        let mut byte_count = 0;
        while byte_count < Self::BATCH_BYTES {
            let Some((workspace, number, below)) = self.shards.front_mut() else { return true };
            let (workspace, number) = (*workspace, *number);
            let partition = workspaces.get_mut(&workspace).expect("a workspace stays");
            let shard = &mut partition.shards_mut()[usize::from(number)];
            let Some(page) = shard.next_page(below) else {
                let key = |generation| SeenKey { workspace, shard: number, generation }.to_bytes();
                let (oldest, changed) = (shard.seen().oldest(), shard.seen_mut().take_dirty());
                if !changed.is_empty() {
                    batch.remove_range(Table::Seen, KeyRange::new(key(0), key(oldest)));
                }
                for (generation, bytes) in changed {
                    byte_count += bytes.len();
                    batch.put(Table::Seen, key(generation), page_value(sequence, &bytes));
                }
                self.shards.pop_front();
                continue;
            };
            let mut bytes = Vec::new();
            shard.write_page(page, &mut bytes);
            byte_count += bytes.len();
            let page = u32::try_from(page).expect("four billion profiles fill fewer pages");
            batch.put(Table::Page, PageKey { workspace, shard: number, page }.to_bytes(), page_value(sequence, &bytes));
        }
        self.shards.is_empty()
    }
}
