use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant as Stopwatch};

use anyhow::{Context, anyhow};
use dauphin_model::Day;

use super::BenchOptions;
use super::client::Connection;
use super::measure::{Measures, rate};
use super::requests::Background;
use super::stand::Stand;
use super::track;
use super::world::{APPS, Sequence, TimeText, World, user_id};

/// Every round is sent for a day of its own, so that a quarter of it is new.
pub const ROUNDS: u32 = 4 * ROUNDS_EACH;

const ROUNDS_EACH: u32 = 3;

/// One way of sending events.
#[derive(Clone, Copy)]
struct Dialect {
    name: &'static str,
    /// The request that says that these people were active on a day.
    request: fn(&Stand, Day, &[u32]) -> Vec<u8>,
    body_rows: usize,
    /// Most bodies of a round: about 80 MB.
    bodies_max: usize,
    connections: [usize; 2],
}

const NDJSON: Dialect =
    Dialect { name: "/ingest, NDJSON", request: ndjson, body_rows: 5_000, bodies_max: 200, connections: [4, 16] };

/// As many elements as a request of Braze's may have.
const TRACK: Dialect = Dialect {
    name: "/users/track, 75 elements",
    request: track::request,
    body_rows: track::ELEMENTS,
    bodies_max: 8_000,
    connections: [16, 64],
};

/// Sends bodies, each answered when it is durable: a quarter of the rows are active for the first time on their day, the
/// others were before.
pub fn measure(stand: &Stand, world: &World, options: &BenchOptions, measures: &mut Measures) -> anyhow::Result<()> {
    let server = Background::dauphin(&stand.engine)?;
    let mut order: Vec<u32> = (0..world.users()).collect();
    let mut number = world.span_days();
    let ways = [NDJSON, TRACK].into_iter().flat_map(|dialect| dialect.connections.map(|count| (dialect, count)));
    for (dialect, connections) in ways {
        let mut rates = Vec::new();
        let started = Stopwatch::now();
        for _ in 0..ROUNDS_EACH {
            if !rates.is_empty() && started.elapsed() > options.budget {
                break;
            }
            let day = world.day(number).context("the history ends after 2149")?;
            Sequence(u64::from(number)).shuffle(&mut order);
            let (known, rest) = order.split_at(order.len() / 4);
            let seeding: Vec<_> = known.chunks(NDJSON.body_rows).map(|part| ndjson(stand, day, part)).collect();
            send(server.address, &seeding, connections)?;
            drop(seeding);
            let bodies = dialect.bodies(stand, day, known, rest);
            let elapsed = send(server.address, &bodies, connections)?;
            rates.push(rate((bodies.len() * dialect.body_rows) as u64, elapsed) / 1e6);
            number += 1;
        }
        measures.add(format!("{}, {connections} connections", dialect.name), "M events/s", rates);
    }
    Ok(())
}

impl Dialect {
    fn bodies(&self, stand: &Stand, day: Day, known: &[u32], rest: &[u32]) -> Vec<Vec<u8>> {
        let mut luck = Sequence(u64::from(rest[0]));
        let parts = rest.chunks_exact(self.body_rows / 4).take(self.bodies_max);
        parts
            .map(|new| {
                let mut users = new.to_vec();
                users.extend((new.len()..self.body_rows).map(|_| known[luck.below(known.len())]));
                luck.shuffle(&mut users);
                (self.request)(stand, day, &users)
            })
            .collect()
    }
}

fn ndjson(stand: &Stand, day: Day, users: &[u32]) -> Vec<u8> {
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
    post(stand, "/ingest", "application/x-ndjson", &body)
}

/// The bytes of a request with this body.
pub fn post(stand: &Stand, path: &str, content_type: &str, body: &[u8]) -> Vec<u8> {
    let mut request = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\nContent-Type: {content_type}\r\n\
         Content-Length: {}\r\n\r\n",
        stand.api_key,
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(body);
    request
}

/// Sends every request once over so many connections; returns how long it takes.
fn send(address: SocketAddr, requests: &[Vec<u8>], connections: usize) -> anyhow::Result<Duration> {
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
    Ok(started.elapsed())
}
