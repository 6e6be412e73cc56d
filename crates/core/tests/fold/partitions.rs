//! Several partitions with a log each, against the same sets: whatever the order in which they work, whatever travels.

use std::collections::{BTreeMap, BTreeSet};

use dauphin_core::{
    Answer, Arrival, Ask, Change, Forward, Identities, IdentityChange, IdentityRecord, Message, Partition, Role, Route,
    Routes, RowChange, Rows, Shard, Stamp,
};
use dauphin_model::{ActiveDay, Day, ProfileKey, Scope, Zone};
use proptest::prelude::*;

use crate::oracle::{self, Event, Oracle};
use crate::property::{anything, by_cursor, cases, change, key, oracle, sent};

/// A log that several write to at once: a reader meets only what is committed, in order.
#[derive(Default)]
struct Log {
    entries: Vec<(Message, Option<u64>)>,
    read: usize,
}

/// What a worker wrote down, and is writing to others' logs.
struct Member {
    partition: Partition,
    records: BTreeMap<ProfileKey, IdentityRecord>,
    routes: BTreeMap<ProfileKey, Route>,
    forwards: BTreeMap<ProfileKey, Forward>,
    /// Messages of the transaction under way that are not in the logs yet.
    writing: Option<(u64, Vec<(u16, Message)>)>,
}

struct Cluster {
    members: Vec<Member>,
    logs: Vec<Log>,
    open: BTreeSet<u64>,
    next_transaction: u64,
    rows: BTreeMap<(u64, u64), Vec<RowChange>>,
    answers: Vec<Answer>,
    steps: usize,
}

const STAMP_DAY: i32 = 10_010;

fn stamp() -> Stamp {
    Stamp { recorded: ActiveDay::new(Day::new(STAMP_DAY).unwrap()).unwrap(), arrival: Arrival::Sent }
}

impl Cluster {
    fn new(count: u16) -> Self {
        let member = |number| Member {
            partition: Partition::new(number, count),
            records: BTreeMap::new(),
            routes: BTreeMap::new(),
            forwards: BTreeMap::new(),
            writing: None,
        };
        Self {
            members: (0..count).map(member).collect(),
            logs: (0..count).map(|_| Log::default()).collect(),
            open: BTreeSet::new(),
            next_transaction: 0,
            rows: BTreeMap::new(),
            answers: Vec::new(),
            steps: 0,
        }
    }

    fn count(&self) -> u16 {
        u16::try_from(self.members.len()).unwrap()
    }

    /// What a gateway does: acknowledged when it is in the log.
    fn produce(&mut self, event: Event) {
        let changes = |changes, claims| Message::Changes { role: Role::Router, changes, claims };
        let message = match change(event) {
            Ok(change) => changes(vec![change], Vec::new()),
            Err(IdentityChange::Claim { anonymous, user }) => changes(Vec::new(), vec![(anonymous, user)]),
            Err(change) => Message::ask(Ask::Change(change)),
        };
        let profile = match &message {
            Message::Changes { changes, claims, .. } => changes.first().map_or_else(|| claims[0].0, Change::profile),
            Message::Request { about, .. } => *about,
            _ => unreachable!("gateways send nothing else"),
        };
        let to = profile.partition(self.count());
        self.logs[usize::from(to)].entries.push((message, None));
    }

