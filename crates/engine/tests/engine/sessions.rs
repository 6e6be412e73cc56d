use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::channel;

use dauphin_core::{Arrival, Counting, Stamp};
use dauphin_engine::{Engine, EngineError, Receipt, Submission};
use dauphin_model::{AppIndex, AsOf, Day, IdentitySecret, LocalHour, Measure, Scope, SessionFingerprint, Zone};
use dauphin_store::{Embedded, FailedCommit, MemoryDisk, MemoryStore};
use proptest::prelude::*;

use crate::property::{crash, factor};
use crate::support::{OPTIONS, WORKSPACE, day, key, set_up};

/// User, app (0: none), day, and for a session its hour and id; without, an uninstall.
type Sent = (u64, u16, i32, Option<(u8, u128)>);

#[derive(Clone, Debug)]
enum Step {
    Submit(Vec<Sent>, i32),
    Restart,
    Crash,
}

fn sent() -> impl Strategy<Value = Sent> {
    // A session's place follows from its id, as with a sender that repeats itself.
    let session = (0_u128..300).prop_map(|id| {
        let number = u64::try_from(id).unwrap();
        let day = 1000 + i32::try_from(number % 4).unwrap();
        (number % 40, u16::try_from(number % 4).unwrap(), day, Some((u8::try_from(number % 24).unwrap(), id)))
    });
    prop_oneof![4 => session, 1 => (0_u64..20, 0_u16..4, 1000_i32..1004).prop_map(|(user, app, day)| (user, app, day, None))]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (prop::collection::vec(sent(), 1..60), 1000_i32..1007).prop_map(|(sent, recorded)| Step::Submit(sent, recorded)),
        1 => Just(Step::Restart),
        1 => Just(Step::Crash),
    ];
    prop::collection::vec(step, 1..14)
}

fn submit(engine: &Engine, sent: &[Sent], recorded: i32) -> Result<Receipt, EngineError> {
    let mut submission = Submission::new(WORKSPACE, Stamp { recorded: day(recorded), arrival: Arrival::Sent });
    for (user, app, number, session) in sent {
        let app = app.checked_sub(1).and_then(AppIndex::new);
        match session {
            Some((hour, id)) => {
                let fingerprint = SessionFingerprint::of_id(&IdentitySecret::new([1; 16]), app, &id.to_string());
                submission.session(app, day(*number), *hour, fingerprint);
            }
            None => submission.uninstall(key(*user), app, day(*number)),
        }
    }
    assert_eq!(submission.change_count(), sent.len());
    let (sender, receiver) = channel();
    engine.submit(submission, Box::new(move |result| sender.send(result).unwrap()));
    receiver.recv().unwrap()
}

/// Counted once each: by measure, scope, day and hour.
#[derive(Default)]
struct Sets {
    seen: BTreeSet<(u128, u64, u16, i32)>,
    counts: BTreeMap<(Measure, u16, i32, u8), i64>,
}

impl Sets {
    fn add(&mut self, (user, app, number, session): &Sent) {
        for scope in BTreeSet::from([0, *app]) {
            let (measure, hour, print) = match session {
                Some((hour, id)) => (Measure::Sessions, *hour, (*id, 0, scope, 0)),
                None => (Measure::Uninstalls, 0, (u128::MAX, *user, scope, *number)),
            };
            if self.seen.insert(print) {
                *self.counts.entry((measure, scope, *number, hour)).or_default() += 1;
            }
        }
    }

    fn compare(&self, engine: &Engine) {
        for (scope, measure) in (0..4).flat_map(|scope| [(scope, Measure::Sessions), (scope, Measure::Uninstalls)]) {
            let key = measure.of(Scope::from_code(scope).unwrap());
            let first = Day::new(1000).unwrap();
            let of_day = |number: i32| {
                let counts = self.counts.iter().filter(|((m, s, d, _), _)| (*m, *s, *d) == (measure, scope, number));
                counts.map(|(_, count)| count).sum::<i64>()
            };
            let expected: Vec<_> = (1000..1004).map(of_day).collect();
            assert_eq!(engine.rows(WORKSPACE).of(key).active(1, first, 4), expected, "{key:?}");
            let history = engine.history(WORKSPACE, vec![key]).unwrap().remove(0);
            assert_eq!(history.count(Counting::Active(1), AsOf::Now, first, 4), expected, "{key:?}");
            let start = Zone::utc().start_of(first).unwrap();
            let hours: Vec<_> = (0..24).map(|number| LocalHour { day: first, number, start }).collect();
            let expected: Vec<_> =
                (0..24).map(|hour| self.counts.get(&(measure, scope, 1000, hour)).copied().unwrap_or(0)).collect();
            assert_eq!(engine.rows(WORKSPACE).of(key).by_hour(&hours), expected, "{key:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40 * factor()))]

    /// Through the store, its log, its generations and any restart or crash, each is counted once.
    #[test]
    fn restarts_count_nothing_twice(steps in steps()) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("data");
        let mut engine = set_up(Box::new(Embedded::create(&path).unwrap()));
        let mut sets = Sets::default();
        for step in &steps {
            match step {
                Step::Submit(sent, recorded) => {
                    let receipt = submit(&engine, sent, *recorded).unwrap();
                    prop_assert_eq!((receipt.new_user_days, receipt.repeats), (0, 0), "they are no user-days");
                    sent.iter().for_each(|sent| sets.add(sent));
                    sets.compare(&engine);
                }
                Step::Restart => {
                    engine.close().unwrap();
                    engine = Engine::open(Box::new(Embedded::open(&path).unwrap()), OPTIONS).unwrap();
                }
                Step::Crash => engine = crash(&engine, &path),
            }
        }
        sets.compare(&engine);
        engine.close().unwrap();
    }
}

#[test]
fn a_repeated_session_writes_nothing() {
    let disk = MemoryDisk::new();
    let engine = set_up(Box::new(MemoryStore::open(&disk)));
    let session: Sent = (1, 1, 1000, Some((5, 9)));
    submit(&engine, &[session, session], 1000).unwrap();
    let commits = disk.commit_count();
    submit(&engine, &[session], 1001).unwrap();
    assert_eq!(disk.commit_count(), commits);
    let rows = engine.rows(WORKSPACE).of(Measure::Sessions.of(Scope::Workspace));
    assert_eq!(rows.active(1, Day::new(1000).unwrap(), 1), [1]);
}

#[test]
fn history_is_not_shown_once_storage_failed() {
    let disk = MemoryDisk::new();
    let engine = set_up(Box::new(MemoryStore::open(&disk)));
    let keys = || vec![Measure::Sessions.of(Scope::Workspace)];
    submit(&engine, &[(1, 1, 1000, Some((5, 9)))], 1000).unwrap();
    assert_eq!(engine.history(WORKSPACE, keys()).unwrap().len(), 1);
    disk.fail_commit(0, FailedCommit::Lost);
    assert!(submit(&engine, &[(1, 1, 1000, Some((5, 10)))], 1000).is_err());
    assert!(matches!(engine.history(WORKSPACE, keys()), Err(EngineError::Failed(_))));
    assert!(engine.close().is_err());
    assert!(matches!(engine.history(WORKSPACE, keys()), Err(EngineError::Closed)));
}
