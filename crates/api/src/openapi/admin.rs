use dauphin_model::limits::{APPS_MAX, WORKSPACES_MAX};
use serde_json::{Value, json};

use super::access::Access;
use super::operation::{Group, Operation};
use super::refusals::Standing;
use super::schema::{Named, count, described, instant_answered, integer, list, object, reference, success, text};
use super::series::app_id;
use super::service::zone;
use crate::ErrorCode;

/// Longest name of a workspace, an app, a key or an event.
pub const NAME_LENGTH_MAX: usize = 255;
/// Greatest limit of requests an hour.
const LIMIT_PER_HOUR_MAX: u64 = 4_000_000_000;
/// Most names of events that make a user active.
const ACTIVITY_NAMES_MAX: usize = 1000;
/// Most entries of the audit log in one answer.
const ENTRIES_MAX: usize = 100;

const WORKSPACES: Access = Access::Key("admin.workspaces");
const APPS: Access = Access::Key("admin.apps");

/// Workspaces, apps, and the audit log.
pub fn operations() -> Vec<Operation> {
    [workspaces(), apps(), vec![audit()]].concat()
}

fn workspaces() -> Vec<Operation> {
    let settings = json!({
        "name": "main",
        "zone": "Europe/Paris",
        "activity": "any",
        "rate_limit_per_hour": 250_000,
        "ingest_limit_per_hour": null,
        "api_key_in_query": true,
        "apps": 1,
    });
    let mut shown = settings.clone();
    shown["message"] = json!("success");
    vec![
        read("/admin/workspace", "readWorkspace", WORKSPACES)
            .says("Read the settings of the workspace", "")
            .answers_json(200, "The settings.", "Workspace", &shown),
        change("/admin/workspace", "changeWorkspace", WORKSPACES)
            .says(
                "Change the settings of the workspace",
                "What is not named stays as it is. The zone can change only while the workspace has no data.",
            )
            .reads_json("WorkspaceChange", &json!({"activity": ["opened", "Order Completed"]}))
            .answers_json(200, "The settings, changed.", "Workspace", &shown),
        read("/admin/workspaces", "listWorkspaces", WORKSPACES)
            .says("List the workspaces of this server", "")
            .answers_json(
                200,
                "The workspaces.",
                "Workspaces",
                &json!({"message": "success", "workspaces": [settings]}),
            ),
        change("/admin/workspaces", "addWorkspace", WORKSPACES)
            .says("Add a workspace", "With a first key that has every permission there; it is shown this once.")
            .reads_json("WorkspaceNew", &json!({"name": "shop", "zone": "Europe/Paris"}))
            .answers_json(
                200,
                "Added.",
                "WorkspaceAdded",
                &json!({"message": "success", "name": "shop", "zone": "Europe/Paris", "key": "…"}),
            ),
    ]
}

fn apps() -> Vec<Operation> {
    let entry = json!({"name": "Web", "app_id": "shop-web"});
    let mut named = entry.clone();
    named["message"] = json!("success");
    let mut app = named.clone();
    app["write_key"] = json!("…");
    vec![
        read("/admin/apps", "listApps", APPS).says("List the apps", "").answers_json(
            200,
            "The apps.",
            "Apps",
            &json!({"message": "success", "apps": [entry]}),
        ),
        change("/admin/apps", "addApp", APPS)
            .says("Add an app", "Without `app_id`, it gets one. Its write key is shown this once.")
            .reads_json("AppNew", &json!({"name": "Television", "app_id": "shop-tv"}))
            .answers_json(200, "Added.", "App", &app),
        change("/admin/apps/rename", "renameApp", APPS)
            .says("Rename an app", "Its identifier stays.")
            .reads_json("AppEntry", &entry)
            .answers_json(200, "Renamed.", "AppRenamed", &named)
            .refuses(&[ErrorCode::UnknownApp]),
        change("/admin/apps/rotate", "rotateApp", APPS)
            .says("Give an app a new write key", "It is shown this once; the one before opens nothing from then on.")
            .reads_json("AppRotation", &json!({"app_id": "shop-web"}))
            .answers_json(200, "Done.", "App", &app)
            .refuses(&[ErrorCode::UnknownApp]),
    ]
}

