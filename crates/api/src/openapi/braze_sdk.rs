use dauphin_model::limits::IDENTITY_BYTES_MAX;
use serde_json::{Value, json};

use super::access::Access;
use super::ingest::wait;
use super::operation::{Group, Operation};
use super::refusals::Standing;
use super::schema::{Named, described, list, open_object, reference, success, text};
use super::segment::{lenient, rejections};
use super::series::app_id;
use crate::ErrorCode;

/// Most events that a description promises; a body's own limit comes first.
const EVENTS_MAX: usize = 10_000;

/// Where the SDKs send.
pub fn operations() -> Vec<Operation> {
    let sent = json!({
        "api_key": "shop-web",
        "device_id": "0b6c6c1e-6f0a-4a52-8d3f-0d2f4c7d9e11",
        "time": 1_530_187_200,
        "events": [{"name": "ss", "time": 1_530_187_200.194, "session_id": "6f1d2c3b", "user_id": "ada", "data": {}}],
    });
    vec![
        Operation::post(Group::BrazeSdk, "/api/v3/data/", "sendSdkData")
            .says(
                "Send what an SDK saw",
                "`ss` starts a session. Without `user_id` the device is the user; when a user first appears on such a device, \
                 its activity is theirs from then on, past included. Sent again, it changes no count. \
                 Pages of other origins may send (CORS).",
            )
            .takes([lenient(wait())])
            .for_whom(Access::AppIdentifier, Standing::Untold)
            .refuses(&[ErrorCode::RateLimited])
            .reads_json("SdkData", &sent)
            .reads_any_type()
            .answers_json(200, "Taken.", "SdkAnswer", &json!({"message": "success"})),
    ]
}

/// What is sent and answered.
pub fn schemas() -> Vec<Named> {
    vec![("SdkData".into(), data()), ("SdkEvent".into(), event()), ("SdkAnswer".into(), success(&[], &rejections()))]
}

fn data() -> Value {
    let events = list(&reference("SdkEvent"), EVENTS_MAX);
    open_object(
        &[("device_id", text(IDENTITY_BYTES_MAX))],
        &[("api_key", app_id()), ("time", seconds()), ("events", events)],
    )
}

fn event() -> Value {
    let name = described(text(255), "`ss` a session's start, `se` its end, `ce` a custom event, `p` a purchase.");
    let user = described(text(IDENTITY_BYTES_MAX), "Absent where nobody is known.");
    open_object(
        &[("name", name), ("time", seconds())],
        &[("user_id", user), ("session_id", text(255)), ("data", json!({"type": "object"}))],
    )
}

fn seconds() -> Value {
    json!({"type": "number", "minimum": 0, "maximum": 253_402_300_799_u64, "format": "unix-seconds", "description": "Unix time in seconds, with a fraction.", "examples": [1_530_187_200.194]})
}
