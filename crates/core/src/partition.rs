//! A workspace cut over several machines: each *partition* folds the profiles whose keys say so, and people whose
//! profiles belong to different partitions move.
//!
//! A partition takes [`Message`]s in the order of its log, one at a time, and answers each with everything that follows
//! ([`Folded`]): what to remember, how rows change, and messages to other partitions. Delivery must be exactly once and
//! causal: who sees what a message led to comes after it in every log. One log a partition, read in order and written in
//! the same transaction as what is remembered, is both.
//!
//! Two questions are kept apart. *Router*: a profile's own partition, told by its key, knows to which partition what is
//! sent to the profile goes on ([`Routes`]). *Home*: the partition that a person moved away from passes on what still
//! comes, by a forward, until the router says that nothing more will.

mod message;
mod request;
mod routes;
mod travel;

use dauphin_model::ProfileKey;
use dauphin_model::limits::SHARD_COUNT;

use crate::identity::{Identities, IdentityEffects, IdentityRecord, Move};
use crate::row::{RowChange, RowChanges};
use crate::shard::{Applied, Change, Shard, Stamp};

pub use message::{Answer, Ask, Departure, Forward, Message, Person, Request, Role, Route, Step};
pub use routes::Routes;

/// One partition's part of one workspace.
pub struct Partition {
    number: u16,
    count: u16,
    shards: [Shard; SHARD_COUNT as usize],
    routes: Routes,
}

/// What follows from a message.
#[derive(Default, Debug)]
pub struct Folded {
    /// What the log must remember, in order.
    pub effects: Vec<Effect>,
    /// The last state of each profile that is linked, moved or flagged; `None`: nothing is kept of it.
    pub records: Vec<(ProfileKey, Option<IdentityRecord>)>,
    /// What became of routes; `None`: nothing is kept.
    pub routes: Vec<(ProfileKey, Option<Route>)>,
    /// What became of forwards; `None`: nothing is kept.
    pub forwards: Vec<(ProfileKey, Option<Forward>)>,
    /// How rows change.
    pub rows: Vec<RowChange>,
    /// What goes to which partition, in order; to this one too.
    pub outbox: Vec<(u16, Message)>,
    /// What whoever asked is told.
    pub answer: Option<Answer>,
}

/// One thing to remember.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Effect {
    /// Changes of a shard that had an effect.
    Changes(u8, Vec<Change>),
    /// Fingerprints of what a shard counted.
    Seen(u8, Vec<u128>),
    /// A profile came into a shard or left it.
    Move(Move),
}

/// One message at work.
struct Work<'a> {
    partition: &'a mut Partition,
    stamp: Stamp,
    /// The place of the message in the log: names what it leads to.
    position: u64,
    rows: RowChanges,
    folded: Folded,
}

impl Partition {
    /// An empty one, `number` of `count`.
    pub fn new(number: u16, count: u16) -> Self {
        Self { number, count, shards: std::array::from_fn(|_| Shard::default()), routes: Routes::default() }
    }

    /// One that was restored.
    pub fn restored(number: u16, count: u16, shards: [Shard; SHARD_COUNT as usize], routes: Routes) -> Self {
        Self { number, count, shards, routes }
    }

    /// Its shards, by number.
    pub const fn shards(&self) -> &[Shard; SHARD_COUNT as usize] {
        &self.shards
    }

    /// As [`Partition::shards`].
    pub const fn shards_mut(&mut self) -> &mut [Shard; SHARD_COUNT as usize] {
        &mut self.shards
    }

    /// Who lives elsewhere, as far as this partition knows.
    pub const fn routes(&self) -> &Routes {
        &self.routes
    }

    /// Folds the message at `position` of the log.
    pub fn fold(&mut self, message: Message, stamp: Stamp, position: u64) -> Folded {
        let folded = Folded::default();
        let mut work = Work { partition: self, stamp, position, rows: RowChanges::new(), folded };
        match message {
            Message::Changes { role, changes, claims } => {
                work.changes(role, changes);
                claims.into_iter().for_each(|(anonymous, user)| work.claim(anonymous, user));
            }
            Message::Request { role, about, request } => work.request(role, about, request),
            Message::Arrived { parcel, then } => {
                work.arrived(&parcel);
                if let Some((about, request)) = then {
                    work.came_for(about, request);
                }
            }
            Message::Left { profile, departure } => work.left(profile, departure),
            Message::Drop { profile, id } => work.drop_forward(profile, id),
            Message::Dropped { profile } => work.dropped(profile),
            Message::Settled { profile, settled } => work.settled(profile, settled),
        }
        work.finish()
    }
}

