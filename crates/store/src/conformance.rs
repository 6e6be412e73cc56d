//! The contract of [`Store`]: one check for each of its sentences, run over every implementation.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Barrier;

use crate::{Batch, KEY_BYTE_COUNT_MAX, KeyRange, Store, StoreError, Table, VALUE_BYTE_COUNT_MAX};

/// Where an implementation keeps what outlives a store.
pub(crate) trait Subject {
    /// Opens what earlier stores of this subject left.
    fn open(&mut self) -> Box<dyn Store>;

    /// Lets the next commit of the open store fail.
    fn fail_next_commit(&mut self);
}

macro_rules! sentences {
    ($subject:expr; $($sentence:ident)*) => {
        $(#[test]
        fn $sentence() {
            if let Some(mut subject) = $subject {
                $crate::conformance::$sentence(&mut subject);
            }
        })*
    };
}

/// Checks every sentence over the subject that the expression makes anew for each; `where there is one` over none, if
/// the expression says why.
macro_rules! conforms {
    ($subject:expr) => {
        $crate::conformance::conforms!(where there is one: Some($subject));
    };
    (where there is one: $subject:expr) => {
        $crate::conformance::sentences! { $subject;
            a_scan_gives_every_record_of_the_range_in_byte_order
            the_last_record_is_the_last_of_a_scan
            a_record_is_given_once_with_the_last_value
            tables_are_apart
            a_store_without_commits_has_no_records
            a_scan_ends_when_told_to
            several_threads_scan_at_once
            a_scan_may_scan_in_turn
            changes_apply_in_the_order_of_the_batch
            committed_changes_are_there_after_reopening
            committed_changes_are_there_without_closing
            any_bytes_are_a_key_or_a_value
            removing_what_is_not_there_changes_nothing
            a_batch_without_changes_changes_nothing
            removing_a_range_leaves_its_end_and_other_tables
            too_large_records_are_refused_and_the_store_goes_on
            a_failed_commit_is_there_whole_or_not_at_all
            after_a_failed_commit_everything_is_refused
            the_byte_count_covers_the_records
            the_byte_count_is_answered_after_a_failed_commit
            closing_releases_the_store
            closing_after_a_failed_commit_releases_the_store
        }
    };
}

pub(crate) use {conforms, sentences};

/// What a store holds, for comparisons.
pub(crate) type Contents = BTreeMap<Table, Vec<(Vec<u8>, Vec<u8>)>>;

pub(crate) fn records(store: &dyn Store, table: Table, keys: &KeyRange) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut found = Vec::new();
    let scanned = store.scan(table, keys, &mut |key, value| {
        found.push((key.to_vec(), value.to_vec()));
        ControlFlow::Continue(())
    });
    scanned.unwrap();
    found
}

pub(crate) fn contents(store: &dyn Store) -> Contents {
    let tables = Table::ALL.map(|table| (table, records(store, table, &KeyRange::all())));
    tables.into_iter().filter(|(_, found)| !found.is_empty()).collect()
}

fn batch(fill: impl FnOnce(&mut Batch)) -> Batch {
    let mut batch = Batch::new();
    fill(&mut batch);
    batch
}

fn put(table: Table, key: &[u8], value: &[u8]) -> Batch {
    batch(|batch| batch.put(table, key, value))
}

fn put_all(keys: &[&[u8]]) -> Batch {
    batch(|batch| keys.iter().for_each(|&key| batch.put(Table::Page, key, key)))
}

fn keys(store: &dyn Store, table: Table, range: &KeyRange) -> Vec<Vec<u8>> {
    records(store, table, range).into_iter().map(|(key, _)| key).collect()
}

fn ignore(_: &[u8], _: &[u8]) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

pub(crate) fn a_scan_gives_every_record_of_the_range_in_byte_order(subject: &mut dyn Subject) {
    let mut store = subject.open();
    // Put in another order, in two commits; `a` sorts before `a\0`, and bytes are unsigned.
    store.commit(put_all(&[b"\xff", b"b", b"a\0"])).unwrap();
    store.commit(put_all(&[b"\x7f", b"a", b"aa"])).unwrap();
    let all = [&b"a"[..], b"a\0", b"aa", b"b", b"\x7f", b"\xff"];
    let found = |range: &KeyRange| keys(&*store, Table::Page, range);
    assert_eq!(found(&KeyRange::all()), all);
    assert_eq!(found(&KeyRange::new(*b"a\0", *b"b")), all[1..3]);
    assert_eq!(found(&KeyRange::starting_at(*b"b")), all[3..]);
    assert_eq!(found(&KeyRange::prefix(*b"a")), all[..3]);
    assert!(found(&KeyRange::new(*b"b", *b"b")).is_empty());
    assert!(found(&KeyRange::new(*b"b", *b"a")).is_empty());
}

