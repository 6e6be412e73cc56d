//! What the server did, counted for whoever watches, and written as Prometheus reads it.

mod partitions;
mod text;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use dauphin_engine::{Backend, COMMIT_STEPS};

use text::Text;

/// Upper bounds of the steps in which the latencies of answers are counted.
const STEPS: [Duration; 10] = [
    Duration::from_micros(100),
    Duration::from_micros(250),
    Duration::from_millis(1),
    Duration::from_micros(2_500),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_secs(1),
    Duration::from_secs(5),
];

/// The statuses that are answered; another is counted as 0.
const STATUSES: [u16; 15] = [200, 201, 202, 204, 400, 401, 403, 404, 405, 413, 415, 429, 500, 501, 503];

/// Counters since the start. Counting takes a shared lock, and atomics.
pub struct Metrics {
    began: Instant,
    /// By path: only of paths that exist, so there are few.
    routes: RwLock<BTreeMap<Box<str>, Arc<RouteMetrics>>>,
    /// By dialect.
    dialects: RwLock<BTreeMap<&'static str, Arc<DialectMetrics>>>,
}

/// Counters of the answers of one path.
#[derive(Default)]
pub struct RouteMetrics {
    /// By status; the last one counts every other.
    statuses: [AtomicU64; STATUSES.len() + 1],
    /// By latency; the last one counts what took longer.
    steps: [AtomicU64; STEPS.len() + 1],
    nanos: AtomicU64,
}

#[derive(Default)]
struct DialectMetrics {
    taken: AtomicU64,
    rejected: AtomicU64,
}

impl RouteMetrics {
    /// Counts an answer.
    pub fn answered(&self, status: u16, time: Duration) {
        let status = STATUSES.iter().position(|known| *known == status).unwrap_or(STATUSES.len());
        self.statuses[status].fetch_add(1, Ordering::Relaxed);
        let step = STEPS.partition_point(|bound| *bound < time);
        self.steps[step].fetch_add(1, Ordering::Relaxed);
        self.nanos.fetch_add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

impl Metrics {
    /// Nothing counted yet.
    pub fn new() -> Self {
        Self { began: Instant::now(), routes: RwLock::default(), dialects: RwLock::default() }
    }

    /// Where answers of a path that exists are counted.
    pub fn route(&self, path: &str) -> Arc<RouteMetrics> {
        let known = self.routes.read().unwrap_or_else(PoisonError::into_inner).get(path).cloned();
        known.unwrap_or_else(|| {
            let mut routes = self.routes.write().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(routes.entry(path.into()).or_default())
        })
    }

    /// Counts rows or events of a dialect that were taken, and those that could not be counted.
    pub fn took(&self, dialect: &'static str, taken: u64, rejected: u64) {
        let known = self.dialects.read().unwrap_or_else(PoisonError::into_inner).get(dialect).cloned();
        let counters = known.unwrap_or_else(|| {
            let mut dialects = self.dialects.write().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(dialects.entry(dialect).or_default())
        });
        counters.taken.fetch_add(taken, Ordering::Relaxed);
        counters.rejected.fetch_add(rejected, Ordering::Relaxed);
    }

    /// All of it, with the sizes of the engine, in the text format of Prometheus.
    pub fn text(&self, engine: &dyn Backend) -> String {
        let mut text = Text::default();
        text.begin("dauphin_build_info", "gauge", "The version that runs, as a label; the value is 1.");
        text.value(&[("version", env!("CARGO_PKG_VERSION"))], 1);
        text.begin("dauphin_uptime_seconds", "gauge", "Seconds since the server began.");
        text.seconds(&[], self.began.elapsed());
        self.write_requests(&mut text);
        self.write_dialects(&mut text);
        write_engine(engine, &mut text);
        partitions::write(engine, &mut text);
        text.into_string()
    }

    fn write_requests(&self, text: &mut Text) {
        let routes = self.routes.read().unwrap_or_else(PoisonError::into_inner).clone();
        text.begin("dauphin_http_requests_total", "counter", "Answers, by path and status.");
        for (path, route) in &routes {
            for (count, status) in route.statuses.iter().zip(STATUSES.iter().chain([&0])) {
                let count = count.load(Ordering::Relaxed);
                if count > 0 {
                    text.value(&[("path", path), ("status", &status.to_string())], count);
                }
            }
        }
        text.begin("dauphin_http_request_seconds", "histogram", "Time from a request's head to its answer, by path.");
        for (path, route) in &routes {
            let counts = route.steps.each_ref().map(|count| count.load(Ordering::Relaxed));
            let time = Duration::from_nanos(route.nanos.load(Ordering::Relaxed));
            text.histogram(&[("path", path)], &STEPS, &counts, time);
        }
    }

    fn write_dialects(&self, text: &mut Text) {
        let dialects = self.dialects.read().unwrap_or_else(PoisonError::into_inner).clone();
        text.begin("dauphin_rows_taken_total", "counter", "Rows and events that were counted or repeated, by dialect.");
        for (dialect, counters) in &dialects {
            text.value(&[("dialect", dialect)], counters.taken.load(Ordering::Relaxed));
        }
        text.begin("dauphin_rows_rejected_total", "counter", "Rows and events that could not be counted, by dialect.");
        for (dialect, counters) in &dialects {
            text.value(&[("dialect", dialect)], counters.rejected.load(Ordering::Relaxed));
        }
    }
}

fn write_engine(engine: &dyn Backend, text: &mut Text) {
    let stats = engine.stats();
    let commits = stats.commits;
    text.begin("dauphin_commit_seconds", "histogram", "Time of making a group of changes durable.");
    text.histogram(&[], &COMMIT_STEPS, &commits.counts, commits.time);
    for (name, kind, help, value) in [
        (
            "dauphin_commit_parts_total",
            "counter",
            "Parts of submissions made durable; several in a commit.",
            commits.parts,
        ),
        ("dauphin_log_bytes", "gauge", "Bytes of log not folded into pages yet.", commits.log_byte_count as u64),
        ("dauphin_profiles", "gauge", "Profiles known.", stats.profile_count as u64),
        (
            "dauphin_profile_bytes",
            "gauge",
            "Bytes of memory of profiles and calendars.",
            stats.profile_byte_count as u64,
        ),
        (
            "dauphin_memory_bytes",
            "gauge",
            "Bytes of memory of everything that grows with users and days.",
            stats.state_byte_count as u64,
        ),
        (
            "dauphin_memory_bytes_max",
            "gauge",
            "Bytes it may be; when it is, new users and new active days are refused.",
            stats.state_bytes_max as u64,
        ),
        ("dauphin_row_bytes", "gauge", "Bytes of memory of the published rows.", stats.row_byte_count as u64),
        ("dauphin_workspaces", "gauge", "Workspaces.", engine.catalog().workspaces().len() as u64),
        (
            "dauphin_storage_failed",
            "gauge",
            "1 once storage failed and nothing is accepted.",
            u64::from(engine.failure().is_some()),
        ),
    ] {
        text.begin(name, kind, help);
        text.value(&[], value);
    }
}
