use std::collections::BTreeMap;

use dauphin_core::{Ledger, Partition, RowChange, Seen, Shard};
use dauphin_model::WorkspaceIndex;
use dauphin_store::{KeyRange, Store, StoreError, Table};

use super::filling::Filling;
use super::{SEQUENCE, Settings};
use crate::record::{Progress, ROWS_SEQUENCE_KEY, RouteRecord, read_route};
use crate::restore::each_record;
use crate::{Catalog, RestoreError, Restored};

/// The partitions of a cluster that become one data directory, one after another.
pub struct Union {
    catalog: Catalog,
    /// As the only partition there is.
    workspaces: BTreeMap<WorkspaceIndex, Partition>,
    ledgers: Vec<Ledger>,
}

/// What was found in a partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Joined {
    /// How far it has folded its log.
    pub progress: Progress,
    /// Profiles that are on their way from or to another partition. While there are any, or a log was not folded to its
    /// end, people may be missing.
    pub moving_count: usize,
}

impl Union {
    /// Of nobody yet.
    pub fn new(catalog: Catalog) -> Self {
        let everybody = catalog.workspaces().iter().map(|workspace| (workspace.index, Partition::new(0, 1))).collect();
        let ledgers = std::iter::repeat_with(Ledger::default).take(catalog.workspaces().len()).collect();
        Self { catalog, workspaces: everybody, ledgers }
    }

    /// Adds what the store of a partition holds, which may take `byte_count_max` bytes of memory meanwhile.
    pub fn join(&mut self, store: &dyn Store, byte_count_max: usize) -> Result<Joined, RestoreError> {
        let Restored { rows, shards, .. } = Restored::read_part(&self.catalog, store, 1, byte_count_max)?;
        let mut moving_count = 0;
        each_record(store, Table::Route, &KeyRange::all(), &mut |key, value| {
            let (_, _, record) = read_route(key, value)?;
            let is_moving = match record {
                RouteRecord::Route(route) => route.draining || !route.waiting.is_empty(),
                RouteRecord::Forward(_) => true,
            };
            moving_count += usize::from(is_moving);
            Ok(())
        })?;
        for ((workspace, number), shard) in shards {
            let partition = self.workspaces.entry(workspace).or_insert_with(|| Partition::new(0, 1));
            shard.labels().for_each(|label| partition.settle(&shard.parcel_of(label)));
            let seen = partition.shards_mut()[usize::from(number)].seen_mut();
            *seen = Seen::united(&[seen, shard.seen()], &|_| true);
        }
        for (sum, ledger) in self.ledgers.iter_mut().zip(&rows.ledgers) {
            add(sum, ledger);
        }
        Ok(Joined { progress: rows.progress, moving_count })
    }

    /// Profiles and rows so far.
    pub fn counts(&self) -> (usize, usize) {
        let shards = self.workspaces.values().flat_map(Partition::shards);
        (shards.map(Shard::profile_count).sum(), self.ledgers.iter().map(Ledger::row_count).sum())
    }

    /// Fills the store of a data directory, which must be empty. What is set up comes last: without it the directory is
    /// none.
    pub fn write(mut self, settings: &Settings, store: &mut dyn Store) -> Result<(), StoreError> {
        let mut filling = Filling::new(store);
        filling.put_people(&mut self.workspaces)?;
        filling.put_rows(&self.ledgers)?;
        filling.put(Table::Row, ROWS_SEQUENCE_KEY, SEQUENCE.to_le_bytes())?;
        settings.write(&mut filling)
    }
}

/// Adds the parts of all rows; those that come to nothing vanish.
fn add(sum: &mut Ledger, ledger: &Ledger) {
    for (key, day, row) in ledger.rows() {
        for (recorded, cause, counts) in row.parts() {
            let change = |(bucket, delta): &(_, _)| RowChange { key, day, cause, bucket: *bucket, delta: *delta };
            sum.add(recorded, &counts.iter().map(change).collect::<Vec<_>>());
        }
    }
}
