//! Active-user counts from sets, nothing clever: shares no code with the crates under test.
#![allow(dead_code, reason = "two test binaries each use a part")]

use std::collections::{BTreeMap, BTreeSet};

/// What happened, in words of plain numbers: user, app (0 = none), day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event {
    Active { user: u64, app: u16, day: i32 },
    Link { user: u64, other: u64 },
}

/// Counted together.
#[derive(Default, Clone)]
pub struct Oracle {
    days: BTreeMap<u64, BTreeSet<(u16, i32)>>,
    people: Vec<BTreeSet<u64>>,
}

impl Oracle {
    pub fn add(&mut self, event: Event) {
        match event {
            Event::Active { user, app, day } => {
                self.person_of(user);
                self.days.entry(user).or_default().insert((app, day));
            }
            Event::Link { user, other } => {
                let (a, b) = (self.person_of(user), self.person_of(other));
                if a != b {
                    let moved = self.people.swap_remove(a.max(b));
                    self.people[a.min(b)].extend(moved);
                }
            }
        }
    }

    /// Adds activity of many users none of whom is linked: each is a person.
    pub fn add_unlinked(&mut self, events: &[Event]) {
        let mut users = BTreeSet::new();
        for event in events {
            let Event::Active { user, app, day } = *event else { panic!("a link among unlinked users") };
            users.insert(user);
            self.days.entry(user).or_default().insert((app, day));
        }
        self.people.extend(users.into_iter().map(|user| BTreeSet::from([user])));
    }

    fn person_of(&mut self, user: u64) -> usize {
        if let Some(index) = self.people.iter().position(|person| person.contains(&user)) {
            return index;
        }
        self.people.push(BTreeSet::from([user]));
        self.people.len() - 1
    }

    /// The active days of each person; `scope` is an app, or 0 for all of them together.
    pub fn calendars(&self, scope: u16) -> Vec<BTreeSet<i32>> {
        let of_user = |user: &u64| self.days.get(user).into_iter().flatten().copied();
        let of_person = |person: &BTreeSet<u64>| {
            person.iter().flat_map(of_user).filter(|(app, _)| scope == 0 || *app == scope).map(|(_, day)| day).collect()
        };
        self.people.iter().map(of_person).filter(|days: &BTreeSet<i32>| !days.is_empty()).collect()
    }
}

fn counted(days: &BTreeSet<i32>, window: i32, day: i32) -> bool {
    days.range(day - window + 1..=day).next().is_some()
}

pub fn active(calendars: &[BTreeSet<i32>], window: i32, day: i32) -> i64 {
    calendars.iter().map(|days| i64::from(counted(days, window, day))).sum()
}

/// New, resurrected, retained, churned.
pub fn growth(calendars: &[BTreeSet<i32>], window: i32, day: i32) -> [i64; 4] {
    let mut sums = [0; 4];
    for days in calendars {
        let (today, yesterday) = (counted(days, window, day), counted(days, window, day - 1));
        let new = days.first() == Some(&day);
        let class = match (today, yesterday) {
            (true, _) if new => 0,
            (true, false) => 1,
            (true, true) => 2,
            (false, true) => 3,
            (false, false) => continue,
        };
        sums[class] += 1;
    }
    sums
}
