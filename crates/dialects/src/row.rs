use std::borrow::Cow;

use dauphin_model::limits::IDENTITY_BYTES_MAX;
use dauphin_model::{IdentityError, Instant};

use crate::Message;

/// Somebody was active: what one line or row says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row<'a> {
    /// The line on which it begins, or the row of a Parquet or Avro file; counted from 1.
    pub line: u64,
    /// Who: 1 to 1,024 bytes.
    pub user_id: Cow<'a, str>,
    /// In which app; `None` when absent, null or empty.
    pub app_id: Option<Cow<'a, str>>,
    /// When; `None` when an NDJSON object has no time, and never otherwise.
    pub instant: Option<Instant>,
    /// In which session: 1 to 1,024 bytes; `None` when absent, null or empty.
    pub session_id: Option<Cow<'a, str>>,
}

/// A line or row that says nothing that can be counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reject {
    /// The line on which it begins, or the row of a Parquet file; counted from 1.
    pub line: u64,
    /// What is wrong, with the value.
    pub reason: String,
    /// The line itself: at most 1 KiB of it, bytes that are no UTF-8 replaced. For a Parquet row, its read columns.
    pub input: String,
}

/// One line or row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Element<'a> {
    /// It can be counted.
    Row(Row<'a>),
    /// It is an event of a dialect with more to say than who was active; maybe it says nothing.
    Said {
        /// Its row, counted from 1.
        line: u64,
        /// What it says.
        messages: &'a [Message<'a>],
    },
    /// It cannot.
    Reject(Reject),
}

/// Most bytes of a rejected line that are kept: enough to find it and to see what is wrong.
const INPUT_BYTES_MAX: usize = 1024;

/// Most characters of a value that a reason repeats.
const VALUE_CHARACTERS_MAX: usize = 64;

/// A user id of allowed length, or what is wrong with it.
#[inline]
pub(crate) fn checked_user_id(user_id: Cow<'_, str>) -> Result<Cow<'_, str>, String> {
    match user_id.len() {
        1..=IDENTITY_BYTES_MAX => Ok(user_id),
        length => Err(wrong_length(length)),
    }
}

/// Apart from what every row does, which stays small.
#[cold]
fn wrong_length(length: usize) -> String {
    match length {
        0 => IdentityError::Empty.to_string(),
        length => IdentityError::TooLong(length).to_string(),
    }
}

/// A session's id of allowed length; `None` when it is empty; or what is wrong with it.
#[inline]
pub(crate) fn checked_session_id(session_id: Option<Cow<'_, str>>) -> Result<Option<Cow<'_, str>>, String> {
    match session_id {
        Some(id) if id.len() > IDENTITY_BYTES_MAX => Err(session_id_too_long(id.len())),
        other => Ok(other.filter(|id| !id.is_empty())),
    }
}

#[cold]
fn session_id_too_long(length: usize) -> String {
    format!("the session id has {length} bytes; it must have at most {IDENTITY_BYTES_MAX}")
}

impl Reject {
    #[cold]
    pub(crate) fn new(line: u64, reason: impl Into<String>, input: &[u8]) -> Self {
        // Four bytes more than are kept, so that no character is cut inside the part that is.
        let mut input = String::from_utf8_lossy(&input[..input.len().min(INPUT_BYTES_MAX + 4)]).into_owned();
        input.truncate(input.floor_char_boundary(INPUT_BYTES_MAX));
        Self { line, reason: reason.into(), input }
    }
}

/// A value as a reason repeats it: shortened, printable.
pub(crate) fn shown(value: &str) -> String {
    shown_to(VALUE_CHARACTERS_MAX, value)
}

pub(crate) fn shown_to(characters_max: usize, value: &str) -> String {
    let printable = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
    let mut shown: String = value.chars().take(characters_max).map(printable).collect();
    if value.chars().nth(characters_max).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rejected_line_is_kept_to_one_kibibyte_of_whole_characters() {
        assert_eq!(Reject::new(1, "", b"a\xffb").input, "a\u{FFFD}b");
        assert_eq!(Reject::new(1, "", "é".repeat(600).as_bytes()).input, "é".repeat(512));
        assert_eq!(Reject::new(1, "", format!("x{}", "é".repeat(600)).as_bytes()).input.len(), 1023);
        assert_eq!(Reject::new(1, "", &[0xff; 2000]).input, "\u{FFFD}".repeat(341));
        assert_eq!(Reject::new(1, "", &[b'x'; 1024]).input.len(), 1024);
    }
}
