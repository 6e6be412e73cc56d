//! The store of a cluster: each partition's records in topics of Kafka brokers, each commit one transaction.
//!
//! What is absent here: who owns which partition, and what the input says.

use std::collections::BTreeMap;

use rdkafka::Offset;
use rdkafka::message::Message as _;

use crate::{Batch, KeyRange, Record, Store, StoreError, Table, Visit};
use index::Index;
use message::{Destination, Message};
use reader::Span;
use values::Values;
use writer::Writer;

mod hazards;
mod index;
mod key;
mod message;
mod options;
mod reader;
#[cfg(test)]
mod tests;
mod topics;
mod values;
mod writer;

pub use hazards::Hazard;
pub use key::MessageKey;
pub use options::KafkaOptions;
pub use topics::{Topic, TopicPlan, Topics, create_topics, describe};

/// Keeps the records of one partition of a cluster.
///
/// Opening takes the partition from whoever had it open: that one's next commit fails with [`StoreError::Fenced`] and
/// writes nothing.
///
/// Where each record is stands in memory; its value is there only from opening to the first commit, for those who restore
/// from it. Later scans read the topic again: right, and slow.
pub struct KafkaStore {
    options: KafkaOptions,
    partition: u16,
    writer: Writer,
    index: Index,
    /// What opening read; gone from the first commit on.
    opened: Option<Values>,
    has_failed: bool,
}

type Records = BTreeMap<Vec<u8>, Vec<u8>>;

impl KafkaStore {
    /// Takes over a partition and reads it. The topics must be there.
    pub fn open(options: &KafkaOptions, partition: u16) -> Result<Self, StoreError> {
        let writer = Writer::open(options, partition)?;
        // From here on nobody else writes the partition, so all that comes before these marks is all there is.
        let marks = [Message::mark(Destination::State), Message::mark(Destination::Rows)];
        let ends = writer.commit(&marks)?;
        let mut index = Index::default();
        let mut values = Values::default();
        let spans: Vec<Span> = [options.state_topic(), options.rows_topic()]
            .into_iter()
            .zip(ends)
            .map(|(topic, last)| Span { topic, first: Offset::Beginning, last })
            .collect();
        reader::read(options, partition, &spans, &mut |_, message| match (
            message.key().and_then(MessageKey::decode),
            message.payload(),
        ) {
            (Some(MessageKey::Record { table, key }), Some(value)) => {
                index.put(table, key, value.len(), message.offset());
                values.put(table, key, value);
            }
            (Some(MessageKey::Record { table, key }), None) => {
                index.remove(table, key);
                values.remove(table, key);
            }
            _ => {}
        })?;
        let (options, opened) = (options.clone(), Some(values));
        Ok(Self { options, partition, writer, index, opened, has_failed: false })
    }

    /// The records of a range, read from their topic.
    fn read(&self, table: Table, keys: &KeyRange) -> Result<Records, StoreError> {
        self.read_at(table, &self.index.range(table, keys).map(|(key, place)| (key.to_vec(), place.offset)).collect())
    }

    /// Reads the records with these keys at these offsets.
    fn read_at(&self, table: Table, places: &BTreeMap<Vec<u8>, i64>) -> Result<Records, StoreError> {
        let mut found = Records::new();
        let (Some(first), Some(last)) = (places.values().min().copied(), places.values().max().copied()) else {
            return Ok(found);
        };
        let topic = if Destination::of(table) == Destination::Rows {
            self.options.rows_topic()
        } else {
            self.options.state_topic()
        };
        let span = Span { topic: topic.clone(), first: Offset::Offset(first), last };
        reader::read(&self.options, self.partition, &[span], &mut |_, message| {
            if let (Some(MessageKey::Record { table: of, key }), Some(value)) =
                (message.key().and_then(MessageKey::decode), message.payload())
                && of == table
                && places.get(key) == Some(&message.offset())
            {
                found.insert(key.to_vec(), value.to_vec());
            }
        })?;
        if found.len() == places.len() {
            return Ok(found);
        }
        let reason = format!("{} of {} records of table `{table}` are gone", places.len() - found.len(), places.len());
        Err(StoreError::Brokers { action: "read", topic, reason })
    }
}

impl Store for KafkaStore {
    fn scan(&self, table: Table, keys: &KeyRange, each: &mut Visit<'_>) -> Result<(), StoreError> {
        if self.has_failed {
            return Err(StoreError::Failed);
        }
        match &self.opened {
            Some(values) => visit(values.range(table, keys), each),
            None => {
                let records = self.read(table, keys)?;
                visit(records.iter().map(|(key, value)| (key.as_slice(), value.as_slice())), each);
            }
        }
        Ok(())
    }

    fn last(&self, table: Table, keys: &KeyRange) -> Result<Option<Record>, StoreError> {
        if self.has_failed {
            return Err(StoreError::Failed);
        }
        let Some((key, place)) = self.index.range(table, keys).next_back() else { return Ok(None) };
        if let Some(value) = self.opened.as_ref().and_then(|values| values.get(table, key)) {
            return Ok(Some((key.to_vec(), value.to_vec())));
        }
        Ok(self.read_at(table, &BTreeMap::from([(key.to_vec(), place.offset)]))?.pop_last())
    }

    fn commit(&mut self, batch: Batch) -> Result<(), StoreError> {
        if self.has_failed {
            return Err(StoreError::Failed);
        }
        batch.check()?;
        if let Some(astray) =
            batch.relays().iter().find(|relay| usize::from(relay.partition) >= self.writer.partition_count())
        {
            let reason = format!("it has no partition {}", astray.partition);
            return Err(StoreError::Brokers { action: "relay to", topic: self.options.activity_topic(), reason });
        }
        let messages = self.index.messages(batch);
        if messages.is_empty() {
            return Ok(());
        }
        let offsets = self.writer.commit(&messages).inspect_err(|_| self.has_failed = true)?;
        for (message, offset) in messages.iter().zip(offsets) {
            self.index.apply(message, offset);
        }
        self.opened = None;
        Ok(())
    }

    /// The bytes of keys and values that are there. What brokers need for them, and how often they keep them, they say.
    fn byte_count(&self) -> Result<u64, StoreError> {
        Ok(self.index.byte_count())
    }

    fn close(self: Box<Self>) -> Result<(), StoreError> {
        if self.has_failed { Err(StoreError::Failed) } else { Ok(()) }
    }
}

fn visit<'a>(mut records: impl Iterator<Item = (&'a [u8], &'a [u8])>, each: &mut Visit<'_>) {
    let _ended_early = records.any(|(key, value)| each(key, value).is_break());
}
