use std::cmp::Ordering;
use std::ops::Range;

use super::number::{grouped_whole, percent};

/// How many steps an axis has, where its unit allows.
const STEPS: Range<u32> = 4..8;

/// What an axis measures.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Unit {
    /// Users: no step is smaller than one of them.
    Count,
    /// Shares of a whole.
    Ratio,
}

impl Unit {
    /// The smallest step, of which every other is a multiple: labels show no finer.
    const fn step_min(self) -> f64 {
        match self {
            Self::Count => 1.0,
            Self::Ratio => 0.001,
        }
    }
}

/// A scale of values that begins, ends and steps at round numbers, and always has zero on it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct ValueAxis {
    unit: Unit,
    step: f64,
    steps_below: u32,
    steps_above: u32,
}

impl ValueAxis {
    /// The scale for values from `least` to `greatest`.
    pub(super) fn spanning(unit: Unit, least: f64, greatest: f64) -> Self {
        let (below, above) = ((-least).max(0.0), greatest.max(0.0));
        let scales = steps_for(unit, below + above).map(|step| {
            let (steps_below, steps_above) = (steps_to(below, step), steps_to(above, step));
            Self { unit, step, steps_below, steps_above }
        });
        // The scale that leaves the least paper empty, with enough marks to read by and few enough not to crowd.
        let waste = |scale: &Self| (scale.marks_missing(), scale.high() - scale.low(), scale.step_count());
        let best = scales.min_by(|a, b| waste(a).partial_cmp(&waste(b)).unwrap_or(Ordering::Equal));
        // A series of zeros still needs room to lie in.
        best.unwrap_or(Self { unit, step: unit.step_min(), steps_below: 0, steps_above: 1 })
    }

    const fn step_count(&self) -> u32 {
        self.steps_below + self.steps_above
    }

    const fn marks_missing(&self) -> u32 {
        STEPS.start.saturating_sub(self.step_count())
    }

    /// The least value on it.
    pub(super) fn low(&self) -> f64 {
        -f64::from(self.steps_below) * self.step
    }

    /// The greatest value on it.
    pub(super) fn high(&self) -> f64 {
        f64::from(self.steps_above) * self.step
    }

    /// Its marks from the lowest up, with labels.
    pub(super) fn marks(&self) -> Vec<(f64, String)> {
        let below = (1..=self.steps_below).rev().map(|steps| -f64::from(steps) * self.step);
        let above = (0..=self.steps_above).map(|steps| f64::from(steps) * self.step);
        below.chain(above).map(|value| (value, self.label(value))).collect()
    }

    fn label(&self, value: f64) -> String {
        match self.unit {
            Unit::Count => grouped_whole(value).replace('-', "\u{2212}"),
            Unit::Ratio if (self.step * 100.0).fract().abs() > 1e-6 => percent(value),
            Unit::Ratio => format!("{:.0}%", value * 100.0),
        }
    }
}

/// Round steps that cut `span` into at most as many parts as an axis may have.
fn steps_for(unit: Unit, span: f64) -> impl Iterator<Item = f64> {
    // From a hundredth of the span's own power of ten; a logarithm is not exact, so one beyond is tried, too.
    let power = if span > 0.0 && span.is_finite() { span.log10().floor() } else { 0.0 };
    let powers = [-2.0, -1.0, 0.0, 1.0].into_iter().map(move |shift| 10_f64.powf(power + shift));
    let steps = powers.flat_map(|power| [1.0, 2.0, 2.5, 5.0].map(|digit| digit * power)).chain([unit.step_min()]);
    steps.filter(move |&step| {
        let is_whole = (step / unit.step_min()).fract().abs() < 1e-6;
        span > 0.0 && is_whole && step >= unit.step_min() * 0.999_999 && span / step <= f64::from(STEPS.end - 2)
    })
}

/// How many steps reach `distance`.
fn steps_to(distance: f64, step: f64) -> u32 {
    (0..STEPS.end).find(|&steps| f64::from(steps) * step >= distance * 0.999_999).unwrap_or(STEPS.end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(unit: Unit, least: f64, greatest: f64) -> String {
        let axis = ValueAxis::spanning(unit, least, greatest);
        axis.marks().into_iter().map(|(_, label)| label).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn steps_are_round_and_zero_is_among_them() {
        for (least, greatest, expected) in [
            (0.0, 0.0, "0 1"),
            (0.0, 1.0, "0 1"),
            (3.0, 4.0, "0 1 2 3 4"),
            (0.0, 10.0, "0 2 4 6 8 10"),
            (0.0, 11.0, "0 2 4 6 8 10 12"),
            (0.0, 99_000.0, "0 25,000 50,000 75,000 100,000"),
            (0.0, 3_210_000.0, "0 1,000,000 2,000,000 3,000,000 4,000,000"),
            (-300.0, 600.0, "−400 −200 0 200 400 600"),
            (-5.0, 0.0, "−5 −4 −3 −2 −1 0"),
        ] {
            assert_eq!(labels(Unit::Count, least, greatest), expected, "{least} {greatest}");
        }
        assert_eq!(labels(Unit::Ratio, 0.0, 0.31), "0% 10% 20% 30% 40%");
        assert_eq!(labels(Unit::Ratio, 0.0, 0.005), "0.0% 0.1% 0.2% 0.3% 0.4% 0.5%");
        assert_eq!(labels(Unit::Ratio, 0.0, 1.0), "0% 25% 50% 75% 100%");
    }

    #[test]
    fn every_value_lies_on_the_scale() {
        for exponent in 0..17 {
            for factor in [1.0, 1.01, 1.99, 2.0, 3.3, 4.999, 5.0, 5.001, 9.99] {
                let greatest = factor * 10_f64.powi(exponent);
                let axis = ValueAxis::spanning(Unit::Count, -greatest / 3.0, greatest);
                assert!(axis.high() >= greatest * 0.999_99 && axis.low() <= -greatest / 3.0 * 0.999_99, "{greatest}");
                assert!((2..=9).contains(&axis.marks().len()), "{greatest}: {:?}", axis.marks());
            }
        }
    }
}
