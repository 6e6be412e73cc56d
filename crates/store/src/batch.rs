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
/// In a cluster a batch also carries what else becomes true with its changes: messages for other partitions, and replies
/// to waiting gateways. A store of one machine refuses those.
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
    pub(crate) changes: Vec<Change>,
    pub(crate) relays: Vec<Relay>,
    pub(crate) replies: Vec<Vec<u8>>,
    byte_count: usize,
}

/// A message for the input of a partition of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relay {
    /// Whose input it joins.
    pub partition: u16,
    /// The message.
    pub value: Vec<u8>,
}

impl Batch {
    /// A batch without changes.
    pub const fn new() -> Self {
        Self { changes: Vec::new(), relays: Vec::new(), replies: Vec::new(), byte_count: 0 }
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

    /// Adds a message to the input of a partition of the cluster, after all that is there.
    pub fn relay(&mut self, partition: u16, value: impl Into<Vec<u8>>) {
        let value = value.into();
        self.byte_count += value.len();
        self.relays.push(Relay { partition, value });
    }

    /// Tells those who follow this partition's rows something, once: it is read after the rows of this batch, and is
    /// not kept.
    pub fn reply(&mut self, value: impl Into<Vec<u8>>) {
        let value = value.into();
        self.byte_count += value.len();
        self.replies.push(value);
    }

    /// The changes, in the order they were added.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// The changes, in the order they were added.
    pub fn into_changes(self) -> Vec<Change> {
        self.changes
    }

    /// The messages for partitions, in the order they were added.
    pub fn relays(&self) -> &[Relay] {
        &self.relays
    }

    /// The replies, in the order they were added.
    pub fn replies(&self) -> &[Vec<u8>] {
        &self.replies
    }

    /// How many changes there are.
    pub fn change_count(&self) -> usize {
        self.changes.len()
    }

    /// Whether there is nothing to commit.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && !self.is_of_a_cluster()
    }

    /// Whether it has what only a store of a cluster takes.
    pub(crate) fn is_of_a_cluster(&self) -> bool {
        !self.relays.is_empty() || !self.replies.is_empty()
    }

    /// The bytes of all keys, values and messages, what a caller bounds a group commit by.
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
        let relays = self.relays.iter().map(|relay| ("relayed message", relay.value.len()));
        let replies = self.replies.iter().map(|reply| ("reply", reply.len()));
        match relays.chain(replies).find(|(_, byte_count)| *byte_count > VALUE_BYTE_COUNT_MAX) {
            Some((what, byte_count)) => {
                Err(StoreError::MessageTooLarge { what, byte_count, byte_count_max: VALUE_BYTE_COUNT_MAX })
            }
            None => Ok(()),
        }
    }
}

fn check_size(table: Table, what: &'static str, byte_count: usize, byte_count_max: usize) -> Result<(), StoreError> {
    if byte_count > byte_count_max {
        return Err(StoreError::TooLarge { table, what, byte_count, byte_count_max });
    }
    Ok(())
}
