use std::fmt::Write;
use std::time::Duration;

use serde::Serialize;

use super::BenchOptions;
use super::measure::{Measure, Measures};

/// What was measured, and with what.
#[derive(Serialize)]
pub struct Report {
    version: &'static str,
    processors: usize,
    users: u32,
    days_per_user: u32,
    span_days: u32,
    rows: u64,
    seconds: f64,
    measures: Vec<Measure>,
}

impl Report {
    pub(super) fn new(options: &BenchOptions, rows: u64, elapsed: Duration, Measures(measures): Measures) -> Self {
        let BenchOptions { users, days_per_user, span_days, thread_count, .. } = *options;
        Self {
            version: env!("CARGO_PKG_VERSION"),
            processors: thread_count,
            users,
            days_per_user,
            span_days,
            rows,
            seconds: elapsed.as_secs_f64(),
            measures,
        }
    }

    /// The measures as a table: the median of all runs, the least and the greatest.
    pub fn table(&self) -> String {
        let mut text = format!(
            "dauphin {} · {} processors · {} users, {} rows over {} days · {:.0} s in all\n\n",
            self.version, self.processors, self.users, self.rows, self.span_days, self.seconds
        );
        let header = ["", "median", "min", "max", "runs", "unit"].map(str::to_owned);
        let rows = self.measures.iter().map(|measure| {
            let Measure { name, unit, median, min, max, runs } = measure;
            [name.clone(), shown(*median), shown(*min), shown(*max), runs.to_string(), (*unit).to_owned()]
        });
        let rows: Vec<_> = std::iter::once(header).chain(rows).collect();
        let width = |index: usize| rows.iter().map(|row: &[String; 6]| row[index].chars().count()).max().unwrap_or(0);
        let widths: Vec<_> = (0..6).map(width).collect();
        for [name, numbers @ .., unit] in &rows {
            let mut line = format!("{name:<width$}", width = widths[0]);
            for (number, width) in numbers.iter().zip(&widths[1..]) {
                write!(line, "  {number:>width$}").expect("a string takes any text");
            }
            writeln!(text, "{line}  {unit}").expect("a string takes any text");
        }
        text
    }
}

/// Three digits that matter, and no more than three behind the point.
fn shown(value: f64) -> String {
    let decimals = match value.abs() {
        ..1.0 => 3,
        ..10.0 => 2,
        ..100.0 => 1,
        _ => 0,
    };
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use dauphin_model::Instant;

    use super::*;

    #[test]
    fn a_table_is_aligned() {
        let mut measures = Measures::default();
        measures.add("import", "M rows/s", vec![2.5, 2.25]);
        measures.add("a constant", "requests/s", vec![54_321.0]);
        let options = BenchOptions {
            users: 10,
            days_per_user: 2,
            span_days: 30,
            budget: Duration::ZERO,
            thread_count: 2,
            now: Instant::MIN,
        };
        let table = Report::new(&options, 20, Duration::from_secs(3), measures).table();
        let (_, lines) = table.split_once("\n\n").unwrap();
        assert_eq!(
            lines,
            "            median    min    max  runs  unit
import        2.38   2.25   2.50     2  M rows/s
a constant   54321  54321  54321     1  requests/s
"
        );
    }
}
