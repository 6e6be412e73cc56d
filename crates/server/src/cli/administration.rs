//! The console's powers for scripts: on a data directory that nobody works with, or on a running server.

pub mod arguments;
pub mod table;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use clap::CommandFactory;
use clap::error::ErrorKind;
use dauphin_engine::{Catalog, Engine, Workspace};
use dauphin_model::AppId;
use dauphin_store::{Embedded, Store, StoreError};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

use super::arguments::{Arguments, Place, TargetArguments};
use super::{data, print};
use crate::administration::{Administration, Directory, Operation, UserAction};
use crate::clock;
use crate::import::{Remote, get_text, post_json};
use crate::memory;
use arguments::{
    AppArguments, AppCommand, AuditArguments, IdentityArguments, KeyArguments, KeyCommand, ListArguments,
    UserArguments, UserCommand, WorkspaceArguments, WorkspaceCommand,
};
use table::{Column, table};

/// `dauphin workspace`
pub fn workspace(arguments: &WorkspaceArguments) -> anyhow::Result<ExitCode> {
    match &arguments.command {
        WorkspaceCommand::List(list) => {
            let columns = [
                ("name", "name"),
                ("zone", "zone"),
                ("apps", "apps"),
                ("activity", "activity"),
                ("rate limit", "rate_limit_per_hour"),
                ("ingest limit", "ingest_limit_per_hour"),
                ("key in query", "api_key_in_query"),
            ];
            show(list, Operation::ListWorkspaces, &json!({}), "workspaces", &columns)
        }
        WorkspaceCommand::Add { target, name, zone } => {
            change(target, Operation::AddWorkspace, &json!({"name": name, "zone": zone.name()}))
        }
        WorkspaceCommand::Set { target, settings } => {
            change(target, Operation::SetWorkspace, &Value::Object(settings_of(settings)))
        }
    }
}

/// `dauphin app`
pub fn app(arguments: &AppArguments) -> anyhow::Result<ExitCode> {
    match &arguments.command {
        AppCommand::List(list) => {
            let columns = [("name", "name"), ("app_id", "app_id")];
            show(list, Operation::ListApps, &json!({}), "apps", &columns)
        }
        AppCommand::Add { target, new } => {
            let id = new.id.as_ref().map(AppId::as_str);
            change(target, Operation::AddApp, &json!({"name": &new.name, "app_id": id}))
        }
        AppCommand::Rename { target, identifier, name } => {
            change(target, Operation::RenameApp, &json!({"app_id": identifier, "name": name}))
        }
        AppCommand::Rotate { target, identifier } => {
            change(target, Operation::RotateApp, &json!({"app_id": identifier}))
        }
    }
}

/// `dauphin key`
pub fn key(arguments: &KeyArguments) -> anyhow::Result<ExitCode> {
    match &arguments.command {
        KeyCommand::List(list) => {
            let columns = [
                ("number", "number"),
                ("name", "name"),
                ("permissions", "permissions"),
                ("from", "allowed_addresses"),
                ("revoked", "revoked"),
            ];
            show(list, Operation::ListKeys, &json!({}), "keys", &columns)
        }
        KeyCommand::Add { target, name, permission, allowed_address } => {
            let asked = json!({"name": name, "permissions": permission, "allowed_addresses": allowed_address});
            change(target, Operation::AddKey, &asked)
        }
        KeyCommand::Revoke { target, name, number } => {
            change(target, Operation::RevokeKey, &json!({"name": name, "number": number}))
        }
    }
}

/// `dauphin user`
pub fn user(arguments: &UserArguments) -> anyhow::Result<ExitCode> {
    let (action, who) = match &arguments.command {
        UserCommand::Show(who) => (UserAction::Show, who),
        UserCommand::Erase(who) => (UserAction::Erase, who),
        UserCommand::Exclude(who) => (UserAction::Exclude, who),
        UserCommand::Include(who) => (UserAction::Include, who),
        UserCommand::Link(who) => (UserAction::Link, who),
        UserCommand::Unlink(who) => (UserAction::Unlink, who),
    };
    let asked = match (action, &identities_of(who)[..]) {
        (UserAction::Link, [user, other]) => json!({"user": user, "other": other}),
        (UserAction::Link, _) => usage("say which two profiles, such as: --external-id ID --device-id ID"),
        (_, [user]) => json!({"user": user}),
        _ => usage("say who, by one thing, such as: --external-id ID"),
    };
    change(&who.target, Operation::ChangeUser(action), &asked)
}

/// `dauphin audit`
pub fn audit(arguments: &AuditArguments) -> anyhow::Result<ExitCode> {
    let columns = [
        ("number", "sequence"),
        ("time", "time"),
        ("who", "actor"),
        ("what", "action"),
        ("workspace", "workspace"),
        ("details", "details"),
    ];
    let asked = json!({"length": &arguments.length, "before": arguments.before});
    show(&arguments.list, Operation::ListAudit, &asked, "entries", &columns)
}

fn usage(what: &str) -> ! {
    Arguments::command().error(ErrorKind::MissingRequiredArgument, what).exit()
}

