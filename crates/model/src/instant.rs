mod parse;

use std::fmt;

pub use parse::{ParseInstantError, parse_instant};

/// A point in time: whole seconds since 1970-01-01T00:00:00Z, rounded down, and the nanoseconds beyond. Years 1 to 9999.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant {
    seconds: i64,
    nanos: u32,
}

impl Instant {
    /// 0001-01-02T00:00:00Z: a day inside the calendar, so that every zone has a local date for it.
    pub const MIN: Self = Self { seconds: -62_135_510_400, nanos: 0 };
    /// 9999-12-30T00:00:00Z, likewise.
    pub const MAX: Self = Self { seconds: 253_402_128_000, nanos: 0 };

    /// The instant `seconds` and `nanos` after the epoch, unless outside `MIN..=MAX` or `nanos` is a second or more.
    pub const fn new(seconds: i64, nanos: u32) -> Option<Self> {
        if seconds < Self::MIN.seconds || seconds >= Self::MAX.seconds || nanos >= 1_000_000_000 {
            None
        } else {
            Some(Self { seconds, nanos })
        }
    }

    /// Whole seconds since the epoch, rounded down.
    pub const fn seconds(self) -> i64 {
        self.seconds
    }

    /// Nanoseconds beyond [`Instant::seconds`].
    pub const fn nanos(self) -> u32 {
        self.nanos
    }

    /// The last instant before this one: what a half-open range that ends here still contains.
    pub fn just_before(self) -> Self {
        let (seconds, nanos) =
            if self.nanos == 0 { (self.seconds - 1, 999_999_999) } else { (self.seconds, self.nanos - 1) };
        Self { seconds, nanos }.max(Self::MIN)
    }

    /// This instant `seconds` later (earlier when negative), held inside `MIN..=MAX`.
    pub fn offset_saturating(self, seconds: i64) -> Self {
        let seconds = self.seconds.saturating_add(seconds);
        Self { seconds, nanos: self.nanos }.clamp(Self::MIN, Self::MAX)
    }
}

impl fmt::Display for Instant {
    /// RFC 3339 in UTC.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = i32::try_from(self.nanos).expect("under a second");
        let timestamp = jiff::Timestamp::new(self.seconds, nanos).map_err(|_| fmt::Error)?;
        fmt::Display::fmt(&timestamp, f)
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
