use std::collections::BTreeMap;

use dauphin_core::{
    Arrival, Change, Identities, IdentityChange, IdentityRecord, Ledger, LedgerRow, Move, PAGE_PROFILES, RowChanges,
    Rows, Shard, Stamp,
};
use dauphin_model::limits::WINDOW_DAYS_MAX;
use dauphin_model::{ActiveDay, AppIndex, Day, Instant, ProfileKey, Scope, Zone};
use jiff::Timestamp;
use jiff::civil::date;
use jiff::tz::TimeZoneDatabase;
use proptest::prelude::*;

use crate::oracle::{self, Event, Oracle};

/// A workspace in memory: its shards, the rows added up, and what a store would keep of who is who.
#[derive(Default)]
pub struct Workspace {
    shards: [Shard; 16],
    records: BTreeMap<ProfileKey, IdentityRecord>,
    pub rows: Rows,
    pub ledger: Ledger,
}

/// Spread over the shards and over both halves, so that only the whole key tells users apart.
pub fn key(user: u64) -> ProfileKey {
    ProfileKey::from_u128(u128::from(user % 5) << 124 | u128::from(user) << 64 | u128::from(user % 3 + 1))
}

pub fn oracle() -> Oracle {
    Oracle::new(|user| key(user).to_u128())
}

/// What becomes of an event: a change of one profile, or of who is who.
pub fn change(event: Event) -> Result<Change, IdentityChange> {
    Ok(match event {
        Event::Active { user, app, day } => Change::Active {
            profile: key(user),
            app: app.checked_sub(1).and_then(AppIndex::new),
            day: ActiveDay::new(Day::new(day).unwrap()).unwrap(),
        },
        Event::Known { user } => Change::Known { profile: key(user) },
        Event::Claim { user, other } => {
            return Err(IdentityChange::Claim { anonymous: key(user), user: key(other) });
        }
        Event::Link { user, other } => return Err(IdentityChange::Link { profile: key(user), other: key(other) }),
        Event::Unlink { user } => return Err(IdentityChange::Unlink { profile: key(user) }),
        Event::Erase { user } => return Err(IdentityChange::Erase { profile: key(user) }),
        Event::Exclude { user } => return Err(IdentityChange::Exclude { profile: key(user) }),
        Event::Include { user } => return Err(IdentityChange::Include { profile: key(user) }),
        Event::Rename { user, other } => return Err(IdentityChange::Rename { from: key(user), to: key(other) }),
        Event::Replace { user, other } => return Err(IdentityChange::Replace { from: key(user), to: key(other) }),
        Event::Remove { user } => return Err(IdentityChange::Remove { profile: key(user) }),
    })
}

impl Workspace {
    /// Applies events in order, those of one shard that follow each other as a batch. Says how many changed anything.
    pub fn apply(&mut self, events: &[Event], recorded: i32) -> usize {
        let stamp = Stamp { recorded: ActiveDay::new(Day::new(recorded).unwrap()).unwrap(), arrival: Arrival::Sent };
        let changes: Vec<_> = events.iter().map(|event| change(*event)).collect();
        let shard_of = |change: &Result<Change, _>| change.as_ref().map(|change| change.profile().shard()).ok();
        let mut effective = 0;
        for run in changes.chunk_by(|a, b| shard_of(a).is_some() && shard_of(a) == shard_of(b)) {
            let mut rows = RowChanges::new();
            effective += match run[0] {
                Err(IdentityChange::Claim { anonymous, user }) => {
                    let open = self.shards[usize::from(anonymous.shard())].open_claims(&[(anonymous, user)]);
                    let claims = open.into_iter().map(|(anonymous, user)| IdentityChange::Claim { anonymous, user });
                    self.identify(&claims.collect::<Vec<_>>(), &mut rows)
                }
                Err(identity) => self.identify(&[identity], &mut rows),
                Ok(first) => {
                    let batch: Vec<_> = run.iter().map(|change| change.unwrap()).collect();
                    self.fold(usize::from(first.profile().shard()), &batch, stamp, &mut rows)
                }
            };
            let sums = rows.drain();
            self.rows.add(&sums);
            self.ledger.add(stamp.recorded, &sums);
        }
        effective
    }

