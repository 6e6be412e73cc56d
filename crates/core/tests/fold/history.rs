//! What was known when, and why it changed since, against sets kept for every day of recording.

use dauphin_core::{Counting, History};
use dauphin_model::{AsOf, Cause, Day, RowKey, Scope};
use proptest::prelude::*;

use crate::oracle::{self, Event, Oracle};
use crate::property::{Workspace, cases, oracle as nobody};

/// Events and the day they were recorded on; days of recording never go back.
type Batches = Vec<(Vec<Event>, i32)>;

fn batches() -> impl Strategy<Value = Batches> {
    let day = prop_oneof![6 => 1000_i32..1012, 1 => 640_i32..1000];
    let event = prop_oneof![
        9 => (0_u64..10, 0_u16..3, day).prop_map(|(user, app, day)| Event::Active { user, app, day }),
        1 => (0_u64..10, 0_u64..10).prop_map(|(user, other)| Event::Link { user, other }),
    ];
    let batch = (prop::collection::vec(event, 1..14), 998_i32..1014);
    prop::collection::vec(batch, 1..8).prop_map(|mut batches| {
        batches.sort_by_key(|(_, recorded)| *recorded);
        batches
    })
}

/// What was known at the end of a day.
fn known(batches: &Batches, day: i32) -> Oracle {
    let mut oracle = nobody();
    batches.iter().filter(|(_, recorded)| *recorded <= day).for_each(|(events, _)| {
        events.iter().for_each(|event| oracle.add(*event));
    });
    oracle
}

/// How one event after another moved a point after its day had ended, by cause.
fn moves(
    batches: &Batches,
    scope: u16,
    point: i32,
    until: i32,
    count: &dyn Fn(&Oracle, u16) -> i64,
) -> Vec<(Cause, i64)> {
    let mut oracle = known(batches, point);
    let mut sums = std::collections::BTreeMap::<Cause, i64>::new();
    for (events, recorded) in batches.iter().filter(|(_, recorded)| point < *recorded && *recorded <= until) {
        for event in events {
            let cause = match event {
                Event::Active { day, .. } if day >= recorded => Cause::Live,
                Event::Active { .. } => Cause::Late,
                _ => Cause::Link,
            };
            let before = count(&oracle, scope);
            oracle.add(*event);
            *sums.entry(cause).or_default() += count(&oracle, scope) - before;
        }
    }
    sums.into_iter().filter(|(_, sum)| *sum != 0).collect()
}

fn day(number: i32) -> Day {
    Day::new(number).unwrap()
}

const FIRST: i32 = 997;
const LENGTH: u16 = 20;

fn points() -> impl Iterator<Item = i32> {
    FIRST..FIRST + i32::from(LENGTH)
}

