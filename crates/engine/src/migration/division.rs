use std::collections::BTreeMap;

use dauphin_core::{Ledger, Partition, Route, RowChange, Seen, Shard};
use dauphin_model::{Cause, ProfileKey, WorkspaceIndex};
use dauphin_store::{Store, StoreError, Table};

use super::filling::Filling;
use super::{SEQUENCE, moved_day};
use crate::Restored;
use crate::record::{PROGRESS_KEY, Progress, route_key, route_value};

/// A data directory that is divided among the partitions of a cluster, the last one first.
///
/// Each partition's rows are those of the people who live there, as one part. The first partition, which comes last, has
/// beyond its own what makes the sum the directory's ledger, part by part; and all sessions and uninstalls, which are
/// nobody's.
pub struct Division {
    restored: Restored,
    count: u16,
    /// Partitions that are not written yet: those below this one.
    left: u16,
}

impl Division {
    /// Of a directory into so many partitions, at least one.
    pub const fn new(restored: Restored, count: u16) -> Self {
        Self { restored, count, left: count }
    }

    /// The partition that is written next.
    pub fn next_partition(&self) -> Option<u16> {
        self.left.checked_sub(1)
    }

    /// Profiles and rows of the directory.
    pub fn counts(&self) -> (usize, usize) {
        let profiles = self.restored.shards.values().map(Shard::profile_count).sum();
        (profiles, self.restored.rows.ledgers.iter().map(Ledger::row_count).sum())
    }

    /// Workspaces with rows: their zones stay.
    pub fn workspaces_with_data(&self) -> Vec<WorkspaceIndex> {
        let numbered = self.restored.rows.ledgers.iter().zip(0..);
        numbered.filter(|(ledger, _)| ledger.row_count() > 0).map(|(_, number)| WorkspaceIndex(number)).collect()
    }

    /// Fills the store of the next partition, which must be empty. The record that says how far it is comes last: without
    /// it no row of it counts.
    pub fn write_next(&mut self, store: &mut dyn Store) -> Result<(), StoreError> {
        let Some(number) = self.next_partition() else { return Ok(()) };
        let mut filling = Filling::new(store);
        let mut workspaces = BTreeMap::new();
        for workspace in self.restored.rows.catalog.workspaces() {
            workspaces.insert(workspace.index, self.people(workspace.index, number, &mut filling)?);
        }
        filling.put_people(&mut workspaces)?;
        if number > 0 {
            filling.put_rows(&self.take_rows(&workspaces))?;
        } else {
            filling.put_rows(&self.restored.rows.ledgers)?;
        }
        let progress = Progress { sequence: SEQUENCE, ..Progress::default() };
        filling.put(Table::Row, PROGRESS_KEY, progress.to_bytes())?;
        filling.commit()?;
        self.left = number;
        Ok(())
    }

    /// Everybody who is to live in a partition, and what it has to remember. Puts where those live who belong there by
    /// their keys, and live with the rest of their person.
    fn people(
        &self,
        workspace: WorkspaceIndex,
        number: u16,
        filling: &mut Filling<'_>,
    ) -> Result<Partition, StoreError> {
        let is_own = |profile: ProfileKey| profile.partition(self.count) == number;
        let mut partition = Partition::new(number, self.count);
        let shards = self.restored.shards.iter().filter(|((of, _), _)| *of == workspace);
        for ((_, shard_number), shard) in shards {
            for label in shard.labels() {
                if is_own(label) {
                    partition.settle(&shard.parcel_of(label));
                    continue;
                }
                let route = Route::settled(label.partition(self.count));
                for profile in shard.person_of(label).into_iter().filter(|profile| is_own(*profile)) {
                    filling.put(Table::Route, route_key(0, workspace, profile), route_value(&route))?;
                }
            }
            // An uninstall's fingerprint has the shard and the partition of who removed the app.
            let is_kept = |fingerprint| is_own(ProfileKey::from_u128(fingerprint));
            *partition.shards_mut()[usize::from(*shard_number)].seen_mut() = Seen::united(&[shard.seen()], &is_kept);
        }
        Ok(partition)
    }

    /// The rows of the people who live in a partition, taken from those that are left for the first one.
    fn take_rows(&mut self, workspaces: &BTreeMap<WorkspaceIndex, Partition>) -> Vec<Ledger> {
        let rest = self.restored.rows.ledgers.iter_mut();
        let taken = rest.zip(workspaces.values()).map(|(rest, partition)| {
            let mut own = Ledger::default();
            for shard in partition.shards() {
                shard.contributions(Cause::Import, &mut |changes| {
                    own.add(moved_day(), changes);
                    let negated: Vec<_> =
                        changes.iter().map(|change| RowChange { delta: -change.delta, ..*change }).collect();
                    rest.add(moved_day(), &negated);
                });
            }
            own
        });
        taken.collect()
    }
}
