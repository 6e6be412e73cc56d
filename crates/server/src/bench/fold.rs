use std::time::{Duration, Instant as Stopwatch};

use dauphin_core::{Arrival, Change, RowChanges, Shard, Stamp};
use dauphin_engine::Submission;
use dauphin_model::limits::SHARD_COUNT;
use dauphin_model::{ActiveDay, AppIndex, ProfileKey};

use super::BenchOptions;
use super::measure::{Measures, rate};
use super::world::{Sequence, Visit, World};
use crate::demo::mix;

const PASSES: u32 = 5;

/// Folds the history, then days on which everybody is active, then each of these days again: one processor, nothing
/// stored.
pub fn measure(world: &World, options: &BenchOptions, measures: &mut Measures) {
    let mut folding = Folding::new(world.users());
    let mut visits = Vec::new();
    let (mut count, mut elapsed) = (0, Duration::ZERO);
    for number in 0..world.span_days() {
        world.visits(number, &mut visits);
        count += visits.len() as u64;
        elapsed += folding.fold(&visits, number);
    }
    measures.add("fold, the whole history", "M/s", vec![rate(count, elapsed) / 1e6]);
    let bytes: usize = folding.shards.iter().map(Shard::byte_count).sum();
    measures.add("fold, profiles and calendars", "bytes/user", vec![bytes as f64 / f64::from(world.users())]);

    let mut everybody: Vec<_> =
        (0..world.users()).map(|user| Visit { user, app: World::app(user), days_late: 0 }).collect();
    let (mut new, mut repeats) = (Vec::new(), Vec::new());
    let started = Stopwatch::now();
    for pass in 0..PASSES {
        if pass > 0 && started.elapsed() > options.budget {
            break;
        }
        for rates in [&mut new, &mut repeats] {
            Sequence(u64::from(pass)).shuffle(&mut everybody);
            let elapsed = folding.fold(&everybody, world.span_days() + pass);
            rates.push(rate(everybody.len() as u64, elapsed) / 1e6);
        }
    }
    measures.add("fold, new user-days", "M/s", new);
    measures.add("fold, repeats", "M/s", repeats);
}

/// A workspace's shards, and nothing around them.
struct Folding {
    keys: Vec<ProfileKey>,
    shards: Vec<Shard>,
    rows: RowChanges,
}

/// Days are numbered from here.
const FIRST_DAY: u16 = 20_000;

impl Folding {
    fn new(users: u32) -> Self {
        let key = |user: u32| {
            let high = mix(u64::from(user));
            ProfileKey::from_u128(u128::from(high) << 64 | u128::from(mix(high)))
        };
        Self {
            keys: (0..users).map(key).collect(),
            shards: std::iter::repeat_with(Shard::default).take(usize::from(SHARD_COUNT)).collect(),
            rows: RowChanges::new(),
        }
    }

    /// Folds visits in batches like those of an import; returns how long that took, sorting by shard not counted.
    fn fold(&mut self, visits: &[Visit], number: u32) -> Duration {
        let recorded = FIRST_DAY + u16::try_from(number).unwrap_or(0);
        let stamp = Stamp { recorded: ActiveDay::from_code(recorded), arrival: Arrival::Sent };
        let mut elapsed = Duration::ZERO;
        for batch in visits.chunks(Submission::CHANGE_COUNT_MAX) {
            let mut by_shard = vec![Vec::new(); self.shards.len()];
            for Visit { user, app, days_late } in batch {
                let profile = self.keys[*user as usize];
                let day = ActiveDay::from_code(recorded - u16::from(*days_late));
                let change = Change::Active { profile, app: AppIndex::new(u16::from(*app)), day };
                by_shard[usize::from(profile.shard())].push(change);
            }
            let started = Stopwatch::now();
            for (shard, changes) in self.shards.iter_mut().zip(&by_shard) {
                std::hint::black_box(shard.apply_all(changes, stamp, &mut self.rows));
                std::hint::black_box(self.rows.drain());
            }
            elapsed += started.elapsed();
        }
        elapsed
    }
}
