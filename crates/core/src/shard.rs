use dauphin_model::{ActiveDay, AppIndex, Cause, ProfileKey, Scope};
use hashbrown::HashTable;

use crate::arena::{Arena, Place};
use crate::calendar::{self, Around, Calendars};
use crate::person::{Persons, ProfileIndex, note_contribution};
use crate::row::RowChanges;
use crate::seen::{Seen, Session};

/// Profiles in one page, the unit in which a shard is written to the store: large enough that reading is sequential,
/// small enough that a page of busy profiles stays far below a mebibyte.
pub const PAGE_PROFILES: usize = 1024;

/// One thing that happened to a profile.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// It was active on a day.
    Active {
        /// Who.
        profile: ProfileKey,
        /// In which app; `None` counts for the workspace only.
        app: Option<AppIndex>,
        /// On which local day.
        day: ActiveDay,
    },
    /// Two profiles of this shard are one person.
    Link {
        /// The one.
        profile: ProfileKey,
        /// The other.
        other: ProfileKey,
    },
    /// A session began. It counts where the profile lives, whoever the person is.
    Session {
        /// Whose.
        profile: ProfileKey,
        /// In which app; `None` counts for the workspace only.
        app: Option<AppIndex>,
        /// On which local day.
        day: ActiveDay,
        /// In which hour from the start of that day.
        hour: u8,
        /// The same for what may be a repeat.
        fingerprint: u128,
    },
    /// An app was removed. It counts where the profile lives, whoever the person is.
    Uninstall {
        /// By whom.
        profile: ProfileKey,
        /// Which app; `None` counts for the workspace only.
        app: Option<AppIndex>,
        /// On which local day.
        day: ActiveDay,
    },
}

/// How activity came in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Arrival {
    /// Sent by somebody now.
    Sent,
    /// Read from a file.
    Imported,
}

/// When a change is recorded, as the workspace's local day, and how it came in: stamped by the server, so that the fold
/// needs no clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stamp {
    /// The day of recording.
    pub recorded: ActiveDay,
    /// How.
    pub arrival: Arrival,
}

impl Stamp {
    /// Why activity of `day` changes rows when it is recorded now.
    pub fn cause_of(self, day: ActiveDay) -> Cause {
        match self.arrival {
            Arrival::Imported => Cause::Import,
            Arrival::Sent if day >= self.recorded => Cause::Live,
            Arrival::Sent => Cause::Late,
        }
    }
}

/// A sixteenth of a workspace's profiles, their persons and their calendars. It keeps no rows: it says how they change.
#[derive(Default)]
pub struct Shard {
    index: HashTable<ProfileIndex>,
    profiles: Vec<Profile>,
    calendars: Arena,
    persons: Persons,
    /// Pages changed since they were last written.
    dirty: Vec<bool>,
    scratch: Vec<u8>,
    /// Sessions and uninstalls counted lately.
    seen: Seen,
    /// Of these, what is not handed on yet to be remembered.
    fresh: Vec<u128>,
}

/// 24 bytes; the calendars lie in the arena.
pub(crate) struct Profile {
    key: [u64; 2],
    place: Place,
    byte_count: u32,
}

