use std::net::SocketAddr;
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant as Stopwatch};

use anyhow::{Context, anyhow};
use axum::Router;
use axum::response::Response;
use axum::serve::ListenerExt;
use bytes::Bytes;
use dauphin_engine::Engine;
use dauphin_model::Day;
use dauphin_model::limits::SERIES_LENGTH_MAX;
use http::HeaderMap;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use super::BenchOptions;
use super::client::Connection;
use super::measure::{Latencies, Measures, rate};
use super::stand::Stand;
use crate::http::{App, ServeOptions, Server, serve};

const CONNECTIONS: usize = 16;
const ROUNDS: usize = 3;
/// Most requests of one connection in one round.
const REQUESTS_MAX: usize = 50_000;
const BODY_BYTES_MAX: usize = 32 << 20;

/// A server that answers in the background until it is dropped.
pub struct Background {
    pub address: SocketAddr,
    stop: watch::Sender<bool>,
    _runtime: Runtime,
}

impl Background {
    /// The server as it is.
    pub fn dauphin(engine: &Arc<Engine>) -> anyhow::Result<Self> {
        let options = ServeOptions { listen: "127.0.0.1:0".to_owned(), metrics_listen: None, tls: None };
        let runtime = runtime()?;
        let server = runtime.block_on(Server::bind(&options))?;
        let address = server.url.trim_start_matches("http://").parse().context("read the listening address")?;
        let (stop, stopped) = watch::channel(false);
        runtime.spawn(serve(server, App::new(Arc::clone(engine), BODY_BYTES_MAX), stopped));
        Ok(Self { address, stop, _runtime: runtime })
    }

    /// The same HTTP stack, which answers everything with one head and one body.
    fn constant(headers: HeaderMap, body: Bytes) -> anyhow::Result<Self> {
        let runtime = runtime()?;
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
        let address = listener.local_addr()?;
        let listener = listener.tap_io(|stream| {
            // As the server does; failing costs only time.
            let _ = stream.set_nodelay(true);
        });
        let service = Router::new().fallback(move || {
            let mut response = Response::new(axum::body::Body::from(body.clone()));
            *response.headers_mut() = headers.clone();
            async move { response }
        });
        let (stop, _) = watch::channel(false);
        runtime.spawn(async move { axum::serve(listener, service).await });
        Ok(Self { address, stop, _runtime: runtime })
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // Nobody listens when it answers constants.
        let _ = self.stop.send(true);
    }
}

fn runtime() -> anyhow::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("start the runtime")
}

/// Asks for 100 points of MAU over HTTP, in turns with a server that answers the same bytes without thinking.
pub fn measure(stand: &Stand, ending_at: Day, options: &BenchOptions, measures: &mut Measures) -> anyhow::Result<()> {
    let request = format!(
        "GET /kpi/mau/data_series?length={SERIES_LENGTH_MAX}&ending_at={ending_at} HTTP/1.1\r\nHost: localhost\r\n\
         Authorization: Bearer {}\r\nAccept: application/json\r\n\r\n",
        stand.api_key
    );
    let server = Background::dauphin(&stand.engine)?;
    let (headers, body) = sample(server.address, request.as_bytes())?;
    let constant = Background::constant(headers, body)?;
    let (mut of_series, mut of_constant) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        for (address, rounds) in [(server.address, &mut of_series), (constant.address, &mut of_constant)] {
            rounds.push(round(address, request.as_bytes(), options.budget / 8)?);
        }
    }
    let column = |rounds: &[Round], of: fn(&Round) -> f64| rounds.iter().map(of).collect::<Vec<_>>();
    for (name, rounds) in [("MAU over HTTP", &of_series), ("a constant over HTTP", &of_constant)] {
        measures.add(format!("{name}, 16 connections"), "requests/s", column(rounds, |round| round.rate));
        measures.add(format!("{name}, median"), "µs", column(rounds, |round| round.median));
        measures.add(format!("{name}, p99"), "µs", column(rounds, |round| round.p99));
    }
    let ratios = of_series.iter().zip(&of_constant).map(|(series, constant)| series.rate / constant.rate);
    measures.add("MAU / constant", "×", ratios.collect());
    Ok(())
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

struct Round {
    rate: f64,
    median: f64,
    p99: f64,
}

fn round(address: SocketAddr, request: &[u8], duration: Duration) -> anyhow::Result<Round> {
    let barrier = Barrier::new(CONNECTIONS + 1);
    let (elapsed, latencies) = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CONNECTIONS)
            .map(|_| {
                scope.spawn(|| {
                    let opened = Connection::open(address);
                    barrier.wait();
                    keep_asking(opened?, request, duration)
                })
            })
            .collect();
        barrier.wait();
        let started = Stopwatch::now();
        let mut latencies = Latencies::default();
        for client in clients {
            latencies.append(client.join().map_err(|_| anyhow!("a client stopped"))??);
        }
        anyhow::Ok((started.elapsed(), latencies))
    })?;
    let rate = rate(latencies.len() as u64, elapsed);
    let (median, p99) = latencies.median_and_p99();
    Ok(Round { rate, median, p99 })
}

fn keep_asking(mut connection: Connection, request: &[u8], duration: Duration) -> anyhow::Result<Latencies> {
    let started = Stopwatch::now();
    let mut latencies = Latencies::default();
    while latencies.len() < REQUESTS_MAX && started.elapsed() < duration {
        let before = Stopwatch::now();
        connection.exchange(request)?;
        latencies.push(before.elapsed());
    }
    Ok(latencies)
}
