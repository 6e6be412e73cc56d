//! Memory has an end, and whoever reaches it is told so before anything is lost.

use std::sync::mpsc::channel;

use dauphin_engine::{Engine, EngineError, EngineOptions, IdentityChange, Receipt, RestoreError, Restored};
use dauphin_store::{Embedded, MemoryDisk, MemoryStore, Store};
use proptest::prelude::*;

use crate::oracle::Event;
use crate::property::{anything, factor};
use crate::support::{OPTIONS, WORKSPACE, add, compare, key, oracle, set_up, set_up_with, stamp, submit};

const fn within(state_bytes_max: usize) -> EngineOptions {
    EngineOptions { state_bytes_max, ..OPTIONS }
}

fn active(user: u64, day: i32) -> Event {
    Event::Active { user, app: 1, day }
}

/// Hands in one event, whatever it is.
fn try_tell(engine: &Engine, event: Event) -> Result<(), EngineError> {
    let mut submission = dauphin_engine::Submission::new(WORKSPACE, stamp(1000));
    let (sender, receiver) = channel();
    match add(&mut submission, event) {
        None => {
            engine.submit(submission, Box::new(move |result| sender.send(result.map(|_| ())).unwrap()));
        }
        Some(change) => {
            let done = Box::new(move |result: Result<Vec<_>, _>| sender.send(result.map(|_| ())).unwrap());
            engine.change_identities(WORKSPACE, stamp(1000), vec![change], None, done);
        }
    }
    receiver.recv().unwrap()
}

/// Sends new users until memory is full; says how many were taken.
fn fill(engine: &Engine, from: u64) -> u64 {
    for user in from.. {
        match submit(engine, &[active(user, 1000)], 1000) {
            Ok(receipt) => assert_eq!(receipt, Receipt { is_visible: true, new_user_days: 1, repeats: 0 }),
            Err(EngineError::MemoryFull { profile_count, byte_count_max }) => {
                assert!(profile_count as u64 >= user - from, "{profile_count} of {user}");
                assert_eq!(byte_count_max, engine.stats().state_bytes_max);
                return user;
            }
            Err(other) => panic!("{other}"),
        }
    }
    unreachable!("memory ends before the numbers do")
}

fn is_full<T>(result: &Result<T, EngineError>) -> bool {
    matches!(result, Err(EngineError::MemoryFull { .. }))
}

#[test]
fn what_is_new_is_refused_and_what_repeats_is_taken() {
    let disk = MemoryDisk::new();
    let engine = set_up_with(Box::new(MemoryStore::open(&disk)), within(300_000));
    let users = fill(&engine, 0);
    assert!(users > 1000, "{users}");
    let stats = engine.stats();
    assert!(stats.state_byte_count >= 300_000 && stats.state_byte_count < 320_000, "{}", stats.state_byte_count);

    let repeats: Vec<_> = (0..users).map(|user| active(user, 1000)).collect();
    let repeated = submit(&engine, &repeats, 1001).unwrap();
    assert_eq!(repeated, Receipt { is_visible: true, new_user_days: 0, repeats: users });
    assert!(is_full(&submit(&engine, &[active(0, 1001)], 1001)), "another day of somebody known");
    assert!(is_full(&submit(&engine, &[active(1, 1000), active(users, 1000)], 1001)), "somebody new between repeats");
    assert!(is_full(&try_tell(&engine, Event::Known { user: users })));
    assert!(is_full(&try_tell(&engine, Event::Claim { user: users, other: 1 })));
    assert!(is_full(&try_tell(&engine, Event::Link { user: 1, other: 2 })));
    assert!(try_tell(&engine, Event::Known { user: 1 }).is_ok());
    assert!(engine.failure().is_none());

    // Nothing of what was refused is there, and what frees memory is done.
    let mut expected = oracle();
    repeats.into_iter().for_each(|event| expected.add(event));
    compare(&engine, &expected, &[1001], &[1, 30]);
    try_tell(&engine, Event::Erase { user: 3 }).unwrap();
    expected.add(Event::Erase { user: 3 });
    compare(&engine, &expected, &[1001], &[1, 30]);
    engine.close().unwrap();

    // The same memory holds what it held, and more of it holds more.
    let engine = Engine::open(Box::new(MemoryStore::open(&disk)), within(300_000)).unwrap();
    compare(&engine, &expected, &[1001], &[1, 30]);
    engine.close().unwrap();
    let engine = Engine::open(Box::new(MemoryStore::open(&disk)), within(600_000)).unwrap();
    assert_eq!(submit(&engine, &[active(users, 1000)], 1001).unwrap().new_user_days, 1);
    engine.close().unwrap();
}

