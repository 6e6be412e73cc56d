use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use dauphin_engine::Workspace;
use dauphin_model::{Instant, WorkspaceIndex};

/// Requests of each workspace in the current clock hour. Kept in memory: a restart begins anew, and two servers count
/// apart.
#[derive(Default)]
pub struct RateLimiter {
    hours: Mutex<HashMap<(WorkspaceIndex, Budget), Hour>>,
}

/// What an hour holds.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
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

#[derive(Clone, Copy, Default)]
struct Hour {
    number: i64,
    requests: u32,
}

/// Where a workspace stands in its hour.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Standing {
    /// Requests an hour.
    pub limit: u32,
    /// Requests left in this hour.
    pub remaining: u32,
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

impl RateLimiter {
    /// Takes a request into account.
    pub fn take(&self, limits: Limits, counting: Counting, now: Instant) -> Standing {
        let (budget, limit, is_counted) = match (counting, limits.ingesting) {
            (Counting::Counted, _) => (Budget::Reading, limits.reading, true),
            (Counting::Ingesting, Some(limit)) => (Budget::Ingesting, limit, true),
            (Counting::Ingesting, None) | (Counting::Free, _) => (Budget::Reading, limits.reading, false),
        };
        let number = now.seconds().div_euclid(HOUR_SECONDS);
        let mut hours = self.hours.lock().unwrap_or_else(PoisonError::into_inner);
        let hour = hours.entry((limits.workspace, budget)).or_default();
        if hour.number != number {
            *hour = Hour { number, requests: 0 };
        }
        let exceeded = is_counted && hour.requests >= limit;
        if is_counted {
            hour.requests = hour.requests.saturating_add(1);
        }
        let remaining = limit.saturating_sub(hour.requests);
        Standing { limit, remaining, reset_seconds: (number + 1) * HOUR_SECONDS, exceeded }
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
