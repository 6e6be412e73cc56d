use dauphin_model::limits::SHARD_COUNT;
use dauphin_model::{Cause, ProfileKey};

use crate::identity::{Identities, IdentityRecord, Parcel, Traveller};
use crate::partition::{Partition, Route};
use crate::person::{Flags, note_contribution};
use crate::row::{RowChange, RowChanges};
use crate::shard::Shard;

/// Memory of sums that are kept at once.
const SUM_BYTES_MAX: usize = 32 << 20;

/// Everybody who lives in a shard, when they all go to live elsewhere.
impl Shard {
    /// Of every person who lives here, the profile by which they are known.
    pub fn labels(&self) -> impl Iterator<Item = ProfileKey> {
        self.profiles().all().map(|(profile, _)| profile).filter(|profile| self.is_label(*profile))
    }

    /// The person of a profile that lives here, with all that is known of them.
    pub fn parcel_of(&self, profile: ProfileKey) -> Parcel {
        let traveller = |profile| {
            let (flags, calendars) = (self.flags_of(profile), self.calendars_of(profile).to_bytes());
            Traveller { profile, flags, calendars }
        };
        let travellers = self.person_of(profile).into_iter().map(traveller).collect();
        Parcel { label: self.label_of(profile), travellers }
    }

    /// How rows gain everybody who lives here and is counted, as many people at a time as are summed together. The
    /// changes come ordered by key, day, cause and bucket.
    pub fn contributions(&self, cause: Cause, each: &mut dyn FnMut(&[RowChange])) {
        let mut rows = RowChanges::new();
        for person in self.people() {
            note_contribution(person, cause, 1, &mut rows);
            if rows.byte_count() > SUM_BYTES_MAX {
                each(&rows.drain());
            }
        }
        each(&rows.drain());
    }

    /// Of every profile that lives here, in shard `home`, and is linked, moved or flagged: what the store keeps.
    pub fn identities(&self, home: u8) -> impl Iterator<Item = (ProfileKey, IdentityRecord)> {
        let profiles = self.profiles().all().map(|(profile, _)| profile);
        profiles.map(move |profile| (profile, self.identity_of(profile, home))).filter(|(profile, record)| {
            *record != IdentityRecord { home: profile.shard(), person: None, flags: Flags::NONE }
        })
    }
}

impl Partition {
    /// Puts a person in of whom nothing is known here, and whom the rows have already.
    pub fn settle(&mut self, parcel: &Parcel) {
        Identities::new(self.shards_mut().each_mut()).place_person(parcel);
    }

    /// What the store keeps of every profile that lives here and is linked, moved or flagged.
    pub fn identities(&self) -> impl Iterator<Item = (ProfileKey, IdentityRecord)> {
        (0..SHARD_COUNT).zip(self.shards()).flat_map(|(number, shard)| shard.identities(number))
    }
}

impl Route {
    /// To one of several profiles of a person who came to live in `home` long ago: nothing is on its way there, and
    /// somebody who has several profiles is settled.
    pub const fn settled(home: u16) -> Self {
        Self { home, settled: true, draining: false, waiting: Vec::new() }
    }
}
