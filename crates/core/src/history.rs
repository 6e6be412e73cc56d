use std::collections::BTreeMap;
use std::sync::Arc;

use dauphin_model::{ActiveDay, AsOf, Cause, Day, LocalHour};

use crate::{Bucket, Growth, LedgerRow};

/// The rows of one measure and scope in their parts: what was known when, and why it changed.
///
/// The parts add up to today's rows, and every series is linear in the rows. So a part counts in a point as a row would;
/// leaving parts out gives the point as it stood, and the parts by cause say how it moved. Each bucket of a part counts
/// in a stretch of consecutive points, which is added at both ends: a series takes one pass over the parts.
#[derive(Clone, Default)]
pub struct History {
    rows: BTreeMap<ActiveDay, Arc<LedgerRow>>,
}

/// What a point counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Counting {
    /// Users active in so many days (1 to 367) up to and including the point's; with 1, all that a row counts.
    Active(u16),
    /// The same of the day before.
    ActiveBefore(u16),
    /// Users active on the day and not in the days that many before it.
    Entering(u16),
    /// Users active on the day and never before.
    New,
}

/// A number for each point, by cause.
type ByCause = [Vec<i64>; Cause::ALL.len()];

/// Consecutive days, both ends included; none when the end lies before the start.
#[derive(Clone, Copy)]
struct Stretch {
    from: i32,
    until: i32,
}

/// The points in which what was recorded on a day counts, as days.
type Visible<'a> = dyn Fn(i32) -> Stretch + 'a;

impl Stretch {
    const ALWAYS: Self = Self { from: i32::MIN, until: i32::MAX };
    const NEVER: Self = Self { from: i32::MAX, until: i32::MIN };

    fn and(self, other: Self) -> Self {
        Self { from: self.from.max(other.from), until: self.until.min(other.until) }
    }

    const fn contains(self, day: i32) -> bool {
        self.from <= day && day <= self.until
    }
}

impl Counting {
    /// The points in which a user counts who is active on `day` with a gap of `bucket`.
    fn stretch(self, day: i32, bucket: Bucket) -> Stretch {
        let index = i32::from(bucket.get());
        let on_the_day = |counts: bool| if counts { Stretch { from: day, until: day } } else { Stretch::NEVER };
        match self {
            // While the day is in the window; before it the window also holds the user's day before, which counts then.
            Self::Active(window) => {
                let until = day + i32::from(window) - 1;
                Stretch { from: day.max(until - index), until }
            }
            Self::ActiveBefore(window) => {
                let Stretch { from, until } = Self::Active(window).stretch(day, bucket);
                Stretch { from: from + 1, until: until + 1 }
            }
            Self::Entering(window) => on_the_day(index >= i32::from(window)),
            Self::New => on_the_day(bucket == Bucket::FIRST),
        }
    }

    /// How many days before the first point rows may still count in it.
    fn reach(self) -> i32 {
        match self {
            Self::Active(window) => i32::from(window) - 1,
            Self::ActiveBefore(window) => i32::from(window),
            Self::Entering(_) | Self::New => 0,
        }
    }
}

fn visible(as_of: AsOf) -> impl Fn(i32) -> Stretch {
    move |recorded| match as_of {
        AsOf::Now => Stretch::ALWAYS,
        AsOf::Day(day) if recorded <= day.number() => Stretch::ALWAYS,
        AsOf::Day(_) => Stretch::NEVER,
        AsOf::OwnDay => Stretch { from: recorded, until: i32::MAX },
    }
}

/// Of what is visible, the points whose own day had ended when it was recorded.
fn visible_later(as_of: AsOf) -> impl Fn(i32) -> Stretch {
    let visible = visible(as_of);
    move |recorded| visible(recorded).and(Stretch { from: i32::MIN, until: recorded - 1 })
}

impl History {
    pub(crate) fn row_mut(&mut self, day: ActiveDay) -> &mut LedgerRow {
        Arc::make_mut(self.rows.entry(day).or_default())
    }

