use dauphin_engine::{App, CatalogEdit, CatalogError, Engine, EngineError};
use dauphin_model::{AppId, Day, Scope};
use dauphin_store::{FailedCommit, MemoryDisk, MemoryStore};

use crate::oracle::Event;
use crate::support::{OPTIONS, WORKSPACE, set_up, submit};

fn active(user: u64, day: i32) -> Event {
    Event::Active { user, app: 1, day }
}

fn total(engine: &Engine, day: i32) -> i64 {
    engine.rows(WORKSPACE).scope(Scope::Workspace).active(1, Day::new(day).unwrap(), 1)[0]
}

#[test]
fn a_repeat_is_answered_and_writes_nothing() {
    let disk = MemoryDisk::new();
    let engine = set_up(Box::new(MemoryStore::open(&disk)));
    let first = submit(&engine, &[active(1, 1000), active(1, 1000), active(2, 1000)], 1000).unwrap();
    assert_eq!((first.new_user_days, first.repeats), (2, 1));
    let commits = disk.commit_count();
    let again = submit(&engine, &[active(1, 1000), active(2, 1000)], 1001).unwrap();
    assert_eq!((again.new_user_days, again.repeats), (0, 2));
    assert_eq!(disk.commit_count(), commits);
    assert_eq!(total(&engine, 1000), 2);
    let nothing = submit(&engine, &[], 1001).unwrap();
    assert_eq!((nothing.new_user_days, nothing.repeats), (0, 0));
}

#[test]
fn a_failed_commit_is_not_visible_and_ends_everything() {
    let disk = MemoryDisk::new();
    let engine = set_up(Box::new(MemoryStore::open(&disk)));
    submit(&engine, &[active(1, 1000)], 1000).unwrap();
    disk.fail_commit(0, FailedCommit::Lost);
    assert!(matches!(submit(&engine, &[active(2, 1000)], 1000), Err(EngineError::Failed(_))));
    assert_eq!(total(&engine, 1000), 1);
    // Not even what would repeat: its first occurrence may not be durable.
    assert!(matches!(submit(&engine, &[active(1, 1000)], 1000), Err(EngineError::Failed(_))));
    assert!(engine.failure().is_some());
    assert!(engine.close().is_err());

    let engine = Engine::open(Box::new(MemoryStore::open(&disk)), OPTIONS).unwrap();
    assert_eq!(total(&engine, 1000), 1);
    submit(&engine, &[active(2, 1000)], 1000).unwrap();
    assert_eq!(total(&engine, 1000), 2);
}

#[test]
fn a_closed_engine_says_so() {
    let engine = set_up(Box::new(MemoryStore::open(&MemoryDisk::new())));
    engine.close().unwrap();
    engine.close().unwrap();
    assert!(matches!(submit(&engine, &[active(1, 1000)], 1000), Err(EngineError::Closed)));
    assert!(matches!(engine.set_source(b"x", None), Err(EngineError::Closed)));
}

#[test]
fn positions_of_sources_are_kept() {
    let disk = MemoryDisk::new();
    let engine = set_up(Box::new(MemoryStore::open(&disk)));
    engine.set_source(b"file", Some(b"5")).unwrap();
    engine.set_source(b"other", Some(b"6")).unwrap();
    engine.set_source(b"other", None).unwrap();
    engine.close().unwrap();
    let engine = Engine::open(Box::new(MemoryStore::open(&disk)), OPTIONS).unwrap();
    assert_eq!(engine.source(b"file"), Some(&b"5"[..]));
    assert_eq!(engine.source(b"other"), None);
}

/// Two importers met the same new app at once, and the one that came second was told that it exists before it could be
/// seen: its row was rejected.
#[test]
fn an_app_that_exists_already_can_be_seen() {
    let engine = set_up(Box::new(MemoryStore::open(&MemoryDisk::new())));
    for round in 0..50 {
        let id = format!("new-{round}");
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let app = App { id: AppId::new(&id).unwrap(), name: id.clone(), write_key: String::new() };
                    match engine.edit(CatalogEdit::AddApp { workspace: WORKSPACE, app }, None) {
                        Ok(_) | Err(EngineError::Catalog(CatalogError::AppExists(_))) => {}
                        Err(error) => panic!("{error}"),
                    }
                    assert!(engine.catalog().workspace(WORKSPACE).unwrap().app(&id).is_some());
                });
            }
        });
    }
}
