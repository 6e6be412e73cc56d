use std::ops::ControlFlow;

use crate::{Batch, KeyRange, StoreError, Table};

/// Takes one record, key and value, and says whether the scan goes on.
pub type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> ControlFlow<()> + 'a;

/// Key and value.
pub type Record = (Vec<u8>, Vec<u8>);

/// Remembers records. Every sentence below holds for every implementation and has a test in the conformance suite.
///
/// One owner commits; any number of threads may scan through a shared reference.
pub trait Store: Send + Sync {
    /// Gives `each` every record of `table` whose key lies in `keys`, in the byte order of the keys.
    ///
    /// - A record is given once, with the value of the last commit that put it; tables are apart from each other.
    /// - A store without commits has no records.
    /// - When `each` answers [`ControlFlow::Break`] the scan ends, with `Ok`.
    /// - Several threads may scan at once, and `each` may scan in turn.
    fn scan(&self, table: Table, keys: &KeyRange, each: &mut Visit<'_>) -> Result<(), StoreError>;

    /// The last record that a scan of the same would give, key and value, as quickly as one record is read.
    fn last(&self, table: Table, keys: &KeyRange) -> Result<Option<Record>, StoreError>;

    /// Makes all changes of `batch`, or none.
    ///
    /// - Changes are applied in the order of the batch: a later one sees, and may undo, an earlier one.
    /// - `Ok` means durable: the changes are there when the store is opened again, also if it was never closed.
    /// - Any bytes are a key or a value, the empty string too; an empty value is a record, not the absence of one.
    /// - Removing what is not there, and a batch without changes, are fine and change nothing.
    /// - A key or value over the limit is refused with [`StoreError::TooLarge`] before anything is written, and the
    ///   store goes on as if it had not been asked.
    /// - Any other error means that the batch is there whole or not at all, unknown which until the store is opened
    ///   again; from then on every scan and every commit is refused with [`StoreError::Failed`].
    fn commit(&mut self, batch: Batch) -> Result<(), StoreError>;

    /// The bytes the records take where they are kept, with what the engine itself needs. For metrics.
    ///
    /// It is answered at any time, also after a failed commit.
    fn byte_count(&self) -> Result<u64, StoreError>;

    /// Releases everything, so that the store can be opened again at once.
    ///
    /// - After a failed commit it releases everything as well, and answers [`StoreError::Failed`].
    /// - A store that is dropped without `close` loses no committed change.
    fn close(self: Box<Self>) -> Result<(), StoreError>;
}
