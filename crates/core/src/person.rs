use std::collections::{BTreeMap, BTreeSet};

use dauphin_model::{ActiveDay, AppIndex, Cause, Scope};

use crate::calendar::Calendars;
use crate::row::RowChanges;

/// Number of a profile in its shard, in order of arrival.
pub type ProfileIndex = u32;

/// Which profiles are one person. Most persons have one profile and cost nothing here.
#[derive(Default)]
pub struct Persons {
    /// The members of each person with more than one profile, by the smallest member.
    members: BTreeMap<ProfileIndex, Vec<ProfileIndex>>,
    /// The smallest member, of each profile that is linked.
    root: BTreeMap<ProfileIndex, ProfileIndex>,
}

impl Persons {
    /// The profiles of the person whose profile this is, smallest first; a slice of its own for a single profile.
    pub fn profiles_of<'a>(&'a self, profile: &'a ProfileIndex) -> &'a [ProfileIndex] {
        // The common shard has no links at all.
        if self.root.is_empty() {
            return std::slice::from_ref(profile);
        }
        self.root.get(profile).map_or(std::slice::from_ref(profile), |root| self.members[root].as_slice())
    }

    /// The smallest profile of the person.
    pub fn root_of(&self, profile: ProfileIndex) -> ProfileIndex {
        self.root.get(&profile).copied().unwrap_or(profile)
    }

    /// Makes one person of two. Nothing changes if they are one already.
    pub fn join(&mut self, a: ProfileIndex, b: ProfileIndex) {
        let mut profiles = [self.profiles_of(&a), self.profiles_of(&b)].concat();
        profiles.sort_unstable();
        profiles.dedup();
        if profiles.len() < 2 {
            return;
        }
        for profile in &profiles {
            self.members.remove(profile);
            self.root.insert(*profile, profiles[0]);
        }
        self.members.insert(profiles[0], profiles);
    }
}

/// Notes the whole contribution of a person to the rows, as if every active day were inserted (`sign` +1) or taken
/// back (−1): "subtract the old, add the new" needs nothing else.
pub fn note_contribution<'a>(
    calendars: impl Iterator<Item = Calendars<'a>>,
    cause: Cause,
    sign: i8,
    rows: &mut RowChanges,
) {
    let mut scopes = BTreeMap::<Scope, BTreeSet<ActiveDay>>::new();
    for track in calendars.flat_map(Calendars::tracks) {
        let app = track.app.map(|app: AppIndex| Scope::App(app));
        for scope in app.into_iter().chain([Scope::Workspace]) {
            scopes.entry(scope).or_default().extend(track.days());
        }
    }
    for (scope, days) in scopes {
        let mut previous = None;
        for day in days {
            rows.note_day(scope, cause, sign, previous, day, None);
            previous = Some(day);
        }
    }
}
