use std::collections::{BTreeMap, BTreeSet};

use dauphin_model::{ActiveDay, AppIndex, ProfileKey};

use crate::identity::{IdentityChange, IdentityOutcome, Parcel};
use crate::shard::Change;

/// What reaches a partition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Message {
    /// Things happened to profiles.
    Changes {
        /// Sent to the profiles' own partition, or to where they live.
        role: Role,
        /// In order.
        changes: Vec<Change>,
        /// Anonymous profiles, and to whom they belong unless they belong to somebody already. They follow the changes.
        claims: Vec<(ProfileKey, ProfileKey)>,
    },
    /// Somebody asks.
    Request {
        /// Sent to the profile's own partition, or to where it lives.
        role: Role,
        /// The profile whose way it goes.
        about: ProfileKey,
        /// What.
        request: Request,
    },
    /// A person comes to live here.
    Arrived {
        /// With all that is known of them.
        parcel: Parcel,
        /// What they came for.
        then: Option<(ProfileKey, Request)>,
    },
    /// To a profile's own partition: it does not live in `from` any more.
    Left {
        /// Who.
        profile: ProfileKey,
        /// From where to where.
        departure: Departure,
    },
    /// To a partition that passes on: nothing more will come.
    Drop {
        /// Who.
        profile: ProfileKey,
        /// Which forward.
        id: u64,
    },
    /// To a profile's own partition: everything that came was passed on.
    Dropped {
        /// Who.
        profile: ProfileKey,
    },
    /// To a profile's own partition: whether a claim may change it.
    Settled {
        /// Who.
        profile: ProfileKey,
        /// None changes it.
        settled: bool,
    },
}

/// In which role a partition gets what is about a profile.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// It is the profile's own, told by its key, and knows where the profile lives.
    Router,
    /// The profile lives here, or lived here.
    Home,
}

/// What somebody asks, and how far it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    /// What.
    pub ask: Ask,
    /// How far it is.
    pub step: Step,
    /// How often people moved for it and found that the other had moved as well.
    pub moves: u8,
    /// Of an erasure: profiles of the person whose ways are known to be empty.
    pub flushed: Vec<ProfileKey>,
}

/// What somebody asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ask {
    /// To change who is who.
    Change(IdentityChange),
    /// What is known of the person behind a profile.
    Show(ProfileKey),
}

/// How far a request is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// Where the first profile lives.
    Begin,
    /// Where the second profile lives; the first one lives in this partition.
    Seek(u16),
    /// Where the first profile lives; the second one lives in this partition.
    Bring(u16),
    /// Where a new name would live that is asked for by this partition.
    Reserve(u16),
    /// The new name came to where the old one lives.
    Name,
}

/// What became of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// A change of who is who.
    Outcome(IdentityOutcome),
    /// Who it is; `None`: nobody.
    Person(Option<Person>),
}

/// What is known of a person.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Person {
    /// How many profiles they have.
    pub profile_count: usize,
    /// They are counted nowhere.
    pub excluded: bool,
    /// Active days by app; `None` is activity without an app.
    pub days: BTreeMap<Option<AppIndex>, BTreeSet<ActiveDay>>,
}

/// What a profile's own partition knows of one that lives elsewhere.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Route {
    /// Where to send what comes.
    pub home: u16,
    /// No claim changes it.
    pub settled: bool,
    /// The home before still passes on what was sent there: requests and further departures wait.
    pub draining: bool,
    /// Departures that wait, in order.
    pub waiting: Vec<Departure>,
}

/// A profile left one partition for another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Departure {
    /// The partition it left.
    pub from: u16,
    /// How that partition passes on what still comes.
    pub forward: Forward,
}

/// Where a partition passes on what comes to a profile that left it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Forward {
    /// To which partition.
    pub to: u16,
    /// The place in the log of what made it leave.
    pub id: u64,
}

impl Ask {
    /// The profile whose way it goes first.
    pub const fn about(&self) -> ProfileKey {
        match self {
            Self::Change(change) => change.profile(),
            Self::Show(profile) => *profile,
        }
    }
}

impl Message {
    /// A question on its way to the partition of the profile that it is about.
    pub const fn ask(ask: Ask) -> Self {
        Self::Request { role: Role::Router, about: ask.about(), request: Request::new(ask) }
    }
}