/// As the route takes them: what is no number, `true`, `false` or `off` is a text.
fn settings_of(settings: &[(String, String)]) -> Map<String, Value> {
    let mut fields = Map::new();
    for (name, value) in settings {
        if name == "activity" && value != "any" {
            let names = fields.entry(name).or_insert_with(|| json!([]));
            match names.as_array_mut() {
                Some(names) => names.push(json!(value)),
                None => *names = json!([value]),
            }
            continue;
        }
        let value = match value.as_str() {
            "off" => Value::Null,
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            text => text.parse::<u64>().map_or_else(|_| json!(text), |number| json!(number)),
        };
        fields.insert(name.clone(), value);
    }
    fields
}

fn identities_of(who: &IdentityArguments) -> Vec<Value> {
    let IdentityArguments { target: _, external_id, alias, braze_id, email, phone, device_id, anonymous_id } = who;
    let aliases = alias.iter().map(|(label, name)| json!({"user_alias": {"alias_label": label, "alias_name": name}}));
    let plain = [
        ("external_id", external_id),
        ("braze_id", braze_id),
        ("email", email),
        ("phone", phone),
        ("device_id", device_id),
        ("anonymous_id", anonymous_id),
    ];
    let plain = plain.into_iter().flat_map(|(name, texts)| texts.iter().map(move |text| json!({name: text})));
    plain.chain(aliases).collect()
}

/// Makes a change, and prints the answer.
fn change(target: &TargetArguments, operation: Operation, asked: &Value) -> anyhow::Result<ExitCode> {
    let mut answer = carry_out(target, operation, asked)?;
    answer.push(b'\n');
    print(&answer)?;
    Ok(ExitCode::SUCCESS)
}

/// Reads a list, and prints it.
fn show(
    list: &ListArguments,
    operation: Operation,
    asked: &Value,
    field: &str,
    columns: &[Column<'_>],
) -> anyhow::Result<ExitCode> {
    if list.json {
        return change(&list.target, operation, asked);
    }
    let answer: Value =
        serde_json::from_slice(&carry_out(&list.target, operation, asked)?).context("read the answer")?;
    let objects = answer[field].as_array().ok_or_else(|| anyhow!("the answer has no `{field}`"))?;
    print(table(columns, objects).as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// The same JSON in and out, wherever it is done.
fn carry_out(target: &TargetArguments, operation: Operation, asked: &Value) -> anyhow::Result<Vec<u8>> {
    let workspace = target.workspace.as_deref();
    match target.place() {
        Place::Url { url, key } => ask_server(url, key, workspace, operation, asked),
        Place::Data(path) if operation.only_reads() => {
            let store = open(Embedded::open_read_only(path))?;
            let context = || format!("read the data directory `{}`", path.display());
            let catalog = Arc::new(Engine::read_catalog(&store).with_context(context)?);
            let workspace = workspace_of(&catalog, workspace, operation)?;
            in_directory(Directory::Resting(&store, catalog), workspace, operation, asked)
        }
        Place::Data(path) => in_data(path, workspace, operation, asked),
    }
}

fn in_data(path: &Path, workspace: Option<&str>, operation: Operation, asked: &Value) -> anyhow::Result<Vec<u8>> {
    let store: Box<dyn Store> = Box::new(open(Embedded::open(path))?);
    let engine = data::open_store(store, path, memory::state_bytes_max(None))?;
    let done = workspace_of(&engine.catalog(), workspace, operation)
        .and_then(|workspace| in_directory(Directory::Working(&engine), workspace, operation, asked));
    engine.close().context("close the data directory")?;
    done
}

fn open(opened: Result<Embedded, StoreError>) -> anyhow::Result<Embedded> {
    match opened {
        Err(error @ StoreError::Locked { .. }) => {
            bail!("open the data directory: {error}, or say where it answers: --url URL --key KEY")
        }
        opened => opened.context("open the data directory"),
    }
}

fn workspace_of(catalog: &Catalog, name: Option<&str>, operation: Operation) -> anyhow::Result<Arc<Workspace>> {
    match catalog.workspaces().first() {
        // What is over workspaces is the same from each of them.
        Some(first) if operation.is_over_workspaces() => Ok(Arc::clone(first)),
        _ => data::workspace(catalog, name),
    }
}

fn in_directory(
    directory: Directory<'_>,
    workspace: Arc<Workspace>,
    operation: Operation,
    asked: &Value,
) -> anyhow::Result<Vec<u8>> {
    let administration = Administration { directory, workspace, key: None, now: clock::now() };
    Ok(administration.carry_out(operation, asked.clone())?)
}

fn ask_server(
    url: &str,
    key: &str,
    workspace: Option<&str>,
    operation: Operation,
    asked: &Value,
) -> anyhow::Result<Vec<u8>> {
    if workspace.is_some() && !operation.is_over_workspaces() {
        // It refuses a key of another workspace.
        Remote::connect(url, key, workspace, false)?;
    }
    let url = format!("{}{}", url.trim_end_matches('/'), operation.path());
    let answer = if operation.only_reads() {
        get_text(&format!("{url}?{}", query_of(asked)), key)?
    } else {
        post_json(&url, key, &serde_json::to_vec(asked).context("write JSON")?)?
    };
    Ok(answer.into_bytes())
}

fn query_of(asked: &Value) -> String {
    let fields = asked.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
    let pairs = fields.map(|(name, value)| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        format!("{name}={}", utf8_percent_encode(&text, NON_ALPHANUMERIC))
    });
    pairs.collect::<Vec<_>>().join("&")
}
