use std::collections::{BTreeMap, VecDeque};
use std::ops::ControlFlow;

use dauphin_core::{Identities, Ledger, LedgerRow, Move, Rows, Shard};
use dauphin_model::WorkspaceIndex;
use dauphin_model::limits::SHARD_COUNT;
use dauphin_store::{KeyRange, Store, StoreError, Table};

use crate::Catalog;
use crate::record::{
    LogEntry, LogRecord, Malformed, PageKey, ROWS_SEQUENCE_KEY, SeenKey, log_sequence, read_catalog,
    read_identity_value, split_identity_key, split_page_value, split_row_key,
};
use crate::row_sums::RowSums;

/// Why what is stored could not be read back.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The store itself.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A record that cannot be what this software wrote.
    #[error("a record of the table `{0}` is damaged; restore the data directory from a copy")]
    Malformed(Table),
    /// The data directory was made but not set up.
    #[error("the data directory has no workspace yet; set it up with `dauphin init`")]
    Empty,
}

/// The catalog and the gap rows: all that answering needs.
pub struct RestoredRows {
    /// What was set up.
    pub catalog: Catalog,
    /// Today's rows of each workspace, by number.
    pub rows: Vec<Rows>,
    /// The same in parts: when each was recorded, and why.
    pub ledgers: Vec<Ledger>,
    /// The last log record whose changes the stored rows hold.
    pub(crate) rows_sequence: u64,
    /// The log records in the store: sequence and size.
    pub(crate) log: VecDeque<(u64, usize)>,
}

/// Everything: the rows, and the calendars they were made from.
pub struct Restored {
    /// The catalog and the gap rows.
    pub rows: RestoredRows,
    pub(crate) shards: BTreeMap<(WorkspaceIndex, u8), Shard>,
    pub(crate) next_sequence: u64,
}

impl RestoredRows {
    /// Reads the catalog and the rows.
    pub fn read(store: &dyn Store) -> Result<Self, RestoreError> {
        let catalog = read_catalog(store)?
            .map_err(|Malformed| RestoreError::Malformed(Table::Catalog))?
            .ok_or(RestoreError::Empty)?;
        let count = catalog.workspaces().len();
        let mut restored = Self {
            catalog,
            rows: vec![Rows::default(); count],
            ledgers: std::iter::repeat_with(Ledger::default).take(count).collect(),
            rows_sequence: 0,
            log: VecDeque::new(),
        };
        each_record(store, Table::Row, &KeyRange::all(), &mut |key, value| restored.take_row(key, value))?;
        each_record(store, Table::Log, &KeyRange::all(), &mut |key, value| restored.take_log(key, value))?;
        Ok(restored)
    }

    fn take_row(&mut self, key: &[u8], value: &[u8]) -> Result<(), Malformed> {
        if key == ROWS_SEQUENCE_KEY {
            self.rows_sequence = u64::from_le_bytes(value.try_into().map_err(|_| Malformed)?);
            return Ok(());
        }
        let (workspace, row_key, day) = split_row_key(key)?;
        let row = LedgerRow::read(value).map_err(|_| Malformed)?;
        let index = workspace.0 as usize;
        self.rows.get_mut(index).ok_or(Malformed)?.add(&row.changes(row_key, day));
        self.ledgers[index].insert(row_key, day, row);
        Ok(())
    }

    fn take_log(&mut self, key: &[u8], value: &[u8]) -> Result<(), Malformed> {
        let sequence = log_sequence(key)?;
        self.log.push_back((sequence, value.len()));
        if sequence <= self.rows_sequence {
            return Ok(());
        }
        let mut sums = RowSums::default();
        LogRecord::read(value, &|shard| shard.is_none(), &mut |entry| {
            let LogEntry::Rows { workspace, recorded, changes } = entry else { return Ok(()) };
            self.ledgers.get_mut(workspace.0 as usize).ok_or(Malformed)?.add(recorded, &changes);
            sums.add(workspace, recorded, changes);
            Ok(())
        })?;
        sums.by_workspace().for_each(|(workspace, changes)| self.rows[workspace.0 as usize].add(&changes));
        Ok(())
    }
}

impl Restored {
    /// Reads everything, with `thread_count` threads for the calendars.
    pub fn read(store: &dyn Store, thread_count: usize) -> Result<Self, RestoreError> {
        let rows = RestoredRows::read(store)?;
        let workspaces: Vec<_> = rows.catalog.workspaces().iter().map(|workspace| workspace.index).collect();
        let thread_count = u8::try_from(thread_count).unwrap_or(SHARD_COUNT).clamp(1, SHARD_COUNT);
        let parts = std::thread::scope(|scope| {
            let workspaces = &workspaces;
            let threads: Vec<_> = (0..thread_count)
                .map(|thread| scope.spawn(move || ShardReader::read(store, workspaces, thread, thread_count)))
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect::<Result<Vec<_>, _>>()
        })?;
        let last_log = rows.log.back().map_or(0, |(sequence, _)| *sequence);
        let last_page = parts.iter().map(|part| part.last_sequence).max().unwrap_or(0);
        let next_sequence = rows.rows_sequence.max(last_log).max(last_page) + 1;
        let mut shards: BTreeMap<_, _> = parts.into_iter().flat_map(|part| part.shards).collect();
        shards.values_mut().for_each(Shard::restored);
        for workspace in &workspaces {
            restore_identities(store, *workspace, &mut shards)?;
        }
        Ok(Self { rows, shards, next_sequence })
    }
}

/// Fills the shards of one thread: from their pages, then from the log.
struct ShardReader {
    shards: BTreeMap<(WorkspaceIndex, u8), Shard>,
    /// The log record up to which what each shard has seen is complete.
    seen_sequences: BTreeMap<(WorkspaceIndex, u8), u64>,
    last_sequence: u64,
}

