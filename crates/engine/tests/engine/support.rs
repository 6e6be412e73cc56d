use std::sync::mpsc::channel;

use dauphin_core::{Arrival, Stamp};
use dauphin_engine::{App, CatalogEdit, Engine, EngineError, EngineOptions, Receipt, Submission};
use dauphin_model::{ActiveDay, AppId, AppIndex, Day, IdentitySecret, ProfileKey, Scope, WorkspaceIndex, Zone};
use dauphin_store::Store;

use crate::oracle::{self, Event, Oracle};

pub const WORKSPACE: WorkspaceIndex = WorkspaceIndex(0);

/// Two folders, and a log that is folded into pages again and again.
pub const OPTIONS: EngineOptions = EngineOptions { folder_count: 2, log_bytes_min: 300 };

/// A store set up with one workspace of three apps.
pub fn set_up(mut store: Box<dyn Store>) -> Engine {
    let workspace = CatalogEdit::AddWorkspace {
        name: "main".into(),
        zone: Zone::utc(),
        rate_limit_per_hour: 250_000,
        api_key_in_query: true,
    };
    assert!(!Engine::is_initialised(store.as_ref()).unwrap());
    Engine::initialise(store.as_mut(), &IdentitySecret::new([1; 16]), &[workspace]).unwrap();
    assert!(Engine::is_initialised(store.as_ref()).unwrap());
    let engine = Engine::open(store, OPTIONS).unwrap();
    for id in ["a", "b", "c"] {
        let app = App { id: AppId::new(id).unwrap(), name: id.into(), write_key: String::new() };
        engine.edit(CatalogEdit::AddApp { workspace: WORKSPACE, app }, None).unwrap();
    }
    engine
}

/// Spread over shards and over the low bits alike.
pub fn key(user: u64) -> ProfileKey {
    let spread = u128::from(user.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    ProfileKey::from_u128(spread << 64 | u128::from(user))
}

pub fn day(number: i32) -> ActiveDay {
    ActiveDay::new(Day::new(number).unwrap()).unwrap()
}

pub fn submission(events: &[Event], recorded: i32) -> Submission {
    let mut submission = Submission::new(WORKSPACE, Stamp { recorded: day(recorded), arrival: Arrival::Sent });
    for event in events {
        let Event::Active { user, app, day: number } = *event else { panic!("the engine takes no links yet") };
        submission.active(key(user), app.checked_sub(1).and_then(AppIndex::new), day(number));
    }
    submission
}

pub fn submit(engine: &Engine, events: &[Event], recorded: i32) -> Result<Receipt, EngineError> {
    let (sender, receiver) = channel();
    engine.submit(submission(events, recorded), Box::new(move |result| sender.send(result).unwrap()));
    receiver.recv().unwrap()
}

/// Compares every scope with the sets.
pub fn compare(engine: &Engine, oracle: &Oracle, ends: &[i32], windows: &[u16]) {
    let rows = engine.rows(WORKSPACE);
    for code in 0..=3 {
        let calendars = oracle.calendars(code);
        let scope = rows.scope(Scope::from_code(code).unwrap());
        for (end, window) in ends.iter().flat_map(|end| windows.iter().map(move |window| (*end, *window))) {
            let expected: Vec<_> =
                (end - 2..=end).map(|day| oracle::active(&calendars, i32::from(window), day)).collect();
            assert_eq!(scope.active(window, Day::new(end - 2).unwrap(), 3), expected, "scope {code} {window} {end}");
            let growth = scope.growth(window, Day::new(end).unwrap(), 1)[0];
            let got = [growth.new, growth.resurrected, growth.retained, growth.churned];
            assert_eq!(got, oracle::growth(&calendars, i32::from(window), end), "growth, scope {code} {window} {end}");
        }
    }
}