#[test]
fn more_than_fits_is_refused_at_the_start() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data");
    let engine = set_up(Box::new(Embedded::create(&path).unwrap()));
    let users = 40_000;
    for first in (0..users).step_by(1000) {
        let events: Vec<_> = (first..first + 1000).map(|user| active(user, 1000)).collect();
        submit(&engine, &events, 1000).unwrap();
    }
    let needed = engine.stats().state_byte_count;
    engine.close().unwrap();
    let store: Box<dyn Store> = Box::new(Embedded::open_read_only(&path).unwrap());
    for share in [2, 4, 10] {
        let Err(error) = Restored::read_within(store.as_ref(), 2, needed / share) else { panic!("a share of {share}") };
        let text = error.to_string();
        let RestoreError::TooLarge { profile_count, profile_count_max, byte_count_max } = error else {
            panic!("{error}")
        };
        assert_eq!(byte_count_max, needed / share);
        assert!((1..=40_000).contains(&profile_count), "{profile_count}");
        assert!(profile_count_max < profile_count, "{profile_count_max} of {profile_count}");
        assert!(text.contains(&format!("has {profile_count} users or more")), "{text}");
    }
    assert_eq!(Restored::read_within(store.as_ref(), 2, needed).unwrap().check().mismatches, []);
    drop(store);
    let store = Box::new(Embedded::open(&path).unwrap());
    assert!(matches!(Engine::open(store, within(needed / 4)), Err(RestoreError::TooLarge { .. })));
    // Nothing was lost by trying.
    let engine = Engine::open(Box::new(Embedded::open(&path).unwrap()), within(needed)).unwrap();
    assert_eq!(engine.stats().profile_count as u64, users);
    engine.close().unwrap();
}

#[test]
fn changes_of_who_is_who_that_need_no_memory_are_made() {
    let engine = set_up_with(Box::new(MemoryStore::open(&MemoryDisk::new())), within(100_000));
    try_tell(&engine, Event::Link { user: 100_001, other: 100_000 }).unwrap();
    try_tell(&engine, Event::Exclude { user: 100_002 }).unwrap();
    let filled = fill(&engine, 0);
    for event in [
        Event::Exclude { user: 5 },
        Event::Rename { user: 5, other: 100_003 },
        Event::Replace { user: 5, other: 100_003 },
        Event::Link { user: 5, other: 6 },
    ] {
        assert!(is_full(&try_tell(&engine, event)), "{event:?}");
    }
    for event in [
        Event::Unlink { user: 100_001 },
        Event::Include { user: 100_002 },
        Event::Remove { user: 100_001 },
        Event::Erase { user: 100_000 },
    ] {
        assert!(try_tell(&engine, event).is_ok(), "{event:?}");
    }
    assert!(engine.person(WORKSPACE, key(100_000)).is_none());
    // What was erased may have made room.
    fill(&engine, filled);
    // Of several, all or none.
    let (sender, receiver) = channel();
    let several =
        vec![IdentityChange::Erase { profile: key(100_001) }, IdentityChange::Link { profile: key(5), other: key(6) }];
    let done = Box::new(move |result: Result<Vec<_>, _>| sender.send(is_full(&result)).unwrap());
    engine.change_identities(WORKSPACE, stamp(1000), several, None, done);
    assert!(receiver.recv().unwrap());
    assert!(engine.person(WORKSPACE, key(100_001)).is_some());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24 * factor()))]

    /// Wherever memory ends: what was taken is counted, what was refused is not.
    #[test]
    fn what_is_refused_changes_nothing(
        events in prop::collection::vec(anything(), 1..150),
        state_bytes_max in 20_000_usize..200_000,
    ) {
        let disk = MemoryDisk::new();
        let engine = set_up_with(Box::new(MemoryStore::open(&disk)), within(state_bytes_max));
        let mut expected = oracle();
        for event in events {
            match try_tell(&engine, event) {
                Ok(()) => expected.add(event),
                Err(error) => prop_assert!(is_full(&Err::<(), _>(error))),
            }
        }
        compare(&engine, &expected, &[1000, 1029], &[1, 30]);
        engine.close().unwrap();
        let engine = Engine::open(Box::new(MemoryStore::open(&disk)), OPTIONS).unwrap();
        compare(&engine, &expected, &[1000, 1029], &[1, 30]);
    }
}
