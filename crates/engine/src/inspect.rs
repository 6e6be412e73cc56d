use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use dauphin_model::{Day, Measure, RowKey, Scope};
use dauphin_store::{KeyRange, Store, Table};

use crate::{RestoreError, Restored, Workspace};

/// What a data directory holds, for people.
pub struct Inspection {
    /// Each workspace, by number.
    pub workspaces: Vec<WorkspaceInspection>,
    /// Records of the log that are not folded into pages yet.
    pub log_record_count: usize,
    /// Their bytes.
    pub log_byte_count: usize,
    /// Each table, by number.
    pub tables: Vec<TableInspection>,
    /// Bytes the store takes where it is kept.
    pub file_byte_count: u64,
}

/// What a workspace holds.
pub struct WorkspaceInspection {
    /// What was set up.
    pub workspace: Arc<Workspace>,
    /// Profiles known.
    pub profile_count: usize,
    /// The first and the last day with activity.
    pub days: Option<(Day, Day)>,
    /// Rows of each measure: a row is a day of an app or of the workspace.
    pub rows: Vec<(&'static str, usize)>,
}

/// What a table holds.
pub struct TableInspection {
    /// Its name.
    pub name: &'static str,
    /// Its records.
    pub record_count: u64,
    /// The bytes of its keys and values.
    pub byte_count: u64,
}

impl Inspection {
    /// Reads everything, with `thread_count` threads for the calendars, which may take `byte_count_max` bytes of memory.
    pub fn of(store: &dyn Store, thread_count: usize, byte_count_max: usize) -> Result<Self, RestoreError> {
        let restored = Restored::read_within(store, thread_count, byte_count_max)?;
        let workspaces = restored.rows.catalog.workspaces().iter().map(|workspace| {
            let index = workspace.index;
            let shards = restored.shards.iter().filter(|((of, _), _)| *of == index);
            let days = restored.rows.rows[index.0 as usize].of(RowKey::active(Scope::Workspace)).days();
            let mut counts = BTreeMap::<Measure, usize>::new();
            for (key, _, _) in restored.rows.ledgers[index.0 as usize].rows() {
                *counts.entry(key.measure).or_default() += 1;
            }
            WorkspaceInspection {
                workspace: Arc::clone(workspace),
                profile_count: shards.map(|(_, shard)| shard.profile_count()).sum(),
                days: days.map(|days| (days.start().day(), days.end().day())),
                rows: Measure::ALL.map(|measure| (word(measure), counts.get(&measure).copied().unwrap_or(0))).into(),
            }
        });
        Ok(Self {
            workspaces: workspaces.collect(),
            log_record_count: restored.rows.log.len(),
            log_byte_count: restored.rows.log.iter().map(|(_, byte_count)| byte_count).sum(),
            tables: Table::ALL.into_iter().map(|table| TableInspection::of(store, table)).collect::<Result<_, _>>()?,
            file_byte_count: store.byte_count()?,
        })
    }
}

impl TableInspection {
    fn of(store: &dyn Store, table: Table) -> Result<Self, RestoreError> {
        let mut inspection = Self { name: table.name(), record_count: 0, byte_count: 0 };
        store.scan(table, &KeyRange::all(), &mut |key, value| {
            inspection.record_count += 1;
            inspection.byte_count += (key.len() + value.len()) as u64;
            ControlFlow::Continue(())
        })?;
        Ok(inspection)
    }
}

const fn word(measure: Measure) -> &'static str {
    match measure {
        Measure::Active => "active_users",
        Measure::Sessions => "sessions",
        Measure::Uninstalls => "uninstalls",
    }
}
