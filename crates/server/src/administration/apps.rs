use dauphin_api::{ApiError, Language};
use dauphin_engine::{App, CatalogEdit};
use dauphin_model::{AppId, AppIndex};
use serde::Serialize;
use serde_json::json;

use super::asked::Asked;
use super::{Administration, refuse, success};
use crate::keys;

/// `{"apps":[{"name","app_id"}]}`
pub fn list(administration: &Administration<'_>, asked: Asked) -> Result<Vec<u8>, ApiError> {
    #[derive(Serialize)]
    struct Answer<'a> {
        apps: Vec<Listed<'a>>,
    }
    #[derive(Serialize)]
    struct Listed<'a> {
        name: &'a str,
        app_id: &'a str,
    }
    asked.end()?;
    let apps = administration.workspace.apps().iter();
    success(&Answer { apps: apps.map(|app| Listed { name: &app.name, app_id: app.id.as_str() }).collect() })
}

#[derive(Serialize)]
struct WithKey<'a> {
    name: &'a str,
    app_id: &'a str,
    write_key: &'a str,
}

/// `{"name","app_id"?}` → `{"name","app_id","write_key"}`: the write key is shown this once.
pub fn add(administration: &Administration<'_>, mut asked: Asked) -> Result<Vec<u8>, ApiError> {
    let name = asked.needed_name("name")?;
    let id = match asked.text("app_id")? {
        Some(id) => id,
        None => keys::random_identifier().map_err(|error| keys::no_randomness(&error))?,
    };
    asked.end()?;
    let id = AppId::new(&id).map_err(|error| refuse(format!("`app_id`: {error}")))?;
    let write_key = keys::random_text::<16>().map_err(|error| keys::no_randomness(&error))?;
    let app = App { id: id.clone(), name: name.clone(), write_key: write_key.clone() };
    let edit = CatalogEdit::AddApp { workspace: administration.workspace.index, app };
    administration.edit(edit, "app.add", json!({"name": &name, "app_id": id.as_str()}))?;
    success(&WithKey { name: &name, app_id: id.as_str(), write_key: &write_key })
}

/// `{"app_id","name"}` → the same.
pub fn rename(administration: &Administration<'_>, mut asked: Asked) -> Result<Vec<u8>, ApiError> {
    #[derive(Serialize)]
    struct Answer<'a> {
        name: &'a str,
        app_id: &'a str,
    }
    let (id, app) = named(administration, &mut asked)?;
    let name = asked.needed_name("name")?;
    asked.end()?;
    let edit = CatalogEdit::RenameApp { workspace: administration.workspace.index, app, name: name.clone() };
    administration.edit(edit, "app.rename", json!({"name": &name, "app_id": &id}))?;
    success(&Answer { name: &name, app_id: &id })
}

/// `{"app_id"}` → `{"name","app_id","write_key"}`: the new write key, shown this once; the one before opens nothing.
pub fn rotate(administration: &Administration<'_>, mut asked: Asked) -> Result<Vec<u8>, ApiError> {
    let (id, app) = named(administration, &mut asked)?;
    asked.end()?;
    let write_key = keys::random_text::<16>().map_err(|error| keys::no_randomness(&error))?;
    let workspace = administration.workspace.index;
    let edit = CatalogEdit::RotateApp { workspace, app, write_key: write_key.clone() };
    administration.edit(edit, "app.rotate", json!({"app_id": &id}))?;
    let name = &administration.workspace.apps()[usize::from(app.get())].name;
    success(&WithKey { name, app_id: &id, write_key: &write_key })
}

fn named(administration: &Administration<'_>, asked: &mut Asked) -> Result<(String, AppIndex), ApiError> {
    let id = asked.needed_text("app_id")?;
    match administration.workspace.app(&id) {
        Some(app) => Ok((id, app)),
        None => Err(ApiError::unknown_app(Language::English, &id)),
    }
}