impl Profile {
    pub(crate) fn key(&self) -> ProfileKey {
        ProfileKey::from_u128(u128::from(self.key[1]) << 64 | u128::from(self.key[0]))
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the halves of 128 bits")]
fn halves(key: ProfileKey) -> [u64; 2] {
    [key.to_u128() as u64, (key.to_u128() >> 64) as u64]
}

impl Shard {
    /// Applies `changes` in order and notes in `rows` how the gap rows change. Returns those that changed anything, in
    /// order: what must be remembered. The others repeat what is known.
    pub fn apply_all(&mut self, changes: &[Change], stamp: Stamp, rows: &mut RowChanges) -> Vec<Change> {
        let mut effective = Vec::new();
        // A batch looks its profiles up first, then touches their calendars: in either step nothing depends on the one
        // before, so the cache misses overlap.
        let mut found = [None; 32];
        for batch in changes.chunks(found.len()) {
            for (slot, change) in found.iter_mut().zip(batch) {
                let (Change::Active { profile, .. }
                | Change::Link { profile, .. }
                | Change::Session { profile, .. }
                | Change::Uninstall { profile, .. }) = change;
                *slot = self.find(*profile);
            }
            let touched = found[..batch.len()].iter().flatten().map(|profile| self.first_byte(*profile));
            std::hint::black_box(touched.fold(0, u8::wrapping_add));
            for (slot, change) in found.iter().zip(batch) {
                if self.apply_found(*slot, *change, stamp, rows) {
                    effective.push(*change);
                }
            }
        }
        effective
    }

    /// Applies one change, and says whether it changed anything.
    pub fn apply(&mut self, change: Change, stamp: Stamp, rows: &mut RowChanges) -> bool {
        self.apply_found(None, change, stamp, rows)
    }

    fn apply_found(
        &mut self,
        found: Option<ProfileIndex>,
        change: Change,
        stamp: Stamp,
        rows: &mut RowChanges,
    ) -> bool {
        match change {
            Change::Active { profile, app, day } => {
                let profile = found.unwrap_or_else(|| self.find_or_add(profile));
                self.activate(profile, app, day, stamp.cause_of(day), rows)
            }
            Change::Link { profile, other } => {
                let profile = found.unwrap_or_else(|| self.find_or_add(profile));
                let other = self.find_or_add(other);
                self.link(profile, other, rows)
            }
            // What these change is remembered by fingerprint: see `take_fresh`.
            Change::Session { app, day, hour, fingerprint, .. } => {
                self.count_session(Session { app, day, hour, fingerprint }, stamp, rows);
                false
            }
            Change::Uninstall { profile, app, day } => {
                self.count_uninstall(profile, app, day, stamp, rows);
                false
            }
        }
    }

    /// The fingerprints of what was counted since they were last taken, in order: what must be remembered beside the
    /// changes.
    pub fn take_fresh(&mut self) -> Vec<u128> {
        std::mem::take(&mut self.fresh)
    }

    /// Sessions and uninstalls counted lately.
    pub const fn seen(&self) -> &Seen {
        &self.seen
    }

    /// As [`Shard::seen`].
    pub const fn seen_mut(&mut self) -> &mut Seen {
        &mut self.seen
    }

    pub(crate) const fn fresh_mut(&mut self) -> &mut Vec<u128> {
        &mut self.fresh
    }

    fn activate(
        &mut self,
        profile: ProfileIndex,
        app: Option<AppIndex>,
        day: ActiveDay,
        cause: Cause,
        rows: &mut RowChanges,
    ) -> bool {
        let (mut in_app, mut in_workspace) = (Around::NOBODY, Around::NOBODY);
        for member in self.persons.profiles_of(&profile) {
            for track in self.calendars_at(*member).tracks() {
                let around = track.around(day);
                if track.app == app {
                    if around.active && *member == profile {
                        return false;
                    }
                    in_app = in_app.or(around);
                }
                in_workspace = in_workspace.or(around);
            }
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        calendar::insert(self.calendar_bytes(profile), app, day, &mut scratch);
        self.set_calendars(profile, &scratch);
        self.scratch = scratch;
        let mut note = |scope, around: Around| {
            if !around.active {
                rows.note_day(scope, cause, 1, around.previous, day, around.next);
            }
        };
        if let Some(app) = app {
            note(Scope::App(app), in_app);
        }
        note(Scope::Workspace, in_workspace);
        true
    }

    fn link(&mut self, a: ProfileIndex, b: ProfileIndex, rows: &mut RowChanges) -> bool {
        if self.persons.root_of(a) == self.persons.root_of(b) {
            return false;
        }
        self.note_person(a, -1, rows);
        self.note_person(b, -1, rows);
        self.persons.join(a, b);
        self.note_person(a, 1, rows);
        for member in self.persons.profiles_of(&a) {
            self.dirty[page_of(*member)] = true;
        }
        true
    }

    fn note_person(&self, profile: ProfileIndex, sign: i8, rows: &mut RowChanges) {
        let calendars = self.persons.profiles_of(&profile).iter().map(|member| self.calendars_at(*member));
        note_contribution(calendars, Cause::Link, sign, rows);
    }

    fn find(&self, key: ProfileKey) -> Option<ProfileIndex> {
        let key = halves(key);
        self.index.find(key[0], |index| self.profiles[*index as usize].key == key).copied()
    }

    fn find_or_add(&mut self, key: ProfileKey) -> ProfileIndex {
        self.find(key).unwrap_or_else(|| self.add(key, &[]))
    }

    /// Adds a profile that is not there yet.
    pub(crate) fn add(&mut self, key: ProfileKey, calendars: &[u8]) -> ProfileIndex {
        let index = ProfileIndex::try_from(self.profiles.len()).expect("memory ends before four billion profiles");
        let place = self.calendars.replace(Place::NOWHERE, 0, calendars);
        let byte_count = byte_count(calendars);
        self.profiles.push(Profile { key: halves(key), place, byte_count });
        let profiles = &self.profiles;
        self.index.insert_unique(halves(key)[0], index, |index| profiles[*index as usize].key[0]);
        if page_of(index) == self.dirty.len() {
            self.dirty.push(true);
        }
        index
    }

    fn set_calendars(&mut self, profile: ProfileIndex, bytes: &[u8]) {
        let record = &mut self.profiles[profile as usize];
        record.place = self.calendars.replace(record.place, record.byte_count as usize, bytes);
        record.byte_count = byte_count(bytes);
        self.dirty[page_of(profile)] = true;
        if self.calendars.is_sparse() {
            self.compact();
        }
    }

    /// Moves every calendar into a new arena without free slots. Four bytes moved were paid for by one freed.
    fn compact(&mut self) {
        let old = std::mem::take(&mut self.calendars);
        for record in &mut self.profiles {
            let bytes = old.get(record.place, record.byte_count as usize);
            record.place = self.calendars.replace(Place::NOWHERE, 0, bytes);
        }
    }

    fn calendar_bytes(&self, profile: ProfileIndex) -> &[u8] {
        let record = &self.profiles[profile as usize];
        self.calendars.get(record.place, record.byte_count as usize)
    }

    fn first_byte(&self, profile: ProfileIndex) -> u8 {
        self.calendar_bytes(profile).first().copied().unwrap_or(0)
    }

    fn calendars_at(&self, profile: ProfileIndex) -> Calendars<'_> {
        Calendars::trusted(self.calendar_bytes(profile))
    }

    pub(crate) fn contains(&self, key: ProfileKey) -> bool {
        self.find(key).is_some()
    }

    pub(crate) fn persons(&self) -> &Persons {
        &self.persons
    }

    pub(crate) fn persons_mut(&mut self) -> &mut Persons {
        &mut self.persons
    }

    pub(crate) fn dirty_mut(&mut self) -> &mut Vec<bool> {
        &mut self.dirty
    }

    /// The first page at or after `from` that changed since it was last written.
    pub fn next_dirty_page(&self, from: usize) -> Option<usize> {
        (from..self.dirty.len()).find(|page| self.dirty[*page])
    }

    /// Key and calendar bytes of each profile from `range` that exists.
    pub(crate) fn records(
        &self,
        range: std::ops::Range<usize>,
    ) -> impl ExactSizeIterator<Item = (ProfileIndex, ProfileKey, &[u8])> {
        let range = range.start.min(self.profiles.len())..range.end.min(self.profiles.len());
        let first = range.start;
        self.profiles[range].iter().enumerate().map(move |(offset, record)| {
            let index = ProfileIndex::try_from(first + offset).expect("profiles are counted in four bytes");
            (index, record.key(), self.calendars.get(record.place, record.byte_count as usize))
        })
    }

    /// Every person, as the calendars of their profiles.
    pub fn people(&self) -> impl Iterator<Item = impl Iterator<Item = Calendars<'_>>> {
        let first_members = (0..self.profile_count()).filter(|profile| self.persons.root_of(*profile) == *profile);
        first_members.map(|root| {
            let members = self.persons.profiles_of(&root).to_vec();
            members.into_iter().map(|member| self.calendars_at(member))
        })
    }

    /// The page in which a profile lies, if it is known.
    pub fn page_of(&self, profile: ProfileKey) -> Option<usize> {
        self.find(profile).map(page_of)
    }

    /// Number of pages.
    pub fn page_count(&self) -> usize {
        self.dirty.len()
    }

    /// Number of profiles.
    pub fn profile_count(&self) -> ProfileIndex {
        ProfileIndex::try_from(self.profiles.len()).expect("profiles are counted in four bytes")
    }

    /// Bytes of memory held, by capacity.
    pub fn byte_count(&self) -> usize {
        self.index.allocation_size() + self.profiles.capacity() * size_of::<Profile>() + self.calendars.byte_count() + self.seen.byte_count()
    }
}

fn byte_count(calendars: &[u8]) -> u32 {
    u32::try_from(calendars.len()).expect("65,536 days in 10,001 tracks stay below four gibibytes")
}

pub(crate) fn page_of(profile: ProfileIndex) -> usize {
    profile as usize / PAGE_PROFILES
}
