mod record;

use std::borrow::Cow;
use std::ops::Range;
use std::str;

use dauphin_model::Zone;

use self::record::{Content, Walked, content, walk};
use crate::columns::ColumnIndices;
use crate::row::{checked_session_id, checked_user_id};
use crate::time::instant_of_text;
use crate::{Columns, Element, PlainRows, ReadError, Reject, Row};

pub(super) use record::{complete_records, first_record};

/// Where the fields of a record are.
#[derive(Debug, Clone)]
pub(super) struct Header {
    columns: Columns,
    /// What each field is for.
    places: Vec<Place>,
    has_app_id: bool,
    has_session_id: bool,
}

/// Which part of a row a field is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    UserId,
    Time,
    AppId,
    SessionId,
    Other,
}

impl Header {
    /// The header of a file, a record without its line end.
    pub(super) fn parse(record: &[u8], columns: &Columns) -> Result<Self, ReadError> {
        let mut names = Vec::new();
        walk(record, 0, |_, range| {
            names.push(match content(record, range) {
                Content::Within(range) => String::from_utf8_lossy(&record[range]).into_owned(),
                Content::Copied(text) => String::from_utf8_lossy(&text).into_owned(),
            });
        });
        let ColumnIndices { user_id, time, app_id, session_id } =
            columns.find(&names.iter().map(String::as_str).collect::<Vec<_>>())?;
        let mut places = vec![Place::Other; names.len()];
        places[user_id] = Place::UserId;
        places[time] = Place::Time;
        app_id.into_iter().for_each(|index| places[index] = Place::AppId);
        session_id.into_iter().for_each(|index| places[index] = Place::SessionId);
        let (has_app_id, has_session_id) = (app_id.is_some(), session_id.is_some());
        Ok(Self { columns: columns.clone(), places, has_app_id, has_session_id })
    }
}

/// Some whole records.
struct Records<'a> {
    bytes: &'a [u8],
    /// The same, if all of it is text.
    text: Option<&'a str>,
}

/// The fields of one record, by their [`Place`].
type Fields = [Range<usize>; 5];

/// Parses whole records. A field is copied only when quotes inside it were doubled.
pub(super) fn parse(header: &Header, bytes: &[u8], first_line: u64, zone: &Zone, sink: &mut dyn FnMut(Element<'_>)) {
    let records = Records { bytes, text: str::from_utf8(bytes).ok() };
    let mut line = first_line;
    let mut start = 0;
    while start < bytes.len() {
        let (fields, record) = records.walk(header, start);
        if !record.is_blank {
            sink(records.element(header, (start, line), (fields, &record), zone));
        }
        start = record.end;
        line += record.line_count;
    }
}

/// Rows handed on at once: their columns stay in the processor's cache.
const BATCH_ROWS: usize = 8192;

/// Some rows of a block.
pub struct TextBatch<'a> {
    header: &'a Header,
    records: Records<'a>,
    /// Where the record of each row begins, and on which line.
    places: Vec<(usize, u64)>,
    rows: PlainRows<'a>,
}

