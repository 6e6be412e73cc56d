//! Sessions and uninstalls: each counted once, against plain sets.

use std::collections::{BTreeMap, BTreeSet};

use dauphin_core::{Arrival, Change, Ledger, RowChanges, Rows, Shard, Stamp};
use dauphin_model::{
    ActiveDay, AppIndex, AsOf, Cause, Day, LocalHour, Measure, ProfileKey, Scope, SessionFingerprint, Zone,
};
use proptest::prelude::*;

use crate::property::cases;

/// User, app (0: none), day, and for a session its hour and id.
type Sent = (u64, u16, i32, Option<(u8, u128)>);

fn sent() -> impl Strategy<Value = Sent> {
    // A session's place follows from its id, as with a sender that repeats itself.
    let session = (0_u128..60).prop_map(|id| {
        let number = u64::try_from(id).unwrap();
        let day = 1000 + i32::try_from(number % 4).unwrap();
        (number % 7, u16::try_from(number % 3).unwrap(), day, Some((u8::try_from(number % 25).unwrap(), id)))
    });
    prop_oneof![session, (0_u64..7, 0_u16..3, 1000_i32..1004).prop_map(|(user, app, day)| (user, app, day, None))]
}

fn day(number: i32) -> ActiveDay {
    ActiveDay::new(Day::new(number).unwrap()).unwrap()
}

fn change(sent: &Sent) -> Change {
    let (user, app, number, session) = *sent;
    // Spread over both halves.
    let profile = ProfileKey::from_u128(u128::from(user) << 64 | u128::from(user % 3) << 40);
    let (app, day) = (app.checked_sub(1).and_then(AppIndex::new), day(number));
    match session {
        Some((hour, id)) => {
            Change::Session { app, day, hour, fingerprint: SessionFingerprint::from_u128(id << 64 | 7) }
        }
        None => Change::Uninstall { profile, app, day },
    }
}

fn restarted(shard: &mut Shard) -> Shard {
    let mut restored = Shard::default();
    let generations = shard.seen_mut().take_dirty();
    for (number, bytes) in generations {
        restored.seen_mut().load(number, &bytes).unwrap();
    }
    restored
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(200)))]

    #[test]
    fn each_is_counted_once_inside_the_horizon(
        batches in prop::collection::vec((prop::collection::vec(sent(), 1..30), 1000_i32..1007), 1..6),
        restart_after in 0_usize..6,
    ) {
        let (mut shard, mut rows, mut ledger) = (Shard::default(), Rows::default(), Ledger::default());
        let mut seen = BTreeSet::new();
        let mut expected = BTreeMap::<(Measure, u16, i32, u8), i64>::new();
        for (index, (batch, recorded)) in batches.iter().enumerate() {
            let stamp = Stamp { recorded: day(*recorded), arrival: Arrival::Sent };
            let mut changes = RowChanges::new();
            let batch_changes: Vec<_> = batch.iter().map(change).collect();
            let applied = shard.apply_all(&batch_changes, stamp, &mut changes);
            prop_assert_eq!((applied.effective, applied.elsewhere), (vec![], vec![]));
            let before = seen.len();
            for (user, app, number, session) in batch {
                let mut add = |measure, scope, hour| *expected.entry((measure, scope, *number, hour)).or_default() += 1;
                match session {
                    Some((hour, id)) if seen.insert((*id, 0, 0, 0)) => {
                        add(Measure::Sessions, 0, *hour);
                        if *app > 0 {
                            add(Measure::Sessions, *app, *hour);
                        }
                    }
                    Some(_) => {}
                    None => {
                        for scope in BTreeSet::from([0, *app]) {
                            if seen.insert((u128::MAX, *user, scope, *number)) {
                                add(Measure::Uninstalls, scope, 0);
                            }
                        }
                    }
                }
            }
            prop_assert_eq!(applied.seen.len(), seen.len() - before);
            let sums = changes.drain();
            rows.add(&sums);
            ledger.add(stamp.recorded, &sums);
            if index == restart_after {
                shard = restarted(&mut shard);
            }
        }
        for scope in 0..3 {
            for measure in [Measure::Sessions, Measure::Uninstalls] {
                let key = measure.of(Scope::from_code(scope).unwrap());
                let by_day: Vec<i64> = (1000..1004)
                    .map(|day| expected.iter().filter(|((m, s, d, _), _)| (*m, *s, *d) == (measure, scope, day)).map(|(_, n)| n).sum())
                    .collect();
                let first = Day::new(1000).unwrap();
                prop_assert_eq!(rows.of(key).active(1, first, 4), by_day.clone());
                let history = ledger.history(key);
                prop_assert_eq!(history.count(dauphin_core::Counting::Active(1), AsOf::Now, first, 4), by_day);
            }
            let zone = Zone::utc();
            let hours: Vec<LocalHour> = (0..25)
                .map(|number| LocalHour { day: Day::new(1001).unwrap(), number, start: zone.start_of(Day::new(1001).unwrap()).unwrap() })
                .collect();
            let by_hour: Vec<i64> =
                (0..25).map(|hour| expected.get(&(Measure::Sessions, scope, 1001, hour)).copied().unwrap_or(0)).collect();
            let key = Measure::Sessions.of(Scope::from_code(scope).unwrap());
            prop_assert_eq!(rows.of(key).by_hour(&hours), by_hour.clone());
            prop_assert_eq!(ledger.history(key).by_hour(&hours, AsOf::Now), by_hour);
        }
    }
}

/// A session that was sent a day late is there now, and was not there at the end of its day.
#[test]
fn a_late_session_is_explained() {
    let (mut shard, mut ledger) = (Shard::default(), Ledger::default());
    for (id, recorded) in [(1, 1000), (2, 1001)] {
        let mut changes = RowChanges::new();
        let stamp = Stamp { recorded: day(recorded), arrival: Arrival::Sent };
        shard.apply_all(&[change(&(1, 1, 1000, Some((23, id))))], stamp, &mut changes);
        ledger.add(stamp.recorded, &changes.drain());
    }
    let history = ledger.history(Measure::Sessions.of(Scope::Workspace));
    let of_day = Day::new(1000).unwrap();
    let hours = [LocalHour { day: of_day, number: 23, start: Zone::utc().start_of(of_day).unwrap() }];
    let states = [AsOf::Now, AsOf::OwnDay, AsOf::Day(of_day), AsOf::Day(Day::new(999).unwrap())];
    assert_eq!(states.map(|as_of| history.by_hour(&hours, as_of)[0]), [2, 1, 1, 0]);
    assert_eq!(history.changes_by_hour(&hours, AsOf::Now), [(Cause::Late, vec![1])]);
    assert_eq!(history.changes_by_hour(&hours, AsOf::Day(of_day)), []);
}