pub(crate) fn the_last_record_is_the_last_of_a_scan(subject: &mut dyn Subject) {
    let mut store = subject.open();
    assert_eq!(store.last(Table::Page, &KeyRange::all()).unwrap(), None);
    store.commit(put_all(&[b"\xff", b"b", b"a\0", b"\x7f", b"a", b"aa"])).unwrap();
    store.commit(put(Table::Row, b"z", b"of another table")).unwrap();
    let ranges = [
        KeyRange::all(),
        KeyRange::prefix(*b"a"),
        KeyRange::new(*b"a", *b"a\0"),
        KeyRange::new(*b"b", *b"\x7f"),
        KeyRange::starting_at(*b"\xff"),
        KeyRange::prefix(*b"c"),
        KeyRange::new(*b"b", *b"a"),
    ];
    let ends = [Some(&b"\xff"[..]), Some(b"aa"), Some(b"a"), Some(b"b"), Some(b"\xff"), None, None];
    for (range, end) in ranges.iter().zip(ends) {
        let last = store.last(Table::Page, range).unwrap();
        assert_eq!(last, end.map(|key| (key.to_vec(), key.to_vec())), "{range:?}");
        assert_eq!(last, records(&*store, Table::Page, range).pop(), "{range:?}");
    }
}

pub(crate) fn a_record_is_given_once_with_the_last_value(subject: &mut dyn Subject) {
    let mut store = subject.open();
    for value in [&b"a first, longer value"[..], b"second", b"third"] {
        store.commit(put(Table::Row, b"key", value)).unwrap();
        assert_eq!(records(&*store, Table::Row, &KeyRange::all()), [(b"key".to_vec(), value.to_vec())]);
    }
}

pub(crate) fn tables_are_apart(subject: &mut dyn Subject) {
    let mut store = subject.open();
    for table in Table::ALL {
        store.commit(put(table, b"key", &[table.number()])).unwrap();
    }
    store.commit(batch(|batch| batch.remove(Table::Log, *b"key"))).unwrap();
    for table in Table::ALL {
        let left = if table == Table::Log { vec![] } else { vec![(b"key".to_vec(), vec![table.number()])] };
        assert_eq!(records(&*store, table, &KeyRange::all()), left, "{table}");
    }
}

pub(crate) fn a_store_without_commits_has_no_records(subject: &mut dyn Subject) {
    assert_eq!(contents(&*subject.open()), Contents::new());
}

pub(crate) fn a_scan_ends_when_told_to(subject: &mut dyn Subject) {
    let mut store = subject.open();
    store.commit(batch(|batch| (0..10).for_each(|key| batch.put(Table::Row, [key], [])))).unwrap();
    let mut seen = Vec::new();
    let scanned = store.scan(Table::Row, &KeyRange::all(), &mut |key, _| {
        seen.push(key[0]);
        if key[0] == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert!(scanned.is_ok());
    assert_eq!(seen, [0, 1, 2, 3]);
}

pub(crate) fn several_threads_scan_at_once(subject: &mut dyn Subject) {
    let mut store = subject.open();
    store.commit(put(Table::Page, b"key", b"value")).unwrap();
    let store = &*store;
    // Neither scan can end before the other has begun.
    let both = Barrier::new(2);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let wait = &mut |_: &[u8], _: &[u8]| {
                    both.wait();
                    ControlFlow::Continue(())
                };
                store.scan(Table::Page, &KeyRange::all(), wait).unwrap();
            });
        }
    });
}

pub(crate) fn a_scan_may_scan_in_turn(subject: &mut dyn Subject) {
    let mut store = subject.open();
    store.commit(batch(|batch| (0..3).for_each(|key| batch.put(Table::Page, [key], [])))).unwrap();
    let mut pairs = Vec::new();
    let each = &mut |outer: &[u8], _: &[u8]| {
        for inner in keys(&*store, Table::Page, &KeyRange::all()) {
            pairs.push((outer[0], inner[0]));
        }
        ControlFlow::Continue(())
    };
    store.scan(Table::Page, &KeyRange::all(), each).unwrap();
    assert_eq!(pairs, [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (2, 0), (2, 1), (2, 2)]);
}

