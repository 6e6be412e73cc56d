use serde_json::{Value, json};

use super::access::Access;
use super::ingest::wait;
use super::operation::{Group, Operation};
use super::refusals::Standing;
use super::schema::{Named, count, described, instant, list, object, open_object, reference, text, word, words};
use super::series::app_id;
use super::users::{errors, identifiers, of_person, text_or_integer};

/// Most elements of one request, over all its lists.
const ELEMENTS_MAX: usize = 75;
/// The same in bulk.
const ELEMENTS_BULK_MAX: usize = 1000;
/// Longest name of an event or a product.
const NAME_LENGTH_MAX: usize = 255;

/// `users/track`, plain and in bulk.
pub fn operations() -> Vec<Operation> {
    let bulk = json!({
        "name": "X-Braze-Bulk",
        "in": "header",
        "required": false,
        "description": format!("`true`: up to {ELEMENTS_BULK_MAX} elements."),
        "schema": words(&["true", "false"]),
    });
    let track = Operation::post(Group::Users, "/users/track", "trackUsers").says(
        "Track users",
        "Attributes, events and purchases of people. Events and purchases make a user active, on the day of their `time`; \
         which ones do is a setting of the workspace. Attributes do not, but for the dates of the first and last session. \
         Elements that are wrong are named in `errors`; the others are taken. Answered when durable and, on one machine, visible; see `wait`. A repeat changes no count.",
    );
    let in_bulk = Operation::post(Group::Users, "/users/track/bulk", "trackUsersInBulk")
        .says("Track users in bulk", "The same, with up to 1,000 elements.");
    vec![of(track.takes([bulk]), "UsersTrack"), of(in_bulk, "UsersTrackBulk")]
}

fn of(operation: Operation, schema: &str) -> Operation {
    let sent = json!({"events": [{"external_id": "ada", "app_id": "shop-web", "name": "opened", "time": "2018-06-28T12:00:00Z"}]});
    let taken = json!({"message": "success", "events_processed": 1});
    operation
        .takes([wait()])
        .for_whom(Access::Key("users.track"), Standing::Told)
        .reads_json(schema, &sent)
        .answers_json(201, "Taken; of each list that was sent, how many elements.", "UsersTracked", &taken)
        .refuses_with("ElementsRefused")
}

/// What is sent and answered.
pub fn schemas() -> Vec<Named> {
    let counters = ["attributes_processed", "events_processed", "purchases_processed"].map(|name| (name, count()));
    let mut tracked = counters.to_vec();
    tracked.push(("errors", errors()));
    vec![
        ("UsersTrack".into(), body(ELEMENTS_MAX)),
        ("UsersTrackBulk".into(), body(ELEMENTS_BULK_MAX)),
        ("TrackedAttributes".into(), attributes()),
        ("TrackedEvent".into(), event()),
        ("TrackedPurchase".into(), purchase()),
        ("UsersTracked".into(), object(&[("message", word("success"))], &tracked)),
    ]
}

fn body(elements_max: usize) -> Value {
    let lists = [("attributes", "TrackedAttributes"), ("events", "TrackedEvent"), ("purchases", "TrackedPurchase")];
    let one_or_many = |schema| {
        let many = list(&reference(schema), elements_max);
        json!({"oneOf": [many, reference(schema)]})
    };
    let lists = lists.map(|(name, schema)| (name, one_or_many(schema)));
    let says = format!("At most {elements_max} elements in all three lists; a single element needs no list.");
    described(open_object(&[], &lists), &says)
}

/// An element is about one person.
fn element(required: &[(&str, Value)], optional: &[(&str, Value)]) -> Value {
    let identifiers = identifiers();
    let names = identifiers.each_ref().map(|(name, _)| *name);
    of_person(open_object(required, &[&identifiers[..], optional].concat()), &names)
}

fn attributes() -> Value {
    let of_session = |which: &str| described(instant(), &format!("The {which} session: that day is an active one."));
    element(
        &[],
        &[
            ("app_id", app_id()),
            ("date_of_first_session", of_session("first")),
            ("date_of_last_session", of_session("last")),
        ],
    )
}

fn event() -> Value {
    let properties = json!({"type": "object", "description": "Not kept."});
    element(
        &[("name", text(NAME_LENGTH_MAX)), ("time", instant())],
        &[("app_id", app_id()), ("properties", properties)],
    )
}

fn purchase() -> Value {
    let properties = json!({"type": "object", "description": "Not kept."});
    element(
        &[
            ("product_id", text_or_integer(NAME_LENGTH_MAX)),
            ("currency", json!({"type": "string", "pattern": "^[A-Za-z]{3}$", "examples": ["EUR"]})),
            ("price", json!({"type": "number"})),
            ("time", instant()),
        ],
        &[
            ("app_id", app_id()),
            ("quantity", json!({"type": "integer", "minimum": 1, "maximum": 100})),
            ("properties", properties),
        ],
    )
}
