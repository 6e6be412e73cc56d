use dauphin_model::ProfileKey;

use super::{Message, Request, Work};
use crate::identity::{Identities, IdentityChange, IdentityOutcome, Parcel};

/// People come and go.
impl Work<'_> {
    /// Sends the person of `profile` to live in another partition, where `then` goes on.
    pub(super) fn depart(&mut self, profile: ProfileKey, to: u16, then: (ProfileKey, Request)) {
        let parcel = self.identify(|identities, rows| identities.take_person(profile, rows));
        self.dispatch(parcel, to, then);
    }

    /// Nobody hears that they left before they have arrived: the order of the messages is the order in every log.
    pub(super) fn dispatch(&mut self, parcel: Parcel, to: u16, then: (ProfileKey, Request)) {
        let profiles: Vec<_> = parcel.travellers.iter().map(|traveller| traveller.profile).collect();
        self.send(to, Message::Arrived { parcel, then: Some(then) });
        profiles.into_iter().for_each(|profile| self.leave(profile, to));
    }

    /// A profile of another partition that is not known any more belongs there again.
    pub(super) fn send_home(&mut self, profile: ProfileKey) {
        if !self.is_own(profile) {
            self.leave(profile, self.own(profile));
        }
    }

    pub(super) fn arrived(&mut self, parcel: &Parcel) {
        for traveller in &parcel.travellers {
            self.partition.routes.set_forward(traveller.profile, None);
        }
        self.identify(|identities, rows| identities.put_person(parcel, rows));
    }

    /// Changes who is who where everybody it is about lives here; tells their own partitions.
    pub(super) fn change_here(&mut self, change: IdentityChange) -> IdentityOutcome {
        let first = self.folded.records.len();
        let outcome = self.identify(|identities: &mut Identities<'_>, rows| identities.apply(change, rows));
        let touched = self.folded.records.split_off(first);
        self.folded.records.extend_from_slice(&touched);
        for (profile, record) in touched {
            if self.is_own(profile) {
                continue;
            }
            if self.contains(profile) {
                let settled = record.is_some_and(|record| record.is_settled());
                self.send_own(profile, Message::Settled { profile, settled });
            } else {
                self.send_home(profile);
            }
        }
        outcome
    }
}
