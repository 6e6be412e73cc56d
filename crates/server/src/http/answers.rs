use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dauphin_api::{Format, Points, Route, Strip};
use dauphin_core::ScopeRows;
use dauphin_model::{Day, Scope, WorkspaceIndex};

/// Points as they were written for answers, so that they are neither counted nor written again while they hold. A point
/// follows from the rows of its day and of days before: a commit that changes rows leaves every point before the first
/// of them as it was.
#[derive(Default)]
pub struct Answers {
    kept: Mutex<BTreeMap<Place, Arc<Answered>>>,
}

/// All that a point depends on, besides its day and the rows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Question {
    pub workspace: WorkspaceIndex,
    pub scope: Scope,
    pub route: Route,
    pub window: u16,
    pub format: Format,
}

/// Where points are kept, by the first of those that are asked for: so a strip is no longer than a stretch and a series.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    question: Question,
    stretch: i32,
}

struct Answered {
    /// Held: so they are not changed in place, and no others come to lie where they are.
    rows: Arc<ScopeRows>,
    strip: Strip,
}

/// Days whose series share a strip.
const STRETCH_DAYS: i32 = 128;
/// Strips kept: of dashboards, not of everything that may be asked. At most 227 points, which are about 10 KB of MAU.
const KEPT_MAX: usize = 256;

impl Answers {
    /// The body with `length` points from `first` on. What is not kept, or does not hold any more, comes from `count`,
    /// which counts as many points from a day on as it is told to: never more than are asked for.
    pub fn body(
        &self,
        question: Question,
        rows: &Arc<ScopeRows>,
        first: Day,
        length: u16,
        count: impl Fn(Day, u16) -> Points,
    ) -> Vec<u8> {
        let place = Place { question, stretch: first.number().div_euclid(STRETCH_DAYS) };
        let kept = self.kept().get(&place).cloned();
        if let Some(kept) = kept.as_ref().filter(|kept| Arc::ptr_eq(&kept.rows, rows))
            && let Some(body) = kept.strip.body(first, length)
        {
            return body;
        }
        let write = |first, length| Strip::of(&count(first, length), question.format, question.route.language());
        let strip = match kept {
            Some(kept) => widened(kept.holding(rows), first, length, write),
            None => write(first, length),
        };
        let body = strip.body(first, length).expect("all of them are in the strip");
        self.keep(place, Answered { rows: Arc::clone(rows), strip });
        body
    }

    fn keep(&self, place: Place, answered: Answered) {
        let mut kept = self.kept();
        if kept.len() >= KEPT_MAX && !kept.contains_key(&place) {
            kept.clear();
        }
        kept.insert(place, Arc::new(answered));
    }

    fn kept(&self) -> MutexGuard<'_, BTreeMap<Place, Arc<Answered>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Answered {
    /// The points that would be the same if they were counted from `rows`.
    fn holding(&self, rows: &ScopeRows) -> Strip {
        let mut strip = self.strip.clone();
        if let Some(day) = rows.first_difference(&self.rows) {
            strip.truncate(usize::try_from(day.since(strip.first())).unwrap_or(0));
        }
        strip
    }
}

