use std::collections::BTreeMap;

use dauphin_engine::{Engine, PersonView, Restored};
use dauphin_store::{Embedded, Store};
use proptest::prelude::*;

use crate::oracle::Event;
use crate::support::{OPTIONS, WORKSPACE, compare, key, oracle, set_up, submit, tell};

#[derive(Clone, Debug)]
enum Step {
    Submit(Vec<Event>, i32),
    /// Fold the log into pages.
    Sweep,
    /// Close and open again.
    Restart,
    /// Drop without closing and open again.
    Crash,
}

fn event() -> impl Strategy<Value = Event> {
    let day = prop_oneof![5 => 1000_i32..1030, 3 => 700_i32..1400];
    (0_u64..40, 0_u16..4, day).prop_map(|(user, app, day)| Event::Active { user, app, day })
}

/// Few users, so that much happens to each.
pub fn anything() -> impl Strategy<Value = Event> {
    let user = || 0_u64..16;
    let pair = || (0_u64..16, 0_u64..20);
    let day = prop_oneof![5 => 1000_i32..1030, 3 => 700_i32..1400];
    prop_oneof![
        12 => (user(), 0_u16..4, day).prop_map(|(user, app, day)| Event::Active { user, app, day }),
        3 => pair().prop_map(|(user, other)| Event::Link { user, other }),
        3 => pair().prop_map(|(user, other)| Event::Claim { user, other }),
        1 => user().prop_map(|user| Event::Known { user }),
        2 => user().prop_map(|user| Event::Unlink { user }),
        1 => user().prop_map(|user| Event::Erase { user }),
        1 => user().prop_map(|user| Event::Exclude { user }),
        1 => user().prop_map(|user| Event::Include { user }),
        2 => pair().prop_map(|(user, other)| Event::Rename { user, other }),
        1 => pair().prop_map(|(user, other)| Event::Replace { user, other }),
        2 => user().prop_map(|user| Event::Remove { user }),
    ]
}

fn identity_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (prop::collection::vec(anything(), 1..30), 990_i32..1040).prop_map(|(events, recorded)| Step::Submit(events, recorded)),
        1 => Just(Step::Sweep),
        1 => Just(Step::Restart),
        2 => Just(Step::Crash),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (prop::collection::vec(event(), 1..60), 990_i32..1040).prop_map(|(events, recorded)| Step::Submit(events, recorded)),
        1 => Just(Step::Sweep),
        1 => Just(Step::Restart),
        1 => Just(Step::Crash),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60 * factor()))]

    /// Through the real store, its log, its pages and any restart: the rows equal the sets, and so does a recount.
    #[test]
    fn the_engine_equals_the_sets_through_restarts(steps in prop::collection::vec(step(), 1..14), end in 995_i32..1400) {
        run(&steps, end, &|engine, events, recorded| {
            submit(engine, events, recorded).unwrap();
        });
    }

    /// The same when anything happens to who is who.
    #[test]
    fn whoever_is_who_the_engine_equals_the_sets(steps in prop::collection::vec(identity_step(), 1..14), end in 995_i32..1400) {
        run(&steps, end, &tell);
    }
}

fn run(steps: &[Step], end: i32, hand_in: &dyn Fn(&Engine, &[Event], i32)) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data");
    let mut engine = set_up(Box::new(Embedded::create(&path).unwrap()));
    let mut oracle = oracle();
    for step in steps {
        match step {
            Step::Submit(events, recorded) => {
                hand_in(&engine, events, *recorded);
                events.iter().for_each(|event| oracle.add(*event));
                compare(&engine, &oracle, &[end], &[1, 30]);
            }
            Step::Sweep => {
                engine.sweep().unwrap();
                assert!(engine.stats().commits.log_byte_count < OPTIONS.log_bytes_min);
            }
            Step::Restart => {
                engine.close().unwrap();
                engine = Engine::open(Box::new(Embedded::open(&path).unwrap()), OPTIONS).unwrap();
            }
            Step::Crash => engine = crash(&engine, &path),
        }
    }
    compare(&engine, &oracle, &[1015, end], &[1, 7, 28, 30, 90, 365, 366]);
    for user in 0..20 {
        let days = |view: &PersonView| {
            let apps = view.days.iter().map(|(app, days)| (app.map_or(0, |app| app.get() + 1), days));
            apps.flat_map(|(app, days)| days.iter().map(move |day| (app, day.day().number()))).collect()
        };
        let view = engine.person(WORKSPACE, key(user));
        let person = view.map(|view| (view.profile_count, view.excluded, days(&view)));
        assert_eq!(person, oracle.view(user), "user {user}");
    }
    engine.close().unwrap();
    let store: Box<dyn Store> = Box::new(Embedded::open_read_only(&path).unwrap());
    let report = Restored::read(store.as_ref(), 2).unwrap().check();
    assert_eq!(report.mismatches, []);
}

