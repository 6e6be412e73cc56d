use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant as Stopwatch;

use anyhow::{Context, anyhow};
use dauphin_model::Day;

use super::BenchOptions;
use super::client::Connection;
use super::measure::{Measures, rate};
use super::requests::Background;
use super::stand::Stand;
use super::world::{APPS, Sequence, TimeText, World, user_id};

/// Every round is sent for a day of its own, so that a quarter of it is new.
pub const ROUNDS: u32 = 2 * ROUNDS_EACH;

const ROUNDS_EACH: u32 = 3;
const CONNECTIONS: [usize; 2] = [4, 16];
const BODY_ROWS: usize = 5_000;
const BODY_NEW_ROWS: usize = BODY_ROWS / 4;
/// Most bodies of a round: a million rows, 80 MB.
const BODIES_MAX: usize = 200;

/// Sends NDJSON bodies of 5,000 rows to `/ingest`, each answered when it is durable: a quarter are active for the first
/// time on their day, the others were before.
pub fn measure(stand: &Stand, world: &World, options: &BenchOptions, measures: &mut Measures) -> anyhow::Result<()> {
    let server = Background::dauphin(&stand.engine)?;
    let mut order: Vec<u32> = (0..world.users()).collect();
    let mut number = world.span_days();
    for connections in CONNECTIONS {
        let mut rates = Vec::new();
        let started = Stopwatch::now();
        for _ in 0..ROUNDS_EACH {
            if !rates.is_empty() && started.elapsed() > options.budget {
                break;
            }
            let day = world.day(number).context("the history ends after 2149")?;
            Sequence(u64::from(number)).shuffle(&mut order);
            let (known, rest) = order.split_at(order.len() / 4);
            let seeding: Vec<_> = known.chunks(BODY_ROWS).map(|part| request(stand, day, part)).collect();
            send(server.address, &seeding, connections)?;
            drop(seeding);
            let bodies = bodies(stand, day, known, rest);
            rates.push(send(server.address, &bodies, connections)?);
            number += 1;
        }
        measures.add(format!("/ingest, NDJSON, {connections} connections"), "M events/s", rates);
    }
    Ok(())
}

fn bodies(stand: &Stand, day: Day, known: &[u32], rest: &[u32]) -> Vec<Vec<u8>> {
    let mut luck = Sequence(u64::from(rest[0]));
    let parts = rest.chunks_exact(BODY_NEW_ROWS).take(BODIES_MAX);
    parts
        .map(|new| {
            let mut users = new.to_vec();
            users.extend((new.len()..BODY_ROWS).map(|_| known[luck.below(known.len())]));
            luck.shuffle(&mut users);
            request(stand, day, &users)
        })
        .collect()
}

fn request(stand: &Stand, day: Day, users: &[u32]) -> Vec<u8> {
    let mut body = Vec::with_capacity(users.len() * 90);
    let mut time = TimeText::new();
    for (user, second) in users.iter().zip(0..) {
        let app = APPS[usize::from(World::app(*user))].as_bytes();
        let user_id = user_id(*user);
        for part in [
            &b"{\"user_id\":\""[..],
            &user_id,
            b"\",\"time\":\"",
            time.of(day, second),
            b"\",\"app_id\":\"",
            app,
            b"\"}\n",
        ] {
            body.extend_from_slice(part);
        }
    }
    let mut request = format!(
        "POST /ingest HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\nContent-Type: application/x-ndjson\r\n\
         Content-Length: {}\r\n\r\n",
        stand.api_key,
        body.len()
    )
    .into_bytes();
    request.append(&mut body);
    request
}

/// Sends every request once over so many connections; returns millions of events a second.
fn send(address: SocketAddr, requests: &[Vec<u8>], connections: usize) -> anyhow::Result<f64> {
    let next = AtomicUsize::new(0);
    let started = Stopwatch::now();
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..connections)
            .map(|_| {
                scope.spawn(|| {
                    let mut connection = Connection::open(address)?;
                    while let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
                        connection.exchange(request)?;
                    }
                    anyhow::Ok(())
                })
            })
            .collect();
        clients.into_iter().try_for_each(|client| client.join().map_err(|_| anyhow!("a client stopped"))?)
    })?;
    Ok(rate((requests.len() * BODY_ROWS) as u64, started.elapsed()) / 1e6)
}
