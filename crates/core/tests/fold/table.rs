use dauphin_core::{Identities, IdentityChange, IdentityOutcome, RowChanges, Shard};
use dauphin_model::limits::PERSON_PROFILES_MAX;
use dauphin_model::{Day, Scope};

use crate::oracle::Event;
use crate::property::{Workspace, key, oracle};

/// `user app day` a line; each line of `expected` is `scope window day: active new resurrected retained churned`.
fn check(events: &str, expected: &str) {
    let numbers = |line: &str| -> Vec<i64> {
        line.split([' ', ':']).filter(|word| !word.is_empty()).map(|word| word.parse().unwrap()).collect()
    };
    let events: Vec<_> = events
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(|line| match line.strip_prefix("link ") {
            Some(pair) => {
                let pair = numbers(pair);
                Event::Link { user: pair[0].unsigned_abs(), other: pair[1].unsigned_abs() }
            }
            None => {
                let row = numbers(line);
                Event::Active {
                    user: row[0].unsigned_abs(),
                    app: u16::try_from(row[1]).unwrap(),
                    day: i32::try_from(row[2]).unwrap(),
                }
            }
        })
        .collect();
    let mut oracle = oracle();
    events.iter().for_each(|event| oracle.add(*event));
    let mut workspace = Workspace::default();
    for restarted in [false, true] {
        if restarted {
            workspace.restart();
        } else {
            workspace.apply(&events, 1000);
        }
        for line in expected.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let row = numbers(line);
            let scope = Scope::from_code(u16::try_from(row[0]).unwrap()).unwrap();
            let day = Day::new(i32::try_from(row[2]).unwrap()).unwrap();
            let growth = workspace.rows.scope(scope).growth(u16::try_from(row[1]).unwrap(), day, 1)[0];
            let got = [growth.active, growth.new, growth.resurrected, growth.retained, growth.churned];
            assert_eq!(got, row[3..], "{line} (restarted: {restarted})");
        }
        workspace.check(&oracle, &[100, 130, 131, 500], &[1, 2, 7, 28, 30, 366, 367]);
    }
}

#[test]
fn a_single_user_comes_and_goes() {
    check(
        "2 1 100
         2 1 103",
        "0 1 100: 1 1 0 0 0
         0 1 101: 0 0 0 0 1
         0 1 103: 1 0 1 0 0
         0 3 102: 1 0 0 1 0
         0 3 103: 1 0 0 1 0
         0 2 103: 1 0 1 0 0
         0 4 103: 1 0 0 1 0
         1 30 132: 1 0 0 1 0
         1 30 133: 0 0 0 0 1
         2 30 103: 0 0 0 0 0",
    );
}

#[test]
fn the_workspace_counts_a_person_once_and_is_new_once() {
    check(
        "2 1 100
         2 2 101
         2 0 99
         3 2 101",
        "0 1 101: 2 1 0 1 0
         0 30 101: 2 1 0 1 0
         1 1 100: 1 1 0 0 0
         2 1 101: 2 2 0 0 0
         0 1 99: 1 1 0 0 0",
    );
}

#[test]
fn a_late_event_between_two_days_moves_the_later_gap() {
    check(
        "2 1 100
         2 1 140
         2 1 120",
        "0 30 120: 1 0 0 1 0
         0 30 140: 1 0 0 1 0
         0 15 120: 1 0 1 0 0
         0 15 140: 1 0 1 0 0",
    );
}

#[test]
fn two_profiles_become_one_person_past_included() {
    check(
        "2 1 100
         4 1 100
         4 2 101
         link 2 4",
        "0 1 100: 1 1 0 0 0
         0 1 101: 1 0 0 1 0
         1 1 100: 1 1 0 0 0
         2 1 101: 1 1 0 0 0",
    );
}

#[test]
fn gaps_of_a_year_and_more() {
    check(
        "2 1 100
         2 1 466
         4 1 100
         4 1 467",
        "0 366 466: 1 0 0 1 1
         0 366 467: 2 0 1 1 0
         0 365 466: 1 0 1 0 0",
    );
}

#[test]
fn a_person_has_room_for_so_many_profiles_and_no_more() {
    let mut shards: [Shard; 16] = std::array::from_fn(|_| Shard::default());
    let mut identities = Identities::new(shards.each_mut());
    let mut rows = RowChanges::new();
    let mut claim =
        |anonymous: u64| identities.apply(IdentityChange::Claim { anonymous: key(anonymous), user: key(0) }, &mut rows);
    let most = u64::try_from(PERSON_PROFILES_MAX).unwrap();
    for anonymous in 1..most {
        assert_eq!(claim(anonymous), IdentityOutcome::Changed);
    }
    assert_eq!(
        [claim(most), claim(most), claim(1)],
        [IdentityOutcome::TooMany, IdentityOutcome::Unchanged, IdentityOutcome::Unchanged]
    );
}
