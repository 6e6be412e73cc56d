use dauphin_model::Day;

use super::Points;
use super::writer::{separator, tail};
use crate::{Format, Language};

/// Points of consecutive days, written: the answer to any run of them is a copy.
///
/// ```
/// use dauphin_api::{Column, Format, Language, Points, Strip};
/// use dauphin_model::Day;
/// let first = Day::from_civil(2018, 6, 28).unwrap();
/// let points = Points::daily(first, vec![Column::integers("dau", vec![123, 45])]);
/// let strip = Strip::of(&points, Format::Json, Language::English);
/// let body = strip.body(first.offset(1).unwrap(), 1).unwrap();
/// assert_eq!(body, br#"{"data":[{"time":"2018-06-29","dau":45}],"message":"success"}"#);
/// assert_eq!(strip.body(first, 3), None);
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Strip {
    format: Format,
    /// What stands before the points of an answer.
    head: Vec<u8>,
    first: Day,
    /// The points, each with what separates it from the next.
    text: Vec<u8>,
    /// Where each point ends in `text`.
    ends: Vec<usize>,
}

impl Strip {
    /// Writes points that are days.
    pub fn of(points: &Points, format: Format, language: Language) -> Self {
        let (mut head, mut text, mut ends) = (Vec::new(), Vec::new(), Vec::with_capacity(points.len()));
        points.write_head(format, language, &mut head);
        points.write_points(format, language, &mut text, |end| ends.push(end));
        Self { format, head, first: points.first_day(), text, ends }
    }

    /// The day of the first point.
    pub const fn first(&self) -> Day {
        self.first
    }

    /// Number of points.
    pub const fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The body of the answer with `length` points, at least one, from `first` on, if they are all here.
    pub fn body(&self, first: Day, length: u16) -> Option<Vec<u8>> {
        let skipped = usize::try_from(first.since(self.first)).ok()?;
        let end = *self.ends.get(skipped + usize::from(length).checked_sub(1)?)?;
        let text = &self.text[self.text_before(skipped)..end - separator(self.format).len()];
        Some([&self.head, text, tail(self.format)].concat())
    }

    /// Keeps the first points.
    pub fn truncate(&mut self, length: usize) {
        self.ends.truncate(length);
        self.text.truncate(self.text_before(self.ends.len()));
    }

    /// Adds points that were written alike and follow upon these.
    pub fn append(&mut self, other: &Self) {
        let size = self.text.len();
        self.text.extend_from_slice(&other.text);
        self.ends.extend(other.ends.iter().map(|end| size + end));
    }

    /// Size of the text of so many points.
    fn text_before(&self, length: usize) -> usize {
        length.checked_sub(1).map_or(0, |last| self.ends[last])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Column, Group, Zeros};

    const FIRST: i32 = 20_000;
    const LENGTH: u16 = 40;

    fn day(index: u16) -> Day {
        Day::new(FIRST + i32::from(index)).unwrap()
    }

    /// Points with values of every length.
    fn points(first: u16, length: u16) -> Points {
        let values = |scale: i64| (first..first + length).map(|index| i64::from(index).pow(4) * scale).collect();
        let group = vec![Column::integers("late", values(-1))];
        Points {
            groups: vec![Group { name: "changes", columns: group, zeros: Zeros::LeftOut }],
            ..Points::daily(day(first), vec![Column::integers("dau", values(1)), Column::integers("new", values(0))])
        }
    }

    fn strip(first: u16, length: u16, format: Format) -> Strip {
        Strip::of(&points(first, length), format, Language::French)
    }

    #[test]
    fn a_run_is_the_body_that_would_be_written() {
        for format in [Format::Json, Format::Csv] {
            let strip = strip(0, LENGTH, format);
            for first in 0..LENGTH {
                for length in 1..=LENGTH - first {
                    let mut body = Vec::new();
                    points(first, length).write(format, Language::French, &mut body);
                    assert_eq!(strip.body(day(first), length), Some(body));
                }
                assert_eq!(strip.body(day(first), LENGTH - first + 1), None);
            }
            assert_eq!(strip.body(day(0).offset(-1).unwrap(), 1), None);
            assert_eq!(strip.body(day(0), 0), None);
        }
    }

    #[test]
    fn parts_make_the_whole() {
        for format in [Format::Json, Format::Csv] {
            for length in 0..=LENGTH {
                let mut whole = strip(0, LENGTH, format);
                whole.truncate(usize::from(length));
                assert_eq!(whole, strip(0, length, format));
                whole.append(&strip(length, LENGTH - length, format));
                assert_eq!(whole, strip(0, LENGTH, format));
            }
        }
    }
}
