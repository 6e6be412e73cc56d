use std::collections::BTreeMap;
use std::ops::ControlFlow;

use dauphin_engine::{PROGRESS_KEY, Progress};
use dauphin_store::kafka::{KafkaOptions, MessageKey};
use dauphin_store::{Batch, MemoryDisk, MemoryStore, Store, Table};
use rdkafka::Message as _;
use rdkafka::Offset;

use crate::ClusterError;
use crate::client::{assigned, read_to_ends};

/// What a partition holds, as one commit left it, read without taking it from its owner.
pub(crate) fn snapshot(options: &KafkaOptions, partition: u16) -> Result<MemoryStore, ClusterError> {
    for _ in 0..TRIES {
        let rows = read(options, &options.rows_topic(), partition)?;
        let state = read(options, &options.state_topic(), partition)?;
        // The state was read last, so it has what the rows have; if it has more, they are not of one commit.
        let progress = rows.get(&(Table::Row, PROGRESS_KEY.to_vec()));
        let of_rows = progress.and_then(|bytes| Progress::read(bytes).ok()).unwrap_or_default().sequence;
        let last_log = state.range((Table::Log, Vec::new())..(Table::Page, Vec::new())).next_back();
        let of_state = last_log.and_then(|((_, key), _)| key.as_slice().try_into().ok()).map_or(0, u64::from_be_bytes);
        if of_state <= of_rows {
            let mut batch = Batch::new();
            for ((table, key), value) in rows.into_iter().chain(state) {
                batch.put(table, key, value);
            }
            let mut store = MemoryStore::open(&MemoryDisk::new());
            store.commit(batch)?;
            return Ok(store);
        }
    }
    Err(ClusterError::Busy(format!("partition {partition} changes while it is read; stop what is sent to the cluster")))
}

const TRIES: usize = 10;

/// Records by table and key.
type Records = BTreeMap<(Table, Vec<u8>), Vec<u8>>;

fn read(options: &KafkaOptions, topic: &str, partition: u16) -> Result<Records, ClusterError> {
    let from = std::iter::once((partition, Offset::Beginning));
    let consumer = assigned(&options.reader(), topic, from)?;
    let mut records = Records::new();
    read_to_ends(&consumer, options, (topic, std::iter::once(partition)), &mut |message| {
        if let Some(MessageKey::Record { table, key }) = message.key().and_then(MessageKey::decode) {
            match message.payload() {
                Some(value) => records.insert((table, key.to_vec()), value.to_vec()),
                None => records.remove(&(table, key.to_vec())),
            };
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(records)
}
