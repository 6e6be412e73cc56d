use std::net::SocketAddr;
use std::time::Instant as Stopwatch;

use anyhow::Context;
use dauphin_model::Day;

use super::BenchOptions;
use super::background::Background;
use super::load::{Load, bytes_written};
use super::measure::Measures;
use super::stand::Stand;
use super::track;
use super::world::{APPS, Sequence, TimeText, World, user_id};

/// Every round is sent for a day of its own, so that a quarter of it is new; one more day is for what is sent beside
/// questions.
pub const ROUNDS: u32 = 7 * ROUNDS_EACH + 1;

const ROUNDS_EACH: u32 = 3;

/// One way of sending events.
#[derive(Clone, Copy)]
struct Dialect {
    name: &'static str,
    /// The request that says that these people were active on a day.
    request: fn(&Stand, Day, &[u32]) -> Vec<u8>,
    body_rows: usize,
    /// Most bodies of a round: about 160 MB.
    bodies_max: usize,
    connections: &'static [usize],
}

const NDJSON: Dialect = Dialect {
    name: "/ingest, NDJSON",
    request: ndjson,
    body_rows: 5_000,
    bodies_max: 400,
    connections: &[1, 4, 16, 64, 256],
};

/// As many elements as a request of Braze's may have.
const TRACK: Dialect = Dialect {
    name: "/users/track, 75 elements",
    request: track::request,
    body_rows: track::ELEMENTS,
    bodies_max: 8_000,
    connections: &[16, 64],
};

/// Sends bodies, each answered when it is durable: a quarter of the rows are active for the first time on their day, the
/// others were before. Then sends the last ones again.
pub fn measure(stand: &Stand, world: &World, options: &BenchOptions, measures: &mut Measures) -> anyhow::Result<()> {
    let server = Background::dauphin(&stand.engine)?;
    let mut people: Vec<u32> = (0..world.users()).collect();
    let mut number = world.span_days();
    for dialect in [NDJSON, TRACK] {
        let (mut sent, mut repeated) = (Sent::default(), Sent::default());
        for connections in dialect.connections {
            let mut rounds = Sent::default();
            let started = Stopwatch::now();
            for _ in 0..ROUNDS_EACH {
                if !rounds.rates.is_empty() && started.elapsed() > options.budget {
                    break;
                }
                let day = world.day(number).context("the history ends after 2149")?;
                let bodies = prepare(dialect, stand, server.address, day, number, &mut people)?;
                number += 1;
                rounds.send(dialect, server.address, *connections, &bodies)?;
                repeated.send(dialect, server.address, *connections, &bodies)?;
            }
            let name = format!("{}, {connections} connections", dialect.name);
            measures.add(name.clone(), "M events/s", rounds.rates.clone());
            measures.add(format!("{name}, median"), "ms", rounds.medians.clone());
            measures.add(format!("{name}, p99"), "ms", rounds.p99s.clone());
            sent.append(rounds);
        }
        let name = dialect.name;
        measures.add(format!("{name}, processor time of the server"), "µs/event", sent.server_micros);
        measures.add(format!("{name}, processor time of the clients"), "µs/event", sent.client_micros);
        let per_new = sent.written.iter().map(|bytes| bytes * NEW_OF as f64).collect();
        measures.add(format!("{name}, written"), "bytes/new user-day", per_new);
        measures.add(format!("{name}, repeats"), "M events/s", repeated.rates);
        measures.add(format!("{name}, repeats, written"), "bytes/event", repeated.written);
    }
    Ok(())
}

/// One row of so many is new.
const NEW_OF: usize = 4;

/// What was seen, a number a round.
#[derive(Default)]
struct Sent {
    rates: Vec<f64>,
    medians: Vec<f64>,
    p99s: Vec<f64>,
    server_micros: Vec<f64>,
    client_micros: Vec<f64>,
    /// Bytes an event, answers included.
    written: Vec<f64>,
}

impl Sent {
    fn send(
        &mut self,
        dialect: Dialect,
        address: SocketAddr,
        connections: usize,
        bodies: &[Vec<u8>],
    ) -> anyhow::Result<()> {
        let (rows, before) = (dialect.body_rows as f64, bytes_written());
        let load = Load::send(address, connections, |index| bodies.get(index).map(Vec::as_slice))?;
        let written = bytes_written().zip(before).map(|(after, before)| (after - before) as f64);
        self.written.extend(written.map(|bytes| bytes / (bodies.len() as f64 * rows)));
        self.rates.push(load.rate * rows / 1e6);
        self.server_micros.extend(load.server_seconds.map(|seconds| seconds * 1e6 / rows));
        self.client_micros.extend(load.client_seconds.map(|seconds| seconds * 1e6 / rows));
        let [median, p99] = load.latencies.percentiles([500, 990]);
        self.medians.push(median / 1e3);
        self.p99s.push(p99 / 1e3);
        Ok(())
    }

    fn append(&mut self, mut rounds: Self) {
        self.server_micros.append(&mut rounds.server_micros);
        self.client_micros.append(&mut rounds.client_micros);
        self.written.append(&mut rounds.written);
    }
}

/// Makes a quarter of the people active on the day, then the bodies of a round: as many others for the first time, and
/// three times as many of the first again.
fn prepare(
    dialect: Dialect,
    stand: &Stand,
    address: SocketAddr,
    day: Day,
    number: u32,
    people: &mut [u32],
) -> anyhow::Result<Vec<Vec<u8>>> {
    Sequence(u64::from(number)).shuffle(people);
    let (known, rest) = people.split_at(people.len() / NEW_OF);
    let seeding: Vec<_> = known.chunks(NDJSON.body_rows).map(|part| ndjson(stand, day, part)).collect();
    Load::send(address, 4, |index| seeding.get(index).map(Vec::as_slice))?;
    let mut luck = Sequence(u64::from(rest[0]));
    let parts = rest.chunks_exact(dialect.body_rows / NEW_OF).take(dialect.bodies_max);
    let bodies = parts.map(|new| {
        let mut users = new.to_vec();
        users.extend((new.len()..dialect.body_rows).map(|_| known[luck.below(known.len())]));
        luck.shuffle(&mut users);
        (dialect.request)(stand, day, &users)
    });
    Ok(bodies.collect())
}

/// The bytes of a request that says, a line each, that these people were active on a day.
pub fn ndjson(stand: &Stand, day: Day, users: &[u32]) -> Vec<u8> {
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
