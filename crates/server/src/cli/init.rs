use std::process::ExitCode;

use anyhow::Context;
use dauphin_engine::{App, CatalogEdit, Engine, EngineOptions};
use dauphin_model::{AppId, IdentitySecret, WorkspaceIndex};
use dauphin_store::{Embedded, Store};
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
    let store = Embedded::create(&arguments.data).context("make the data directory")?;
    let engine = set_up(Box::new(store))?;
    let made = make_workspace(&engine, arguments)?;
    engine.close().context("close the data directory")?;
    print_json(&made)?;
    Ok(ExitCode::SUCCESS)
}

/// A store with a secret of its own and nothing else.
pub fn set_up(mut store: Box<dyn Store>) -> anyhow::Result<Engine> {
    let mut secret = [0; 16];
    getrandom::fill(&mut secret).map_err(|error| anyhow::anyhow!("ask the system for random bytes: {error}"))?;
    Engine::initialise(store.as_mut(), &IdentitySecret::new(secret)).context("write the data directory")?;
    Engine::open(store, EngineOptions::for_cores(super::data::cores())).context("open the new data directory")
}

/// A workspace, its apps, and a key with every permission.
pub fn make_workspace(engine: &Engine, arguments: &InitArguments) -> anyhow::Result<Made> {
    let index = engine.catalog().workspaces().len();
    let workspace = WorkspaceIndex(u32::try_from(index).context("count the workspaces")?);
    engine.edit(CatalogEdit::AddWorkspace {
        name: arguments.workspace.clone(),
        zone: arguments.zone.clone(),
        rate_limit_per_hour: RATE_LIMIT_PER_HOUR,
        api_key_in_query: true,
    })?;
    let mut apps = Vec::new();
    for app in &arguments.app {
        apps.push(make_app(engine, workspace, app)?);
    }
    let (api_key, key) = keys::new_api_key("made with the workspace")?;
    engine.edit(CatalogEdit::AddKey { workspace, key })?;
    Ok(Made { workspace: arguments.workspace.clone(), zone: arguments.zone.name().to_owned(), api_key, apps })
}

fn make_app(engine: &Engine, workspace: WorkspaceIndex, app: &NewApp) -> anyhow::Result<MadeApp> {
    let id = match &app.id {
        Some(id) => id.clone(),
        None => AppId::new(&keys::random_identifier()?)?,
    };
    let write_key = keys::random_text::<16>()?;
    let made = MadeApp { name: app.name.clone(), app_id: id.as_str().to_owned(), write_key: write_key.clone() };
    engine.edit(CatalogEdit::AddApp { workspace, app: App { id, name: app.name.clone(), write_key } })?;
    Ok(made)
}
