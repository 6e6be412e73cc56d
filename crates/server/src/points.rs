use std::sync::Arc;

use dauphin_api::{Column, Group, Points, Route, SeriesParameters, Times, Zeros};
use dauphin_core::{Counting, Growth, History, ScopeRows};
use dauphin_engine::Workspace;
use dauphin_model::{AppIndex, AsOf, Cause, Measure, RowKey, Scope};

/// What a series is counted from: for each of its [`keys`] the rows as they are now, or, to look back, in their parts.
pub enum Counted {
    /// All that is known.
    Now(Vec<Arc<ScopeRows>>),
    /// What was known when, and why it changed.
    Recorded(Vec<Arc<History>>),
}

/// Causes that can move a point after its own day: whatever is live was recorded before the day ended.
pub const CAUSES: [Cause; 6] = [Cause::Late, Cause::Link, Cause::Unlink, Cause::Erase, Cause::Exclude, Cause::Import];

/// Whether a series needs [`Counted::Recorded`].
pub fn looks_back(asked: &SeriesParameters) -> bool {
    asked.explain || asked.as_of != AsOf::Now
}

/// The rows that a series is counted from. The overlap compares the workspace's with those of each app, by identifier.
pub fn keys(route: Route, scope: Scope, workspace: &Workspace) -> Vec<RowKey> {
    match route {
        Route::Overlap => {
            let apps = apps(scope, workspace).into_iter().map(|(_, scope)| scope);
            [Scope::Workspace].into_iter().chain(apps).map(RowKey::active).collect()
        }
        route => vec![key(route, scope)],
    }
}

/// The rows that a series of one scope is counted from.
pub const fn key(route: Route, scope: Scope) -> RowKey {
    match route {
        Route::Sessions => Measure::Sessions.of(scope),
        Route::Uninstalls => Measure::Uninstalls.of(scope),
        _ => RowKey::active(scope),
    }
}

/// The apps in question, by identifier.
fn apps(scope: Scope, workspace: &Workspace) -> Vec<(&str, Scope)> {
    let all =
        workspace.apps().iter().zip(0..).filter_map(|(app, index)| Some((app.id.as_str(), AppIndex::new(index)?)));
    let mut apps: Vec<_> = all.map(|(id, index)| (id, Scope::App(index))).collect();
    apps.retain(|(_, app)| scope == Scope::Workspace || *app == scope);
    apps.sort_unstable();
    apps
}

/// The points of a route.
pub fn points(
    route: Route,
    asked: &SeriesParameters,
    scope: Scope,
    workspace: &Workspace,
    counted: &Counted,
) -> Points {
    let series = Series { asked, counted };
    let names = route.columns();
    let mut groups = Vec::new();
    let columns = match route {
        Route::Dau | Route::FrenchDau | Route::Mau | Route::FrenchMau | Route::ActiveUsers | Route::Uninstalls => {
            vec![Column::integers(names[0], series.active(0, asked.window))]
        }
        Route::Sessions => vec![Column::integers(names[0], series.sessions())],
        Route::NewUsers => vec![Column::integers(names[0], series.new_users())],
        Route::Growth => {
            let growth = series.growth();
            let parts: [fn(&Growth) -> i64; 5] =
                [|g| g.active, |g| g.new, |g| g.resurrected, |g| g.retained, |g| g.churned];
            let column = |(name, part): (&&'static str, fn(&Growth) -> i64)| {
                Column::integers(*name, growth.iter().map(part).collect())
            };
            names.iter().zip(parts).map(column).collect()
        }
        Route::Stickiness => {
            let (dau, active) = (series.active(0, 1), series.active(0, asked.window));
            let ratio = |(dau, active): (&i64, &i64)| if *active == 0 { 0.0 } else { *dau as f64 / *active as f64 };
            let stickiness = dau.iter().zip(&active).map(ratio).collect();
            vec![
                Column::integers(names[0], dau),
                Column::integers(names[1], active),
                Column::ratios(names[2], stickiness),
            ]
        }
        Route::Overlap => {
            let mut sum = vec![0; usize::from(asked.length)];
            let mut columns = Vec::new();
            for ((id, _), index) in apps(scope, workspace).into_iter().zip(1..) {
                let active = series.active(index, asked.window);
                sum.iter_mut().zip(&active).for_each(|(sum, active)| *sum += active);
                columns.push(Column::integers(id.to_owned(), active));
            }
            groups.push(Group { name: "apps", columns, zeros: Zeros::Kept });
            vec![Column::integers(names[0], series.active(0, asked.window)), Column::integers(names[1], sum)]
        }
    };
    groups.extend(series.changes(route));
    let times = match &asked.hours {
        None => Times::DaysFrom(asked.first),
        Some(hours) => Times::Hours(hours.iter().map(|hour| workspace.zone.rfc3339(hour.start)).collect()),
    };
    Points { times, columns, groups }
}

/// What is asked, and what it is counted from.
struct Series<'a> {
    asked: &'a SeriesParameters,
    counted: &'a Counted,
}

impl Series<'_> {
    fn active(&self, index: usize, window: u16) -> Vec<i64> {
        let SeriesParameters { first, length, as_of, .. } = *self.asked;
        match self.counted {
            Counted::Now(rows) => rows[index].active(window, first, length),
            Counted::Recorded(histories) => histories[index].count(Counting::Active(window), as_of, first, length),
        }
    }

    fn new_users(&self) -> Vec<i64> {
        let SeriesParameters { first, length, as_of, .. } = *self.asked;
        match self.counted {
            Counted::Now(rows) => rows[0].new_users(first, length),
            Counted::Recorded(histories) => histories[0].count(Counting::New, as_of, first, length),
        }
    }

    fn growth(&self) -> Vec<Growth> {
        let SeriesParameters { first, length, as_of, window, .. } = *self.asked;
        match self.counted {
            Counted::Now(rows) => rows[0].growth(window, first, length),
            Counted::Recorded(histories) => histories[0].growth(window, as_of, first, length),
        }
    }

    fn sessions(&self) -> Vec<i64> {
        match (&self.asked.hours, self.counted) {
            (None, _) => self.active(0, 1),
            (Some(hours), Counted::Now(rows)) => rows[0].by_hour(hours),
            (Some(hours), Counted::Recorded(histories)) => histories[0].by_hour(hours, self.asked.as_of),
        }
    }

    /// How each point moved after its own day. Where a point has several values: how its count of active users did, in
    /// the overlap that of all apps.
    fn changes(&self, route: Route) -> Option<Group> {
        let Counted::Recorded(histories) = self.counted else { return None };
        let SeriesParameters { first, length, as_of, window, .. } = *self.asked;
        let changes = match (&self.asked.hours, route) {
            _ if !self.asked.explain => return None,
            (Some(hours), _) => histories[0].changes_by_hour(hours, as_of),
            (None, Route::NewUsers) => histories[0].changes(Counting::New, as_of, first, length),
            (None, _) => histories[0].changes(Counting::Active(window), as_of, first, length),
        };
        let column = |cause: Cause| {
            let found = changes.iter().find(|(of, _)| *of == cause).map(|(_, values)| values.clone());
            Column::integers(cause.word(), found.unwrap_or_else(|| vec![0; usize::from(length)]))
        };
        Some(Group { name: "changes", columns: CAUSES.map(column).into(), zeros: Zeros::LeftOut })
    }
}