    fn fold(&mut self, shard: usize, batch: &[Change], stamp: Stamp, rows: &mut RowChanges) -> usize {
        let applied = self.shards[shard].apply_all(batch, stamp, rows);
        let mut effective = applied.effective.len();
        for (home, change) in applied.elsewhere {
            assert!(self.shards[usize::from(home)].contains(change.profile()), "a profile is where its shard says");
            effective += self.shards[usize::from(home)].apply_all(&[change], stamp, rows).effective.len();
        }
        effective
    }

    fn identify(&mut self, changes: &[IdentityChange], rows: &mut RowChanges) -> usize {
        let mut identities = Identities::new(self.shards.each_mut());
        for change in changes {
            identities.apply(*change, rows);
        }
        let effects = identities.into_effects();
        for moved in &effects.moves {
            let (Move::Arrived { shard, profile, .. } | Move::Left { shard, profile }) = moved;
            let last = effects.moves.iter().rev().find(|other| {
                let (Move::Arrived { profile: other, shard: at, .. } | Move::Left { profile: other, shard: at }) =
                    other;
                (other, at) == (profile, shard)
            });
            let there = matches!(last, Some(Move::Arrived { .. }));
            assert_eq!(self.shards[usize::from(*shard)].contains(*profile), there, "moves say what became");
        }
        let count = effects.moves.len() + effects.records.len();
        for (profile, record) in effects.records {
            match record {
                Some(record) => self.records.insert(profile, record),
                None => self.records.remove(&profile),
            };
        }
        count
    }

    /// Writes everything down and reads it back.
    pub fn restart(&mut self) {
        for shard in &mut self.shards {
            let mut restored = Shard::default();
            for page in 0..shard.page_count() {
                let mut bytes = Vec::new();
                shard.write_page(page, &mut bytes);
                restored.load_page(page, &bytes, 1).unwrap();
            }
            assert!(shard.page_count() * PAGE_PROFILES >= shard.profile_count());
            assert_eq!(shard.next_page(&mut shard.page_count()), None);
            restored.restored();
            *shard = restored;
        }
        let mut identities = Identities::new(self.shards.each_mut());
        for (profile, record) in &self.records {
            identities.restore(*profile, *record);
        }
        let (mut ledger, mut rows) = (Ledger::default(), Rows::default());
        for (key, day, row) in self.ledger.rows() {
            let mut bytes = Vec::new();
            row.write(&mut bytes);
            let row = LedgerRow::read(&bytes).unwrap();
            rows.add(&row.changes(key, day));
            ledger.insert(key, day, row);
        }
        self.ledger = ledger;
        self.rows = rows;
    }

    pub fn check(&self, oracle: &Oracle, ends: &[i32], windows: &[u16]) {
        for scope_code in 0..=3 {
            let calendars = oracle.calendars(scope_code);
            let rows = self.rows.scope(Scope::from_code(scope_code).unwrap());
            for (end, window) in ends.iter().flat_map(|end| windows.iter().map(move |window| (*end, *window))) {
                let first = Day::new(end - 2).unwrap();
                let days = end - 2..=end;
                let expected: Vec<_> = days.clone().map(|d| oracle::active(&calendars, i32::from(window), d)).collect();
                assert_eq!(rows.active(window, first, 3), expected, "scope {scope_code} window {window} end {end}");
                if window <= WINDOW_DAYS_MAX {
                    let growth = rows.growth(window, first, 3);
                    let got: Vec<_> = growth.iter().map(|g| [g.new, g.resurrected, g.retained, g.churned]).collect();
                    let expected: Vec<_> = days.map(|d| oracle::growth(&calendars, i32::from(window), d)).collect();
                    assert_eq!(got, expected, "growth, scope {scope_code} window {window} end {end}");
                    assert!(growth.iter().all(|g| g.active == g.new + g.resurrected + g.retained));
                }
            }
        }
    }
}

/// What a sender says: activity at an instant, not a day, or a change of who is who.
pub type Sent = Result<(u64, u16, i64), Event>;