pub(crate) fn changes_apply_in_the_order_of_the_batch(subject: &mut dyn Subject) {
    let mut store = subject.open();
    let changes = batch(|batch| {
        batch.put(Table::Page, *b"overwritten", *b"old");
        batch.put(Table::Page, *b"removed", *b"old");
        batch.put(Table::Row, *b"other table", *b"between");
        batch.put(Table::Page, *b"overwritten", *b"new");
        batch.remove(Table::Page, *b"removed");
        batch.remove(Table::Page, *b"put back");
        batch.put(Table::Page, *b"put back", *b"new");
        batch.put(Table::Log, *b"in the range, before", *b"old");
        batch.remove_range(Table::Log, KeyRange::prefix(*b"in"));
        batch.put(Table::Log, *b"in the range, after", *b"new");
    });
    store.commit(changes).unwrap();
    let record = |key: &[u8], value: &[u8]| (key.to_vec(), value.to_vec());
    let expected = Contents::from([
        (Table::Log, vec![record(b"in the range, after", b"new")]),
        (Table::Page, vec![record(b"overwritten", b"new"), record(b"put back", b"new")]),
        (Table::Row, vec![record(b"other table", b"between")]),
    ]);
    assert_eq!(contents(&*store), expected);
}

pub(crate) fn committed_changes_are_there_after_reopening(subject: &mut dyn Subject) {
    let mut store = subject.open();
    store.commit(put(Table::Catalog, b"key", b"value")).unwrap();
    store.commit(put(Table::Source, b"key", &vec![7; 100_000])).unwrap();
    let before = contents(&*store);
    store.close().unwrap();
    assert_eq!(contents(&*subject.open()), before);
}

pub(crate) fn committed_changes_are_there_without_closing(subject: &mut dyn Subject) {
    let mut store = subject.open();
    store.commit(put(Table::Catalog, b"key", b"value")).unwrap();
    drop(store);
    assert_eq!(records(&*subject.open(), Table::Catalog, &KeyRange::all()), [(b"key".to_vec(), b"value".to_vec())]);
}

pub(crate) fn any_bytes_are_a_key_or_a_value(subject: &mut dyn Subject) {
    let mut store = subject.open();
    let strings = [vec![], vec![0], vec![0, 0], (0..=255).collect(), vec![255; KEY_BYTE_COUNT_MAX]];
    store
        .commit(batch(|batch| strings.iter().for_each(|key| batch.put(Table::Row, key.clone(), key.clone()))))
        .unwrap();
    store.commit(batch(|batch| batch.put(Table::Page, *b"no value", []))).unwrap();
    store.close().unwrap();
    let store = subject.open();
    let pairs: Vec<_> = strings.iter().map(|key| (key.clone(), key.clone())).collect();
    let expected = Contents::from([(Table::Page, vec![(b"no value".to_vec(), vec![])]), (Table::Row, pairs)]);
    assert_eq!(contents(&*store), expected);
}

pub(crate) fn removing_what_is_not_there_changes_nothing(subject: &mut dyn Subject) {
    let mut store = subject.open();
    store.commit(put(Table::Row, b"key", b"value")).unwrap();
    let before = contents(&*store);
    let removals = batch(|batch| {
        batch.remove(Table::Row, *b"ke");
        batch.remove(Table::Page, *b"key");
        batch.remove(Table::Row, vec![1; KEY_BYTE_COUNT_MAX + 1]);
        batch.remove_range(Table::Row, KeyRange::starting_at(*b"key\0"));
        batch.remove_range(Table::Row, KeyRange::new(*b"z", *b"a"));
        batch.remove_range(Table::Source, KeyRange::all());
    });
    store.commit(removals).unwrap();
    assert_eq!(contents(&*store), before);
}

pub(crate) fn a_batch_without_changes_changes_nothing(subject: &mut dyn Subject) {
    let mut store = subject.open();
    store.commit(put(Table::Row, b"key", b"value")).unwrap();
    let before = contents(&*store);
    store.commit(Batch::new()).unwrap();
    assert_eq!(contents(&*store), before);
}

pub(crate) fn removing_a_range_leaves_its_end_and_other_tables(subject: &mut dyn Subject) {
    let mut store = subject.open();
    let fill = batch(|batch| {
        for key in 0..100 {
            batch.put(Table::Log, [key], vec![key; 5_000]);
            batch.put(Table::Page, [key], []);
        }
    });
    store.commit(fill).unwrap();
    store.commit(batch(|batch| batch.remove_range(Table::Log, KeyRange::new([10], [90])))).unwrap();
    let left: Vec<_> = (0..10).chain(90..100).map(|key: u8| vec![key]).collect();
    assert_eq!(keys(&*store, Table::Log, &KeyRange::all()), left);
    assert_eq!(keys(&*store, Table::Page, &KeyRange::all()).len(), 100);
    store.commit(batch(|batch| batch.remove_range(Table::Log, KeyRange::all()))).unwrap();
    assert!(keys(&*store, Table::Log, &KeyRange::all()).is_empty());
}

