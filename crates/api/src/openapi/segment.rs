use dauphin_model::limits::IDENTITY_BYTES_MAX;
use serde_json::{Value, json};

use super::access::Access;
use super::ingest::wait;
use super::operation::{Group, Operation};
use super::refusals::Standing;
use super::schema::{Named, count, described, instant, list, object, open_object, reference, words};
use crate::ErrorCode;

/// Most messages that a description promises; a body's own limit comes first.
const MESSAGES_MAX: usize = 10_000;
/// Elements that an answer names; all are counted.
const ERRORS_NAMED_MAX: usize = 100;

/// The kinds of message: the word, the path, the path that browsers use, and what it means here.
const KINDS: [(&str, &str, &str, &str); 6] = [
    ("identify", "/v1/identify", "/v1/i", "Says who an anonymous visitor is: one person from then on, past included."),
    ("track", "/v1/track", "/v1/t", "Something a person did: an active day, if the workspace counts the event."),
    ("page", "/v1/page", "/v1/p", "A page was seen: an active day."),
    ("screen", "/v1/screen", "/v1/s", "A screen was seen: an active day."),
    ("group", "/v1/group", "/v1/g", "Traits of a group; makes nobody active by itself."),
    ("alias", "/v1/alias", "/v1/a", "`previousId` and `userId` are one person from then on, past included."),
];

/// The paths that take messages of any kind.
const BATCHES: [(&str, &str, &str); 4] = [
    ("/v1/batch", "sendBatch", "Send a batch"),
    ("/v1/b", "sendBatchFromBrowser", "Send a batch, from a browser"),
    ("/v1/import", "sendImport", "Send a batch of the past"),
    ("/beacon/v1/batch", "sendBeacon", "Send a batch as a page is left"),
];

/// Where the SDKs send, and what they look up before.
pub fn operations() -> Vec<Operation> {
    let batches = BATCHES.into_iter().map(|(path, id, summary)| {
        let example = json!({"batch": [example("track")]});
        let says = "Messages of any kind, each with its `type`; wrong ones do not stop the others.";
        send(path, id.into(), "SegmentBatch", &example).says(summary, says)
    });
    let calls = KINDS.into_iter().flat_map(|(kind, path, short, says)| {
        [(path, "", ""), (short, "FromBrowser", ", from a browser")].map(|(path, id, suffix)| {
            let name = kind[..1].to_ascii_uppercase() + &kind[1..];
            let summary = format!("Send {kind}{suffix}");
            send(path, format!("send{name}{id}"), &schema_name(kind), &example(kind)).says(&summary, says)
        })
    });
    batches.chain(calls).chain(look_ups()).collect()
}

fn send(path: &'static str, id: String, schema: &str, example: &Value) -> Operation {
    let media = json!({"schema": reference(schema), "example": example});
    Operation::post(Group::Segment, path, id)
        .takes([lenient(wait())])
        .for_whom(Access::WriteKey, Standing::Untold)
        .refuses(&[ErrorCode::RateLimited])
        .reads(&[("application/json", media.clone()), ("text/plain", media)])
        .reads_any_type()
        .refuses(&[ErrorCode::NotJson])
        .answers_json(
            200,
            "Taken, but for what is named. A `messageId` that came before changes no count.",
            "SegmentAnswer",
            &json!({"success": true}),
        )
}

/// An SDK that asks for what there is not is not refused.
pub fn lenient(mut parameter: Value) -> Value {
    parameter["schema"] = json!({"type": "string", "examples": ["true"]});
    parameter
}

fn look_ups() -> [Operation; 2] {
    let settings = json!({"integrations": {"Segment.io": {"apiKey": "…", "apiHost": "127.0.0.1:8080/v1"}}});
    let config = json!({"source": {"id": "shop-web", "enabled": true, "destinations": []}});
    let write_key = json!({
        "name": "writeKey",
        "in": "path",
        "required": true,
        "description": "The write key of an app.",
        "schema": {"type": "string", "minLength": 1, "format": "write-key"},
    });
    [
        Operation::get(Group::Segment, "/v1/projects/{writeKey}/settings", "readSegmentSettings")
            .says("What Segment's SDKs look up first", "Sends everything back here, and nothing elsewhere.")
            .for_whom(Access::Open, Standing::Untold)
            .takes([write_key])
            .answers(200, "The settings.", &[("application/json", settings_of("integrations", &settings))]),
        Operation::get(Group::Segment, "/sourceConfig", "readRudderStackConfig")
            .says("What RudderStack's SDKs look up first", "The source is there, and has no destinations in the page.")
            .for_whom(Access::WriteKey, Standing::Untold)
            .answers(200, "The configuration.", &[("application/json", settings_of("source", &config))]),
    ]
}

