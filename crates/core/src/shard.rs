mod place;

use dauphin_model::{ActiveDay, AppIndex, Cause, ProfileKey, Scope};
use hashbrown::HashTable;

use crate::arena::{Arena, Place};
use crate::calendar::{self, Around, Calendars};
use crate::page::PageError;
use crate::person::{Flags, Persons, ProfileIndex};
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
    /// It is known, whatever it does.
    Known {
        /// Who.
        profile: ProfileKey,
    },
    /// It belongs to a user, unless it belongs to somebody already. Never remembered: what comes of it is.
    Claim {
        /// Nobody knew who it was.
        profile: ProfileKey,
        /// Who it turned out to be; lives anywhere.
        user: ProfileKey,
    },
    /// A session began, whoever's it is.
    Session {
        /// In which app; `None` counts for the workspace only.
        app: Option<AppIndex>,
        /// On which local day.
        day: ActiveDay,
        /// In which hour from the start of that day.
        hour: u8,
        /// The same for what may be a repeat.
        fingerprint: u128,
    },
    /// An app was removed. It counts where the profile belongs by its key, whoever the person is.
    Uninstall {
        /// By whom.
        profile: ProfileKey,
        /// Which app; `None` counts for the workspace only.
        app: Option<AppIndex>,
        /// On which local day.
        day: ActiveDay,
    },
}

impl Change {
    /// To whom it happened: whose shard it goes to.
    pub const fn profile(&self) -> ProfileKey {
        match self {
            Self::Active { profile, .. }
            | Self::Known { profile }
            | Self::Claim { profile, .. }
            | Self::Uninstall { profile, .. } => *profile,
            // It goes where its fingerprint says: one session may be sent of several profiles.
            Self::Session { fingerprint, .. } => ProfileKey::from_u128(*fingerprint),
        }
    }
}

/// What became of changes in a shard.
#[derive(Default, Debug)]
pub struct Applied {
    /// Those that changed anything, in order: what must be remembered. The others repeat what is known.
    pub effective: Vec<Change>,
    /// Those of profiles that live in another shard, and in which.
    pub elsewhere: Vec<(u8, Change)>,
    /// Claims that are to be made, each a profile and a user.
    pub claims: Vec<(ProfileKey, ProfileKey)>,
    /// Fingerprints of sessions and uninstalls that were counted, in order: what must be remembered of these.
    pub seen: Vec<u128>,
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
    /// Slots of profiles that were forgotten or left.
    free: Vec<ProfileIndex>,
    /// Profiles that belong here by their key and live in another shard.
    elsewhere: HashTable<Elsewhere>,
    /// While it is restored: the log record up to which each page was complete when it was written.
    pub(crate) page_sequences: Vec<u64>,
    /// The latest of them.
    pub(crate) page_sequence_max: u64,
    /// Changes of the log that wait to be applied together.
    pub(crate) replayed: Vec<Change>,
    /// Slots that pages filled; what the log adds comes after them.
    pub(crate) restored_slot_count: ProfileIndex,
    calendars: Arena,
    persons: Persons,
    /// Pages changed since they were last written.
    dirty: Vec<bool>,
    scratch: Vec<u8>,
    /// Sessions and uninstalls counted lately.
    seen: Seen,
}

/// A profile that belongs here by its key and lives in another shard.
struct Elsewhere {
    key: [u64; 2],
    home: u8,
    /// As [`Shard::is_settled`].
    settled: bool,
}

/// The key of a free slot.
const FREE: [u64; 2] = [0; 2];

