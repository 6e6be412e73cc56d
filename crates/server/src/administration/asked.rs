use dauphin_api::ApiError;
use serde_json::{Map, Value};

use super::{check_name, refuse};

/// The fields of a request, taken one by one; what is left at the end is nothing that the operation knows.
pub struct Asked {
    fields: Map<String, Value>,
    known: Vec<&'static str>,
}

/// Characters of a value that a refusal shows.
const SHOWN_MAX: usize = 64;

impl Asked {
    /// The fields of a JSON object. A key that came with them was looked at before.
    pub fn new(asked: Value) -> Result<Self, ApiError> {
        let Value::Object(mut fields) = asked else { return Err(refuse("The body must be a JSON object")) };
        fields.remove("api_key");
        Ok(Self { fields, known: Vec::new() })
    }

    /// A field as it came; `null` is a value here.
    pub fn any(&mut self, name: &'static str) -> Option<Value> {
        self.known.push(name);
        self.fields.remove(name)
    }

    fn filled(&mut self, name: &'static str) -> Option<Value> {
        self.any(name).filter(|value| !value.is_null())
    }

    /// A text, if there is one.
    pub fn text(&mut self, name: &'static str) -> Result<Option<String>, ApiError> {
        match self.filled(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(wrong(name, &other, "a text")),
        }
    }

    /// A text that must be there.
    pub fn needed_text(&mut self, name: &'static str) -> Result<String, ApiError> {
        self.text(name)?.ok_or_else(|| missing(name))
    }

    /// A name that must be there.
    pub fn needed_name(&mut self, name: &'static str) -> Result<String, ApiError> {
        let text = self.needed_text(name)?;
        check_name(&text).map_err(|reason| refuse(format!("`{name}`: {reason}")))?;
        Ok(text)
    }

    /// A whole number, also as a query has it.
    pub fn number(&mut self, name: &'static str) -> Result<Option<u64>, ApiError> {
        let Some(value) = self.filled(name) else { return Ok(None) };
        if value.is_array() {
            return Err(refuse(format!("`{name}` is a list, or given twice; give it once")));
        }
        let number = match &value {
            Value::String(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
            other => other.as_u64(),
        };
        number.map(Some).ok_or_else(|| wrong(name, &value, "a whole number"))
    }

    /// A list of texts; none when it is not there.
    pub fn texts(&mut self, name: &'static str) -> Result<Vec<String>, ApiError> {
        self.filled(name).map_or(Ok(Vec::new()), |value| texts_of(name, value))
    }

    /// Refuses what nobody took: a setting that is misspelt must not seem to be set.
    pub fn end(self) -> Result<(), ApiError> {
        match self.fields.keys().next() {
            None => Ok(()),
            Some(_) if self.known.is_empty() => Ok(()),
            Some(name) => {
                let shown: String = name.chars().take(SHOWN_MAX).collect();
                Err(refuse(format!("`{}` is no field here; there are `{}`", shown, self.known.join("`, `"))))
            }
        }
    }
}

/// The texts of a list.
pub fn texts_of(name: &'static str, value: Value) -> Result<Vec<String>, ApiError> {
    let Value::Array(values) = value else { return Err(wrong(name, &value, "a list of texts")) };
    let texts = values.into_iter().map(|value| match value {
        Value::String(text) => Ok(text),
        other => Err(wrong(name, &other, "a list of texts")),
    });
    texts.collect()
}

/// A field is not what it must be.
pub fn wrong(name: &str, value: &Value, must: &str) -> ApiError {
    let text = if let Value::String(text) = value { text.clone() } else { value.to_string() };
    let shown: String = text.chars().filter(|c| !c.is_control()).take(SHOWN_MAX).collect();
    refuse(format!("`{name}` is `{shown}`; it must be {must}"))
}

/// A field is not there.
pub fn missing(name: &str) -> ApiError {
    refuse(format!("`{name}` is missing"))
}
