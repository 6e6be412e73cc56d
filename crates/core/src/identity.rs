use std::collections::BTreeMap;

use dauphin_model::limits::{PERSON_PROFILES_MAX, SHARD_COUNT};
use dauphin_model::{Cause, ProfileKey};

use crate::person::Flags;
use crate::row::RowChanges;
use crate::shard::Shard;

/// A change of who is who. Every change corrects all counts at once, the past included, in every scope.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IdentityChange {
    /// Two profiles are one person. A profile that is not known yet becomes known, without activity.
    Link {
        /// The one.
        profile: ProfileKey,
        /// The other.
        other: ProfileKey,
    },
    /// `anonymous` and `user` are one person, unless `anonymous` is linked to somebody already.
    Claim {
        /// A device, or a visitor nobody knew.
        anonymous: ProfileKey,
        /// Who it turned out to be.
        user: ProfileKey,
    },
    /// The profile is a person of its own again.
    Unlink {
        /// The profile.
        profile: ProfileKey,
    },
    /// The person is forgotten: every profile, every active day.
    Erase {
        /// One of their profiles.
        profile: ProfileKey,
    },
    /// The person is counted nowhere, until included again.
    Exclude {
        /// One of their profiles.
        profile: ProfileKey,
    },
    /// The person is counted again.
    Include {
        /// One of their profiles.
        profile: ProfileKey,
    },
    /// The person is known as `to` from now on; `from` still works, and is out of use.
    Rename {
        /// The name until now.
        from: ProfileKey,
        /// The new name, not known before.
        to: ProfileKey,
    },
    /// As a rename, but `from` is forgotten at once: who uses it again is somebody new.
    Replace {
        /// The name until now.
        from: ProfileKey,
        /// The new name, not known before.
        to: ProfileKey,
    },
    /// A name that a rename put out of use is forgotten. Its activity stays with the person.
    Remove {
        /// The name.
        profile: ProfileKey,
    },
}

impl IdentityChange {
    /// The profile it begins with.
    pub const fn profile(&self) -> ProfileKey {
        match self {
            Self::Link { profile, .. }
            | Self::Claim { anonymous: profile, .. }
            | Self::Unlink { profile }
            | Self::Erase { profile }
            | Self::Exclude { profile }
            | Self::Include { profile }
            | Self::Rename { from: profile, .. }
            | Self::Replace { from: profile, .. }
            | Self::Remove { profile } => *profile,
        }
    }
}

/// What became of a change of who is who.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IdentityOutcome {
    /// It was made.
    Changed,
    /// It was so already.
    Unchanged,
    /// The profile is not known.
    Unknown,
    /// The new name belongs to somebody.
    Taken,
    /// The name is in use, or is the last one of its person.
    InUse,
    /// The name is out of use.
    OutOfUse,
    /// A person has no room for so many profiles.
    TooMany,
}

/// What the store keeps of a profile that is linked, moved or flagged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IdentityRecord {
    /// The shard in which the profile lives; a person's profiles live in one.
    pub home: u8,
    /// The profile by which the person is known, if the person has several.
    pub person: Option<ProfileKey>,
    /// What is said of it.
    pub flags: Flags,
}

impl IdentityRecord {
    /// Whether the profile belongs to somebody, or was taken out by hand: no claim changes it.
    pub(crate) fn is_settled(&self) -> bool {
        self.person.is_some() || self.flags.has(Flags::UNLINKED)
    }
}

/// A profile came into a shard or left it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Move {
    /// It is there, with these calendars instead of any it had.
    Arrived {
        /// Where.
        shard: u8,
        /// Who.
        profile: ProfileKey,
        /// Its calendars.
        calendars: Vec<u8>,
    },
    /// It is not there any more.
    Left {
        /// Where.
        shard: u8,
        /// Who.
        profile: ProfileKey,
    },
}

/// What must be remembered of changes of who is who.
#[derive(Default, PartialEq, Eq, Debug)]
pub struct IdentityEffects {
    /// In order.
    pub moves: Vec<Move>,
    /// The last state of each profile touched; `None`: nothing is kept of it.
    pub records: BTreeMap<ProfileKey, Option<IdentityRecord>>,
}

/// A person with everything that is known of them, on the way from one partition to another.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Parcel {
    /// The profile by which the person is known; one of the travellers.
    pub label: ProfileKey,
    /// Every profile of the person.
    pub travellers: Vec<Traveller>,
}

/// One profile of a person who moves.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Traveller {
    /// Who.
    pub profile: ProfileKey,
    /// What is said of it.
    pub flags: Flags,
    /// Its active days.
    pub calendars: Vec<u8>,
}

