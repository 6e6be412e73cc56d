use dauphin_model::ProfileKey;

use super::{Answer, Ask, Message, Request, Role, Step, Work};
use crate::identity::{IdentityChange, IdentityOutcome, Parcel, Traveller};
use crate::partition::message::Person;
use crate::person::Flags;

/// Moves that a request may ask for as it likes. After these people only move to lower partitions, so that two requests
/// which move people past each other come to an end.
const FREE_MOVES: u8 = 2;

/// A request goes to where its people live; if they live apart, one person moves.
impl Work<'_> {
    /// A claim: most of them repeat what is known here.
    pub(super) fn claim(&mut self, anonymous: ProfileKey, user: ProfileKey) {
        let settled = match self.partition.routes.route(anonymous) {
            Some(route) => route.settled,
            None => self.shard(anonymous).is_settled(anonymous),
        };
        if !settled {
            let request = Request::new(Ask::Change(IdentityChange::Claim { anonymous, user }));
            self.request(Role::Router, anonymous, request);
        }
    }

    pub(super) fn request(&mut self, role: Role, about: ProfileKey, request: Request) {
        let draining = |work: &Self| work.partition.routes.route(about).is_some_and(|route| route.draining);
        if role == Role::Router && draining(self) {
            // It would overtake what was sent to where the profile lived before.
            return self.send_own(about, Message::Request { role, about, request });
        }
        match self.onward(role, about) {
            Some(to) => self.send(to, Message::Request { role: Role::Home, about, request }),
            None => self.carry_out(about, request),
        }
    }

    /// Sends the request the way of a profile.
    pub(super) fn go(&mut self, about: ProfileKey, request: Request) {
        self.send_own(about, Message::Request { role: Role::Router, about, request });
    }

    /// Goes on with what somebody came here for, unless whom they came to has left.
    pub(super) fn came_for(&mut self, about: ProfileKey, request: Request) {
        if self.contains(about) { self.carry_out(about, request) } else { self.go(about, request) }
    }

    fn answer(&mut self, outcome: IdentityOutcome) {
        self.folded.answer = Some(Answer::Outcome(outcome));
    }

    /// Goes on with a request where the profile lives that it is about.
    pub(super) fn carry_out(&mut self, about: ProfileKey, request: Request) {
        match (request.ask, request.step) {
            (Ask::Show(profile), _) => self.folded.answer = Some(Answer::Person(self.show(profile))),
            (Ask::Change(change), Step::Begin) => self.begin(about, change, request),
            (Ask::Change(change), Step::Seek(first)) => self.sought(about, first, change, request),
            (Ask::Change(change), Step::Bring(to)) => self.bring(about, to, change, request),
            (Ask::Change(change), Step::Reserve(asking)) => self.reserve(about, asking, change, request),
            (Ask::Change(change), Step::Name) => self.name(about, change, request),
        }
    }

    fn show(&self, profile: ProfileKey) -> Option<Person> {
        let own = self.shard(profile);
        let shard = &self.partition.shards[usize::from(own.elsewhere(profile).unwrap_or_else(|| profile.shard()))];
        shard.contains(profile).then(|| Person {
            profile_count: shard.person_of(profile).len(),
            excluded: shard.is_excluded(profile),
            days: shard.days_of(profile),
        })
    }

    fn begin(&mut self, about: ProfileKey, change: IdentityChange, request: Request) {
        match change {
            IdentityChange::Link { profile, other } if profile == other => self.answer(IdentityOutcome::Unchanged),
            IdentityChange::Claim { anonymous, .. } if self.is_settled_here(anonymous) => {
                self.answer(IdentityOutcome::Unchanged);
            }
            IdentityChange::Link { profile, other } | IdentityChange::Claim { anonymous: profile, user: other } => {
                if self.lives_here(other) {
                    let outcome = self.change_here(change);
                    return self.answer(outcome);
                }
                debug_assert_eq!(about, profile, "a link begins where its first profile lives");
                self.go(other, Request { step: Step::Seek(self.partition.number), ..request });
            }
            IdentityChange::Rename { from, to } | IdentityChange::Replace { from, to } => {
                if self.lives_here(to) {
                    let outcome = self.change_here(change);
                    return self.answer(outcome);
                }
                if let Some(refusal) = self.identify(|identities, _| identities.refuse_old_name(from)) {
                    return self.answer(refusal);
                }
                self.go(to, Request { step: Step::Reserve(self.partition.number), ..request });
            }
            IdentityChange::Erase { profile } => self.erase(profile, request),
            IdentityChange::Unlink { .. }
            | IdentityChange::Exclude { .. }
            | IdentityChange::Include { .. }
            | IdentityChange::Remove { .. } => {
                let outcome = self.change_here(change);
                self.answer(outcome);
            }
        }
    }

    /// Whether what is sent to the profile ends here.
    fn lives_here(&self, profile: ProfileKey) -> bool {
        if self.contains(profile) {
            return true;
        }
        let routes = &self.partition.routes;
        self.is_own(profile) && routes.route(profile).is_none() && routes.forward(profile).is_none()
    }

    fn is_settled_here(&self, profile: ProfileKey) -> bool {
        self.shard(profile).is_settled(profile)
    }

    /// The second profile lives here; the first one is to come, unless it is here by now.
    fn sought(&mut self, second: ProfileKey, first_home: u16, change: IdentityChange, request: Request) {
        let first = change.profile();
        if self.lives_here(first) {
            return self.begin(first, change, request.at(Step::Begin));
        }
        if request.moves >= FREE_MOVES && first_home < self.partition.number {
            return self.depart(second, first_home, (first, request.moved()));
        }
        self.go(first, Request { step: Step::Bring(self.partition.number), ..request });
    }

    fn bring(&mut self, first: ProfileKey, to: u16, change: IdentityChange, request: Request) {
        let settled = matches!(change, IdentityChange::Claim { .. }) && self.is_settled_here(first);
        if to == self.partition.number || settled {
            return self.begin(first, change, request.at(Step::Begin));
        }
        if request.moves >= FREE_MOVES && to > self.partition.number {
            return self.begin(first, change, request.at(Step::Begin));
        }
        self.depart(first, to, (first, request.moved()));
    }

    /// Erases a person once nothing is on the way to any of their profiles.
    fn erase(&mut self, profile: ProfileKey, mut request: Request) {
        if !self.contains(profile) {
            // The request went the way of another profile of the person, who is not the same person any more.
            if request.flushed.is_empty() {
                return self.answer(IdentityOutcome::Unknown);
            }
            return self.go(profile, Request { flushed: Vec::new(), ..request });
        }
        let home = self.shard(profile).elsewhere(profile).unwrap_or_else(|| profile.shard());
        let person = self.partition.shards[usize::from(home)].person_of(profile);
        let waits =
            |member: &&ProfileKey| **member != profile && !self.is_own(**member) && !request.flushed.contains(*member);
        if let Some(member) = person.iter().find(waits).copied() {
            request.flushed.push(member);
            return self.go(member, request);
        }
        let outcome = self.change_here(IdentityChange::Erase { profile });
        self.answer(outcome);
    }

    /// Gives a new name to whoever asks, unless somebody has it.
    fn reserve(&mut self, to: ProfileKey, asking: u16, change: IdentityChange, request: Request) {
        if self.contains(to) {
            return self.answer(IdentityOutcome::Taken);
        }
        if asking == self.partition.number {
            return self.go(change.profile(), request.at(Step::Begin));
        }
        let traveller = Traveller { profile: to, flags: Flags::NONE, calendars: Vec::new() };
        let parcel = Parcel { label: to, travellers: vec![traveller] };
        self.dispatch(parcel, asking, (to, request.at(Step::Name)));
    }

    /// The new name is here; the old one was.
    fn name(&mut self, to: ProfileKey, change: IdentityChange, request: Request) {
        self.identify(|identities, _| identities.forget_name(to));
        let from = change.profile();
        if self.contains(to) {
            return self.answer(IdentityOutcome::Taken);
        }
        if !self.contains(from) {
            self.send_home(to);
            return self.go(from, request.moved());
        }
        let outcome = self.change_here(change);
        if outcome != IdentityOutcome::Changed {
            self.send_home(to);
        }
        self.answer(outcome);
    }
}

impl Request {
    /// A question that nobody has seen yet.
    pub const fn new(ask: Ask) -> Self {
        Self { ask, step: Step::Begin, moves: 0, flushed: Vec::new() }
    }

    fn at(self, step: Step) -> Self {
        Self { step, ..self }
    }

    /// From the beginning, after a move.
    fn moved(self) -> Self {
        Self { step: Step::Begin, moves: self.moves.saturating_add(1), ..self }
    }
}
