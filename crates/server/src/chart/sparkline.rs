const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The values as a line of small bars, from the least to the greatest, in at most `width` characters: where there are
/// more values, neighbours share a bar as high as their mean. Values that are all alike make an even line.
pub(super) fn sparkline(values: &[f64], width: usize) -> String {
    let width = width.min(values.len());
    let means: Vec<f64> = (0..width)
        .map(|bar| {
            let shared = &values[bar * values.len() / width..(bar + 1) * values.len() / width];
            shared.iter().sum::<f64>() / shared.len() as f64
        })
        .collect();
    let least = means.iter().copied().fold(f64::INFINITY, f64::min);
    let greatest = means.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    means.into_iter().map(|mean| bar((mean - least) / (greatest - least))).collect()
}

/// The bar of a height from 0 to 1; the lowest for what is no number, as among values all alike.
fn bar(height: f64) -> char {
    let steps = (BARS.len() - 1) as f64;
    let mut chosen = BARS[0];
    for (index, bar) in BARS.into_iter().enumerate().skip(1) {
        // Heights are rounded to the nearest bar.
        if height * steps >= index as f64 - 0.5 {
            chosen = bar;
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_is_the_lowest_bar_and_the_greatest_the_highest() {
        for (values, width, expected) in [
            (&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0][..], 80, "▁▂▃▄▅▆▇█"),
            (&[7.0, 0.0], 80, "█▁"),
            (&[1000.0, 1001.0, 1000.0], 80, "▁█▁"),
            (&[5.0, 5.0, 5.0], 80, "▁▁▁"),
            (&[0.0], 80, "▁"),
            (&[], 80, ""),
            (&[0.0, 0.0, 3.0, 4.0, 7.0, 7.0], 3, "▁▅█"),
            (&[1.0, 2.0], 0, ""),
        ] {
            assert_eq!(sparkline(values, width), expected, "{values:?}");
        }
    }
}
