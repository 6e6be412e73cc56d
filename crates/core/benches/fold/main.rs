//! What the fold costs on one processor, nothing stored: activity that is new, activity that repeats, memory, and restoring.
//!
//! `cargo bench -p dauphin-core --bench fold -- --users 10000000 --days 8 --apps 1 --apps-each 1` gives every person so many
//! active days over 400, then takes rounds: a day on which everybody is active, in random order, and the same again. A person
//! uses so many of the apps in turn, one a day; `--active-percent 30` lets so many of them be active on a day, at random. Times
//! are those of the thread's processor.
//!
//! `--threads 4` takes each round once more, on a day of its own, with so many threads that have a share of the shards each.
//! Then it is the time of the one that took longest.
//!
//! With `--floor` two things that do less do the same: a hash map of days, as one would write it first, and a table of one
//! cache line a person, asked for 32 events ahead, that counts which days are new and nothing else.

#![expect(clippy::print_stdout, reason = "a program whose output is its purpose")]
#![expect(clippy::unwrap_used, reason = "what it reads it has made itself")]

mod floor;

use std::collections::BTreeMap;
use std::hint::black_box;
use std::thread;
use std::time::Duration;

use dauphin_core::{Arrival, Change, RowChanges, Shard, Stamp};
use dauphin_model::limits::SHARD_COUNT;
use dauphin_model::{ActiveDay, AppIndex, ProfileKey};
use rustix::time::{ClockId, clock_gettime};

/// Events that are folded together: a large submission.
const BATCH: usize = 65_536;
/// Days are numbered from here.
const FIRST_DAY: u16 = 20_000;
const SPAN_DAYS: u16 = 400;

fn main() {
    let number = |flag: &str, otherwise: u32| {
        let given = std::env::args().skip_while(|argument| argument != flag).nth(1);
        given.map_or(otherwise, |text| text.parse().unwrap())
    };
    let (users, days, apps) = (number("--users", 1_000_000), number("--days", 8), number("--apps", 1));
    let rounds = u16::try_from(number("--rounds", 3)).unwrap();
    let days = u16::try_from(days).unwrap();
    let apps_each = number("--apps-each", 1);
    let active_percent = u64::from(number("--active-percent", 100));
    println!("{users} people, {days} active days each over {SPAN_DAYS}, in {apps} apps, {apps_each} each");

    let mut people = People::new(users, apps, apps_each);
    let everybody: Vec<u32> = (0..users).collect();
    let step = SPAN_DAYS / days.max(1);
    let fill = (0..days).map(|visit| {
        people.fold(1, &everybody, |user| {
            FIRST_DAY + visit * step + u16::try_from(mix(user, visit) % u64::from(step)).unwrap()
        })
    });
    let fill = fill.sum();
    say("the history", u64::from(users) * u64::from(days), fill);
    let byte_count: usize = people.shards.iter().map(Shard::byte_count).sum();
    println!("{:<28} {:>7.1} bytes a user", "memory", byte_count as f64 / f64::from(users));

    let mut thread_counts = vec![1, number("--threads", 1).max(1) as usize];
    thread_counts.dedup();
    let (mut day, mut sums) = (FIRST_DAY + SPAN_DAYS, BTreeMap::new());
    for _ in 0..rounds {
        for thread_count in &thread_counts {
            let mut visitors = visitors(users, day, active_percent);
            for name in ["new user-days", "repeats"] {
                shuffle(&mut visitors, day);
                let elapsed = people.fold(*thread_count, &visitors, |_| day);
                let name = if *thread_count == 1 { name.to_owned() } else { format!("{name}, {thread_count} threads") };
                say(&name, visitors.len() as u64, elapsed);
                let (count, sum) = sums.entry(name).or_insert((0, Duration::ZERO));
                (*count, *sum) = (*count + visitors.len() as u64, *sum + elapsed);
            }
            day += 1;
        }
        // Every second new day of a profile costs more than the one before: each number of threads gets as many of both.
        thread_counts.reverse();
    }
    println!("all rounds");
    sums.iter().for_each(|(name, (count, sum))| say(name, *count, *sum));
    people.restore();
    if std::env::args().any(|argument| argument == "--floor") {
        floor::run(&people.keys, days, rounds, active_percent);
    }
}

/// Those who are active on a day, so many in a hundred.
fn visitors(users: u32, day: u16, active_percent: u64) -> Vec<u32> {
    (0..users).filter(|user| mix(*user, day) % 100 < active_percent).collect()
}

fn say(name: &str, count: u64, elapsed: Duration) {
    let nanos = elapsed.as_secs_f64() * 1e9 / count as f64;
    println!("{name:<28} {nanos:>7.1} ns each, {:>6.2} M/s", 1e3 / nanos);
}

