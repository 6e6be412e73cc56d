use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// Upper bounds of the steps in which the latencies of commits are counted.
pub const COMMIT_STEPS: [Duration; 10] = [
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_micros(2_500),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(500),
    Duration::from_secs(2),
];

/// What the committer did so far, for whoever watches.
#[derive(Default)]
pub(crate) struct CommitStats {
    counts: [AtomicU64; COMMIT_STEPS.len() + 1],
    nanos: AtomicU64,
    parts: AtomicU64,
    log_byte_count: AtomicUsize,
}

/// The same at one moment.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub struct CommitCounts {
    /// Commits by latency, a step of [`COMMIT_STEPS`] each, and those that took longer.
    pub counts: [u64; COMMIT_STEPS.len() + 1],
    /// The time they took together.
    pub time: Duration,
    /// Parts of submissions that were made durable, several in a commit.
    pub parts: u64,
    /// Bytes of log that no page holds yet.
    pub log_byte_count: usize,
}

impl CommitStats {
    /// Counts a commit that took so long and made so many parts of submissions durable.
    pub fn add(&self, time: Duration, part_count: usize) {
        let step = COMMIT_STEPS.partition_point(|bound| *bound < time);
        self.counts[step].fetch_add(1, Ordering::Relaxed);
        self.nanos.fetch_add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.parts.fetch_add(part_count as u64, Ordering::Relaxed);
    }

    /// How long the log is now.
    pub fn set_log_byte_count(&self, byte_count: usize) {
        self.log_byte_count.store(byte_count, Ordering::Relaxed);
    }

    /// What was counted so far.
    pub fn counts(&self) -> CommitCounts {
        CommitCounts {
            counts: self.counts.each_ref().map(|count| count.load(Ordering::Relaxed)),
            time: Duration::from_nanos(self.nanos.load(Ordering::Relaxed)),
            parts: self.parts.load(Ordering::Relaxed),
            log_byte_count: self.log_byte_count.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_latency_falls_into_its_step() {
        let stats = CommitStats::default();
        for micros in [0, 500, 501, 2_000_000, 2_000_001] {
            stats.add(Duration::from_micros(micros), 2);
        }
        let counts = stats.counts();
        assert_eq!(counts.counts, [2, 1, 0, 0, 0, 0, 0, 0, 0, 1, 1]);
        assert_eq!((counts.time, counts.parts), (Duration::from_micros(4_001_002), 10));
    }
}
