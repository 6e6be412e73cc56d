//! The elements of a JSON array, handed on one by one, so that a long array needs no memory.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::plain::{Cursor, Member, Members};

/// An element that should be an object whose members `T` names.
pub(crate) enum Element<'a, T> {
    Object(T),
    /// It may be anything; reading it says what is wrong with it, if something is.
    Unread(&'a str),
}

/// Hands on the elements of an array until `sink` wants no more.
pub(crate) fn each<'a, T: Deserialize<'a>>(
    array: &'a str,
    sink: impl FnMut(T) -> Wants,
) -> Result<(), serde_json::Error> {
    let mut is_enough = false;
    let visitor = Elements { sink, is_enough: &mut is_enough, element: PhantomData };
    let read = serde_json::Deserializer::from_str(array).deserialize_seq(visitor);
    if is_enough { Ok(()) } else { read }
}

/// Whether there should be another element.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wants {
    More,
    NoMore,
}

/// A member that should be an array of objects whose members `T` names; `null` is as good as absent.
#[derive(Default)]
pub(crate) enum Objects<'a, T> {
    #[default]
    Missing,
    /// As it is written; it may be anything.
    Unread(&'a str),
    /// An array.
    Read(Vec<Element<'a, T>>),
}

impl<'de: 'a, 'a, T> Deserialize<'de> for Objects<'a, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Option::<&RawValue>::deserialize(deserializer)?;
        Ok(raw.map_or(Self::Missing, |raw| Self::Unread(raw.get())))
    }
}

/// So many elements are kept, which bounds the memory that a body takes.
const KEPT_MAX: usize = 4_096;

impl<'a, T: Members<'a>> Member<'a> for Objects<'a, T> {
    fn read(&mut self, cursor: &mut Cursor<'a>) -> Option<()> {
        let Self::Missing = self else { return None };
        let mut kept = Vec::new();
        cursor.elements(|element| {
            kept.push(element.map_or_else(Element::Unread, |object| Element::Object(std::mem::take(object))));
            (kept.len() <= KEPT_MAX).then_some(())
        })?;
        *self = Self::Read(kept);
        Some(())
    }
}

impl<'a, T: Deserialize<'a>> Objects<'a, T> {
    /// As it is written, if that is no array.
    pub(crate) fn other_than_array(&self) -> Option<&'a str> {
        match self {
            Self::Unread(raw) => Some(*raw).filter(|raw| !raw.starts_with('[')),
            Self::Missing | Self::Read(_) => None,
        }
    }

    /// Hands on the elements until `sink` wants no more.
    pub(crate) fn each(self, sink: &mut dyn FnMut(Element<'a, T>) -> Wants) -> Result<(), serde_json::Error> {
        match self {
            Self::Missing => Ok(()),
            Self::Unread(array) => each_object(array, sink),
            Self::Read(elements) => {
                for element in elements {
                    if sink(element) == Wants::NoMore {
                        break;
                    }
                }
                Ok(())
            }
        }
    }
}

/// As [`each`]. What is wrong with an object ends its array's reading; from there on each is found first, and its reading
/// left to the sink.
pub(crate) fn each_object<'a, T: Deserialize<'a>>(
    array: &'a str,
    sink: &mut dyn FnMut(Element<'a, T>) -> Wants,
) -> Result<(), serde_json::Error> {
    let mut delivered = 0;
    let read = each(array, |Object(object)| {
        delivered += 1;
        sink(Element::Object(object))
    });
    if read.is_ok() {
        return Ok(());
    }
    let mut index = 0;
    each(array, |element: &'a RawValue| {
        index += 1;
        if index > delivered { sink(Element::Unread(element.get())) } else { Wants::More }
    })
}

struct Elements<'s, T, F> {
    sink: F,
    is_enough: &'s mut bool,
    element: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>, F: FnMut(T) -> Wants> Visitor<'de> for Elements<'_, T, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<(), A::Error> {
        while let Some(element) = seq.next_element()? {
            if (self.sink)(element) == Wants::NoMore {
                *self.is_enough = true;
                return Err(A::Error::custom("enough"));
            }
        }
        Ok(())
    }
}

/// An object and nothing else: a struct would also be read from an array, its fields in their order.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Object)
    }
}
