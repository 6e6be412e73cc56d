//! A data directory that becomes the partitions of a cluster, and a directory again, and goes on at each station: beside
//! one that never moved, and the sets.

use std::sync::mpsc::channel;

use dauphin_core::{Change, Counting, History, Message, Role};
use dauphin_engine::{Division, Engine, PersonView, Restored, Settings, Submission, Union};
use dauphin_model::{
    AppIndex, AsOf, Cause, Day, IdentitySecret, LocalHour, Measure, RowKey, Scope, SessionFingerprint, Zone,
};
use dauphin_store::{MemoryDisk, MemoryStore};
use proptest::prelude::*;

use crate::oracle::{Event, Oracle};
use crate::partitions::{Cluster, dice};
use crate::property::{anything, factor};
use crate::support::{OPTIONS, WORKSPACE, compare, day, key, oracle, set_up, stamp, tell};

/// Something that happens anywhere.
#[derive(Clone, Debug)]
enum Sent {
    Event(Event),
    /// By its number, from which all else follows.
    Session(u16),
    Uninstall(u64, u16, i32),
    Restart,
}

type Batches = Vec<(Vec<Sent>, i32)>;

fn sent() -> impl Strategy<Value = Sent> {
    prop_oneof![
        20 => anything().prop_map(Sent::Event),
        4 => (0_u16..60).prop_map(Sent::Session),
        2 => (0_u64..16, 0_u16..4, 1008_i32..1012).prop_map(|(user, app, day)| Sent::Uninstall(user, app, day)),
        1 => Just(Sent::Restart),
    ]
}

fn batches() -> impl Strategy<Value = Batches> {
    prop::collection::vec((prop::collection::vec(sent(), 1..40), 1008_i32..1013), 0..4)
}

fn change(sent: &Sent) -> Option<Change> {
    let app = |app: u16| app.checked_sub(1).and_then(AppIndex::new);
    Some(match sent {
        Sent::Session(number) => {
            let fingerprint =
                SessionFingerprint::of_id(&IdentitySecret::new([1; 16]), app(number % 4), &number.to_string());
            let (day, hour) = (day(1000 + i32::from(number % 9)), u8::try_from(number % 24).unwrap());
            Change::Session { app: app(number % 4), day, hour, fingerprint }
        }
        Sent::Uninstall(user, of, number) => {
            Change::Uninstall { profile: key(*user), app: app(*of), day: day(*number) }
        }
        Sent::Event(_) | Sent::Restart => return None,
    })
}

/// A directory at work.
struct Directory {
    disk: MemoryDisk,
    engine: Engine,
}

impl Directory {
    fn new() -> Self {
        let disk = MemoryDisk::new();
        Self { engine: set_up(Box::new(MemoryStore::open(&disk))), disk }
    }

    fn over(disk: MemoryDisk) -> Self {
        Self { engine: Engine::open(Box::new(MemoryStore::open(&disk)), OPTIONS).unwrap(), disk }
    }

    fn tell(&mut self, batches: &Batches) {
        for (all, recorded) in batches {
            for sent in all {
                match (sent, change(sent)) {
                    (Sent::Event(event), _) => tell(&self.engine, &[*event], *recorded),
                    (_, Some(change)) => {
                        let mut submission = Submission::new(WORKSPACE, stamp(*recorded));
                        match change {
                            Change::Session { app, day, hour, fingerprint } => {
                                submission.session(app, day, hour, fingerprint);
                            }
                            Change::Uninstall { profile, app, day } => submission.uninstall(profile, app, day),
                            Change::Active { .. } | Change::Known { .. } => unreachable!("told as events"),
                        }
                        let (sender, receiver) = channel();
                        self.engine.submit(submission, Box::new(move |result| sender.send(result).unwrap()));
                        receiver.recv().unwrap().unwrap();
                    }
                    (_, None) => {
                        self.engine.close().unwrap();
                        self.engine = Self::over(self.disk.clone()).engine;
                    }
                }
            }
        }
    }

    /// What it holds at rest, recounted.
    fn at_rest(&self) -> Restored {
        self.engine.close().unwrap();
        let restored = Restored::read(&MemoryStore::open(&self.disk), 2).unwrap();
        assert_eq!(restored.check().mismatches, []);
        restored
    }

    fn history(&self, key: RowKey) -> History {
        self.engine.history(WORKSPACE, vec![key]).unwrap().remove(0).as_ref().clone()
    }
}

/// Into so many partitions.
fn divide(directory: &Directory, count: u16) -> Cluster {
    let store = MemoryStore::open(&directory.disk);
    let catalog = Engine::read_catalog(&store).unwrap();
    let mut division = Division::new(directory.at_rest(), count);
    assert_eq!(division.workspaces_with_data().len(), usize::from(division.counts().1 > 0));
    let disks: Vec<_> = (0..count).map(|_| MemoryDisk::new()).collect();
    let mut order = Vec::new();
    while let Some(partition) = division.next_partition() {
        order.push(partition);
        division.write_next(&mut MemoryStore::open(&disks[usize::from(partition)])).unwrap();
    }
    assert_eq!(order, (0..count).rev().collect::<Vec<_>>());
    Cluster::over(catalog, disks)
}

