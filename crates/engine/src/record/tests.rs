//! What partitions say to each other, byte by byte: envelopes, replies, routes, and how far a partition is.

use dauphin_core::{
    Answer, Arrival, Ask, Change, Departure, Flags, Forward, IdentityChange, IdentityOutcome, Message, Parcel, Person,
    Request, Role, Route, Stamp, Step, Traveller,
};
use dauphin_model::limits::APPS_MAX;
use dauphin_model::{ActiveDay, AppIndex, ProfileKey, SessionFingerprint, WorkspaceIndex};
use proptest::prelude::*;

use super::*;

fn profile() -> impl Strategy<Value = ProfileKey> {
    any::<u128>().prop_map(ProfileKey::from_u128)
}

fn app() -> impl Strategy<Value = Option<AppIndex>> {
    prop::option::of((0..APPS_MAX).prop_map(|index| AppIndex::new(index).unwrap()))
}

fn day() -> impl Strategy<Value = ActiveDay> {
    any::<u16>().prop_map(ActiveDay::from_code)
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (profile(), app(), day()).prop_map(|(profile, app, day)| Change::Active { profile, app, day }),
        profile().prop_map(|profile| Change::Known { profile }),
        (app(), day(), any::<u8>(), any::<u128>()).prop_map(|(app, day, hour, fingerprint)| {
            Change::Session { app, day, hour, fingerprint: SessionFingerprint::from_u128(fingerprint) }
        }),
        (profile(), app(), day()).prop_map(|(profile, app, day)| Change::Uninstall { profile, app, day }),
    ]
}

fn ask() -> impl Strategy<Value = Ask> {
    (0..10, profile(), profile()).prop_map(|(kind, profile, other)| {
        Ask::Change(match kind {
            0 => return Ask::Show(profile),
            1 => IdentityChange::Link { profile, other },
            2 => IdentityChange::Claim { anonymous: profile, user: other },
            3 => IdentityChange::Unlink { profile },
            4 => IdentityChange::Erase { profile },
            5 => IdentityChange::Exclude { profile },
            6 => IdentityChange::Include { profile },
            7 => IdentityChange::Rename { from: profile, to: other },
            8 => IdentityChange::Replace { from: profile, to: other },
            _ => IdentityChange::Remove { profile },
        })
    })
}

fn request() -> impl Strategy<Value = Request> {
    let step = prop_oneof![
        Just(Step::Begin),
        any::<u16>().prop_map(Step::Seek),
        any::<u16>().prop_map(Step::Bring),
        any::<u16>().prop_map(Step::Reserve),
        Just(Step::Name),
    ];
    (ask(), step, any::<u8>(), prop::collection::vec(profile(), 0..3)).prop_map(|(ask, step, moves, flushed)| Request {
        ask,
        step,
        moves,
        flushed,
    })
}

fn forward() -> impl Strategy<Value = Forward> {
    (any::<u16>(), any::<u64>()).prop_map(|(to, id)| Forward { to, id })
}

fn departure() -> impl Strategy<Value = Departure> {
    (any::<u16>(), forward()).prop_map(|(from, forward)| Departure { from, forward })
}

fn parcel() -> impl Strategy<Value = Parcel> {
    // The calendars of one active day, without an app.
    let calendars = day().prop_map(|day| [&[0][..], &day.code().to_le_bytes(), &[0]].concat());
    let flags = (0_u8..8).prop_map(|bits| Flags::from_bits(bits).unwrap());
    let traveller =
        (profile(), flags, calendars).prop_map(|(profile, flags, calendars)| Traveller { profile, flags, calendars });
    (profile(), prop::collection::vec(traveller, 0..3)).prop_map(|(label, travellers)| Parcel { label, travellers })
}

fn message() -> impl Strategy<Value = Message> {
    let role = || prop_oneof![Just(Role::Router), Just(Role::Home)];
    let list_of_changes = prop::collection::vec(change(), 0..5);
    let claims = prop::collection::vec((profile(), profile()), 0..3);
    prop_oneof![
        (role(), list_of_changes, claims).prop_map(|(role, changes, claims)| Message::Changes {
            role,
            changes,
            claims
        }),
        (role(), profile(), request()).prop_map(|(role, about, request)| Message::Request { role, about, request }),
        (parcel(), prop::option::of((profile(), request())))
            .prop_map(|(parcel, then)| Message::Arrived { parcel, then }),
        (profile(), departure()).prop_map(|(profile, departure)| Message::Left { profile, departure }),
        (profile(), any::<u64>()).prop_map(|(profile, id)| Message::Drop { profile, id }),
        profile().prop_map(|profile| Message::Dropped { profile }),
        (profile(), any::<bool>()).prop_map(|(profile, settled)| Message::Settled { profile, settled }),
    ]
}