/// A workspace's shards, and nothing around them.
struct People {
    keys: Vec<ProfileKey>,
    apps: u32,
    apps_each: u32,
    shards: Vec<Shard>,
}

impl People {
    fn new(users: u32, apps: u32, apps_each: u32) -> Self {
        let key = |user| ProfileKey::from_u128(u128::from(mix(user, 1)) << 64 | u128::from(mix(user, 2)));
        let shards = std::iter::repeat_with(Shard::default).take(usize::from(SHARD_COUNT)).collect();
        Self { keys: (0..users).map(key).collect(), apps, apps_each, shards }
    }

    /// Folds one visit of each of `order`; dealing them to the shards is not counted.
    fn fold(&mut self, thread_count: usize, order: &[u32], day: impl Fn(u32) -> u16 + Copy) -> Duration {
        let deal = |batch: &[u32]| {
            let mut by_shard = vec![Vec::new(); self.shards.len()];
            for user in batch {
                let profile = self.keys[*user as usize];
                let day = day(*user);
                let app = AppIndex::new(u16::try_from((user + u32::from(day) % self.apps_each) % self.apps).unwrap());
                let change = Change::Active { profile, app, day: ActiveDay::from_code(day) };
                by_shard[usize::from(profile.shard())].push(change);
            }
            by_shard
        };
        let batches: Vec<_> = order.chunks(BATCH).map(deal).collect();
        let recorded = ActiveDay::from_code(order.iter().copied().map(day).max().unwrap_or(0));
        let stamp = Stamp { recorded, arrival: Arrival::Sent };
        if thread_count == 1 {
            return apply(&mut self.shards, 0, &batches, stamp);
        }
        let share = self.shards.len().div_ceil(thread_count);
        thread::scope(|scope| {
            let batches = &batches;
            let shares = (0..).step_by(share).zip(self.shards.chunks_mut(share));
            let threads: Vec<_> =
                shares.map(|(first, shards)| scope.spawn(move || apply(shards, first, batches, stamp))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).max().unwrap_or_default()
        })
    }

    /// Writes every shard as pages and reads them into new ones.
    fn restore(&mut self) {
        let (mut written, mut read, mut byte_count, mut count) = (Duration::ZERO, Duration::ZERO, 0, 0);
        for shard in &mut self.shards {
            let started = Clock::start();
            let pages: Vec<_> = (0..shard.page_count())
                .map(|page| {
                    let mut bytes = Vec::new();
                    shard.write_page(page, &mut bytes);
                    bytes
                })
                .collect();
            written += started.elapsed();
            byte_count += pages.iter().map(Vec::len).sum::<usize>();
            count += shard.profile_count();
            let mut restored = Shard::default();
            let started = Clock::start();
            restored.reserve(shard.profile_count());
            for (number, page) in pages.iter().enumerate() {
                restored.load_page(number, page, 0).unwrap();
            }
            restored.restored();
            read += started.elapsed();
            assert_eq!(restored.profile_count(), shard.profile_count());
        }
        say("pages written", count as u64, written);
        say("pages restored", count as u64, read);
        println!("{:<28} {:>7.1} bytes a user", "pages", byte_count as f64 / count as f64);
    }
}

/// Folds what each batch has for these shards, of which `first` is the number of the first.
#[inline(never)]
fn apply(shards: &mut [Shard], first: usize, batches: &[Vec<Vec<Change>>], stamp: Stamp) -> Duration {
    let mut rows = RowChanges::new();
    let started = Clock::start();
    for by_shard in batches {
        for (shard, changes) in shards.iter_mut().zip(&by_shard[first..]) {
            black_box(shard.apply_all(changes, stamp, &mut rows));
            black_box(rows.drain());
        }
    }
    started.elapsed()
}

/// A number that looks like chance.
fn mix(user: u32, salt: u16) -> u64 {
    let mut bits = (u64::from(user) << 16 | u64::from(salt)).wrapping_add(0x9e37_79b9_7f4a_7c15);
    for factor in [0xbf58_476d_1ce4_e5b9, 0x94d0_49bb_1331_11eb] {
        bits = (bits ^ bits >> 30).wrapping_mul(factor);
    }
    bits ^ bits >> 31
}

fn shuffle(order: &mut [u32], day: u16) {
    for index in (1..order.len()).rev() {
        let other = mix(u32::try_from(index).unwrap(), 1_000 + day) % (index as u64 + 1);
        order.swap(index, usize::try_from(other).unwrap());
    }
}

/// Processor time of this thread.
struct Clock(Duration);

impl Clock {
    fn start() -> Self {
        Self(Self::now())
    }

    fn elapsed(&self) -> Duration {
        Self::now().saturating_sub(self.0)
    }

    fn now() -> Duration {
        clock_gettime(ClockId::ThreadCPUTime).try_into().unwrap()
    }
}
