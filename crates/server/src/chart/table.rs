use std::fmt::Write as _;

use dauphin_api::{Column, Points, Times, Values};

use super::number::{as_coordinates, shown};
use super::sparkline::sparkline;
use super::{ChartTitle, date};

/// Where a table is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Surface {
    /// A file or a pipe: no escape codes, and a line may be as long as it needs.
    Plain,
    /// A terminal this many characters wide.
    Terminal {
        /// Its width.
        columns: usize,
    },
}

/// Space between columns.
const GAP: &str = "  ";
const BOLD: &str = "\u{1b}[1m";
const DIM: &str = "\u{1b}[2m";
const RESET: &str = "\u{1b}[0m";

/// The series as text: a title, a line a day, and below, for each value, its first, last, least and greatest with a
/// sparkline.
pub fn table(points: &Points, title: &ChartTitle, surface: Surface) -> String {
    let mut text = String::new();
    let count = points.len();
    let days = count.checked_sub(1).map(|last| match &points.times {
        Times::DaysFrom(first) => {
            let last = i32::try_from(last).ok().and_then(|days| first.offset(days));
            date::range(*first, last.unwrap_or(*first))
        }
        Times::Hours(_) => format!("{} to {}", points.time(0), points.time(last)),
    });
    line(&mut text, surface, BOLD, &title.metric);
    let context = [Some(title.scope.clone()), Some(title.zone.clone()), days];
    line(&mut text, surface, DIM, &context.into_iter().flatten().collect::<Vec<_>>().join(" · "));
    text.push('\n');

    let mut header = vec!["time".to_owned()];
    header.extend(points.columns.iter().map(|column| column.name.clone().into_owned()));
    let rows = (0..count).map(|index| {
        let mut row = vec![points.time(index)];
        row.extend(points.columns.iter().map(|column| shown(&column.values, index)));
        row
    });
    grid(&mut text, surface, &header, &rows.collect::<Vec<_>>());
    if count == 0 {
        return text;
    }

    text.push('\n');
    let header = ["", "first", "last", "min", "max"].map(str::to_owned);
    let mut rows: Vec<Vec<String>> = points.columns.iter().map(|column| summary(column, count)).collect();
    let width_used = grid_width(&header, &rows) + GAP.len();
    let width = match surface {
        Surface::Plain => count,
        // A very narrow terminal breaks lines anyway; a few bars still tell up from down.
        Surface::Terminal { columns } => columns.saturating_sub(width_used).max(8),
    };
    for (row, column) in rows.iter_mut().zip(&points.columns) {
        row.push(sparkline(&as_coordinates(&column.values), width));
    }
    grid(&mut text, surface, &header, &rows);
    text
}

/// Name, first, last, least and greatest.
fn summary(column: &Column, count: usize) -> Vec<String> {
    let (least, greatest) = match &column.values {
        Values::Integers(values) => extremes(values, i64::cmp),
        Values::Ratios(values) => extremes(values, f64::total_cmp),
    };
    let mut row = vec![column.name.clone().into_owned()];
    row.extend([0, count - 1, least, greatest].map(|index| shown(&column.values, index)));
    row
}

/// Where the least and the greatest value are.
fn extremes<T>(values: &[T], compare: impl Fn(&T, &T) -> std::cmp::Ordering) -> (usize, usize) {
    let by_value = |a: &usize, b: &usize| compare(&values[*a], &values[*b]);
    let least = (0..values.len()).min_by(by_value).unwrap_or(0);
    let greatest = (0..values.len()).max_by(by_value).unwrap_or(0);
    (least, greatest)
}

/// Lines of cells: the first column to the left, numbers to the right, and whatever the header does not name, as is.
fn grid(text: &mut String, surface: Surface, header: &[String], rows: &[Vec<String>]) {
    let widths = widths(header, rows);
    line(text, surface, DIM, &cells(header, &widths));
    for row in rows {
        line(text, surface, "", &cells(row, &widths));
    }
}