fn trace() -> impl Strategy<Value = Trace> {
    (any::<u128>(), any::<u64>()).prop_map(|(token, credit)| Trace { token, credit })
}

fn envelope() -> impl Strategy<Value = Envelope> {
    let stamp = (day(), prop_oneof![Just(Arrival::Sent), Just(Arrival::Imported)]);
    (any::<u32>(), stamp, prop::option::of(trace()), message()).prop_map(
        |(workspace, (recorded, arrival), trace, message)| Envelope {
            workspace: WorkspaceIndex(workspace),
            stamp: Stamp { recorded, arrival },
            trace,
            message,
        },
    )
}

fn reply() -> impl Strategy<Value = Reply> {
    let days = prop::collection::btree_map(app(), prop::collection::btree_set(day(), 0..4), 0..3);
    let person = (any::<usize>(), any::<bool>(), days).prop_map(|(profile_count, excluded, days)| Person {
        profile_count,
        excluded,
        days,
    });
    let outcome = prop_oneof![Just(IdentityOutcome::Changed), Just(IdentityOutcome::TooMany)];
    let answer = prop_oneof![outcome.prop_map(Answer::Outcome), prop::option::of(person).prop_map(Answer::Person),];
    (trace(), any::<u64>(), prop::option::of(answer)).prop_map(|(trace, new_user_days, answer)| Reply {
        trace,
        new_user_days,
        answer,
    })
}

fn route() -> impl Strategy<Value = Route> {
    (any::<u16>(), any::<bool>(), any::<bool>(), prop::collection::vec(departure(), 0..3))
        .prop_map(|(home, settled, draining, waiting)| Route { home, settled, draining, waiting })
}

/// All that reads bytes here, with any bytes: it must not panic, and what it takes must come back from its own bytes.
fn read_as_anything(bytes: &[u8]) {
    if let Ok(envelope) = Envelope::read(bytes) {
        assert_eq!(Envelope::read(&envelope.to_bytes()), Ok(envelope));
    }
    if let Ok(reply) = Reply::read(bytes) {
        assert_eq!(Reply::read(&reply.to_bytes()), Ok(reply));
    }
    if let Ok(progress) = Progress::read(bytes) {
        assert_eq!(Progress::read(&progress.to_bytes()), Ok(progress));
    }
    for role in [0, 1] {
        let key = route_key(role, WorkspaceIndex(7), ProfileKey::from_u128(5));
        match read_route(&key, bytes) {
            Ok((_, _, RouteRecord::Route(route))) => {
                assert_eq!(read_route(&key, &route_value(&route)).map(|read| read.2), Ok(RouteRecord::Route(route)));
            }
            Ok((_, _, RouteRecord::Forward(forward))) => {
                let read = read_route(&key, &forward_value(&forward)).map(|read| read.2);
                assert_eq!(read, Ok(RouteRecord::Forward(forward)));
            }
            Err(Malformed) => {}
        }
    }
    let _ = read_route(bytes, &[]);
}

