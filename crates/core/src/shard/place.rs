use std::collections::{BTreeMap, BTreeSet};

use dauphin_model::{ActiveDay, AppIndex, Cause, ProfileKey};

use super::{Change, Elsewhere, Shard};
use crate::calendar::{self, Calendars, Meeting};
use crate::identity::IdentityRecord;
use crate::person::{Flags, note_contribution};
use crate::row::RowChanges;

/// One profile's place among the others: what changes of who is who are made of. None of these notes rows but
/// [`Shard::note_person`].
impl Shard {
    /// Whether the profile lives here.
    pub fn contains(&self, key: ProfileKey) -> bool {
        self.profiles.find(key).is_some()
    }

    /// Where a profile that belongs here by its key lives instead.
    pub fn elsewhere(&self, key: ProfileKey) -> Option<u8> {
        if self.elsewhere.is_empty() {
            return None;
        }
        self.elsewhere.find(key.low(), |other| other.key == key).map(|other| other.home)
    }

    /// Says where a profile that belongs here by its key lives instead, or that it does not live elsewhere.
    pub(crate) fn set_elsewhere(&mut self, key: ProfileKey, home: Option<u8>) {
        let found = self.elsewhere.find_entry(key.low(), |other| other.key == key);
        match (found, home) {
            (Ok(entry), None) => drop(entry.remove()),
            (Ok(mut entry), Some(home)) => entry.get_mut().home = home,
            (Err(_), None) => {}
            (Err(_), Some(home)) => {
                let settled = false;
                let elsewhere = Elsewhere { key, home, settled };
                self.elsewhere.insert_unique(key.low(), elsewhere, |other| other.key.low());
            }
        }
    }

    /// Says of a profile that lives elsewhere whether it is settled.
    pub(crate) fn set_settled(&mut self, key: ProfileKey, settled: bool) {
        if let Some(other) = self.elsewhere.find_mut(key.low(), |other| other.key == key) {
            other.settled = settled;
        }
    }

    /// Of claims (a profile that belongs here by its key, and a user who lives anywhere), those that are to be made: the
    /// profile belongs to nobody yet.
    pub fn open_claims(&self, claims: &[(ProfileKey, ProfileKey)]) -> Vec<(ProfileKey, ProfileKey)> {
        claims.iter().filter(|(profile, _)| !self.is_settled(*profile)).copied().collect()
    }

    /// Whether a profile that belongs here by its key belongs to somebody, or was taken out by hand, so that no claim
    /// changes it.
    pub(crate) fn is_settled(&self, key: ProfileKey) -> bool {
        if self.contains(key) {
            return self.identity_of(key, 0).is_settled();
        }
        self.elsewhere.find(key.low(), |other| other.key == key).is_some_and(|other| other.settled)
    }

    /// Makes a profile known, and says whether it was not.
    pub(crate) fn know(&mut self, key: ProfileKey) -> bool {
        let new = !self.contains(key);
        if new {
            self.add(key, &[]);
        }
        new
    }

    /// The profiles of the person, this one among them; only itself if it does not live here.
    pub fn person_of(&self, key: ProfileKey) -> Vec<ProfileKey> {
        self.persons.profiles_of(&key).to_vec()
    }

    /// The profile by which the person is known.
    pub(crate) fn label_of(&self, key: ProfileKey) -> ProfileKey {
        self.persons.label_of(key).unwrap_or(key)
    }

    /// Whether the person is known by this profile.
    pub(crate) fn is_label(&self, key: ProfileKey) -> bool {
        self.persons.is_label(key)
    }

    /// The active days of the profile's person by app, of all its profiles together.
    pub fn days_of(&self, key: ProfileKey) -> BTreeMap<Option<AppIndex>, BTreeSet<ActiveDay>> {
        let mut days = BTreeMap::<_, BTreeSet<_>>::new();
        let members = self.persons.profiles_of(&key).iter();
        for track in members.flat_map(|member| self.calendars_of(*member).tracks()) {
            days.entry(track.app).or_default().extend(track.days());
        }
        days
    }

    /// Notes the whole contribution of a person, unless excluded: added (`sign` +1) or taken back (−1).
    pub(crate) fn note_person(&self, key: ProfileKey, cause: Cause, sign: i32, rows: &mut RowChanges) {
        if !self.is_excluded(key) {
            let calendars = self.persons.profiles_of(&key).iter().map(|member| self.calendars_of(*member));
            note_contribution(calendars, cause, sign, rows);
        }
    }