    /// One thing that somebody does, chosen by `dice`; false when there is nothing to do for them.
    fn step(&mut self, dice: u64) -> bool {
        let number = usize::try_from(dice % self.members.len() as u64).unwrap();
        let member = &mut self.members[number];
        if let Some((transaction, outbox)) = &mut member.writing {
            if outbox.is_empty() {
                self.open.remove(transaction);
                member.writing = None;
            } else {
                let (to, message) = outbox.remove(0);
                self.logs[usize::from(to)].entries.push((message, Some(*transaction)));
            }
            return true;
        }
        let mut outbox = Vec::new();
        let mut worked = false;
        for _ in 0..=dice / 16 % 3 {
            let log = &mut self.logs[number];
            let Some((message, transaction)) = log.entries.get(log.read) else { break };
            if transaction.is_some_and(|transaction| self.open.contains(&transaction)) {
                break;
            }
            log.read += 1;
            worked = true;
            let folded = member.partition.fold(message.clone(), stamp(), log.read as u64);
            member.records = merged(std::mem::take(&mut member.records), folded.records);
            member.routes = merged(std::mem::take(&mut member.routes), folded.routes);
            member.forwards = merged(std::mem::take(&mut member.forwards), folded.forwards);
            self.rows.insert((number as u64, log.read as u64), folded.rows);
            self.answers.extend(folded.answer);
            outbox.extend(folded.outbox);
        }
        if worked {
            self.open.insert(self.next_transaction);
            member.writing = Some((self.next_transaction, outbox));
            self.next_transaction += 1;
        }
        worked
    }

    fn busy(&self) -> bool {
        let writing = self.members.iter().any(|member| member.writing.is_some());
        writing || self.logs.iter().any(|log| log.read < log.entries.len())
    }

    fn settle(&mut self, dice: &mut impl FnMut() -> u64) {
        while self.busy() {
            self.step(dice());
            self.steps += 1;
            assert!(self.steps < 20_000, "it comes to an end");
        }
    }

    /// A worker is gone; another one reads what it remembered.
    fn restart(&mut self, number: u16) {
        let count = self.count();
        let Member { partition, records, routes, forwards, writing } = &mut self.members[usize::from(number)];
        if writing.is_some() {
            return;
        }
        let mut shards: [Shard; 16] = std::array::from_fn(|_| Shard::default());
        for (shard, restored) in partition.shards_mut().iter_mut().zip(&mut shards) {
            for page in 0..shard.page_count() {
                let mut bytes = Vec::new();
                shard.write_page(page, &mut bytes);
                restored.load_page(page, &bytes, 1).unwrap();
            }
            restored.restored();
        }
        let mut identities = Identities::new(shards.each_mut());
        records.iter().for_each(|(profile, record)| identities.restore(*profile, *record));
        let mut restored = Routes::default();
        routes.iter().for_each(|(profile, route)| restored.restore_route(*profile, route.clone()));
        forwards.iter().for_each(|(profile, forward)| restored.restore_forward(*profile, *forward));
        *partition = Partition::restored(number, count, shards, restored);
    }

    fn rows(&self) -> Rows {
        let mut changes: Vec<_> = self.rows.values().flatten().copied().collect();
        changes.sort_by_key(|change| (change.key, change.day, change.bucket));
        let mut rows = Rows::default();
        rows.add(&changes);
        rows
    }

    fn check(&self, oracle: &Oracle, end: i32) {
        let rows = self.rows();
        for scope_code in 0..=3 {
            let calendars = oracle.calendars(scope_code);
            let rows = rows.scope(Scope::from_code(scope_code).unwrap());
            for (end, window) in [10_015, end].into_iter().flat_map(|end| [1, 7, 30, 366].map(|window| (end, window))) {
                let first = Day::new(end - 2).unwrap();
                let expected: Vec<_> =
                    (end - 2..=end).map(|day| oracle::active(&calendars, i32::from(window), day)).collect();
                assert_eq!(rows.active(window, first, 3), expected, "scope {scope_code} window {window} end {end}");
            }
        }
    }

    /// What holds when nothing is on the way.
    fn at_rest(&self) {
        let mut homes = BTreeMap::new();
        for (number, member) in self.members.iter().enumerate() {
            assert_eq!(member.forwards, BTreeMap::new(), "nobody passes on any more");
            assert!(member.routes.values().all(|route| !route.draining && route.waiting.is_empty()));
            for user in 0..18 {
                let lives = member.partition.shards().iter().any(|shard| shard.contains(key(user)));
                if lives {
                    assert_eq!(homes.insert(user, number), None, "a profile lives once");
                }
            }
        }
        for (user, home) in homes {
            let own = key(user).partition(self.count());
            let route = self.members[usize::from(own)].routes.get(&key(user));
            assert_eq!(
                route.map_or(own, |route| route.home),
                u16::try_from(home).unwrap(),
                "a route leads home: {:?}",
                key(user)
            );
        }
    }
}

