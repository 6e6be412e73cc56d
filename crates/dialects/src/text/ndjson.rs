mod plain;
pub(crate) mod value;

use std::borrow::Cow;
use std::str;

use dauphin_model::Zone;
use memchr::memchr;
use serde::de::DeserializeSeed;

use self::plain::{PlainFields, PlainTime};
use self::value::{FieldsSeed, Value, ValueSeed};
use crate::row::{checked_session_id, checked_user_id, shown};
use crate::time::{instant_of_fraction, instant_of_text, instant_of_whole};
use crate::{Columns, Element, Reject, Row};

/// Parses whole lines, one JSON object each. A string is copied only when it has escapes.
pub(super) fn parse(columns: &Columns, bytes: &[u8], first_line: u64, zone: &Zone, sink: &mut dyn FnMut(Element<'_>)) {
    let text = str::from_utf8(bytes).ok();
    let mut start = 0;
    let mut line = first_line;
    while start < bytes.len() {
        let end = memchr(b'\n', &bytes[start..]).map_or(bytes.len(), |index| start + index);
        let record = bytes[start..end].trim_ascii();
        if !record.is_empty() {
            let text = text.and_then(|text| text.get(start..end)).map(str::trim_ascii);
            let row = match text.and_then(|text| plain::read(columns, text)) {
                Some(fields) => plain_row(fields, line, zone),
                None => by_library(columns, record, line, zone),
            };
            sink(match row {
                Ok(row) => Element::Row(row),
                Err(reason) => Element::Reject(Reject::new(line, reason, record)),
            });
        }
        start = end + 1;
        line += 1;
    }
}

fn plain_row<'a>(fields: PlainFields<'a>, line: u64, zone: &Zone) -> Result<Row<'a>, String> {
    let user_id = checked_user_id(fields.user_id.into())?;
    let instant = match fields.time {
        None | Some(PlainTime::Text("")) => None,
        Some(PlainTime::Text(text)) => Some(instant_of_text(text, zone)?),
        Some(PlainTime::UnixSeconds(seconds)) => Some(instant_of_whole(seconds)?),
    };
    let app_id = fields.app_id.filter(|text| !text.is_empty()).map(Cow::Borrowed);
    let session_id = checked_session_id(fields.session_id.map(Cow::Borrowed))?;
    Ok(Row { line, user_id, app_id, instant, session_id })
}

/// The row that any line says.
fn by_library<'a>(columns: &Columns, record: &'a [u8], line: u64, zone: &Zone) -> Result<Row<'a>, String> {
    let mut deserializer = serde_json::Deserializer::from_slice(record);
    if !record.starts_with(b"{") {
        let value = ValueSeed.deserialize(&mut deserializer).map_err(|error| not_json(&error))?;
        return Err(format!("the line is {value}; it must be a JSON object"));
    }
    let fields = FieldsSeed(columns).deserialize(&mut deserializer).map_err(|error| not_json(&error))?;
    deserializer.end().map_err(|_| "more text follows the JSON object".to_owned())?;
    if let Some(key) = fields.twice {
        return Err(format!("the object has the key `{}` twice", shown(key.name(columns))));
    }

    let name = &columns.user_id;
    let user_id = match fields.user_id {
        Value::Text(text) => text,
        Value::Whole(number) => Cow::Owned(number.to_string()),
        Value::Missing => return Err(format!("the object has no `{name}`")),
        wrong => return Err(format!("`{name}` is {wrong}; it must be a string or a whole number below 2^64")),
    };
    let user_id = checked_user_id(user_id)?;

    let name = &columns.time;
    let instant = match fields.time {
        Value::Missing | Value::Null => None,
        Value::Text(text) if text.is_empty() => None,
        Value::Text(text) => Some(instant_of_text(&text, zone)?),
        Value::Whole(number) => Some(match i64::try_from(number) {
            Ok(seconds) => instant_of_whole(seconds)?,
            Err(_) => instant_of_fraction(number as f64)?,
        }),
        Value::Fraction(number) => Some(instant_of_fraction(number)?),
        wrong => return Err(format!("`{name}` is {wrong}; it must be a string or a number of Unix seconds")),
    };

    let name = &columns.app_id;
    let app_id = match fields.app_id {
        Value::Missing | Value::Null => None,
        Value::Text(text) => Some(text).filter(|text| !text.is_empty()),
        wrong => return Err(format!("`{name}` is {wrong}; it must be a string or null")),
    };

    let name = &columns.session_id;
    let session_id = match fields.session_id {
        Value::Missing | Value::Null => None,
        Value::Text(text) => Some(text),
        Value::Whole(number) => Some(Cow::Owned(number.to_string())),
        wrong => return Err(format!("`{name}` is {wrong}; it must be a string, a whole number or null")),
    };
    Ok(Row { line, user_id, app_id, instant, session_id: checked_session_id(session_id)? })
}

/// What `serde_json` says, without the line it counts: that is always the first.
#[cold]
fn not_json(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let what = text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what);
    format!("the line is not a JSON object: {what} at column {}", error.column())
}
