use serde_json::{Value, json};

use super::access::Access;
use super::operation::{Group, Operation};
use super::refusals::Standing;
use super::schema::{Named, count, described, instant, list, object, open_object, words};
use super::series::app_id;
use super::users::external_id;

/// Wrong rows that an answer names; all are counted.
const ERRORS_NAMED_MAX: usize = 100;

/// Rows in bulk.
pub fn operations() -> Vec<Operation> {
    let row = r#"{"user_id":"ada","time":"2018-06-28T12:00:00Z","app_id":"shop-web"}"#;
    let ndjson = json!({
        "schema": {"type": "string", "format": "ndjson", "description": "An `IngestRow` a line."},
        "example": format!("{row}\n"),
    });
    let csv = json!({
        "schema": {"type": "string", "format": "csv", "description": "A header with the members of `IngestRow`, and a line each."},
        "example": "user_id,time,app_id\nada,2018-06-28T12:00:00Z,shop-web\n",
    });
    let taken = json!({"message": "success", "rows": 1, "new_user_days": 1, "repeats": 0, "rejected": 0});
    vec![
        Operation::post(Group::Bulk, "/ingest", "ingest")
            .says(
                "Send rows",
                "Answered when all rows are durable and, on one machine, visible; see `wait`. Plain, gzip or zstd, found by the first bytes. \
                 A wrong row is counted and named, and does not stop the others. A row sent again changes no count.",
            )
            .takes([
                switch("strict", "One wrong row, and nothing is taken."),
                switch("create_apps", "Makes the apps that are not there; the key must also hold `apps.create`."),
                wait(),
                json!({
                    "name": "map",
                    "in": "query",
                    "required": false,
                    "description": "Other names of columns, each as `user_id=COLUMN`.",
                    "schema": list(&json!({"type": "string", "format": "column", "examples": ["user_id=user_id"]}), 4),
                    "explode": true,
                }),
            ])
            .for_whom(Access::Key("ingest"), Standing::Told)
            .reads(&[("application/x-ndjson", ndjson), ("text/csv", csv)])
            .reads_nothing_too()
            .answers_json(200, "What became of the rows.", "Ingested", &taken)
            .refuses_with("NotIngested"),
    ]
}

/// The parameter of everything that takes events.
pub fn wait() -> Value {
    switch(
        "wait",
        "In a cluster, answers when what is sent is visible to queries on the node that was asked, not as soon as it is \
         durable. On one machine both are one.",
    )
}

fn switch(name: &str, description: &str) -> Value {
    json!({
        "name": name,
        "in": "query",
        "required": false,
        "allowEmptyValue": true,
        "description": description,
        "schema": words(&["true", "false", "1", "0"]),
    })
}

/// What is sent and answered.
pub fn schemas() -> Vec<Named> {
    let line = json!({"type": "integer", "minimum": 1});
    let error = object(&[("line", line), ("reason", json!({"type": "string"}))], &[]);
    let errors = described(list(&error, ERRORS_NAMED_MAX), "The first of the wrong rows.");
    let counts = ["rows", "rejected"].map(|name| (name, count()));
    let not_yet =
        |says: &str| described(count(), &format!("{says} Not known, and left out, before the rows are visible."));
    let seen = [
        ("new_user_days", not_yet("Days that a user was not known to be active on, each by app.")),
        ("repeats", not_yet("Rows that changed nothing.")),
    ];
    let message = ("message", json!({"type": "string", "minLength": 1}));
    let optional: Vec<_> = counts
        .iter()
        .cloned()
        .chain(seen.clone())
        .chain([("errors", errors.clone()), ("error", json!({"type": "string"}))])
        .collect();
    let required: Vec<_> = [message.clone()].into_iter().chain(counts).collect();
    vec![
        ("IngestRow".into(), row()),
        ("Ingested".into(), object(&required, &[&seen[..], &[("errors", errors)]].concat())),
        ("NotIngested".into(), object(&[message], &optional)),
    ]
}

fn row() -> Value {
    let time = json!({"anyOf": [instant(), {"type": "number"}]});
    let session = json!({"type": "string", "maxLength": 255});
    open_object(
        &[("user_id", external_id())],
        &[
            ("time", described(time, "A time, or Unix seconds; the time of arrival, if not said (NDJSON only).")),
            ("app_id", app_id()),
            ("session_id", described(session, "Counts one session for each id.")),
        ],
    )
}
