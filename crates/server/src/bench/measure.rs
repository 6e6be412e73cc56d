use std::time::{Duration, Instant as Stopwatch};

use serde::Serialize;

/// One thing that was measured, over all runs.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Measure {
    /// What.
    pub name: String,
    /// In which unit the numbers are.
    pub unit: &'static str,
    /// The middle of all runs.
    pub median: f64,
    /// The least of them.
    pub min: f64,
    /// The greatest of them.
    pub max: f64,
    /// How many.
    pub runs: usize,
}

/// Everything that was measured, in order.
#[derive(Default)]
pub struct Measures(pub Vec<Measure>);

impl Measures {
    /// Adds the values that all runs gave; nothing when there were none.
    pub fn add(&mut self, name: impl Into<String>, unit: &'static str, mut values: Vec<f64>) {
        values.sort_by(f64::total_cmp);
        let (Some(min), Some(max)) = (values.first(), values.last()) else { return };
        let (min, max, runs) = (*min, *max, values.len());
        let median = f64::midpoint(values[(runs - 1) / 2], values[runs / 2]);
        self.0.push(Measure { name: name.into(), unit, median, min, max, runs });
    }
}

/// Runs at least once, then again while the budget lasts, and at most `runs_max` times.
pub fn repeat<T>(
    budget: Duration,
    runs_max: usize,
    mut run: impl FnMut() -> anyhow::Result<T>,
) -> anyhow::Result<Vec<T>> {
    let started = Stopwatch::now();
    let mut results = vec![run()?];
    while results.len() < runs_max && started.elapsed() < budget {
        results.push(run()?);
    }
    Ok(results)
}

/// How many of something a second.
pub fn rate(count: u64, elapsed: Duration) -> f64 {
    count as f64 / elapsed.as_secs_f64()
}

/// Times of single calls.
#[derive(Default)]
pub struct Latencies(Vec<Duration>);

impl Latencies {
    /// Times `call` as often as it fits into the budget, between 100 and `calls_max` times, after some calls to warm up.
    pub fn of(budget: Duration, calls_max: usize, mut call: impl FnMut()) -> Self {
        (0..20).for_each(|_| call());
        let started = Stopwatch::now();
        let mut latencies = Self::default();
        while latencies.0.len() < 100 || (latencies.0.len() < calls_max && started.elapsed() < budget) {
            let before = Stopwatch::now();
            call();
            latencies.push(before.elapsed());
        }
        latencies
    }

    pub fn push(&mut self, latency: Duration) {
        self.0.push(latency);
    }

    pub fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// In how many microseconds so many of a thousand were done.
    pub fn percentiles<const COUNT: usize>(mut self, thousandths: [usize; COUNT]) -> [f64; COUNT] {
        self.0.sort_unstable();
        thousandths.map(|thousandths| {
            let index = (self.0.len() * thousandths / 1000).min(self.0.len().saturating_sub(1));
            self.0.get(index).map_or(0.0, |latency| latency.as_secs_f64() * 1e6)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_runs() {
        let mut measures = Measures::default();
        measures.add("odd", "s", vec![3.0, 1.0, 2.0]);
        measures.add("even", "s", vec![4.0, 1.0, 2.0, 9.0]);
        measures.add("none", "s", vec![]);
        let found: Vec<_> = measures.0.iter().map(|m| (m.median, m.min, m.max, m.runs)).collect();
        assert_eq!(found, [(2.0, 1.0, 3.0, 3), (3.0, 1.0, 9.0, 4)]);
    }

    #[test]
    fn percentiles_are_values_that_occurred() {
        let latencies = Latencies((1..=100).map(Duration::from_micros).collect());
        let [least, median, p99, p999] = latencies.percentiles([0, 500, 990, 999]);
        assert_eq!((least, median, p99, p999), (1.0, 51.0, 100.0, 100.0));
        let [none] = Latencies::default().percentiles([500]);
        assert_eq!((none,), (0.0,));
    }
}
