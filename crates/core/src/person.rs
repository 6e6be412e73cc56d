use std::collections::{BTreeMap, BTreeSet};

use dauphin_model::{ActiveDay, AppIndex, Cause, ProfileKey, Scope};

use crate::calendar::Calendars;
use crate::row::RowChanges;

/// Number of a profile's slot in its shard.
pub type ProfileIndex = u32;

/// What is said of a profile beyond its calendars; a set of bits. A part of the on-disk format.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Flags(u8);

impl Flags {
    /// Nothing is said.
    pub const NONE: Self = Self(0);
    /// The person is counted nowhere. Every profile of the person says so.
    pub const EXCLUDED: Self = Self(1);
    /// The name was replaced by another; it still works.
    pub const OUT_OF_USE: Self = Self(2);
    /// It was taken out of its person by hand, or found no room in one: no claim puts it there.
    pub const UNLINKED: Self = Self(4);

    /// The bits, for the store.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// The flags with these bits, if all of them are known.
    pub const fn from_bits(bits: u8) -> Option<Self> {
        if bits < 8 { Some(Self(bits)) } else { None }
    }

    /// Whether all of `other` is said.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both together.
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// This without `other`.
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

/// Which profiles are one person, and what is said of them. Most persons have one profile, nothing is said of it, and it
/// costs nothing here.
#[derive(Default)]
pub(crate) struct Persons {
    /// Each person with more than one profile, by the smallest.
    groups: BTreeMap<ProfileIndex, Group>,
    /// The smallest profile of the person, for each profile that is linked.
    root: BTreeMap<ProfileIndex, ProfileIndex>,
    flags: BTreeMap<ProfileIndex, Flags>,
}

struct Group {
    /// One of the profiles, by which the store tells that all of them are one person.
    label: ProfileKey,
    /// In order.
    profiles: Vec<ProfileIndex>,
}

impl Persons {
    /// The profiles of the person whose profile this is, smallest first; a slice of its own for a single profile.
    pub fn profiles_of<'a>(&'a self, profile: &'a ProfileIndex) -> &'a [ProfileIndex] {
        // The common shard has no links at all.
        if self.root.is_empty() {
            return std::slice::from_ref(profile);
        }
        self.group_of(*profile).map_or(std::slice::from_ref(profile), |group| group.profiles.as_slice())
    }

    fn group_of(&self, profile: ProfileIndex) -> Option<&Group> {
        self.root.get(&profile).map(|root| &self.groups[root])
    }

    /// The smallest profile of the person.
    pub fn root_of(&self, profile: ProfileIndex) -> ProfileIndex {
        self.root.get(&profile).copied().unwrap_or(profile)
    }

    /// By which profile the store knows the person, if the person has several.
    pub fn label_of(&self, profile: ProfileIndex) -> Option<ProfileKey> {
        self.group_of(profile).map(|group| group.label)
    }

    /// What is said of the profile.
    pub fn flags_of(&self, profile: ProfileIndex) -> Flags {
        if self.flags.is_empty() {
            return Flags::NONE;
        }
        self.flags.get(&profile).copied().unwrap_or_default()
    }

    /// Says something of a profile, instead of what was said before.
    pub fn set_flags(&mut self, profile: ProfileIndex, flags: Flags) {
        if flags == Flags::NONE {
            self.flags.remove(&profile);
        } else {
            self.flags.insert(profile, flags);
        }
    }

    /// Makes `from` and its person a part of the person of `into`, whose key is given for when it is single.
    pub fn join(&mut self, into: ProfileIndex, key: ProfileKey, from: ProfileIndex) {
        let (into_root, from_root) = (self.root_of(into), self.root_of(from));
        if into_root == from_root {
            return;
        }
        let mut group = self.groups.remove(&into_root).unwrap_or_else(|| Group { label: key, profiles: vec![into] });
        let joined = self.groups.remove(&from_root).map_or_else(|| vec![from], |group| group.profiles);
        group.profiles.extend(joined);
        group.profiles.sort_unstable();
        self.put(group);
    }

    /// About the bytes of memory held: a tree's nodes are two thirds full, a group's profiles are a block of their own.
    pub fn byte_count(&self) -> usize {
        let entry = size_of::<ProfileIndex>();
        let groups = self.groups.len() * (entry + size_of::<Group>()) + self.root.len() * entry;
        let trees = groups + self.root.len() * 2 * entry + self.flags.len() * (entry + size_of::<Flags>());
        trees + trees / 2 + self.groups.len() * 16
    }

    fn put(&mut self, group: Group) {
        let root = group.profiles[0];
        for profile in &group.profiles {
            self.root.insert(*profile, root);
        }
        self.groups.insert(root, group);
    }

    /// Takes a profile out of its person. `key_of` names those that stay: the store may need another label.
    pub fn split(&mut self, profile: ProfileIndex, key_of: impl Fn(ProfileIndex) -> ProfileKey) {
        let Some(root) = self.root.remove(&profile) else { return };
        let mut group = self.groups.remove(&root).expect("a root has its group");
        group.profiles.retain(|other| *other != profile);
        if let [last] = group.profiles[..] {
            self.root.remove(&last);
            return;
        }
        group.label = key_of(group.profiles[0]);
        self.put(group);
    }
}

/// Notes the whole contribution of a person to the rows, as if every active day were inserted (`sign` +1) or taken
/// back (−1): "subtract the old, add the new" needs nothing else.
pub(crate) fn note_contribution<'a>(
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
