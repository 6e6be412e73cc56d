//! Partitions over their stores, with the log that each reads and the relays that each commits: exact through crashes,
//! and followed exactly by whoever adds up their rows.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use dauphin_core::{Answer, Ask, Message, Role, Rows};
use dauphin_engine::{
    ActivityRule, Catalog, CatalogEdit, Envelope, Follower, IdentityChange, PartitionEngine, PartitionOptions, Reply,
    Restored, Trace,
};
use dauphin_model::{Day, IdentitySecret, Instant, ProfileKey, Scope, Zone};
use dauphin_store::{Change, FailedCommit, KeyRange, MemoryDisk, MemoryStore, Store, Table};
use proptest::prelude::*;

use crate::oracle::{self, Event, Oracle};
use crate::property::anything;
use crate::support::{WORKSPACE, oracle, stamp, what};

const OPTIONS: PartitionOptions = PartitionOptions { log_bytes_min: 200, state_bytes_max: usize::MAX };
const TOKEN: u128 = 7;
const CREDIT: u64 = 1 << 62;

pub struct Member {
    disk: MemoryDisk,
    pub store: Box<dyn Store>,
    pub engine: PartitionEngine,
    log: Vec<Vec<u8>>,
    relayed: usize,
    replied: usize,
}

pub struct Cluster {
    catalog: Catalog,
    pub members: Vec<Member>,
    pub follower: Follower,
    replies: Vec<Reply>,
    pub recorded: i32,
}

fn catalog() -> Catalog {
    let workspace = CatalogEdit::AddWorkspace {
        name: "main".into(),
        zone: Zone::utc(),
        rate_limit_per_hour: 250_000,
        api_key_in_query: true,
    };
    let catalog = Catalog::new(IdentitySecret::new([1; 16])).with(&workspace).unwrap();
    assert_eq!(catalog.workspaces()[0].activity, ActivityRule::Any);
    catalog
}

impl Cluster {
    fn new(count: u16) -> Self {
        Self::over(catalog(), (0..count).map(|_| MemoryDisk::new()).collect())
    }

    /// Over what the disks of its partitions hold.
    pub fn over(catalog: Catalog, disks: Vec<MemoryDisk>) -> Self {
        let count = u16::try_from(disks.len()).unwrap();
        let mut follower = Follower::new(count);
        let member = |(number, disk)| {
            let store: Box<dyn Store> = Box::new(MemoryStore::open(&disk));
            let mut take = |key: &[u8], value: &[u8]| {
                follower.take(number, key, value).unwrap();
                ControlFlow::Continue(())
            };
            store.scan(Table::Row, &KeyRange::all(), &mut take).unwrap();
            let engine = PartitionEngine::restore(store.as_ref(), &catalog, (number, count), OPTIONS).unwrap();
            Member { disk, store, engine, log: Vec::new(), relayed: 0, replied: 0 }
        };
        let members = (0..count).zip(disks).map(member).collect();
        Self { catalog, members, follower, replies: Vec::new(), recorded: 1010 }
    }

    fn count(&self) -> u16 {
        u16::try_from(self.members.len()).unwrap()
    }

    pub fn produce(&mut self, event: Event, trace: Option<Trace>) {
        let changes = |changes, claims| Message::Changes { role: Role::Router, changes, claims };
        match what(event) {
            Ok(change) => self.send(change.profile(), changes(vec![change], Vec::new()), trace),
            Err(IdentityChange::Claim { anonymous, user }) => {
                self.send(anonymous, changes(Vec::new(), vec![(anonymous, user)]), trace);
            }
            Err(change) => self.send(change.profile(), Message::ask(Ask::Change(change)), trace),
        }
    }

    /// Sends a message to the partition of a profile.
    pub fn send(&mut self, profile: ProfileKey, message: Message, trace: Option<Trace>) {
        let envelope = Envelope { workspace: WORKSPACE, stamp: stamp(self.recorded), trace, message };
        let count = self.count();
        self.members[usize::from(profile.partition(count))].log.push(envelope.to_bytes());
    }

