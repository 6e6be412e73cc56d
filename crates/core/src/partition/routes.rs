use std::collections::BTreeSet;

use dauphin_model::ProfileKey;
use hashbrown::HashTable;

use super::{Departure, Forward, Message, Route, Work};

/// Profiles that belong here by their keys and live elsewhere, and profiles that lived here and left.
#[derive(Default)]
pub struct Routes {
    routes: Table<Route>,
    forwards: Table<Forward>,
}

/// By profile; remembers which were changed.
struct Table<T> {
    entries: HashTable<(ProfileKey, T)>,
    changed: BTreeSet<ProfileKey>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { entries: HashTable::new(), changed: BTreeSet::new() }
    }
}

impl<T: Clone + PartialEq> Table<T> {
    fn get(&self, profile: ProfileKey) -> Option<&T> {
        if self.entries.is_empty() {
            return None;
        }
        self.entries.find(profile.low(), |(key, _)| *key == profile).map(|(_, value)| value)
    }

    fn set(&mut self, profile: ProfileKey, value: Option<T>) {
        if self.get(profile) == value.as_ref() {
            return;
        }
        if let Ok(entry) = self.entries.find_entry(profile.low(), |(key, _)| *key == profile) {
            entry.remove();
        }
        if let Some(value) = value {
            self.entries.insert_unique(profile.low(), (profile, value), |(key, _)| key.low());
        }
        self.changed.insert(profile);
    }

    fn take_changed(&mut self) -> Vec<(ProfileKey, Option<T>)> {
        std::mem::take(&mut self.changed).into_iter().map(|profile| (profile, self.get(profile).cloned())).collect()
    }
}

impl Routes {
    /// Puts back what the store kept.
    pub fn restore_route(&mut self, profile: ProfileKey, route: Route) {
        self.routes.set(profile, Some(route));
        self.routes.changed.clear();
    }

    /// Puts back what the store kept.
    pub fn restore_forward(&mut self, profile: ProfileKey, forward: Forward) {
        self.forwards.set(profile, Some(forward));
        self.forwards.changed.clear();
    }

    /// Everybody lives where they belong.
    pub fn is_empty(&self) -> bool {
        self.routes.entries.is_empty() && self.forwards.entries.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.routes.entries.len() + self.forwards.entries.len()
    }

    /// How many forwards still pass on: none, when nobody is on the way.
    pub fn forward_count(&self) -> usize {
        self.forwards.entries.len()
    }

    /// Bytes of memory held.
    pub fn byte_count(&self) -> usize {
        self.routes.entries.allocation_size() + self.forwards.entries.allocation_size()
    }

    pub(super) fn route(&self, profile: ProfileKey) -> Option<&Route> {
        self.routes.get(profile)
    }

    pub(super) fn forward(&self, profile: ProfileKey) -> Option<Forward> {
        self.forwards.get(profile).copied()
    }

    pub(super) fn set_forward(&mut self, profile: ProfileKey, forward: Option<Forward>) {
        self.forwards.set(profile, forward);
    }

    /// What changed since it was last taken.
    #[expect(clippy::type_complexity, reason = "two lists, named where they go")]
    pub(super) fn take_changed(&mut self) -> (Vec<(ProfileKey, Option<Route>)>, Vec<(ProfileKey, Option<Forward>)>) {
        (self.routes.take_changed(), self.forwards.take_changed())
    }
}

/// How a profile's own partition learns where it lives: departure by departure, in order. Only when the home before has
/// passed on everything that was sent there is the next one taken up.
impl Work<'_> {
    /// A profile leaves this partition.
    pub(super) fn leave(&mut self, profile: ProfileKey, to: u16) {
        let forward = Forward { to, id: self.position };
        if self.is_own(profile) && self.partition.routes.route(profile).is_none() {
            // Nobody else sends anything to it here.
            return self.set_route(profile, Route { home: to, ..self.plain() });
        }
        self.partition.routes.set_forward(profile, Some(forward));
        let departure = Departure { from: self.partition.number, forward };
        self.send_own(profile, Message::Left { profile, departure });
    }

    const fn plain(&self) -> Route {
        Route { home: self.partition.number, settled: false, draining: false, waiting: Vec::new() }
    }

    fn route_of(&self, profile: ProfileKey) -> Route {
        self.partition.routes.route(profile).cloned().unwrap_or_else(|| self.plain())
    }

    fn set_route(&mut self, profile: ProfileKey, route: Route) {
        let plain = self.plain();
        self.partition.routes.routes.set(profile, Some(route).filter(|route| *route != plain));
    }

    pub(super) fn left(&mut self, profile: ProfileKey, departure: Departure) {
        let mut route = self.route_of(profile);
        route.waiting.push(departure);
        self.take_up(profile, route);
    }

    pub(super) fn dropped(&mut self, profile: ProfileKey) {
        let route = self.route_of(profile);
        self.take_up(profile, Route { draining: false, ..route });
    }

    /// Takes up the next departure, unless one is under way.
    fn take_up(&mut self, profile: ProfileKey, mut route: Route) {
        if !route.draining && !route.waiting.is_empty() {
            let Departure { from, forward } = route.waiting.remove(0);
            debug_assert_eq!(from, route.home, "departures come in order");
            route.home = forward.to;
            route.draining = true;
            route.settled &= forward.to != self.partition.number;
            self.send(from, Message::Drop { profile, id: forward.id });
        }
        self.set_route(profile, route);
    }

    /// Nothing more comes this way.
    pub(super) fn drop_forward(&mut self, profile: ProfileKey, id: u64) {
        if self.partition.routes.forward(profile).is_some_and(|forward| forward.id == id) {
            self.partition.routes.set_forward(profile, None);
        }
        self.send_own(profile, Message::Dropped { profile });
    }

    pub(super) fn settled(&mut self, profile: ProfileKey, settled: bool) {
        if let Some(route) = self.partition.routes.route(profile).cloned() {
            self.set_route(profile, Route { settled, ..route });
        }
    }
}
