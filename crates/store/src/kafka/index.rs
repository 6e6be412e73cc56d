use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::key::MessageKey;
use super::message::{Destination, Message};
use crate::{Batch, Change, KeyRange, Table};

/// Which records there are, and where in its topic each has its newest value.
///
/// Brokers know no ranges and no absence; this is how a range is removed and a record found again.
#[derive(Debug, Default)]
pub(super) struct Index {
    tables: BTreeMap<Table, BTreeMap<Vec<u8>, Place>>,
    byte_count: u64,
}

/// Where a record's newest value is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub offset: i64,
    byte_count: u64,
}

impl Index {
    /// The bytes of all keys and values.
    pub fn byte_count(&self) -> u64 {
        self.byte_count
    }

    /// The records of a range, in the byte order of their keys.
    pub fn range<'a>(
        &'a self,
        table: Table,
        keys: &'a KeyRange,
    ) -> impl DoubleEndedIterator<Item = (&'a [u8], Place)> + 'a {
        let records = self.tables.get(&table).filter(|_| !keys.is_empty());
        records.into_iter().flat_map(|records| records.range::<[u8], _>(keys.bounds()).map(|(key, at)| (&**key, *at)))
    }

    /// The key holds a value of so many bytes from `offset` on.
    pub fn put(&mut self, table: Table, key: &[u8], value_byte_count: usize, offset: i64) {
        let byte_count = (key.len() + value_byte_count) as u64;
        let place = Place { offset, byte_count };
        self.byte_count += byte_count;
        match self.tables.entry(table).or_default().entry(key.to_vec()) {
            Entry::Occupied(mut held) => self.byte_count -= held.insert(place).byte_count,
            Entry::Vacant(free) => drop(free.insert(place)),
        }
    }

    /// The key holds nothing.
    pub fn remove(&mut self, table: Table, key: &[u8]) {
        if let Some(place) = self.tables.get_mut(&table).and_then(|records| records.remove(key)) {
            self.byte_count -= place.byte_count;
        }
    }

    /// The messages that make a batch true: at most one a record, none for what is not there anyway.
    pub fn messages(&self, batch: Batch) -> Vec<Message> {
        let Batch { changes, relays, replies, .. } = batch;
        let mut messages = Vec::with_capacity(changes.len() + relays.len() + replies.len());
        for (table, records) in self.outcome(changes) {
            messages.extend(records.into_iter().map(|(key, value)| Message::record(table, &key, value)));
        }
        // Those who follow the rows meet the replies after them.
        messages.extend(replies.into_iter().map(Message::reply));
        messages.extend(relays.into_iter().map(Message::relay));
        messages
    }

    /// What each key that changes holds after all changes; `None` for those that held something and do no more.
    fn outcome(&self, changes: Vec<Change>) -> BTreeMap<Table, BTreeMap<Vec<u8>, Option<Vec<u8>>>> {
        let mut outcome: BTreeMap<Table, BTreeMap<Vec<u8>, Option<Vec<u8>>>> = BTreeMap::new();
        for change in changes {
            let pending = outcome.entry(change.table()).or_default();
            match change {
                Change::Put { key, value, .. } => drop(pending.insert(key, Some(value))),
                Change::Remove { key, .. } => drop(pending.insert(key, None)),
                Change::RemoveRange { table, keys } => {
                    pending.retain(|key, _| !keys.contains(key));
                    pending.extend(self.range(table, &keys).map(|(key, _)| (key.to_vec(), None)));
                }
            }
        }
        for (table, pending) in &mut outcome {
            let held = self.tables.get(table);
            pending.retain(|key, value| value.is_some() || held.is_some_and(|held| held.contains_key(key)));
        }
        outcome
    }

    /// Takes in a message that was committed at `offset`.
    pub fn apply(&mut self, message: &Message, offset: i64) {
        let (Destination::State | Destination::Rows, Some(key)) = (message.to, &message.key) else { return };
        let Some(MessageKey::Record { table, key }) = MessageKey::decode(key) else { return };
        match &message.value {
            Some(value) => self.put(table, key, value.len(), offset),
            None => self.remove(table, key),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Destination, Index, Message};
    use crate::{Batch, KeyRange, Table};

    /// What the messages of a batch say: where, the key as text, and the value as text or `-`.
    fn said(index: &Index, fill: impl FnOnce(&mut Batch)) -> Vec<String> {
        let mut batch = Batch::new();
        fill(&mut batch);
        let text =
            |bytes: &Option<Vec<u8>>| bytes.as_deref().map_or("-".to_owned(), |bytes| bytes.escape_ascii().to_string());
        let say = |message: &Message| format!("{:?} {} {}", message.to, text(&message.key), text(&message.value));
        index.messages(batch).iter().map(say).collect()
    }

    #[test]
    fn a_key_is_written_once_and_what_is_not_there_never() {
        let mut index = Index::default();
        for key in [b"a", b"b", b"c"] {
            index.put(Table::Log, key, 1, 0);
        }
        let messages = said(&index, |batch| {
            batch.put(Table::Log, *b"b", *b"1");
            batch.remove(Table::Log, *b"a");
            batch.put(Table::Log, *b"x", *b"2");
            batch.remove(Table::Log, *b"x");
            batch.remove(Table::Page, *b"a");
            batch.put(Table::Log, *b"b", *b"3");
            batch.put(Table::Row, *b"r", *b"4");
            batch.put(Table::Row, *b"r", *b"5");
        });
        assert_eq!(messages, ["State \\x02a -", "State \\x02b 3", "Rows \\x04r 5"]);
        assert!(said(&index, |batch| batch.remove_range(Table::Log, KeyRange::starting_at(*b"d"))).is_empty());
    }

    #[test]
    fn a_range_takes_what_is_there_and_what_came_before_it() {
        let mut index = Index::default();
        for key in [b"a", b"b", b"c", b"d"] {
            index.put(Table::Log, key, 1, 0);
        }
        let messages = said(&index, |batch| {
            batch.put(Table::Log, *b"bb", *b"1");
            batch.put(Table::Log, *b"b", *b"2");
            batch.remove_range(Table::Log, KeyRange::new(*b"b", *b"d"));
            batch.put(Table::Log, *b"c", *b"3");
            batch.relay(3, *b"relay");
            batch.reply(*b"reply");
        });
        assert_eq!(messages, ["State \\x02b -", "State \\x02c 3", "Rows \\x00 reply", "Activity(3) - relay"]);
    }

    #[test]
    fn bytes_are_counted_as_records_come_and_go() {
        let mut index = Index::default();
        let record = |key: &[u8], value: Option<&[u8]>| Message::record(Table::Row, key, value.map(<[u8]>::to_vec));
        for (message, byte_count) in [
            (record(b"key", Some(b"value")), 8),
            (record(b"key", Some(b"")), 3),
            (record(b"other", Some(b"1")), 9),
            (record(b"key", None), 6),
            (record(b"key", None), 6),
            (Message::reply(vec![1; 100]), 6),
            (Message::mark(Destination::Rows), 6),
        ] {
            index.apply(&message, 0);
            assert_eq!(index.byte_count(), byte_count, "{message:?}");
        }
    }
}
