use dauphin_core::{
    Ask, Calendars, Change, Departure, Flags, Forward, IdentityChange, Message, Parcel, Reader, Request, Role, Step,
    Traveller, write_varint,
};
use dauphin_model::{ActiveDay, AppIndex, ProfileKey, SessionFingerprint};

use super::Malformed;

const KIND_CHANGES: u8 = 1;
const KIND_REQUEST: u8 = 2;
const KIND_ARRIVED: u8 = 3;
const KIND_LEFT: u8 = 4;
const KIND_DROP: u8 = 5;
const KIND_DROPPED: u8 = 6;
const KIND_SETTLED: u8 = 7;

pub(super) fn write_message(message: &Message, out: &mut Vec<u8>) {
    match message {
        Message::Changes { role, changes, claims } => {
            out.extend([KIND_CHANGES, u8::from(*role == Role::Home)]);
            write_varint(out, changes.len() as u64);
            changes.iter().for_each(|change| write_change(change, out));
            write_varint(out, claims.len() as u64);
            for (anonymous, user) in claims {
                write_profile(*anonymous, out);
                write_profile(*user, out);
            }
        }
        Message::Request { role, about, request } => {
            out.extend([KIND_REQUEST, u8::from(*role == Role::Home)]);
            write_profile(*about, out);
            write_request(request, out);
        }
        Message::Arrived { parcel, then } => {
            out.push(KIND_ARRIVED);
            write_profile(parcel.label, out);
            write_varint(out, parcel.travellers.len() as u64);
            for Traveller { profile, flags, calendars } in &parcel.travellers {
                write_profile(*profile, out);
                out.push(flags.bits());
                write_varint(out, calendars.len() as u64);
                out.extend_from_slice(calendars);
            }
            out.push(u8::from(then.is_some()));
            if let Some((about, request)) = then {
                write_profile(*about, out);
                write_request(request, out);
            }
        }
        Message::Left { profile, departure } => {
            out.push(KIND_LEFT);
            write_profile(*profile, out);
            write_departure(departure, out);
        }
        Message::Drop { profile, id } => {
            out.push(KIND_DROP);
            write_profile(*profile, out);
            write_varint(out, *id);
        }
        Message::Dropped { profile } => {
            out.push(KIND_DROPPED);
            write_profile(*profile, out);
        }
        Message::Settled { profile, settled } => {
            out.extend([KIND_SETTLED, u8::from(*settled)]);
            write_profile(*profile, out);
        }
    }
}

pub(super) fn read_message(reader: &mut Reader<'_>) -> Result<Message, Malformed> {
    Ok(match reader.u8()? {
        KIND_CHANGES => {
            let role = role(reader)?;
            let changes = list(reader, read_change)?;
            let claims = list(reader, |reader| Ok((read_profile(reader)?, read_profile(reader)?)))?;
            Message::Changes { role, changes, claims }
        }
        KIND_REQUEST => {
            Message::Request { role: role(reader)?, about: read_profile(reader)?, request: read_request(reader)? }
        }
        KIND_ARRIVED => {
            let label = read_profile(reader)?;
            let travellers = list(reader, |reader| {
                let profile = read_profile(reader)?;
                let flags = Flags::from_bits(reader.u8()?).ok_or(Malformed)?;
                let byte_count = reader.number()?;
                let calendars = reader.bytes(byte_count)?;
                // Nothing else reads them before they are trusted.
                Calendars::checked(calendars).map_err(|_| Malformed)?;
                Ok(Traveller { profile, flags, calendars: calendars.to_vec() })
            })?;
            let then = if flag(reader)? { Some((read_profile(reader)?, read_request(reader)?)) } else { None };
            Message::Arrived { parcel: Parcel { label, travellers }, then }
        }
        KIND_LEFT => Message::Left { profile: read_profile(reader)?, departure: read_departure(reader)? },
        KIND_DROP => Message::Drop { profile: read_profile(reader)?, id: reader.number()? },
        KIND_DROPPED => Message::Dropped { profile: read_profile(reader)? },
        KIND_SETTLED => {
            let settled = flag(reader)?;
            Message::Settled { profile: read_profile(reader)?, settled }
        }
        _ => return Err(Malformed),
    })
}

