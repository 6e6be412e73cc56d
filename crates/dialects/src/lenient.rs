//! JSON that others wrote: what is wrong somewhere spoils only what needed it.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::elements::{Element, Objects, Wants};
use crate::error::BodyError;
use crate::plain::{self, Cursor, Member, Members};
pub(crate) use crate::text::ndjson::value::Value;
use crate::text::ndjson::value::ValueSeed;

/// Reads a body, which must be one object.
pub(crate) fn object_of<'a, T: Deserialize<'a> + Members<'a>>(body: &'a [u8]) -> Result<T, BodyError> {
    plain::object_of(body).map_or_else(|| object_by_library(body), Ok)
}

pub(crate) fn object_by_library<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, BodyError> {
    // An array would be taken for the fields of a struct in their order.
    if !body.trim_ascii_start().starts_with(b"{") {
        let value: Value<'_> = serde_json::from_slice(body).map_err(|error| BodyError::of(&error))?;
        return Err(BodyError::Shape(format!("The body is {value}; it must be a JSON object")));
    }
    serde_json::from_slice(body).map_err(|error| BodyError::of(&error))
}

/// A body as the one element of an array that it is not.
pub(crate) fn element_of<'a, T: Members<'a>>(body: &'a [u8]) -> Result<Element<'a, T>, BodyError> {
    plain::object_of(body).map_or_else(|| element_by_library(body), |object| Ok(Element::Object(object)))
}

pub(crate) fn element_by_library<'a, T>(body: &'a [u8]) -> Result<Element<'a, T>, BodyError> {
    let raw: &RawValue = serde_json::from_slice(body).map_err(|error| BodyError::of(&error))?;
    Ok(Element::Unread(raw.get()))
}

/// Reads an element, which must be an object; what is wrong with it is said without a position, which is its own.
fn object_in<'a, T: Deserialize<'a>>(element: Element<'a, T>) -> Result<T, String> {
    let element = match element {
        Element::Object(object) => return Ok(object),
        Element::Unread(element) => element,
    };
    if !element.starts_with('{') {
        return Err(format!("it is {}; it must be an object", described(element)));
    }
    serde_json::from_str(element).map_err(|error| {
        let reason = error.to_string();
        reason.rsplit_once(" at line ").map_or(reason.as_str(), |(what, _)| what).to_owned()
    })
}

/// What kind of value it is, in words.
pub(crate) fn described(value: &str) -> String {
    serde_json::from_str::<Value<'_>>(value).map_or_else(|error| error.to_string(), |value| value.to_string())
}

/// Hands on the elements of an array with their numbers: each must be an object; what is wrong with it is said without a
/// position, which is its own.
pub(crate) fn each_object<'a, T: Deserialize<'a>>(
    array: Objects<'a, T>,
    sink: &mut dyn FnMut(usize, Result<T, String>),
) -> Result<(), BodyError> {
    let mut index = 0;
    let read = array.each(&mut |element| {
        sink(index, object_in(element));
        index += 1;
        Wants::More
    });
    read.map_err(|error| BodyError::of(&error))
}

impl<'de: 'a, 'a> Deserialize<'de> for Value<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        ValueSeed.deserialize(deserializer)
    }
}

impl<'a> Member<'a> for Value<'a> {
    fn read(&mut self, cursor: &mut Cursor<'a>) -> Option<()> {
        let Self::Missing = self else { return None };
        *self = cursor.plain_or(Self::plain, |raw| serde_json::from_str(raw).ok())?;
        Some(())
    }
}

impl<'a> Value<'a> {
    fn plain(cursor: &mut Cursor<'a>) -> Option<Self> {
        match cursor.next()? {
            b'"' => cursor.string().map(|text| Self::Text(Cow::Borrowed(text))),
            b'1'..=b'9' => cursor.decimal().map(|(digits, places)| match places {
                None => Self::Whole(digits.into()),
                // Both are exact, so that this is the number which the text says, rounded once.
                Some(places) => Self::Fraction(digits as f64 / 10_u64.pow(places) as f64),
            }),
            _ => None,
        }
    }

    /// An id or a name: a text or a whole number. Null and the empty text say nothing.
    pub(crate) fn into_name(self, field: &str) -> Result<Option<Cow<'a, str>>, String> {
        match self {
            Self::Missing | Self::Null => Ok(None),
            Self::Text(text) => Ok(Some(text).filter(|text| !text.is_empty())),
            Self::Whole(number) => Ok(Some(Cow::Owned(number.to_string()))),
            wrong => Err(format!("`{field}` is {wrong}; it must be a string")),
        }
    }

    /// Whether it is an id or a name that says something.
    pub(crate) fn is_name(&self) -> bool {
        match self {
            Self::Text(text) => !text.is_empty(),
            Self::Whole(_) => true,
            _ => false,
        }
    }

    /// The text, if it is one and says something.
    pub(crate) fn into_text(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Text(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    }
}

/// An object; anything else is as if the object were empty.
#[derive(Default)]
pub(crate) struct Lenient<T>(pub(crate) T);

impl<'de, T: Deserialize<'de> + Default> Deserialize<'de> for Lenient<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LenientVisitor(PhantomData))
    }
}

impl<'a, T: Members<'a> + Deserialize<'a>> Member<'a> for Option<Lenient<T>> {
    fn read(&mut self, cursor: &mut Cursor<'a>) -> Option<()> {
        let None = self else { return None };
        let object = |cursor: &mut Cursor<'a>| cursor.object().map(Lenient);
        *self = Some(cursor.plain_or(object, |raw| serde_json::from_str(raw).ok())?);
        Some(())
    }
}

struct LenientVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de> + Default> Visitor<'de> for LenientVisitor<T> {
    type Value = Lenient<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Lenient)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Lenient::default())
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Lenient::default())
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Lenient::default())
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Lenient::default())
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Lenient::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Lenient::default())
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(Lenient::default())
    }
}