/// 24 bytes; the calendars lie in the arena. A free slot has the key 0, which no identity has.
#[derive(Clone, Copy)]
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
    /// Applies `changes` in order and notes in `rows` how the gap rows change.
    pub fn apply_all(&mut self, changes: &[Change], stamp: Stamp, rows: &mut RowChanges) -> Applied {
        let mut applied = Applied::default();
        // A batch looks its profiles up first, then touches their calendars: in either step nothing depends on the one
        // before, so the cache misses overlap.
        let mut found = [None; 32];
        for batch in changes.chunks(found.len()) {
            for (slot, change) in found.iter_mut().zip(batch) {
                *slot = self.find(change.profile());
            }
            let touched = found[..batch.len()].iter().flatten().map(|profile| self.first_byte(*profile));
            std::hint::black_box(touched.fold(0, u8::wrapping_add));
            for (slot, change) in found.iter().zip(batch) {
                self.apply_found(*slot, *change, stamp, rows, &mut applied);
            }
        }
        applied
    }

    fn apply_found(
        &mut self,
        found: Option<ProfileIndex>,
        change: Change,
        stamp: Stamp,
        rows: &mut RowChanges,
        applied: &mut Applied,
    ) {
        match change {
            Change::Session { app, day, hour, fingerprint } => {
                let session = Session { app, day, hour, fingerprint };
                return self.count_session(session, stamp, rows, &mut applied.seen);
            }
            Change::Uninstall { profile, app, day } => {
                return self.count_uninstall((profile, app, day), stamp, rows, &mut applied.seen);
            }
            Change::Active { .. } | Change::Known { .. } | Change::Claim { .. } => {}
        }
        if found.is_none()
            && let Some(home) = self.elsewhere(change.profile())
        {
            match change {
                Change::Active { .. } => applied.elsewhere.push((home, change)),
                Change::Claim { profile, user } if !self.is_settled(profile) => applied.claims.push((profile, user)),
                // Whoever lives elsewhere is known.
                Change::Claim { .. } | Change::Known { .. } | Change::Session { .. } | Change::Uninstall { .. } => {}
            }
            return;
        }
        let changed = match change {
            Change::Active { profile, app, day } => {
                let profile = found.unwrap_or_else(|| self.find_or_add(profile));
                self.activate(profile, app, day, stamp.cause_of(day), rows)
            }
            // An earlier change of the batch may have added it.
            Change::Known { profile } => found.is_none() && self.know(profile),
            Change::Claim { profile, user } => {
                if !self.is_settled(profile) {
                    applied.claims.push((profile, user));
                }
                false
            }
            Change::Session { .. } | Change::Uninstall { .. } => false,
        };
        if changed {
            applied.effective.push(change);
        }
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
        let excluded = self.persons.flags_of(profile).has(Flags::EXCLUDED);
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
            if !around.active && !excluded {
                rows.note_day(scope, cause, 1, around.previous, day, around.next);
            }
        };
        if let Some(app) = app {
            note(Scope::App(app), in_app);
        }
        note(Scope::Workspace, in_workspace);
        true
    }

    fn find(&self, key: ProfileKey) -> Option<ProfileIndex> {
        let key = halves(key);
        self.index.find(key[0], |index| self.profiles[*index as usize].key == key).copied()
    }

    fn find_or_add(&mut self, key: ProfileKey) -> ProfileIndex {
        self.find(key).unwrap_or_else(|| self.add(key, &[]))
    }

    /// Adds a profile that is not there yet, in a free slot if there is one. While pages are restored none is filled:
    /// what a page holds and what the log adds stay apart.
    fn add(&mut self, key: ProfileKey, calendars: &[u8]) -> ProfileIndex {
        let free = if self.page_sequences.is_empty() { self.free.pop() } else { None };
        let index = free.unwrap_or_else(|| self.push_slot());
        let place = self.calendars.replace(Place::NOWHERE, 0, calendars);
        self.profiles[index as usize] = Profile { key: halves(key), place, byte_count: byte_count(calendars) };
        self.dirty[page_of(index)] = true;
        let profiles = &self.profiles;
        self.index.insert_unique(halves(key)[0], index, |index| profiles[*index as usize].key[0]);
        index
    }

    fn push_slot(&mut self) -> ProfileIndex {
        let index = ProfileIndex::try_from(self.profiles.len()).expect("memory ends before four billion profiles");
        self.profiles.push(Profile { key: FREE, place: Place::NOWHERE, byte_count: 0 });
        if page_of(index) == self.dirty.len() {
            self.dirty.push(true);
        }
        index
    }

    /// A slot of a page that is being restored. A profile may stand in two pages when it left one and came into the other
    /// between their writing: the page written later is right.
    pub(crate) fn restore_slot(&mut self, key: ProfileKey, calendars: &[u8], sequence: u64) -> Result<(), PageError> {
        let index = self.push_slot();
        let other = self.find(key);
        let other_sequence = other.map(|other| self.page_sequences[page_of(other)]);
        if other.is_some_and(|other| page_of(other) == page_of(index)) {
            return Err(PageError::Duplicate(key));
        }
        if halves(key) == FREE || other_sequence.is_some_and(|other| other > sequence) {
            self.free.push(index);
            return Ok(());
        }
        if let Some(other) = other {
            self.free_slot(other);
        }
        let place = self.calendars.replace(Place::NOWHERE, 0, calendars);
        self.profiles[index as usize] = Profile { key: halves(key), place, byte_count: byte_count(calendars) };
        let profiles = &self.profiles;
        self.index.insert_unique(halves(key)[0], index, |index| profiles[*index as usize].key[0]);
        Ok(())
    }

    /// Makes room for so many profiles more than there are, so that none is moved while they come.
    pub fn reserve(&mut self, profile_count: usize) {
        self.profiles.reserve_exact(profile_count);
        let profiles = &self.profiles;
        self.index.reserve(profile_count, |index| profiles[*index as usize].key[0]);
    }

    /// Whether a page held the profile when the log record `sequence` was in it: only pages restored hold anything.
    pub(crate) fn holds(&self, key: ProfileKey, sequence: u64) -> bool {
        if sequence > self.page_sequence_max {
            return false;
        }
        let page = self.find(key).filter(|profile| *profile < self.restored_slot_count).map(page_of);
        page.and_then(|page| self.page_sequences.get(page)).is_some_and(|held| sequence <= *held)
    }

    /// Empties a slot; whose it was is a person of nobody any more.
    fn free_slot(&mut self, index: ProfileIndex) {
        let Profile { key, place, byte_count } = self.profiles[index as usize];
        self.split_index(index);
        self.persons.set_flags(index, Flags::NONE);
        if let Ok(entry) = self.index.find_entry(key[0], |other| *other == index) {
            entry.remove();
        }
        self.calendars.replace(place, byte_count as usize, &[]);
        self.profiles[index as usize] = Profile { key: FREE, place: Place::NOWHERE, byte_count: 0 };
        self.free.push(index);
        self.dirty[page_of(index)] = true;
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

    pub(crate) fn dirty_mut(&mut self) -> &mut Vec<bool> {
        &mut self.dirty
    }

    /// The first page at or after `from` that changed since it was last written.
    pub fn next_dirty_page(&self, from: usize) -> Option<usize> {
        (from..self.dirty.len()).find(|page| self.dirty[*page])
    }

    /// Key and calendar bytes of each slot of `range`.
    pub(crate) fn records(&self, range: std::ops::Range<usize>) -> impl ExactSizeIterator<Item = (ProfileKey, &[u8])> {
        let range = range.start.min(self.profiles.len())..range.end.min(self.profiles.len());
        let slots = self.profiles[range].iter();
        slots.map(|record| (record.key(), self.calendars.get(record.place, record.byte_count as usize)))
    }

    /// Every person who is counted, as the calendars of their profiles.
    pub fn people(&self) -> impl Iterator<Item = impl Iterator<Item = Calendars<'_>>> {
        let counted = |profile: &ProfileIndex| {
            self.profiles[*profile as usize].key != FREE && !self.persons.flags_of(*profile).has(Flags::EXCLUDED)
        };
        let first_members =
            (0..self.slot_count()).filter(counted).filter(|profile| self.persons.root_of(*profile) == *profile);
        first_members.map(|root| {
            let members = self.persons.profiles_of(&root).to_vec();
            members.into_iter().map(|member| self.calendars_at(member))
        })
    }

    /// Number of pages.
    pub fn page_count(&self) -> usize {
        self.dirty.len()
    }

    /// Slots, free ones included.
    pub(crate) fn slot_count(&self) -> ProfileIndex {
        ProfileIndex::try_from(self.profiles.len()).expect("profiles are counted in four bytes")
    }

    /// Number of profiles.
    pub fn profile_count(&self) -> usize {
        self.profiles.len() - self.free.len()
    }

    /// Bytes of memory held, by capacity.
    pub fn byte_count(&self) -> usize {
        self.index.allocation_size()
            + self.elsewhere.allocation_size()
            + self.profiles.capacity() * size_of::<Profile>()
            + self.calendars.byte_count()
            + self.persons.byte_count()
            + self.seen.byte_count()
    }

    /// Sessions and uninstalls counted lately.
    pub const fn seen(&self) -> &Seen {
        &self.seen
    }

    /// As [`Shard::seen`].
    pub const fn seen_mut(&mut self) -> &mut Seen {
        &mut self.seen
    }
}

fn byte_count(calendars: &[u8]) -> u32 {
    u32::try_from(calendars.len()).expect("65,536 days in 10,001 tracks stay below four gibibytes")
}

pub(crate) fn page_of(profile: ProfileIndex) -> usize {
    profile as usize / PAGE_PROFILES
}
