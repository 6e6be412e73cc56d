use dauphin_engine::{Engine, Restored};
use dauphin_store::{Embedded, Store};
use proptest::prelude::*;

use crate::oracle::{Event, Oracle};
use crate::support::{OPTIONS, compare, set_up, submit};

#[derive(Clone, Debug)]
enum Step {
    Submit(Vec<Event>, i32),
    /// Close and open again.
    Restart,
    /// Drop without closing and open again.
    Crash,
}

fn event() -> impl Strategy<Value = Event> {
    let day = prop_oneof![5 => 1000_i32..1030, 3 => 700_i32..1400];
    (0_u64..40, 0_u16..4, day).prop_map(|(user, app, day)| Event::Active { user, app, day })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (prop::collection::vec(event(), 1..60), 990_i32..1040).prop_map(|(events, recorded)| Step::Submit(events, recorded)),
        1 => Just(Step::Restart),
        1 => Just(Step::Crash),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60 * factor()))]

    /// Through the real store, its log, its pages and any restart: the rows equal the sets, and so does a recount.
    #[test]
    fn the_engine_equals_the_sets_through_restarts(steps in prop::collection::vec(step(), 1..14), end in 995_i32..1400) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("data");
        let mut engine = set_up(Box::new(Embedded::create(&path).unwrap()));
        let mut oracle = Oracle::default();
        for step in &steps {
            match step {
                Step::Submit(events, recorded) => {
                    submit(&engine, events, *recorded).unwrap();
                    events.iter().for_each(|event| oracle.add(*event));
                    compare(&engine, &oracle, &[end], &[1, 30]);
                }
                Step::Restart => {
                    engine.close().unwrap();
                    engine = Engine::open(Box::new(Embedded::open(&path).unwrap()), OPTIONS).unwrap();
                }
                Step::Crash => engine = crash(&engine, &path),
            }
        }
        compare(&engine, &oracle, &[1015, end], &[1, 7, 28, 30, 90, 365, 366]);
        engine.close().unwrap();
        let store: Box<dyn Store> = Box::new(Embedded::open_read_only(&path).unwrap());
        let report = Restored::read(store.as_ref(), 2).unwrap().check();
        prop_assert_eq!(report.mismatches, []);
    }
}

/// Copies what is on disk while the engine still holds it, as a crash would leave it, and goes on with the copy.
pub fn crash(engine: &Engine, path: &std::path::Path) -> Engine {
    let copy = path.with_extension("crashed");
    std::fs::create_dir(&copy).unwrap();
    for entry in std::fs::read_dir(path).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), copy.join(entry.file_name())).unwrap();
    }
    engine.close().unwrap();
    std::fs::remove_dir_all(path).unwrap();
    std::fs::rename(&copy, path).unwrap();
    Engine::open(Box::new(Embedded::open(path).unwrap()), OPTIONS).unwrap()
}

pub fn factor() -> u32 {
    std::env::var("DAUPHIN_PROPERTY_FACTOR").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

/// Enough users that every shard has several pages, sweeps run, and pages are rewritten.
#[test]
fn many_pages_survive_sweeps_and_restarts() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data");
    let mut engine = set_up(Box::new(Embedded::create(&path).unwrap()));
    let mut oracle = Oracle::default();
    let mut state = 7_u64;
    let mut random = move |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut users = Vec::new();
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
            users.extend(events);
        }
        if round % 2 == 0 {
            engine.close().unwrap();
            engine = Engine::open(Box::new(Embedded::open(&path).unwrap()), OPTIONS).unwrap();
        } else {
            engine = crash(&engine, &path);
        }
    }
    // One person a user: the sets are filled directly, the oracle's search for persons is too slow for so many.
    oracle.add_unlinked(&users);
    compare(&engine, &oracle, &[1030, 1070], &[1, 30]);
    engine.close().unwrap();
    let store: Box<dyn Store> = Box::new(Embedded::open_read_only(&path).unwrap());
    let restored = Restored::read(store.as_ref(), 1).unwrap();
    let report = restored.check();
    assert_eq!(report.mismatches, []);
    assert!(report.points_checked > 4 * 100 * 11);
}
