use std::sync::mpsc::channel;

use dauphin_core::{Arrival, Stamp};
use dauphin_engine::{
    ActivityRule, Actor, ApiKey, AuditEntry, AuditPage, CatalogEdit, CatalogError, Engine, EngineError, IdentityChange,
    KeyIndex, Setting, Submission,
};
use dauphin_model::{AppIndex, Instant, ProfileKey, WorkspaceIndex, Zone};
use dauphin_store::{FailedCommit, MemoryDisk, MemoryStore};
use serde_json::json;

use crate::oracle::Event;
use crate::support::{OPTIONS, WORKSPACE, day, key, set_up, submit};

fn open(disk: &MemoryDisk) -> Engine {
    Engine::open(Box::new(MemoryStore::open(disk)), OPTIONS).unwrap()
}

fn set(settings: Vec<Setting>) -> CatalogEdit {
    CatalogEdit::SetWorkspace { workspace: WORKSPACE, settings }
}

fn zone(name: &str) -> CatalogEdit {
    set(vec![Setting::Zone(Zone::named(name).unwrap())])
}

fn entry(action: &'static str) -> AuditEntry {
    AuditEntry::new(Instant::new(1_530_230_399, 0).unwrap(), Actor::CommandLine, action, json!({}))
}

fn api_key(name: &str, hash: u8) -> ApiKey {
    let (permissions, allowed_addresses) = (vec!["*".to_owned()], vec![]);
    ApiKey { hash: [hash; 32], name: name.to_owned(), permissions, allowed_addresses, revoked: false }
}

/// Numbers and actions, newest first.
fn audit(engine: &Engine, workspace: WorkspaceIndex, before: Option<u64>, length: u16) -> Vec<(u64, String)> {
    let records = engine.audit(AuditPage { workspace, before, length }).unwrap();
    records.into_iter().map(|record| (record.sequence, record.action)).collect()
}

#[test]
fn settings_are_there_after_a_restart() {
    let disk = MemoryDisk::new();
    let engine = set_up(Box::new(MemoryStore::open(&disk)));
    let names: std::collections::BTreeSet<_> = ["login".to_owned()].into();
    let settings = vec![
        Setting::Zone(Zone::named("Asia/Tokyo").unwrap()),
        Setting::Activity(ActivityRule::Names(names.clone())),
        Setting::RateLimitPerHour(7),
        Setting::IngestLimitPerHour(Some(8)),
        Setting::ApiKeyInQuery(false),
    ];
    engine.edit(set(settings), None).unwrap();
    let app = AppIndex::new(1).unwrap();
    let (workspace, key) = (WORKSPACE, KeyIndex(0));
    engine.edit(CatalogEdit::RenameApp { workspace, app, name: "B".into() }, None).unwrap();
    engine.edit(CatalogEdit::RotateApp { workspace, app, write_key: "new".into() }, None).unwrap();
    engine.edit(CatalogEdit::AddKey { workspace, key: api_key("ops", 1) }, None).unwrap();
    engine.edit(CatalogEdit::RevokeKey { workspace, key }, None).unwrap();
    drop(engine);

    let catalog = open(&disk).catalog();
    let found = catalog.workspace(WORKSPACE).unwrap();
    assert_eq!((found.zone.name(), &found.activity), ("Asia/Tokyo", &ActivityRule::Names(names)));
    assert_eq!((found.rate_limit_per_hour, found.ingest_limit_per_hour, found.api_key_in_query), (7, Some(8), false));
    let shown: Vec<_> = found.apps().iter().map(|app| (app.id.as_str(), &*app.name, &*app.write_key)).collect();
    assert_eq!(shown, [("a", "a", ""), ("b", "B", "new"), ("c", "c", "")]);
    assert_eq!(found.keys().iter().map(|key| (&*key.name, key.revoked)).collect::<Vec<_>>(), [("ops", true)]);
}

