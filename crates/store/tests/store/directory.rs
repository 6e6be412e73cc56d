//! Making and opening data directories.

use std::fs;

use dauphin_store::{Batch, Embedded, FORMAT_SUPPORTED, Store, StoreError, Table};

use crate::files::{commit, contents, contents_after, files, new_directory};

#[test]
fn a_new_data_directory_has_three_files() {
    let (_parent, path) = new_directory();
    let store = Embedded::create(&path).unwrap();
    let names: Vec<_> = files(&path).into_keys().skip(1).map(|file| file.file_name().unwrap().to_owned()).collect();
    assert_eq!(names, ["LOCK", "VERSION", "dauphin.redb"]);
    assert_eq!(fs::read(path.join("VERSION")).unwrap(), b"dauphin 3\n");
    assert!(contents(&store).is_empty());
}

#[test]
fn a_data_directory_is_made_once() {
    let (_parent, path) = new_directory();
    let mut store = Embedded::create(&path).unwrap();
    commit(&mut store, 0..3);
    Box::new(store).close().unwrap();
    let before = files(&path);
    let error = Embedded::create(&path).unwrap_err();
    assert!(matches!(error, StoreError::AlreadyExists { .. }));
    assert!(error.to_string().contains(&path.display().to_string()), "{error}");
    assert_eq!(files(&path), before);
    assert_eq!(contents(&Embedded::open(&path).unwrap()), contents_after(3));
}

#[test]
fn what_is_not_a_data_directory_is_refused_and_left_alone() {
    let (parent, missing) = new_directory();
    let empty = parent.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let file = parent.path().join("file");
    fs::write(&file, "text").unwrap();
    for path in [&missing, &empty, &file] {
        for error in [Embedded::open(path).unwrap_err(), Embedded::open_read_only(path).unwrap_err()] {
            assert!(matches!(error, StoreError::NotADataDirectory { .. }), "{error}");
        }
    }
    assert!(!missing.exists());
    assert_eq!(fs::read_dir(&empty).unwrap().count(), 0);
    assert!(matches!(Embedded::create(&file), Err(StoreError::Io { .. })));
    assert_eq!(fs::read(&file).unwrap(), b"text");
}

/// Whatever step of making a data directory was the last one, it can be made again, and cannot be opened before.
#[test]
fn an_interrupted_creation_is_done_again() {
    for left in
        [&["LOCK"][..], &["LOCK", "VERSION.new"], &["LOCK", "VERSION"], &["LOCK", "VERSION", "dauphin.redb.new"]]
    {
        let (_parent, path) = new_directory();
        fs::create_dir_all(&path).unwrap();
        for name in left {
            // Cut short: nothing says that a file without its last name is complete.
            let bytes = if *name == "VERSION" { &b"dauphin 3\n"[..] } else { b"da" };
            fs::write(path.join(name), bytes).unwrap();
        }
        assert!(matches!(Embedded::open(&path), Err(StoreError::NotADataDirectory { .. })), "{left:?}");
        let mut store = Embedded::create(&path).unwrap();
        commit(&mut store, 0..3);
        Box::new(store).close().unwrap();
        assert_eq!(contents(&Embedded::open(&path).unwrap()), contents_after(3));
        assert_eq!(files(&path).len(), 1 + 3, "{left:?}");
    }
}

#[test]
fn another_format_is_refused_with_both_numbers() {
    for number in [2, 7] {
        let (_parent, path) = new_directory();
        Box::new(Embedded::create(&path).unwrap()).close().unwrap();
        fs::write(path.join("VERSION"), format!("dauphin {number}\n")).unwrap();
        let before = files(&path);
        for error in [Embedded::open(&path).unwrap_err(), Embedded::open_read_only(&path).unwrap_err()] {
            assert!(
                matches!(error, StoreError::OtherFormat { found, supported: FORMAT_SUPPORTED, .. } if found == number)
            );
            let message = error.to_string();
            assert!(message.contains(&format!("format {number}")) && message.contains("reads format 3"), "{message}");
        }
        assert_eq!(files(&path), before);
    }
}

#[test]
fn an_unreadable_version_is_refused() {
    for version in ["", "dauphin", "dauphin 0\n", "dauphin one\n", "1\n", "\0\0\0\0"] {
        let (_parent, path) = new_directory();
        Box::new(Embedded::create(&path).unwrap()).close().unwrap();
        fs::write(path.join("VERSION"), version).unwrap();
        for error in [Embedded::open(&path).unwrap_err(), Embedded::open_read_only(&path).unwrap_err()] {
            assert!(matches!(&error, StoreError::Corrupt { path: file, .. } if file.ends_with("VERSION")), "{error}");
        }
    }
}

#[test]
fn a_writer_excludes_writers_and_readers() {
    let (_parent, path) = new_directory();
    for open in [Embedded::create, Embedded::open] {
        let store = open(&path).unwrap();
        for error in [Embedded::open(&path).unwrap_err(), Embedded::open_read_only(&path).unwrap_err()] {
            assert!(matches!(error, StoreError::Locked { .. }), "{error}");
            assert!(error.to_string().contains(&path.display().to_string()), "{error}");
        }
        Box::new(store).close().unwrap();
    }
    Embedded::open_read_only(&path).unwrap();
}

#[test]
fn readers_share_and_exclude_writers() {
    let (_parent, path) = new_directory();
    let mut store = Embedded::create(&path).unwrap();
    commit(&mut store, 0..3);
    drop(store);
    let readers = [Embedded::open_read_only(&path).unwrap(), Embedded::open_read_only(&path).unwrap()];
    assert!(matches!(Embedded::open(&path), Err(StoreError::Locked { .. })));
    assert!(matches!(Embedded::create(&path), Err(StoreError::AlreadyExists { .. })));
    for reader in readers {
        assert_eq!(contents(&reader), contents_after(3));
        assert!(matches!(Embedded::open(&path), Err(StoreError::Locked { .. })));
        Box::new(reader).close().unwrap();
    }
    Embedded::open(&path).unwrap();
}

#[test]
fn a_directory_without_its_lock_file_can_be_written_again() {
    let (_parent, path) = new_directory();
    Box::new(Embedded::create(&path).unwrap()).close().unwrap();
    fs::remove_file(path.join("LOCK")).unwrap();
    let error = Embedded::open_read_only(&path).unwrap_err();
    assert!(matches!(&error, StoreError::Io { path: file, .. } if file.ends_with("LOCK")), "{error}");
    Box::new(Embedded::open(&path).unwrap()).close().unwrap();
    Embedded::open_read_only(&path).unwrap();
}

#[test]
fn what_only_a_cluster_does_is_refused_and_the_store_goes_on() {
    let (_parent, path) = new_directory();
    let mut store = Embedded::create(&path).unwrap();
    let mut batches = [Batch::new(), Batch::new()];
    batches[0].relay(1, *b"message");
    batches[1].reply(*b"reply");
    for mut batch in batches {
        batch.put(Table::Page, *b"key", *b"value");
        let error = store.commit(batch).unwrap_err();
        assert!(matches!(error, StoreError::NotACluster { .. }), "{error}");
        assert!(error.to_string().contains(&path.display().to_string()), "{error}");
    }
    assert!(contents(&store).is_empty());
    commit(&mut store, 0..3);
    assert_eq!(contents(&store), contents_after(3));
}