/// A list that says how long it is. Nobody reserves room because a damaged byte says so.
pub(super) fn list<'a, T>(
    reader: &mut Reader<'a>,
    mut read: impl FnMut(&mut Reader<'a>) -> Result<T, Malformed>,
) -> Result<Vec<T>, Malformed> {
    let count: usize = reader.number()?;
    let mut items = Vec::with_capacity(count.min(reader.rest().len()));
    for _ in 0..count {
        items.push(read(reader)?);
    }
    Ok(items)
}

const CHANGE_ACTIVE: u8 = 0;
const CHANGE_KNOWN: u8 = 1;
const CHANGE_SESSION: u8 = 2;
const CHANGE_UNINSTALL: u8 = 3;

/// `[tag: u8]`, then of an activity `[profile][app + 1 or 0: varint][day: u16]`, of a session `[fingerprint][app][day]
/// [hour: u8]`, of an uninstall as of an activity.
fn write_change(change: &Change, out: &mut Vec<u8>) {
    match change {
        Change::Active { profile, app, day } | Change::Uninstall { profile, app, day } => {
            let active = matches!(change, Change::Active { .. });
            out.push(if active { CHANGE_ACTIVE } else { CHANGE_UNINSTALL });
            write_profile(*profile, out);
            write_app(*app, out);
            out.extend_from_slice(&day.code().to_le_bytes());
        }
        Change::Known { profile } => {
            out.push(CHANGE_KNOWN);
            write_profile(*profile, out);
        }
        Change::Session { app, day, hour, fingerprint } => {
            out.push(CHANGE_SESSION);
            out.extend_from_slice(&fingerprint.to_u128().to_le_bytes());
            write_app(*app, out);
            out.extend_from_slice(&day.code().to_le_bytes());
            out.push(*hour);
        }
    }
}

fn read_change(reader: &mut Reader<'_>) -> Result<Change, Malformed> {
    let tag = reader.u8()?;
    let who = read_profile(reader)?;
    if tag == CHANGE_KNOWN {
        return Ok(Change::Known { profile: who });
    }
    let app = read_app(reader)?;
    let day = ActiveDay::from_code(reader.u16()?);
    Ok(match tag {
        CHANGE_ACTIVE => Change::Active { profile: who, app, day },
        CHANGE_UNINSTALL => Change::Uninstall { profile: who, app, day },
        CHANGE_SESSION => {
            let hour = reader.u8()?;
            let fingerprint = SessionFingerprint::from_u128(who.to_u128());
            Change::Session { app, day, hour, fingerprint }
        }
        _ => return Err(Malformed),
    })
}

fn write_request(request: &Request, out: &mut Vec<u8>) {
    let (kind, first, second) = match request.ask {
        Ask::Show(profile) => (0, profile, None),
        Ask::Change(change) => match change {
            IdentityChange::Link { profile, other } => (1, profile, Some(other)),
            IdentityChange::Claim { anonymous, user } => (2, anonymous, Some(user)),
            IdentityChange::Unlink { profile } => (3, profile, None),
            IdentityChange::Erase { profile } => (4, profile, None),
            IdentityChange::Exclude { profile } => (5, profile, None),
            IdentityChange::Include { profile } => (6, profile, None),
            IdentityChange::Rename { from, to } => (7, from, Some(to)),
            IdentityChange::Replace { from, to } => (8, from, Some(to)),
            IdentityChange::Remove { profile } => (9, profile, None),
        },
    };
    out.push(kind);
    write_profile(first, out);
    if let Some(second) = second {
        write_profile(second, out);
    }
    let (step, partition) = match request.step {
        Step::Begin => (0, 0),
        Step::Seek(partition) => (1, partition),
        Step::Bring(partition) => (2, partition),
        Step::Reserve(partition) => (3, partition),
        Step::Name => (4, 0),
    };
    out.push(step);
    out.extend_from_slice(&u16::to_le_bytes(partition));
    out.push(request.moves);
    write_varint(out, request.flushed.len() as u64);
    request.flushed.iter().for_each(|profile| write_profile(*profile, out));
}