impl Work<'_> {
    fn finish(mut self) -> Folded {
        self.folded.rows = self.rows.drain();
        let Self { partition, mut folded, .. } = self;
        (folded.routes, folded.forwards) = partition.routes.take_changed();
        folded
    }

    fn own(&self, profile: ProfileKey) -> u16 {
        profile.partition(self.partition.count)
    }

    fn is_own(&self, profile: ProfileKey) -> bool {
        self.own(profile) == self.partition.number
    }

    fn shard(&self, profile: ProfileKey) -> &Shard {
        &self.partition.shards[usize::from(profile.shard())]
    }

    /// Whether the profile lives here.
    fn contains(&self, profile: ProfileKey) -> bool {
        let own = self.shard(profile);
        own.contains(profile) || own.elsewhere(profile).is_some()
    }

    fn send(&mut self, to: u16, message: Message) {
        self.folded.outbox.push((to, message));
    }

    /// Sends what is about a profile to the partition that routes it.
    fn send_own(&mut self, profile: ProfileKey, message: Message) {
        self.send(self.own(profile), message);
    }

    /// Where what is sent to a profile in this role goes on to, if not here.
    fn onward(&self, role: Role, profile: ProfileKey) -> Option<u16> {
        let partition = &*self.partition;
        let routed = match role {
            Role::Router => partition.routes.route(profile).map_or(partition.number, |route| route.home),
            Role::Home => partition.number,
        };
        if routed != partition.number {
            return Some(routed);
        }
        partition.routes.forward(profile).map(|forward| forward.to)
    }

    fn changes(&mut self, role: Role, changes: Vec<Change>) {
        let mut by_shard: [Vec<Change>; SHARD_COUNT as usize] = std::array::from_fn(|_| Vec::new());
        let mut onward = std::collections::BTreeMap::<u16, Vec<Change>>::new();
        let all_here = self.partition.routes.is_empty();
        for change in changes {
            // What is told by fingerprint, or counts where the profile belongs by its key, does not move.
            let moves = matches!(change, Change::Active { .. } | Change::Known { .. });
            match Some(change.profile()).filter(|_| moves && !all_here).and_then(|of| self.onward(role, of)) {
                Some(to) => onward.entry(to).or_default().push(change),
                None => by_shard[usize::from(change.profile().shard())].push(change),
            }
        }
        for (number, changes) in (0_u8..).zip(by_shard) {
            self.apply(number, &changes);
        }
        for (to, changes) in onward {
            self.send(to, Message::Changes { role: Role::Home, changes, claims: Vec::new() });
        }
    }

    /// Applies changes in a shard, and those of profiles that live in another shard of this partition there.
    fn apply(&mut self, number: u8, changes: &[Change]) {
        if changes.is_empty() {
            return;
        }
        let shard = &mut self.partition.shards[usize::from(number)];
        let Applied { effective, elsewhere, seen } = shard.apply_all(changes, self.stamp, &mut self.rows);
        if !effective.is_empty() {
            self.folded.effects.push(Effect::Changes(number, effective));
        }
        if !seen.is_empty() {
            self.folded.effects.push(Effect::Seen(number, seen));
        }
        for (home, change) in elsewhere {
            self.apply(home, &[change]);
        }
    }

    /// Changes who is who among those who live here.
    fn identify<T>(&mut self, change: impl FnOnce(&mut Identities<'_>, &mut RowChanges) -> T) -> T {
        let mut identities = Identities::new(self.partition.shards.each_mut());
        let done = change(&mut identities, &mut self.rows);
        let IdentityEffects { moves, records } = identities.into_effects();
        self.folded.effects.extend(moves.into_iter().map(Effect::Move));
        self.folded.records.extend(records);
        done
    }
}