pub(crate) fn too_large_records_are_refused_and_the_store_goes_on(subject: &mut dyn Subject) {
    let mut store = subject.open();
    for (key_byte_count, value_byte_count) in [(KEY_BYTE_COUNT_MAX + 1, 0), (1, VALUE_BYTE_COUNT_MAX + 1)] {
        let too_large = batch(|batch| {
            batch.put(Table::Row, *b"fine", []);
            batch.put(Table::Row, vec![1; key_byte_count], vec![1; value_byte_count]);
        });
        assert!(matches!(store.commit(too_large), Err(StoreError::TooLarge { .. })));
        assert_eq!(contents(&*store), Contents::new());
    }
    store.commit(put(Table::Row, b"key", b"value")).unwrap();
    assert_eq!(keys(&*store, Table::Row, &KeyRange::all()), [b"key"]);
}

pub(crate) fn a_failed_commit_is_there_whole_or_not_at_all(subject: &mut dyn Subject) {
    let mut store = subject.open();
    store.commit(put(Table::Row, b"key", b"before")).unwrap();
    let before = contents(&*store);
    subject.fail_next_commit();
    let changes = batch(|batch| {
        batch.put(Table::Row, *b"key", *b"after");
        batch.put(Table::Page, *b"key", vec![7; 100_000]);
    });
    assert!(store.commit(changes).is_err());
    drop(store);
    let record = |value: &[u8]| vec![(b"key".to_vec(), value.to_vec())];
    let after = Contents::from([(Table::Row, record(b"after")), (Table::Page, record(&vec![7; 100_000]))]);
    let mut store = subject.open();
    let found = contents(&*store);
    assert!(found == before || found == after);
    // Opened again, it is a store like any other.
    store.commit(put(Table::Row, b"key", b"later")).unwrap();
    assert_eq!(records(&*store, Table::Row, &KeyRange::all()), record(b"later"));
}

pub(crate) fn after_a_failed_commit_everything_is_refused(subject: &mut dyn Subject) {
    let mut store = subject.open();
    subject.fail_next_commit();
    let refused = store.commit(put(Table::Row, b"key", b"value"));
    assert!(!matches!(refused, Ok(()) | Err(StoreError::Failed)), "the first failure says what failed");
    for _ in 0..2 {
        assert!(matches!(store.commit(put(Table::Row, b"other", b"value")), Err(StoreError::Failed)));
        assert!(matches!(store.commit(Batch::new()), Err(StoreError::Failed)));
        assert!(matches!(store.scan(Table::Row, &KeyRange::all(), &mut ignore), Err(StoreError::Failed)));
        assert!(matches!(store.last(Table::Row, &KeyRange::all()), Err(StoreError::Failed)));
    }
}

pub(crate) fn the_byte_count_covers_the_records(subject: &mut dyn Subject) {
    let mut store = subject.open();
    store.commit(batch(|batch| (0..10).for_each(|key| batch.put(Table::Page, [key], vec![key; 1_000_000])))).unwrap();
    let byte_count = store.byte_count().unwrap();
    assert!((10_000_000..40_000_000).contains(&byte_count), "{byte_count}");
}

pub(crate) fn the_byte_count_is_answered_after_a_failed_commit(subject: &mut dyn Subject) {
    let mut store = subject.open();
    store.commit(put(Table::Page, b"key", &[1; 1000])).unwrap();
    subject.fail_next_commit();
    assert!(store.commit(put(Table::Page, b"key", b"value")).is_err());
    assert!(store.byte_count().unwrap() > 0);
}

pub(crate) fn closing_releases_the_store(subject: &mut dyn Subject) {
    for value in 0..3 {
        let mut store = subject.open();
        store.commit(put(Table::Row, b"key", &[value])).unwrap();
        store.close().unwrap();
    }
    assert_eq!(records(&*subject.open(), Table::Row, &KeyRange::all()), [(b"key".to_vec(), vec![2])]);
}

pub(crate) fn closing_after_a_failed_commit_releases_the_store(subject: &mut dyn Subject) {
    let mut store = subject.open();
    subject.fail_next_commit();
    assert!(store.commit(put(Table::Row, b"key", b"value")).is_err());
    assert!(matches!(store.close(), Err(StoreError::Failed)));
    subject.open().commit(put(Table::Row, b"key", b"value")).unwrap();
}
