use serde_json::{Value, json};

use super::access::Access;
use super::operation::{Group, Operation};
use super::refusals::Standing;
use super::schema::{Named, list, object, reference, success, text, word};
use super::series::app_id;
use crate::ErrorCode;

/// The server itself.
pub fn operations() -> Vec<Operation> {
    let get = |path, id: &str| Operation::get(Group::Service, path, id);
    let workspace = json!({"message": "success", "workspace": "main", "zone": "Europe/Paris", "apps": [{"name": "Web", "app_id": "shop-web"}]});
    vec![
        get("/healthz", "isAlive").says("Whether the process answers", "").answers_json(
            200,
            "It does.",
            "Alive",
            &json!({"message": "alive"}),
        ),
        get("/readyz", "isReady")
            .says("Whether requests would be answered", "")
            .answers_json(200, "They would.", "Ready", &json!({"message": "ready"}))
            .refuses(&[ErrorCode::Unavailable]),
        get("/metrics", "readMetrics")
            .says("What the server does", "Counters, latencies and sizes in the text form of Prometheus.")
            .for_whom(Access::Key("metrics"), Standing::ToldFree)
            .answers(
                200,
                "The metrics.",
                &[("text/plain", text_of("# TYPE dauphin_profiles gauge\ndauphin_profiles 200000\n"))],
            ),
        get("/console/workspace", "readConsoleWorkspace")
            .says(
                "The workspace of a key",
                "Its name, its zone and its apps: what a client needs to ask well. Any key will do.",
            )
            .for_whom(Access::AnyKey, Standing::ToldFree)
            .answers_json(200, "The workspace.", "ConsoleWorkspace", &workspace),
        get("/openapi.json", "readOpenApi").says("This document", "").answers(
            200,
            "OpenAPI 3.1.",
            &[("application/json", json!({"schema": {"type": "object"}}))],
        ),
        get("/docs", "readDocs").says("This document, for people", "").answers(
            200,
            "A page that needs nothing from elsewhere.",
            &[("text/html", text_of("<!doctype html>"))],
        ),
        get("/", "openConsole").says("The console", "Charts of the series of a workspace; it asks for a key.").answers(
            200,
            "A page that needs nothing from elsewhere.",
            &[("text/html", text_of("<!doctype html>"))],
        ),
    ]
}

fn text_of(example: &str) -> Value {
    json!({"schema": {"type": "string"}, "example": example})
}

/// What is answered.
pub fn schemas() -> Vec<Named> {
    let app = object(&[("name", text(255)), ("app_id", app_id())], &[]);
    let workspace = [
        ("workspace", text(255)),
        ("zone", zone()),
        ("apps", list(&reference("ConsoleApp"), dauphin_model::limits::APPS_MAX.into())),
    ];
    vec![
        ("Alive".into(), object(&[("message", word("alive"))], &[])),
        ("Ready".into(), object(&[("message", word("ready"))], &[])),
        ("ConsoleApp".into(), app),
        ("ConsoleWorkspace".into(), success(&workspace, &[])),
    ]
}

/// A time zone by its IANA name.
pub fn zone() -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": 255, "format": "time-zone", "examples": ["Europe/Paris"]})
}
