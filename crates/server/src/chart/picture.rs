use dauphin_api::{Column, Points, Values};
use plotters::prelude::{DrawingAreaErrorKind, DrawingBackend, RGBColor, WHITE};

use super::axis::{Unit, ValueAxis};
use super::curve::smooth;
use super::number::{as_coordinates, shown, signed};
use super::paper::{BLUE, GREEN, INK, INK_SOFT, Lettering, Paper, RED, RULE, RULE_STRONG, SIZE, SKY, Side, Weight};
use super::{ChartTitle, date};

const MARGIN: f64 = 48.0;
const PLOT_BOTTOM: f64 = SIZE.1 - 68.0;
/// Most points that get a dot each, and most that get their value written.
const DOTS_MAX: usize = 45;
const VALUES_MAX: usize = 10;

const TITLE: Lettering = Lettering { em: 31.0, weight: Weight::Bold, color: INK };
const HEADLINE: Lettering = Lettering { em: 36.0, weight: Weight::Bold, color: INK };
const SUBTITLE: Lettering = Lettering { em: 18.0, weight: Weight::Regular, color: INK_SOFT };
const LABEL: Lettering = Lettering { em: 16.0, weight: Weight::Regular, color: INK_SOFT };
const VALUE: Lettering = Lettering { em: 16.0, weight: Weight::Bold, color: INK };

type Drawn<B> = Result<(), DrawingAreaErrorKind<<B as DrawingBackend>::ErrorType>>;

