//! Nodes on real brokers: run with `cluster/brokers run -- cargo test -p dauphin-cluster`. Elsewhere nothing is run.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::print_stdout, reason = "says what is skipped")]

use std::sync::mpsc::channel;
use std::time::Duration;

use dauphin_cluster::{ClusterOptions, InitPlan, Node, check, init, status};
use dauphin_core::{Arrival, Stamp};
use dauphin_engine::{
    Actor, AuditEntry, AuditPage, Backend, CatalogEdit, EngineError, IdentityChange, IdentityOutcome, Receipt, Setting,
    Submission,
};
use dauphin_model::{ActiveDay, Day, IdentityKind, IdentitySecret, Instant, ProfileKey, Scope, WorkspaceIndex, Zone};

const WORKSPACE: WorkspaceIndex = WorkspaceIndex(0);

/// A cluster with topics of its own, or nothing where there are no brokers.
fn cluster(name: &str, partitions: u16) -> Option<ClusterOptions> {
    let Ok(brokers) = std::env::var("DAUPHIN_TEST_BROKERS") else {
        println!("skipped: DAUPHIN_TEST_BROKERS names no brokers");
        return None;
    };
    let mut number = [0; 8];
    getrandom::fill(&mut number).unwrap();
    let mut options = ClusterOptions::new(brokers, format!("test-{name}-{:x}", u64::from_le_bytes(number)));
    options.session_timeout = Duration::from_secs(6);
    let plan = InitPlan {
        partitions,
        replication_factor: 1,
        min_insync_replicas: 1,
        retention: Duration::from_hours(24),
        allow_unsafe: true,
    };
    let workspace = CatalogEdit::AddWorkspace {
        name: "main".into(),
        zone: Zone::utc(),
        rate_limit_per_hour: 250_000,
        api_key_in_query: true,
    };
    init(&options, &plan, &IdentitySecret::new([1; 16]), &[(workspace, entry("workspace.add"))]).unwrap();
    Some(options)
}

fn entry(action: &'static str) -> AuditEntry {
    AuditEntry::new(Instant::new(0, 0).unwrap(), Actor::CommandLine, action, serde_json::json!({}))
}

fn user(number: u64) -> ProfileKey {
    ProfileKey::of(&IdentitySecret::new([1; 16]), IdentityKind::ExternalId, &number.to_string()).unwrap()
}

fn day(number: i32) -> ActiveDay {
    ActiveDay::new(Day::new(number).unwrap()).unwrap()
}

fn stamp() -> Stamp {
    Stamp { recorded: day(20_000), arrival: Arrival::Sent }
}

fn submit(node: &Node, submission: Submission) -> Result<Receipt, EngineError> {
    let (sender, receiver) = channel();
    node.submit(submission, Box::new(move |result| sender.send(result).unwrap()));
    receiver.recv().unwrap()
}

fn change(node: &Node, change: IdentityChange) -> IdentityOutcome {
    let (sender, receiver) = channel();
    let done = Box::new(move |result| sender.send(result).unwrap());
    node.change_identities(WORKSPACE, stamp(), vec![change], None, done);
    receiver.recv().unwrap().unwrap()[0]
}

fn month(node: &Node) -> i64 {
    node.rows(WORKSPACE).scope(Scope::Workspace).active(30, Day::new(20_000).unwrap(), 1)[0]
}

#[test]
fn nodes_share_everything() {
    let Some(options) = cluster("share", 4) else { return };
    let nodes = [Node::open(&options).unwrap(), Node::open(&options).unwrap()];
    let mut all = Submission::new(WORKSPACE, stamp()).until_visible();
    for number in 0..1000 {
        all.active(user(number % 500), None, day(20_000 - i32::try_from(number % 7).unwrap()));
    }
    let receipt = submit(&nodes[0], all).unwrap();
    assert_eq!((receipt.is_visible, receipt.new_user_days + receipt.repeats), (true, 1000));
    assert_eq!(month(&nodes[0]), 500);

    for number in 0..50 {
        let link = IdentityChange::Link { profile: user(number), other: user(number + 50) };
        assert_eq!(change(&nodes[1], link), IdentityOutcome::Changed);
    }
    assert_eq!(month(&nodes[1]), 450);
    assert_eq!(change(&nodes[0], IdentityChange::Erase { profile: user(3) }), IdentityOutcome::Changed);
    assert_eq!(change(&nodes[1], IdentityChange::Erase { profile: user(53) }), IdentityOutcome::Unknown);
    assert_eq!(month(&nodes[1]), 449);
    assert_eq!(nodes[0].person(WORKSPACE, user(4)).unwrap().unwrap().profile_count, 2);
    assert_eq!(nodes[0].person(WORKSPACE, user(3)).unwrap(), None);

    let rename = CatalogEdit::SetWorkspace { workspace: WORKSPACE, settings: vec![Setting::RateLimitPerHour(7)] };
    nodes[1].edit(rename, Some(entry("workspace.set"))).unwrap();
    nodes[0]
        .edit(CatalogEdit::SetWorkspace { workspace: WORKSPACE, settings: vec![Setting::ApiKeyInQuery(false)] }, None)
        .unwrap();
    let workspace = nodes[0].catalog().workspace(WORKSPACE).unwrap().clone();
    assert_eq!((workspace.rate_limit_per_hour, workspace.api_key_in_query), (7, false));
    let zone = Setting::Zone(Zone::named("Europe/Paris").unwrap());
    let late = nodes[0].edit(CatalogEdit::SetWorkspace { workspace: WORKSPACE, settings: vec![zone] }, None);
    assert!(matches!(late, Err(EngineError::Catalog(_))), "{late:?}");
    let page = AuditPage { workspace: WORKSPACE, before: None, length: 10 };
    let actions: Vec<_> =
        nodes[0].audit(page).unwrap().into_iter().map(|record| (record.sequence, record.action)).collect();
    assert_eq!(actions, [(2, "workspace.set".to_owned()), (1, "workspace.add".to_owned())]);

    nodes.iter().for_each(|node| node.close().unwrap());
    let report = check(&options).unwrap();
    assert_eq!((report.mismatch_count, report.points_checked > 0), (0, true));
    let status = status(&options).unwrap();
    assert_eq!((status.partitions.len(), status.lag_messages), (4, 0), "{status:?}");
    assert!(matches!(
        init(
            &options,
            &InitPlan {
                partitions: 4,
                replication_factor: 1,
                min_insync_replicas: 1,
                retention: Duration::from_hours(1),
                allow_unsafe: true
            },
            &IdentitySecret::new([2; 16]),
            &[]
        ),
        Err(dauphin_cluster::ClusterError::IsSetUp(_))
    ));
}
