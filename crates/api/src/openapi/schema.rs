use serde_json::{Map, Value, json};

/// A schema with its name among the document's components.
pub type Named = (String, Value);

/// A whole number within bounds.
pub fn integer(least: impl Into<Value>, most: impl Into<Value>) -> Value {
    json!({"type": "integer", "minimum": least.into(), "maximum": most.into()})
}

/// How many there are: never negative.
pub fn count() -> Value {
    json!({"type": "integer", "minimum": 0})
}

/// Text of bounded length, not empty.
pub fn text(length_max: usize) -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": length_max})
}

/// One of these words.
pub fn words(words: &[&str]) -> Value {
    json!({"type": "string", "enum": words})
}

/// Always this word.
pub fn word(word: &str) -> Value {
    json!({"type": "string", "const": word})
}

/// A list of bounded length.
pub fn list(items: &Value, length_max: usize) -> Value {
    json!({"type": "array", "items": items, "maxItems": length_max})
}

/// An object with these members and no others.
pub fn object(required: &[(&str, Value)], optional: &[(&str, Value)]) -> Value {
    let mut schema = open_object(required, optional);
    schema["additionalProperties"] = json!(false);
    schema
}

/// An object with these members; others are ignored.
pub fn open_object(required: &[(&str, Value)], optional: &[(&str, Value)]) -> Value {
    let members = required.iter().chain(optional);
    let properties: Map<_, _> = members.map(|(name, schema)| ((*name).to_owned(), schema.clone())).collect();
    let mut schema = json!({"type": "object"});
    if !required.is_empty() {
        schema["required"] = required.iter().map(|(name, _)| *name).collect();
    }
    schema["properties"] = Value::Object(properties);
    schema["additionalProperties"] = json!(true);
    schema
}

/// An answer `{"message":"success",…}`.
pub fn success(required: &[(&str, Value)], optional: &[(&str, Value)]) -> Value {
    let mut required = required.to_vec();
    required.push(("message", word("success")));
    object(&required, optional)
}

/// The schema of this name among the document's components.
pub fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// The same schema with an explanation.
pub fn described(mut schema: Value, description: &str) -> Value {
    schema["description"] = json!(description);
    schema
}

/// The same schema with an example.
pub fn example(mut schema: Value, example: impl Into<Value>) -> Value {
    schema["examples"] = json!([example.into()]);
    schema
}

/// A day, as answers write it.
pub fn day() -> Value {
    json!({"type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "examples": ["2018-06-28"]})
}

/// An instant with its offset, as answers write it.
pub fn instant_answered() -> Value {
    json!({"type": "string", "format": "date-time", "examples": ["2018-06-28T23:00:00+00:00"]})
}

/// An instant in any form that clients are known to write. Offsets may be left out, and lose their `+` on the way.
pub fn instant() -> Value {
    json!({
        "type": "string",
        "format": "instant",
        "pattern": INSTANT,
        "examples": ["2018-06-28T23:59:59-05:00", "2018-06-28", "2018-06-28T23:59:59.123Z"],
    })
}

/// What `dauphin_model::parse_instant` reads, but for days and hours that no calendar has.
const INSTANT: &str = "^[0-9]{4}(-[0-9]{2}-[0-9]{2}([Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]+|:[0-9]{3})?)?|$)\
    |[0-9]{4}([Tt ][0-9]{4}([0-9]{2}([.,][0-9]+|:[0-9]{3})?)?|$))\
    ([Zz]| ?[-+ ]([0-9]:[0-9]{2}|[0-9]{2}(:?[0-9]{2})?))?$";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_lists_what_it_needs_first() {
        let schema = object(&[("time", day())], &[("dau", count())]);
        assert_eq!(schema["required"], json!(["time"]));
        let names: Vec<_> = schema["properties"].as_object().unwrap().keys().collect();
        assert_eq!(names, ["time", "dau"]);
        assert_eq!(schema["additionalProperties"], false);
        assert_eq!(open_object(&[], &[])["required"], Value::Null);
    }
}
