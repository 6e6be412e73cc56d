use std::net::SocketAddr;
use std::time::{Duration, Instant as Stopwatch};

use bytes::Bytes;
use dauphin_api::Route;
use dauphin_model::Day;
use dauphin_model::limits::SERIES_LENGTH_MAX;
use http::HeaderMap;

use super::BenchOptions;
use super::background::Background;
use super::client::Connection;
use super::load::Load;
use super::measure::Measures;
use super::stand::Stand;

pub const CONNECTIONS: usize = 16;
/// So many short ones, because what else the machine does comes and goes.
const ROUNDS: usize = 15;
const SAME: &str = "MAU over HTTP";
const OTHERS: &str = "another MAU each time";
const CONSTANT_ROUTE: &str = "a constant as a route";
const CONSTANT: &str = "a constant without routes";

/// Asks for 100 points of MAU over HTTP, the same again and again and another each time, in turns with servers that answer
/// the same bytes without thinking.
pub fn measure(stand: &Stand, ending_at: Day, options: &BenchOptions, measures: &mut Measures) -> anyhow::Result<()> {
    let same = [question(stand, ending_at, "")];
    let others = others(stand, ending_at);
    let server = Background::dauphin(&stand.engine)?;
    let (headers, body) = sample(server.address, &same[0])?;
    let route = Background::constant_route(Route::Mau.path(), headers.clone(), body.clone())?;
    let constant = Background::constant(headers, body)?;
    let [mut of_same, mut of_others, mut of_route, mut of_constant] = [const { Rounds::NONE }; 4];
    let duration = options.budget / 40;
    for _ in 0..ROUNDS {
        of_same.ask(server.address, &same, duration)?;
        of_route.ask(route.address, &same, duration)?;
        of_constant.ask(constant.address, &same, duration)?;
        of_others.ask(server.address, &others, duration)?;
    }
    for (constant, of_constant) in [(CONSTANT_ROUTE, &of_route), (CONSTANT, &of_constant)] {
        for (name, rounds) in [(SAME, &of_same), (OTHERS, &of_others)] {
            let ratios = rounds.rates.iter().zip(&of_constant.rates).map(|(series, constant)| series / constant);
            measures.add(format!("{name} / {constant}"), "×", ratios.collect());
        }
    }
    let all = [(SAME, of_same), (OTHERS, of_others), (CONSTANT_ROUTE, of_route), (CONSTANT, of_constant)];
    all.into_iter().for_each(|(name, rounds)| rounds.add_to(measures, name));
    Ok(())
}

/// The bytes of a request for 100 points of MAU; `more` is added to the query.
pub fn question(stand: &Stand, ending_at: Day, more: &str) -> Vec<u8> {
    request(stand, SERIES_LENGTH_MAX, ending_at, more)
}

/// Questions that cost the same, more of them than answers are kept.
fn others(stand: &Stand, ending_at: Day) -> Vec<Vec<u8>> {
    let lengths = SERIES_LENGTH_MAX - 10..SERIES_LENGTH_MAX;
    let endings = (1..=100).filter_map(|days| ending_at.offset(-days));
    endings.flat_map(|ending| lengths.clone().map(move |length| request(stand, length, ending, ""))).collect()
}

fn request(stand: &Stand, length: u16, ending_at: Day, more: &str) -> Vec<u8> {
    format!(
        "GET /kpi/mau/data_series?length={length}&ending_at={ending_at}{more} HTTP/1.1\r\nHost: localhost\r\n\
         Authorization: Bearer {}\r\nAccept: application/json\r\n\r\n",
        stand.api_key
    )
    .into_bytes()
}

/// One answer, without the header fields that the HTTP stack adds by itself.
fn sample(address: SocketAddr, request: &[u8]) -> anyhow::Result<(HeaderMap, Bytes)> {
    let mut connection = Connection::open(address)?;
    let (head, body) = connection.exchange(request)?;
    let mut headers = HeaderMap::new();
    for (name, value) in std::str::from_utf8(head)?.lines().filter_map(|line| line.split_once(": ")) {
        if name != "date" && name != "content-length" {
            headers.insert(http::HeaderName::from_bytes(name.as_bytes())?, value.parse()?);
        }
    }
    Ok((headers, Bytes::copy_from_slice(body)))
}

/// Requests, asked again and again over 16 connections; a number a round.
pub struct Rounds {
    pub rates: Vec<f64>,
    /// The median, the 99th percentile and that of a thousand.
    percentiles: [Vec<f64>; 3],
    server_micros: Vec<f64>,
}

impl Rounds {
    /// Before the first round.
    pub const NONE: Self =
        Self { rates: Vec::new(), percentiles: [const { Vec::new() }; 3], server_micros: Vec::new() };

    /// One more round.
    pub fn ask(&mut self, address: SocketAddr, requests: &[Vec<u8>], duration: Duration) -> anyhow::Result<()> {
        let started = Stopwatch::now();
        let request = |index: usize| {
            (started.elapsed() < duration).then(|| requests.get(index % requests.len()).map(Vec::as_slice)).flatten()
        };
        let load = Load::send(address, CONNECTIONS, request)?;
        self.rates.push(load.rate);
        self.server_micros.extend(load.server_seconds.map(|seconds| seconds * 1e6));
        for (values, value) in self.percentiles.iter_mut().zip(load.latencies.percentiles([500, 990, 999])) {
            values.push(value);
        }
        Ok(())
    }

    pub fn add_to(self, measures: &mut Measures, name: &str) {
        measures.add(format!("{name}, {CONNECTIONS} connections"), "requests/s", self.rates);
        for (which, values) in ["median", "p99", "p99.9"].into_iter().zip(self.percentiles) {
            measures.add(format!("{name}, {which}"), "µs", values);
        }
        measures.add(format!("{name}, processor time of the server"), "µs/request", self.server_micros);
    }
}
