mod place;
mod run;

use dauphin_model::{ActiveDay, AppIndex, Cause, ProfileKey, Scope, SessionFingerprint};
use hashbrown::HashTable;

use crate::calendar::{self, Around, Calendars};
use crate::page::Pages;
use crate::person::{Flags, Persons};
use crate::profiles::{Likely, Profiles, Spot};
use crate::row::RowChanges;
use crate::seen::{Seen, Session};

/// Changes whose profiles are looked at together: more than the cache misses a processor has in flight, few enough that
/// what was looked at is still near.
const BATCH: usize = 32;

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
    /// A session began, whoever's it is.
    Session {
        /// In which app; `None` counts for the workspace only.
        app: Option<AppIndex>,
        /// On which local day.
        day: ActiveDay,
        /// In which hour from the start of that day.
        hour: u8,
        /// The same for what may be a repeat.
        fingerprint: SessionFingerprint,
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
            Self::Active { profile, .. } | Self::Known { profile } | Self::Uninstall { profile, .. } => *profile,
            // It goes where its fingerprint says: one session may be sent of several profiles.
            Self::Session { fingerprint, .. } => ProfileKey::from_u128(fingerprint.to_u128()),
        }
    }
}

// They travel from thread to thread by the million.
const _: () = assert!(size_of::<Change>() == 24);

/// What became of changes in a shard.
#[derive(Default, Debug)]
pub struct Applied {
    /// Those that changed anything, in order: what must be remembered. The others repeat what is known.
    pub effective: Vec<Change>,
    /// Those of profiles that live in another shard, and in which.
    pub elsewhere: Vec<(u8, Change)>,
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
    profiles: Profiles,
    /// Profiles that belong here by their key and live in another shard.
    elsewhere: HashTable<Elsewhere>,
    /// Changes of the log that wait to be applied together, while it is restored.
    pub(crate) replayed: Vec<Change>,
    persons: Persons,
    /// How the profiles are cut into pages.
    pub(crate) pages: Pages,
    scratch: Vec<u8>,
    /// Sessions and uninstalls counted lately.
    seen: Seen,
}

/// A profile that belongs here by its key and lives in another shard.
struct Elsewhere {
    key: ProfileKey,
    home: u8,
    /// As [`Shard::is_settled`].
    settled: bool,
}

impl Shard {
    /// Applies `changes` in order and notes in `rows` how the gap rows change.
    pub fn apply_all(&mut self, changes: &[Change], stamp: Stamp, rows: &mut RowChanges) -> Applied {
        if stamp.arrival == Arrival::Imported {
            return self.apply_runs(changes, stamp, rows);
        }
        let mut applied = Applied::default();
        for batch in changes.chunks(BATCH) {
            let mut new = self.new_of(batch);
            while new != 0 {
                let change = batch[new.trailing_zeros() as usize];
                self.apply(change, stamp, rows, &mut applied);
                new &= new - 1;
            }
        }
        applied
    }

    /// Which changes of a batch do more than repeat that a profile was active, as bits.
    fn new_of(&self, batch: &[Change]) -> u32 {
        let mut found = [Likely::default(); BATCH];
        self.profiles.find_all(batch.iter().map(Change::profile), &mut found);
        let mut new = 0;
        for (index, (change, likely)) in batch.iter().zip(found).enumerate() {
            let repeats = match *change {
                Change::Active { profile, app, day } => {
                    likely.calendars(profile).is_some_and(|calendars| Calendars::trusted(calendars).has(app, day))
                }
                _ => false,
            };
            if !repeats {
                likely.prefetch_rest();
                new |= 1 << index;
            }
        }
        new
    }

    fn apply(&mut self, change: Change, stamp: Stamp, rows: &mut RowChanges, applied: &mut Applied) {
        match change {
            Change::Session { app, day, hour, fingerprint } => {
                let session = Session { app, day, hour, fingerprint: fingerprint.to_u128() };
                return self.count_session(session, stamp, rows, &mut applied.seen);
            }
            Change::Uninstall { profile, app, day } => {
                return self.count_uninstall((profile, app, day), stamp, rows, &mut applied.seen);
            }
            Change::Active { .. } | Change::Known { .. } => {}
        }
        let found = self.profiles.find(change.profile());
        if found.is_none()
            && let Some(home) = self.elsewhere(change.profile())
        {
            // Whoever lives elsewhere is known.
            if let Change::Active { .. } = change {
                applied.elsewhere.push((home, change));
            }
            return;
        }
        let changed = match change {
            Change::Active { profile, app, day } => {
                self.activate(found, profile, (app, day), stamp.cause_of(day), rows)
            }
            Change::Known { profile } => found.is_none() && self.know(profile),
            Change::Session { .. } | Change::Uninstall { .. } => false,
        };
        if changed {
            applied.effective.push(change);
        }
    }

