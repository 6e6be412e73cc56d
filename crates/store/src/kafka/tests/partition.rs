//! What a partition's store does beyond the contract of every store, the same over simulated and real brokers.

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::{Offset, TopicPartitionList};

use crate::conformance::{Contents, contents};
use crate::kafka::{KafkaOptions, KafkaStore, MessageKey};
use crate::{Batch, KeyRange, Store, StoreError, Table};

/// The partition that all tests open, of two.
pub(super) const PARTITION: u16 = 1;

/// Key and value of a message.
pub(super) type Read = (Option<Vec<u8>>, Option<Vec<u8>>);

pub(super) fn open(options: &KafkaOptions) -> KafkaStore {
    KafkaStore::open(options, PARTITION).unwrap()
}

pub(super) fn batch(fill: impl FnOnce(&mut Batch)) -> Batch {
    let mut batch = Batch::new();
    fill(&mut batch);
    batch
}

/// The first messages of a partition that are committed, so many.
pub(super) fn messages(options: &KafkaOptions, topic: &str, partition: u16, count: usize) -> Vec<Read> {
    let consumer: BaseConsumer = options.reader().create().unwrap();
    let mut part = TopicPartitionList::new();
    part.add_partition_offset(topic, partition.into(), Offset::Beginning).unwrap();
    consumer.assign(&part).unwrap();
    let read =
        |message: BorrowedMessage<'_>| (message.key().map(<[u8]>::to_vec), message.payload().map(<[u8]>::to_vec));
    consumer.iter().map(|message| read(message.unwrap())).take(count).collect()
}

pub(super) fn all_of_a_batch_comes_together(options: &KafkaOptions) {
    let mut store = open(options);
    let changes = batch(|batch| {
        batch.reply(*b"first reply");
        batch.relay(0, *b"first");
        batch.put(Table::Row, *b"row", *b"1");
        batch.put(Table::Page, *b"page", *b"2");
        batch.relay(0, *b"");
        batch.relay(PARTITION, *b"third");
        batch.reply(*b"second reply");
    });
    store.commit(changes).unwrap();
    let expected = Contents::from([
        (Table::Page, vec![(b"page".to_vec(), b"2".to_vec())]),
        (Table::Row, vec![(b"row".to_vec(), b"1".to_vec())]),
    ]);
    assert_eq!(contents(&store), expected);
    // A batch of nothing else is one too.
    store.commit(batch(|batch| batch.relay(PARTITION, *b"fourth"))).unwrap();
    drop(store);

    let value = |value: &[u8]| (None, Some(value.to_vec()));
    assert_eq!(messages(options, &options.activity_topic(), 0, 2), [value(b"first"), value(b"")]);
    assert_eq!(messages(options, &options.activity_topic(), PARTITION, 2), [value(b"third"), value(b"fourth")]);
    let rows = [
        (MessageKey::Mark.encode(), b"".to_vec()),
        (MessageKey::Record { table: Table::Row, key: b"row" }.encode(), b"1".to_vec()),
        (MessageKey::Reply.encode(), b"first reply".to_vec()),
        (MessageKey::Reply.encode(), b"second reply".to_vec()),
    ];
    let rows = rows.map(|(key, value)| (Some(key), Some(value)));
    assert_eq!(messages(options, &options.rows_topic(), PARTITION, 4), rows);

    assert_eq!(contents(&open(options)), expected);
}

pub(super) fn the_newest_is_there_after_reopening(options: &KafkaOptions) {
    let mut expected: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    for round in 0..4_u8 {
        let mut store = open(options);
        assert_eq!(contents(&store).remove(&Table::Log).unwrap_or_default(), expected, "round {round}");
        let bytes: usize = expected.iter().map(|(key, value)| key.len() + value.len()).sum();
        assert_eq!(store.byte_count().unwrap(), bytes as u64);
        // Each round writes some anew, adds some, and removes some of the one before.
        store.commit(batch(|batch| (round..round + 8).for_each(|key| batch.put(Table::Log, [key], [round])))).unwrap();
        store.commit(batch(|batch| batch.remove_range(Table::Log, KeyRange::new([0], [round + 2])))).unwrap();
        store.commit(batch(|batch| batch.put(Table::Log, [round + 3], vec![round; 3_000]))).unwrap();
        let value = |key| if key == round + 3 { vec![round; 3_000] } else { vec![round] };
        expected = (round + 2..round + 8).map(|key| (vec![key], value(key))).collect();
        let last = store.last(Table::Log, &KeyRange::new([0], [round + 4])).unwrap();
        assert_eq!(last, Some((vec![round + 3], vec![round; 3_000])));
    }
}

pub(super) fn a_message_for_no_partition_is_refused_and_the_store_goes_on(options: &KafkaOptions) {
    let mut store = open(options);
    let astray = batch(|batch| {
        batch.put(Table::Row, *b"row", *b"1");
        batch.relay(2, *b"astray");
    });
    let error = store.commit(astray).unwrap_err();
    assert!(matches!(&error, StoreError::Brokers { .. }) && error.to_string().contains("no partition 2"), "{error}");
    store.commit(batch(|batch| batch.put(Table::Page, *b"page", *b"2"))).unwrap();
    assert_eq!(contents(&store), Contents::from([(Table::Page, vec![(b"page".to_vec(), b"2".to_vec())])]));
}

pub(super) fn a_partition_that_is_not_there_is_refused(options: &KafkaOptions) {
    let error = KafkaStore::open(options, 2).err().unwrap();
    assert!(error.to_string().contains("it has no partition 2"), "{error}");
    let mut elsewhere = options.clone();
    elsewhere.topic_prefix.push_str("-elsewhere");
    for _ in 0..2 {
        // The first refusal made no topic.
        let error = KafkaStore::open(&elsewhere, PARTITION).err().unwrap();
        assert!(error.to_string().contains(&format!("`{}`", elsewhere.state_topic())), "{error}");
    }
}
