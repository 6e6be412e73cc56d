//! Avro: rows of the bulk dialect, and events as Braze Currents exports them.
//!
//! The format is read here and not by a library (`docs/decisions/0004-avro-reader.md`): a row is read in place, what it
//! does not need is passed over, and whatever a file claims, the bytes that are there bound the work and the memory.

mod codec;
mod container;
mod currents;
mod datum;
mod schema;
mod value;

use dauphin_model::Zone;

pub use container::{AvroBlock, AvroReader};

use self::codec::Codec;
use self::currents::{Content, Currents, FIELDS, Values, content_of};
use self::datum::Datum;
use self::schema::{Schema, TypeIndex};
use self::value::Value;
use crate::row::{checked_session_id, checked_user_id};
use crate::{Columns, Element, Message, ReadError, Reject, Row};

/// How the rows of one file are laid out: everything that is needed, besides an [`AvroBlock`], to parse it.
#[derive(Debug, Clone)]
pub struct AvroLayout {
    schema: Schema,
    codec: Codec,
    content: Content,
    columns: Columns,
    /// The fields of a row in order, each with its place among the values that are kept.
    steps: Vec<(TypeIndex, Option<usize>)>,
    /// As the file has it.
    header: Vec<u8>,
}

impl AvroLayout {
    fn new(path: &str, schema: &[u8], codec: Codec, columns: &Columns, header: Vec<u8>) -> Result<Self, ReadError> {
        let schema = Schema::parse(schema).map_err(|reason| ReadError::Avro { row: 0, reason })?;
        let names: Vec<&str> = schema.fields().iter().map(|field| field.name.as_str()).collect();
        let content = content_of(path, schema.name(), &names);
        let mut kept = vec![None; names.len()];
        if content == Content::Rows {
            let found = columns.find(&names)?;
            let found = [Some(found.user_id), Some(found.time), found.app_id, found.session_id];
            for (place, index) in found.into_iter().enumerate() {
                if let Some(index) = index {
                    kept[index] = Some(place);
                }
            }
        } else {
            for (place, name) in FIELDS.iter().enumerate() {
                if let Some(index) = names.iter().position(|other| other == name) {
                    kept[index] = Some(place);
                }
            }
        }
        let steps = schema.fields().iter().map(|field| field.index).zip(kept).collect();
        Ok(Self { schema, codec, content, columns: columns.clone(), steps, header })
    }

    /// The type of event of a file that says nothing about activity, such as `users.messages.email.Send`.
    pub fn says_nothing(&self) -> Option<&str> {
        match &self.content {
            Content::Nothing(event) => Some(event),
            Content::Rows | Content::Events(_) => None,
        }
    }

    fn values<'a>(&'a self, datum: &mut Datum<'a>) -> Result<Values<'a>, String> {
        let mut values = Values::default();
        for (index, place) in &self.steps {
            match place {
                Some(place) => values[*place] = Value::read(&self.schema, *index, datum)?,
                None => self.schema.skip(*index, datum)?,
            }
        }
        Ok(values)
    }
}

/// Hands every row of a block to `sink`, in order. `zone` is whose local time a time without an offset is. Blocks of one
/// file may be parsed in any order and side by side. Rows after a damaged one cannot be found, so that damage ends it.
/// Returns how many bytes the block has, decompressed.
pub fn parse_avro_block(
    layout: &AvroLayout,
    block: &AvroBlock,
    zone: &Zone,
    sink: &mut dyn FnMut(Element<'_>),
) -> Result<u64, ReadError> {
    let (mut line, mut byte_count) = (block.first_row(), 0);
    for (row_count, stored) in block.parts() {
        let damaged = |row: u64| move |reason: String| ReadError::Avro { row: row - 1, reason };
        let data = layout.codec.decompress(stored).map_err(damaged(line))?;
        if row_count > data.len() as u64 {
            let reason = format!("a block of {} bytes says that it has {row_count} rows", data.len());
            return Err(damaged(line)(reason));
        }
        byte_count += data.len() as u64;
        let mut datum = Datum(&data);
        let mut messages = Vec::new();
        for _ in 0..row_count {
            let values = layout.values(&mut datum).map_err(damaged(line))?;
            match layout.content {
                Content::Rows => sink(row(&layout.columns, &values, line, zone)),
                Content::Events(event) => sink(said(event, &values, line, zone, &mut messages)),
                Content::Nothing(_) => {}
            }
            line += 1;
        }
        if !datum.0.is_empty() {
            return Err(damaged(line)(format!("{} bytes follow the last row of a block", datum.0.len())));
        }
    }
    Ok(byte_count)
}

fn row<'a>(columns: &Columns, values: &Values<'a>, line: u64, zone: &Zone) -> Element<'a> {
    let read = || {
        let user_id = values[0].identifier(&columns.user_id)?.ok_or_else(|| match values[0] {
            Value::Text(_) => "the user id is empty".to_owned(),
            _ => format!("`{}` is null", columns.user_id),
        })?;
        let user_id = checked_user_id(user_id)?;
        let instant = Some(values[1].instant(&columns.time, zone)?);
        let app_id = values[2].identifier(&columns.app_id)?;
        let session_id = checked_session_id(values[3].identifier(&columns.session_id)?)?;
        Ok(Row { line, user_id, app_id, instant, session_id })
    };
    let names = [&columns.user_id, &columns.time, &columns.app_id, &columns.session_id].map(String::as_str);
    read().map_or_else(|reason: String| Element::Reject(reject(&names, values, line, reason)), Element::Row)
}

fn said<'a, 'm>(
    event: Currents,
    values: &Values<'a>,
    line: u64,
    zone: &Zone,
    messages: &'m mut Vec<Message<'a>>,
) -> Element<'m> {
    messages.clear();
    match event.read(values, zone, messages) {
        Ok(()) => Element::Said { line, messages },
        Err(reason) => Element::Reject(reject(&FIELDS, values, line, reason)),
    }
}

/// A rejected row has no line of text; its values stand for it.
#[cold]
fn reject(names: &[&str], values: &Values<'_>, line: u64, reason: String) -> Reject {
    let there = names.iter().zip(values).enumerate();
    let there = there.filter(|(place, (_, value))| *place < 2 || !matches!(value, Value::Null));
    let input: Vec<String> = there.map(|(_, (name, value))| format!("{name}={}", value.shown())).collect();
    Reject::new(line, reason, input.join(", ").as_bytes())
}
