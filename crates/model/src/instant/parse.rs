mod usual;

use crate::{Instant, Zone};

/// Why a text is not a point in time; its message names the text, what is wrong with it and a form that works.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a time: {reason}; write it like `2018-06-28T23:59:59-05:00` or `2018-06-28`")]
pub struct ParseInstantError {
    text: Box<str>,
    reason: Reason,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Reason {
    #[error("it is empty")]
    Empty,
    #[error("it does not begin with a date of 4 digits for the year, 2 for the month and 2 for the day")]
    DateShape,
    #[error("there is no year 0")]
    YearZero,
    #[error("there is no month {0}")]
    Month(u32),
    #[error("there is no day {day} in month {month} of {year}")]
    DayOfMonth { year: u32, month: u32, day: u32 },
    #[error("after the date must come `T` or one space and the hour")]
    Separator,
    #[error("the time of day has not 2 digits for the hour, 2 for the minute and 2 for the second")]
    TimeShape,
    #[error("there is no hour {0}")]
    Hour(u32),
    #[error("hour 24 is midnight alone, `24:00:00`")]
    HourTwentyFour,
    #[error("there is no minute {0}")]
    Minute(u32),
    #[error("there is no second {0}")]
    Second(u32),
    #[error("the fraction of the second has no digits")]
    Fraction,
    #[error("the offset must be `Z` or look like `-05:00`, `-0500`, `-05` or `-5:00`")]
    OffsetShape,
    #[error("an offset has at most 23 hours and 59 minutes")]
    OffsetRange,
    #[error("more text follows the time")]
    TrailingText,
    #[error("it lies outside 0001-01-02 to 9999-12-29 UTC")]
    OutOfRange,
}

/// Most characters of a wrong text that its error repeats: the longest right form has 39.
const ERROR_CHARACTERS_MAX: usize = 64;

const DAY_SECONDS: i64 = 86_400;

/// Reads a point in time in any form that clients are known to send.
///
/// - date: `2018-06-28`, or `20180628` with a basic time; alone it means its midnight in `zone`;
/// - then `T`, `t` or one space;
/// - time: `23:59:59`, `23:59`, or basic `235959`, `2359`; `24:00:00` is the next midnight; a leap second `:60` reads as
///   `:59`; the fraction has any number of digits after `.` or `,`, of which nine count, or three after Braze's `:`;
/// - offset: `Z`, `z`, `-05:00`, `-5:00`, `-0500`, `-05`, also after one space; a `+` may have become a space, as it does
///   in a query string; without an offset the time is local in `zone`, and in a gap or a fold of the clock the later
///   or earlier instant is taken.
///
/// ```
/// use dauphin_model::{Zone, parse_instant};
/// let instant = parse_instant("2018-06-28T23:59:59-05:00", &Zone::utc()).unwrap();
/// assert_eq!(instant.to_string(), "2018-06-29T04:59:59Z");
/// let error = parse_instant("2018-13-01", &Zone::utc()).unwrap_err().to_string();
/// assert!(error.starts_with("`2018-13-01` is not a time: there is no month 13; "));
/// ```
pub fn parse_instant(text: &str, zone: &Zone) -> Result<Instant, ParseInstantError> {
    read(text.as_bytes(), zone).map_err(|reason| refuse(text, reason))
}

#[cold]
fn refuse(text: &str, reason: Reason) -> ParseInstantError {
    let printable = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
    let mut shown: String = text.chars().take(ERROR_CHARACTERS_MAX).map(printable).collect();
    if shown.len() < text.len() && text.chars().nth(ERROR_CHARACTERS_MAX).is_some() {
        shown.push('…');
    }
    ParseInstantError { text: shown.into(), reason }
}

fn read(text: &[u8], zone: &Zone) -> Result<Instant, Reason> {
    let Some((local_seconds, rest)) = usual::read(text) else { return read_spelled(text, zone) };
    if rest == b"Z" {
        return Instant::new(local_seconds, 0).ok_or(Reason::OutOfRange);
    }
    let (nanos, rest) = read_fraction(rest)?;
    instant(local_seconds, nanos, rest, zone)
}

/// In any spelling.
fn read_spelled(text: &[u8], zone: &Zone) -> Result<Instant, Reason> {
    if text.is_empty() {
        return Err(Reason::Empty);
    }
    let (days, spelling, rest) = read_date(text)?;
    let (time, rest) = match rest {
        [] => (TimeOfDay { seconds: 0, nanos: 0 }, rest),
        [b'T' | b't' | b' ', rest @ ..] => read_time(rest, spelling)?,
        _ => return Err(Reason::Separator),
    };
    instant(days * DAY_SECONDS + time.seconds, time.nanos, rest, zone)
}

/// What a clock shows, with the offset that the text ends with.
fn instant(local_seconds: i64, nanos: u32, offset: &[u8], zone: &Zone) -> Result<Instant, Reason> {
    match read_offset(offset)? {
        Some(offset_seconds) => Instant::new(local_seconds - offset_seconds, nanos),
        None => zone.instant_of_local(local_seconds, nanos),
    }
    .ok_or(Reason::OutOfRange)
}

/// ISO 8601 writes a time with separators throughout or without any.
#[derive(Clone, Copy)]
enum Spelling {
    Extended,
    Basic,
}

/// The date's number (days since 1970-01-01), how it is spelled, and what follows it.
fn read_date(text: &[u8]) -> Result<(i64, Spelling, &[u8]), Reason> {
    let (century, rest) = two_digits(text).ok_or(Reason::DateShape)?;
    let (year_of_century, rest) = two_digits(rest).ok_or(Reason::DateShape)?;
    let (spelling, rest) = match rest {
        [b'-', rest @ ..] => (Spelling::Extended, rest),
        _ => (Spelling::Basic, rest),
    };
    let (month, rest) = two_digits(rest).ok_or(Reason::DateShape)?;
    let rest = match (spelling, rest) {
        (Spelling::Extended, [b'-', rest @ ..]) | (Spelling::Basic, rest) => rest,
        (Spelling::Extended, _) => return Err(Reason::DateShape),
    };
    let (day, rest) = two_digits(rest).ok_or(Reason::DateShape)?;
    let year = century * 100 + year_of_century;
    if year == 0 {
        return Err(Reason::YearZero);
    }
    if month == 0 || month > 12 {
        return Err(Reason::Month(month));
    }
    if day == 0 || day > days_in_month(year, month) {
        return Err(Reason::DayOfMonth { year, month, day });
    }
    Ok((days_since_epoch(year, month, day), spelling, rest))
}

struct TimeOfDay {
    /// 0..=86,400: 24:00:00 is the midnight that ends the day.
    seconds: i64,
    nanos: u32,
}

fn read_time(text: &[u8], spelling: Spelling) -> Result<(TimeOfDay, &[u8]), Reason> {
    let (hour, rest) = two_digits(text).ok_or(Reason::TimeShape)?;
    let rest = match (spelling, rest) {
        (Spelling::Extended, [b':', rest @ ..]) | (Spelling::Basic, rest) => rest,
        (Spelling::Extended, _) => return Err(Reason::TimeShape),
    };
    let (minute, rest) = two_digits(rest).ok_or(Reason::TimeShape)?;
    let (second, nanos, rest) = match (spelling, rest) {
        (Spelling::Extended, [b':', rest @ ..]) | (Spelling::Basic, rest @ [b'0'..=b'9', ..]) => {
            let (second, rest) = two_digits(rest).ok_or(Reason::TimeShape)?;
            let (nanos, rest) = read_fraction(rest)?;
            (second, nanos, rest)
        }
        _ => (0, 0, rest),
    };
    if hour > 24 {
        return Err(Reason::Hour(hour));
    }
    if minute > 59 {
        return Err(Reason::Minute(minute));
    }
    if second > 60 {
        return Err(Reason::Second(second));
    }
    if hour == 24 && (minute, second, nanos) != (0, 0, 0) {
        return Err(Reason::HourTwentyFour);
    }
    // Days have 86,400 seconds here, so a leap second is the second before it.
    let seconds = i64::from(hour * 3600 + minute * 60 + second.min(59));
    Ok((TimeOfDay { seconds, nanos }, rest))
}

/// Nanoseconds of a fraction, rounded down; 0 when there is none.
fn read_fraction(text: &[u8]) -> Result<(u32, &[u8]), Reason> {
    let (digits, count_max) = match text {
        [b'.' | b',', digits @ ..] => (digits, usize::MAX),
        [b':', digits @ ..] => (digits, 3),
        _ => return Ok((0, text)),
    };
    let count = digits.iter().take(count_max).take_while(|byte| byte.is_ascii_digit()).count();
    if count == 0 || (count_max == 3 && count < 3) {
        return Err(Reason::Fraction);
    }
    let (digits, rest) = digits.split_at(count);
    let mut nanos = 0;
    let mut unit = 100_000_000;
    for digit in digits.iter().take(9) {
        nanos += u32::from(digit - b'0') * unit;
        unit /= 10;
    }
    Ok((nanos, rest))
}

/// Seconds east of Greenwich; `None` when the text ends without an offset.
fn read_offset(text: &[u8]) -> Result<Option<i64>, Reason> {
    let (sign, rest) = match text {
        [] => return Ok(None),
        [b'Z' | b'z'] => return Ok(Some(0)),
        [b'-', rest @ ..] | [b' ', b'-', rest @ ..] => (-1, rest),
        // The single space and the second of two are a `+` that a query string decoded.
        [b' ', b'+' | b' ', rest @ ..] | [b'+' | b' ', rest @ ..] => (1, rest),
        _ => return Err(Reason::TrailingText),
    };
    let (hours, minutes) = match *rest {
        [h2, b':', m1, m2] => (pair(b'0', h2), pair(m1, m2)),
        [h1, h2, b':', m1, m2] | [h1, h2, m1, m2] => (pair(h1, h2), pair(m1, m2)),
        [h1, h2] => (pair(h1, h2), Some(0)),
        _ => return Err(Reason::OffsetShape),
    };
    let (Some(hours), Some(minutes)) = (hours, minutes) else { return Err(Reason::OffsetShape) };
    if hours > 23 || minutes > 59 {
        return Err(Reason::OffsetRange);
    }
    Ok(Some(sign * i64::from(hours * 3600 + minutes * 60)))
}

fn two_digits(text: &[u8]) -> Option<(u32, &[u8])> {
    match text {
        [tens, ones, rest @ ..] => Some((pair(*tens, *ones)?, rest)),
        _ => None,
    }
}

fn pair(tens: u8, ones: u8) -> Option<u32> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens <= 9 && ones <= 9).then(|| u32::from(tens * 10 + ones))
}

