use dauphin_model::limits::IDENTITY_BYTES_MAX;
use serde_json::{Value, json};

use super::access::Access;
use super::operation::{Group, Operation};
use super::refusals::Standing;
use super::schema::{Named, described, instant, list, open_object, reference, success, words};

/// Most messages that a description promises; a body's own limit comes first.
const MESSAGES_MAX: usize = 10_000;

/// The kinds of message: the word, the path, the browser's path, and what it means here.
const KINDS: [(&str, &str, &str, &str); 6] = [
    ("identify", "/v1/identify", "/v1/i", "Says who an anonymous visitor is: one person from then on, past included."),
    ("track", "/v1/track", "/v1/t", "Something a person did: an active day, if the workspace counts the event."),
    ("page", "/v1/page", "/v1/p", "A page was seen: an active day."),
    ("screen", "/v1/screen", "/v1/s", "A screen was seen: an active day."),
    ("group", "/v1/group", "/v1/g", "Traits of a group; makes nobody active by itself."),
    ("alias", "/v1/alias", "/v1/a", "`previousId` and `userId` are one person from then on, past included."),
];

/// Where the SDKs send.
pub fn operations() -> Vec<Operation> {
    let batches = [("/v1/batch", "Batch", ""), ("/v1/b", "BatchFromBrowser", ", from a browser")];
    let batches = batches.into_iter().map(|(path, id, suffix)| {
        send(path, format!("send{id}"), "SegmentBatch", &json!({"batch": [example("track")]})).says(
            &format!("Send a batch{suffix}"),
            "Messages of any kind, each with its `type`; wrong ones do not stop the others.",
        )
    });
    let calls = KINDS.into_iter().flat_map(|(kind, path, short, says)| {
        [(path, "", ""), (short, "FromBrowser", ", from a browser")].map(|(path, id, suffix)| {
            let name = kind[..1].to_ascii_uppercase() + &kind[1..];
            send(path, format!("send{name}{id}"), &schema_name(kind), &example(kind))
                .says(&format!("Send `{kind}`{suffix}"), says)
        })
    });
    batches.chain(calls).collect()
}

fn send(path: &'static str, id: String, schema: &str, example: &Value) -> Operation {
    Operation::post(Group::Segment, path, id)
        .for_whom(Access::WriteKey, Standing::Untold)
        .reads_json(schema, example)
        .answers_json(
            200,
            "Taken. A `messageId` that came before changes no count.",
            "SegmentAnswer",
            &json!({"success": true}),
        )
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
    let more = [("sentAt", instant()), ("writeKey", json!({"type": "string", "format": "write-key"}))];
    schemas.push(("SegmentBatch".into(), open_object(&[("batch", batch)], &more)));
    schemas.push(("SegmentMessage".into(), in_batch()));
    schemas.push(("SegmentAnswer".into(), success_true()));
    schemas
}

/// Segment's own answer has no `message`; here there may be one.
fn success_true() -> Value {
    let mut schema = success(&[("success", json!({"type": "boolean", "const": true}))], &[]);
    schema["required"] = json!(["success"]);
    schema
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
        ("context", described(json!({"type": "object"}), "`sessionId`, of a number or a text, makes a session.")),
        ("writeKey", json!({"type": "string", "format": "write-key"})),
    ]
}

/// One of the two who a message can be about.
fn of_person(mut schema: Value) -> Value {
    let filled = |name: &str| json!({"required": [name], "properties": {name: {"type": "string", "minLength": 1}}});
    schema["anyOf"] = json!([filled("userId"), filled("anonymousId")]);
    schema
}

fn message(kind: &str) -> Value {
    let mut required = Vec::new();
    match kind {
        "track" => required.push(("event", json!({"type": "string", "minLength": 1, "maxLength": 255}))),
        "alias" => {
            required.push(("previousId", json!({"type": "string", "minLength": 1, "maxLength": IDENTITY_BYTES_MAX})));
        }
        _ => {}
    }
    of_person(open_object(&required, &members()))
}

fn in_batch() -> Value {
    let kind = words(&KINDS.map(|(kind, _, _, _)| kind));
    let event = json!({"type": "string", "maxLength": 255});
    let more = [("event", event), ("previousId", json!({"type": "string", "maxLength": IDENTITY_BYTES_MAX}))];
    of_person(open_object(&[("type", kind)], &[members(), more.into()].concat()))
}