    /// Folds up to `length` messages and commits them; what a fault leaves is what the next owner finds.
    fn work(&mut self, number: usize, length: usize, fault: Option<FailedCommit>) -> bool {
        let count = self.count();
        let member = &mut self.members[number];
        let sent = Instant::new(1_000_000, 0).unwrap();
        let from = member.engine.progress().next_offset;
        for offset in (from..).take(length) {
            let Some(bytes) = member.log.get(usize::try_from(offset).unwrap()) else { break };
            member.engine.fold(offset, sent, bytes).unwrap();
        }
        if !member.engine.has_work() {
            return false;
        }
        let to = member.engine.progress().next_offset;
        let batch = member.engine.batch();
        let rows: Vec<_> = batch.changes().to_vec();
        if let Some(left) = fault {
            member.disk.fail_commit(0, left);
        }
        let committed = member.store.commit(batch).is_ok();
        assert_eq!(committed, fault.is_none());
        if !committed {
            member.store = Box::new(MemoryStore::open(&member.disk));
            let number = u16::try_from(number).unwrap();
            member.engine =
                PartitionEngine::restore(member.store.as_ref(), &self.catalog, (number, count), OPTIONS).unwrap();
            let expected = if fault == Some(FailedCommit::Kept) { to } else { from };
            assert_eq!(member.engine.progress().next_offset, expected);
        }
        if committed || fault == Some(FailedCommit::Kept) {
            let puts = rows.into_iter().filter_map(|change| match change {
                Change::Put { table: Table::Row, key, value } => Some((key, value)),
                _ => None,
            });
            // A store may write the records of a commit in the order of their keys.
            for (key, value) in puts.collect::<BTreeMap<_, _>>() {
                self.follower.take(u16::try_from(number).unwrap(), &key, &value).unwrap();
            }
        }
        let member = &mut self.members[number];
        let replies = member.disk.replies();
        self.replies.extend(replies[member.replied..].iter().map(|bytes| Reply::read(bytes).unwrap()));
        member.replied = replies.len();
        let relays = member.disk.relays();
        let new = relays[member.relayed..].to_vec();
        member.relayed = relays.len();
        for relay in new {
            self.members[usize::from(relay.partition)].log.push(relay.value);
        }
        true
    }

    pub fn settle(&mut self, dice: &mut impl FnMut() -> usize) {
        let waits = |member: &Member| usize::try_from(member.engine.progress().next_offset).unwrap() < member.log.len();
        while self.members.iter().any(waits) {
            let fault = match dice() % 12 {
                0 => Some(FailedCommit::Lost),
                1 => Some(FailedCommit::Kept),
                _ => None,
            };
            let number = dice() % self.members.len();
            self.work(number, dice() % 5 + 1, fault);
        }
    }

    fn credit_back(&self) -> u64 {
        self.replies.iter().map(|reply| reply.trace.credit).sum()
    }

    pub fn check(&self, oracle: &Oracle, ends: &[i32], windows: &[u16]) {
        let rows = self.follower.rows();
        let none = Rows::default();
        let rows = rows.first().map_or(&none, |rows| rows);
        for scope_code in 0..=3 {
            let calendars = oracle.calendars(scope_code);
            let rows = rows.scope(Scope::from_code(scope_code).unwrap());
            for (end, window) in ends.iter().flat_map(|end| windows.iter().map(move |window| (*end, *window))) {
                let first = Day::new(end - 2).unwrap();
                let days = end - 2..=end;
                let expected: Vec<_> = days.map(|day| oracle::active(&calendars, i32::from(window), day)).collect();
                assert_eq!(rows.active(window, first, 3), expected, "scope {scope_code} window {window} end {end}");
            }
        }
    }

    /// Each partition's rows are those of the people who live there.
    pub fn recount(&self) {
        for member in &self.members {
            let report = Restored::read_part(&self.catalog, member.store.as_ref(), 1, usize::MAX).unwrap().check();
            assert_eq!(report.mismatches, []);
        }
    }
}

pub fn dice(seed: u64) -> impl FnMut() -> usize {
    let mut state = seed | 1;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 40).unwrap()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60 * crate::property::factor()))]

    /// Through stores that fail and owners that are replaced: the rows of all partitions together equal the sets, and
    /// each question comes back whole.
    #[test]
    fn partitions_together_equal_the_sets(
        batches in prop::collection::vec((prop::collection::vec(anything(), 1..20), 990_i32..1040), 1..6),
        count in 1_u16..5,
        seed: u64,
        end in 995_i32..1400,
    ) {
        let (mut cluster, mut oracle, mut dice) = (Cluster::new(count), oracle(), dice(seed));
        for (events, recorded) in batches {
            cluster.recorded = recorded;
            for event in events {
                cluster.replies.clear();
                cluster.produce(event, Some(Trace { token: TOKEN, credit: CREDIT }));
                cluster.settle(&mut dice);
                oracle.add(event);
                prop_assert_eq!(cluster.credit_back(), CREDIT, "{:?}: {:?}", event, cluster.replies);
                let asked = !matches!(event, Event::Active { .. } | Event::Known { .. } | Event::Claim { .. });
                let answers = cluster.replies.iter().filter(|reply| matches!(reply.answer, Some(Answer::Outcome(_))));
                prop_assert!(!asked || answers.count() == 1);
            }
            cluster.check(&oracle, &[end], &[1, 30]);
        }
        cluster.check(&oracle, &[1015, end], &[1, 7, 28, 30, 90, 365, 366]);
        cluster.recount();
    }
}

#[test]
fn what_is_no_message_is_passed_over() {
    let mut cluster = Cluster::new(1);
    cluster.produce(Event::Active { user: 1, app: 0, day: 1000 }, None);
    let engine = &mut cluster.members[0].engine;
    let sent = Instant::new(0, 0).unwrap();
    for bytes in [&[][..], &[9, 9], &[1, 0, 0, 0, 0, 0, 99]] {
        let offset = engine.progress().next_offset;
        engine.fold(offset, sent, bytes).unwrap_err();
    }
    assert_eq!(engine.progress().next_offset, 3);
    assert_eq!(BTreeMap::from([(0, engine.sizes().0)]), BTreeMap::from([(0, 0)]));
}
