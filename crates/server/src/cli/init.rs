use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use dauphin_engine::{App, Catalog, CatalogEdit, Engine};
use dauphin_model::{AppId, IdentitySecret, WorkspaceIndex};
use dauphin_store::{Embedded, Store, StoreError};
use serde::Serialize;

use super::arguments::{InitArguments, NewApp};
use super::print_json;
use crate::keys;

/// Requests an hour, as Braze allows by default.
const RATE_LIMIT_PER_HOUR: u32 = 250_000;

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
    let plan = Plan::of(arguments)?;
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
    secret: IdentitySecret,
    edits: Vec<CatalogEdit>,
}

impl Plan {
    /// Draws what is random, and finds out what cannot be before anything is made.
    pub fn of(arguments: &InitArguments) -> anyhow::Result<Self> {
        let workspace = WorkspaceIndex(0);
        let mut edits = vec![CatalogEdit::AddWorkspace {
            name: arguments.workspace.clone(),
            zone: arguments.zone.clone(),
            rate_limit_per_hour: RATE_LIMIT_PER_HOUR,
            api_key_in_query: true,
        }];
        let mut apps = Vec::new();
        for NewApp { name, id } in &arguments.app {
            let id = match id {
                Some(id) => id.clone(),
                None => AppId::new(&keys::random_identifier()?)?,
            };
            let write_key = keys::random_text::<16>()?;
            apps.push(MadeApp { name: name.clone(), app_id: id.as_str().to_owned(), write_key: write_key.clone() });
            edits.push(CatalogEdit::AddApp { workspace, app: App { id, name: name.clone(), write_key } });
        }
        let (api_key, key) = keys::new_api_key("made with the workspace")?;
        edits.push(CatalogEdit::AddKey { workspace, key });

        let secret = IdentitySecret::new(keys::random_bytes()?);
        edits.iter().try_fold(Catalog::new(secret.clone()), |catalog, edit| catalog.with(edit))?;
        let (workspace, zone) = (arguments.workspace.clone(), arguments.zone.name().to_owned());
        Ok(Self { made: Made { workspace, zone, api_key, apps }, secret, edits })
    }

    /// Makes it, all at once.
    pub fn carry_out(&self, store: &mut dyn Store) -> anyhow::Result<()> {
        Engine::initialise(store, &self.secret, &self.edits).context("write the data directory")
    }
}