proptest! {
    #[test]
    fn what_is_written_is_read(envelope in envelope(), reply in reply(), route in route(), forward in forward()) {
        prop_assert_eq!(Envelope::read(&envelope.to_bytes()), Ok(envelope));
        prop_assert_eq!(Reply::read(&reply.to_bytes()), Ok(reply));
        let (workspace, profile) = (WorkspaceIndex(7), ProfileKey::from_u128(5));
        let read = read_route(&route_key(0, workspace, profile), &route_value(&route));
        prop_assert_eq!(read, Ok((workspace, profile, RouteRecord::Route(route))));
        let read = read_route(&route_key(1, workspace, profile), &forward_value(&forward));
        prop_assert_eq!(read, Ok((workspace, profile, RouteRecord::Forward(forward))));
    }

    #[test]
    fn what_is_cut_is_refused(envelope in envelope(), cut in any::<prop::sample::Index>()) {
        let bytes = envelope.to_bytes();
        prop_assert_eq!(Envelope::read(&bytes[..cut.index(bytes.len())]), Err(Malformed));
        prop_assert_eq!(Envelope::read(&[&bytes[..], &[0]].concat()), Err(Malformed));
    }

    #[test]
    fn what_is_damaged_is_refused_or_is_something_else(
        envelope in envelope(),
        reply in reply(),
        route in route(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        for mut bytes in [envelope.to_bytes(), reply.to_bytes(), route_value(&route)] {
            for (at, byte) in &damage {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            read_as_anything(&bytes);
        }
    }

    #[test]
    fn any_bytes_are_read_without_panic(bytes: Vec<u8>) {
        read_as_anything(&bytes);
        // Most begin with a version that there is not.
        read_as_anything(&[&[1][..], &bytes].concat());
    }
}

const FIVE: [u8; 16] = [5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
const SIX: [u8; 16] = [6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

#[test]
fn golden_bytes() {
    let (five, six) = (ProfileKey::from_u128(5), ProfileKey::from_u128(6));
    let day = ActiveDay::from_code(0x0102);
    let envelope = |message| Envelope {
        workspace: WorkspaceIndex(2),
        stamp: Stamp { recorded: ActiveDay::from_code(0x0304), arrival: Arrival::Sent },
        trace: Some(Trace { token: 6, credit: 7 }),
        message,
    };
    let head = [&[1, 2, 4, 3, 0, 1][..], &SIX, &[7, 0, 0, 0, 0, 0, 0, 0]].concat();
    let forward = Forward { to: 9, id: 300 };
    let request = Request {
        ask: Ask::Change(IdentityChange::Link { profile: five, other: six }),
        step: Step::Seek(3),
        moves: 1,
        flushed: vec![five],
    };
    let request_bytes = [&[1][..], &FIVE, &SIX, &[1, 3, 0, 1, 1], &FIVE].concat();
    let calendars = vec![0, 2, 1, 0];
    let traveller = Traveller { profile: six, flags: Flags::from_bits(2).unwrap(), calendars };
    for (message, bytes) in [
        (
            Message::Changes {
                role: Role::Router,
                changes: vec![
                    Change::Active { profile: five, app: AppIndex::new(0), day },
                    Change::Known { profile: six },
                    Change::Session { app: None, day, hour: 23, fingerprint: SessionFingerprint::from_u128(6) },
                    Change::Uninstall { profile: five, app: None, day },
                ],
                claims: vec![(five, six)],
            },
            [&[1, 0, 4, 0][..], &FIVE, &[1, 2, 1, 1], &SIX, &[2], &SIX, &[0, 2, 1, 23, 3], &FIVE, &[0, 2, 1, 1]]
                .concat()
                .into_iter()
                .chain([FIVE, SIX].concat())
                .collect(),
        ),
        (
            Message::Request { role: Role::Home, about: six, request: request.clone() },
            [&[2, 1][..], &SIX, &request_bytes].concat(),
        ),
        (
            Message::Arrived {
                parcel: Parcel { label: five, travellers: vec![traveller] },
                then: Some((six, request)),
            },
            [&[3][..], &FIVE, &[1], &SIX, &[2, 4, 0, 2, 1, 0, 1], &SIX, &request_bytes].concat(),
        ),
        (
            Message::Left { profile: five, departure: Departure { from: 8, forward } },
            [&[4][..], &FIVE, &[8, 0, 9, 0, 0xac, 2]].concat(),
        ),
        (Message::Drop { profile: five, id: 300 }, [&[5][..], &FIVE, &[0xac, 2]].concat()),
        (Message::Dropped { profile: five }, [&[6][..], &FIVE].concat()),
        (Message::Settled { profile: five, settled: true }, [&[7, 1][..], &FIVE].concat()),
    ] {
        let envelope = envelope(message);
        assert_eq!(envelope.to_bytes(), [&head[..], &bytes].concat(), "{:?}", envelope.message);
        assert_eq!(Envelope::read(&envelope.to_bytes()), Ok(envelope));
    }

    let person = Person { profile_count: 2, excluded: true, days: [(AppIndex::new(0), [day].into())].into() };
    for (answer, bytes) in [
        (None, &[0][..]),
        (Some(Answer::Outcome(IdentityOutcome::Taken)), &[1, 3]),
        (Some(Answer::Person(None)), &[2]),
        (Some(Answer::Person(Some(person))), &[3, 1, 2, 1, 1, 2, 1]),
    ] {
        let reply = Reply { trace: Trace { token: 6, credit: 7 }, new_user_days: 300, answer };
        let expected = [&SIX[..], &[7, 0, 0, 0, 0, 0, 0, 0, 0xac, 2], bytes].concat();
        assert_eq!(reply.to_bytes(), expected);
    }

    let key = route_key(1, WorkspaceIndex(2), five);
    assert_eq!(key[..], [&[1, 0, 0, 0, 2][..], &FIVE].concat());
    assert_eq!(forward_value(&forward), [9, 0, 0xac, 2]);
    let waiting = vec![Departure { from: 8, forward }];
    let route = Route { home: 3, settled: true, draining: true, waiting };
    assert_eq!(route_value(&route), [3, 0, 3, 1, 8, 0, 9, 0, 0xac, 2]);
    let progress = Progress { sequence: 1, next_offset: 2, event_count: 3, sent_ms: 4 };
    assert_eq!(progress.to_bytes(), [1_u64, 2, 3, 4].map(u64::to_le_bytes).concat());
    assert_eq!(Progress::read(&[1, 0, 0, 0, 0, 0, 0, 0]), Ok(Progress { sequence: 1, ..Progress::default() }));
}
