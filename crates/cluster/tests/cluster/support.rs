use std::sync::mpsc::channel;
use std::time::Duration;

use dauphin_cluster::{ClusterOptions, InitPlan};
use dauphin_core::{Arrival, Stamp};
use dauphin_engine::{
    Actor, AuditEntry, Backend, CatalogEdit, EngineError, IdentityChange, IdentityOutcome, Receipt, Submission,
};
use dauphin_model::{ActiveDay, Day, IdentityKind, IdentitySecret, Instant, ProfileKey, WorkspaceIndex, Zone};

pub const WORKSPACE: WorkspaceIndex = WorkspaceIndex(0);

/// Topics of its own, not made yet, or nothing where there are no brokers.
pub fn options(name: &str) -> Option<ClusterOptions> {
    let Ok(brokers) = std::env::var("DAUPHIN_TEST_BROKERS") else {
        println!("skipped: DAUPHIN_TEST_BROKERS names no brokers");
        return None;
    };
    let mut number = [0; 8];
    getrandom::fill(&mut number).unwrap();
    let mut options = ClusterOptions::new(brokers, format!("test-{name}-{:x}", u64::from_le_bytes(number)));
    options.session_timeout = Duration::from_secs(6);
    Some(options)
}

pub const fn plan(partitions: u16) -> InitPlan {
    InitPlan {
        partitions,
        replication_factor: 1,
        min_insync_replicas: 1,
        retention: Duration::from_hours(24),
        allow_unsafe: true,
    }
}

pub fn secret() -> IdentitySecret {
    IdentitySecret::new([1; 16])
}

pub fn entry(action: &'static str) -> AuditEntry {
    AuditEntry::new(Instant::new(0, 0).unwrap(), Actor::CommandLine, action, serde_json::json!({}))
}

pub fn user(number: u64) -> ProfileKey {
    ProfileKey::of(&secret(), IdentityKind::ExternalId, &number.to_string()).unwrap()
}

pub fn day(number: i32) -> ActiveDay {
    ActiveDay::new(Day::new(number).unwrap()).unwrap()
}

pub fn stamp(recorded: i32) -> Stamp {
    Stamp { recorded: day(recorded), arrival: Arrival::Sent }
}

pub fn submit(backend: &dyn Backend, submission: Submission) -> Result<Receipt, EngineError> {
    let (sender, receiver) = channel();
    backend.submit(submission, Box::new(move |result| sender.send(result).unwrap()));
    receiver.recv().unwrap()
}

pub fn change(backend: &dyn Backend, recorded: i32, change: IdentityChange) -> IdentityOutcome {
    let (sender, receiver) = channel();
    let done = Box::new(move |result| sender.send(result).unwrap());
    backend.change_identities(WORKSPACE, stamp(recorded), vec![change], None, done);
    receiver.recv().unwrap().unwrap()[0]
}

/// The first workspace.
pub fn workspace() -> CatalogEdit {
    CatalogEdit::AddWorkspace {
        name: "main".into(),
        zone: Zone::utc(),
        rate_limit_per_hour: 250_000,
        api_key_in_query: true,
    }
}
