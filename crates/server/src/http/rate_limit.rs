use std::sync::atomic::{AtomicU64, Ordering};

use dauphin_engine::Workspace;
use dauphin_model::limits::WORKSPACES_MAX;
use dauphin_model::{Instant, WorkspaceIndex};

/// Requests of each workspace in the current clock hour. Kept in memory: a restart begins anew, and two servers count
/// apart.
pub struct RateLimiter {
    /// By the number of the workspace, then by [`Budget`]: the number of the hour, and below it in [`REQUEST_BITS`] the
    /// requests that it has seen, so that both change in one step.
    hours: Box<[[AtomicU64; 2]]>,
}

/// What an hour holds.
#[derive(Clone, Copy)]
enum Budget {
    Reading,
    Ingesting,
}

/// What a workspace allows.
#[derive(Clone, Copy)]
pub struct Limits {
    workspace: WorkspaceIndex,
    reading: u32,
    ingesting: Option<u32>,
}

impl Limits {
    /// The settings of a workspace.
    pub fn of(workspace: &Workspace) -> Self {
        Self {
            workspace: workspace.index,
            reading: workspace.rate_limit_per_hour,
            ingesting: workspace.ingest_limit_per_hour,
        }
    }
}

/// Where a workspace stands in its hour.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Standing {
    /// Requests an hour.
    pub limit: u32,
    /// Requests left in this hour.
    pub remaining: u64,
    /// When the next hour begins: Unix time, in seconds.
    pub reset_seconds: i64,
    /// This request is one too many.
    pub exceeded: bool,
}

/// Which of the hour's budgets a request takes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Counting {
    /// From that of the reading routes.
    Counted,
    /// From that of the routes that take data, where the workspace limits them; else it is free.
    Ingesting,
    /// From none; it only learns where that of the reading routes stands.
    Free,
}

const HOUR_SECONDS: i64 = 3600;
const REQUEST_BITS: u32 = 32;
/// Beyond every limit; where counting ends.
const REQUESTS_MAX: u64 = (1 << REQUEST_BITS) - 1;

impl Default for RateLimiter {
    fn default() -> Self {
        Self { hours: (0..WORKSPACES_MAX).map(|_| Default::default()).collect() }
    }
}

impl RateLimiter {
    /// Takes a request into account.
    pub fn take(&self, limits: Limits, counting: Counting, now: Instant) -> Standing {
        let (budget, limit, counted) = match (counting, limits.ingesting) {
            (Counting::Counted, _) => (Budget::Reading, limits.reading, 1),
            (Counting::Ingesting, Some(limit)) => (Budget::Ingesting, limit, 1),
            (Counting::Ingesting, None) | (Counting::Free, _) => (Budget::Reading, limits.reading, 0),
        };
        // The clock is not set before 1970.
        let number = now.seconds() / HOUR_SECONDS;
        let in_word = u64::try_from(number).unwrap_or(0) << REQUEST_BITS;
        let before = |word: u64| if word & !REQUESTS_MAX == in_word { word & REQUESTS_MAX } else { 0 };
        let after = |word| (before(word) + counted).min(REQUESTS_MAX);
        let hour = &self.hours[limits.workspace.0 as usize][budget as usize];
        let take = |word| Some(in_word | after(word));
        let (Ok(word) | Err(word)) = hour.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
        let limit_requests = u64::from(limit);
        Standing {
            limit,
            remaining: limit_requests.saturating_sub(after(word)),
            reset_seconds: (number + 1) * HOUR_SECONDS,
            exceeded: counted > 0 && before(word) >= limit_requests,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_starts_on_the_clock_hour_and_counts_down() {
        let limiter = RateLimiter::default();
        let limits = |workspace, ingesting| Limits { workspace: WorkspaceIndex(workspace), reading: 2, ingesting };
        let take = |seconds, counting| {
            let standing = limiter.take(limits(0, None), counting, Instant::new(seconds, 0).unwrap());
            (standing.remaining, standing.reset_seconds, standing.exceeded)
        };
        assert_eq!(take(3601, Counting::Free), (2, 7200, false));
        assert_eq!(take(3601, Counting::Counted), (1, 7200, false));
        assert_eq!(take(3700, Counting::Counted), (0, 7200, false));
        assert_eq!(take(7199, Counting::Counted), (0, 7200, true));
        assert_eq!(take(7199, Counting::Free), (0, 7200, false));
        assert_eq!(take(7200, Counting::Counted), (1, 10_800, false));
        let at = |limits, counting| limiter.take(limits, counting, Instant::new(7200, 0).unwrap());
        assert_eq!(at(limits(1, None), Counting::Counted).remaining, 1);
        // Data has an hour of its own, once it is limited.
        let taken = [None, Some(1), Some(1)].map(|limit| at(limits(1, limit), Counting::Ingesting));
        assert_eq!(taken.map(|standing| (standing.limit, standing.remaining)), [(2, 1), (1, 0), (1, 0)]);
        assert_eq!(taken.map(|standing| standing.exceeded), [false, false, true]);
        assert_eq!(at(limits(1, Some(1)), Counting::Counted).remaining, 0);
    }
}