/// Every shard of a workspace, held at once: who is who may change anywhere.
///
/// A person's profiles live in one shard, so that activity needs one shard only. A profile's own shard, told by its key,
/// knows where it lives.
pub struct Identities<'a> {
    shards: [&'a mut Shard; SHARD_COUNT as usize],
    effects: IdentityEffects,
}

impl<'a> Identities<'a> {
    /// For the shards of one workspace, by number.
    pub fn new(shards: [&'a mut Shard; SHARD_COUNT as usize]) -> Self {
        Self { shards, effects: IdentityEffects::default() }
    }

    /// What must be remembered of all changes so far.
    pub fn into_effects(self) -> IdentityEffects {
        self.effects
    }

    /// Makes one change and notes in `rows` how the gap rows change.
    pub fn apply(&mut self, change: IdentityChange, rows: &mut RowChanges) -> IdentityOutcome {
        match change {
            IdentityChange::Link { profile, other } => self.link(profile, other, rows),
            IdentityChange::Claim { anonymous, user } => {
                if self.shards[usize::from(anonymous.shard())].is_settled(anonymous) {
                    return IdentityOutcome::Unchanged;
                }
                let outcome = self.link(anonymous, user, rows);
                if outcome == IdentityOutcome::TooMany {
                    self.leave_alone(anonymous);
                }
                outcome
            }
            IdentityChange::Unlink { profile } => self.unlink(profile, rows),
            IdentityChange::Erase { profile } => self.erase(profile, rows),
            IdentityChange::Exclude { profile } => {
                self.know(profile);
                self.set_excluded(profile, true, rows)
            }
            IdentityChange::Include { profile } => self.set_excluded(profile, false, rows),
            IdentityChange::Rename { from, to } => self.rename(from, to),
            IdentityChange::Replace { from, to } => self.replace(from, to),
            IdentityChange::Remove { profile } => self.remove(profile),
        }
    }

    /// Takes a person out, whole; a profile that is not known goes as it is. Rows lose what they contributed.
    pub(crate) fn take_person(&mut self, profile: ProfileKey, rows: &mut RowChanges) -> Parcel {
        self.know(profile);
        let home = self.home_of(profile);
        let shard = self.at(home);
        shard.note_person(profile, Cause::Link, -1, rows);
        let parcel = shard.parcel_of(profile);
        for traveller in &parcel.travellers {
            self.forget(traveller.profile, home);
        }
        parcel
    }

    /// Puts a person in who was taken out elsewhere.
    pub(crate) fn put_person(&mut self, parcel: &Parcel, rows: &mut RowChanges) {
        self.place_person(parcel);
        self.at(parcel.label.shard()).note_person(parcel.label, Cause::Link, 1, rows);
    }

    /// As [`Identities::put_person`], of a person whom the rows have already.
    pub(crate) fn place_person(&mut self, parcel: &Parcel) {
        let home = parcel.label.shard();
        for Traveller { profile, flags, calendars } in &parcel.travellers {
            let shard = self.at(home);
            shard.put(*profile, calendars);
            shard.set_flags(*profile, *flags);
            self.set_home(*profile, home);
            self.effects.moves.push(Move::Arrived { shard: home, profile: *profile, calendars: calendars.clone() });
        }
        let shard = self.at(home);
        for traveller in &parcel.travellers {
            shard.join(parcel.label, traveller.profile);
        }
        self.record(&parcel.travellers.iter().map(|traveller| traveller.profile).collect::<Vec<_>>());
    }

    fn home_of(&self, profile: ProfileKey) -> u8 {
        self.shards[usize::from(profile.shard())].elsewhere(profile).unwrap_or_else(|| profile.shard())
    }

    /// Tells a profile's own shard where it lives.
    fn set_home(&mut self, profile: ProfileKey, home: u8) {
        let own = profile.shard();
        self.at(own).set_elsewhere(profile, (home != own).then_some(home));
    }

    fn at(&mut self, shard: u8) -> &mut Shard {
        self.shards[usize::from(shard)]
    }

    fn is_known(&self, profile: ProfileKey) -> bool {
        self.shards[usize::from(self.home_of(profile))].contains(profile)
    }

    fn know(&mut self, profile: ProfileKey) {
        let home = self.home_of(profile);
        if self.at(home).know(profile) {
            self.effects.moves.push(Move::Arrived { shard: home, profile, calendars: Vec::new() });
        }
    }

    /// `from` and its person move to where `into` lives, and become one with it.
    fn link(&mut self, from: ProfileKey, into: ProfileKey, rows: &mut RowChanges) -> IdentityOutcome {
        if from == into {
            return IdentityOutcome::Unchanged;
        }
        let (old_home, home) = (self.home_of(from), self.home_of(into));
        self.know(from);
        self.know(into);
        let moving = self.at(old_home).person_of(from);
        let staying = self.at(home).person_of(into);
        if moving.contains(&into) {
            return IdentityOutcome::Unchanged;
        }
        if moving.len() + staying.len() > PERSON_PROFILES_MAX {
            return IdentityOutcome::TooMany;
        }
        self.at(old_home).note_person(from, Cause::Link, -1, rows);
        self.at(home).note_person(into, Cause::Link, -1, rows);
        let excluded = [(old_home, from), (home, into)].iter().any(|(shard, key)| self.at(*shard).is_excluded(*key));
        if old_home != home {
            for profile in &moving {
                self.carry(*profile, old_home, home);
            }
        }
        let shard = self.at(home);
        for profile in &moving {
            shard.join(into, *profile);
        }
        shard.set_flags(from, shard.flags_of(from).without(Flags::UNLINKED));
        if excluded {
            for profile in moving.iter().chain(&staying) {
                shard.set_flags(*profile, shard.flags_of(*profile).with(Flags::EXCLUDED));
            }
        }
        shard.note_person(into, Cause::Link, 1, rows);
        self.record(&moving);
        // A person of several is known by the same profile as before.
        if staying.len() == 1 || excluded {
            self.record(&staying);
        }
        IdentityOutcome::Changed
    }

    /// No claim is made of a profile that found no room: it would be refused, at some cost, with each of its messages.
    fn leave_alone(&mut self, profile: ProfileKey) {
        let home = self.home_of(profile);
        let shard = self.at(home);
        shard.set_flags(profile, shard.flags_of(profile).with(Flags::UNLINKED));
        self.record(&[profile]);
    }

    /// Moves one profile, which is then a person of its own.
    fn carry(&mut self, profile: ProfileKey, old_home: u8, home: u8) {
        let flags = self.at(old_home).flags_of(profile);
        let calendars = self.at(old_home).take_out(profile);
        self.at(home).put(profile, &calendars);
        self.at(home).set_flags(profile, flags);
        self.set_home(profile, home);
        self.effects.moves.push(Move::Left { shard: old_home, profile });
        self.effects.moves.push(Move::Arrived { shard: home, profile, calendars });
    }

    fn unlink(&mut self, profile: ProfileKey, rows: &mut RowChanges) -> IdentityOutcome {
        let home = self.home_of(profile);
        let shard = self.at(home);
        if !shard.contains(profile) {
            return IdentityOutcome::Unknown;
        }
        let person = shard.person_of(profile);
        let Some(other) = person.iter().copied().find(|other| *other != profile) else {
            return IdentityOutcome::Unchanged;
        };
        shard.note_person(profile, Cause::Unlink, -1, rows);
        shard.split(profile);
        let flags = shard.flags_of(profile).without(Flags::OUT_OF_USE);
        shard.set_flags(profile, flags.with(Flags::UNLINKED));
        shard.note_person(profile, Cause::Unlink, 1, rows);
        shard.note_person(other, Cause::Unlink, 1, rows);
        self.record(&person);
        IdentityOutcome::Changed
    }

    fn erase(&mut self, profile: ProfileKey, rows: &mut RowChanges) -> IdentityOutcome {
        let home = self.home_of(profile);
        let shard = self.at(home);
        if !shard.contains(profile) {
            return IdentityOutcome::Unknown;
        }
        shard.note_person(profile, Cause::Erase, -1, rows);
        for profile in shard.person_of(profile) {
            self.forget(profile, home);
        }
        IdentityOutcome::Changed
    }

    /// Nothing is left of the profile, here or in its own shard.
    fn forget(&mut self, profile: ProfileKey, home: u8) {
        self.at(home).take_out(profile);
        self.set_home(profile, profile.shard());
        self.effects.moves.push(Move::Left { shard: home, profile });
        self.effects.records.insert(profile, None);
    }

    fn set_excluded(&mut self, profile: ProfileKey, excluded: bool, rows: &mut RowChanges) -> IdentityOutcome {
        let home = self.home_of(profile);
        let shard = self.at(home);
        if !shard.contains(profile) {
            return IdentityOutcome::Unknown;
        }
        if shard.is_excluded(profile) == excluded {
            return IdentityOutcome::Unchanged;
        }
        let person = shard.person_of(profile);
        // Of the two, the one that is made while the person is excluded notes nothing.
        shard.note_person(profile, Cause::Exclude, -1, rows);
        for profile in &person {
            let flags = shard.flags_of(*profile);
            let flags = if excluded { flags.with(Flags::EXCLUDED) } else { flags.without(Flags::EXCLUDED) };
            shard.set_flags(*profile, flags);
        }
        shard.note_person(profile, Cause::Exclude, 1, rows);
        self.record(&person);
        IdentityOutcome::Changed
    }

    fn rename(&mut self, from: ProfileKey, to: ProfileKey) -> IdentityOutcome {
        if let Some(refusal) = self.refuse_new_name(from, to) {
            return refusal;
        }
        let home = self.home_of(from);
        self.name_anew(from, to, home, &[]);
        let shard = self.at(home);
        shard.set_flags(from, shard.flags_of(from).with(Flags::OUT_OF_USE));
        let person = shard.person_of(from);
        self.record(&person);
        IdentityOutcome::Changed
    }

    fn replace(&mut self, from: ProfileKey, to: ProfileKey) -> IdentityOutcome {
        if let Some(refusal) = self.refuse_new_name(from, to) {
            return refusal;
        }
        let home = self.home_of(from);
        let calendars = self.at(home).calendars_of(from).to_bytes();
        self.name_anew(from, to, home, &calendars);
        self.forget(from, home);
        let person = self.at(home).person_of(to);
        self.record(&person);
        IdentityOutcome::Changed
    }

    fn refuse_new_name(&self, from: ProfileKey, to: ProfileKey) -> Option<IdentityOutcome> {
        let refusal = self.refuse_old_name(from);
        let full = refusal == Some(IdentityOutcome::TooMany);
        if (refusal.is_none() || full) && self.is_known(to) {
            return Some(IdentityOutcome::Taken);
        }
        refusal
    }

    /// Why nobody can have a new name instead of this one, whichever.
    pub(crate) fn refuse_old_name(&self, from: ProfileKey) -> Option<IdentityOutcome> {
        let home = &self.shards[usize::from(self.home_of(from))];
        if !home.contains(from) {
            return Some(IdentityOutcome::Unknown);
        }
        if home.flags_of(from).has(Flags::OUT_OF_USE) {
            return Some(IdentityOutcome::OutOfUse);
        }
        (home.person_of(from).len() >= PERSON_PROFILES_MAX).then_some(IdentityOutcome::TooMany)
    }

    /// A name that was made for a person, and has no activity, is not known any more.
    pub(crate) fn forget_name(&mut self, name: ProfileKey) {
        let home = self.home_of(name);
        let shard = self.at(home);
        if shard.contains(name) && shard.calendars_of(name).is_empty() && shard.person_of(name).len() == 1 {
            self.forget(name, home);
        }
    }

    /// Adds the profile `to` to the person of `from`, with the calendars of one of theirs or none: no count changes.
    fn name_anew(&mut self, from: ProfileKey, to: ProfileKey, home: u8, calendars: &[u8]) {
        let shard = self.at(home);
        shard.put(to, calendars);
        shard.join(from, to);
        shard.set_flags(to, shard.flags_of(from));
        self.set_home(to, home);
        self.effects.moves.push(Move::Arrived { shard: home, profile: to, calendars: calendars.to_vec() });
    }

    fn remove(&mut self, profile: ProfileKey) -> IdentityOutcome {
        let home = self.home_of(profile);
        let shard = self.at(home);
        if !shard.contains(profile) {
            return IdentityOutcome::Unknown;
        }
        let in_use = |other: &ProfileKey| !shard.flags_of(*other).has(Flags::OUT_OF_USE);
        let others = shard.person_of(profile).into_iter().filter(|other| *other != profile);
        let heir = others.filter(in_use).min();
        let (false, Some(heir)) = (in_use(&profile), heir) else { return IdentityOutcome::InUse };
        let calendars = shard.absorb(heir, profile);
        self.effects.moves.push(Move::Arrived { shard: home, profile: heir, calendars });
        self.forget(profile, home);
        let person = self.at(home).person_of(heir);
        self.record(&person);
        IdentityOutcome::Changed
    }

    /// Remembers how these profiles, which live in one shard, stand now.
    fn record(&mut self, profiles: &[ProfileKey]) {
        for profile in profiles {
            let home = self.home_of(*profile);
            let record = self.at(home).identity_of(*profile, home);
            self.at(profile.shard()).set_settled(*profile, record.is_settled());
            let plain = IdentityRecord { home: profile.shard(), person: None, flags: Flags::NONE };
            self.effects.records.insert(*profile, Some(record).filter(|record| *record != plain));
        }
    }

    /// Puts back what the store kept of a profile. Its calendars are in place, if it has any.
    pub fn restore(&mut self, profile: ProfileKey, record: IdentityRecord) {
        self.at(profile.shard()).restore_home(profile, record);
        self.at(record.home).restore_identity(profile, record);
    }
}