    /// Makes the profile at `spot`, or a new one, active; says whether it was not.
    fn activate(
        &mut self,
        spot: Option<Spot>,
        profile: ProfileKey,
        (app, day): (Option<AppIndex>, ActiveDay),
        cause: Cause,
        rows: &mut RowChanges,
    ) -> bool {
        if let Some(spot) = &spot
            && let Some(append) = Calendars::trusted(self.profiles.calendars_at(spot)).appending(app, day)
            && self.persons.is_single(profile)
            && let Some(calendars) = self.profiles.grow_calendars(spot, append.end)
        {
            append.make(day, calendars);
            let after = |latest| Around { active: latest == day, previous: Some(latest), next: None };
            self.note(profile, (app, after(append.latest)), (day, after(append.latest_of_all)), cause, rows);
            return true;
        }
        let own = spot.as_ref().map_or(&[][..], |spot| self.profiles.calendars_at(spot));
        let (mut in_app, mut in_workspace) = (Around::NOBODY, Around::NOBODY);
        let mut look = |calendars| -> bool {
            Calendars::trusted(calendars).tracks().any(|track| {
                let around = track.around(day);
                if track.app == app {
                    in_app = in_app.or(around);
                }
                in_workspace = in_workspace.or(around);
                around.active && track.app == app
            })
        };
        if look(own) {
            return false;
        }
        for member in self.persons.profiles_of(&profile).iter().filter(|member| **member != profile) {
            look(self.profiles.calendars_of(*member).unwrap_or_default());
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        calendar::insert(own, app, day, &mut scratch);
        match spot {
            Some(spot) => self.profiles.set_calendars(&spot, &scratch),
            None => self.add(profile, &scratch),
        }
        self.scratch = scratch;
        self.note(profile, (app, in_app), (day, in_workspace), cause, rows);
        true
    }

    /// A profile became active: its page is to be written, and unless the person is excluded, rows change.
    #[inline]
    fn note(
        &mut self,
        profile: ProfileKey,
        (app, in_app): (Option<AppIndex>, Around),
        (day, in_workspace): (ActiveDay, Around),
        cause: Cause,
        rows: &mut RowChanges,
    ) {
        self.pages.touch(profile);
        if self.persons.flags_of(profile).has(Flags::EXCLUDED) {
            return;
        }
        let mut note = |scopes: &[Scope], around: Around| {
            if !around.active {
                rows.note_day(scopes, cause, 1, around.previous, day, around.next);
            }
        };
        match app.map(Scope::App) {
            Some(app) if in_app == in_workspace => note(&[app, Scope::Workspace], in_app),
            Some(app) => {
                note(&[app], in_app);
                note(&[Scope::Workspace], in_workspace);
            }
            None => note(&[Scope::Workspace], in_workspace),
        }
    }

    /// Adds a profile that is not here.
    fn add(&mut self, key: ProfileKey, calendars: &[u8]) {
        self.profiles.add(key, calendars);
        self.pages.grow_to(self.profiles.count());
        self.pages.touch(key);
    }

    /// Makes room for so many profiles more than there are, so that the table does not grow while they come.
    pub fn reserve(&mut self, profile_count: usize) {
        self.profiles.reserve(profile_count);
    }

    pub(crate) const fn profiles(&self) -> &Profiles {
        &self.profiles
    }

    pub(crate) const fn profiles_mut(&mut self) -> &mut Profiles {
        &mut self.profiles
    }

    /// Every person who is counted, as the calendars of their profiles.
    pub fn people(&self) -> impl Iterator<Item = impl Iterator<Item = Calendars<'_>>> {
        let counted =
            self.profiles.all().map(|(profile, _)| profile).filter(|profile| {
                self.persons.is_label(*profile) && !self.persons.flags_of(*profile).has(Flags::EXCLUDED)
            });
        counted.map(|person| {
            let members = self.persons.profiles_of(&person).to_vec();
            members.into_iter().map(|member| self.calendars_of(member))
        })
    }

    pub(crate) fn calendars_of(&self, profile: ProfileKey) -> Calendars<'_> {
        Calendars::trusted(self.profiles.calendars_of(profile).unwrap_or_default())
    }

    /// Number of profiles.
    pub const fn profile_count(&self) -> usize {
        self.profiles.count()
    }

    /// Bytes of memory held.
    pub fn byte_count(&self) -> usize {
        self.profiles.byte_count()
            + self.elsewhere.allocation_size()
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