    pub(crate) fn row_count(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn row(&self, day: ActiveDay) -> Option<&LedgerRow> {
        self.rows.get(&day).map(Arc::as_ref)
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = (ActiveDay, &LedgerRow)> {
        self.rows.iter().map(|(day, row)| (*day, row.as_ref()))
    }

    /// Each of `length` points from `first` on.
    pub fn count(&self, counting: Counting, as_of: AsOf, first: Day, length: u16) -> Vec<i64> {
        sum(&self.by_cause(counting, first, length, &visible(as_of)), usize::from(length))
    }

    /// How each point moved after its own day had ended, by cause: the point as of `as_of` less the point as of its own
    /// day.
    pub fn changes(&self, counting: Counting, as_of: AsOf, first: Day, length: u16) -> Vec<(Cause, Vec<i64>)> {
        named(self.by_cause(counting, first, length, &visible_later(as_of)))
    }

    /// As [`History::count`], for sessions by hour.
    pub fn by_hour(&self, hours: &[LocalHour], as_of: AsOf) -> Vec<i64> {
        sum(&self.hours_by_cause(hours, &visible(as_of)), hours.len())
    }

    /// As [`History::changes`], for sessions by hour.
    pub fn changes_by_hour(&self, hours: &[LocalHour], as_of: AsOf) -> Vec<(Cause, Vec<i64>)> {
        named(self.hours_by_cause(hours, &visible_later(as_of)))
    }

    /// As [`crate::ScopeRows::growth`]: for each point both its own day and the day before, as known then.
    pub fn growth(&self, window: u16, as_of: AsOf, first: Day, length: u16) -> Vec<Growth> {
        let count = |counting| self.count(counting, as_of, first, length);
        let (active, before) = (count(Counting::Active(window)), count(Counting::ActiveBefore(window)));
        let (entering, new) = (count(Counting::Entering(window)), count(Counting::New));
        (0..usize::from(length))
            .map(|index| Growth {
                active: active[index],
                new: new[index],
                resurrected: entering[index] - new[index],
                retained: active[index] - entering[index],
                churned: before[index] + entering[index] - active[index],
            })
            .collect()
    }

    fn by_cause(&self, counting: Counting, first: Day, length: u16, visible: &Visible<'_>) -> ByCause {
        let count = i32::from(length);
        let points = Stretch { from: first.number(), until: first.number() + count - 1 };
        let place = |day: i32| usize::try_from(day - points.from).expect("a stretch cut to the points");
        let mut sums = ByCause::default();
        for (day, row) in self.rows_between(points.from - counting.reach(), points.until) {
            for (recorded, cause, counts) in row.parts() {
                let seen = visible(recorded.day().number()).and(points);
                // One place more, for the end of a stretch that reaches to the last point.
                let sum = of_cause(&mut sums, cause, usize::from(length) + 1);
                for (bucket, users) in counts {
                    let stretch = counting.stretch(day, *bucket).and(seen);
                    if stretch.from <= stretch.until {
                        sum[place(stretch.from)] += users;
                        sum[place(stretch.until) + 1] -= users;
                    }
                }
            }
        }
        for sum in &mut sums {
            let mut running = 0;
            for value in sum.iter_mut() {
                running += *value;
                *value = running;
            }
            sum.truncate(usize::from(length));
        }
        sums
    }

    fn hours_by_cause(&self, hours: &[LocalHour], visible: &Visible<'_>) -> ByCause {
        let mut sums = ByCause::default();
        for (index, hour) in hours.iter().enumerate() {
            let bucket = Bucket::of_hour(hour.number);
            let row = ActiveDay::new(hour.day).and_then(|day| self.row(day));
            for (recorded, cause, counts) in row.into_iter().flat_map(LedgerRow::parts) {
                if visible(recorded.day().number()).contains(hour.day.number()) {
                    let found = counts.binary_search_by_key(&bucket, |(bucket, _)| *bucket);
                    of_cause(&mut sums, cause, hours.len())[index] += found.map_or(0, |at| counts[at].1);
                }
            }
        }
        sums
    }

    fn rows_between(&self, first: i32, last: i32) -> impl Iterator<Item = (i32, &LedgerRow)> {
        let clamped = |number: i32| {
            let (least, greatest) = (ActiveDay::from_code(0), ActiveDay::from_code(u16::MAX));
            let number = number.clamp(least.day().number(), greatest.day().number());
            Day::new(number).and_then(ActiveDay::new).expect("clamped to where activity can be")
        };
        self.rows.range(clamped(first)..=clamped(last)).map(|(day, row)| (day.day().number(), row.as_ref()))
    }
}

/// The place of a cause's numbers, made when it is met.
fn of_cause(sums: &mut ByCause, cause: Cause, length: usize) -> &mut Vec<i64> {
    let sum = &mut sums[usize::from(cause.code()) - 1];
    sum.resize(length, 0);
    sum
}

fn sum(sums: &ByCause, length: usize) -> Vec<i64> {
    let mut all = vec![0; length];
    for sum in sums {
        all.iter_mut().zip(sum).for_each(|(all, value)| *all += value);
    }
    all
}

fn named(sums: ByCause) -> Vec<(Cause, Vec<i64>)> {
    Cause::ALL.into_iter().zip(sums).filter(|(_, sum)| sum.iter().any(|value| *value != 0)).collect()
}