/// Few users and clustered days, so that repeats, neighbours and every kind of gap come up; often close to a midnight.
fn active() -> impl Strategy<Value = Sent> {
    let day = prop_oneof![5 => 10_000_i64..10_030, 3 => 9_700_i64..10_400, 1 => 0_i64..3, 1 => 30_000_i64..30_010];
    let second = prop_oneof![0_i64..86_400, -30_i64..30, 1_770_i64..1_830];
    let instant = (day, second).prop_map(|(day, second)| (day * 86_400 + second).max(0));
    (0_u64..14, 0_u16..4, instant).prop_map(Ok)
}

fn link() -> impl Strategy<Value = Sent> {
    (0_u64..14, 0_u64..14).prop_map(|(user, other)| Err(Event::Link { user, other }))
}

pub fn sent() -> impl Strategy<Value = Sent> {
    prop_oneof![12 => active(), 1 => link()]
}

/// Everything that may happen to anybody.
pub fn anything() -> impl Strategy<Value = Sent> {
    let pair = || (0_u64..14, 0_u64..18);
    let user = || 0_u64..14;
    prop_oneof![
        14 => active(),
        3 => link(),
        3 => pair().prop_map(|(user, other)| Err(Event::Claim { user, other })),
        1 => user().prop_map(|user| Err(Event::Known { user })),
        2 => user().prop_map(|user| Err(Event::Unlink { user })),
        1 => user().prop_map(|user| Err(Event::Erase { user })),
        1 => user().prop_map(|user| Err(Event::Exclude { user })),
        1 => user().prop_map(|user| Err(Event::Include { user })),
        2 => pair().prop_map(|(user, other)| Err(Event::Rename { user, other })),
        1 => pair().prop_map(|(user, other)| Err(Event::Replace { user, other })),
        2 => user().prop_map(|user| Err(Event::Remove { user })),
    ]
}

/// The same as an event of a day, the day cut by `day_of`.
fn event(sent: &Sent, day_of: &mut dyn FnMut(i64) -> i32) -> Event {
    match *sent {
        Ok((user, app, seconds)) => Event::Active { user, app, day: day_of(seconds) },
        Err(event) => event,
    }
}

pub fn by_cursor(sent: &[Sent], zone: &Zone) -> Vec<Event> {
    let mut cursor = zone.cursor();
    let mut day_of = |seconds| cursor.day_of(Instant::new(seconds, 0).unwrap()).number();
    sent.iter().map(|sent| event(sent, &mut day_of)).collect()
}

/// For the oracle: the zone library's own date.
fn by_library(sent: &[Sent], zone: &Zone) -> Vec<Event> {
    let rules = TimeZoneDatabase::bundled().get(zone.name()).unwrap();
    let mut day_of = |seconds| {
        let local = Timestamp::from_second(seconds).unwrap().to_zoned(rules.clone()).date();
        local.since(date(1970, 1, 1)).unwrap().get_days()
    };
    sent.iter().map(|sent| event(sent, &mut day_of)).collect()
}

