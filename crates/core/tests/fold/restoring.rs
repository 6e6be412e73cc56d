//! Pages and a log that tell of different moments, as a crash leaves them.

use std::collections::{BTreeMap, BTreeSet};

use dauphin_core::{Arrival, Change, Identities, IdentityChange, PageError, RowChanges, Shard, Stamp};
use dauphin_model::{ActiveDay, ProfileKey};
use proptest::prelude::*;

use crate::property::cases;

/// All of them in the first shard.
fn key(user: u64) -> ProfileKey {
    let mixed = (user + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ProfileKey::from_u128(u128::from(user) << 64 | u128::from(mixed ^ mixed >> 29))
}

fn active(user: u64, day: u16) -> Change {
    Change::Active { profile: key(user), app: None, day: ActiveDay::from_code(day) }
}

fn fold(shard: &mut Shard, change: Change) {
    let stamp = Stamp { recorded: ActiveDay::from_code(9), arrival: Arrival::Sent };
    shard.apply_all(&[change], stamp, &mut RowChanges::new());
}

fn erase(shard: &mut Shard, user: u64) {
    let mut others: [Shard; 15] = std::array::from_fn(|_| Shard::default());
    let mut all = std::iter::once(shard).chain(&mut others);
    let mut identities = Identities::new(std::array::from_fn(|_| all.next().unwrap()));
    identities.apply(IdentityChange::Erase { profile: key(user) }, &mut RowChanges::new());
}

fn page(shard: &mut Shard, page: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    shard.write_page(page, &mut bytes);
    bytes
}

/// A user's active days.
fn days_of(shard: &Shard, user: u64) -> BTreeSet<u16> {
    shard.days_of(key(user)).into_values().flatten().map(ActiveDay::code).collect()
}

/// What happened, as the log has it.
#[derive(Clone, Copy)]
enum Logged {
    Active(u64, u16),
    Left(u64),
}

/// A shard and what a store has of it.
#[derive(Default)]
struct Stored {
    shard: Shard,
    pages: BTreeMap<usize, (Vec<u8>, u64)>,
    log: BTreeMap<u64, Logged>,
    sequence: u64,
    /// Up to where a sweep came down, and the log record at which it began.
    sweep: Option<(usize, u64)>,
}

impl Stored {
    fn log(&mut self, logged: Logged) {
        self.sequence += 1;
        self.log.insert(self.sequence, logged);
    }

    /// Writes so many pages of a sweep, which is begun if there is none; what it replaces of the log is removed at its end.
    fn sweep(&mut self, page_count: usize) {
        for _ in 0..page_count {
            let (below, until) = self.sweep.get_or_insert((self.shard.page_count(), self.sequence));
            let Some(number) = self.shard.next_page(below) else {
                let until = *until;
                self.log.retain(|sequence, _| *sequence > until);
                self.sweep = None;
                return;
            };
            let bytes = page(&mut self.shard, number);
            self.pages.insert(number, (bytes, self.sequence));
        }
    }

    fn restart(&mut self) {
        self.shard = Shard::default();
        self.sweep = None;
        for (number, (bytes, sequence)) in &self.pages {
            self.shard.load_page(*number, bytes, *sequence).unwrap();
        }
        for (sequence, logged) in &self.log {
            match logged {
                Logged::Active(user, day) => self.shard.replay(&active(*user, *day), *sequence),
                Logged::Left(user) => self.shard.replay_left(key(*user), *sequence),
            }
        }
        self.shard.restored();
    }
}

#[derive(Clone, Debug)]
enum Step {
    /// So many users from one on are active.
    Active(u64, u64, u16),
    /// Every third of so many users is erased.
    Erased(u64, u64),
    Sweep(usize),
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0_u64..12_000, 1_u64..3_000, 1_u16..6).prop_map(|(from, count, day)| Step::Active(from, count, day)),
        2 => (0_u64..12_000, 1_u64..900).prop_map(|(from, count)| Step::Erased(from, count)),
        4 => (1_usize..9).prop_map(Step::Sweep),
        1 => Just(Step::Sweep(1_000)),
        2 => Just(Step::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(200)))]

    #[test]
    fn whatever_a_sweep_came_to_a_restart_finds_what_was_there(steps in prop::collection::vec(step(), 1..24)) {
        let mut stored = Stored::default();
        let mut expected = BTreeMap::<u64, BTreeSet<u16>>::new();
        for step in steps.into_iter().chain([Step::Restart]) {
            match step {
                Step::Active(from, count, day) => {
                    for user in from..from + count {
                        fold(&mut stored.shard, active(user, day));
                        stored.log(Logged::Active(user, day));
                        expected.entry(user).or_default().insert(day);
                    }
                }
                Step::Erased(from, count) => {
                    for user in (from..from + count).step_by(3) {
                        if expected.remove(&user).is_some() {
                            erase(&mut stored.shard, user);
                            stored.log(Logged::Left(user));
                        }
                    }
                }
                Step::Sweep(page_count) => stored.sweep(page_count),
                Step::Restart => stored.restart(),
            }
            prop_assert_eq!(stored.shard.profile_count(), expected.len());
        }
        for (user, days) in expected {
            prop_assert_eq!(days_of(&stored.shard, user), days, "user {}", user);
        }
    }
}

#[test]
fn what_left_and_came_back_is_there_once() {
    let mut shard = Shard::default();
    fold(&mut shard, active(5, 1));
    erase(&mut shard, 5);
    fold(&mut shard, active(5, 7));
    let bytes = page(&mut shard, 0);
    let restore = || {
        let mut restored = Shard::default();
        restored.load_page(0, &bytes, 3).unwrap();
        restored.replay(&active(5, 1), 1);
        restored.replay_left(key(5), 2);
        restored.replay(&active(5, 7), 3);
        restored
    };
    let mut restored = restore();
    restored.restored();
    assert_eq!(days_of(&restored, 5), [7].into());
    let mut restored = restore();
    restored.replay_left(key(5), 4);
    assert_eq!((restored.profile_count(), days_of(&restored, 5)), (0, BTreeSet::new()));
    restored.replay(&active(5, 8), 5);
    restored.restored();
    assert_eq!(days_of(&restored, 5), [8].into());
}

#[test]
fn a_page_that_is_none_is_refused() {
    let mut shard = Shard::default();
    fold(&mut shard, active(5, 1));
    let bytes = page(&mut shard, 0);
    let load = |page, bytes: &[u8]| Shard::default().load_page(page, bytes, 1);
    assert_eq!(load(0, &bytes), Ok(()));
    let twice = [&[0, 2], &bytes[2..], &bytes[2..]].concat();
    assert_eq!(load(0, &twice), Err(PageError::Misplaced(key(5))));
    let page_of_others = usize::try_from(!key(5).low() & 1).unwrap();
    let elsewhere = [&[1], &bytes[1..]].concat();
    assert_eq!(load(page_of_others, &elsewhere), Err(PageError::Misplaced(key(5))));
    for (page, bytes) in [(1, bytes.clone()), (0, bytes[..bytes.len() - 1].to_vec()), (0, [&bytes[..], &[0]].concat())]
    {
        assert_eq!(load(page, &bytes), Err(PageError::Malformed));
    }
    assert_eq!(load(0, &[64, 0]), Err(PageError::Malformed));
    let mut once = Shard::default();
    once.load_page(0, &bytes, 1).unwrap();
    assert_eq!(once.load_page(0, &bytes, 1), Err(PageError::OutOfOrder));
}
