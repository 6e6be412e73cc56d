use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use dauphin_model::limits::{APPS_MAX, WORKSPACES_MAX};
use dauphin_model::{AppId, AppIndex, IdentitySecret, WorkspaceIndex, Zone};

/// What was set up: the identity secret, and each workspace with its apps and keys. Immutable; a change makes a new one.
#[derive(Clone, Debug)]
pub struct Catalog {
    /// Keys the hash of identities.
    pub secret: IdentitySecret,
    workspaces: Vec<Arc<Workspace>>,
}

/// One workspace: the people counted together.
#[derive(Clone, Debug)]
pub struct Workspace {
    /// Its number.
    pub index: WorkspaceIndex,
    /// Its name, unique in the data directory.
    pub name: String,
    /// Where its days begin and end.
    pub zone: Zone,
    /// Requests an hour on the reading routes.
    pub rate_limit_per_hour: u32,
    /// Whether a key may stand in the query or the body, Braze's older way.
    pub api_key_in_query: bool,
    /// Which events make a user active.
    pub activity: ActivityRule,
    apps: Vec<App>,
    app_of: HashMap<AppId, AppIndex>,
    keys: Vec<ApiKey>,
}

/// Which named events make a user active: the workspace's `activity` setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActivityRule {
    /// Any of them.
    Any,
    /// Those with one of these names.
    Names(BTreeSet<String>),
}

impl ActivityRule {
    /// Whether an event of this name makes a user active.
    pub fn counts(&self, name: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Names(names) => names.contains(name),
        }
    }

    /// Whether an event of this name, which is none by itself, is asked for by name.
    pub fn lists(&self, name: &str) -> bool {
        *self != Self::Any && self.counts(name)
    }
}

/// One app of a workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct App {
    /// Its API identifier.
    pub id: AppId,
    /// What people call it.
    pub name: String,
    /// What senders in the Segment dialect authenticate with.
    pub write_key: String,
}

/// One API key, without the key itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// SHA-256 of the key.
    pub hash: [u8; 32],
    /// What people call it.
    pub name: String,
    /// The permissions it holds; `*` holds all.
    pub permissions: Vec<String>,
    /// Addresses and subnets it may come from; empty: any.
    pub allowed_addresses: Vec<String>,
    /// It no longer opens anything.
    pub revoked: bool,
}

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
    /// A new app.
    AddApp {
        /// Where.
        workspace: WorkspaceIndex,
        /// What.
        app: App,
    },
    /// A new key.
    AddKey {
        /// Where.
        workspace: WorkspaceIndex,
        /// What.
        key: ApiKey,
    },
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
    /// No such workspace.
    #[error("there is no such workspace")]
    NoSuchWorkspace,
    /// A bound of the system.
    #[error("a workspace has at most {APPS_MAX} apps")]
    TooManyApps,
    /// A bound of the system.
    #[error("a data directory has at most {WORKSPACES_MAX} workspaces")]
    TooManyWorkspaces,
}

/// Why what a sender shows is no app's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SenderError {
    /// No app has it.
    #[error("no app has this identifier or write key")]
    Unknown,
    /// Apps of several workspaces have it.
    #[error("apps of several workspaces have this identifier or write key; give each its own")]
    Ambiguous,
}

impl Catalog {
    /// A catalog without workspaces.
    pub const fn new(secret: IdentitySecret) -> Self {
        Self { secret, workspaces: Vec::new() }
    }

    /// Every workspace, by number.
    pub fn workspaces(&self) -> &[Arc<Workspace>] {
        &self.workspaces
    }

    /// The workspace with this number.
    pub fn workspace(&self, index: WorkspaceIndex) -> Option<&Arc<Workspace>> {
        self.workspaces.get(index.0 as usize)
    }

    /// The workspace with this name.
    pub fn workspace_named(&self, name: &str) -> Option<&Arc<Workspace>> {
        self.workspaces.iter().find(|workspace| workspace.name == name)
    }

