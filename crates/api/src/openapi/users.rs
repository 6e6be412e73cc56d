use dauphin_model::limits::IDENTITY_BYTES_MAX;
use serde_json::{Value, json};

use super::schema::{Named, count, described, example, list, object, reference, text};

/// Most elements of any body.
const ELEMENTS_MAX: usize = 1000;

/// What the user routes share: identifiers of people.
pub fn schemas() -> Vec<Named> {
    vec![
        ("UserAlias".into(), alias()),
        ("Prioritization".into(), prioritization()),
        ("ElementError".into(), element_error()),
        ("ElementsRefused".into(), elements_refused()),
    ]
}

/// A user id: numbers are taken as their decimal text.
pub fn external_id() -> Value {
    example(
        described(
            text_or_integer(IDENTITY_BYTES_MAX),
            "The customer's own user id; the number 7 and the text `7` are one user.",
        ),
        "ada",
    )
}

/// Text, or a whole number of 64 bits, which is taken as its decimal text.
pub fn text_or_integer(length_max: usize) -> Value {
    json!({
        "type": ["string", "integer"],
        "minLength": 1,
        "maxLength": length_max,
        "minimum": i64::MIN,
        "maximum": u64::MAX,
    })
}

/// The two parts of an alias, which have the length of one identifier together.
pub fn alias_part(of: &str) -> Value {
    example(text(IDENTITY_BYTES_MAX / 2 - 4), of)
}

/// Some other identifier.
pub fn identifier(of: &str) -> Value {
    example(text(IDENTITY_BYTES_MAX), of)
}

/// The identifiers of a person that an object may have; at least one, of which an external id and an alias exclude each
/// other.
pub fn of_person(mut schema: Value, identifiers: &[&str]) -> Value {
    schema["anyOf"] = identifiers.iter().map(|name| json!({"required": [name]})).collect();
    schema["not"] = json!({"required": ["external_id", "user_alias"]});
    schema
}

/// Those that all bodies of Braze's user API know.
pub fn identifiers() -> [(&'static str, Value); 5] {
    [
        ("external_id", external_id()),
        ("user_alias", reference("UserAlias")),
        ("braze_id", identifier("5f0c7b1d2e3a4b5c6d7e8f90")),
        ("email", identifier("ada@example.com")),
        ("phone", identifier("+15555550100")),
    ]
}

/// What is wrong with which elements of a body.
pub fn errors() -> Value {
    let mut errors = list(&reference("ElementError"), ELEMENTS_MAX);
    errors["minItems"] = json!(1);
    described(errors, "The elements that were not taken.")
}

fn element_error() -> Value {
    let reason = described(json!({"type": "string"}), "What is wrong.");
    let array = described(json!({"type": "string"}), "In which list.");
    object(&[("type", reason), ("input_array", array), ("index", count())], &[])
}

/// A 400 that says which elements are wrong, or that the body as a whole is.
fn elements_refused() -> Value {
    let message = json!({"type": "string", "minLength": 1});
    object(&[("message", message)], &[("error", json!({"type": "string"})), ("errors", errors())])
}

fn alias() -> Value {
    object(&[("alias_name", alias_part("ada-on-the-web")), ("alias_label", alias_part("web"))], &[])
}

fn prioritization() -> Value {
    let words = ["identified", "unidentified", "most_recently_updated", "least_recently_updated"];
    let schema = json!({"type": "array", "items": {"type": "string", "enum": words}, "maxItems": words.len()});
    let mut schema = described(schema, "Whom an address that several profiles have means.");
    let has = |word: &str| json!({"contains": {"const": word}});
    schema["not"] = json!({"allOf": [has("identified"), has("unidentified")]});
    schema
}
