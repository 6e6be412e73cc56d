mod hour;

use std::fmt;
use std::ops::Range;

use jiff::civil::DateTime;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Timestamp};

use crate::{Day, Instant};

pub use hour::LocalHour;

/// An IANA time zone: it says on which local day an instant falls.
///
/// The offsets in force from 1969 to 2150 are laid out once as a sorted table, so that finding a day is a search in a
/// few hundred entries, or no search at all with an [`OffsetCursor`]. The zone data is compiled in: two machines with
/// the same version of the program cut days alike.
///
/// ```
/// use dauphin_model::{Instant, Zone};
/// let zone = Zone::named("America/Chicago").unwrap();
/// let instant = Instant::new(1_530_248_399, 0).unwrap(); // 2018-06-29T04:59:59Z
/// assert_eq!(zone.day_of(instant).to_string(), "2018-06-28");
/// ```
#[derive(Clone)]
pub struct Zone {
    name: std::sync::Arc<str>,
    rules: TimeZone,
    offsets: std::sync::Arc<[OffsetRange]>,
}

/// From `start` (Unix seconds) until `end`, the next range's start, local time is UTC plus `shift` seconds.
#[derive(Clone, Copy)]
struct OffsetRange {
    start: i64,
    end: i64,
    shift: i64,
}

/// A zone name the compiled-in IANA database does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an IANA time zone; names look like `UTC`, `Europe/Paris` or `America/New_York`")]
pub struct ZoneError(String);

const TABLE_START: i64 = -86_400 * 365;
const TABLE_END: i64 = 86_400 * 365 * 181;
const DAY_SECONDS: i64 = 86_400;

impl Zone {
    /// Coordinated Universal Time, the default.
    pub fn utc() -> Self {
        Self::new("UTC", TimeZone::UTC)
    }

    /// The zone with this IANA name, in any letter case.
    pub fn named(name: &str) -> Result<Self, ZoneError> {
        let unknown = || ZoneError(name.chars().take(64).collect());
        let time_zone = TimeZoneDatabase::bundled().get(name).map_err(|_| unknown())?;
        let canonical = time_zone.iana_name().ok_or_else(unknown)?.to_owned();
        Ok(Self::new(&canonical, time_zone))
    }

    fn new(name: &str, time_zone: TimeZone) -> Self {
        let start = Timestamp::from_second(TABLE_START).expect("1969 is representable");
        let mut offsets = vec![OffsetRange {
            start: i64::MIN,
            end: i64::MAX,
            shift: i64::from(time_zone.to_offset(start).seconds()),
        }];
        for transition in time_zone.following(start) {
            let start = transition.timestamp().as_second();
            if start >= TABLE_END {
                break;
            }
            let shift = i64::from(transition.offset().seconds());
            let last = offsets.last_mut().expect("never empty");
            if last.shift != shift {
                last.end = start;
                offsets.push(OffsetRange { start, end: i64::MAX, shift });
            }
        }
        Self { name: name.into(), rules: time_zone, offsets: offsets.into() }
    }

    /// The IANA name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The local day on which `instant` falls.
    pub fn day_of(&self, instant: Instant) -> Day {
        let seconds = instant.seconds();
        if !(TABLE_START..TABLE_END).contains(&seconds) {
            return self.day_by_library(instant);
        }
        let index = self.offsets.partition_point(|range| range.start <= seconds) - 1;
        local_day(seconds, self.offsets[index].shift)
    }

    /// Outside the table: the rare road for a query about another century.
    fn day_by_library(&self, instant: Instant) -> Day {
        let clamp = |seconds: i64| {
            Timestamp::from_second(seconds.clamp(Timestamp::MIN.as_second(), Timestamp::MAX.as_second()))
                .expect("clamped into range")
        };
        let offset = i64::from(self.rules.to_offset(clamp(instant.seconds())).seconds());
        local_day(instant.seconds(), offset)
    }

    /// A cursor that remembers the last day: events come mostly in order, so most need nothing else.
    pub fn cursor(&self) -> OffsetCursor {
        OffsetCursor { zone: self.clone(), range: self.offsets[0], day: Day::MIN, seconds: 0..0 }
    }

    /// The instant at which a local clock shows `local_seconds` since its own 1970-01-01T00:00:00, if it lies in the
    /// years 1 to 9999. In a gap or a fold of the clock the later or earlier instant is taken, as RFC 5545 does.
    pub fn instant_of_local(&self, local_seconds: i64, nanos: u32) -> Option<Instant> {
        // Local time is within a day of UTC, so two days from any change of offset there is one answer.
        let earliest = local_seconds.saturating_sub(2 * DAY_SECONDS);
        let latest = local_seconds.saturating_add(2 * DAY_SECONDS);
        if earliest >= TABLE_START && latest < TABLE_END {
            let index = self.offsets.partition_point(|range| range.start <= earliest) - 1;
            let range = self.offsets[index];
            if latest < range.end {
                return Instant::new(local_seconds - range.shift, nanos);
            }
        }
        let epoch = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
        let local = epoch.checked_add(SignedDuration::from_secs(local_seconds)).ok()?;
        Instant::new(self.instant_of(local)?.seconds(), nanos)
    }

