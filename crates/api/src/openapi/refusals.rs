use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::schema::{Named, object, reference};
use crate::error::Refusal;
use crate::{ApiError, ErrorCode, Language};

/// Whether answers to a valid key say where its hour stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// Always, and it takes from the hour, if the workspace limits the route.
    Told,
    /// Always, and it takes nothing from the hour.
    ToldFree,
    /// Never.
    Untold,
}

const LIMIT: &str = "X-RateLimit-Limit";
const REMAINING: &str = "X-RateLimit-Remaining";
const RESET: &str = "X-RateLimit-Reset";
/// How far a series is behind what was accepted.
pub const LAG: &str = "X-Dauphin-Lag";
const RETRY_AFTER: &str = "Retry-After";
const AUTHENTICATE: &str = "WWW-Authenticate";

impl Standing {
    /// The headers of an answer to a valid key.
    pub fn headers(self) -> Map<String, Value> {
        if self == Self::Untold {
            return Map::new();
        }
        [LIMIT, REMAINING, RESET].map(|name| (name.to_owned(), refer(name))).into_iter().collect()
    }

    const fn suffix(self) -> &'static str {
        match self {
            Self::Told | Self::ToldFree => "WithStanding",
            Self::Untold => "",
        }
    }
}

/// A reference to a header of the components.
pub fn refer(header: &str) -> Value {
    json!({"$ref": format!("#/components/headers/{header}")})
}

/// The headers that answers share.
pub fn headers() -> Value {
    let header =
        |schema: Value, description: &str| json!({"description": description, "required": true, "schema": schema});
    let number = || json!({"type": "integer", "minimum": 0});
    json!({
        LIMIT: header(number(), "Requests an hour."),
        REMAINING: header(number(), "Requests left in this clock hour, this one already counted."),
        RESET: header(number(), "When the next hour begins: Unix time, in seconds."),
        RETRY_AFTER: header(json!({"type": "integer", "minimum": 1}), "When to try again, in seconds."),
        AUTHENTICATE: header(json!({"type": "string"}), "How to say who asks."),
        LAG: {
            "description": "In a cluster: how many accepted events the answer does not count yet, and how long ago the \
                oldest of them was sent. On one machine there are none, and no header.",
            "required": false,
            "schema": {"type": "string", "pattern": "^[0-9]+; seconds=[0-9]+([.][0-9]{1,3})?$", "examples": ["0; seconds=0"]},
        },
    })
}

/// The body of every refusal.
pub fn schemas() -> Vec<Named> {
    let message = json!({"type": "string", "minLength": 1, "description": "A sentence: what is wrong, with the value, and what would be right."});
    let error =
        json!({"type": "string", "description": "More, where there is more to say: where a body stops being JSON."});
    vec![("Error".into(), object(&[("message", message)], &[("error", error)]))]
}

/// The refusals that operations share, each described once.
#[derive(Default)]
pub struct Refusals {
    responses: BTreeMap<String, Value>,
}

impl Refusals {
    /// A reference to the answer with these codes, which have one status.
    pub fn refer(
        &mut self,
        codes: &[ErrorCode],
        standing: Standing,
        language: Language,
        schema: Option<&'static str>,
    ) -> Value {
        // Whoever has no valid key is told nothing of a workspace.
        let standing = if codes == [ErrorCode::InvalidApiKey] { Standing::Untold } else { standing };
        let words: Vec<_> = codes.iter().map(|code| format!("{code:?}")).collect();
        let language_word = if language == Language::French { "French" } else { "" };
        let schema = schema.unwrap_or("Error");
        let of = if schema == "Error" { String::new() } else { format!("Of{schema}") };
        let name = format!("{language_word}{}{of}{}", words.join("Or"), standing.suffix());
        let reference = json!({"$ref": format!("#/components/responses/{name}")});
        self.responses.entry(name).or_insert_with(|| response(codes, standing, language, schema));
        reference
    }

    /// All that were referred to.
    pub fn responses(self) -> BTreeMap<String, Value> {
        self.responses
    }
}

fn response(codes: &[ErrorCode], standing: Standing, language: Language, schema: &str) -> Value {
    let mut headers = standing.headers();
    let mut add = |name: &str| headers.insert(name.into(), refer(name));
    let mut examples = Map::new();
    let mut descriptions = Vec::new();
    for code in codes {
        match code {
            ErrorCode::RateLimited | ErrorCode::Unavailable => drop(add(RETRY_AFTER)),
            ErrorCode::InvalidApiKey => drop(add(AUTHENTICATE)),
            _ => {}
        }
        descriptions.push(ApiError::new(*code, language).message().to_owned());
        let mut body = Vec::new();
        example(*code, language).write_json(&mut body);
        let body: Value = serde_json::from_slice(&body).expect("an error's body is JSON");
        examples.insert(format!("{code:?}"), json!({"value": body}));
    }
    let mut response = json!({"description": format!("{}.", descriptions.join(". "))});
    if !headers.is_empty() {
        response["headers"] = Value::Object(headers);
    }
    response["content"] = json!({"application/json": {"schema": reference(schema), "examples": examples}});
    response
}

/// The code in the words of a real request.
fn example(code: ErrorCode, language: Language) -> ApiError {
    match code {
        ErrorCode::InvalidParameter => Refusal::Length.of(language, crate::Parameter::Length.name(language), "101"),
        ErrorCode::UnknownApp => ApiError::unknown_app(language, "shop-tv"),
        ErrorCode::NotJson => ApiError::not_json("expected value at line 1 column 1"),
        _ => ApiError::new(code, language),
    }
}
