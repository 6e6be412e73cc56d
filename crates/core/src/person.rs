use std::collections::{BTreeMap, BTreeSet};

use dauphin_model::{ActiveDay, AppIndex, Cause, ProfileKey, Scope};
use hashbrown::HashTable;

use crate::calendar::Calendars;
use crate::row::{RowChanges, Scopes};

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
    /// Each profile of a person who has several.
    members: HashTable<Member>,
    /// Each person who has several profiles.
    groups: HashTable<Group>,
    flags: BTreeMap<ProfileKey, Flags>,
}

/// A profile, and by which profile its person is known.
#[derive(Clone, Copy)]
struct Member {
    profile: ProfileKey,
    label: ProfileKey,
}

struct Group {
    /// One of the profiles, by which the person is known, also in the store.
    label: ProfileKey,
    /// In order.
    profiles: Vec<ProfileKey>,
}

impl Persons {
    /// The profiles of the person whose profile this is; a slice of its own for a single profile.
    pub fn profiles_of<'a>(&'a self, profile: &'a ProfileKey) -> &'a [ProfileKey] {
        self.group_of(*profile).map_or(std::slice::from_ref(profile), |group| group.profiles.as_slice())
    }

    fn group_of(&self, profile: ProfileKey) -> Option<&Group> {
        let label = self.label_of(profile)?;
        self.groups.find(label.low(), |group| group.label == label)
    }

    /// By which profile the person is known, if the person has several.
    pub fn label_of(&self, profile: ProfileKey) -> Option<ProfileKey> {
        // The common shard has no links at all.
        if self.members.is_empty() {
            return None;
        }
        self.members.find(profile.low(), |member| member.profile == profile).map(|member| member.label)
    }

    /// Whether the person has no other profile.
    #[inline]
    pub fn is_single(&self, profile: ProfileKey) -> bool {
        self.label_of(profile).is_none()
    }

    /// Whether the person is known by this profile.
    pub fn is_label(&self, profile: ProfileKey) -> bool {
        self.label_of(profile).is_none_or(|label| label == profile)
    }

    /// What is said of the profile.
    pub fn flags_of(&self, profile: ProfileKey) -> Flags {
        if self.flags.is_empty() {
            return Flags::NONE;
        }
        self.flags.get(&profile).copied().unwrap_or_default()
    }

    /// Says something of a profile, instead of what was said before.
    pub fn set_flags(&mut self, profile: ProfileKey, flags: Flags) {
        if flags == Flags::NONE {
            self.flags.remove(&profile);
        } else {
            self.flags.insert(profile, flags);
        }
    }

    /// Makes `from` and its person a part of the person of `into`.
    pub fn join(&mut self, into: ProfileKey, from: ProfileKey) {
        let (into_label, from_label) = (self.label_of(into).unwrap_or(into), self.label_of(from).unwrap_or(from));
        if into_label == from_label {
            return;
        }
        let mut group = self.take(into_label).unwrap_or_else(|| Group { label: into, profiles: vec![into] });
        let joined = self.take(from_label).map_or_else(|| vec![from], |group| group.profiles);
        group.profiles.extend(joined);
        group.profiles.sort_unstable();
        self.put(group);
    }

    /// About the bytes of memory held.
    pub fn byte_count(&self) -> usize {
        let profiles = self.members.len() * size_of::<ProfileKey>();
        // A tree's nodes are two thirds full.
        let flags = self.flags.len() * size_of::<(ProfileKey, Flags)>() * 3 / 2;
        self.members.allocation_size() + self.groups.allocation_size() + profiles + flags
    }

    /// Takes a profile out of its person.
    pub fn split(&mut self, profile: ProfileKey) {
        let Some(label) = self.label_of(profile) else { return };
        let mut group = self.take(label).expect("a label has its group");
        group.profiles.retain(|other| *other != profile);
        self.forget(profile);
        if let [last] = group.profiles[..] {
            self.forget(last);
            return;
        }
        group.label = group.profiles[0];
        self.put(group);
    }

    fn take(&mut self, label: ProfileKey) -> Option<Group> {
        let entry = self.groups.find_entry(label.low(), |group| group.label == label).ok()?;
        Some(entry.remove().0)
    }

    fn put(&mut self, group: Group) {
        let label = group.label;
        for profile in &group.profiles {
            self.forget(*profile);
            let member = Member { profile: *profile, label };
            self.members.insert_unique(profile.low(), member, |member| member.profile.low());
        }
        self.groups.insert_unique(label.low(), group, |group| group.label.low());
    }

    fn forget(&mut self, profile: ProfileKey) {
        if let Ok(entry) = self.members.find_entry(profile.low(), |member| member.profile == profile) {
            entry.remove();
        }
    }
}

/// Notes the whole contribution of a person to the rows, as if every active day were inserted (`sign` +1) or taken
/// back (−1): "subtract the old, add the new" needs nothing else.
pub(crate) fn note_contribution<'a>(
    calendars: impl Iterator<Item = Calendars<'a>>,
    cause: Cause,
    sign: i32,
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
            rows.note_day(Scopes::One(scope), cause, sign, previous, day, None);
            previous = Some(day);
        }
    }
}