    /// The instant of a local date and time. In a gap or a fold of the clock the later or earlier instant is taken
    /// as RFC 5545 does ("compatible").
    pub(crate) fn instant_of(&self, local: DateTime) -> Option<Instant> {
        let timestamp = self.rules.to_ambiguous_timestamp(local).compatible().ok()?;
        let since_epoch: SignedDuration = timestamp.as_duration();
        let nanos = i128::from(since_epoch.as_secs()) * 1_000_000_000 + i128::from(since_epoch.subsec_nanos());
        let seconds = i64::try_from(nanos.div_euclid(1_000_000_000)).ok()?;
        Instant::new(seconds, u32::try_from(nanos.rem_euclid(1_000_000_000)).ok()?)
    }

    /// The instant at which the local day begins.
    pub fn start_of(&self, day: Day) -> Option<Instant> {
        self.instant_of(day.civil().at(0, 0, 0, 0))
    }
}

fn local_day(seconds: i64, offset_seconds: i64) -> Day {
    let number = (seconds + offset_seconds).div_euclid(DAY_SECONDS);
    Day::new(i32::try_from(number).expect("an instant lies in years 1 to 9999")).unwrap_or(if number < 0 {
        Day::MIN
    } else {
        Day::MAX
    })
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Zone").field(&self.name).finish()
    }
}

/// Finds local days with the last one at hand; see [`Zone::cursor`].
pub struct OffsetCursor {
    zone: Zone,
    range: OffsetRange,
    day: Day,
    /// Those Unix seconds of the day that `range` has.
    seconds: Range<i64>,
}

impl OffsetCursor {
    /// As [`Zone::day_of`].
    #[inline]
    pub fn day_of(&mut self, instant: Instant) -> Day {
        if self.seconds.contains(&instant.seconds()) { self.day } else { self.find(instant) }
    }

    fn find(&mut self, instant: Instant) -> Day {
        let seconds = instant.seconds();
        if !(TABLE_START..TABLE_END).contains(&seconds) {
            return self.zone.day_by_library(instant);
        }
        if seconds < self.range.start || seconds >= self.range.end {
            let index = self.zone.offsets.partition_point(|range| range.start <= seconds) - 1;
            self.range = self.zone.offsets[index];
        }
        let OffsetRange { start, end, shift } = self.range;
        self.day = local_day(seconds, shift);
        let midnight = i64::from(self.day.number()) * DAY_SECONDS - shift;
        self.seconds = midnight.max(start).max(TABLE_START)..(midnight + DAY_SECONDS).min(end).min(TABLE_END);
        self.day
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_is_found_in_any_case_and_a_wrong_one_is_named() {
        assert_eq!(Zone::named("europe/paris").unwrap().name(), "Europe/Paris");
        let error = Zone::named("Mars/Olympus").unwrap_err().to_string();
        assert!(error.contains("Mars/Olympus"), "{error}");
        assert!(Zone::named("").is_err());
    }

    #[test]
    fn a_day_the_zone_skipped_gets_no_instant() {
        let apia = Zone::named("Pacific/Apia").unwrap();
        let before = apia.start_of(Day::parse("2011-12-29").unwrap()).unwrap();
        let after = Instant::new(before.seconds() + 86_400, 0).unwrap();
        assert_eq!(apia.day_of(after).to_string(), "2011-12-31");
    }

    proptest! {
        #[test]
        fn the_table_agrees_with_the_library(seconds in 0_i64..4_200_000_000, zone in prop::sample::select(vec![
            "UTC", "America/New_York", "Asia/Kolkata", "Pacific/Apia", "Australia/Lord_Howe", "Africa/Casablanca",
            "Asia/Tehran", "America/Caracas", "Africa/Monrovia", "Europe/Dublin",
        ])) {
            let zone = Zone::named(zone).unwrap();
            let timestamp = Timestamp::from_second(seconds).unwrap();
            let date = zone.rules.to_datetime(timestamp).date();
            let instant = Instant::new(seconds, 0).unwrap();
            prop_assert_eq!(zone.day_of(instant).civil(), date);
            prop_assert_eq!(zone.cursor().day_of(instant).civil(), date);
        }

        #[test]
        fn a_cursor_agrees_with_its_zone_wherever_it_was_before(
            // Beyond the table too, and about a change of the clock, a midnight and the table's ends.
            seconds in prop::collection::vec(prop_oneof![
                -100_000_000_i64..6_000_000_000,
                1_553_900_000_i64..1_554_100_000,
                (0_i64..20, -2_i64..=2).prop_map(|(day, by)| 1_553_904_000 + day * 86_400 + by),
                (-2_i64..=2).prop_map(|by| TABLE_END + by),
                (-2_i64..=2).prop_map(|by| TABLE_START + by),
            ], 1..40),
            zone in prop::sample::select(vec!["UTC", "Europe/Paris", "Asia/Kolkata", "Australia/Lord_Howe"]),
        ) {
            let zone = Zone::named(zone).unwrap();
            let mut cursor = zone.cursor();
            for seconds in seconds {
                let instant = Instant::new(seconds, 0).unwrap();
                prop_assert_eq!(cursor.day_of(instant), zone.day_of(instant), "{}", seconds);
            }
        }
    }
}