    /// Whether the profile's person is counted nowhere.
    pub fn is_excluded(&self, key: ProfileKey) -> bool {
        self.flags_of(key).has(Flags::EXCLUDED)
    }

    pub(crate) fn flags_of(&self, key: ProfileKey) -> Flags {
        self.persons.flags_of(key)
    }

    /// Says something of a profile that lives here.
    pub(crate) fn set_flags(&mut self, key: ProfileKey, flags: Flags) {
        if self.contains(key) {
            self.persons.set_flags(key, flags);
        }
    }

    /// Makes `from` and its person a part of the person of `into`; both live here.
    pub(crate) fn join(&mut self, into: ProfileKey, from: ProfileKey) {
        if self.contains(into) && self.contains(from) {
            self.persons.join(into, from);
        }
    }

    /// Makes the profile a person of its own.
    pub(crate) fn split(&mut self, key: ProfileKey) {
        self.persons.split(key);
    }

    /// Takes the profile out of the shard and out of its person; gives its calendars.
    pub(crate) fn take_out(&mut self, key: ProfileKey) -> Vec<u8> {
        let Some(spot) = self.profiles.find(key) else { return Vec::new() };
        let calendars = self.profiles.calendars(spot).to_bytes();
        self.profiles.remove(spot);
        self.persons.split(key);
        self.persons.set_flags(key, Flags::NONE);
        self.pages.touch(key);
        calendars
    }

    /// The profile is here, with these calendars and no others.
    pub(crate) fn put(&mut self, key: ProfileKey, calendars: &[u8]) {
        match self.profiles.find(key) {
            Some(spot) => {
                self.profiles.set_calendars(spot, calendars);
                self.pages.touch(key);
            }
            None => self.add(key, calendars),
        }
    }

    /// The active days of `from` become days of `into` too; gives the calendars of `into`. The person stays as active.
    pub(crate) fn absorb(&mut self, into: ProfileKey, from: ProfileKey) -> Vec<u8> {
        let (mut calendars, absorbed) = (self.calendars_of(into).to_bytes(), self.calendars_of(from).to_bytes());
        let mut scratch = Vec::new();
        for track in Calendars::trusted(&absorbed).tracks() {
            for day in track.days() {
                if !Calendars::trusted(&calendars).tracks().any(|own| own.app == track.app && own.around(day).active) {
                    calendar::insert(&calendars, track.app, day, &mut scratch);
                    calendars.clone_from(&scratch);
                }
            }
        }
        self.put(into, &calendars);
        calendars
    }

    /// How the profile, which lives here, stands.
    pub(crate) fn identity_of(&self, key: ProfileKey, home: u8) -> IdentityRecord {
        IdentityRecord { home, person: self.persons.label_of(key), flags: self.flags_of(key) }
    }

    /// Puts back where a profile that belongs here by its key lives, as the store kept it.
    pub fn restore_home(&mut self, key: ProfileKey, record: IdentityRecord) {
        self.set_elsewhere(key, (record.home != key.shard()).then_some(record.home));
        self.set_settled(key, record.is_settled());
    }

    /// Puts back who a profile that lives here is, as the store kept it.
    pub fn restore_identity(&mut self, key: ProfileKey, record: IdentityRecord) {
        self.know(key);
        if record.flags != Flags::NONE {
            self.persons.set_flags(key, record.flags);
        }
        if let Some(label) = record.person.filter(|label| *label != key) {
            self.know(label);
            self.persons.join(label, key);
        }
    }

    /// Whether the change repeats what this shard knows, or is no matter of it, so that it would add neither a profile
    /// nor a day here. What is counted by fingerprint adds neither.
    pub fn is_repeat(&self, change: &Change) -> bool {
        match change {
            Change::Active { profile, app, day } => match self.profiles.find(*profile) {
                Some(spot) => matches!(self.profiles.meet(spot, *app, *day), Meeting::Known),
                None => self.elsewhere(*profile).is_some(),
            },
            Change::Known { profile } => self.contains(*profile) || self.elsewhere(*profile).is_some(),
            Change::Session { .. } | Change::Uninstall { .. } => true,
        }
    }
}
