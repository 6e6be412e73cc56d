use jiff::Timestamp;

use super::Zone;
use crate::{Day, Instant};

/// An hour of a local day, counted from the day's start: 0 to 23, or 24 where the clock went back. In a zone that shifts
/// by less than an hour the last one of that day is shorter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LocalHour {
    /// The day.
    pub day: Day,
    /// Its number in the day.
    pub number: u8,
    /// When it begins.
    pub start: Instant,
}

const HOUR_SECONDS: i64 = 3600;

impl Zone {
    /// The local hour in which `instant` lies, unless at the very ends of the calendar.
    pub fn hour_of(&self, instant: Instant) -> Option<LocalHour> {
        let day = self.day_of(instant);
        let day_start = self.start_of(day)?;
        let number = (instant.seconds() - day_start.seconds()).div_euclid(HOUR_SECONDS);
        let start = Instant::new(day_start.seconds() + number * HOUR_SECONDS, 0)?;
        Some(LocalHour { day, number: u8::try_from(number).ok()?, start })
    }

    /// The `count` consecutive hours that end with the one in which `last` lies, oldest first, unless they reach beyond
    /// the calendar.
    pub fn hours_until(&self, last: Instant, count: u16) -> Option<Vec<LocalHour>> {
        let mut hours = Vec::with_capacity(usize::from(count));
        let mut inside = last;
        for _ in 0..count {
            let hour = self.hour_of(inside)?;
            hours.push(hour);
            inside = hour.start.just_before();
        }
        hours.reverse();
        Some(hours)
    }

    /// The instant in RFC 3339 with the zone's offset, to the second: `2018-06-28T23:00:00-05:00`; UTC is `+00:00`.
    pub fn rfc3339(&self, instant: Instant) -> String {
        let timestamp = Timestamp::from_second(instant.seconds()).expect("an instant lies in years 1 to 9999");
        timestamp.to_zoned(self.rules.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse_instant;

    fn hours(zone: &str, last: &str, count: u16) -> Vec<String> {
        let zone = Zone::named(zone).unwrap();
        let hours = zone.hours_until(parse_instant(last, &zone).unwrap(), count).unwrap();
        hours.iter().map(|hour| format!("{} {} {}", hour.day, hour.number, zone.rfc3339(hour.start))).collect()
    }

    #[test]
    fn hours_are_counted_from_the_start_of_the_local_day() {
        assert_eq!(
            hours("America/Chicago", "2018-06-29T00:30:00-05:00", 2),
            ["2018-06-28 23 2018-06-28T23:00:00-05:00", "2018-06-29 0 2018-06-29T00:00:00-05:00"]
        );
        assert_eq!(hours("UTC", "2018-06-28T23:59:59Z", 1), ["2018-06-28 23 2018-06-28T23:00:00+00:00"]);
        assert_eq!(hours("Asia/Kolkata", "2018-06-28T00:10:00Z", 1), ["2018-06-28 5 2018-06-28T05:00:00+05:30"]);
    }

    #[test]
    fn a_day_may_have_23_hours_or_25() {
        assert_eq!(
            hours("Europe/Paris", "2024-03-31T03:30:00+02:00", 2),
            ["2024-03-31 1 2024-03-31T01:00:00+01:00", "2024-03-31 2 2024-03-31T03:00:00+02:00"]
        );
        assert_eq!(hours("Europe/Paris", "2024-10-27T23:30:00+01:00", 1), ["2024-10-27 24 2024-10-27T23:00:00+01:00"]);
        assert_eq!(hours("Europe/Paris", "2024-10-28T00:00:00+01:00", 26)[0], "2024-10-27 0 2024-10-27T00:00:00+02:00");
    }

    #[test]
    fn a_shift_of_half_an_hour_makes_the_last_hour_short() {
        // Lord Howe Island goes back half an hour: 24.5 hours.
        assert_eq!(
            hours("Australia/Lord_Howe", "2024-04-08T00:10:00+10:30", 3),
            [
                "2024-04-07 23 2024-04-07T22:30:00+10:30",
                "2024-04-07 24 2024-04-07T23:30:00+10:30",
                "2024-04-08 0 2024-04-08T00:00:00+10:30"
            ]
        );
        // A day that the zone skipped has no hours.
        let apia = hours("Pacific/Apia", "2011-12-31T00:10:00+14:00", 2);
        assert_eq!(apia[0], "2011-12-29 23 2011-12-29T23:00:00-10:00");
    }
}