/// As [`parse`], many rows at once, if no row has a session and all is text.
pub(super) fn parse_batches(
    header: &Header,
    bytes: &[u8],
    first_line: u64,
    zone: &Zone,
    sink: &mut dyn FnMut(&TextBatch<'_>),
) -> bool {
    let Some(text) = str::from_utf8(bytes).ok().filter(|_| !header.has_session_id) else { return false };
    let mut batch = TextBatch::new(header, text);
    let mut line = first_line;
    let mut start = 0;
    while start < bytes.len() {
        let (fields, record) = batch.records.walk(header, start);
        if !record.is_blank {
            let is_whole = record.field_count == header.places.len();
            let row = is_whole.then(|| batch.records.plain_row(text, fields, zone)).flatten();
            batch.places.push((start, line));
            if batch.rows.push(row) || batch.places.len() == BATCH_ROWS {
                sink(&batch);
                batch = TextBatch::new(header, text);
            }
        }
        start = record.end;
        line += record.line_count;
    }
    sink(&batch);
    true
}

impl<'a> TextBatch<'a> {
    fn new(header: &'a Header, text: &'a str) -> Self {
        let records = Records { bytes: text.as_bytes(), text: Some(text) };
        Self { header, records, places: Vec::with_capacity(BATCH_ROWS), rows: PlainRows::of_texts(BATCH_ROWS) }
    }

    /// The rows as their columns.
    pub fn plain(&self) -> &PlainRows<'a> {
        &self.rows
    }

    /// Hands the rows with these numbers, counted from 0 in the batch, to `sink`.
    pub fn deliver_some(&self, rows: impl IntoIterator<Item = usize>, zone: &Zone, sink: &mut dyn FnMut(Element<'_>)) {
        for index in rows {
            let (start, line) = self.places[index];
            let (fields, record) = self.records.walk(self.header, start);
            sink(self.records.element(self.header, (start, line), (fields, &record), zone));
        }
    }
}

impl<'a> Records<'a> {
    #[inline(always)]
    fn walk(&self, header: &Header, start: usize) -> (Fields, Walked) {
        let mut fields: Fields = [const { 0..0 }; 5];
        let record = walk(self.bytes, start, |number, range| {
            let place = header.places.get(number).copied().unwrap_or(Place::Other);
            fields[place as usize] = range;
        });
        (fields, record)
    }

    /// What the record that begins at a place on a line says.
    fn element(
        &self,
        header: &Header,
        (start, line): (usize, u64),
        (fields, record): (Fields, &Walked),
        zone: &Zone,
    ) -> Element<'a> {
        let row = if record.field_count == header.places.len() {
            self.row(header, fields, line, zone)
        } else {
            Err(wrong_count(record.field_count, header.places.len()))
        };
        match row {
            Ok(row) => Element::Row(row),
            Err(reason) => {
                let record = record::without_line_end(&self.bytes[start..record.end]);
                Element::Reject(Reject::new(line, reason, record))
            }
        }
    }

    /// Who, when in seconds, in which app, if that can be read without copying.
    #[inline]
    fn plain_row(
        &self,
        text: &'a str,
        [user_id, time, app_id, ..]: Fields,
        zone: &Zone,
    ) -> Option<(&'a str, i64, &'a str)> {
        let field = |range: Range<usize>| match self.bytes.get(range.start) {
            Some(b'"') => match content(self.bytes, range) {
                Content::Within(range) => text.get(range),
                Content::Copied(_) => None,
            },
            _ => text.get(range),
        };
        Some((field(user_id)?, instant_of_text(field(time)?, zone).ok()?.seconds(), field(app_id)?))
    }

    fn row(&self, header: &Header, fields: Fields, line: u64, zone: &Zone) -> Result<Row<'a>, String> {
        let [user_id, time, app_id, session_id, _] = fields;
        let columns = &header.columns;
        let user_id = checked_user_id(self.field(user_id, &columns.user_id)?)?;
        let time = self.field(time, &columns.time)?;
        if time.is_empty() {
            return Err(format!("`{}` is empty", columns.time));
        }
        let instant = Some(instant_of_text(&time, zone)?);
        let optional = |is_there: bool, field, name| is_there.then(|| self.field(field, name)).transpose();
        let app_id = optional(header.has_app_id, app_id, &columns.app_id)?.filter(|id| !id.is_empty());
        let session_id = checked_session_id(optional(header.has_session_id, session_id, &columns.session_id)?)?;
        Ok(Row { line, user_id, app_id, instant, session_id })
    }

    #[inline]
    fn field(&self, range: Range<usize>, name: &str) -> Result<Cow<'a, str>, String> {
        match self.text {
            Some(text) if self.bytes.get(range.start) != Some(&b'"') => Ok(Cow::Borrowed(&text[range])),
            _ => self.any_field(range).ok_or_else(|| format!("`{name}` is not UTF-8 text")),
        }
    }

    fn any_field(&self, range: Range<usize>) -> Option<Cow<'a, str>> {
        match content(self.bytes, range) {
            Content::Within(range) => match self.text {
                Some(text) => text.get(range).map(Cow::Borrowed),
                None => str::from_utf8(&self.bytes[range]).ok().map(Cow::Borrowed),
            },
            Content::Copied(copied) => String::from_utf8(copied).ok().map(Cow::Owned),
        }
    }
}

#[cold]
fn wrong_count(count: usize, expected: usize) -> String {
    format!("the line has {count} fields; the header has {expected}")
}
