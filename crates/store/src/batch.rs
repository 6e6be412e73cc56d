use crate::limits::{KEY_BYTE_COUNT_MAX, VALUE_BYTE_COUNT_MAX};
use crate::{KeyRange, StoreError, Table};

/// One change of one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The key holds the value from now on, whatever it held before.
    Put {
        /// Where the record lives.
        table: Table,
        /// Its key.
        key: Vec<u8>,
        /// Its new value.
        value: Vec<u8>,
    },
    /// The key holds nothing from now on. It need not have held anything.
    Remove {
        /// Where the record lives.
        table: Table,
        /// Its key.
        key: Vec<u8>,
    },
    /// No key of the range holds anything from now on.
    RemoveRange {
        /// Where the records live.
        table: Table,
        /// Their keys.
        keys: KeyRange,
    },
}

impl Change {
    /// The table that changes.
    pub fn table(&self) -> Table {
        match self {
            Self::Put { table, .. } | Self::Remove { table, .. } | Self::RemoveRange { table, .. } => *table,
        }
    }
}

/// Changes that belong together, in order. Keys and values are moved in, not copied.
///
/// ```
/// use dauphin_store::{Batch, KeyRange, Table};
///
/// let mut batch = Batch::new();
/// batch.put(Table::Page, *b"7", vec![1, 2, 3]);
/// batch.remove_range(Table::Log, KeyRange::new(*b"10", *b"20"));
/// assert_eq!((batch.change_count(), batch.byte_count()), (2, 8));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    changes: Vec<Change>,
    byte_count: usize,
}

impl Batch {
    /// A batch without changes.
    pub const fn new() -> Self {
        Self { changes: Vec::new(), byte_count: 0 }
    }

    /// Sets the value of a key.
    pub fn put(&mut self, table: Table, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        let (key, value) = (key.into(), value.into());
        self.byte_count += key.len() + value.len();
        self.changes.push(Change::Put { table, key, value });
    }

    /// Removes a key, if it is there.
    pub fn remove(&mut self, table: Table, key: impl Into<Vec<u8>>) {
        let key = key.into();
        self.byte_count += key.len();
        self.changes.push(Change::Remove { table, key });
    }

    /// Removes every key of a range.
    pub fn remove_range(&mut self, table: Table, keys: KeyRange) {
        self.byte_count += keys.byte_count();
        self.changes.push(Change::RemoveRange { table, keys });
    }

    /// The changes, in the order they were added.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// The changes, in the order they were added.
    pub fn into_changes(self) -> Vec<Change> {
        self.changes
    }

    /// How many changes there are.
    pub fn change_count(&self) -> usize {
        self.changes.len()
    }

    /// Whether there is no change.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// The bytes of all keys and values, what a caller bounds a group commit by.
    pub fn byte_count(&self) -> usize {
        self.byte_count
    }

    /// Refuses a key or value beyond the limits, before anything is written.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        for change in &self.changes {
            match change {
                Change::Put { table, key, value } => {
                    check_size(*table, "key", key.len(), KEY_BYTE_COUNT_MAX)?;
                    check_size(*table, "value", value.len(), VALUE_BYTE_COUNT_MAX)?;
                }
                // A longer key can be removed: it cannot be there.
                Change::Remove { .. } | Change::RemoveRange { .. } => {}
            }
        }
        Ok(())
    }
}

fn check_size(table: Table, what: &'static str, byte_count: usize, byte_count_max: usize) -> Result<(), StoreError> {
    if byte_count > byte_count_max {
        return Err(StoreError::TooLarge { table, what, byte_count, byte_count_max });
    }
    Ok(())
}
