use dauphin_api::Values;

/// A number with commas between thousands: `1,234,567`.
pub(super) fn grouped(value: i64) -> String {
    group_digits(&value.to_string())
}

/// A number that a scale was cut at, without a fraction, likewise grouped.
pub(super) fn grouped_whole(value: f64) -> String {
    group_digits(&format!("{value:.0}"))
}

/// A change: always with its sign, a true minus.
pub(super) fn signed(value: i64) -> String {
    match value {
        0 => "0".to_owned(),
        1.. => format!("+{}", grouped(value)),
        _ => format!("\u{2212}{}", grouped(value).trim_start_matches('-')),
    }
}

/// A quotient in percent with one digit after the point: `12.5%`.
pub(super) fn percent(ratio: f64) -> String {
    format!("{:.1}%", ratio * 100.0)
}

/// The value at `index` as people read it.
pub(super) fn shown(values: &Values, index: usize) -> String {
    match values {
        Values::Integers(values) => grouped(values[index]),
        Values::Ratios(values) => percent(values[index]),
    }
}

/// The values as coordinates; precision beyond 2^53 is below a pixel.
pub(super) fn as_coordinates(values: &Values) -> Vec<f64> {
    match values {
        Values::Integers(values) => values.iter().map(|&value| value as f64).collect(),
        Values::Ratios(values) => values.clone(),
    }
}

fn group_digits(text: &str) -> String {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
    let mut grouped = sign.to_owned();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        for (value, expected) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (-1000, "-1,000"),
            (-999, "-999"),
            (123_456, "123,456"),
            (1_234_567, "1,234,567"),
            (i64::MIN, "-9,223,372,036,854,775,808"),
        ] {
            assert_eq!(grouped(value), expected);
        }
        assert_eq!(grouped_whole(2_500_000.0), "2,500,000");
        assert_eq!([signed(1500), signed(0), signed(-1500)], ["+1,500", "0", "−1,500"]);
        assert_eq!(percent(0.125), "12.5%");
    }
}
