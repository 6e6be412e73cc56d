use serde_json::{Map, Value};

use crate::cli::administration::table::{shown, table};

/// An object as people read it: a line for each value, and after them a table for each list of objects, under its name.
pub fn text(object: &Value) -> String {
    let fields = flattened(object);
    let (lists, values): (Vec<_>, Vec<_>) = fields.iter().partition(|(_, value)| objects(value).is_some());
    let mut text = String::new();
    for (name, value) in values {
        text.extend([name, ": ", &shown(value), "\n"]);
    }
    for (name, value) in lists {
        let rows: Vec<_> = objects(value).unwrap_or_default().iter().map(flattened).collect();
        // Every object of a list has the same fields.
        let columns: Vec<_> =
            rows.first().into_iter().flat_map(Map::keys).map(|key| (key.as_str(), key.as_str())).collect();
        let rows: Vec<_> = rows.iter().cloned().map(Value::Object).collect();
        text.extend(["\n", name, "\n", &table(&columns, &rows)]);
    }
    text
}

/// The elements of a list that holds objects.
fn objects(value: &Value) -> Option<&[Value]> {
    let list = value.as_array()?;
    list.first().is_some_and(Value::is_object).then_some(list)
}

/// The fields of an object, those of objects in it under both names, in words.
fn flattened(object: &Value) -> Map<String, Value> {
    let mut fields = Map::new();
    for (name, value) in object.as_object().into_iter().flatten() {
        let name = name.replace('_', " ");
        if value.is_object() {
            fields.extend(flattened(value).into_iter().map(|(inner, value)| (format!("{name} {inner}"), value)));
        } else {
            fields.insert(name, value.clone());
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_come_first_and_lists_are_tables() {
        let status = json!({
            "topic_prefix": "dauphin",
            "partitions": [
                {"number": 0, "owner": "a", "lag": {"events": 0, "seconds": 0.5}},
                {"number": 11, "owner": null, "lag": {"events": 7, "seconds": 12}},
            ],
            "lag": {"events": 7},
            "nodes": [],
            "brokers": ["a:1", "b:2"],
        });
        assert_eq!(
            text(&status),
            "\
topic prefix: dauphin
lag events: 7
nodes: -
brokers: a:1, b:2

partitions
number  owner  lag events  lag seconds
0       a      0           0.5
11      -      7           12
"
        );
        assert_eq!(text(&json!({})), "");
    }
}
