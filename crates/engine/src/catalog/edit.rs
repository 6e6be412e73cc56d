use dauphin_model::limits::{APPS_MAX, KEYS_MAX, WORKSPACES_MAX};
use dauphin_model::{AppIndex, WorkspaceIndex, Zone};

use super::{ActivityRule, ApiKey, App, KeyIndex};

/// A change of the catalog.
#[derive(Clone, Debug)]
pub enum CatalogEdit {
    /// A new workspace, without apps and keys.
    AddWorkspace {
        /// Its name.
        name: String,
        /// Its zone.
        zone: Zone,
        /// Requests an hour on the reading routes.
        rate_limit_per_hour: u32,
        /// Whether a key may stand in the query or the body.
        api_key_in_query: bool,
    },
    /// A new workspace with the key that opens it: never one without the other.
    AddWorkspaceWithKey {
        /// Its name.
        name: String,
        /// Its zone.
        zone: Zone,
        /// Requests an hour on the reading routes.
        rate_limit_per_hour: u32,
        /// Its first key.
        key: ApiKey,
    },
    /// Other settings, all of them or none.
    SetWorkspace {
        /// Where.
        workspace: WorkspaceIndex,
        /// What changes; the last counts where one is there twice.
        settings: Vec<Setting>,
    },
    /// A new app.
    AddApp {
        /// Where.
        workspace: WorkspaceIndex,
        /// What.
        app: App,
    },
    /// Another name for an app; its identifier stays.
    RenameApp {
        /// Where.
        workspace: WorkspaceIndex,
        /// Which.
        app: AppIndex,
        /// What people call it from now on.
        name: String,
    },
    /// Another write key for an app; the one before opens nothing from now on.
    RotateApp {
        /// Where.
        workspace: WorkspaceIndex,
        /// Which.
        app: AppIndex,
        /// The new one.
        write_key: String,
    },
    /// A new key.
    AddKey {
        /// Where.
        workspace: WorkspaceIndex,
        /// What.
        key: ApiKey,
    },
    /// The key opens nothing from now on.
    RevokeKey {
        /// Where.
        workspace: WorkspaceIndex,
        /// Which.
        key: KeyIndex,
    },
}

/// A setting of a workspace, with its new value.
#[derive(Clone, Debug)]
pub enum Setting {
    /// Where its days begin and end: only while nothing was counted.
    Zone(Zone),
    /// Which events make a user active, from now on.
    Activity(ActivityRule),
    /// Requests an hour on the reading routes.
    RateLimitPerHour(u32),
    /// Requests an hour on the routes that take data; `None`: as many as come.
    IngestLimitPerHour(Option<u32>),
    /// Whether a key may stand in the query or the body, Braze's older way.
    ApiKeyInQuery(bool),
}

impl CatalogEdit {
    /// The zone that this edit would give to a workspace that is there already.
    pub fn new_zone(&self) -> Option<(WorkspaceIndex, &Zone)> {
        let Self::SetWorkspace { workspace, settings } = self else { return None };
        let last = settings.iter().rev().find_map(|setting| match setting {
            Setting::Zone(zone) => Some(zone),
            _ => None,
        });
        last.map(|zone| (*workspace, zone))
    }

    /// The workspace that is changed; the one this edit makes is `next`.
    pub const fn workspace(&self, next: WorkspaceIndex) -> WorkspaceIndex {
        match self {
            Self::AddWorkspace { .. } | Self::AddWorkspaceWithKey { .. } => next,
            Self::SetWorkspace { workspace, .. }
            | Self::AddApp { workspace, .. }
            | Self::RenameApp { workspace, .. }
            | Self::RotateApp { workspace, .. }
            | Self::AddKey { workspace, .. }
            | Self::RevokeKey { workspace, .. } => *workspace,
        }
    }
}

/// Why the catalog cannot change so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CatalogError {
    /// The name is taken.
    #[error("there is a workspace named `{0}` already")]
    WorkspaceExists(String),
    /// The identifier is taken.
    #[error("there is an app `{0}` in this workspace already")]
    AppExists(String),
    /// The same key twice.
    #[error("this key exists already")]
    KeyExists,
    /// The name is taken, perhaps by a key that was revoked: the audit log names keys.
    #[error("there is, or was, a key named `{0}` in this workspace; give it another name")]
    KeyNameExists(String),
    /// No such workspace.
    #[error("there is no such workspace")]
    NoSuchWorkspace,
    /// No such app.
    #[error("there is no such app in this workspace")]
    NoSuchApp,
    /// No such key.
    #[error("there is no such key in this workspace")]
    NoSuchKey,
    /// Days were cut already, and are not kept in another form.
    #[error(
        "the workspace `{name}` has data cut into days of the zone `{zone}`, so its zone is fixed; to count in another \
         zone, make a new workspace or data directory with it and import the data again"
    )]
    ZoneFixed {
        /// The workspace.
        name: String,
        /// The zone it has.
        zone: String,
    },
    /// A bound of the system.
    #[error("a workspace has at most {APPS_MAX} apps")]
    TooManyApps,
    /// A bound of the system.
    #[error("a workspace has at most {KEYS_MAX} keys, revoked ones included")]
    TooManyKeys,
    /// A bound of the system.
    #[error("a data directory has at most {WORKSPACES_MAX} workspaces")]
    TooManyWorkspaces,
}