fn merged<T>(mut map: BTreeMap<ProfileKey, T>, changes: Vec<(ProfileKey, Option<T>)>) -> BTreeMap<ProfileKey, T> {
    for (profile, value) in changes {
        match value {
            Some(value) => map.insert(profile, value),
            None => map.remove(&profile),
        };
    }
    map
}

/// An order in which things happen, without end.
fn dice(seed: u64) -> impl FnMut() -> u64 {
    let mut state = seed | 1;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    }
}

const fn is_activity(event: Event) -> bool {
    matches!(event, Event::Active { .. } | Event::Known { .. })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(1000)))]

    /// Who waits for each change of who is who, and for activity only until it is in the log, counts what the sets count.
    #[test]
    fn one_change_after_another_counts_what_the_sets_count(
        sent in prop::collection::vec(anything(), 1..80),
        count in 1_u16..6,
        seed: u64,
        end in 10_000_i32..10_040,
    ) {
        let (mut cluster, mut oracle, mut dice) = (Cluster::new(count), oracle(), dice(seed));
        for event in by_cursor(&sent, &Zone::utc()) {
            cluster.produce(event);
            oracle.add(event);
            if is_activity(event) {
                (0..dice() % 4).for_each(|_| {
                cluster.step(dice());
            });
            } else {
                cluster.settle(&mut dice);
            }
            if dice() % 8 == 0 {
                cluster.restart(u16::try_from(dice() % u64::from(count)).unwrap());
            }
        }
        cluster.settle(&mut dice);
        cluster.check(&oracle, end);
        cluster.at_rest();
    }

    /// Links and activity of everybody at once, in any order: the counts are those of the sets.
    #[test]
    fn links_all_at_once_count_what_the_sets_count(
        sent in prop::collection::vec(sent(), 1..120),
        count in 2_u16..6,
        links in any::<bool>(),
        seed: u64,
    ) {
        let (mut cluster, mut oracle, mut dice) = (Cluster::new(count), oracle(), dice(seed));
        let sent: Vec<_> = sent.into_iter().filter(|sent| !links || sent.is_err() || dice() % 3 == 0).collect();
        for event in by_cursor(&sent, &Zone::utc()) {
            cluster.produce(event);
            oracle.add(event);
            (0..dice() % 6).for_each(|_| {
                cluster.step(dice());
            });
        }
        cluster.settle(&mut dice);
        cluster.check(&oracle, 10_020);
        cluster.at_rest();
    }

    /// Anything at once: it comes to an end, everybody is answered, and what comes afterwards is counted rightly.
    #[test]
    fn anything_at_once_comes_to_an_end(
        sent in prop::collection::vec(anything(), 1..120),
        count in 2_u16..6,
        seed: u64,
    ) {
        let (mut cluster, mut dice) = (Cluster::new(count), dice(seed));
        let events = by_cursor(&sent, &Zone::utc());
        for event in &events {
            cluster.produce(*event);
            (0..dice() % 6).for_each(|_| {
                cluster.step(dice());
            });
        }
        cluster.settle(&mut dice);
        cluster.at_rest();
        let asked = events.iter().filter(|event| !is_activity(**event) && !matches!(event, Event::Claim { .. })).count();
        prop_assert!(cluster.answers.len() >= asked);
        // Everybody is forgotten: nothing is left of the counts.
        for user in 0..18 {
            cluster.produce(Event::Include { user });
            cluster.settle(&mut dice);
            cluster.produce(Event::Erase { user });
            cluster.settle(&mut dice);
        }
        cluster.check(&oracle(), 10_020);
        cluster.at_rest();
        let mut oracle = oracle();
        for event in events {
            cluster.produce(event);
            oracle.add(event);
            cluster.settle(&mut dice);
        }
        cluster.check(&oracle, 10_020);
    }
}
