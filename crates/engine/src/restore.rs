mod shards;

use std::collections::{BTreeMap, VecDeque};
use std::ops::ControlFlow;

use dauphin_core::{Ledger, LedgerRow, Rows, Shard};
use dauphin_model::WorkspaceIndex;
use dauphin_model::limits::SHARD_COUNT;
use dauphin_store::{KeyRange, Store, StoreError, Table};

use crate::Catalog;
use crate::memory::Memory;
use crate::record::{
    LogEntry, LogRecord, Malformed, PROGRESS_KEY, Progress, ROWS_SEQUENCE_KEY, log_sequence, read_catalog,
    split_row_key,
};
use crate::row_sums::RowSums;
use shards::{Room, ShardReader};

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
    /// More than may be held in memory. Reading ended before it was taken.
    #[error(
        "the data directory has {profile_count} users or more, and the {} MiB of memory that they may take hold about \
         {profile_count_max} of them; give the process more memory, or allow it more with --memory-max",
        byte_count_max >> 20
    )]
    TooLarge {
        /// Users there are, at least: those that the log alone knows were not counted.
        profile_count: usize,
        /// Users that fit.
        profile_count_max: usize,
        /// The bytes that the state may take.
        byte_count_max: usize,
    },
}

/// The catalog and the gap rows: all that answering needs.
pub struct RestoredRows {
    /// What was set up.
    pub catalog: Catalog,
    /// Today's rows of each workspace, by number.
    pub rows: Vec<Rows>,
    /// The same in parts: when each was recorded, and why.
    pub ledgers: Vec<Ledger>,
    /// The last log record whose changes the stored rows hold; of a partition also how far it is.
    pub(crate) progress: Progress,
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
        let mut restored = Self::of_catalog(store)?;
        restored.read_rows(store)?;
        Ok(restored)
    }

    /// Reads the catalog alone.
    fn of_catalog(store: &dyn Store) -> Result<Self, RestoreError> {
        let catalog = read_catalog(store)?
            .map_err(|Malformed| RestoreError::Malformed(Table::Catalog))?
            .ok_or(RestoreError::Empty)?;
        Ok(Self::empty(catalog))
    }

    /// No row yet.
    fn empty(catalog: Catalog) -> Self {
        let count = catalog.workspaces().len();
        let ledgers = std::iter::repeat_with(Ledger::default).take(count).collect();
        let (rows, progress) = (vec![Rows::default(); count], Progress::default());
        Self { catalog, rows, ledgers, progress, log: VecDeque::new() }
    }

    fn read_rows(&mut self, store: &dyn Store) -> Result<(), RestoreError> {
        each_record(store, Table::Row, &KeyRange::all(), &mut |key, value| Ok(self.take_row(key, value)?))?;
        each_record(store, Table::Log, &KeyRange::all(), &mut |key, value| Ok(self.take_log(key, value)?))
    }

    fn take_row(&mut self, key: &[u8], value: &[u8]) -> Result<(), Malformed> {
        if key == ROWS_SEQUENCE_KEY || key == PROGRESS_KEY {
            self.progress = Progress::read(value)?;
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
        if sequence <= self.progress.sequence {
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
        Self::read_within(store, thread_count, usize::MAX)
    }

    /// As [`Restored::read`], but ends with [`RestoreError::TooLarge`] when profiles, calendars and rows need more bytes
    /// of memory than `byte_count_max`.
    pub fn read_within(store: &dyn Store, thread_count: usize, byte_count_max: usize) -> Result<Self, RestoreError> {
        Self::read_into(RestoredRows::of_catalog(store)?, store, thread_count, byte_count_max)
    }

    /// As [`Restored::read_within`], for a store that holds no catalog of its own.
    pub fn read_part(
        catalog: &Catalog,
        store: &dyn Store,
        thread_count: usize,
        byte_count_max: usize,
    ) -> Result<Self, RestoreError> {
        Self::read_into(RestoredRows::empty(catalog.clone()), store, thread_count, byte_count_max)
    }

    fn read_into(
        mut rows: RestoredRows,
        store: &dyn Store,
        thread_count: usize,
        byte_count_max: usize,
    ) -> Result<Self, RestoreError> {
        let workspaces: Vec<_> = rows.catalog.workspaces().iter().map(|workspace| workspace.index).collect();
        let thread_count = u8::try_from(thread_count).unwrap_or(SHARD_COUNT).clamp(1, SHARD_COUNT);
        let room = Room::new(store, &workspaces, Memory::new(byte_count_max))?;
        let parts = std::thread::scope(|scope| {
            let reader = ShardReader { store, workspaces: &workspaces, room: &room, thread_count };
            let threads: Vec<_> = (0..thread_count).map(|thread| scope.spawn(move || reader.read(thread))).collect();
            // Rows are few beside profiles, so this thread reads them meanwhile.
            let read = rows.read_rows(store).and_then(|()| room.take_rows(&rows.ledgers));
            let parts = threads
                .into_iter()
                .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            parts.collect::<Result<Vec<_>, _>>().and_then(|parts| read.map(|()| parts))
        })?;
        let last_log = rows.log.back().map_or(0, |(sequence, _)| *sequence);
        let last_page = parts.iter().map(|part| part.last_sequence).max().unwrap_or(0);
        let next_sequence = rows.progress.sequence.max(last_log).max(last_page) + 1;
        let shards = parts.into_iter().flat_map(|part| part.shards).collect();
        Ok(Self { rows, shards, next_sequence })
    }
}

/// Why reading a table ended before its end.
pub(crate) enum Ended {
    Malformed,
    For(RestoreError),
}

impl From<Malformed> for Ended {
    fn from(Malformed: Malformed) -> Self {
        Self::Malformed
    }
}

impl From<RestoreError> for Ended {
    fn from(error: RestoreError) -> Self {
        Self::For(error)
    }
}

/// Takes one record, key and value.
pub(crate) type TakeRecord<'a> = dyn FnMut(&[u8], &[u8]) -> Result<(), Ended> + 'a;

/// Scans, and names the table whose record is malformed.
pub(crate) fn each_record(
    store: &dyn Store,
    table: Table,
    keys: &KeyRange,
    take: &mut TakeRecord<'_>,
) -> Result<(), RestoreError> {
    let mut ended = Ok(());
    store.scan(table, keys, &mut |key, value| match take(key, value) {
        Ok(()) => ControlFlow::Continue(()),
        Err(why) => {
            ended = Err(why);
            ControlFlow::Break(())
        }
    })?;
    ended.map_err(|why| match why {
        Ended::Malformed => RestoreError::Malformed(table),
        Ended::For(error) => error,
    })
}