    /// This catalog with `edit` made, or why it cannot be.
    pub fn with(&self, edit: &CatalogEdit) -> Result<Self, CatalogError> {
        let mut catalog = self.clone();
        match edit {
            CatalogEdit::AddWorkspace { name, zone, rate_limit_per_hour, api_key_in_query } => {
                let index = u32::try_from(self.workspaces.len()).ok().filter(|index| *index < WORKSPACES_MAX);
                let index = WorkspaceIndex(index.ok_or(CatalogError::TooManyWorkspaces)?);
                if self.workspace_named(name).is_some() {
                    return Err(CatalogError::WorkspaceExists(name.clone()));
                }
                catalog.workspaces.push(Arc::new(Workspace {
                    index,
                    name: name.clone(),
                    zone: zone.clone(),
                    rate_limit_per_hour: *rate_limit_per_hour,
                    api_key_in_query: *api_key_in_query,
                    activity: ActivityRule::Any,
                    apps: Vec::new(),
                    app_of: HashMap::new(),
                    keys: Vec::new(),
                }));
            }
            CatalogEdit::AddApp { workspace, app } => catalog.workspace_mut(*workspace)?.add_app(app)?,
            CatalogEdit::AddKey { workspace, key } => {
                if self.key(&key.hash).is_some() {
                    return Err(CatalogError::KeyExists);
                }
                catalog.workspace_mut(*workspace)?.keys.push(key.clone());
            }
        }
        Ok(catalog)
    }

    fn workspace_mut(&mut self, index: WorkspaceIndex) -> Result<&mut Workspace, CatalogError> {
        self.workspaces.get_mut(index.0 as usize).map(Arc::make_mut).ok_or(CatalogError::NoSuchWorkspace)
    }

    /// The key with this hash and its workspace, revoked or not. The caller compares secrets in constant time before.
    pub fn key(&self, hash: &[u8; 32]) -> Option<(&Arc<Workspace>, &ApiKey)> {
        self.keys().find(|(_, key)| key.hash == *hash)
    }

    /// The app with this identifier, in whichever workspace.
    pub fn app_with_id(&self, id: &str) -> Result<(&Arc<Workspace>, &App), SenderError> {
        only(self.workspaces.iter().filter_map(|workspace| {
            let index = workspace.app(id)?;
            Some((workspace, workspace.apps.get(usize::from(index.get()))?))
        }))
    }

    /// The app with this write key, in whichever workspace.
    pub fn app_with_write_key(&self, write_key: &str) -> Result<(&Arc<Workspace>, &App), SenderError> {
        if write_key.is_empty() {
            return Err(SenderError::Unknown);
        }
        let apps = self.workspaces.iter().flat_map(|workspace| workspace.apps.iter().map(move |app| (workspace, app)));
        only(apps.filter(|(_, app)| app.write_key == write_key))
    }

    /// Every key and its workspace.
    pub fn keys(&self) -> impl Iterator<Item = (&Arc<Workspace>, &ApiKey)> {
        self.workspaces.iter().flat_map(|workspace| workspace.keys.iter().map(move |key| (workspace, key)))
    }
}

/// The one that there is.
fn only<T>(mut found: impl Iterator<Item = T>) -> Result<T, SenderError> {
    let first = found.next().ok_or(SenderError::Unknown)?;
    if found.next().is_some() { Err(SenderError::Ambiguous) } else { Ok(first) }
}

impl Workspace {
    /// Its apps, by number.
    pub fn apps(&self) -> &[App] {
        &self.apps
    }

    /// The app with this identifier.
    pub fn app(&self, id: &str) -> Option<AppIndex> {
        self.app_of.get(id).copied()
    }

    /// Its keys, by number.
    pub fn keys(&self) -> &[ApiKey] {
        &self.keys
    }

    fn add_app(&mut self, app: &App) -> Result<(), CatalogError> {
        let index = u16::try_from(self.apps.len()).ok().and_then(AppIndex::new).ok_or(CatalogError::TooManyApps)?;
        if self.app_of.contains_key(app.id.as_str()) {
            return Err(CatalogError::AppExists(app.id.as_str().to_owned()));
        }
        self.app_of.insert(app.id.clone(), index);
        self.apps.push(app.clone());
        Ok(())
    }
}
