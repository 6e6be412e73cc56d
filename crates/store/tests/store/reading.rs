//! Reading a data directory changes no byte and no time of change in it.

use std::path::Path;

use dauphin_store::{Batch, Embedded, Store, StoreError, Table};

use crate::files::{Contents, commit, contents, contents_after, copy, files, new_directory};

/// Reads a directory in every way, and compares its files before, meanwhile and after. Answers what it holds.
pub fn read_without_a_trace(path: &Path) -> Contents {
    let before = files(path);
    let mut store = Embedded::open_read_only(path).unwrap();
    assert!(files(path) == before, "opening changed a file");
    let found = contents(&store);
    let mut batch = Batch::new();
    batch.put(Table::Page, *b"key", *b"value");
    assert!(matches!(store.commit(batch), Err(StoreError::ReadOnly { .. })));
    // A refusal is no failure: it can still be read.
    assert_eq!(contents(&store), found);
    assert!(store.byte_count().unwrap() > 0);
    Box::new(store).close().unwrap();
    drop(Embedded::open_read_only(path).unwrap());
    assert!(files(path) == before, "reading changed a file");
    found
}

#[test]
fn reading_a_closed_store_changes_nothing() {
    let (_parent, path) = new_directory();
    let mut store = Embedded::create(&path).unwrap();
    commit(&mut store, 0..20);
    Box::new(store).close().unwrap();
    assert_eq!(read_without_a_trace(&path), contents_after(20));
}

#[test]
fn reading_an_empty_store_changes_nothing() {
    let (_parent, path) = new_directory();
    Box::new(Embedded::create(&path).unwrap()).close().unwrap();
    assert!(read_without_a_trace(&path).is_empty());
}

/// The files of a store in use are what a power failure leaves: not closed, in need of repair.
#[test]
fn reading_a_store_that_was_never_closed_changes_nothing() {
    let (parent, path) = new_directory();
    let mut store = Embedded::create(&path).unwrap();
    for count in 0..20 {
        let left = parent.path().join(count.to_string());
        copy(&path, &left);
        assert_eq!(read_without_a_trace(&left), contents_after(count));
        // And it is repaired when it is opened for writing.
        assert_eq!(contents(&Embedded::open(&left).unwrap()), contents_after(count));
        commit(&mut store, count..count + 1);
    }
}
