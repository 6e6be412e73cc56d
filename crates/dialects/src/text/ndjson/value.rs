//! What the fields of an object hold. A value of a wrong type is remembered, not refused, so that the reason can name it.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::Columns;

#[derive(Default)]
pub(crate) enum Value<'a> {
    #[default]
    Missing,
    Null,
    Text(Cow<'a, str>),
    Whole(i128),
    Fraction(f64),
    Boolean(bool),
    Array,
    Object,
}

/// The fields of a row. What has another name is passed over.
#[derive(Default)]
pub(super) struct Fields<'a> {
    pub(super) user_id: Value<'a>,
    pub(super) time: Value<'a>,
    pub(super) app_id: Value<'a>,
    pub(super) session_id: Value<'a>,
    /// A key that came twice.
    pub(super) twice: Option<Key>,
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("missing"),
            Self::Null => f.write_str("null"),
            Self::Text(_) => f.write_str("a string"),
            Self::Whole(number) => write!(f, "the number {number}"),
            Self::Fraction(number) => write!(f, "the number {number:?}"),
            Self::Boolean(_) => f.write_str("a boolean"),
            Self::Array => f.write_str("an array"),
            Self::Object => f.write_str("an object"),
        }
    }
}

impl<'a> Fields<'a> {
    /// Where the value with this key goes.
    pub(super) fn slot(&mut self, key: Key) -> Option<&mut Value<'a>> {
        match key {
            Key::UserId => Some(&mut self.user_id),
            Key::Time => Some(&mut self.time),
            Key::AppId => Some(&mut self.app_id),
            Key::SessionId => Some(&mut self.session_id),
            Key::Other => None,
        }
    }
}

/// Reads an object.
pub(super) struct FieldsSeed<'names>(pub(super) &'names Columns);

impl<'de> DeserializeSeed<'de> for FieldsSeed<'_> {
    type Value = Fields<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for FieldsSeed<'_> {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Fields::default();
        while let Some(key) = map.next_key_seed(KeySeed(self.0))? {
            let Some(slot) = fields.slot(key) else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let is_first = matches!(slot, Value::Missing);
            *slot = map.next_value_seed(ValueSeed)?;
            if !is_first {
                fields.twice = Some(key);
            }
        }
        Ok(fields)
    }
}

/// Which member of an object a key names.
#[derive(Clone, Copy)]
pub(super) enum Key {
    UserId,
    Time,
    AppId,
    SessionId,
    Other,
}

impl Key {
    /// How many there are before [`Key::Other`].
    pub(super) const READ_COUNT: usize = Self::Other as usize;

    pub(super) fn of(columns: &Columns, key: &str) -> Self {
        match key {
            key if key == columns.user_id => Self::UserId,
            key if key == columns.time => Self::Time,
            key if key == columns.app_id => Self::AppId,
            key if key == columns.session_id => Self::SessionId,
            _ => Self::Other,
        }
    }

    pub(super) fn name(self, columns: &Columns) -> &str {
        match self {
            Self::UserId => &columns.user_id,
            Self::Time => &columns.time,
            Self::AppId => &columns.app_id,
            Self::SessionId => &columns.session_id,
            Self::Other => "",
        }
    }
}

struct KeySeed<'names>(&'names Columns);

impl<'de> DeserializeSeed<'de> for KeySeed<'_> {
    type Value = Key;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeySeed<'_> {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(Key::of(self.0, key))
    }
}

/// Reads any value.
pub(crate) struct ValueSeed;

impl<'de> DeserializeSeed<'de> for ValueSeed {
    type Value = Value<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueSeed {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Value::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Value::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Value::Boolean(value))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Value::Whole(number.into()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Value::Whole(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Value::Fraction(number))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Array)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Value::Object)
    }
}
