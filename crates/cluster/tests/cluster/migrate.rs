//! A data directory into a cluster, and back.

use std::path::Path;
use std::time::Duration;

use dauphin_cluster::{ClusterError, InitPlan, Node, check, export_directory, import_directory};
use dauphin_core::Counting;
use dauphin_engine::{
    AuditPage, Backend, CatalogEdit, Engine, EngineError, EngineOptions, IdentityChange, IdentityOutcome, Setting,
    Submission,
};
use dauphin_model::{AsOf, Cause, Day, Measure, RowKey, Scope, SessionFingerprint, Zone};
use dauphin_store::kafka::{KafkaOptions, KafkaStore, TopicPlan, create_topics};
use dauphin_store::{Batch, Embedded, Store, StoreError, Table};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use crate::support::{WORKSPACE, change, day, entry, options, plan, secret, stamp, submit, user, workspace};

fn open(path: &Path) -> Engine {
    Engine::open(Box::new(Embedded::open(path).unwrap()), EngineOptions::for_cores(2)).unwrap()
}

/// A month of 500 people, some linked, some sessions, recorded on three days.
fn fill(path: &Path) -> Engine {
    let workspace = workspace();
    let mut store: Box<dyn Store> = Box::new(Embedded::create(path).unwrap());
    Engine::initialise_audited(store.as_mut(), &secret(), &[(workspace, entry("workspace.add"))]).unwrap();
    store.close().unwrap();
    let engine = open(path);
    for recorded in 20_000..20_003 {
        submit(&engine, events(recorded)).unwrap();
    }
    for number in 0..50 {
        let link = IdentityChange::Link { profile: user(number), other: user(number + 50) };
        assert_eq!(change(&engine, 20_003, link), IdentityOutcome::Changed);
    }
    assert_eq!(change(&engine, 20_003, IdentityChange::Erase { profile: user(60) }), IdentityOutcome::Changed);
    assert_eq!(change(&engine, 20_003, IdentityChange::Exclude { profile: user(200) }), IdentityOutcome::Changed);
    engine
}

fn events(recorded: i32) -> Submission {
    let mut all = Submission::new(WORKSPACE, stamp(recorded)).until_visible();
    for number in 0..1000 {
        all.active(user(number % 500), None, day(recorded - i32::try_from(number % 7).unwrap()));
    }
    for number in 0..100 {
        let fingerprint = SessionFingerprint::of_id(&secret(), None, &number.to_string());
        all.session(None, day(20_000), number % 24, fingerprint);
        all.uninstall(user(u64::from(number % 10)), None, day(20_001));
    }
    all
}

/// Points as of several days, and why they moved since.
type Told = Vec<(Vec<i64>, Vec<(Cause, Vec<i64>)>)>;

fn told(backend: &dyn Backend) -> Told {
    let keys: Vec<RowKey> = Measure::ALL.map(|measure| measure.of(Scope::Workspace)).into();
    let histories = backend.history(WORKSPACE, keys).unwrap();
    let as_of = (19_999..20_005).map(|number| AsOf::Day(Day::new(number).unwrap())).chain([AsOf::Now]);
    let first = Day::new(19_990).unwrap();
    let of = |as_of| {
        histories.iter().flat_map(move |history| {
            [Counting::Active(1), Counting::Active(30), Counting::New].map(|counting| {
                (history.count(counting, as_of, first, 20), history.changes(counting, as_of, first, 20))
            })
        })
    };
    as_of.flat_map(of).collect()
}

fn actions(backend: &dyn Backend) -> Vec<(u64, String)> {
    let page = AuditPage { workspace: WORKSPACE, before: None, length: 10 };
    backend.audit(page).unwrap().into_iter().map(|record| (record.sequence, record.action)).collect()
}

