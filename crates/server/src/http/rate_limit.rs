use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use dauphin_model::{Instant, WorkspaceIndex};

/// Requests of each workspace in the current clock hour. Kept in memory: a restart begins anew, and two servers count
/// apart.
#[derive(Default)]
pub struct RateLimiter {
    hours: Mutex<HashMap<WorkspaceIndex, Hour>>,
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

/// Whether a request takes from the hour's budget.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Counting {
    /// It does.
    Counted,
    /// It only learns where the budget stands.
    Free,
}

const HOUR_SECONDS: i64 = 3600;

impl RateLimiter {
    /// Takes a request into account.
    pub fn take(&self, workspace: WorkspaceIndex, limit: u32, counting: Counting, now: Instant) -> Standing {
        let number = now.seconds().div_euclid(HOUR_SECONDS);
        let mut hours = self.hours.lock().unwrap_or_else(PoisonError::into_inner);
        let hour = hours.entry(workspace).or_default();
        if hour.number != number {
            *hour = Hour { number, requests: 0 };
        }
        let exceeded = counting == Counting::Counted && hour.requests >= limit;
        if counting == Counting::Counted {
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
        let take = |seconds, counting| {
            let standing = limiter.take(WorkspaceIndex(0), 2, counting, Instant::new(seconds, 0).unwrap());
            (standing.remaining, standing.reset_seconds, standing.exceeded)
        };
        assert_eq!(take(3601, Counting::Free), (2, 7200, false));
        assert_eq!(take(3601, Counting::Counted), (1, 7200, false));
        assert_eq!(take(3700, Counting::Counted), (0, 7200, false));
        assert_eq!(take(7199, Counting::Counted), (0, 7200, true));
        assert_eq!(take(7199, Counting::Free), (0, 7200, false));
        assert_eq!(take(7200, Counting::Counted), (1, 10_800, false));
        let other = limiter.take(WorkspaceIndex(1), 2, Counting::Counted, Instant::new(7200, 0).unwrap());
        assert_eq!(other.remaining, 1);
    }
}
