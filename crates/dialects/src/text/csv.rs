mod record;

use std::borrow::Cow;
use std::str;

use dauphin_model::Zone;
use memchr::memchr;

use crate::columns::ColumnIndices;
use crate::row::{checked_session_id, checked_user_id};
use crate::time::instant_of_text;
use crate::{Columns, Element, ReadError, Reject, Row};

pub(super) use record::{complete_records, first_record};

/// Where the fields of a record are.
#[derive(Debug, Clone)]
pub(super) struct Header {
    columns: Columns,
    indices: ColumnIndices,
    field_count: usize,
}

impl Header {
    /// The header of a file, a record without its line end.
    pub(super) fn parse(record: &[u8], columns: &Columns) -> Result<Self, ReadError> {
        let names = record::fields(record).map(|field| record::unquote(&record[field]));
        let names: Vec<String> = names.map(|name| String::from_utf8_lossy(&name).into_owned()).collect();
        let indices = columns.find(&names.iter().map(String::as_str).collect::<Vec<_>>())?;
        Ok(Self { columns: columns.clone(), indices, field_count: names.len() })
    }
}

/// Parses whole records. A field is copied only when quotes inside it were doubled.
pub(super) fn parse(header: &Header, bytes: &[u8], first_line: u64, zone: &Zone, sink: &mut dyn FnMut(Element<'_>)) {
    let any_quotes = memchr(b'"', bytes).is_some();
    let mut line = first_line;
    let mut start = 0;
    while start < bytes.len() {
        let (end, line_count) = record::end(bytes, start, any_quotes);
        let record = record::without_line_end(&bytes[start..end]);
        if !record.is_empty() {
            sink(match row(header, record, line, any_quotes, zone) {
                Ok(row) => Element::Row(row),
                Err(reason) => Element::Reject(Reject::new(line, reason, record)),
            });
        }
        start = end;
        line += line_count;
    }
}

fn row<'a>(header: &Header, record: &'a [u8], line: u64, any_quotes: bool, zone: &Zone) -> Result<Row<'a>, String> {
    let (mut user_id, mut time, mut app_id, mut session_id) = (&record[..0], &record[..0], None, None);
    let mut count = 0;
    for range in record::fields(record) {
        if count == header.indices.user_id {
            user_id = &record[range.clone()];
        }
        if count == header.indices.time {
            time = &record[range.clone()];
        }
        if Some(count) == header.indices.app_id {
            app_id = Some(&record[range.clone()]);
        }
        if Some(count) == header.indices.session_id {
            session_id = Some(&record[range]);
        }
        count += 1;
    }
    if count != header.field_count {
        let expected = header.field_count;
        return Err(format!("the line has {count} fields; the header has {expected}"));
    }
    let text = |name: &str, field: &'a [u8]| {
        if any_quotes {
            return unquoted_text(name, field);
        }
        str::from_utf8(field).map(Cow::Borrowed).map_err(|_| not_text(name))
    };
    let user_id = checked_user_id(text(&header.columns.user_id, user_id)?)?;
    let time = text(&header.columns.time, time)?;
    if time.is_empty() {
        return Err(format!("`{}` is empty", header.columns.time));
    }
    let instant = instant_of_text(&time, zone)?;
    let app_id = app_id.map(|field| text(&header.columns.app_id, field)).transpose()?.filter(|id| !id.is_empty());
    let session_id = session_id.map(|field| text(&header.columns.session_id, field)).transpose()?;
    Ok(Row { line, user_id, app_id, instant: Some(instant), session_id: checked_session_id(session_id)? })
}

fn unquoted_text<'a>(name: &str, field: &'a [u8]) -> Result<Cow<'a, str>, String> {
    match record::unquote(field) {
        Cow::Borrowed(field) => str::from_utf8(field).map(Cow::Borrowed).map_err(|_| not_text(name)),
        Cow::Owned(field) => String::from_utf8(field).map(Cow::Owned).map_err(|_| not_text(name)),
    }
}

#[cold]
fn not_text(name: &str) -> String {
    format!("`{name}` is not UTF-8 text")
}