fn days_in_month(year: u32, month: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a date of the proleptic Gregorian calendar, by counting years from March, so that the leap
/// day is a year's last (H. Hinnant, "chrono-compatible low-level date algorithms", `days_from_civil`).
fn days_since_epoch(year: u32, month: u32, day: u32) -> i64 {
    let (year, month_from_march) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let days = year * 365 + year / 4 - year / 100 + year / 400 + day_of_year;
    i64::from(days) - 719_468
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use jiff::tz::{Offset, TimeZone};
    use proptest::prelude::*;

    use super::*;

    /// `text | zone | the instant in UTC, or words of the error`
    const FORMS: &str = "
        2018-06-28T23:59:59-05:00           | UTC              | 2018-06-29T04:59:59Z
        2018-06-28T23:59:59-5:00            | UTC              | 2018-06-29T04:59:59Z
        2018-06-28T23:59:59-0500            | UTC              | 2018-06-29T04:59:59Z
        2018-06-28T23:59:59-05              | UTC              | 2018-06-29T04:59:59Z
        2018-06-28T23:59:59+05:30           | UTC              | 2018-06-28T18:29:59Z
        2018-06-28T23:59:59-00:00           | UTC              | 2018-06-28T23:59:59Z
        2018-06-28T23:59:59+23:59           | UTC              | 2018-06-28T00:00:59Z
        2026-03-02T00:00:01.234Z            | Europe/Paris     | 2026-03-02T00:00:01.234Z
        2026-10-01T12:34:56.789012+00:00    | UTC              | 2026-10-01T12:34:56.789012Z
        2026-10-01T12:34:56.789012 00:00    | UTC              | 2026-10-01T12:34:56.789012Z
        2026-10-01T12:34:56 05:30           | UTC              | 2026-10-01T07:04:56Z
        2026-10-01T12:34:56 5:30            | UTC              | 2026-10-01T07:04:56Z
        2026-10-01T12:34:56,5Z              | UTC              | 2026-10-01T12:34:56.5Z
        2026-10-01T12:34:56.1234567899999Z  | UTC              | 2026-10-01T12:34:56.123456789Z
        2026-10-01T12:34:56:789+0100        | UTC              | 2026-10-01T11:34:56.789Z
        2024-01-01T00:00:00                 | UTC              | 2024-01-01T00:00:00Z
        2024-01-01T00:00:00                 | Europe/Paris     | 2023-12-31T23:00:00Z
        2024-01-01 00:00:00                 | Europe/Paris     | 2023-12-31T23:00:00Z
        2024-01-01T12:30                    | UTC              | 2024-01-01T12:30:00Z
        2024-01-01T12:30Z                   | Europe/Paris     | 2024-01-01T12:30:00Z
        2024-01-01T12:30-05:00              | UTC              | 2024-01-01T17:30:00Z
        2022-12-09                          | UTC              | 2022-12-09T00:00:00Z
        2022-12-09                          | America/Chicago  | 2022-12-09T06:00:00Z
        20221209                            | America/Chicago  | 2022-12-09T06:00:00Z
        2019-02-15 00:00:00 -0500           | UTC              | 2019-02-15T05:00:00Z
        2019-02-15 00:00:00 +0500           | UTC              | 2019-02-14T19:00:00Z
        2019-02-15 00:00:00  0500           | UTC              | 2019-02-14T19:00:00Z
        2019-02-15 00:00:00 -05:00          | UTC              | 2019-02-15T05:00:00Z
        20180628T235959Z                    | UTC              | 2018-06-28T23:59:59Z
        20180628T235959.5-0500              | UTC              | 2018-06-29T04:59:59.5Z
        20180628T2359                       | UTC              | 2018-06-28T23:59:00Z
        2018-06-28t23:59:59z                | UTC              | 2018-06-28T23:59:59Z
        2018-06-28T24:00:00Z                | UTC              | 2018-06-29T00:00:00Z
        2018-06-28T24:00:00.000Z            | UTC              | 2018-06-29T00:00:00Z
        2018-12-31T24:00:00                 | Europe/Paris     | 2018-12-31T23:00:00Z
        2016-12-31T23:59:60Z                | UTC              | 2016-12-31T23:59:59Z
        2016-12-31T23:59:60.5Z              | UTC              | 2016-12-31T23:59:59.5Z
        2024-02-29                          | UTC              | 2024-02-29T00:00:00Z
        2000-02-29                          | UTC              | 2000-02-29T00:00:00Z
        0001-01-02T00:00:00Z                | UTC              | 0001-01-02T00:00:00Z
        2024-03-10T02:30:00                 | America/New_York | 2024-03-10T07:30:00Z
        2024-11-03T01:30:00                 | America/New_York | 2024-11-03T05:30:00Z
        2011-12-30                          | Pacific/Apia     | 2011-12-30T10:00:00Z
        2018-13-01                          | UTC              | there is no month 13
        2018-00-01                          | UTC              | there is no month 0
        2018-02-30T00:00:00Z                | UTC              | there is no day 30 in month 2 of 2018
        1900-02-29                          | UTC              | there is no day 29 in month 2 of 1900
        2018-06-00                          | UTC              | there is no day 0 in month 6
        0000-01-01                          | UTC              | there is no year 0
        0001-01-01T00:00:00Z                | UTC              | it lies outside
        9999-12-31T24:00:00                 | UTC              | it lies outside
        9999-12-31T23:59:59Z                | UTC              | it lies outside
        2018-06-28T25:00:00Z                | UTC              | there is no hour 25
        2018-06-28T24:00:01Z                | UTC              | hour 24 is midnight alone
        2018-06-28T24:00:00.1Z              | UTC              | hour 24 is midnight alone
        2018-06-28T23:60:00Z                | UTC              | there is no minute 60
        2018-06-28T23:59:61Z                | UTC              | there is no second 61
        2018-06-28T23:59:59.Z               | UTC              | the fraction of the second has no digits
        2018-06-28T23:59:59:12Z             | UTC              | the fraction of the second has no digits
        2018-06-28T23:59:59+24:00           | UTC              | an offset has at most 23 hours and 59 minutes
        2018-06-28T23:59:59-05:60           | UTC              | an offset has at most 23 hours and 59 minutes
        2018-06-28T23:59:59-5               | UTC              | the offset must be
        2018-06-28T23:59:59-500             | UTC              | the offset must be
        2018-06-28T23:59:59-05:00:00        | UTC              | the offset must be
        2018-06-28T23:59:59-05:00[UTC]      | UTC              | the offset must be
        2018-06-28T23:59:59   05:00         | UTC              | the offset must be
        2018-06-28T23:59:59 UTC             | UTC              | the offset must be
        2018-06-28T23:59:59 +               | UTC              | the offset must be
        2018-06-28T23:59:59Zebra            | UTC              | more text follows the time
        2018-06-28T23:59:59Z Z              | UTC              | more text follows the time
        2018-06-28T23:59:59x                | UTC              | more text follows the time
        2018-06-28T                         | UTC              | the time of day has not
        2018-06-28T2359                     | UTC              | the time of day has not
        20180628T23:59:59                   | UTC              | the time of day has not
        2018-06-28T1:00:00                  | UTC              | the time of day has not
        2018-06-28  23:59:59                | UTC              | the time of day has not
        2018-06-28Z                         | UTC              | after the date must come
        2018-06-28_23:59:59                 | UTC              | after the date must come
        2018-6-28                           | UTC              | it does not begin with a date
        2018-0628                           | UTC              | it does not begin with a date
        28.06.2018                          | UTC              | it does not begin with a date
        +2018-06-28                         | UTC              | it does not begin with a date
        -2018-06-28                         | UTC              | it does not begin with a date
        1530248399                          | UTC              | there is no month 24
        ２０１８-06-28                      | UTC              | it does not begin with a date
        yesterday                           | UTC              | `yesterday` is not a time: it does not begin
                                            | UTC              | it is empty
    ";

    #[test]
    fn every_form_of_the_contract_is_read_and_nothing_else() {
        for line in FORMS.lines().filter(|line| !line.trim().is_empty()) {
            let [text, zone, expected] = line.split('|').map(str::trim).collect::<Vec<_>>().try_into().unwrap();
            match parse_instant(text, &Zone::named(zone).unwrap()) {
                Ok(instant) => assert_eq!(instant.to_string(), expected, "{text}"),
                Err(error) => {
                    assert!(error.to_string().contains(expected), "`{text}`: {error}; expected {expected}");
                }
            }
        }
    }

    #[test]
    fn surrounding_spaces_and_line_ends_are_refused() {
        for text in [" 2018-06-28", "2018-06-28 ", "2018-06-28T23:59:59Z\n", "2018-06-28T23:59:59 ", "2018-06-28\r"] {
            assert!(parse_instant(text, &Zone::utc()).is_err(), "{text:?}");
        }
    }

    #[test]
    fn an_error_names_the_text_shortened_and_printable() {
        let message = |text: &str| parse_instant(text, &Zone::utc()).unwrap_err().to_string();
        assert_eq!(
            message("2018-13-01"),
            "`2018-13-01` is not a time: there is no month 13; write it like `2018-06-28T23:59:59-05:00` or `2018-06-28`"
        );
        assert!(message(&"é".repeat(1000)).starts_with(&format!("`{}…` is not a time", "é".repeat(64))));
        assert!(message(&"é".repeat(64)).starts_with(&format!("`{}` is not a time", "é".repeat(64))));
        assert!(message("a\nb\0").starts_with("`a\u{FFFD}b\u{FFFD}` is not a time"));
    }

    fn zones() -> impl Strategy<Value = &'static str> {
        prop::sample::select(vec!["UTC", "America/New_York", "Pacific/Apia", "Australia/Lord_Howe", "Asia/Tehran"])
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in any::<String>(), zone in zones()) {
            let _ = parse_instant(&text, &Zone::named(zone).unwrap());
        }

        #[test]
        fn no_text_of_the_right_letters_makes_it_panic(text in "[0-9]{0,8}[-0-9:. +TtZz]{0,32}", zone in zones()) {
            let _ = parse_instant(&text, &Zone::named(zone).unwrap());
        }

        #[test]
        fn it_agrees_with_the_library_on_instants(
            seconds in Instant::MIN.seconds() + 86_400..Instant::MAX.seconds() - 86_400,
            nanos in 0_i32..1_000_000_000,
            offset_minutes in -1439_i32..=1439,
        ) {
            let timestamp = Timestamp::new(seconds, nanos).unwrap();
            let offset = Offset::from_seconds(offset_minutes * 60).unwrap();
            let expected = Instant::new(timestamp.as_second() - i64::from(timestamp.subsec_nanosecond() < 0),
                u32::try_from(timestamp.subsec_nanosecond().rem_euclid(1_000_000_000)).unwrap());
            let text = timestamp.display_with_offset(offset).to_string();
            prop_assert_eq!(parse_instant(&text, &Zone::utc()).ok(), expected, "{}", text);
            let text = timestamp.to_string();
            prop_assert_eq!(parse_instant(&text, &Zone::utc()).ok(), expected, "{}", text);
            let compact = text.replace(['-', ':'], "");
            prop_assert_eq!(parse_instant(&compact, &Zone::utc()).ok(), expected, "{}", compact);
        }

        #[test]
        fn it_agrees_with_the_library_on_local_times(seconds in -4_000_000_000_i64..6_000_000_000, zone in zones()) {
            let local = Offset::UTC.to_datetime(Timestamp::from_second(seconds).unwrap());
            let expected = TimeZone::get(zone).unwrap().to_ambiguous_timestamp(local).compatible().unwrap();
            let instant = parse_instant(&local.to_string(), &Zone::named(zone).unwrap()).unwrap();
            prop_assert_eq!(instant.seconds(), expected.as_second());
        }
    }
}