fn cells(row: &[String], widths: &[usize]) -> String {
    let mut text = String::new();
    for (index, cell) in row.iter().enumerate() {
        let gap = if index == 0 { "" } else { GAP };
        let written = match widths.get(index) {
            Some(&width) if index == 0 => write!(text, "{cell:<width$}"),
            Some(&width) => write!(text, "{gap}{cell:>width$}"),
            None => write!(text, "{gap}{cell}"),
        };
        written.expect("writing to memory does not fail");
    }
    text.truncate(text.trim_end().len());
    text
}

fn widths(header: &[String], rows: &[Vec<String>]) -> Vec<usize> {
    let width = |cell: &String| cell.chars().count();
    let widest = |index: usize| rows.iter().filter_map(|row| row.get(index)).map(width).max().unwrap_or(0);
    header.iter().enumerate().map(|(index, name)| width(name).max(widest(index))).collect()
}

fn grid_width(header: &[String], rows: &[Vec<String>]) -> usize {
    let widths = widths(header, rows);
    widths.iter().sum::<usize>() + GAP.len() * widths.len().saturating_sub(1)
}

fn line(text: &mut String, surface: Surface, style: &str, content: &str) {
    match surface {
        Surface::Terminal { .. } if !style.is_empty() => {
            text.push_str(style);
            text.push_str(content);
            text.push_str(RESET);
        }
        Surface::Plain | Surface::Terminal { .. } => text.push_str(content),
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use dauphin_api::Route;
    use dauphin_model::Day;

    use super::*;

    fn points(columns: Vec<Column>) -> Points {
        Points::daily(Day::parse("2018-06-26").unwrap(), columns)
    }

    #[test]
    fn one_value_a_day() {
        let points = points(vec![Column::integers("mau", vec![998, 1_000_000, 12_345])]);
        let title = ChartTitle::of(Route::Mau, 30, None, "Europe/Paris");
        assert_eq!(
            table(&points, &title, Surface::Plain),
            "\
Monthly active users
all apps · Europe/Paris · 26 Jun to 28 Jun 2018

time              mau
2018-06-26        998
2018-06-27  1,000,000
2018-06-28     12,345

     first    last  min        max
mau    998  12,345  998  1,000,000  ▁█▁
"
        );
    }

    #[test]
    fn several_values_a_day() {
        let points = points(vec![
            Column::integers("dau", vec![5, 10]),
            Column::integers("active", vec![40, 40]),
            Column::ratios("stickiness", vec![0.125, 0.25]),
        ]);
        let title = ChartTitle::of(Route::Stickiness, 30, Some("cargo"), "UTC");
        assert_eq!(
            table(&points, &title, Surface::Plain),
            "\
Stickiness over 30 days
cargo · UTC · 26 Jun to 27 Jun 2018

time        dau  active  stickiness
2018-06-26    5      40       12.5%
2018-06-27   10      40       25.0%

            first   last    min    max
dau             5     10      5     10  ▁█
active         40     40     40     40  ▁▁
stickiness  12.5%  25.0%  12.5%  25.0%  ▁█
"
        );
    }

    #[test]
    fn a_terminal_gets_styles_and_lines_that_fit() {
        let points = points(vec![Column::integers("dau", (0..100).collect())]);
        let title = ChartTitle::of(Route::Dau, 1, None, "UTC");
        for columns in [60, 80, 200] {
            let text = table(&points, &title, Surface::Terminal { columns });
            assert!(text.starts_with("\u{1b}[1mDaily active users\u{1b}[0m\n"));
            let last = text.lines().last().unwrap();
            assert!(last.chars().count() <= columns, "{last}");
            assert!(last.ends_with('█'), "{last}");
        }
        assert!(!table(&points, &title, Surface::Plain).contains('\u{1b}'));
    }

    #[test]
    fn no_days_make_no_summary() {
        let points = points(vec![Column::integers("dau", vec![])]);
        let title = ChartTitle::of(Route::Dau, 1, None, "UTC");
        assert_eq!(table(&points, &title, Surface::Plain), "Daily active users\nall apps · UTC\n\ntime  dau\n");
    }
}
