use std::time::{SystemTime, UNIX_EPOCH};

use dauphin_model::Instant;

/// Now: the only place that asks the system.
#[expect(clippy::disallowed_methods, reason = "this is the one place")]
pub fn now() -> Instant {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX);
    Instant::new(seconds, since_epoch.subsec_nanos()).unwrap_or(Instant::MAX)
}
