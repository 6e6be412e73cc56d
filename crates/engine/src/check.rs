use std::collections::{BTreeMap, BTreeSet};

use dauphin_core::{Calendars, ScopeRows};
use dauphin_model::{ActiveDay, Day, Scope, WorkspaceIndex};

use crate::Restored;

/// The result of counting everything again from the calendars.
#[derive(Debug)]
pub struct CheckReport {
    /// Points compared.
    pub points_checked: u64,
    /// Points that differ.
    pub mismatch_count: u64,
    /// The first of them.
    pub mismatches: Vec<Mismatch>,
}

/// A point that the gap rows and the calendars disagree on.
#[derive(Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// The workspace's name.
    pub workspace: String,
    /// The app's identifier; `None` is all apps.
    pub app_id: Option<String>,
    /// `active_users` with its window, or `new_users`.
    pub metric: &'static str,
    /// The window; 0 for `new_users`.
    pub window: u16,
    /// The day.
    pub day: Day,
    /// What the gap rows answer.
    pub answered: i64,
    /// What the calendars hold.
    pub recounted: i64,
}

/// Windows that are compared: the common ones, and both ends of what the rows can answer.
const WINDOWS: [u16; 10] = [1, 2, 7, 14, 28, 30, 90, 180, 366, 367];
/// Mismatches that are named; the others are only counted.
const NAMED_MAX: usize = 20;

/// The counts of one scope from calendars alone. For a window W a user is counted on every day from an active day to
/// W − 1 days after it: the union of such stretches, as differences from day to day. No gap enters.
struct Recount {
    /// For each window, how the count changes on each day.
    differences: Vec<BTreeMap<i32, i64>>,
    new_users: BTreeMap<i32, i64>,
}

impl Recount {
    fn new() -> Self {
        Self { differences: vec![BTreeMap::new(); WINDOWS.len()], new_users: BTreeMap::new() }
    }

    fn add(&mut self, days: &BTreeSet<i32>) {
        let Some(first) = days.first() else { return };
        *self.new_users.entry(*first).or_default() += 1;
        for (window, differences) in WINDOWS.iter().zip(&mut self.differences) {
            let mut counted_until = i32::MIN;
            for day in days {
                if *day > counted_until {
                    if counted_until != i32::MIN {
                        *differences.entry(counted_until).or_default() -= 1;
                    }
                    *differences.entry(*day).or_default() += 1;
                }
                counted_until = day + i32::from(*window);
            }
            *differences.entry(counted_until).or_default() -= 1;
        }
    }
}

impl Restored {
    /// Recounts every scope of every workspace from its calendars and compares each point with what the gap rows answer.
    /// Sessions and uninstalls are left alone: only counts of them are kept, so there is nothing to count again.
    pub fn check(&self) -> CheckReport {
        let mut report = CheckReport { points_checked: 0, mismatch_count: 0, mismatches: Vec::new() };
        for workspace in self.rows.catalog.workspaces() {
            let rows = &self.rows.rows[workspace.index.0 as usize];
            let recounts = self.recount(workspace.index);
            let app_scopes = workspace.apps().iter().zip(1_u16..).map(|(app, code)| (code, Some(app.id.as_str())));
            for (code, app_id) in std::iter::once((0, None)).chain(app_scopes) {
                let scope = Scope::from_code(code).expect("an app of the catalog");
                let nobody = Recount::new();
                let recount = recounts.get(&scope).unwrap_or(&nobody);
                compare(&rows.scope(scope), recount, &mut |metric, window, day, answered, recounted| {
                    report.points_checked += 1;
                    if answered == recounted {
                        return;
                    }
                    report.mismatch_count += 1;
                    if report.mismatches.len() < NAMED_MAX {
                        report.mismatches.push(Mismatch {
                            workspace: workspace.name.clone(),
                            app_id: app_id.map(str::to_owned),
                            metric,
                            window,
                            day,
                            answered,
                            recounted,
                        });
                    }
                });
            }
        }
        report
    }

    fn recount(&self, workspace: WorkspaceIndex) -> BTreeMap<Scope, Recount> {
        let mut recounts = BTreeMap::new();
        for shard in self.shards.iter().filter(|((of, _), _)| *of == workspace).map(|(_, shard)| shard) {
            for person in shard.people() {
                for (scope, days) in days_by_scope(person) {
                    recounts.entry(scope).or_insert_with(Recount::new).add(&days);
                }
            }
        }
        recounts
    }
}

fn days_by_scope<'a>(calendars: impl Iterator<Item = Calendars<'a>>) -> BTreeMap<Scope, BTreeSet<i32>> {
    let mut scopes = BTreeMap::<Scope, BTreeSet<i32>>::new();
    for track in calendars.flat_map(Calendars::tracks) {
        for scope in track.app.map(Scope::App).into_iter().chain([Scope::Workspace]) {
            scopes.entry(scope).or_default().extend(track.days().map(|day| day.day().number()));
        }
    }
    scopes
}

/// Every day on which either side counts anybody, in every window, up to the end of the widest one.
fn compare(rows: &ScopeRows, recount: &Recount, each: &mut dyn FnMut(&'static str, u16, Day, i64, i64)) {
    let of_rows = rows.days().map(|days| (days.start().day().number(), days.end().day().number()));
    let of_recount = recount.new_users.keys().next().map(|first| {
        let ends = recount.differences[0].keys().next_back();
        (*first, ends.copied().unwrap_or(*first))
    });
    let Some(first) = [of_rows, of_recount].into_iter().flatten().map(|(first, _)| first).min() else { return };
    let last = [of_rows, of_recount].into_iter().flatten().map(|(_, last)| last).max().unwrap_or(first);
    let last = last.min(ActiveDay::from_code(u16::MAX).day().number()) + i32::from(WINDOWS[WINDOWS.len() - 1]);
    let day = |number| Day::new(number).expect("an active day and a window stay in the calendar");
    let mut counted = [0_i64; WINDOWS.len()];
    // In stretches, so that the answers for a long history are not held at once.
    let mut start = first;
    while start <= last {
        let length = u16::try_from((last - start + 1).min(1000)).expect("at most a thousand");
        let answers: Vec<_> = WINDOWS.iter().map(|window| rows.active(*window, day(start), length)).collect();
        let new_users = rows.new_users(day(start), length);
        for offset in 0..usize::from(length) {
            let number = start + i32::try_from(offset).expect("at most a thousand");
            for (index, window) in WINDOWS.iter().enumerate() {
                counted[index] += recount.differences[index].get(&number).copied().unwrap_or(0);
                each("active_users", *window, day(number), answers[index][offset], counted[index]);
            }
            let recounted = recount.new_users.get(&number).copied().unwrap_or(0);
            each("new_users", 0, day(number), new_users[offset], recounted);
        }
        start += i32::from(length);
    }
}