fn audit() -> Operation {
    let entry = json!({
        "sequence": 7,
        "time": "2018-06-28T12:00:00Z",
        "actor": "operations",
        "action": "key.revoke",
        "workspace": "main",
        "details": {"number": 3, "name": "reports"},
    });
    let query = |name: &str, schema: Value, description: &str| json!({"name": name, "in": "query", "required": false, "allowEmptyValue": true, "description": description, "schema": schema});
    Operation::get(Group::Administration, "/audit", "readAudit")
        .says("Read who changed what", "Newest first; `before` goes on where an answer ended.")
        .for_whom(Access::Key("audit"), Standing::Told)
        .takes([
            query("length", integer(1, ENTRIES_MAX), "How many entries at most."),
            query("before", json!({"type": "integer", "minimum": 0}), "Only entries with a smaller sequence."),
        ])
        .answers_json(200, "The entries.", "Audit", &json!({"message": "success", "entries": [entry]}))
        .refuses(&[ErrorCode::InvalidParameter])
}

/// A reading route of the administration.
pub fn read(path: &'static str, id: &str, access: Access) -> Operation {
    Operation::get(Group::Administration, path, id).for_whom(access, Standing::ToldFree)
}

/// A changing route of the administration.
pub fn change(path: &'static str, id: &str, access: Access) -> Operation {
    Operation::post(Group::Administration, path, id).for_whom(access, Standing::ToldFree)
}

/// What is sent and answered.
pub fn schemas() -> Vec<Named> {
    let component = |name: &str, schema: Value| (name.to_owned(), schema);
    let settings = settings();
    let mut change = object(&[], &settings[1..6]);
    change["minProperties"] = json!(1);
    let workspaces = list(&reference("WorkspaceEntry"), WORKSPACES_MAX as usize);
    let added = [("name", name()), ("zone", zone()), ("key", secret())];
    let entry = || [("name", name()), ("app_id", app_id())];
    let app = [("name", name()), ("app_id", app_id()), ("write_key", secret())];
    vec![
        component("Workspace", success(&settings, &[])),
        component("WorkspaceEntry", object(&settings, &[])),
        component("WorkspaceChange", change),
        component("Workspaces", success(&[("workspaces", workspaces)], &[])),
        component("WorkspaceNew", object(&[("name", name())], &[("zone", zone())])),
        component("WorkspaceAdded", success(&added, &[])),
        component("Apps", success(&[("apps", list(&reference("AppEntry"), APPS_MAX.into()))], &[])),
        component("AppEntry", object(&entry(), &[])),
        component("AppRenamed", success(&entry(), &[])),
        component("AppNew", object(&[("name", name())], &[("app_id", new_app_id())])),
        component("AppRotation", object(&[("app_id", app_id())], &[])),
        component("App", success(&app, &[])),
        component("Audit", success(&[("entries", list(&reference("AuditEntry"), ENTRIES_MAX))], &[])),
        component("AuditEntry", audit_entry()),
    ]
}

/// What people call something: no control characters.
pub fn name() -> Value {
    text(NAME_LENGTH_MAX)
}

/// What is shown once.
pub fn secret() -> Value {
    described(json!({"type": "string", "minLength": 1}), "Shown this once.")
}

fn new_app_id() -> Value {
    let mut id = name();
    id["type"] = json!(["string", "null"]);
    described(id, "1 to 255 bytes; unique in the workspace. Absent or null: one is made.")
}

fn settings() -> [(&'static str, Value); 7] {
    let mut names = list(&name(), ACTIVITY_NAMES_MAX);
    names["minItems"] = json!(1);
    let activity = json!({"anyOf": [{"type": "string", "const": "any"}, names]});
    let per_hour = || integer(1, LIMIT_PER_HOUR_MAX);
    let limit = json!({"anyOf": [per_hour(), {"type": "null"}]});
    [
        ("name", name()),
        ("zone", zone()),
        ("activity", described(activity, "Which events make a user active: any, or those with these names.")),
        ("rate_limit_per_hour", described(per_hour(), "Requests an hour on the reading routes.")),
        ("ingest_limit_per_hour", described(limit, "The same on the routes that take data; null: no limit.")),
        (
            "api_key_in_query",
            described(json!({"type": "boolean"}), "Whether a key may stand in the query or the body."),
        ),
        ("apps", count()),
    ]
}

fn audit_entry() -> Value {
    let details = described(json!({"type": "object"}), "Never a key, never an identity in plain text.");
    object(
        &[
            ("sequence", json!({"type": "integer", "minimum": 0})),
            ("time", instant_answered()),
            ("actor", described(text(NAME_LENGTH_MAX), "The name of a key, or `command line`.")),
            ("action", text(NAME_LENGTH_MAX)),
            ("workspace", json!({"type": "string"})),
            ("details", details),
        ],
        &[],
    )
}