fn check(history: &History, batches: &Batches, scope: u16, as_of: AsOf, window: u16) {
    let known_at = |point: i32| match as_of {
        AsOf::Now => known(batches, i32::MAX),
        AsOf::Day(day) => known(batches, day.number()),
        AsOf::OwnDay => known(batches, point),
    };
    let width = i32::from(window);
    let expected: Vec<_> =
        points().map(|point| oracle::active(&known_at(point).calendars(scope), width, point)).collect();
    let place = format!("scope {scope}, {as_of:?}, window {window}");
    assert_eq!(history.count(Counting::Active(window), as_of, day(FIRST), LENGTH), expected, "{place}");
    let growth: Vec<_> =
        points().map(|point| oracle::growth(&known_at(point).calendars(scope), width, point)).collect();
    let got = history.growth(window.min(366), as_of, day(FIRST), LENGTH);
    if window <= 366 {
        let got: Vec<_> = got.iter().map(|g| [g.new, g.resurrected, g.retained, g.churned]).collect();
        assert_eq!(got, growth, "growth, {place}");
    }
    let new: Vec<_> = growth.iter().map(|growth| growth[0]).collect();
    assert_eq!(history.count(Counting::New, as_of, day(FIRST), LENGTH), new, "new, {place}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(60)))]

    #[test]
    fn every_state_equals_the_sets_of_its_day(batches in batches(), as_of in 995_i32..1016) {
        let mut workspace = Workspace::default();
        for (events, recorded) in &batches {
            workspace.apply(events, *recorded);
        }
        workspace.restart();
        for scope in 0..3 {
            let history = workspace.ledger.history(RowKey::active(Scope::from_code(scope).unwrap()));
            for as_of in [AsOf::Now, AsOf::Day(day(as_of)), AsOf::OwnDay] {
                for window in [1, 2, 7, 30, 366, 367] {
                    check(&history, &batches, scope, as_of, window);
                }
            }
            let rows = workspace.rows.scope(Scope::from_code(scope).unwrap());
            prop_assert_eq!(
                history.growth(30, AsOf::Now, day(FIRST), LENGTH),
                rows.growth(30, day(FIRST), LENGTH),
                "the parts add up to the rows"
            );
        }
    }

    #[test]
    fn changes_say_how_each_point_moved(batches in batches(), as_of in 995_i32..1016) {
        let mut workspace = Workspace::default();
        for (events, recorded) in &batches {
            workspace.apply(events, *recorded);
        }
        for scope in 0..3 {
            let history = workspace.ledger.history(RowKey::active(Scope::from_code(scope).unwrap()));
            for (as_of, until) in [(AsOf::Now, i32::MAX), (AsOf::Day(day(as_of)), as_of), (AsOf::OwnDay, i32::MIN)] {
                for window in [1, 3, 30] {
                    let changes = history.changes(Counting::Active(window), as_of, day(FIRST), LENGTH);
                    for (index, point) in points().enumerate() {
                        let got: Vec<_> =
                            changes.iter().map(|(cause, sum)| (*cause, sum[index])).filter(|(_, sum)| *sum != 0).collect();
                        let count = |oracle: &Oracle, scope| oracle::active(&oracle.calendars(scope), i32::from(window), point);
                        prop_assert_eq!(got, moves(&batches, scope, point, until, &count), "{} {} {:?}", scope, point, as_of);
                    }
                }
                let changes = history.changes(Counting::New, as_of, day(FIRST), LENGTH);
                for (index, point) in points().enumerate() {
                    let got: Vec<_> =
                        changes.iter().map(|(cause, sum)| (*cause, sum[index])).filter(|(_, sum)| *sum != 0).collect();
                    let count = |oracle: &Oracle, scope| oracle::growth(&oracle.calendars(scope), 1, point)[0];
                    prop_assert_eq!(got, moves(&batches, scope, point, until, &count), "new, {} {} {:?}", scope, point, as_of);
                }
            }
        }
    }
}

/// A view keeps what it showed, whatever is recorded after it was taken.
#[test]
fn a_history_that_was_taken_does_not_move() {
    let mut workspace = Workspace::default();
    workspace.apply(&[Event::Active { user: 1, app: 0, day: 1000 }], 1000);
    let taken = workspace.ledger.history(RowKey::active(Scope::Workspace));
    workspace.apply(&[Event::Active { user: 2, app: 0, day: 1000 }], 1001);
    let now = workspace.ledger.history(RowKey::active(Scope::Workspace));
    let count = |history: &History, as_of| history.count(Counting::Active(1), as_of, day(1000), 1);
    assert_eq!((count(&taken, AsOf::Now), count(&now, AsOf::Now)), (vec![1], vec![2]));
    assert_eq!((count(&now, AsOf::OwnDay), count(&now, AsOf::Day(day(1000)))), (vec![1], vec![1]));
    assert_eq!(count(&now, AsOf::Day(day(999))), [0]);
    assert_eq!(now.changes(Counting::Active(1), AsOf::Now, day(1000), 1), [(Cause::Late, vec![1])]);
}

/// The days at both ends of what can hold activity, and a series that begins before and ends after them.
#[test]
fn a_series_may_reach_beyond_what_can_hold_activity() {
    let mut workspace = Workspace::default();
    workspace.apply(&[Event::Active { user: 1, app: 0, day: -1 }, Event::Active { user: 1, app: 0, day: 65_534 }], 0);
    let history = workspace.ledger.history(RowKey::active(Scope::Workspace));
    let count = |first| history.count(Counting::Active(2), AsOf::Now, day(first), 4);
    assert_eq!((count(-2), count(65_532)), (vec![0, 1, 1, 0], vec![0, 0, 1, 1]));
    assert_eq!((count(-700_000), count(2_000_000)), (vec![0; 4], vec![0; 4]));
}
