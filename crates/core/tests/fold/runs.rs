//! An import folds what it says of a profile together. It must come to what one change after another comes to.

use std::collections::{BTreeMap, BTreeSet};

use dauphin_core::{Arrival, Change, Identities, IdentityChange, RowChanges, Shard, Stamp};
use dauphin_model::{ActiveDay, AppIndex, Cause, ProfileKey};
use proptest::prelude::*;

type Sums = BTreeMap<(u16, u16, u16), i64>;
type Days = BTreeMap<Option<AppIndex>, BTreeSet<ActiveDay>>;

/// All in one shard, most of them in one bucket, some told apart by the upper half alone.
fn key(user: u32) -> ProfileKey {
    ProfileKey::from_u128(u128::from(user) << 64 | u128::from(user % 7) << 57 | u128::from(user % 600))
}

fn active(user: u32, app: u16, day: u16) -> Change {
    Change::Active {
        profile: key(user),
        app: app.checked_sub(1).and_then(AppIndex::new),
        day: ActiveDay::from_code(day),
    }
}

/// A workspace whose first shard is used.
#[derive(Default)]
struct Folding {
    shards: [Shard; 16],
    sums: Sums,
    effective: Vec<Change>,
}

impl Folding {
    fn identify(&mut self, changes: &[IdentityChange]) {
        let mut rows = RowChanges::new();
        let mut identities = Identities::new(self.shards.each_mut());
        for change in changes {
            identities.apply(*change, &mut rows);
        }
        self.add(&mut rows);
    }

    fn fold(&mut self, changes: &[Change], arrival: Arrival) {
        let mut rows = RowChanges::new();
        let stamp = Stamp { recorded: ActiveDay::from_code(0), arrival };
        let applied = self.shards[0].apply_all(changes, stamp, &mut rows);
        assert_eq!(applied.elsewhere, []);
        self.effective.extend(applied.effective);
        let cause = if arrival == Arrival::Imported { Cause::Import } else { Cause::Live };
        for change in self.add(&mut rows) {
            assert_eq!(change, cause);
        }
    }

    /// Gives the causes.
    fn add(&mut self, rows: &mut RowChanges) -> Vec<Cause> {
        let changes = rows.drain();
        for change in &changes {
            let place = (change.key.code(), change.day.code(), u16::try_from(change.bucket.index()).unwrap());
            *self.sums.entry(place).or_default() += change.delta;
        }
        self.sums.retain(|_, sum| *sum != 0);
        changes.iter().map(|change| change.cause).collect()
    }

    /// The activity that is to be remembered, in no order. Whether a profile becomes known before that or by it is one.
    fn remembered(&self) -> BTreeSet<String> {
        let active: Vec<_> = self.effective.iter().filter(|change| !matches!(change, Change::Known { .. })).collect();
        let remembered: BTreeSet<_> = active.iter().map(|change| format!("{change:?}")).collect();
        assert_eq!(remembered.len(), active.len(), "nothing is remembered twice");
        remembered
    }

    fn days(&self, users: u32) -> Vec<(Days, bool)> {
        let of = |user| (self.shards[0].days_of(key(user)), self.shards[0].contains(key(user)));
        (0..users).map(of).collect()
    }
}

/// One after another, and in groups of so many.
fn check(users: u32, identities: &[IdentityChange], changes: &[Change], group: usize) {
    let (mut one_by_one, mut in_runs) = (Folding::default(), Folding::default());
    for folding in [&mut one_by_one, &mut in_runs] {
        folding.identify(identities);
    }
    changes.chunks(1).for_each(|change| one_by_one.fold(change, Arrival::Sent));
    changes.chunks(group).for_each(|group| in_runs.fold(group, Arrival::Imported));
    assert_eq!(in_runs.sums, one_by_one.sums);
    assert_eq!(in_runs.days(users), one_by_one.days(users));
    assert_eq!(in_runs.remembered(), one_by_one.remembered());
}

fn change(users: u32) -> impl Strategy<Value = Change> {
    let day = prop_oneof![6 => 20_000_u16..20_060, 1 => 20_000_u16..21_000, 1 => any::<u16>()];
    prop_oneof![
        20 => (0..users, 0_u16..4, day).prop_map(|(user, app, day)| active(user, app, day)),
        1 => (0..users).prop_map(|user| Change::Known { profile: key(user) }),
    ]
}

fn identity(users: u32) -> impl Strategy<Value = IdentityChange> {
    prop_oneof![
        (0..users, 0..users).prop_map(|(user, other)| IdentityChange::Link { profile: key(user), other: key(other) }),
        (0..users).prop_map(|user| IdentityChange::Exclude { profile: key(user) }),
    ]
}

proptest! {
    #[test]
    fn runs_come_to_what_one_after_another_comes_to(
        identities in prop::collection::vec(identity(6), 0..3),
        changes in prop::collection::vec(change(6), 1..300),
        group in 1_usize..300,
    ) {
        check(6, &identities, &changes, group);
    }
}

/// So many that they are dealt into parts, and that their notes are summed in a table.
#[test]
fn many_changes_come_to_what_one_after_another_comes_to() {
    let mut state = 1_u32;
    let mut next = |below: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) % below
    };
    let users = 900;
    let changes: Vec<_> = (0..40_000_u32)
        .map(|number| {
            let day = 20_000 + number / 200 - next(30) * u32::from(next(8) == 0);
            active(next(users), u16::try_from(next(3)).unwrap(), u16::try_from(day).unwrap())
        })
        .collect();
    check(users, &[], &changes, 15_000);
}
