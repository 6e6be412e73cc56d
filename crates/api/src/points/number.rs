/// Every two-digit number, so that a division yields two digits at once.
const PAIRS: &[u8; 200] = b"0001020304050607080910111213141516171819\
2021222324252627282930313233343536373839\
4041424344454647484950515253545556575859\
6061626364656667686970717273747576777879\
8081828384858687888990919293949596979899";

/// Digits of `u64::MAX`.
const DIGITS_MAX: usize = 20;

/// Appends `value` in decimal.
pub(super) fn write_integer(value: i64, body: &mut Vec<u8>) {
    if value < 0 {
        body.push(b'-');
    }
    let mut rest = value.unsigned_abs();
    let mut digits = [0; DIGITS_MAX];
    let mut start = DIGITS_MAX;
    while rest >= 10 {
        start -= 2;
        let pair = usize::try_from(rest % 100).expect("below 100") * 2;
        digits[start..start + 2].copy_from_slice(&PAIRS[pair..pair + 2]);
        rest /= 100;
    }
    // A number of an odd count of digits has one left, and 0 is one digit.
    if rest > 0 || start == DIGITS_MAX {
        start -= 1;
        digits[start] = b'0' + u8::try_from(rest).expect("below 10");
    }
    body.extend_from_slice(&digits[start..]);
}

/// Appends `value` with as few digits as give it back when read, always with a fraction or an exponent, so that a
/// column of quotients never looks like one of counts. The serialiser's routine, for it takes a tenth of the time of
/// the standard library's.
pub(super) fn write_ratio(value: f64, body: &mut Vec<u8>) {
    debug_assert!(value.is_finite(), "a quotient is made finite where it is divided");
    serde_json::to_writer(body, &value).expect("a number can be written to memory");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(value: i64) -> String {
        let mut body = Vec::new();
        write_integer(value, &mut body);
        String::from_utf8(body).unwrap()
    }

    #[test]
    fn integers_of_every_length() {
        for power in 0..19 {
            let ten = 10_i64.pow(power);
            for value in [ten - 1, ten, ten + 1, 9 * (ten / 10), -ten, 1 - ten] {
                assert_eq!(written(value), value.to_string());
            }
        }
        assert_eq!(written(i64::MAX), "9223372036854775807");
        assert_eq!(written(i64::MIN), "-9223372036854775808");
    }

    proptest! {
        #[test]
        fn integers_read_as_they_were(value: i64) {
            prop_assert_eq!(written(value), value.to_string());
        }

        #[test]
        fn ratios_read_as_they_were(active in 1_u32.., dau: u32) {
            let ratio = f64::from(dau) / f64::from(active);
            let mut body = Vec::new();
            write_ratio(ratio, &mut body);
            let json: serde_json::Value = serde_json::from_slice(&body).unwrap();
            prop_assert!(json.is_f64());
            prop_assert_eq!(std::str::from_utf8(&body).unwrap().parse::<f64>().unwrap().to_bits(), ratio.to_bits());
        }
    }
}
