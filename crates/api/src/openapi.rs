//! The contract as an `OpenAPI` 3.1 document, made from the routes, parameters, limits and errors that the server runs
//! on, and the same as a Postman collection.
//!
//! One module a group of routes; each is a table of [`Operation`]s.

mod access;
mod operation;
mod refusals;
mod schema;

mod lists;
mod series;

mod braze_sdk;
mod ingest;
mod profiles;
mod segment;
mod track;
mod users;

mod admin;
mod admin_keys;
mod service;

mod postman;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

pub use access::Access;
pub use operation::{Group, Method, Operation};
pub use postman::collection;

use refusals::Refusals;

/// Every operation of the contract, in the order in which it is read.
pub fn operations() -> Vec<Operation> {
    [
        series::operations(),
        lists::operations(),
        track::operations(),
        profiles::operations(),
        braze_sdk::operations(),
        segment::operations(),
        ingest::operations(),
        admin::operations(),
        admin_keys::operations(),
        service::operations(),
    ]
    .concat()
}

/// The `OpenAPI` document.
pub fn document() -> Value {
    let mut refusals = Refusals::default();
    let mut paths = Map::new();
    for operation in operations() {
        let path = paths.entry(operation.path).or_insert_with(|| json!({}));
        path[operation.method.word()] = operation.describe(&mut refusals);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Dauphin",
            "summary": "Exact counts of active users.",
            "description": "Daily, monthly and any other active users, exactly, per app and across all apps of a workspace, \
                in the JSON of Braze's KPI export API.\n\n\
                Every answer of the interface is JSON with a `message`, errors too. \
                Query parameters that a route does not know are ignored; one that it knows, given twice, is refused.",
            "version": env!("CARGO_PKG_VERSION"),
            "license": {"name": "Apache-2.0 OR MIT", "identifier": "Apache-2.0 OR MIT"},
        },
        "servers": [{"url": "/", "description": "The server that gave this document"}],
        "tags": Group::ALL.map(|group| json!({"name": group.name(), "description": group.description()})),
        "paths": paths,
        "components": {
            "schemas": schemas(),
            "responses": refusals.responses(),
            "headers": refusals::headers(),
            "securitySchemes": access::schemes(),
        },
    })
}

/// The document as it is committed and served: indented, in a stable order, with a line end.
pub fn text() -> String {
    pretty(&document())
}

/// JSON as people read it.
pub(crate) fn pretty(value: &Value) -> String {
    let mut text = serde_json::to_string_pretty(value).expect("texts, numbers and lists can be written to memory");
    text.push('\n');
    text
}

fn schemas() -> BTreeMap<String, Value> {
    let groups = [
        refusals::schemas(),
        series::schemas(),
        lists::schemas(),
        users::schemas(),
        track::schemas(),
        profiles::schemas(),
        braze_sdk::schemas(),
        segment::schemas(),
        ingest::schemas(),
        admin::schemas(),
        admin_keys::schemas(),
        service::schemas(),
    ];
    let mut schemas = BTreeMap::new();
    for (name, schema) in groups.into_iter().flatten() {
        let known = schemas.insert(name, schema);
        assert!(known.is_none(), "two groups describe a schema of one name");
    }
    schemas
}
