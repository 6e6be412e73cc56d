//! `2018-06-28T23:59:59`, as nearly every program writes it: read in words of eight bytes, with one test for all digits.

use super::{DAY_SECONDS, days_in_month, days_since_epoch, pair};

/// Seconds that a clock showing this date and time has counted since its own 1970-01-01T00:00:00, and what follows;
/// `None` when the text does not begin with a date and time in the usual form, whether it is right or wrong.
pub(super) fn read(text: &[u8]) -> Option<(i64, &[u8])> {
    let (&[y1, y2, y3, y4, s1, m1, m2, s2, d1, d2, b'T' | b't' | b' ', time @ ..], rest) =
        text.split_first_chunk::<19>()?
    else {
        return None;
    };
    let [century, _, year_of_century, _, _, month, ..] = pairs([y1, y2, y3, y4, s1, m1, m2, s2], *b"0000-00-")?;
    let [hour, _, _, minute, _, _, second, _] = pairs(time, *b"00:00:00")?;
    let (year, month, day) = (century * 100 + year_of_century, month, pair(d1, d2)?);
    let is_date = year > 0 && (1..=12).contains(&month) && day > 0 && (day <= 28 || day <= days_in_month(year, month));
    // The hour 24 and the second 60 mean something too, but seldom.
    let is_time = hour < 24 && minute < 60 && second < 60;
    let seconds = i64::from(hour * 3600 + minute * 60 + second);
    (is_date && is_time).then(|| (days_since_epoch(year, month, day) * DAY_SECONDS + seconds, rest))
}

/// For each byte of `text` the number that it and the next are as two digits, if `text` has digits where `shape` has a
/// `0` and the same bytes elsewhere.
fn pairs(text: [u8; 8], shape: [u8; 8]) -> Option<[u32; 8]> {
    const TOP_BITS: u64 = 0x8080_8080_8080_8080;
    // A digit becomes 0 to 9, any other byte that fits becomes 0.
    let word = u64::from_le_bytes(text) ^ u64::from_le_bytes(shape);
    // Added, they lift what is more into the top bit of its byte; nothing is carried unless that bit was set before.
    let lift = u64::from_le_bytes(shape.map(|byte| if byte == b'0' { 0x80 - 10 } else { 0x80 - 1 }));
    // No byte of the sum is above 99.
    ((word.wrapping_add(lift) | word) & TOP_BITS == 0).then(|| (word * 10 + (word >> 8)).to_le_bytes().map(u32::from))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{read as read_any, read_spelled};
    use super::*;
    use crate::Zone;

    #[test]
    fn the_usual_form_is_met_here() {
        assert_eq!(read(b"1970-01-02T00:00:01.5Z"), Some((86_401, &b".5Z"[..])));
        assert_eq!(read(b"2024-02-29 23:59:59"), Some((1_709_251_199, &b""[..])));
        for text in
            ["2018-06-28T24:00:00Z", "2018-06-31T00:00:00Z", "2018-06-28", "20180628T235959Z", "2018-06-28T23:5a:59"]
        {
            assert_eq!(read(text.as_bytes()), None, "{text}");
        }
    }

    /// Nearly a time: one in the usual form with some bytes replaced.
    fn nearly_a_time() -> impl Strategy<Value = Vec<u8>> {
        let time = "[0-2][0-9]{3}-[01][0-9]-[0-3][0-9][Tt ][0-2][0-9]:[0-6][0-9]:[0-6][0-9](|[.,:][0-9]{0,4})(|Z|z|[+-][0-9]{2}:?[0-9]{2})";
        let replaced = prop::collection::vec((0_usize..26, any::<u8>()), 0..2);
        (time, replaced).prop_map(|(text, replaced)| {
            let mut text = text.into_bytes();
            for (place, byte) in replaced {
                if let Some(old) = text.get_mut(place) {
                    *old = byte;
                }
            }
            text
        })
    }

    proptest! {
        #[test]
        fn it_changes_nothing(text in nearly_a_time()) {
            let zone = Zone::named("Pacific/Apia").unwrap();
            prop_assert_eq!(read_any(&text, &zone).ok(), read_spelled(&text, &zone).ok());
            if let (Err(reason), Err(expected)) = (read_any(&text, &zone), read_spelled(&text, &zone)) {
                prop_assert_eq!(reason.to_string(), expected.to_string());
            }
        }
    }
}