/// Copies what is on disk while the engine still holds it, as a crash would leave it, and goes on with the copy. A sweep
/// may be writing: a copy of several moments is no crash, so files are read until nothing changed meanwhile.
pub fn crash(engine: &Engine, path: &std::path::Path) -> Engine {
    let copy = path.with_extension("crashed");
    std::fs::create_dir(&copy).unwrap();
    let read = || {
        let entries = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap());
        entries.map(|entry| (entry.file_name(), std::fs::read(entry.path()).unwrap())).collect::<BTreeMap<_, _>>()
    };
    let mut files = read();
    loop {
        let again = read();
        if files == again {
            break;
        }
        files = again;
    }
    for (name, bytes) in files {
        std::fs::write(copy.join(name), bytes).unwrap();
    }
    engine.close().unwrap();
    std::fs::remove_dir_all(path).unwrap();
    std::fs::rename(&copy, path).unwrap();
    Engine::open(Box::new(Embedded::open(path).unwrap()), OPTIONS).unwrap()
}

pub fn factor() -> u32 {
    std::env::var("DAUPHIN_PROPERTY_FACTOR").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

/// Enough users that every shard has several pages, sweeps run, pages are rewritten, and profiles move between them.
#[test]
fn many_pages_survive_sweeps_and_restarts() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data");
    let mut engine = set_up(Box::new(Embedded::create(&path).unwrap()));
    let mut oracle = oracle();
    let mut state = 7_u64;
    let mut random = move |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    for round in 0..6_i32 {
        for _ in 0..10 {
            let events: Vec<_> = (0..1500)
                .map(|_| {
                    let user = random(50_000);
                    let app = u16::try_from(random(3)).unwrap();
                    let day = 1000 + round * 10 + i32::try_from(random(60)).unwrap();
                    Event::Active { user, app, day }
                })
                .collect();
            submit(&engine, &events, 1000 + round * 10).unwrap();
            events.into_iter().for_each(|event| oracle.add(event));
            let changes: Vec<_> = (0..150)
                .map(|_| match (random(5), random(50_000), random(50_000)) {
                    (0, user, _) => Event::Erase { user },
                    (1, user, other) => Event::Replace { user, other: other + 50_000 },
                    (2, user, _) => Event::Unlink { user },
                    (_, user, other) => Event::Link { user, other },
                })
                .collect();
            tell(&engine, &changes, 1000 + round * 10);
            changes.into_iter().for_each(|event| oracle.add(event));
        }
        if round % 2 == 0 {
            engine.close().unwrap();
            engine = Engine::open(Box::new(Embedded::open(&path).unwrap()), OPTIONS).unwrap();
        } else {
            engine = crash(&engine, &path);
        }
    }
    compare(&engine, &oracle, &[1030, 1070], &[1, 30]);
    engine.close().unwrap();
    let store: Box<dyn Store> = Box::new(Embedded::open_read_only(&path).unwrap());
    let restored = Restored::read(store.as_ref(), 1).unwrap();
    let report = restored.check();
    assert_eq!(report.mismatches, []);
    assert!(report.points_checked > 4 * 100 * 11);
}

/// Links and activity of the same people from several threads: whatever comes first, the end is the same, and nobody waits
/// for ever.
#[test]
fn links_and_activity_from_many_threads() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data");
    let engine = set_up(Box::new(Embedded::create(&path).unwrap()));
    let mut oracle = oracle();
    let events: Vec<Vec<Event>> = (0..4_u64)
        .map(|thread| {
            let number = |index: u64, below: u64| (index * 7919 + thread * 104_729) % below;
            (0..400_u64)
                .map(|index| match number(index, 10) {
                    0 | 1 => Event::Link { user: number(index, 300), other: number(index + 1, 300) },
                    _ => {
                        let day = 1000 + i32::try_from(number(index, 40)).unwrap();
                        Event::Active { user: number(index, 300), app: u16::try_from(number(index, 4)).unwrap(), day }
                    }
                })
                .collect()
        })
        .collect();
    std::thread::scope(|scope| {
        for events in &events {
            scope.spawn(|| events.chunks(7).for_each(|chunk| tell(&engine, chunk, 1050)));
        }
    });
    events.into_iter().flatten().for_each(|event| oracle.add(event));
    compare(&engine, &oracle, &[1010, 1040], &[1, 7, 30]);
    engine.close().unwrap();
    let store: Box<dyn Store> = Box::new(Embedded::open_read_only(&path).unwrap());
    assert_eq!(Restored::read(store.as_ref(), 2).unwrap().check().mismatches, []);
}