#[test]
fn a_directory_becomes_a_cluster_and_a_directory_again() {
    let Some(options) = options("migrate") else { return };
    let parent = tempfile::tempdir().unwrap();
    let (path, back) = (parent.path().join("data"), parent.path().join("back"));
    let engine = fill(&path);
    let before = told(&engine);
    assert!(matches!(import_directory(&options, &plan(3), &path), Err(ClusterError::Store(StoreError::Locked { .. }))));
    engine.close().unwrap();
    let moved = import_directory(&options, &plan(3), &path).unwrap();
    assert_eq!((moved.workspaces, moved.profiles), (1, 498));
    assert!(matches!(import_directory(&options, &plan(3), &path), Err(ClusterError::IsSetUp(_))));
    assert_eq!(check(&options).unwrap().mismatches, []);

    let node = Node::open(&options).unwrap();
    assert_eq!(told(&node), before);
    let receipt = submit(&node, events(20_002)).unwrap();
    // Whoever was erased is somebody new.
    assert_eq!((receipt.is_visible, receipt.new_user_days), (true, 4));
    let zone = Setting::Zone(Zone::named("Europe/Paris").unwrap());
    let late = node.edit(CatalogEdit::SetWorkspace { workspace: WORKSPACE, settings: vec![zone] }, None);
    assert!(matches!(late, Err(EngineError::Catalog(_))), "{late:?}");
    let rate = CatalogEdit::SetWorkspace { workspace: WORKSPACE, settings: vec![Setting::RateLimitPerHour(7)] };
    node.edit(rate, Some(entry("workspace.set"))).unwrap();
    let (within, audit) = (told(&node), actions(&node));
    assert_eq!(audit, [(2, "workspace.set".to_owned()), (1, "workspace.add".to_owned())]);
    node.close().unwrap();

    // Something came that nobody folded.
    let producer: BaseProducer =
        rdkafka::ClientConfig::new().set("bootstrap.servers", &options.brokers).create().unwrap();
    let topic = format!("{}.activity", options.topic_prefix);
    producer.send(BaseRecord::<(), [u8]>::to(&topic).partition(1).payload(&b"none"[..])).unwrap();
    producer.flush(Duration::from_secs(30)).unwrap();
    let refused = export_directory(&options, &back);
    assert!(matches!(refused, Err(ClusterError::Busy(_))), "{refused:?}");
    let node = Node::open(&options).unwrap();
    submit(&node, events(20_002)).unwrap();
    while node.lag().unwrap().events > 0 {
        std::thread::yield_now();
    }
    node.close().unwrap();

    let moved = export_directory(&options, &back).unwrap();
    assert_eq!((moved.workspaces, moved.profiles), (1, 500));
    let again = export_directory(&options, &back);
    assert!(matches!(again, Err(ClusterError::Store(StoreError::AlreadyExists { .. }))), "{again:?}");
    let engine = open(&back);
    assert_eq!((told(&engine), actions(&engine)), (within, audit));
    assert_eq!(engine.catalog().workspace(WORKSPACE).unwrap().rate_limit_per_hour, 7);
    assert_eq!(submit(&engine, events(20_002)).unwrap().new_user_days, 0);
    engine.close().unwrap();
    assert_eq!(std::fs::read_dir(parent.path()).unwrap().count(), 2);
}

#[test]
fn what_an_interrupted_import_left_is_refused() {
    let Some(options) = options("leftover") else { return };
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("data");
    fill(&path).close().unwrap();
    let safe = InitPlan { allow_unsafe: false, ..plan(2) };
    assert!(matches!(import_directory(&options, &safe, &path), Err(ClusterError::Unsafe(_))));

    let kafka =
        KafkaOptions { topic_prefix: options.topic_prefix.clone(), ..KafkaOptions::new(options.brokers.clone()) };
    let topics = TopicPlan { replication_factor: 1, min_insync_replicas: 1, ..TopicPlan::new(2) };
    create_topics(&kafka, &topics).unwrap();
    let mut batch = Batch::new();
    batch.put(Table::Page, *b"page", *b"left");
    KafkaStore::open(&kafka, 1).unwrap().commit(batch).unwrap();
    let refused = import_directory(&options, &plan(2), &path);
    assert!(matches!(refused, Err(ClusterError::Leftovers(_))), "{refused:?}");
    assert!(matches!(Node::open(&options), Err(ClusterError::NotSetUp(_))));
    assert!(matches!(export_directory(&options, &parent.path().join("back")), Err(ClusterError::NotSetUp(_))));
}
