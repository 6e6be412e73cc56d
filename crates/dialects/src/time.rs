//! The time of a row, as text or as a number of seconds.

use dauphin_model::{Instant, Zone, parse_instant};

use crate::row::shown;

/// Unix seconds stay below this until the year 5138; what is above was meant as milliseconds.
const UNIX_SECONDS_MAX: u64 = 100_000_000_000;

/// A text in any form of [`parse_instant`], or Unix seconds of 9 to 11 digits (1973 to 5138) with or without a fraction.
pub(crate) fn instant_of_text(text: &str, zone: &Zone) -> Result<Instant, String> {
    let all_digits = |bytes: &[u8]| bytes.iter().all(u8::is_ascii_digit);
    // Every other form has a `-` or a `T` among its first nine characters, mostly the fifth, or no more than eight.
    let bytes = text.as_bytes();
    if bytes.get(4) == Some(&b'-') || !bytes.get(..9).is_some_and(all_digits) {
        return parse_instant(text, zone).map_err(|error| error.to_string());
    }
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if !all_digits(whole.as_bytes()) || !all_digits(fraction.as_bytes()) || text.ends_with('.') {
        return Err(format!("`{}` is not a number of seconds", shown(text)));
    }
    if whole.len() > 11 {
        return Err(too_large(text, whole.parse().unwrap_or(f64::INFINITY)));
    }
    let digits = fraction.bytes().chain(std::iter::repeat(b'0')).take(9);
    let nanos = digits.fold(0, |nanos, digit| nanos * 10 + u32::from(digit - b'0'));
    let seconds = whole.bytes().fold(0, |seconds, digit| seconds * 10 + i64::from(digit - b'0'));
    Instant::new(seconds, nanos).ok_or_else(|| out_of_range(text))
}

/// A whole number of Unix seconds.
pub(crate) fn instant_of_whole(seconds: i64) -> Result<Instant, String> {
    if seconds.unsigned_abs() >= UNIX_SECONDS_MAX {
        return Err(too_large(&seconds.to_string(), seconds as f64));
    }
    Instant::new(seconds, 0).ok_or_else(|| out_of_range(&seconds.to_string()))
}

/// Unix seconds with a fraction, rounded down to the nanosecond.
pub(crate) fn instant_of_fraction(seconds: f64) -> Result<Instant, String> {
    if !seconds.is_finite() {
        return Err(format!("`{seconds}` is not a number of seconds"));
    }
    if seconds.abs() >= UNIX_SECONDS_MAX as f64 {
        return Err(too_large(&format!("{seconds:e}"), seconds));
    }
    #[expect(clippy::cast_possible_truncation, reason = "below UNIX_SECONDS_MAX")]
    let whole = seconds.floor() as i64;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0.0 to 1e9")]
    let nanos = ((seconds - seconds.floor()) * 1e9) as u32;
    Instant::new(whole, nanos.min(999_999_999)).ok_or_else(|| out_of_range(&seconds.to_string()))
}

/// Whole seconds, rounded down, and the nanoseconds beyond, of `count` units of which a second has `units_a_second`.
pub(crate) fn seconds_and_nanos(count: i64, units_a_second: u32) -> (i64, u32) {
    let divided = |units_a_second: u32| {
        let units = i64::from(units_a_second);
        let beyond = u32::try_from(count.rem_euclid(units)).expect("less than the units of a second");
        (count.div_euclid(units), beyond * (1_000_000_000 / units_a_second))
    };
    // By a constant, dividing is multiplying.
    match units_a_second {
        1 => (count, 0),
        1_000 => divided(1_000),
        1_000_000 => divided(1_000_000),
        1_000_000_000 => divided(1_000_000_000),
        other => divided(other),
    }
}

/// As [`seconds_and_nanos`], of many, the seconds alone.
pub(crate) fn whole_seconds(counts: &[i64], units_a_second: u32) -> Vec<i64> {
    match units_a_second {
        1 => counts.to_vec(),
        1_000 => counts.iter().map(|count| count.div_euclid(1_000)).collect(),
        1_000_000 => counts.iter().map(|count| count.div_euclid(1_000_000)).collect(),
        1_000_000_000 => counts.iter().map(|count| count.div_euclid(1_000_000_000)).collect(),
        other => counts.iter().map(|count| count.div_euclid(other.into())).collect(),
    }
}

/// Above the limit of seconds, each unit a thousand times as small is likely for three digits more.
#[cold]
fn too_large(number: &str, value: f64) -> String {
    let unit = match value.abs() / UNIX_SECONDS_MAX as f64 {
        ..1e3 => "milliseconds",
        ..1e6 => "microseconds",
        ..1e9 => "nanoseconds",
        _ => return out_of_range(number),
    };
    format!("`{}` is too large for Unix seconds; it looks like {unit}", shown(number))
}

#[cold]
pub(crate) fn out_of_range(value: &str) -> String {
    format!("`{}` lies outside the years 1 to 9999", shown(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `text | the instant in UTC, or words of the reason`
    const TEXTS: &str = "
        1530248399                | 2018-06-29T04:59:59Z
        1530248399.25             | 2018-06-29T04:59:59.25Z
        1530248399.0000000019     | 2018-06-29T04:59:59.000000001Z
        100000000                 | 1973-03-03T09:46:40Z
        99999999999               | 5138-11-16T09:46:39Z
        20180628                  | 2018-06-28T00:00:00Z
        2018-06-28T23:59:59.123Z  | 2018-06-28T23:59:59.123Z
        20180628T235959.5Z        | 2018-06-28T23:59:59.5Z
        1530248399000             | looks like milliseconds
        1530248399000.5           | looks like milliseconds
        1530248399000000          | looks like microseconds
        99999999999999999999999   | lies outside the years
        1530248399.               | is not a number of seconds
        1530248399.5s             | is not a number of seconds
        1530248399.5.5            | is not a number of seconds
        1234567                   | is not a time
        -1530248399               | is not a time
        now                       | is not a time
    ";

    #[test]
    fn a_text_is_a_time_or_unix_seconds() {
        for line in TEXTS.lines().filter(|line| !line.trim().is_empty()) {
            let (text, expected) = line.split_once('|').unwrap();
            match instant_of_text(text.trim(), &Zone::utc()) {
                Ok(instant) => assert_eq!(instant.to_string(), expected.trim(), "{text}"),
                Err(reason) => assert!(reason.contains(expected.trim()), "{reason}; expected {expected}"),
            }
        }
    }

    #[test]
    fn a_number_is_unix_seconds() {
        assert_eq!(instant_of_whole(-1).unwrap().to_string(), "1969-12-31T23:59:59Z");
        assert_eq!(instant_of_fraction(-0.25).unwrap().to_string(), "1969-12-31T23:59:59.75Z");
        assert_eq!(instant_of_fraction(-1e-300).unwrap(), Instant::new(-1, 999_999_999).unwrap());
        assert!(
            instant_of_whole(i64::MIN)
                .unwrap_err()
                .contains("`-9223372036854775808` is too large for Unix seconds; it looks like nanoseconds")
        );
        assert!(instant_of_whole(-90_000_000_000).unwrap_err().contains("lies outside the years 1 to 9999"));
        assert!(instant_of_fraction(1e300).unwrap_err().contains("`1e300` lies outside the years 1 to 9999"));
        assert!(instant_of_fraction(f64::NAN).unwrap_err().contains("`NaN` is not a number"));
        assert!(instant_of_fraction(1_530_248_399_000.5).unwrap_err().contains("milliseconds"));
    }
}
