use dauphin_model::ProfileKey;

use crate::EngineError;

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
}

/// Called once, when every change is durable and visible, or failed. Outcomes come in the order of the changes.
pub type IdentityDone = Box<dyn FnOnce(Result<Vec<IdentityOutcome>, EngineError>) + Send>;
