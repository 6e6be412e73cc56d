use std::sync::Arc;

use dauphin_model::limits::WINDOW_DAYS_MAX;
use dauphin_model::{ActiveDay, Day, LocalHour, Measure, RowKey, Scope};

use crate::{Bucket, GapRow, RowChange};

/// Today's rows of every measure and scope of a workspace. Cloning shares them; adding changes copies only the rows it touches,
/// so a reader's clone never moves.
#[derive(Clone, Default)]
pub struct Rows {
    /// By measure, then by scope: a workspace without sessions has no places for them.
    scopes: [Vec<Arc<ScopeRows>>; Measure::ALL.len()],
}

/// Today's rows of one scope and measure.
///
/// Each user counted in a window has exactly one day that is their first inside it, and on that day the gap reaches
/// beyond the window's start. So the number of users active on at least one of the days `s..=t` is the sum over `d` in
/// `s..=t` of the users of `row[d]` with a gap greater than `d − s`.
#[derive(Clone, Default)]
pub struct ScopeRows {
    first: u16,
    rows: Vec<Option<Arc<GapRow>>>,
}

/// How one day's active users in a window relate to the day before's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Growth {
    /// Counted today.
    pub active: i64,
    /// First activity ever today.
    pub new: i64,
    /// Counted today, not yesterday, and not new.
    pub resurrected: i64,
    /// Counted on both days.
    pub retained: i64,
    /// Counted yesterday, not today.
    pub churned: i64,
}

impl Rows {
    /// The gap rows of `scope`; a scope without activity has none.
    pub fn scope(&self, scope: Scope) -> Arc<ScopeRows> {
        self.of(RowKey::active(scope))
    }

    /// The rows of a measure and scope.
    pub fn of(&self, key: RowKey) -> Arc<ScopeRows> {
        let scopes = &self.scopes[usize::from(key.measure.number())];
        scopes.get(usize::from(key.scope.code())).cloned().unwrap_or_default()
    }

    /// Adds `changes`; those of one key and day follow each other.
    pub fn add(&mut self, changes: &[RowChange]) {
        for of_scope in changes.chunk_by(|a, b| a.key == b.key) {
            let RowKey { measure, scope } = of_scope[0].key;
            let (scopes, scope) = (&mut self.scopes[usize::from(measure.number())], usize::from(scope.code()));
            if scopes.len() <= scope {
                scopes.resize_with(scope + 1, Arc::default);
            }
            let rows = Arc::make_mut(&mut scopes[scope]);
            for of_day in of_scope.chunk_by(|a, b| a.day == b.day) {
                let row = rows.slot(of_day[0].day);
                let before = row.as_deref().unwrap_or(&GapRow::EMPTY);
                let after = before.plus(of_day.iter().map(|change| (change.bucket, change.delta)));
                *row = (after != GapRow::EMPTY).then(|| Arc::new(after));
            }
        }
    }

    /// Bytes of memory the rows take.
    pub fn byte_count(&self) -> usize {
        let scope = |rows: &Arc<ScopeRows>| {
            rows.rows.capacity() * size_of::<usize>() + rows.rows.iter().flatten().count() * size_of::<GapRow>()
        };
        self.scopes.iter().flatten().map(scope).sum()
    }
}

impl ScopeRows {
    fn slot(&mut self, day: ActiveDay) -> &mut Option<Arc<GapRow>> {
        let code = day.code();
        if self.rows.is_empty() {
            self.first = code;
        }
        if code < self.first {
            let missing = usize::from(self.first - code);
            self.rows.splice(0..0, std::iter::repeat_n(None, missing));
            self.first = code;
        }
        let index = usize::from(code - self.first);
        if self.rows.len() <= index {
            self.rows.resize(index + 1, None);
        }
        &mut self.rows[index]
    }

    fn row(&self, day: Day) -> &GapRow {
        static EMPTY: GapRow = GapRow::EMPTY;
        ActiveDay::new(day)
            .and_then(|day| day.code().checked_sub(self.first))
            .and_then(|index| self.rows.get(usize::from(index)))
            .and_then(|row| row.as_deref())
            .unwrap_or(&EMPTY)
    }

    /// The days from the first to the last with activity.
    pub fn days(&self) -> Option<std::ops::RangeInclusive<ActiveDay>> {
        let last = self.first + u16::try_from(self.rows.len().checked_sub(1)?).expect("days are two bytes");
        Some(ActiveDay::from_code(self.first)..=ActiveDay::from_code(last))
    }

