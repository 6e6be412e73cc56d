//! A body that is one JSON object, taken apart lazily: what is wrong inside one element spoils no other.

use std::borrow::Cow;

use memchr::memchr;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::elements::{self, Element, Wants};
use crate::error::BodyError;
use crate::plain::{Cursor, Member};
use crate::row::shown;

/// Reads the members that `T` names; others are passed over.
pub(crate) fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, BodyError> {
    let text = std::str::from_utf8(body)
        .map_err(|error| BodyError::NotJson(format!("byte {} is not UTF-8", error.valid_up_to())))?;
    if text.trim_ascii_start().starts_with('{') {
        serde_json::from_str(text).map_err(|error| BodyError::of(&error))
    } else {
        let json: Result<IgnoredAny, _> = serde_json::from_str(text);
        Err(json.map_or_else(
            |error| BodyError::of(&error),
            |_| BodyError::Shape("The body must be a JSON object".to_owned()),
        ))
    }
}

/// A member of an object, as it is written; `null` is as good as absent.
#[derive(Clone, Copy, Default)]
pub(crate) enum Field<'a> {
    #[default]
    Missing,
    Null,
    /// A string without escapes: what is between its quotes.
    Plain(&'a str),
    /// Anything; `null` only where it is no member.
    Raw(&'a str),
}

impl<'de: 'a, 'a> Deserialize<'de> for Field<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // An option, which may also be missing where the members have no defaults.
        let raw = Option::<&RawValue>::deserialize(deserializer)?;
        Ok(raw.map_or(Self::Null, |raw| Self::of(raw.get())))
    }
}

impl<'a> Member<'a> for Field<'a> {
    fn read(&mut self, cursor: &mut Cursor<'a>) -> Option<()> {
        let Self::Missing = self else { return None };
        *self = cursor.plain_or(|cursor| cursor.string().map(Self::Plain), |raw| Some(Self::of(raw)))?;
        Some(())
    }
}

impl<'a> Field<'a> {
    fn of(raw: &'a str) -> Self {
        if raw == "null" { Self::Null } else { Self::Raw(raw) }
    }

    /// Whether it is there.
    pub fn is_some(self) -> bool {
        self.written().is_some()
    }

    /// As it is written; of a plain string, how it begins.
    fn written(self) -> Option<&'a str> {
        match self {
            Self::Missing | Self::Null => None,
            Self::Plain(_) => Some("\""),
            Self::Raw(raw) => Some(raw),
        }
    }

    /// A string; copied only when it has escapes.
    pub fn text(self, name: &str) -> Result<Option<Cow<'a, str>>, String> {
        let Some(raw) = self.written() else { return Ok(None) };
        match self.string() {
            Some(text) => text.map(Some).map_err(|reason| format!("'{name}' is not valid: {reason}")),
            None => Err(format!("'{name}' is {}; it must be a string", described(raw))),
        }
    }

    /// A string, or a whole number as people write it.
    pub fn id(self, name: &str) -> Result<Option<Cow<'a, str>>, String> {
        let Some(raw) = self.written() else { return Ok(None) };
        match self.string() {
            Some(text) => text.map(Some).map_err(|reason| format!("'{name}' is not valid: {reason}")),
            None if is_whole_number(raw) => Ok(Some(Cow::Borrowed(raw))),
            None => Err(format!("'{name}' is {}; it must be a string or a whole number below 2^64", described(raw))),
        }
    }

    /// What it says, if it is a string.
    fn string(self) -> Option<Result<Cow<'a, str>, String>> {
        match self {
            Self::Missing | Self::Null => None,
            Self::Plain(text) => Some(Ok(Cow::Borrowed(text))),
            Self::Raw(raw) => string(raw),
        }
    }

    /// A number.
    pub fn number(self, name: &str) -> Result<Option<f64>, String> {
        let Some(raw) = self.written() else { return Ok(None) };
        match raw.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Some(number)),
            _ => Err(format!("'{name}' is {}; it must be a number", described(raw))),
        }
    }

    /// An object, whose members `T` names.
    pub fn object<T: Deserialize<'a>>(self, name: &str) -> Result<Option<T>, String> {
        let Some(raw) = self.written() else { return Ok(None) };
        if !raw.starts_with('{') {
            return Err(format!("'{name}' is {}; it must be an object", described(raw)));
        }
        serde_json::from_str(raw).map(Some).map_err(|error| format!("'{name}' is not valid: {}", without_place(&error)))
    }

    /// Hands the elements of an array to `sink` until it refuses one. An object or a string is the one element of an
    /// array that somebody left out. Says whether it was there.
    pub fn elements(self, name: &str, sink: &mut dyn FnMut(Self) -> Result<(), BodyError>) -> Result<bool, BodyError> {
        let Some(raw) = self.written() else { return Ok(false) };
        match raw.as_bytes().first() {
            Some(b'{' | b'"') => sink(self)?,
            Some(b'[') => {
                let mut refusal = Ok(());
                let read = elements::each(raw, |element: &'a RawValue| {
                    refusal = sink(Self::Raw(element.get()));
                    wants_more(&refusal)
                });
                refusal?;
                read.map_err(|error| BodyError::of(&error))?;
            }
            _ => return Err(BodyError::Shape(format!("'{name}' must be an array of objects"))),
        }
        Ok(true)
    }

    /// As [`Field::elements`], of elements that should be objects whose members `T` names.
    pub fn objects<T: Deserialize<'a> + Default>(
        self,
        name: &str,
        sink: &mut dyn FnMut(Result<T, String>) -> Result<(), BodyError>,
    ) -> Result<bool, BodyError> {
        let read = |element: Self| element.object("element").map(Option::unwrap_or_default);
        let Some(array) = self.written().filter(|raw| raw.starts_with('[')) else {
            return self.elements(name, &mut |element| sink(read(element)));
        };
        let mut refusal = Ok(());
        let all = elements::each_object(array, &mut |element| {
            refusal = sink(match element {
                Element::Object(object) => Ok(object),
                Element::Unread(element) => read_object(element),
            });
            wants_more(&refusal)
        });
        refusal?;
        all.map(|()| true).map_err(|error| BodyError::of(&error))
    }
}

