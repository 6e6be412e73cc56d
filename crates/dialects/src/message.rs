use std::borrow::Cow;

use dauphin_model::{Identity, Instant};

/// One thing that a message of a dialect says, with texts borrowed from its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message<'a> {
    /// Somebody did something.
    Event(Event<'a>),
    /// From now on, and in the past, this anonymous profile belongs to the user, unless it belongs to somebody already:
    /// two users of one device stay two people.
    Claim {
        /// A device or an anonymous id.
        anonymous: Identity<'a>,
        /// Who it turned out to be.
        user: Identity<'a>,
    },
    /// Two profiles are one person, whatever they were before.
    Link {
        /// The one, whose name goes out of use where the dialect says so.
        profile: Identity<'a>,
        /// The other.
        other: Identity<'a>,
    },
    /// Somebody is known, whatever they do: a profile without activity.
    Known {
        /// Who.
        profile: Identity<'a>,
    },
    /// The person is to be forgotten.
    Erase {
        /// One of their profiles.
        profile: Identity<'a>,
    },
}

/// Somebody did something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event<'a> {
    /// Who.
    pub who: Identity<'a>,
    /// In which app; `None` counts for the workspace only.
    pub app_id: Option<Cow<'a, str>>,
    /// When; `None` is the time of arrival.
    pub instant: Option<Instant>,
    /// What.
    pub kind: EventKind<'a>,
}

/// What somebody did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventKind<'a> {
    /// A thing with a name: an event's own, or `purchase`, `page`, `screen`. Whether it makes a user active is the
    /// workspace's `activity` setting.
    Named(Cow<'a, str>),
    /// A thing with a name that makes a user active only where the workspace's `activity` setting is a list that names
    /// it: `identify`, `group`, `alias`, `Application Uninstalled`.
    Listed(&'static str),
    /// Began a session: makes active whatever the setting, and counts as a session. `id` tells repeats from new ones;
    /// without it a session of the same user, app and instant is the same.
    SessionStart {
        /// The session's id.
        id: Option<Cow<'a, str>>,
    },
    /// Was met in a session that counts as one if it was not met before; says nothing about activity.
    InSession {
        /// The session's id.
        id: Cow<'a, str>,
    },
    /// Was there on that day: makes active whatever the setting.
    Seen,
    /// Removed the app. Counts as an uninstall; makes nobody active.
    Uninstall,
}
