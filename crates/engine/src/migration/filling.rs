use std::collections::BTreeMap;

use dauphin_core::{Ledger, Partition};
use dauphin_model::WorkspaceIndex;
use dauphin_store::{Batch, Record, Store, StoreError, Table};

use super::SEQUENCE;
use crate::partition::Sweep;
use crate::record::{identity_key, identity_value, row_key};

/// A store that is filled, some megabytes a commit.
pub struct Filling<'a> {
    store: &'a mut dyn Store,
    batch: Batch,
}

/// A commit is made when it has so many bytes.
const COMMIT_BYTES: usize = 4 << 20;

impl<'a> Filling<'a> {
    pub const fn new(store: &'a mut dyn Store) -> Self {
        Self { store, batch: Batch::new() }
    }

    pub fn put(&mut self, table: Table, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> Result<(), StoreError> {
        self.batch.put(table, key, value);
        self.commit_if_full()
    }

    fn commit_if_full(&mut self) -> Result<(), StoreError> {
        if self.batch.byte_count() < COMMIT_BYTES { Ok(()) } else { self.commit() }
    }

    /// Makes durable what was put so far.
    pub fn commit(&mut self) -> Result<(), StoreError> {
        self.store.commit(std::mem::take(&mut self.batch))
    }

    /// Puts records in one commit, after all that was put before.
    pub fn put_at_once(&mut self, table: Table, records: &[Record]) -> Result<(), StoreError> {
        self.commit()?;
        records.iter().for_each(|(key, value)| self.batch.put(table, key.as_slice(), value.as_slice()));
        self.commit()
    }

    /// Puts everybody who lives in a partition, who they are, and what was seen lately.
    pub fn put_people(&mut self, workspaces: &mut BTreeMap<WorkspaceIndex, Partition>) -> Result<(), StoreError> {
        let mut sweep = Sweep::begin(workspaces, SEQUENCE);
        while !sweep.go_on(workspaces, SEQUENCE, &mut self.batch) {
            self.commit_if_full()?;
        }
        for (workspace, partition) in workspaces {
            for (profile, record) in partition.identities() {
                self.put(Table::Identity, identity_key(*workspace, profile), identity_value(&record))?;
            }
        }
        Ok(())
    }

    /// Puts the rows of each workspace, by number; says how many there are.
    pub fn put_rows(&mut self, ledgers: &[Ledger]) -> Result<usize, StoreError> {
        for (ledger, workspace) in ledgers.iter().zip(0..) {
            for (key, day, row) in ledger.rows() {
                let mut bytes = Vec::new();
                row.write(&mut bytes);
                self.put(Table::Row, row_key(WorkspaceIndex(workspace), key, day), bytes)?;
            }
        }
        Ok(ledgers.iter().map(Ledger::row_count).sum())
    }
}
