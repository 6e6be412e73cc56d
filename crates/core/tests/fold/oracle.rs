//! Active-user counts from sets, nothing clever: shares no code with the crates under test.
#![allow(dead_code, reason = "two test binaries each use a part")]

use std::collections::{BTreeMap, BTreeSet};

/// What happened, in words of plain numbers: user, app (0 = none), day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event {
    Active { user: u64, app: u16, day: i32 },
    Known { user: u64 },
    Link { user: u64, other: u64 },
    Claim { user: u64, other: u64 },
    Unlink { user: u64 },
    Erase { user: u64 },
    Exclude { user: u64 },
    Include { user: u64 },
    Rename { user: u64, other: u64 },
    Replace { user: u64, other: u64 },
    Remove { user: u64 },
}

/// Counted together.
#[derive(Default, Clone, Debug)]
struct Person {
    users: BTreeSet<u64>,
    excluded: bool,
}

/// How many users a person is, whether excluded, and on which days active in which app.
pub type View = (usize, bool, BTreeSet<(u16, i32)>);

#[derive(Clone)]
pub struct Oracle {
    days: BTreeMap<u64, BTreeSet<(u16, i32)>>,
    /// By a number, so that a person is found fast.
    people: BTreeMap<usize, Person>,
    number_of: BTreeMap<u64, usize>,
    next_number: usize,
    out_of_use: BTreeSet<u64>,
    taken_out: BTreeSet<u64>,
    /// Who inherits of several: the least by this.
    order: fn(u64) -> u128,
}

impl Oracle {
    pub fn new(order: fn(u64) -> u128) -> Self {
        let none = BTreeSet::new();
        Self {
            days: BTreeMap::new(),
            people: BTreeMap::new(),
            number_of: BTreeMap::new(),
            next_number: 0,
            out_of_use: none.clone(),
            taken_out: none,
            order,
        }
    }

    pub fn add(&mut self, event: Event) {
        match event {
            Event::Active { user, app, day } => {
                self.person_of(user);
                self.days.entry(user).or_default().insert((app, day));
            }
            Event::Known { user } => {
                self.person_of(user);
            }
            Event::Link { user, other } => self.link(user, other),
            Event::Claim { user, other } => {
                let settled = |person: usize| self.people[&person].users.len() > 1 || self.taken_out.contains(&user);
                if !self.find(user).is_some_and(settled) {
                    self.link(user, other);
                }
            }
            Event::Unlink { user } => self.unlink(user),
            Event::Erase { user } => {
                if let Some(person) = self.find(user) {
                    for user in self.people.remove(&person).unwrap().users {
                        self.forget(user);
                    }
                }
            }
            Event::Exclude { user } => {
                let person = self.person_of(user);
                self.person(person).excluded = true;
            }
            Event::Include { user } => {
                if let Some(person) = self.find(user) {
                    self.person(person).excluded = false;
                }
            }
            Event::Rename { user, other } => {
                if let Some(person) = self.nameable(user, other) {
                    self.put(other, person);
                    if self.taken_out.contains(&user) {
                        self.taken_out.insert(other);
                    }
                    self.out_of_use.insert(user);
                }
            }
            Event::Replace { user, other } => {
                if let Some(person) = self.nameable(user, other) {
                    self.put(other, person);
                    self.person(person).users.remove(&user);
                    let days = self.days.remove(&user).unwrap_or_default();
                    self.days.insert(other, days);
                    if self.taken_out.contains(&user) {
                        self.taken_out.insert(other);
                    }
                    self.forget(user);
                }
            }
            Event::Remove { user } => self.remove(user),
        }
    }

    fn link(&mut self, user: u64, other: u64) {
        if user == other {
            return;
        }
        let (from, into) = (self.person_of(user), self.person_of(other));
        if from != into {
            let moved = self.people.remove(&from).unwrap();
            moved.users.into_iter().for_each(|user| self.put(user, into));
            self.person(into).excluded |= moved.excluded;
            self.taken_out.remove(&user);
        }
    }

    fn person(&mut self, number: usize) -> &mut Person {
        self.people.get_mut(&number).unwrap()
    }

    fn put(&mut self, user: u64, number: usize) {
        self.people.entry(number).or_default().users.insert(user);
        self.number_of.insert(user, number);
    }

    fn add_person(&mut self, user: u64) -> usize {
        self.next_number += 1;
        self.put(user, self.next_number);
        self.next_number
    }

    fn unlink(&mut self, user: u64) {
        let Some(person) = self.find(user) else { return };
        if self.people[&person].users.len() > 1 {
            self.person(person).users.remove(&user);
            let excluded = self.people[&person].excluded;
            let alone = self.add_person(user);
            self.person(alone).excluded = excluded;
            self.taken_out.insert(user);
            self.out_of_use.remove(&user);
        }
    }

    /// The person of `user`, if `other` can be a new name of it.
    fn nameable(&self, user: u64, other: u64) -> Option<usize> {
        self.find(user).filter(|_| !self.out_of_use.contains(&user) && self.find(other).is_none())
    }

    fn remove(&mut self, user: u64) {
        let Some(person) = self.find(user) else { return };
        let in_use = |other: &u64| !self.out_of_use.contains(other);
        let heir = self.people[&person].users.iter().copied().filter(in_use).min_by_key(|other| (self.order)(*other));
        if let (false, Some(heir)) = (in_use(&user), heir) {
            let days = self.days.remove(&user).unwrap_or_default();
            self.days.entry(heir).or_default().extend(days);
            self.person(person).users.remove(&user);
            self.forget(user);
        }
    }

    fn forget(&mut self, user: u64) {
        self.days.remove(&user);
        self.number_of.remove(&user);
        self.out_of_use.remove(&user);
        self.taken_out.remove(&user);
    }

    fn find(&self, user: u64) -> Option<usize> {
        self.number_of.get(&user).copied()
    }

    fn person_of(&mut self, user: u64) -> usize {
        self.find(user).unwrap_or_else(|| self.add_person(user))
    }

    /// What is known of the person of this user.
    pub fn view(&self, user: u64) -> Option<View> {
        let person = &self.people[&self.find(user)?];
        let days = person.users.iter().flat_map(|user| self.days.get(user).into_iter().flatten().copied()).collect();
        Some((person.users.len(), person.excluded, days))
    }

    /// The active days of each person who is counted; `scope` is an app, or 0 for all of them together.
    pub fn calendars(&self, scope: u16) -> Vec<BTreeSet<i32>> {
        let of_user = |user: &u64| self.days.get(user).into_iter().flatten().copied();
        let of_person = |person: &Person| {
            person
                .users
                .iter()
                .flat_map(of_user)
                .filter(|(app, _)| scope == 0 || *app == scope)
                .map(|(_, day)| day)
                .collect()
        };
        self.people
            .values()
            .filter(|person| !person.excluded)
            .map(of_person)
            .filter(|days: &BTreeSet<i32>| !days.is_empty())
            .collect()
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