/// And back.
fn unite(cluster: &Cluster, settings: &Settings, catalog: dauphin_engine::Catalog) -> Directory {
    let mut union = Union::new(catalog);
    for member in &cluster.members {
        let joined = union.join(member.store.as_ref(), usize::MAX).unwrap();
        assert_eq!((joined.moving_count, joined.progress.next_offset), (0, member.engine.progress().next_offset));
    }
    let disk = MemoryDisk::new();
    let mut store = MemoryStore::open(&disk);
    union.write(settings, &mut store).unwrap();
    let read = Settings::read(&store).unwrap();
    assert_eq!((read.catalog, read.audit), (settings.catalog.clone(), settings.audit.clone()));
    Directory::over(disk)
}

fn keys() -> impl Iterator<Item = RowKey> {
    (0..4).flat_map(|code| Measure::ALL.map(|measure| measure.of(Scope::from_code(code).unwrap())))
}

/// Points as of several days, why they moved, and hours: all that parts can say.
type Told = (Vec<Vec<i64>>, Vec<Vec<(Cause, Vec<i64>)>>);

fn told(key: RowKey, history: &History) -> Told {
    let first = Day::new(1000).unwrap();
    let start = Zone::utc().start_of(first).unwrap();
    let hours: Vec<_> = (0..24).map(|number| LocalHour { day: first, number, start }).collect();
    let as_of = (1007..1014).map(|number| AsOf::Day(Day::new(number).unwrap())).chain([AsOf::Now, AsOf::OwnDay]);
    let (mut points, mut changes) = (Vec::new(), Vec::new());
    for as_of in as_of {
        if key.measure == Measure::Sessions {
            points.push(history.by_hour(&hours, as_of));
            changes.push(history.changes_by_hour(&hours, as_of));
        }
        for counting in [Counting::Active(1), Counting::Active(30), Counting::New] {
            points.push(history.count(counting, as_of, first, 40));
            changes.push(history.changes(counting, as_of, first, 40));
        }
    }
    (points, changes)
}

fn compare_directories(moved: &Directory, stayed: &Directory) {
    for key in keys() {
        assert_eq!(told(key, &moved.history(key)), told(key, &stayed.history(key)), "{key:?}");
        let day = Day::new(1000).unwrap();
        let points = |of: &Directory| of.engine.rows(WORKSPACE).of(key).active(1, day, 40);
        assert_eq!(points(moved), points(stayed), "{key:?}");
    }
    for user in 0..20 {
        let view = |of: &Directory| -> Option<PersonView> { of.engine.person(WORKSPACE, key(user)) };
        assert_eq!(view(moved), view(stayed), "user {user}");
    }
}

fn compare_cluster(cluster: &Cluster, stayed: &Directory, oracle: &Oracle) {
    cluster.check(oracle, &[1015], &[1, 7, 30, 366]);
    cluster.recount();
    for key in keys() {
        let history = cluster.follower.history(WORKSPACE, &[key]).remove(0);
        assert_eq!(told(key, &history), told(key, &stayed.history(key)), "{key:?}");
    }
}

fn tell_oracle(oracle: &mut Oracle, batches: &Batches) {
    for sent in batches.iter().flat_map(|(all, _)| all) {
        if let Sent::Event(event) = sent {
            oracle.add(*event);
        }
    }
}

fn tell_cluster(cluster: &mut Cluster, batches: &Batches, dice: &mut impl FnMut() -> usize) {
    for (all, recorded) in batches {
        cluster.recorded = *recorded;
        for sent in all {
            match (sent, change(sent)) {
                (Sent::Event(event), _) => cluster.produce(*event, None),
                (_, Some(change)) => {
                    let message = Message::Changes { role: Role::Router, changes: vec![change], claims: Vec::new() };
                    cluster.send(change.profile(), message, None);
                }
                (_, None) => {}
            }
            cluster.settle(dice);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40 * factor()))]

    #[test]
    fn a_move_changes_no_count_and_no_history(
        before in batches(), within in batches(), after in batches(), count in 1_u16..6, again in 1_u16..6, seed: u64,
    ) {
        let (mut moved, mut stayed, mut oracle) = (Directory::new(), Directory::new(), oracle());
        moved.tell(&before);
        stayed.tell(&before);
        tell_oracle(&mut oracle, &before);
        let store = MemoryStore::open(&moved.disk);
        let (settings, catalog) = (Settings::read(&store).unwrap(), Engine::read_catalog(&store).unwrap());

        let mut cluster = divide(&moved, count);
        compare_cluster(&cluster, &stayed, &oracle);
        let mut dice = dice(seed);
        tell_cluster(&mut cluster, &within, &mut dice);
        stayed.tell(&within);
        tell_oracle(&mut oracle, &within);
        compare_cluster(&cluster, &stayed, &oracle);

        // To another number of partitions by way of a directory.
        let cluster = divide(&unite(&cluster, &settings, catalog.clone()), again);
        compare_cluster(&cluster, &stayed, &oracle);

        let mut moved = unite(&cluster, &settings, catalog);
        compare_directories(&moved, &stayed);
        compare(&moved.engine, &oracle, &[1015], &[1, 7, 30, 366]);
        moved.tell(&after);
        stayed.tell(&after);
        tell_oracle(&mut oracle, &after);
        compare_directories(&moved, &stayed);
        compare(&moved.engine, &oracle, &[1015], &[1, 7, 30, 366]);
        moved.at_rest();
    }
}