/// An element of an array, which should be an object.
pub(crate) fn read_object<'a, T: Deserialize<'a> + Default>(element: &'a str) -> Result<T, String> {
    Field::Raw(element).object("element").map(Option::unwrap_or_default)
}

fn wants_more(taken: &Result<(), BodyError>) -> Wants {
    if taken.is_ok() { Wants::More } else { Wants::NoMore }
}

/// What else is wrong with a string makes the whole body no JSON.
const HALF_A_CHARACTER: &str = "one of its escapes is half a character: a surrogate without the other";

/// The text of a JSON string, if it is one.
fn string(raw: &str) -> Option<Result<Cow<'_, str>, String>> {
    let inside = raw.strip_prefix('"')?.strip_suffix('"')?;
    Some(if memchr(b'\\', inside.as_bytes()).is_none() {
        Ok(Cow::Borrowed(inside))
    } else {
        serde_json::from_str(raw).map(Cow::Owned).map_err(|_| HALF_A_CHARACTER.to_owned())
    })
}

/// JSON writes no zeros in front, so that the text of a number is its only one.
fn is_whole_number(raw: &str) -> bool {
    (raw.parse::<i64>().is_ok() || raw.parse::<u64>().is_ok()) && raw != "-0"
}

/// What a value is, and a number itself.
#[cold]
fn described(raw: &str) -> String {
    match raw.as_bytes().first() {
        Some(b'"') => "a string".to_owned(),
        Some(b't' | b'f') => "a boolean".to_owned(),
        Some(b'n') => "null".to_owned(),
        Some(b'[') => "an array".to_owned(),
        Some(b'{') => "an object".to_owned(),
        _ => format!("the number {}", shown(raw)),
    }
}

/// What `serde_json` says, without the place: it counts from the beginning of the element, not of the body.
#[cold]
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct One<'a> {
        #[serde(borrow)]
        x: Field<'a>,
    }

    fn field(json: &str) -> Field<'_> {
        serde_json::from_str::<One<'_>>(json).unwrap().x
    }

    #[test]
    fn a_string_is_borrowed_unless_it_has_escapes() {
        assert!(matches!(field(r#"{"x":"é"}"#).text("x"), Ok(Some(Cow::Borrowed("é")))));
        assert!(matches!(field(r#"{"x":"\u0000\n"}"#).text("x"), Ok(Some(Cow::Owned(text))) if text == "\0\n"));
        assert_eq!(field("{}").text("x"), Ok(None));
        assert_eq!(field(r#"{"x":null}"#).text("x"), Ok(None));
        let reason = format!("'x' is not valid: {HALF_A_CHARACTER}");
        for half in [r"\ud800", r"\ud800.", r"\udc00", r"\udc00\ud800", r"\ud800\u0041", r"\ud800\n"] {
            assert_eq!(field(&format!("{{\"x\":\"{half}\"}}")).text("x").unwrap_err(), reason, "{half}");
        }
        assert_eq!(field(r#"{"x":7}"#).text("x").unwrap_err(), "'x' is the number 7; it must be a string");
    }

    #[test]
    fn an_id_is_a_string_or_a_whole_number() {
        for whole in ["0", "7", "-7", "18446744073709551615", "-9223372036854775808"] {
            let json = format!("{{\"x\":{whole}}}");
            assert_eq!(field(&json).id("x"), Ok(Some(Cow::Borrowed(whole))));
        }
        for wrong in ["-0", "1.0", "1e3", "18446744073709551616", "true", "[1]", "{}", &"9".repeat(400)] {
            let json = format!("{{\"x\":{wrong}}}");
            let reason = field(&json).id("x").unwrap_err();
            assert!(reason.ends_with("; it must be a string or a whole number below 2^64"), "{reason}");
            assert!(reason.len() < 200, "{reason}");
        }
    }

    #[test]
    fn a_body_is_an_object() {
        let read = |body: &[u8]| read::<One<'_>>(body).map(|one| one.x.is_some());
        assert_eq!(read(b" {\"x\":1}"), Ok(true));
        let shape = BodyError::Shape("The body must be a JSON object".to_owned());
        for other in ["[]", "5", "\"x\"", "null"] {
            assert_eq!(read(other.as_bytes()), Err(shape.clone()), "{other}");
        }
        for broken in ["", "{", "{\"x\":1}}", "{\"x\":NaN}", "[1", &"[".repeat(1_000_000), "\u{feff}{}"] {
            assert!(matches!(read(broken.as_bytes()), Err(BodyError::NotJson(_))), "{broken:.20}");
        }
        assert_eq!(read(b"{\"\xff\":1}"), Err(BodyError::NotJson("byte 2 is not UTF-8".to_owned())));
        let twice = read(br#"{"x":1,"x":2}"#).unwrap_err().to_string();
        assert!(twice.contains("duplicate field `x`"), "{twice}");
    }
}