/// What is drawn of a series.
enum Picture<'a> {
    /// One value a day, as an area below a line.
    Area(&'a Column),
    /// Who came above zero, who left below, and the balance.
    Growth { new: &'a [i64], resurrected: &'a [i64], churned: &'a [i64] },
    /// There is nothing to draw.
    Empty,
}

impl<'a> Picture<'a> {
    /// A share says more than the two counts it is made of; flows say more than the stock they move.
    fn of(points: &'a Points) -> Self {
        let integers = |name: &str| {
            points.columns.iter().find(|column| column.name == name).and_then(|column| match &column.values {
                Values::Integers(values) => Some(values.as_slice()),
                Values::Ratios(_) => None,
            })
        };
        if points.is_empty() {
            return Self::Empty;
        }
        if let (Some(new), Some(resurrected), Some(churned)) =
            (integers("new"), integers("resurrected"), integers("churned"))
        {
            return Self::Growth { new, resurrected, churned };
        }
        let ratio = points.columns.iter().find(|column| matches!(column.values, Values::Ratios(_)));
        ratio.or(points.columns.first()).map_or(Self::Empty, Self::Area)
    }
}

/// The part of the paper where values are drawn, and the scale they are drawn to.
struct Plot {
    left: f64,
    right: f64,
    top: f64,
    axis: ValueAxis,
    count: usize,
}

impl Plot {
    /// The middle of a day's slot, for a day counted from the first.
    fn x(&self, day: f64) -> f64 {
        self.left + (day + 0.5) * self.slot()
    }

    fn y(&self, value: f64) -> f64 {
        let (low, high) = (self.axis.low(), self.axis.high());
        PLOT_BOTTOM - (value - low) / (high - low) * (PLOT_BOTTOM - self.top)
    }

    fn slot(&self) -> f64 {
        (self.right - self.left) / self.count as f64
    }
}

/// Draws the whole chart.
pub(super) fn draw<B: DrawingBackend>(paper: &Paper<B>, points: &Points, title: &ChartTitle) -> Drawn<B> {
    match Picture::of(points) {
        Picture::Empty => heading(paper, title, "no days", None),
        Picture::Area(column) => area(paper, points, title, column),
        Picture::Growth { new, resurrected, churned } => growth(paper, points, title, [new, resurrected, churned]),
    }?;
    paper.present()
}

fn area<B: DrawingBackend>(paper: &Paper<B>, points: &Points, title: &ChartTitle, column: &Column) -> Drawn<B> {
    let count = points.len();
    let days = date::range(points.first_day(), last_day(points));
    let latest = shown(&column.values, count - 1);
    let caption = if count == 1 { days.clone() } else { format!("on {}", date::long(last_day(points))) };
    heading(paper, title, &days, Some((&latest, &caption)))?;

    let unit = match column.values {
        Values::Integers(_) => Unit::Count,
        Values::Ratios(_) => Unit::Ratio,
    };
    let values = as_coordinates(&column.values);
    let plot = frame(paper, points, 136.0, unit, &values)?;
    let label = |index: usize| (count <= VALUES_MAX).then(|| shown(&column.values, index));
    if let [value] = values[..] {
        return single(paper, &plot, value, &label(0).unwrap_or_default());
    }

    // As many parts as keep a part some units long: finer ones are lost between the steps of the grid.
    let parts = (1..=24).rev().find(|&parts| plot.slot() / f64::from(parts) >= 2.0).unwrap_or(1);
    let line: Vec<(f64, f64)> = smooth(&values, parts).into_iter().map(|(x, y)| (plot.x(x), plot.y(y))).collect();
    let mut below = line.clone();
    below.extend([(plot.x((count - 1) as f64), plot.y(0.0)), (plot.x(0.0), plot.y(0.0))]);
    paper.polygon(below, BLUE, 0.12)?;
    paper.line(line, 3.0, BLUE)?;
    for (index, &value) in values.iter().enumerate() {
        let place = (plot.x(index as f64), plot.y(value));
        if index + 1 == count {
            paper.disc(place, 6.0, BLUE)?;
        } else if count <= DOTS_MAX {
            paper.disc(place, 4.0, BLUE)?;
        }
        if let Some(label) = label(index) {
            paper.text(&label, (place.0, place.1 - 15.0), Side::Middle, VALUE)?;
        }
    }
    Ok(())
}

/// One day has no course to follow: a bar with its value.
fn single<B: DrawingBackend>(paper: &Paper<B>, plot: &Plot, value: f64, label: &str) -> Drawn<B> {
    let (x, top) = (plot.x(0.0), plot.y(value));
    paper.rectangle([(x - 60.0, top), (x + 60.0, plot.y(0.0))], BLUE)?;
    paper.text(label, (x, top - 12.0), Side::Middle, VALUE)
}

fn growth<B: DrawingBackend>(
    paper: &Paper<B>,
    points: &Points,
    title: &ChartTitle,
    [new, resurrected, churned]: [&[i64]; 3],
) -> Drawn<B> {
    let net: Vec<i64> = (0..points.len()).map(|day| new[day] + resurrected[day] - churned[day]).collect();
    let days = date::range(points.first_day(), last_day(points));
    let balance = signed(net.iter().sum());
    let caption = if points.len() == 1 { "net change on the day" } else { "net change over these days" };
    heading(paper, title, &days, Some((&balance, caption)))?;
    legend(paper, &[("new", GREEN), ("resurrected", SKY), ("churned", RED), ("net", INK)])?;

    let came = (0..points.len()).map(|day| (new[day] + resurrected[day]) as f64);
    let left = churned.iter().map(|&value| -(value as f64));
    let plot = frame(paper, points, 166.0, Unit::Count, &came.chain(left).collect::<Vec<_>>())?;
    let half = (plot.slot() * 0.36).min(40.0);
    for day in 0..points.len() {
        let x = plot.x(day as f64);
        let bar = |from: i64, to: i64, color: RGBColor| {
            let corners = [(x - half, plot.y(to as f64)), (x + half, plot.y(from as f64))];
            if from == to { Ok(()) } else { paper.rectangle(corners, color) }
        };
        bar(0, new[day], GREEN)?;
        bar(new[day], new[day] + resurrected[day], SKY)?;
        bar(-churned[day], 0, RED)?;
    }
    zero_line(paper, &plot)?;
    let line: Vec<(f64, f64)> =
        net.iter().enumerate().map(|(day, &value)| (plot.x(day as f64), plot.y(value as f64))).collect();
    if line.len() > 1 {
        paper.line(line.clone(), 5.0, WHITE)?;
        paper.line(line.clone(), 2.25, INK)?;
    }
    let dots = if line.len() <= DOTS_MAX { line.len() } else { 0 };
    for &place in &line[..dots] {
        paper.disc(place, 5.5, WHITE)?;
        paper.disc(place, 4.0, INK)?;
    }
    Ok(())
}

/// Title and subtitle to the left; to the right the one number to remember.
fn heading<B: DrawingBackend>(
    paper: &Paper<B>,
    title: &ChartTitle,
    days: &str,
    headline: Option<(&str, &str)>,
) -> Drawn<B> {
    let mut room = SIZE.0 - 2.0 * MARGIN;
    if let Some((number, caption)) = headline {
        paper.text(number, (SIZE.0 - MARGIN, 68.0), Side::Left, HEADLINE)?;
        paper.text(caption, (SIZE.0 - MARGIN, 98.0), Side::Left, SUBTITLE)?;
        room -= paper.text_width(number, HEADLINE)?.max(paper.text_width(caption, SUBTITLE)?) + MARGIN;
    }
    paper.text(&fitting(paper, &title.metric, TITLE, room)?, (MARGIN, 66.0), Side::Right, TITLE)?;
    // The days and the zone are said in full; a long app identifier gives way.
    let rest = format!(" · {} · {days}", title.zone);
    let room = room - paper.text_width(&rest, SUBTITLE)?;
    let scope = fitting(paper, &title.scope, SUBTITLE, room)?;
    paper.text(&format!("{scope}{rest}"), (MARGIN, 98.0), Side::Right, SUBTITLE)
}

/// As much of the text as has room, with `…` where it is cut.
fn fitting<B: DrawingBackend>(
    paper: &Paper<B>,
    text: &str,
    look: Lettering,
    room: f64,
) -> Result<String, DrawingAreaErrorKind<B::ErrorType>> {
    let mut fitting = text.to_owned();
    while !fitting.is_empty() && paper.text_width(&fitting, look)? > room {
        fitting = fitting.trim_end_matches('…').to_owned();
        fitting.pop();
        fitting.push('…');
        if fitting == "…" {
            break;
        }
    }
    Ok(fitting)
}

fn legend<B: DrawingBackend>(paper: &Paper<B>, entries: &[(&str, RGBColor)]) -> Drawn<B> {
    let (mut x, baseline) = (MARGIN, 136.0);
    for &(name, color) in entries {
        paper.rectangle([(x, baseline - 12.0), (x + 14.0, baseline + 2.0)], color)?;
        paper.text(name, (x + 22.0, baseline), Side::Right, LABEL)?;
        x += 22.0 + paper.text_width(name, LABEL)? * 1.1 + 28.0;
    }
    Ok(())
}

/// Both axes with their rules and labels.
fn frame<B: DrawingBackend>(
    paper: &Paper<B>,
    points: &Points,
    top: f64,
    unit: Unit,
    values: &[f64],
) -> Result<Plot, DrawingAreaErrorKind<B::ErrorType>> {
    let least = values.iter().copied().fold(0.0, f64::min);
    let greatest = values.iter().copied().fold(0.0, f64::max);
    let axis = ValueAxis::spanning(unit, least, greatest);
    let mut label_width = 0.0_f64;
    for (_, label) in axis.marks() {
        // A tenth more, for fonts wider than the one measured.
        label_width = label_width.max(paper.text_width(&label, LABEL)? * 1.1);
    }
    let plot = Plot { left: MARGIN + label_width + 14.0, right: SIZE.0 - MARGIN, top, axis, count: points.len() };
    for (value, label) in plot.axis.marks() {
        let y = plot.y(value);
        paper.line(vec![(plot.left, y), (plot.right, y)], 1.0, RULE)?;
        paper.text(&label, (plot.left - 14.0, y + 5.5), Side::Left, LABEL)?;
    }
    for mark in date::marks(points.first_day(), points.len()) {
        let x = plot.x(mark.index as f64);
        paper.line(vec![(x, PLOT_BOTTOM), (x, PLOT_BOTTOM + 6.0)], 1.0, RULE_STRONG)?;
        paper.text(&mark.label, (x, PLOT_BOTTOM + 26.0), Side::Middle, LABEL)?;
        if let Some(year) = mark.year {
            paper.text(&year, (x, PLOT_BOTTOM + 47.0), Side::Middle, LABEL)?;
        }
    }
    paper.line(vec![(plot.left, PLOT_BOTTOM), (plot.right, PLOT_BOTTOM)], 1.0, RULE_STRONG)?;
    Ok(plot)
}

fn zero_line<B: DrawingBackend>(paper: &Paper<B>, plot: &Plot) -> Drawn<B> {
    paper.line(vec![(plot.left, plot.y(0.0)), (plot.right, plot.y(0.0))], 1.25, RULE_STRONG)
}

fn last_day(points: &Points) -> dauphin_model::Day {
    let days = i32::try_from(points.len()).unwrap_or(i32::MAX) - 1;
    points.first_day().offset(days).unwrap_or(dauphin_model::Day::MAX)
}
