mod edit;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use dauphin_model::limits::{KEYS_MAX, WORKSPACES_MAX};
use dauphin_model::{AppId, AppIndex, IdentitySecret, WorkspaceIndex, Zone};
use dauphin_store::Batch;

use crate::record::put_edit;

pub use edit::{CatalogEdit, CatalogError, Setting};

/// What was set up: the identity secret, and each workspace with its apps and keys. Immutable; a change makes a new one.
#[derive(Clone, Debug)]
pub struct Catalog {
    /// Keys the hash of identities.
    pub secret: IdentitySecret,
    workspaces: Vec<Arc<Workspace>>,
    /// By the hash of the key.
    key_of: BTreeMap<[u8; 32], (WorkspaceIndex, KeyIndex)>,
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
    /// Requests an hour on the routes that take data; `None`: as many as come.
    pub ingest_limit_per_hour: Option<u32>,
    /// Whether a key may stand in the query or the body, Braze's older way.
    pub api_key_in_query: bool,
    /// Which events make a user active.
    pub activity: ActivityRule,
    apps: Vec<App>,
    app_of: HashMap<AppId, AppIndex>,
    keys: Vec<Arc<ApiKey>>,
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

/// Number of a key in its workspace, in order of creation. Never reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct KeyIndex(pub u32);

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
    pub fn new(secret: IdentitySecret) -> Self {
        Self { secret, workspaces: Vec::new(), key_of: BTreeMap::new() }
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
                    ingest_limit_per_hour: None,
                    api_key_in_query: *api_key_in_query,
                    activity: ActivityRule::Any,
                    apps: Vec::new(),
                    app_of: HashMap::new(),
                    keys: Vec::new(),
                }));
            }
            CatalogEdit::AddWorkspaceWithKey { name, zone, rate_limit_per_hour, key } => {
                let workspace = WorkspaceIndex(u32::try_from(self.workspaces.len()).unwrap_or(u32::MAX));
                let (name, zone, rate_limit_per_hour) = (name.clone(), zone.clone(), *rate_limit_per_hour);
                let add = CatalogEdit::AddWorkspace { name, zone, rate_limit_per_hour, api_key_in_query: true };
                catalog = self.with(&add)?.with(&CatalogEdit::AddKey { workspace, key: key.clone() })?;
            }
            CatalogEdit::SetWorkspace { workspace, settings } => {
                let workspace = catalog.workspace_mut(*workspace)?;
                settings.iter().for_each(|setting| workspace.set(setting));
            }
            CatalogEdit::AddApp { workspace, app } => catalog.workspace_mut(*workspace)?.add_app(app)?,
            CatalogEdit::RenameApp { workspace, app, name } => {
                catalog.app_mut(*workspace, *app)?.name.clone_from(name);
            }
            CatalogEdit::RotateApp { workspace, app, write_key } => {
                catalog.app_mut(*workspace, *app)?.write_key.clone_from(write_key);
            }
            CatalogEdit::AddKey { workspace, key } => {
                if self.key_of.contains_key(&key.hash) {
                    return Err(CatalogError::KeyExists);
                }
                let index = catalog.workspace_mut(*workspace)?.add_key(key)?;
                catalog.key_of.insert(key.hash, (*workspace, index));
            }
            CatalogEdit::RevokeKey { workspace, key } => {
                let keys = &mut catalog.workspace_mut(*workspace)?.keys;
                let key = keys.get_mut(key.0 as usize).ok_or(CatalogError::NoSuchKey)?;
                Arc::make_mut(key).revoked = true;
            }
        }
        Ok(catalog)
    }

    /// Makes `edit`: the catalog afterwards, and the records that remember it.
    pub fn edited(&self, edit: &CatalogEdit) -> Result<(Self, Batch), CatalogError> {
        let (catalog, mut batch) = (self.with(edit)?, Batch::new());
        put_edit(&catalog, edit, &mut batch);
        Ok((catalog, batch))
    }

    fn workspace_mut(&mut self, index: WorkspaceIndex) -> Result<&mut Workspace, CatalogError> {
        self.workspaces.get_mut(index.0 as usize).map(Arc::make_mut).ok_or(CatalogError::NoSuchWorkspace)
    }

    fn app_mut(&mut self, workspace: WorkspaceIndex, app: AppIndex) -> Result<&mut App, CatalogError> {
        self.workspace_mut(workspace)?.apps.get_mut(usize::from(app.get())).ok_or(CatalogError::NoSuchApp)
    }

    /// The key with this hash and its workspace, revoked or not.
    pub fn key(&self, hash: &[u8; 32]) -> Option<(&Arc<Workspace>, &Arc<ApiKey>)> {
        let (workspace, key) = self.key_of.get(hash)?;
        let workspace = self.workspace(*workspace)?;
        Some((workspace, workspace.keys.get(key.0 as usize)?))
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
    pub fn keys(&self) -> &[Arc<ApiKey>] {
        &self.keys
    }

    fn set(&mut self, setting: &Setting) {
        match setting {
            Setting::Zone(zone) => self.zone = zone.clone(),
            Setting::Activity(rule) => self.activity = rule.clone(),
            Setting::RateLimitPerHour(limit) => self.rate_limit_per_hour = *limit,
            Setting::IngestLimitPerHour(limit) => self.ingest_limit_per_hour = *limit,
            Setting::ApiKeyInQuery(allowed) => self.api_key_in_query = *allowed,
        }
    }

    fn add_key(&mut self, key: &ApiKey) -> Result<KeyIndex, CatalogError> {
        if self.keys.len() >= KEYS_MAX {
            return Err(CatalogError::TooManyKeys);
        }
        let index = KeyIndex(u32::try_from(self.keys.len()).map_err(|_| CatalogError::TooManyKeys)?);
        if self.keys.iter().any(|other| other.name == key.name) {
            return Err(CatalogError::KeyNameExists(key.name.clone()));
        }
        self.keys.push(Arc::new(key.clone()));
        Ok(index)
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
