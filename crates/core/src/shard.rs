mod place;
mod run;

use dauphin_model::{ActiveDay, AppIndex, Cause, ProfileKey, Scope, SessionFingerprint};
use hashbrown::HashTable;

use crate::calendar::{self, Around, Calendars, Meeting};
use crate::page::Pages;
use crate::person::{Flags, Persons};
use crate::profiles::{Home, Profiles, Sought, Spot};
use crate::row::{RowChanges, Scopes};
use crate::seen::{Seen, Session};

/// How many changes before it is its turn a profile is looked for, and its body asked for, and where it belongs as many
/// before that: by then it is near, and not gone again.
const AHEAD: usize = 16;
/// Profiles with runs of activity that are asked for together: each takes longer than a change does.
const BATCH: usize = 16;

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
    /// Calendars before and after a change.
    scratch: [Vec<u8>; 2],
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
        // Of the changes between: where the profile belongs, and then where it stands.
        let mut homes = [Home::NOWHERE; AHEAD];
        let mut sought = [Sought::Nowhere; AHEAD];
        let mut moves = self.profiles.moves();
        let change_at = |index: usize, behind: usize| index.checked_sub(behind).and_then(|index| changes.get(index));
        for index in 0..changes.len() + 2 * AHEAD {
            let place = index % AHEAD;
            if self.profiles.moves() != moves {
                moves = self.profiles.moves();
                (homes, sought) = ([Home::NOWHERE; AHEAD], [Sought::Nowhere; AHEAD]);
            }
            if let Some(change) = change_at(index, 2 * AHEAD) {
                let spot = self.profiles.resolve(sought[place], change.profile());
                self.apply(*change, spot, stamp, rows, &mut applied);
            }
            if let Some(change) = change_at(index, AHEAD) {
                sought[place] = self.seek_ahead(change, homes[place]);
            }
            if let Some(change) = changes.get(index) {
                homes[place] = self.profiles.home(change.profile());
                self.profiles.prefetch(homes[place]);
            }
        }
        applied
    }

    /// Looks for the profile of a change, and asks for what else of it the change needs.
    #[inline(always)]
    fn seek_ahead(&self, change: &Change, home: Home) -> Sought {
        let sought = self.profiles.seek(home, change.profile());
        match (sought, *change) {
            (Sought::Here(spot), Change::Active { app, day, .. }) => self.profiles.prefetch_to_meet(spot, app, day),
            (Sought::Beyond(next), _) => self.profiles.prefetch(next),
            _ => {}
        }
        sought
    }

    /// Applies a change of the profile at `spot`, or of one that is not here.
    #[inline(always)]
    fn apply(
        &mut self,
        change: Change,
        spot: Option<Spot>,
        stamp: Stamp,
        rows: &mut RowChanges,
        applied: &mut Applied,
    ) {
        match change {
            Change::Active { profile, app, day } => self.activate(profile, spot, (app, day), stamp, rows, applied),
            Change::Known { profile } => {
                if spot.is_none() && self.elsewhere(profile).is_none() && self.know(profile) {
                    applied.effective.push(change);
                }
            }
            Change::Session { app, day, hour, fingerprint } => {
                let session = Session { app, day, hour, fingerprint: fingerprint.to_u128() };
                self.count_session(session, stamp, rows, &mut applied.seen);
            }
            Change::Uninstall { profile, app, day } => {
                self.count_uninstall((profile, app, day), stamp, rows, &mut applied.seen);
            }
        }
    }

    /// Makes a profile active.
    #[inline(always)]
    fn activate(
        &mut self,
        profile: ProfileKey,
        spot: Option<Spot>,
        (app, day): (Option<AppIndex>, ActiveDay),
        stamp: Stamp,
        rows: &mut RowChanges,
        applied: &mut Applied,
    ) {
        match spot.map(|spot| (spot, self.profiles.meet(spot, app, day))) {
            Some((_, Meeting::Known)) => {}
            Some((spot, Meeting::Later(append))) if self.persons.is_single(profile) => {
                self.profiles.append(spot, append, app, day);
                let after = |latest| Around { active: latest == day, previous: Some(latest), next: None };
                let (in_app, in_workspace) = (after(append.latest), after(append.latest_of_all));
                self.note(profile, (app, in_app), (day, in_workspace), stamp.cause_of(day), rows);
                applied.effective.push(Change::Active { profile, app, day });
            }
            _ => self.insert(profile, spot, (app, day), stamp, rows, applied),
        }
    }

    /// Puts a day anywhere among those of a profile, or of a new one.
    #[inline(never)]
    fn insert(
        &mut self,
        profile: ProfileKey,
        spot: Option<Spot>,
        (app, day): (Option<AppIndex>, ActiveDay),
        stamp: Stamp,
        rows: &mut RowChanges,
        applied: &mut Applied,
    ) {
        let change = Change::Active { profile, app, day };
        if spot.is_none()
            && let Some(home) = self.elsewhere(profile)
        {
            return applied.elsewhere.push((home, change));
        }
        let own = spot.map_or(Calendars::NONE, |spot| self.profiles.calendars(spot));
        let (mut in_app, mut in_workspace) = (Around::NOBODY, Around::NOBODY);
        let mut look = |calendars: Calendars<'_>| -> bool {
            calendars.tracks().any(|track| {
                let around = track.around(day);
                if track.app == app {
                    in_app = in_app.or(around);
                }
                in_workspace = in_workspace.or(around);
                around.active && track.app == app
            })
        };
        if look(own) {
            return;
        }
        for member in self.persons.profiles_of(&profile).iter().filter(|member| **member != profile) {
            look(self.calendars_of(*member));
        }
        let [mut before, mut after] = std::mem::take(&mut self.scratch);
        before.clear();
        own.write_to(&mut before);
        calendar::insert(&before, app, day, &mut after);
        match spot {
            Some(spot) => self.profiles.set_calendars(spot, &after),
            None => self.add(profile, &after),
        }
        self.scratch = [before, after];
        self.note(profile, (app, in_app), (day, in_workspace), stamp.cause_of(day), rows);
        applied.effective.push(change);
    }

    /// A profile became active: its page is to be written, and unless the person is excluded, rows change.
    #[inline(always)]
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
        let mut note = |scopes, around: Around| {
            if !around.active {
                rows.note_day(scopes, cause, 1, around.previous, day, around.next);
            }
        };
        match app {
            Some(app) if in_app == in_workspace => note(Scopes::AppAndWorkspace(app), in_app),
            Some(app) => {
                note(Scopes::One(Scope::App(app)), in_app);
                note(Scopes::One(Scope::Workspace), in_workspace);
            }
            None => note(Scopes::One(Scope::Workspace), in_workspace),
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
        self.profiles.make_room(profile_count);
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
        self.profiles.calendars_of(profile).unwrap_or(Calendars::NONE)
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