fn zone() -> impl Strategy<Value = Zone> {
    let names = vec![
        "UTC",
        "America/New_York",
        "Asia/Kolkata",
        "Pacific/Apia",
        "Pacific/Kiritimati",
        "Australia/Lord_Howe",
        "America/St_Johns",
        "Africa/Casablanca",
        "Europe/Dublin",
    ];
    prop::sample::select(names).prop_map(|name| Zone::named(name).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(1000)))]

    /// Any users, apps, zone and order, with repeats, links and restarts: every window of every scope equals the sets.
    #[test]
    fn every_window_of_every_scope_equals_the_sets(
        batches in prop::collection::vec((prop::collection::vec(sent(), 1..40), 9_990_i32..10_040, any::<bool>()), 1..6),
        zone in zone(),
        end in prop_oneof![10_000_i32..10_040, 10_366_i32..10_400, 9_690_i32..10_500],
    ) {
        let (mut workspace, mut oracle) = (Workspace::default(), oracle());
        for (sent, recorded, restart) in &batches {
            workspace.apply(&by_cursor(sent, &zone), *recorded);
            by_library(sent, &zone).into_iter().for_each(|event| oracle.add(event));
            if *restart {
                workspace.restart();
            }
        }
        let windows: Vec<u16> = (1..=WINDOW_DAYS_MAX + 1).collect();
        workspace.check(&oracle, &[end], &windows);
        workspace.check(&oracle, &[0, 2, 10_015, 10_390, 30_009], &[1, 7, 30, 366, 367]);
        for (sent, recorded, _) in &batches {
            prop_assert_eq!(workspace.apply(&by_cursor(sent, &zone), *recorded), 0, "a repeat changes nothing");
        }
        laws(&workspace);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(400)))]

    /// Whatever happens to anybody, in any order, with restarts: every count equals the sets.
    #[test]
    fn whoever_is_who_the_counts_equal_the_sets(
        batches in prop::collection::vec((prop::collection::vec(anything(), 1..40), 9_990_i32..10_040, any::<bool>()), 1..6),
        end in prop_oneof![10_000_i32..10_040, 10_366_i32..10_400, 9_690_i32..10_500],
    ) {
        let (mut workspace, mut oracle) = (Workspace::default(), oracle());
        for (sent, recorded, restart) in &batches {
            let events = by_cursor(sent, &Zone::utc());
            for event in &events {
                workspace.apply(&[*event], *recorded);
                oracle.add(*event);
            }
            workspace.check(&oracle, &[end], &[1, 30]);
            if *restart {
                workspace.restart();
            }
        }
        workspace.check(&oracle, &[0, 2, 10_015, 10_390, 30_009, end], &[1, 7, 30, 366, 367]);
        let mut at_once = Workspace::default();
        for (sent, recorded, restart) in &batches {
            at_once.apply(&by_cursor(sent, &Zone::utc()), *recorded);
            if *restart {
                at_once.restart();
            }
        }
        at_once.check(&oracle, &[10_015, end], &[1, 30, 366]);
        laws(&workspace);
    }

    /// Order and batching of the input change nothing.
    #[test]
    fn order_and_batching_change_nothing(
        events in prop::collection::vec(sent(), 1..80).prop_flat_map(|events| {
            let shuffled = Just(events.clone()).prop_shuffle();
            (Just(events), shuffled, 1_usize..40)
        })
    ) {
        let (events, shuffled, batch) = events;
        let (mut one, mut other) = (Workspace::default(), Workspace::default());
        one.apply(&by_cursor(&events, &Zone::utc()), 10_010);
        for batch in shuffled.chunks(batch) {
            other.apply(&by_cursor(batch, &Zone::utc()), 10_010);
        }
        for scope in (0..4).map(|code| Scope::from_code(code).unwrap()) {
            for day in [10_000, 10_030, 10_400].map(|day| Day::new(day).unwrap()) {
                let start = day.offset(-29).unwrap();
                prop_assert_eq!(one.rows.scope(scope).growth(30, start, 30), other.rows.scope(scope).growth(30, start, 30));
            }
        }
    }
}

/// Laws that hold whatever the input.
fn laws(workspace: &Workspace) {
    let (first, length) = (Day::new(9_995).unwrap(), 40_u16);
    let of = |code, window| workspace.rows.scope(Scope::from_code(code).unwrap()).active(window, first, length);
    let (all, apps) = (of(0, 30), [of(1, 30), of(2, 30), of(3, 30)]);
    for index in 0..usize::from(length) {
        let of_apps = apps.iter().map(|app| app[index]);
        assert!(of_apps.clone().max().unwrap() <= all[index], "an app is a part of the workspace");
    }
    for window in 1..=WINDOW_DAYS_MAX {
        let (narrow, wide) = (of(0, window), of(0, window + 1));
        assert!(narrow.iter().zip(&wide).all(|(narrow, wide)| narrow <= wide), "a wider window counts no fewer");
    }
}

/// `DAUPHIN_PROPERTY_FACTOR=100 cargo test …` is the long mode.
pub fn cases(base: u32) -> u32 {
    let factor = std::env::var("DAUPHIN_PROPERTY_FACTOR").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    base * factor
}