    /// The first day whose row is not the same one as in `other`: whatever is counted from days before is the same of
    /// both. Rows are told apart by where they are: what changes moves, and a copy may count as a change.
    pub fn first_difference(&self, other: &Self) -> Option<Day> {
        if self.first != other.first {
            return Some(ActiveDay::from_code(self.first.min(other.first)).day());
        }
        let place = |rows: &Self, index| rows.rows.get(index).and_then(Option::as_ref).map(Arc::as_ptr);
        let length = self.rows.len().max(other.rows.len());
        let index = (0..length).find(|index| place(self, *index) != place(other, *index))?;
        let code = self.first + u16::try_from(index).expect("days are two bytes");
        Some(ActiveDay::from_code(code).day())
    }

    /// Users active in the `window` days (1 to 367) ending on each of `length` days from `first`.
    pub fn active(&self, window: u16, first: Day, length: u16) -> Vec<i64> {
        debug_assert!((1..=WINDOW_DAYS_MAX + 1).contains(&window), "distinct counts reach 367 days");
        let (width, length) = (usize::from(window), usize::from(length));
        let origin = ActiveDay::from_code(self.first).day();
        let first_row = first.since(origin) - (i32::from(window) - 1);
        // Row by row, points from the last to the first: so the sums of a row and the points in which they count lie in
        // the same order, side by side.
        let mut points = vec![0_i64; length];
        for (row, index) in (first_row..).zip(0..width - 1 + length) {
            let row = usize::try_from(row).ok().and_then(|row| self.rows.get(row)?.as_deref());
            let Some(row) = row else { continue };
            let in_points = &mut points[length.saturating_sub(index + 1)..];
            let sums = row.above_each((index + 1).saturating_sub(length)..width.min(index + 1));
            in_points.iter_mut().zip(sums).for_each(|(point, sum)| *point += i64::from(*sum));
        }
        points.reverse();
        points
    }

    /// Users whose first activity ever is on each of `length` days from `first`.
    pub fn new_users(&self, first: Day, length: u16) -> Vec<i64> {
        (0..i32::from(length)).map(|index| i64::from(self.row_offset(first, index).first())).collect()
    }

    /// Sessions that began in each of `hours`.
    pub fn by_hour(&self, hours: &[LocalHour]) -> Vec<i64> {
        hours.iter().map(|hour| i64::from(self.row(hour.day).in_bucket(Bucket::of_hour(hour.number)))).collect()
    }

    /// Growth of the users active in a `window` of 1 to 366 days, on each of `length` days from `first`.
    pub fn growth(&self, window: u16, first: Day, length: u16) -> Vec<Growth> {
        debug_assert!((1..=WINDOW_DAYS_MAX).contains(&window), "growth reaches 366 days");
        let before = first.offset(-1).unwrap_or(first);
        let active = self.active(window, before, length + 1);
        active
            .windows(2)
            .zip(0..)
            .map(|(pair, index)| {
                let row = self.row_offset(first, index);
                let entering = i64::from(row.above(usize::from(window)));
                let new = i64::from(row.first());
                Growth {
                    active: pair[1],
                    new,
                    resurrected: entering - new,
                    retained: pair[1] - entering,
                    churned: pair[0] + entering - pair[1],
                }
            })
            .collect()
    }

    fn row_offset(&self, first: Day, days: i32) -> &GapRow {
        first.offset(days).map_or_else(|| self.row(Day::MIN), |day| self.row(day))
    }
}

#[cfg(test)]
mod tests {
    use dauphin_model::Cause;

    use super::*;

    #[test]
    fn rows_differ_from_the_first_day_that_changed() {
        let mut rows = Rows::default();
        let mut after = |code: u16, delta: i64| {
            let before = rows.scope(Scope::Workspace);
            let (key, day) = (RowKey::active(Scope::Workspace), ActiveDay::from_code(code));
            rows.add(&[RowChange { key, day, cause: Cause::Live, bucket: Bucket::FIRST, delta }]);
            let after = rows.scope(Scope::Workspace);
            assert_eq!(after.first_difference(&before), before.first_difference(&after));
            assert_eq!(after.first_difference(&after), None);
            after.first_difference(&before).map(|day| ActiveDay::new(day).unwrap().code())
        };
        // Before anything there is no day to begin with.
        assert_eq!(after(100, 1), Some(0));
        for code in [100, 104, 102, 104, 103, 110, u16::MAX, 99, 101, 3, u16::MAX] {
            assert_eq!(after(code, 1), Some(code));
        }
        assert_eq!(after(104, -2), Some(104));
    }
}
