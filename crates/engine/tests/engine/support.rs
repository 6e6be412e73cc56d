use std::sync::mpsc::channel;

use dauphin_core::{Arrival, Change, Stamp};
use dauphin_engine::{App, CatalogEdit, Engine, EngineError, EngineOptions, IdentityChange, Receipt, Submission};
use dauphin_model::{ActiveDay, AppId, AppIndex, Day, IdentitySecret, ProfileKey, Scope, WorkspaceIndex, Zone};
use dauphin_store::Store;

use crate::oracle::{self, Event, Oracle};

pub const WORKSPACE: WorkspaceIndex = WorkspaceIndex(0);

/// Two folders, and a log that is folded into pages again and again.
pub const OPTIONS: EngineOptions = EngineOptions { folder_count: 2, log_bytes_min: 300, state_bytes_max: usize::MAX };

/// A store set up with one workspace of three apps.
pub fn set_up(store: Box<dyn Store>) -> Engine {
    set_up_with(store, OPTIONS)
}

/// As [`set_up`], of an engine that runs otherwise.
pub fn set_up_with(mut store: Box<dyn Store>, options: EngineOptions) -> Engine {
    let workspace = CatalogEdit::AddWorkspace {
        name: "main".into(),
        zone: Zone::utc(),
        rate_limit_per_hour: 250_000,
        api_key_in_query: true,
    };
    assert!(!Engine::is_initialised(store.as_ref()).unwrap());
    Engine::initialise(store.as_mut(), &IdentitySecret::new([1; 16]), &[workspace]).unwrap();
    assert!(Engine::is_initialised(store.as_ref()).unwrap());
    let engine = Engine::open(store, options).unwrap();
    for id in ["a", "b", "c"] {
        let app = App { id: AppId::new(id).unwrap(), name: id.into(), write_key: String::new() };
        engine.edit(CatalogEdit::AddApp { workspace: WORKSPACE, app }, None).unwrap();
    }
    engine
}

/// Spread over shards and over the low bits alike.
pub fn key(user: u64) -> ProfileKey {
    let spread = u128::from(user.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    ProfileKey::from_u128(spread << 64 | u128::from(user + 1))
}

pub fn day(number: i32) -> ActiveDay {
    ActiveDay::new(Day::new(number).unwrap()).unwrap()
}

/// The oracle's order is that of the keys.
pub fn oracle() -> Oracle {
    Oracle::new(|user| key(user).to_u128())
}

pub fn stamp(recorded: i32) -> Stamp {
    Stamp { recorded: day(recorded), arrival: Arrival::Sent }
}

/// What an event is: a change of one profile, or of who is who.
pub fn what(event: Event) -> Result<Change, IdentityChange> {
    Err(match event {
        Event::Active { user, app, day: number } => {
            let app = app.checked_sub(1).and_then(AppIndex::new);
            return Ok(Change::Active { profile: key(user), app, day: day(number) });
        }
        Event::Known { user } => return Ok(Change::Known { profile: key(user) }),
        Event::Claim { user, other } => IdentityChange::Claim { anonymous: key(user), user: key(other) },
        Event::Link { user, other } => IdentityChange::Link { profile: key(user), other: key(other) },
        Event::Unlink { user } => IdentityChange::Unlink { profile: key(user) },
        Event::Erase { user } => IdentityChange::Erase { profile: key(user) },
        Event::Exclude { user } => IdentityChange::Exclude { profile: key(user) },
        Event::Include { user } => IdentityChange::Include { profile: key(user) },
        Event::Rename { user, other } => IdentityChange::Rename { from: key(user), to: key(other) },
        Event::Replace { user, other } => IdentityChange::Replace { from: key(user), to: key(other) },
        Event::Remove { user } => IdentityChange::Remove { profile: key(user) },
    })
}

/// Adds what happens to one profile; gives back what changes who is who.
pub fn add(submission: &mut Submission, event: Event) -> Option<IdentityChange> {
    match what(event) {
        Ok(Change::Active { profile, app, day }) => submission.active(profile, app, day),
        Ok(change) => submission.known(change.profile()),
        Err(IdentityChange::Claim { anonymous, user }) => submission.claim(anonymous, user),
        Err(change) => return Some(change),
    }
    None
}

pub fn submission(events: &[Event], recorded: i32) -> Submission {
    let mut submission = Submission::new(WORKSPACE, stamp(recorded));
    for event in events {
        assert_eq!(add(&mut submission, *event), None, "a submission takes what happens to one profile");
    }
    submission
}

pub fn submit(engine: &Engine, events: &[Event], recorded: i32) -> Result<Receipt, EngineError> {
    let (sender, receiver) = channel();
    engine.submit(submission(events, recorded), Box::new(move |result| sender.send(result).unwrap()));
    receiver.recv().unwrap()
}

/// Hands in anything, in order; what follows each other and is of one kind, at once. A claim ends what is handed in with
/// it: who comes first may claim.
pub fn tell(engine: &Engine, events: &[Event], recorded: i32) {
    let mut submission = Submission::new(WORKSPACE, stamp(recorded));
    for event in events {
        let identity = add(&mut submission, *event);
        if identity.is_some() || matches!(event, Event::Claim { .. }) {
            let (sender, receiver) = channel();
            let full = std::mem::replace(&mut submission, Submission::new(WORKSPACE, stamp(recorded)));
            engine.submit(full, Box::new(move |result| sender.send(result.map(|_| ())).unwrap()));
            receiver.recv().unwrap().unwrap();
        }
        if let Some(change) = identity {
            let (sender, receiver) = channel();
            let done = Box::new(move |result: Result<Vec<_>, _>| sender.send(result.map(|_| ())).unwrap());
            engine.change_identities(WORKSPACE, stamp(recorded), vec![change], None, done);
            receiver.recv().unwrap().unwrap();
        }
    }
    let (sender, receiver) = channel();
    engine.submit(submission, Box::new(move |result| sender.send(result.map(|_| ())).unwrap()));
    receiver.recv().unwrap().unwrap();
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
