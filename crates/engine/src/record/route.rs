use dauphin_core::{Forward, Reader, Route, write_varint};
use dauphin_model::{ProfileKey, WorkspaceIndex};

use super::Malformed;
use super::message::{list, read_departure, read_forward, write_departure, write_forward};

/// Key of a route (`role` 0) or a forward (1): `[role: u8][workspace: u32 big-endian][profile: 16 bytes]`.
pub fn route_key(role: u8, workspace: WorkspaceIndex, profile: ProfileKey) -> [u8; 21] {
    let mut key = [role; 21];
    key[1..5].copy_from_slice(&workspace.0.to_be_bytes());
    key[5..].copy_from_slice(&profile.to_u128().to_le_bytes());
    key
}

/// A route or a forward, read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RouteRecord {
    /// Where a profile that belongs here lives.
    Route(Route),
    /// Where what comes to a profile that left goes on to.
    Forward(Forward),
}

/// The value of a route: `[home: u16][settled, draining: two bits][departures: varint]`, each `[from: u16][forward]`.
pub fn route_value(route: &Route) -> Vec<u8> {
    let mut out = route.home.to_le_bytes().to_vec();
    out.push(u8::from(route.settled) | u8::from(route.draining) << 1);
    write_varint(&mut out, route.waiting.len() as u64);
    for departure in &route.waiting {
        write_departure(departure, &mut out);
    }
    out
}

/// The value of a forward: `[to: u16][id: varint]`.
pub fn forward_value(forward: &Forward) -> Vec<u8> {
    let mut out = Vec::new();
    write_forward(forward, &mut out);
    out
}

/// Reads a record of the table of routes.
pub fn read_route(key: &[u8], value: &[u8]) -> Result<(WorkspaceIndex, ProfileKey, RouteRecord), Malformed> {
    let (role, rest) = key.split_first().ok_or(Malformed)?;
    let (workspace, profile) = rest.split_first_chunk().ok_or(Malformed)?;
    let profile = ProfileKey::from_u128(u128::from_le_bytes(profile.try_into().map_err(|_| Malformed)?));
    let mut reader = Reader::new(value);
    let record = match role {
        0 => {
            let home = reader.u16()?;
            let bits = reader.u8()?;
            if bits > 3 {
                return Err(Malformed);
            }
            let waiting = list(&mut reader, read_departure)?;
            RouteRecord::Route(Route { home, settled: bits & 1 != 0, draining: bits & 2 != 0, waiting })
        }
        1 => RouteRecord::Forward(read_forward(&mut reader)?),
        _ => return Err(Malformed),
    };
    if reader.is_empty() {
        Ok((WorkspaceIndex(u32::from_be_bytes(*workspace)), profile, record))
    } else {
        Err(Malformed)
    }
}
