//! JSON that others wrote: what is wrong somewhere spoils only what needed it.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::elements::{self, Element, Wants};
use crate::error::BodyError;
pub(crate) use crate::text::ndjson::value::Value;
use crate::text::ndjson::value::ValueSeed;

/// Reads a body, which must be one object.
pub(crate) fn object_of<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, BodyError> {
    // An array would be taken for the fields of a struct in their order.
    if !body.trim_ascii_start().starts_with(b"{") {
        let value: Value<'_> = serde_json::from_slice(body).map_err(|error| BodyError::of(&error))?;
        return Err(BodyError::Shape(format!("The body is {value}; it must be a JSON object")));
    }
    serde_json::from_slice(body).map_err(|error| BodyError::of(&error))
}

/// Reads a value, which must be an object; what is wrong with it is said without a position, which is its own.
pub(crate) fn object_in<'a, T: Deserialize<'a>>(element: &'a RawValue) -> Result<T, String> {
    let text = element.get();
    if !text.starts_with('{') {
        return Err(format!("it is {}; it must be an object", described(element)));
    }
    serde_json::from_str(text).map_err(|error| {
        let reason = error.to_string();
        reason.rsplit_once(" at line ").map_or(reason.as_str(), |(what, _)| what).to_owned()
    })
}

/// What kind of value it is, in words.
pub(crate) fn described(value: &RawValue) -> String {
    serde_json::from_str::<Value<'_>>(value.get()).map_or_else(|error| error.to_string(), |value| value.to_string())
}

/// Hands on the elements of an array with their numbers: each must be an object; what is wrong with it is said without a
/// position, which is its own.
pub(crate) fn each_object<'a, T: Deserialize<'a>>(
    array: &'a RawValue,
    sink: &mut dyn FnMut(usize, Result<T, String>),
) -> Result<(), BodyError> {
    let mut index = 0;
    let read = elements::each_object(array.get(), &mut |element| {
        sink(
            index,
            match element {
                Element::Object(object) => Ok(object),
                Element::Unread(element) => object_in(element),
            },
        );
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

impl<'a> Value<'a> {
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
