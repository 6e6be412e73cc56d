use serde_json::{Map, Value, json};

use super::operation::{Group, Operation};
use super::{Access, document, operations, pretty};

/// A Postman collection (v2.1) of every operation, with the variables `base_url`, `api_key`, `write_key` and `app_id`.
pub fn collection() -> String {
    let document = document();
    let operations = operations();
    let folders = Group::ALL.map(|group| {
        let requests = operations.iter().filter(|operation| operation.group == group);
        let requests: Vec<_> = requests.map(|operation| item(operation, &document)).collect();
        json!({"name": group.name(), "description": group.description(), "item": requests})
    });
    let variables = [
        ("base_url", "http://127.0.0.1:8080", "Where the server is"),
        ("api_key", "", "A key of the workspace"),
        ("write_key", "", "The write key of an app, for Segment's SDKs"),
        ("app_id", "", "The identifier of an app; empty: all apps"),
    ];
    pretty(&json!({
        "info": {
            "name": document["info"]["title"],
            "description": document["info"]["description"],
            "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json",
        },
        "auth": {"type": "bearer", "bearer": [text_pair("token", "{{api_key}}")]},
        "variable": variables.map(|(key, value, description)| {
            json!({"key": key, "value": value, "type": "string", "description": description})
        }),
        "item": folders,
    }))
}

fn text_pair(key: &str, value: &str) -> Value {
    json!({"key": key, "value": value, "type": "string"})
}

fn item(operation: &Operation, document: &Value) -> Value {
    let described = &document["paths"][operation.path][operation.method.word()];
    let mut request = json!({"method": operation.method.name()});
    if let Some(auth) = auth(operation.access) {
        request["auth"] = auth;
    }
    let parameters = |place: &str| {
        let all = described["parameters"].as_array().cloned().unwrap_or_default();
        all.into_iter()
            .filter(|parameter| parameter["in"] == place)
            .map(|parameter| pair(&parameter))
            .collect::<Vec<_>>()
    };
    let mut headers = parameters("header");
    if operation.access == Access::AppIdentifier {
        headers.push(json!({"key": "X-Braze-Api-Key", "value": "{{app_id}}"}));
    }
    if let Some((content_type, media)) = described["requestBody"]["content"].as_object().and_then(first) {
        headers.push(json!({"key": "Content-Type", "value": content_type}));
        request["body"] = body(content_type, &media["example"]);
    }
    request["header"] = json!(headers);
    request["url"] = url(operation.path, &parameters("query"));
    request["description"] = described["description"].clone();
    json!({"name": described["summary"], "request": request})
}

fn first(content: &Map<String, Value>) -> Option<(&String, &Value)> {
    content.iter().next()
}

/// What differs from the collection's own.
fn auth(access: Access) -> Option<Value> {
    match access {
        Access::Key(_) | Access::AnyKey => None,
        Access::Open | Access::AppIdentifier => Some(json!({"type": "noauth"})),
        Access::WriteKey => {
            let basic = [text_pair("username", "{{write_key}}"), text_pair("password", "")];
            Some(json!({"type": "basic", "basic": basic}))
        }
    }
}

/// A parameter; those that need not be there are turned off, but for the app, which the collection knows.
fn pair(parameter: &Value) -> Value {
    let name = &parameter["name"];
    let is_app = name == "app_id";
    let schema = &parameter["schema"];
    let example = [&schema["examples"][0], &schema["default"], &schema["enum"][0], &schema["minimum"]];
    let value = match example.into_iter().find(|value| !value.is_null()) {
        _ if is_app => "{{app_id}}".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
        None => String::new(),
    };
    let disabled = !is_app && parameter["required"] != true;
    json!({"key": name, "value": value, "description": parameter["description"], "disabled": disabled})
}

fn url(path: &str, query: &[Value]) -> Value {
    let on = query.iter().filter(|pair| pair["disabled"] == false);
    let texts =
        |pair: &Value| format!("{}={}", pair["key"].as_str().unwrap_or(""), pair["value"].as_str().unwrap_or(""));
    let pairs: Vec<_> = on.map(texts).collect();
    let mark = if pairs.is_empty() { "" } else { "?" };
    let segments: Vec<_> = path.split('/').skip(1).collect();
    let mut url = json!({"raw": format!("{{{{base_url}}}}{path}{mark}{}", pairs.join("&")), "host": ["{{base_url}}"], "path": segments});
    if !query.is_empty() {
        url["query"] = json!(query);
    }
    url
}

fn body(content_type: &str, example: &Value) -> Value {
    let is_json = content_type == "application/json";
    let raw = match example {
        Value::String(text) => text.clone(),
        other => pretty(other),
    };
    let raw = if is_json { raw.replace("\"shop-web\"", "\"{{app_id}}\"") } else { raw };
    json!({"mode": "raw", "raw": raw, "options": {"raw": {"language": if is_json { "json" } else { "text" }}}})
}