#[test]
fn what_cannot_be_is_refused_and_changes_nothing() {
    let disk = MemoryDisk::new();
    let engine = set_up(Box::new(MemoryStore::open(&disk)));
    let (workspace, app) = (WORKSPACE, AppIndex::new(9).unwrap());
    engine.edit(CatalogEdit::AddKey { workspace, key: api_key("ops", 1) }, None).unwrap();
    engine.edit(CatalogEdit::RevokeKey { workspace, key: KeyIndex(0) }, None).unwrap();
    let commits = disk.commit_count();
    for (edit, expected) in [
        (CatalogEdit::RenameApp { workspace, app, name: "x".into() }, CatalogError::NoSuchApp),
        (CatalogEdit::RevokeKey { workspace, key: KeyIndex(1) }, CatalogError::NoSuchKey),
        (CatalogEdit::RevokeKey { workspace: WorkspaceIndex(1), key: KeyIndex(0) }, CatalogError::NoSuchWorkspace),
        // The audit log names keys, also those that are revoked.
        (CatalogEdit::AddKey { workspace, key: api_key("ops", 2) }, CatalogError::KeyNameExists("ops".into())),
        (CatalogEdit::AddKey { workspace, key: api_key("other", 1) }, CatalogError::KeyExists),
        (
            CatalogEdit::AddWorkspaceWithKey {
                name: "main".into(),
                zone: Zone::utc(),
                rate_limit_per_hour: 1,
                key: api_key("first", 3),
            },
            CatalogError::WorkspaceExists("main".into()),
        ),
    ] {
        let refused = engine.edit(edit, Some(entry("refused"))).unwrap_err();
        assert!(matches!(&refused, EngineError::Catalog(error) if *error == expected), "{refused}");
    }
    assert_eq!(disk.commit_count(), commits);
    assert_eq!(audit(&engine, WORKSPACE, None, 10), []);
}

#[test]
fn a_zone_changes_until_there_is_data() {
    let disk = MemoryDisk::new();
    let engine = set_up(Box::new(MemoryStore::open(&disk)));
    engine.edit(zone("Europe/Paris"), None).unwrap();
    let other = CatalogEdit::AddWorkspaceWithKey {
        name: "other".into(),
        zone: Zone::utc(),
        rate_limit_per_hour: 1,
        key: api_key("first", 3),
    };
    engine.edit(other, None).unwrap();

    // What was cut into days of the zone before is not taken.
    let stamp = Stamp { recorded: day(1000), arrival: Arrival::Sent };
    let cut_in = |zone: &Zone| {
        let mut submission = Submission::new(WORKSPACE, stamp).cut_in(zone);
        submission.active(key(1), None, day(1000));
        let (sender, receiver) = channel();
        engine.submit(submission, Box::new(move |result| sender.send(result).unwrap()));
        receiver.recv().unwrap()
    };
    assert!(matches!(cut_in(&Zone::utc()), Err(EngineError::ZoneChanged)));
    engine.edit(zone("Asia/Tokyo"), None).unwrap();
    assert_eq!(cut_in(&Zone::named("Asia/Tokyo").unwrap()).unwrap().new_user_days, 1);

    let fixed = |engine: &Engine| {
        let settings = vec![Setting::RateLimitPerHour(3), Setting::Zone(Zone::utc())];
        let refused = engine.edit(set(settings), None).unwrap_err();
        let expected = CatalogError::ZoneFixed { name: "main".into(), zone: "Asia/Tokyo".into() };
        assert!(matches!(&refused, EngineError::Catalog(error) if *error == expected), "{refused}");
        assert_eq!(engine.catalog().workspace(WORKSPACE).unwrap().rate_limit_per_hour, 250_000);
        // The zone that it has is no change, and other settings are not held up by it.
        engine.edit(zone("Asia/Tokyo"), None).unwrap();
    };
    fixed(&engine);
    drop(engine);
    let engine = open(&disk);
    fixed(&engine);
    // Data of one workspace fixes nothing in another.
    let settings = vec![Setting::Zone(Zone::named("Asia/Tokyo").unwrap())];
    engine.edit(CatalogEdit::SetWorkspace { workspace: WorkspaceIndex(1), settings }, None).unwrap();
}

#[test]
fn a_zone_and_data_never_meet() {
    for _ in 0..20 {
        let engine = set_up(Box::new(MemoryStore::open(&MemoryDisk::new())));
        let (changed, taken) = std::thread::scope(|scope| {
            let changed = scope.spawn(|| engine.edit(zone("Asia/Tokyo"), None).is_ok());
            let taken = scope.spawn(|| {
                let zone = engine.catalog().workspace(WORKSPACE).unwrap().zone.clone();
                let stamp = Stamp { recorded: day(1000), arrival: Arrival::Sent };
                let mut submission = Submission::new(WORKSPACE, stamp).cut_in(&zone);
                submission.active(key(1), None, day(1000));
                let (sender, receiver) = channel();
                engine.submit(submission, Box::new(move |result| sender.send(result).unwrap()));
                (zone.name().to_owned(), receiver.recv().unwrap().is_ok())
            });
            (changed.join().unwrap(), taken.join().unwrap())
        });
        // Whatever came first: data that was taken was cut in the zone that there is.
        let (zone, is_taken) = taken;
        let now = engine.catalog().workspace(WORKSPACE).unwrap().zone.name().to_owned();
        assert!(changed || is_taken);
        assert_eq!(now, if changed { "Asia/Tokyo" } else { "UTC" });
        assert_eq!(is_taken, zone == now);
    }
}

