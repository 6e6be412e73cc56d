use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use dauphin_engine::{Actor, App, AuditEntry, Catalog, CatalogEdit, Engine};
use dauphin_model::{AppId, IdentitySecret, WorkspaceIndex};
use dauphin_store::{Embedded, Store, StoreError};
use serde::Serialize;
use serde_json::{Value, json};

use super::arguments::{InitArguments, NewApp, WorkspaceToMake};
use super::print_json;
use crate::administration::RATE_LIMIT_PER_HOUR;
use crate::{clock, keys};

#[derive(Serialize)]
pub struct Made {
    pub workspace: String,
    pub zone: String,
    pub api_key: String,
    pub apps: Vec<MadeApp>,
}

#[derive(Serialize)]
pub struct MadeApp {
    pub name: String,
    pub app_id: String,
    pub write_key: String,
}

pub fn run(arguments: &InitArguments) -> anyhow::Result<ExitCode> {
    let plan = Plan::of(&arguments.workspace)?;
    let mut store = make_store(&arguments.data)?;
    plan.carry_out(store.as_mut())?;
    store.close().context("close the data directory")?;
    print_json(&plan.made)?;
    Ok(ExitCode::SUCCESS)
}

/// A new data directory, or one that an earlier `init` was killed over.
pub fn make_store(path: &Path) -> anyhow::Result<Box<dyn Store>> {
    let context = "make the data directory";
    match Embedded::create(path) {
        Ok(store) => Ok(Box::new(store)),
        Err(error @ StoreError::AlreadyExists { .. }) => {
            if Engine::is_initialised(&Embedded::open_read_only(path).context(context)?)? {
                return Err(error).context(context);
            }
            Ok(Box::new(Embedded::open(path).context(context)?))
        }
        Err(error) => Err(error).context(context),
    }
}

/// A workspace, its apps, and a key with every permission, about to be made.
pub struct Plan {
    pub made: Made,
    pub secret: IdentitySecret,
    pub edits: Vec<(CatalogEdit, AuditEntry)>,
}

impl Plan {
    /// Draws what is random, and finds out what cannot be before anything is made.
    pub fn of(arguments: &WorkspaceToMake) -> anyhow::Result<Self> {
        let workspace = WorkspaceIndex(0);
        let now = clock::now();
        let entry = |action, details: Value| AuditEntry::new(now, Actor::CommandLine, action, details);
        let add = CatalogEdit::AddWorkspace {
            name: arguments.workspace.clone(),
            zone: arguments.zone.clone(),
            rate_limit_per_hour: RATE_LIMIT_PER_HOUR,
            api_key_in_query: true,
        };
        let details = json!({"name": &arguments.workspace, "zone": arguments.zone.name()});
        let mut edits = vec![(add, entry("workspace.add", details))];
        let mut apps = Vec::new();
        for NewApp { name, id } in &arguments.app {
            let id = match id {
                Some(id) => id.clone(),
                None => AppId::new(&keys::random_identifier()?)?,
            };
            let write_key = keys::random_text::<16>()?;
            apps.push(MadeApp { name: name.clone(), app_id: id.as_str().to_owned(), write_key: write_key.clone() });
            let details = json!({"name": name, "app_id": id.as_str()});
            let add = CatalogEdit::AddApp { workspace, app: App { id, name: name.clone(), write_key } };
            edits.push((add, entry("app.add", details)));
        }
        let (api_key, key) = keys::new_api_key(keys::FIRST_KEY)?;
        let details = json!({"name": &key.name, "permissions": &key.permissions, "allowed_addresses": []});
        edits.push((CatalogEdit::AddKey { workspace, key }, entry("key.add", details)));

        let secret = IdentitySecret::new(keys::random_bytes()?);
        edits.iter().try_fold(Catalog::new(secret.clone()), |catalog, (edit, _)| catalog.with(edit))?;
        let (workspace, zone) = (arguments.workspace.clone(), arguments.zone.name().to_owned());
        Ok(Self { made: Made { workspace, zone, api_key, apps }, secret, edits })
    }

    /// Makes it, all at once.
    pub fn carry_out(&self, store: &mut dyn Store) -> anyhow::Result<()> {
        Engine::initialise_audited(store, &self.secret, &self.edits).context("write the data directory")
    }
}