impl ShardReader {
    fn read(
        store: &dyn Store,
        workspaces: &[WorkspaceIndex],
        thread: u8,
        thread_count: u8,
    ) -> Result<Self, RestoreError> {
        let mut reader = Self { shards: BTreeMap::new(), seen_sequences: BTreeMap::new(), last_sequence: 0 };
        let mine = |shard: u8| shard % thread_count == thread;
        for workspace in workspaces {
            for shard in (0..SHARD_COUNT).filter(|shard| mine(*shard)) {
                let keys = KeyRange::prefix(PageKey::prefix(*workspace, shard));
                each_record(store, Table::Page, &keys, &mut |key, value| reader.take_page(key, value))?;
                let keys = KeyRange::prefix(SeenKey::prefix(*workspace, shard));
                each_record(store, Table::Seen, &keys, &mut |key, value| reader.take_seen(key, value))?;
            }
        }
        each_record(store, Table::Log, &KeyRange::all(), &mut |key, value| {
            let sequence = log_sequence(key)?;
            LogRecord::read(value, &|shard| shard.is_some_and(mine), &mut |entry| {
                reader.replay(sequence, workspaces, entry)
            })
        })?;
        Ok(reader)
    }

    fn take_page(&mut self, key: &[u8], value: &[u8]) -> Result<(), Malformed> {
        let key = PageKey::from_bytes(key)?;
        let (sequence, page) = split_page_value(value)?;
        let shard = self.shards.entry((key.workspace, key.shard)).or_default();
        shard.load_page(key.page as usize, page, sequence).map_err(|_| Malformed)?;
        self.last_sequence = self.last_sequence.max(sequence);
        Ok(())
    }

    fn take_seen(&mut self, key: &[u8], value: &[u8]) -> Result<(), Malformed> {
        let key = SeenKey::from_bytes(key)?;
        let (sequence, generation) = split_page_value(value)?;
        let shard = self.shards.entry((key.workspace, key.shard)).or_default();
        shard.seen_mut().load(key.generation, generation).map_err(|_| Malformed)?;
        // Only the last one grows, so it was written with the latest record.
        self.seen_sequences.insert((key.workspace, key.shard), sequence);
        self.last_sequence = self.last_sequence.max(sequence);
        Ok(())
    }

    /// Makes again what the pages do not hold yet.
    fn replay(&mut self, sequence: u64, workspaces: &[WorkspaceIndex], entry: LogEntry) -> Result<(), Malformed> {
        let (workspace, number) = match &entry {
            LogEntry::Rows { .. } => return Ok(()),
            LogEntry::Changes { workspace, shard, .. }
            | LogEntry::Seen { workspace, shard, .. }
            | LogEntry::Move { workspace, moved: Move::Arrived { shard, .. } | Move::Left { shard, .. } } => {
                (*workspace, *shard)
            }
        };
        if !workspaces.contains(&workspace) {
            return Err(Malformed);
        }
        let shard = self.shards.entry((workspace, number)).or_default();
        match entry {
            LogEntry::Rows { .. } => {}
            LogEntry::Changes { changes, .. } => changes.iter().for_each(|change| shard.replay(change, sequence)),
            LogEntry::Move { moved: Move::Arrived { profile, calendars, .. }, .. } => {
                shard.replay_arrived(profile, &calendars, sequence).map_err(|_| Malformed)?;
            }
            LogEntry::Move { moved: Move::Left { profile, .. }, .. } => shard.replay_left(profile),
            LogEntry::Seen { recorded, fingerprints, .. } => {
                let held = self.seen_sequences.get(&(workspace, number)).copied().unwrap_or(0);
                for fingerprint in fingerprints.into_iter().filter(|_| sequence > held) {
                    // A generation may hold more than its sequence says: then this changes nothing.
                    shard.seen_mut().insert(fingerprint, recorded);
                }
            }
        }
        Ok(())
    }
}

/// Puts back who is who in one workspace. Every calendar is in place already.
fn restore_identities(
    store: &dyn Store,
    workspace: WorkspaceIndex,
    shards: &mut BTreeMap<(WorkspaceIndex, u8), Shard>,
) -> Result<(), RestoreError> {
    let mut of_workspace: [Shard; SHARD_COUNT as usize] = std::array::from_fn(|_| Shard::default());
    for (number, shard) in (0..SHARD_COUNT).zip(&mut of_workspace) {
        *shard = shards.remove(&(workspace, number)).unwrap_or_default();
    }
    let mut identities = Identities::new(of_workspace.each_mut());
    let keys = KeyRange::prefix(workspace.0.to_be_bytes());
    each_record(store, Table::Identity, &keys, &mut |key, value| {
        let (_, profile) = split_identity_key(key)?;
        identities.restore(profile, read_identity_value(value)?);
        Ok(())
    })?;
    shards.extend((0..SHARD_COUNT).map(|number| (workspace, number)).zip(of_workspace));
    Ok(())
}

/// Takes one record, key and value.
type TakeRecord<'a> = dyn FnMut(&[u8], &[u8]) -> Result<(), Malformed> + 'a;

/// Scans, and names the table whose record is malformed.
fn each_record(
    store: &dyn Store,
    table: Table,
    keys: &KeyRange,
    take: &mut TakeRecord<'_>,
) -> Result<(), RestoreError> {
    let mut malformed = false;
    store.scan(table, keys, &mut |key, value| match take(key, value) {
        Ok(()) => ControlFlow::Continue(()),
        Err(Malformed) => {
            malformed = true;
            ControlFlow::Break(())
        }
    })?;
    if malformed { Err(RestoreError::Malformed(table)) } else { Ok(()) }
}
