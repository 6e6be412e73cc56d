use std::collections::BTreeMap;

use dauphin_model::WorkspaceIndex;
use dauphin_store::{KeyRange, Record, Store, StoreError, Table};

use super::filling::Filling;
use crate::record::{Malformed, audit_key, audit_last_key};
use crate::restore::each_record;
use crate::{AuditRecord, RestoreError};

/// What belongs to a whole directory or cluster, as the store keeps it.
#[derive(Clone, Default)]
pub struct Settings {
    /// The records of the catalog, with the secret.
    pub catalog: Vec<Record>,
    /// The entries of each workspace's audit log, oldest first.
    pub audit: BTreeMap<WorkspaceIndex, Vec<Vec<u8>>>,
}

impl Settings {
    /// Reads those of a data directory.
    pub fn read(store: &dyn Store) -> Result<Self, RestoreError> {
        let mut settings = Self::default();
        each_record(store, Table::Catalog, &KeyRange::all(), &mut |key, value| {
            settings.catalog.push((key.to_vec(), value.to_vec()));
            Ok(())
        })?;
        each_record(store, Table::Audit, &KeyRange::all(), &mut |key, value| {
            let (log, sequence) = key.split_first_chunk().ok_or(Malformed)?;
            // The number of the latest entry alone follows from the others.
            if !sequence.is_empty() {
                AuditRecord::read(0, value)?;
                let log = WorkspaceIndex(u32::from_be_bytes(*log));
                settings.audit.entry(log).or_default().push(value.to_vec());
            }
            Ok(())
        })?;
        Ok(settings)
    }

    /// Puts them into a data directory: the audit log, and in the end, at once, the catalog. Without it nothing is set up.
    pub(super) fn write(&self, filling: &mut Filling<'_>) -> Result<(), StoreError> {
        for (log, entries) in &self.audit {
            for (entry, sequence) in entries.iter().zip(1_u64..) {
                filling.put(Table::Audit, audit_key(*log, sequence), entry.as_slice())?;
            }
            filling.put(Table::Audit, audit_last_key(*log), (entries.len() as u64).to_le_bytes())?;
        }
        filling.put_at_once(Table::Catalog, &self.catalog)
    }
}
