use std::fmt;

use jiff::civil::Date;

/// A calendar day, counted from 1970-01-01 (day 0). Proleptic Gregorian, 0001-01-01 to 9999-12-31, so that it
/// always prints as `YYYY-MM-DD`.
///
/// ```
/// use dauphin_model::Day;
/// let day = Day::from_civil(2018, 6, 28).unwrap();
/// assert_eq!(day.number(), 17_710);
/// assert_eq!(day.to_string(), "2018-06-28");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(i32);

impl Day {
    /// 0001-01-01.
    pub const MIN: Self = Self(-719_162);
    /// 9999-12-31.
    pub const MAX: Self = Self(2_932_896);

    /// The day `number` days after 1970-01-01, unless outside `MIN..=MAX`.
    pub const fn new(number: i32) -> Option<Self> {
        if number < Self::MIN.0 || number > Self::MAX.0 { None } else { Some(Self(number)) }
    }

    /// The day with this year, month and day of month, if the calendar has it.
    pub fn from_civil(year: i16, month: i8, day: i8) -> Option<Self> {
        let date = Date::new(year, month, day).ok()?;
        let epoch = Date::constant(1970, 1, 1);
        Self::new(epoch.until(date).ok()?.get_days())
    }

    /// Reads exactly `YYYY-MM-DD`.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let digits = |range: std::ops::Range<usize>| {
            bytes[range].iter().try_fold(0_i16, |n, b| b.is_ascii_digit().then(|| n * 10 + i16::from(b - b'0')))
        };
        if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
            return None;
        }
        let (year, month, day) = (digits(0..4)?, digits(5..7)?, digits(8..10)?);
        Self::from_civil(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?)
    }

    /// Days since 1970-01-01.
    pub const fn number(self) -> i32 {
        self.0
    }

    /// The day `days` later (earlier when negative), unless outside the calendar.
    pub fn offset(self, days: i32) -> Option<Self> {
        Self::new(self.0.checked_add(days)?)
    }

    /// Days from `earlier` to `self`; negative when `earlier` is later.
    pub const fn since(self, earlier: Self) -> i32 {
        self.0 - earlier.0
    }

    pub(crate) fn civil(self) -> Date {
        Date::constant(1970, 1, 1).saturating_add(jiff::Span::new().days(self.0))
    }

    /// `YYYY-MM-DD` as bytes, without formatting machinery: an answer prints a hundred of them.
    pub fn to_bytes(self) -> [u8; 10] {
        let date = self.civil();
        let digit = |value: i16, unit: i16| b'0' + u8::try_from(value / unit % 10).expect("one decimal digit");
        let (y, m, d) = (date.year(), i16::from(date.month()), i16::from(date.day()));
        [
            digit(y, 1000),
            digit(y, 100),
            digit(y, 10),
            digit(y, 1),
            b'-',
            digit(m, 10),
            digit(m, 1),
            b'-',
            digit(d, 10),
            digit(d, 1),
        ]
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.to_bytes()).expect("digits and dashes"))
    }
}

impl fmt::Debug for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A day on which somebody was active. Activity lies between 1970-01-01 UTC and the server's clock plus two days, so
/// two bytes hold it, from 1969-12-31 (the local date of the epoch west of Greenwich) to 2149-06-05.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActiveDay(u16);

impl ActiveDay {
    /// Days from 1970-01-01 to code 0.
    const BASE: i32 = -1;

    /// The code of `day`, if it can hold activity.
    pub fn new(day: Day) -> Option<Self> {
        u16::try_from(day.0 - Self::BASE).ok().map(Self)
    }

    /// The day with this code; every code is a day.
    pub const fn from_code(code: u16) -> Self {
        Self(code)
    }

    /// Days since 1969-12-31.
    pub const fn code(self) -> u16 {
        self.0
    }

    /// The calendar day.
    pub fn day(self) -> Day {
        Day(i32::from(self.0) + Self::BASE)
    }
}

impl fmt::Debug for ActiveDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.day(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_the_first_and_last_four_digit_days() {
        assert_eq!(Day::MIN.to_string(), "0001-01-01");
        assert_eq!(Day::MAX.to_string(), "9999-12-31");
        assert_eq!(Day::new(Day::MIN.number() - 1), None);
        assert_eq!(Day::new(Day::MAX.number() + 1), None);
        assert_eq!(Day::MAX.offset(1), None);
        assert_eq!(Day::MAX.offset(i32::MAX), None);
    }

    #[test]
    fn parse_accepts_its_own_form_alone() {
        for (text, number) in [("1970-01-01", Some(0)), ("1969-12-31", Some(-1)), ("2024-02-29", Some(19_782))] {
            assert_eq!(Day::parse(text).map(Day::number), number, "{text}");
        }
        for text in ["2023-02-29", "2023-13-01", "23-01-01", "2023-1-01", "2023-01-01T", "0000-01-01", "+023-01-01"] {
            assert_eq!(Day::parse(text), None, "{text}");
        }
    }

    #[test]
    fn an_active_day_is_two_bytes_from_1969_to_2149() {
        assert_eq!(ActiveDay::from_code(0).day().to_string(), "1969-12-31");
        assert_eq!(ActiveDay::from_code(u16::MAX).day().to_string(), "2149-06-05");
        let epoch = Day::new(0).unwrap();
        assert_eq!(ActiveDay::new(epoch).unwrap().day(), epoch);
        assert_eq!(ActiveDay::new(epoch.offset(-2).unwrap()), None);
    }
}