fn read_request(reader: &mut Reader<'_>) -> Result<Request, Malformed> {
    let kind = reader.u8()?;
    let profile = read_profile(reader)?;
    let ask = match kind {
        0 => Ask::Show(profile),
        1 => Ask::Change(IdentityChange::Link { profile, other: read_profile(reader)? }),
        2 => Ask::Change(IdentityChange::Claim { anonymous: profile, user: read_profile(reader)? }),
        3 => Ask::Change(IdentityChange::Unlink { profile }),
        4 => Ask::Change(IdentityChange::Erase { profile }),
        5 => Ask::Change(IdentityChange::Exclude { profile }),
        6 => Ask::Change(IdentityChange::Include { profile }),
        7 => Ask::Change(IdentityChange::Rename { from: profile, to: read_profile(reader)? }),
        8 => Ask::Change(IdentityChange::Replace { from: profile, to: read_profile(reader)? }),
        9 => Ask::Change(IdentityChange::Remove { profile }),
        _ => return Err(Malformed),
    };
    let step = reader.u8()?;
    let partition = reader.u16()?;
    let step = match step {
        0 => Step::Begin,
        1 => Step::Seek(partition),
        2 => Step::Bring(partition),
        3 => Step::Reserve(partition),
        4 => Step::Name,
        _ => return Err(Malformed),
    };
    Ok(Request { ask, step, moves: reader.u8()?, flushed: list(reader, read_profile)? })
}

pub(super) fn write_departure(departure: &Departure, out: &mut Vec<u8>) {
    out.extend_from_slice(&departure.from.to_le_bytes());
    write_forward(&departure.forward, out);
}

pub(super) fn read_departure(reader: &mut Reader<'_>) -> Result<Departure, Malformed> {
    Ok(Departure { from: reader.u16()?, forward: read_forward(reader)? })
}

pub(super) fn write_forward(forward: &Forward, out: &mut Vec<u8>) {
    out.extend_from_slice(&forward.to.to_le_bytes());
    write_varint(out, forward.id);
}

pub(super) fn read_forward(reader: &mut Reader<'_>) -> Result<Forward, Malformed> {
    Ok(Forward { to: reader.u16()?, id: reader.number()? })
}

fn write_profile(profile: ProfileKey, out: &mut Vec<u8>) {
    out.extend_from_slice(&profile.to_u128().to_le_bytes());
}

fn read_profile(reader: &mut Reader<'_>) -> Result<ProfileKey, Malformed> {
    Ok(ProfileKey::from_u128(u128::from_le_bytes(reader.array()?)))
}

pub(super) fn write_app(app: Option<AppIndex>, out: &mut Vec<u8>) {
    write_varint(out, app.map_or(0, |app| u64::from(app.get()) + 1));
}

pub(super) fn read_app(reader: &mut Reader<'_>) -> Result<Option<AppIndex>, Malformed> {
    match reader.number::<u16>()?.checked_sub(1) {
        None => Ok(None),
        Some(index) => AppIndex::new(index).map(Some).ok_or(Malformed),
    }
}

fn role(reader: &mut Reader<'_>) -> Result<Role, Malformed> {
    Ok(if flag(reader)? { Role::Home } else { Role::Router })
}

pub(super) fn flag(reader: &mut Reader<'_>) -> Result<bool, Malformed> {
    match reader.u8()? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Malformed),
    }
}
