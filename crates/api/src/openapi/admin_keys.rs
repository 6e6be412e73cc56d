use serde_json::{Value, json};

use super::access::Access;
use super::admin::{NAME_LENGTH_MAX, change, name, read, secret};
use super::operation::Operation;
use super::schema::{Named, day, described, list, object, reference, success, words};
use super::users::{identifier, identifiers};

const KEYS: Access = Access::Key("admin.keys");
const USERS: Access = Access::Key("admin.users");
/// Most permissions or addresses of one key.
const ENTRIES_MAX: usize = 100;

/// Keys, and what an administrator can do to people.
pub fn operations() -> Vec<Operation> {
    let new = json!({"name": "reports", "permissions": ["kpi.dau.data_series"], "allowed_addresses": ["192.0.2.0/24"]});
    let mut entry = new.clone();
    entry["number"] = json!(1);
    entry["revoked"] = json!(false);
    let mut added = entry.clone();
    added["message"] = json!("success");
    added["key"] = json!("…");
    let keys = vec![
        read("/admin/keys", "listKeys", KEYS)
            .says("List the keys", "What they may do; never the keys themselves.")
            .answers_json(200, "The keys.", "Keys", &json!({"message": "success", "keys": [entry]})),
        change("/admin/keys", "addKey", KEYS)
            .says("Add a key", "It is shown this once. A key gives only permissions that it holds.")
            .reads_json("KeyNew", &new)
            .answers_json(200, "Added.", "KeyAdded", &added),
        change("/admin/keys/revoke", "revokeKey", KEYS)
            .says("Revoke a key", "From the next request on. It cannot be undone.")
            .reads_json("KeyRevocation", &json!({"number": 3}))
            .answers_json(
                200,
                "Revoked.",
                "KeyRevoked",
                &json!({"message": "success", "number": 3, "name": "reports"}),
            ),
    ];
    keys.into_iter().chain([shown()]).chain(people()).collect()
}

fn shown() -> Operation {
    let known = json!({
        "message": "success",
        "known": true,
        "profiles": 2,
        "excluded": false,
        "days": [],
        "apps": {"shop-web": ["2018-06-25", "2018-06-28"]},
    });
    change("/admin/users/show", "showUser", USERS)
        .reads_json("OnePerson", &json!({"user": {"external_id": "ada"}}))
        .says("Show what is known of a person", "Active days of all of their profiles, by app: why they count.")
        .answers_json(200, "What is known.", "UserShown", &known)
}

fn people() -> [Operation; 5] {
    let one = json!({"user": {"external_id": "ada"}});
    let two = json!({"user": {"anonymous_id": "7c2b9a10"}, "other": {"external_id": "ada"}});
    let of_one = |path, id: &str| change(path, id, USERS).reads_json("OnePerson", &one);
    [
        of_one("/admin/users/erase", "eraseUser").says("Erase a person", "Counted no more, on any day."),
        of_one("/admin/users/exclude", "excludeUser")
            .says("Exclude a person from all counts", "A bot, or a tester. They are remembered, and can count again."),
        of_one("/admin/users/include", "includeUser").says("Count an excluded person again", ""),
        change("/admin/users/link", "linkUsers", USERS)
            .reads_json("TwoProfiles", &two)
            .says("Link two profiles", "One person from now on, past included."),
        of_one("/admin/users/unlink", "unlinkUsers")
            .says("Take a link back", "The profile is a person of its own again, past included."),
    ]
    .map(|operation| {
        let done = json!({"message": "success", "outcome": "changed"});
        operation.answers_json(200, "What became of it.", "UserChanged", &done)
    })
}

/// What is sent and answered.
pub fn schemas() -> Vec<Named> {
    let component = |name: &str, schema: Value| (name.to_owned(), schema);
    let person = || reference("Person");
    let members = members();
    let outcome = words(&["changed", "unchanged", "unknown", "taken", "in_use", "out_of_use", "too_many"]);
    let mut revocation = object(&[], &[("number", number()), ("name", name())]);
    revocation["oneOf"] = json!([{"required": ["number"]}, {"required": ["name"]}]);
    vec![
        component("Keys", success(&[("keys", json!({"type": "array", "items": reference("KeyEntry")}))], &[])),
        component("KeyEntry", object(&members, &[])),
        component(
            "KeyNew",
            object(&[("name", name()), ("permissions", permissions())], &[("allowed_addresses", addresses())]),
        ),
        component("KeyAdded", success(&[&members[..], &[("key", secret())]].concat(), &[])),
        component("KeyRevocation", revocation),
        component("KeyRevoked", success(&[("number", number()), ("name", name())], &[])),
        component("OnePerson", object(&[("user", person())], &[])),
        component("TwoProfiles", object(&[("user", person()), ("other", person())], &[])),
        component("UserShown", shown_members()),
        component("UserChanged", success(&[("outcome", outcome)], &[])),
        component("Person", identity()),
    ]
}

fn shown_members() -> Value {
    let days = || json!({"type": "array", "items": day()});
    success(
        &[
            ("known", json!({"type": "boolean"})),
            ("profiles", number()),
            ("excluded", json!({"type": "boolean"})),
            ("days", described(days(), "Days without an app.")),
            ("apps", json!({"type": "object", "additionalProperties": days()})),
        ],
        &[],
    )
}

fn number() -> Value {
    json!({"type": "integer", "minimum": 0})
}

fn members() -> [(&'static str, Value); 5] {
    [
        ("number", number()),
        ("name", name()),
        ("permissions", permissions()),
        ("allowed_addresses", addresses()),
        ("revoked", json!({"type": "boolean"})),
    ]
}

fn permissions() -> Value {
    let permission = json!({"type": "string", "format": "permission", "minLength": 1, "maxLength": NAME_LENGTH_MAX});
    let mut permissions = list(&permission, ENTRIES_MAX);
    permissions["minItems"] = json!(1);
    described(permissions, "Named like the paths; `*` holds all.")
}

fn addresses() -> Value {
    let address = json!({"type": "string", "format": "subnet", "minLength": 1, "maxLength": 64});
    described(list(&address, ENTRIES_MAX), "Addresses and subnets it may be used from; empty: any.")
}

fn identity() -> Value {
    let more =
        [("device_id", identifier("0b6c6c1e-6f0a-4a52-8d3f-0d2f4c7d9e11")), ("anonymous_id", identifier("7c2b9a10"))];
    let members: Vec<_> = identifiers().into_iter().chain(more).collect();
    let mut schema = object(&[], &members);
    schema["oneOf"] = members.iter().map(|(name, _)| json!({"required": [name]})).collect();
    described(schema, "Somebody, by exactly one of these.")
}
