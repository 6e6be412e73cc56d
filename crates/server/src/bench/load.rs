use std::fs;
use std::net::SocketAddr;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant as Stopwatch};

use anyhow::anyhow;

use super::client::Connection;
use super::measure::{Latencies, rate};

/// What clients saw that sent requests over a connection each, every one as soon as the last was answered.
pub struct Load {
    /// Answers a second.
    pub rate: f64,
    /// From the first byte of a request to the last of its answer.
    pub latencies: Latencies,
    /// Seconds of processor that the clients took a request, where the system tells.
    pub client_seconds: Option<f64>,
    /// Seconds of processor that everything else in this process took a request.
    pub server_seconds: Option<f64>,
}

impl Load {
    /// Sends `request(0)`, `request(1)` and so on, over so many connections, until there is none.
    pub fn send<'a>(
        address: SocketAddr,
        connections: usize,
        request: impl Fn(usize) -> Option<&'a [u8]> + Sync,
    ) -> anyhow::Result<Self> {
        let (next, barrier) = (AtomicUsize::new(0), Barrier::new(connections + 1));
        let client = || {
            let opened = Connection::open(address);
            barrier.wait();
            let (mut connection, mut latencies) = (opened?, Latencies::default());
            while let Some(request) = request(next.fetch_add(1, Ordering::Relaxed)) {
                let before = Stopwatch::now();
                connection.exchange(request)?;
                latencies.push(before.elapsed());
            }
            anyhow::Ok((latencies, thread_time()))
        };
        let before = process_time();
        std::thread::scope(|scope| {
            let clients: Vec<_> = (0..connections).map(|_| scope.spawn(client)).collect();
            barrier.wait();
            let started = Stopwatch::now();
            let (mut latencies, mut client_time) = (Latencies::default(), Some(Duration::ZERO));
            for client in clients {
                let (of_client, time) = client.join().map_err(|_| anyhow!("a client stopped"))??;
                latencies.append(of_client);
                client_time = client_time.zip(time).map(|(sum, time)| sum + time);
            }
            let elapsed = started.elapsed();
            let count = latencies.len() as f64;
            let all = process_time().zip(before).map(|(after, before)| after.saturating_sub(before));
            Ok(Self {
                rate: rate(latencies.len() as u64, elapsed),
                latencies,
                client_seconds: client_time.map(|time| time.as_secs_f64() / count),
                server_seconds: all.zip(client_time).map(|(all, own)| all.saturating_sub(own).as_secs_f64() / count),
            })
        })
    }
}

/// The processor time of the thread that asks.
fn thread_time() -> Option<Duration> {
    let text = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(Duration::from_nanos(text.split_whitespace().next()?.parse().ok()?))
}

/// The processor time of all threads there ever were.
fn process_time() -> Option<Duration> {
    let text = fs::read_to_string("/proc/self/stat").ok()?;
    // The program's name, the second field, may hold anything but ends with the last parenthesis.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let [user, system] = [fields.get(11)?, fields.get(12)?].map(|ticks| ticks.parse::<u64>());
    Some(Duration::from_millis((user.ok()? + system.ok()?) * MILLIS_PER_TICK))
}

/// The kernel counts processor time for people in hundredths of a second.
const MILLIS_PER_TICK: u64 = 10;

/// Bytes that this process gave to files and pipes so far; what goes through sockets in one piece is not among them.
pub fn bytes_written() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/io").ok()?;
    text.lines().find_map(|line| line.strip_prefix("wchar: "))?.parse().ok()
}
