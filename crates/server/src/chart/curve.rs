/// A smooth way through values one apart: a cubic a step, with slopes after Fritsch and Carlson (harmonic means), so that
/// it rises and falls only where the values do and never shows a count that was not there. Points are `(x, y)` with the
/// first value at x = 0, `parts` a step.
pub(super) fn smooth(values: &[f64], parts: u32) -> Vec<(f64, f64)> {
    let rises: Vec<f64> = values.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let slope_at = |index: usize| {
        let before = index.checked_sub(1).map(|before| rises[before]);
        match (before, rises.get(index).copied()) {
            (Some(before), Some(after)) if before * after > 0.0 => 2.0 * before * after / (before + after),
            (Some(_), Some(_)) | (None, None) => 0.0,
            (Some(slope), None) | (None, Some(slope)) => slope,
        }
    };
    let mut points = Vec::new();
    for (index, pair) in values.windows(2).enumerate() {
        let (from, to) = (slope_at(index), slope_at(index + 1));
        for part in 0..parts {
            let t = f64::from(part) / f64::from(parts);
            let (t2, t3) = (t * t, t * t * t);
            let y = (2.0 * t3 - 3.0 * t2 + 1.0) * pair[0]
                + (t3 - 2.0 * t2 + t) * from
                + (3.0 * t2 - 2.0 * t3) * pair[1]
                + (t3 - t2) * to;
            points.push((index as f64 + t, y));
        }
    }
    if let Some((last, value)) = values.iter().enumerate().next_back() {
        points.push((last as f64, *value));
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_through_every_value_and_never_beyond_neighbours() {
        let values = [0.0, 0.0, 10.0, 9.0, 9.5, 3.0, 3.0, 100.0];
        let points = smooth(&values, 16);
        assert_eq!(points.len(), 7 * 16 + 1);
        for (step, pair) in values.windows(2).enumerate() {
            let (least, greatest) = (pair[0].min(pair[1]) - 1e-9, pair[0].max(pair[1]) + 1e-9);
            let part = &points[step * 16..=(step + 1) * 16];
            assert!((part[0].1 - pair[0]).abs() < 1e-9);
            assert!(part.iter().all(|(_, y)| (least..=greatest).contains(y)), "{part:?}");
        }
    }

    #[test]
    fn few_values_are_drawn_as_they_are() {
        assert_eq!(smooth(&[], 4), []);
        assert_eq!(smooth(&[7.0], 4), [(0.0, 7.0)]);
        assert_eq!(smooth(&[0.0, 4.0], 4), [(0.0, 0.0), (0.25, 1.0), (0.5, 2.0), (0.75, 3.0), (1.0, 4.0)]);
    }
}