#[test]
fn the_audit_log_is_read_in_pages_and_goes_on_after_a_restart() {
    let disk = MemoryDisk::new();
    let engine = set_up(Box::new(MemoryStore::open(&disk)));
    assert_eq!(audit(&engine, WORKSPACE, None, 10), []);
    let limits = |limit| set(vec![Setting::RateLimitPerHour(limit)]);
    for limit in 1..=3 {
        engine.edit(limits(limit), Some(entry("workspace.set"))).unwrap();
    }
    engine.edit(limits(9), None).unwrap();
    let (change, (sender, receiver)) = (IdentityChange::Erase { profile: ProfileKey::from_u128(255) }, channel());
    let actor = Actor::Key { workspace: WORKSPACE, name: "ops".into() };
    let erase = AuditEntry::on_identities(Instant::new(5, 0).unwrap(), actor.clone(), "user.erase", &[change]);
    let stamp = Stamp { recorded: day(1000), arrival: Arrival::Sent };
    let done = Box::new(move |result| sender.send(result).unwrap());
    engine.change_identities(WORKSPACE, stamp, vec![change], Some(erase), done);
    receiver.recv().unwrap().unwrap();
    engine.close().unwrap();

    let engine = open(&disk);
    engine.edit(limits(4), Some(entry("workspace.set"))).unwrap();
    let all =
        [(5, "workspace.set"), (4, "user.erase"), (3, "workspace.set"), (2, "workspace.set"), (1, "workspace.set")];
    let all = all.map(|(sequence, action)| (sequence, action.to_owned()));
    for (before, length, expected) in [
        (None, 10, &all[..]),
        (None, 2, &all[..2]),
        (Some(4), 2, &all[2..4]),
        (Some(2), 9, &all[4..]),
        (Some(1), 9, &[]),
        (Some(0), 9, &[]),
        (Some(u64::MAX), 1, &all[..1]),
    ] {
        assert_eq!(audit(&engine, WORKSPACE, before, length), expected, "{before:?} {length}");
    }
    let page = AuditPage { workspace: WORKSPACE, before: Some(5), length: 1 };
    let erased = engine.audit(page).unwrap().remove(0);
    assert_eq!((&*erased.actor, erased.instant.seconds(), erased.workspace), ("ops", 5, WORKSPACE));
    let details = json!({"count": 1, "changes": [{"change": "erase", "profile": format!("{:032x}", 255)}]});
    assert_eq!(serde_json::Value::Object(erased.details), details);

    // Who makes a workspace remembers it, and so does the new one.
    let add = CatalogEdit::AddWorkspaceWithKey {
        name: "other".into(),
        zone: Zone::utc(),
        rate_limit_per_hour: 1,
        key: api_key("first", 3),
    };
    let made = AuditEntry::new(Instant::new(6, 0).unwrap(), actor, "workspace.add", json!({"name": "other"}));
    engine.edit(add, Some(made)).unwrap();
    assert_eq!(audit(&engine, WORKSPACE, None, 1), [(6, "workspace.add".to_owned())]);
    assert_eq!(audit(&engine, WorkspaceIndex(1), None, 9), [(1, "workspace.add".to_owned())]);
    let here = engine.audit(AuditPage { workspace: WORKSPACE, before: None, length: 1 }).unwrap().remove(0);
    assert_eq!(here.workspace, WorkspaceIndex(1));
}

#[test]
fn an_entry_is_there_with_its_change_or_not_at_all() {
    let disk = MemoryDisk::new();
    let engine = set_up(Box::new(MemoryStore::open(&disk)));
    submit(&engine, &[Event::Active { user: 1, app: 1, day: 1000 }], 1000).unwrap();
    disk.fail_commit(0, FailedCommit::Lost);
    let lost = engine.edit(set(vec![Setting::RateLimitPerHour(3)]), Some(entry("workspace.set")));
    assert!(matches!(lost, Err(EngineError::Failed(_))));
    let page = AuditPage { workspace: WORKSPACE, before: None, length: 9 };
    assert!(matches!(engine.audit(page), Err(EngineError::Failed(_))));
    drop(engine);
    let engine = open(&disk);
    assert_eq!(engine.audit(page).unwrap(), []);
    assert_eq!(engine.catalog().workspace(WORKSPACE).unwrap().rate_limit_per_hour, 250_000);
}
