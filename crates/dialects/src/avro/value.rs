use std::borrow::Cow;
use std::str;

use dauphin_model::{Day, Instant, Zone};

use super::datum::Datum;
use super::schema::{Meaning, Schema, Type, TypeIndex};
use crate::time::{instant_of_fraction, instant_of_text, instant_of_whole, out_of_range, seconds_and_nanos};

/// What a field holds, borrowed from its block. A value of a wrong type is remembered, so that the reason can name it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) enum Value<'a> {
    #[default]
    Null,
    Text(&'a str),
    Whole(i64, Meaning),
    Fraction(f64),
    Other(&'static str),
}

impl<'a> Value<'a> {
    /// Reads a value; what holds others is passed over.
    pub(super) fn read(schema: &'a Schema, index: TypeIndex, datum: &mut Datum<'a>) -> Result<Self, String> {
        let text = |bytes| str::from_utf8(bytes).map_or(Value::Other("bytes that are no UTF-8 text"), Value::Text);
        Ok(match schema.of(index) {
            Type::Null => Self::Null,
            Type::Boolean => Self::Other(datum.take(1).map(|_| "a boolean")?),
            Type::Whole(meaning) => Self::Whole(datum.long()?, *meaning),
            Type::Float => {
                let bytes = datum.take(4)?.try_into().expect("four bytes were taken");
                Self::Fraction(f32::from_le_bytes(bytes).into())
            }
            Type::Double => {
                let bytes = datum.take(8)?.try_into().expect("eight bytes were taken");
                Self::Fraction(f64::from_le_bytes(bytes))
            }
            Type::Bytes | Type::Text => text(datum.bytes()?),
            Type::Fixed(size) => text(datum.take(*size)?),
            Type::Enum(symbols) => {
                let number = datum.long()?;
                let symbol = usize::try_from(number).ok().and_then(|index| symbols.get(index));
                Self::Text(symbol.ok_or_else(|| format!("an enum of {} has no symbol {number}", symbols.len()))?)
            }
            Type::Union(branches) => return Self::read(schema, Schema::branch(branches, datum)?, datum),
            Type::Array(_) => Self::Other(schema.skip(index, datum).map(|()| "an array")?),
            Type::Map(_) => Self::Other(schema.skip(index, datum).map(|()| "a map")?),
            Type::Record(_) => Self::Other(schema.skip(index, datum).map(|()| "a record")?),
        })
    }

    /// An identifier: text, or a number's digits. `None` when null or empty.
    pub(super) fn identifier(self, name: &str) -> Result<Option<Cow<'a, str>>, String> {
        Ok(match self {
            Self::Null | Self::Text("") => None,
            Self::Text(text) => Some(Cow::Borrowed(text)),
            Self::Whole(number, Meaning::Number) => Some(Cow::Owned(number.to_string())),
            wrong => return Err(format!("`{name}` is {}; it must be text or a whole number", wrong.kind())),
        })
    }

    /// A time: text as in CSV, a number of Unix seconds, a timestamp, or a date, which is its midnight in `zone`.
    pub(super) fn instant(self, name: &str, zone: &Zone) -> Result<Instant, String> {
        match self {
            Self::Null => Err(format!("`{name}` is null")),
            Self::Text("") => Err(format!("`{name}` is empty")),
            Self::Text(text) => instant_of_text(text, zone),
            Self::Fraction(number) => instant_of_fraction(number),
            Self::Whole(number, Meaning::Number) => instant_of_whole(number),
            Self::Whole(number, Meaning::Date) => {
                let day = i32::try_from(number).ok().and_then(Day::new);
                let instant = day.and_then(|day| zone.start_of(day));
                instant.ok_or_else(|| out_of_range(&format!("day {number} from 1970-01-01")))
            }
            Self::Whole(number, Meaning::Timestamp { units_a_second, is_local }) => {
                let (seconds, nanos) = seconds_and_nanos(number, units_a_second);
                let instant =
                    if is_local { zone.instant_of_local(seconds, nanos) } else { Instant::new(seconds, nanos) };
                instant.ok_or_else(|| out_of_range(&seconds.to_string()))
            }
            wrong @ Self::Other(_) => {
                Err(format!("`{name}` is {}; it must be a timestamp, text or Unix seconds", wrong.kind()))
            }
        }
    }

    fn kind(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Text(_) => "text",
            Self::Whole(_, Meaning::Number) => "a whole number",
            Self::Whole(..) => "a time",
            Self::Fraction(_) => "a fraction",
            Self::Other(kind) => kind,
        }
    }

    /// As a rejected row shows it.
    pub(super) fn shown(self) -> String {
        match self {
            Self::Text(text) => text.to_owned(),
            Self::Whole(number, _) => number.to_string(),
            Self::Fraction(number) => number.to_string(),
            Self::Null | Self::Other(_) => self.kind().to_owned(),
        }
    }
}