fn settings_of(member: &str, example: &Value) -> Value {
    json!({"schema": open_object(&[(member, json!({"type": "object"}))], &[]), "example": example})
}

fn example(kind: &str) -> Value {
    let mut message = json!({"messageId": "a1f6c0de", "timestamp": "2018-06-28T12:00:00Z", "userId": "ada"});
    match kind {
        "track" => {
            message["type"] = json!("track");
            message["event"] = json!("Order Completed");
        }
        "identify" => message["anonymousId"] = json!("7c2b9a10"),
        "page" | "screen" => message["name"] = json!("Home"),
        "group" => message["groupId"] = json!("shop"),
        _ => message["previousId"] = json!("7c2b9a10"),
    }
    message
}

fn schema_name(kind: &str) -> String {
    format!("Segment{}{}", kind[..1].to_ascii_uppercase(), &kind[1..])
}

/// What is sent and answered.
pub fn schemas() -> Vec<Named> {
    let mut schemas: Vec<Named> = KINDS.map(|(kind, _, _, _)| (schema_name(kind), message(kind))).into();
    let batch = list(&reference("SegmentMessage"), MESSAGES_MAX);
    let more = [("sentAt", instant()), ("writeKey", write_key())];
    schemas.push(("SegmentBatch".into(), open_object(&[("batch", batch)], &more)));
    schemas.push(("SegmentMessage".into(), in_batch()));
    let success = ("success", json!({"type": "boolean", "const": true}));
    schemas.push(("SegmentAnswer".into(), object(&[success], &rejections())));
    schemas
}

/// What the answers to SDKs say beyond success.
pub fn rejections() -> [(&'static str, Value); 2] {
    let error = object(&[("index", count()), ("reason", json!({"type": "string"}))], &[]);
    let errors = described(list(&error, ERRORS_NAMED_MAX), "The first of the elements that were not taken.");
    [("rejected", described(count(), "How many elements were not taken.")), ("errors", errors)]
}

fn write_key() -> Value {
    json!({"type": "string", "format": "write-key"})
}

fn members() -> Vec<(&'static str, Value)> {
    let id = |says: &str| described(json!({"type": ["string", "null"], "maxLength": IDENTITY_BYTES_MAX}), says);
    let message_id = json!({"type": "string", "maxLength": 255});
    vec![
        ("userId", id("The user; null or empty where nobody is known.")),
        ("anonymousId", id("The visitor.")),
        ("messageId", described(message_id, "De-duplicates sessions and uninstalls.")),
        ("timestamp", instant()),
        ("originalTimestamp", instant()),
        ("sentAt", instant()),
        ("context", described(json!({"type": "object"}), "A `sessionId` in it, a number or a text, makes a session.")),
        ("writeKey", write_key()),
    ]
}

/// One of the two who a message can be about.
fn of_person(mut schema: Value) -> Value {
    let filled = |name: &str| json!({"required": [name], "properties": {name: {"type": "string", "minLength": 1}}});
    schema["anyOf"] = json!([filled("userId"), filled("anonymousId")]);
    schema
}

fn message(kind: &str) -> Value {
    let id = |length_max: usize| json!({"type": "string", "minLength": 1, "maxLength": length_max});
    let required = match kind {
        "track" => vec![("event", id(255))],
        "alias" => vec![("previousId", id(IDENTITY_BYTES_MAX))],
        _ => Vec::new(),
    };
    of_person(open_object(&required, &members()))
}

fn in_batch() -> Value {
    let kind = words(&KINDS.map(|(kind, _, _, _)| kind));
    let event = json!({"type": "string", "maxLength": 255});
    let more = [("event", event), ("previousId", json!({"type": "string", "maxLength": IDENTITY_BYTES_MAX}))];
    of_person(open_object(&[("type", kind)], &[members(), more.into()].concat()))
}