/// The strip with `length` points from `first` on; if days would be missing between it and them, they alone.
fn widened(strip: Strip, first: Day, length: u16, write: impl Fn(Day, u16) -> Strip) -> Strip {
    let skipped = first.since(strip.first());
    let strip_length = i32::try_from(strip.len()).unwrap_or(i32::MAX);
    let missing_before = u16::try_from(-skipped).unwrap_or(0);
    let missing_after = u16::try_from(skipped + i32::from(length) - strip_length).unwrap_or(0);
    if missing_before > length || missing_after > length {
        return write(first, length);
    }
    let mut widened = strip;
    if missing_before > 0 {
        let strip = std::mem::replace(&mut widened, write(first, missing_before));
        widened.append(&strip);
    }
    if let Some(day) = first.offset(i32::from(length - missing_after))
        && missing_after > 0
    {
        widened.append(&write(day, missing_after));
    }
    widened
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use dauphin_api::Column;
    use dauphin_core::{Bucket, RowChange, Rows};
    use dauphin_model::limits::SERIES_LENGTH_MAX;
    use dauphin_model::{ActiveDay, Cause, RowKey};

    use super::*;
    use crate::demo::mix;

    /// With it, day 100 begins a stretch.
    const START: i32 = 157 * STRETCH_DAYS - 100;

    fn question(format: Format) -> Question {
        Question { workspace: WorkspaceIndex(0), scope: Scope::Workspace, route: Route::Mau, window: 30, format }
    }

    fn day(index: u16) -> Day {
        Day::new(START + i32::from(index)).unwrap()
    }

    /// One more user on a day whose last day was so many days before.
    fn add(rows: &mut Rows, index: u16, gap: u16) {
        let (day, bucket) = (ActiveDay::new(day(index)).unwrap(), Bucket::new(gap).unwrap());
        rows.add(&[RowChange { key: RowKey::active(Scope::Workspace), day, cause: Cause::Live, bucket, delta: 1 }]);
    }

    /// Everything that is counted by days.
    fn count(rows: &ScopeRows, first: Day, length: u16) -> Points {
        let mut columns: Vec<_> =
            [1, 30, 366].map(|window| Column::integers("active", rows.active(window, first, length))).into();
        columns.push(Column::integers("new", rows.new_users(first, length)));
        for growth in [7, 30].map(|window| rows.growth(window, first, length)) {
            columns.push(Column::integers("churned", growth.iter().map(|growth| growth.churned).collect()));
            columns.push(Column::integers("resurrected", growth.iter().map(|growth| growth.resurrected).collect()));
        }
        Points::daily(first, columns)
    }

    #[test]
    fn an_answer_is_what_would_be_counted_and_written() {
        let (answers, mut rows, mut luck) = (Answers::default(), Rows::default(), 0);
        let mut below = |bound: u16| {
            luck = mix(luck + 1);
            u16::try_from(luck % u64::from(bound)).unwrap()
        };
        for _ in 0..3_000 {
            if below(3) == 0 {
                add(&mut rows, below(400), below(366));
            }
            let format = if below(2) == 0 { Format::Json } else { Format::Csv };
            let (first, length) = (day(below(400)), 1 + below(SERIES_LENGTH_MAX));
            let now = rows.scope(Scope::Workspace);
            let body = answers.body(question(format), &now, first, length, |first, part| {
                assert!(part <= length, "{part} points are counted for {length}");
                count(&now, first, part)
            });
            let mut expected = Vec::new();
            count(&now, first, length).write(format, Route::Mau.language(), &mut expected);
            assert_eq!(String::from_utf8(body), String::from_utf8(expected));
        }
    }

    #[test]
    fn only_what_changed_or_is_new_is_counted() {
        let (answers, mut rows, counted) = (Answers::default(), Rows::default(), Cell::new(0));
        let mut newly_counted = |change: Option<u16>, first, length| {
            if let Some(index) = change {
                add(&mut rows, index, 1);
            }
            let now = rows.scope(Scope::Workspace);
            answers.body(question(Format::Json), &now, day(first), length, |first, length| {
                counted.set(counted.get() + length);
                count(&now, first, length)
            });
            counted.take()
        };
        assert_eq!(newly_counted(Some(90), 100, 60), 60);
        assert_eq!(newly_counted(None, 100, 60), 0);
        assert_eq!(newly_counted(None, 124, 36), 0);
        assert_eq!(newly_counted(None, 104, 60), 4);
        assert_eq!(newly_counted(Some(159), 104, 60), 5);
        assert_eq!(newly_counted(Some(159), 104, 50), 0);
        assert_eq!(newly_counted(Some(114), 100, 60), 46);
        assert_eq!(newly_counted(Some(80), 100, 60), 60);
        // Days between are not counted for nobody.
        assert_eq!(newly_counted(None, 204, 10), 10);
        assert_eq!(newly_counted(None, 194, 15), 10);
        // Another stretch has points of its own.
        assert_eq!(newly_counted(None, 234, 10), 10);
        assert_eq!(newly_counted(None, 194, 20), 0);
    }

    #[test]
    fn no_more_are_kept_than_fit() {
        let (answers, rows) = (Answers::default(), Arc::default());
        for window in 0..=u16::try_from(KEPT_MAX).unwrap() {
            let question = Question { window, ..question(Format::Json) };
            answers.body(question, &rows, day(0), 1, |first, length| count(&rows, first, length));
            assert!(answers.kept().len() <= KEPT_MAX);
        }
        assert_eq!(answers.kept().len(), 1);
    }
}
