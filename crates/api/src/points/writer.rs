use std::borrow::Cow;

use super::date::{DATE_BYTES, DateText};
use super::number::{write_integer, write_ratio};
use super::{Column, Group, Points, Times, Values, Zeros};
use crate::{Format, Language};

/// Room set aside for a value; longer ones make the body grow.
const VALUE_BYTES_TYPICAL: usize = 12;

/// What stands between two points.
pub(super) const fn separator(format: Format) -> &'static [u8] {
    match format {
        Format::Json => b",",
        Format::Csv => b"",
    }
}

/// What stands behind the points.
pub(super) const fn tail(format: Format) -> &'static [u8] {
    match format {
        Format::Json => b"],\"message\":\"success\"}",
        Format::Csv => b"",
    }
}

/// What stands at the beginning of each point: its time, and the same text around it each time.
enum Openings<'a> {
    /// The text with room for the day.
    Days {
        text: Vec<u8>,
        day_at: usize,
        days: DateText,
    },
    Hours {
        before: &'a [u8],
        hours: std::slice::Iter<'a, String>,
        after: &'a [u8],
    },
}

impl<'a> Openings<'a> {
    fn new(before: &'a [u8], times: &'a Times, after: &'a [u8]) -> Self {
        match times {
            Times::DaysFrom(first) => {
                let text = [before, &[0; DATE_BYTES], after].concat();
                Self::Days { text, day_at: before.len(), days: DateText::new(*first) }
            }
            Times::Hours(hours) => Self::Hours { before, hours: hours.iter(), after },
        }
    }

    fn write_next(&mut self, body: &mut Vec<u8>) {
        match self {
            Self::Days { text, day_at, days } => {
                let start = body.len() + *day_at;
                body.extend_from_slice(text);
                days.write_next(body[start..].first_chunk_mut().expect("there is room for a date"));
            }
            Self::Hours { before, hours, after } => {
                body.extend_from_slice(before);
                body.extend_from_slice(hours.next().map_or(&[], |hour| hour.as_bytes()));
                body.extend_from_slice(after);
            }
        }
    }
}

impl Points {
    /// Appends the whole body of the answer.
    pub fn write(&self, format: Format, language: Language, body: &mut Vec<u8>) {
        self.write_head(format, language, body);
        self.write_points(format, language, body, |_| ());
        if !self.is_empty() {
            body.truncate(body.len() - separator(format).len());
        }
        body.extend_from_slice(tail(format));
    }

    /// Appends what stands before the points: `{"data":[`, or `time,dau` and a line feed. Groups are columns in a table.
    pub(super) fn write_head(&self, format: Format, language: Language, body: &mut Vec<u8>) {
        match format {
            Format::Json => body.extend_from_slice(format!("{{\"{}\":[", language.data_key()).as_bytes()),
            Format::Csv => {
                body.extend_from_slice(language.time_key().as_bytes());
                for name in self.table().columns.iter().map(|column| &column.name) {
                    body.push(b',');
                    write_field(name, body);
                }
                body.push(b'\n');
            }
        }
    }

    /// Appends the points, each with the [`separator`] behind it, and tells after each how long the text has become.
    /// Written by hand: a series is counted in microseconds, and a general serialiser would take longer than counting.
    pub(super) fn write_points(
        &self,
        format: Format,
        language: Language,
        text: &mut Vec<u8>,
        written: impl FnMut(usize),
    ) {
        match format {
            Format::Json => self.write_objects(language, text, written),
            Format::Csv => self.table().write_lines(text, written),
        }
    }

    /// `{"time":"2018-06-28","dau":123},` and so on.
    fn write_objects(&self, language: Language, text: &mut Vec<u8>, mut written: impl FnMut(usize)) {
        let before = format!("{{\"{}\":\"", language.time_key());
        let mut keys = self.columns.iter().map(|column| format!(",\"{}\":", column.name));
        // The first key travels with the time.
        let after = format!("\"{}", keys.next().unwrap_or_default());
        let keys: Vec<String> = keys.collect();
        let groups: Vec<GroupWriter<'_>> = self.groups.iter().map(GroupWriter::of).collect();
        self.reserve(before.len() + after.len() + 2 + keys.iter().map(String::len).sum::<usize>(), text);

        let mut openings = Openings::new(before.as_bytes(), &self.times, after.as_bytes());
        for index in 0..self.len() {
            openings.write_next(text);
            if let Some((first, others)) = self.columns.split_first() {
                first.write_value(index, text);
                for (column, key) in others.iter().zip(&keys) {
                    text.extend_from_slice(key.as_bytes());
                    column.write_value(index, text);
                }
            }
            groups.iter().for_each(|group| group.write(index, text));
            text.extend_from_slice(b"},");
            written(text.len());
        }
    }

    /// `2018-06-28,123` and a line feed, and so on.
    fn write_lines(&self, text: &mut Vec<u8>, mut written: impl FnMut(usize)) {
        self.reserve(1, text);
        let mut openings = Openings::new(b"", &self.times, b"");
        for index in 0..self.len() {
            openings.write_next(text);
            for column in &self.columns {
                text.push(b',');
                column.write_value(index, text);
            }
            text.push(b'\n');
            written(text.len());
        }
    }

    /// What fits into a table.
    fn table(&self) -> Cow<'_, Self> {
        if self.groups.is_empty() { Cow::Borrowed(self) } else { Cow::Owned(self.flattened()) }
    }

    /// Makes room at once for points whose fixed part, but for the time, has `bytes_fixed` bytes.
    fn reserve(&self, bytes_fixed: usize, body: &mut Vec<u8>) {
        let bytes_a_point = 10 + bytes_fixed + (1 + VALUE_BYTES_TYPICAL) * self.columns.len();
        body.reserve(64 + bytes_a_point * self.len());
    }
}

/// A group, its keys as JSON.
struct GroupWriter<'a> {
    opening: String,
    columns: Vec<(String, &'a Column)>,
    zeros: Zeros,
}

impl<'a> GroupWriter<'a> {
    fn of(group: &'a Group) -> Self {
        let json = |text: &str| serde_json::to_string(text).expect("a text can be written to memory");
        let columns = group.columns.iter().map(|column| (format!("{}:", json(&column.name)), column)).collect();
        Self { opening: format!(",{}:{{", json(group.name)), columns, zeros: group.zeros }
    }

    fn write(&self, index: usize, body: &mut Vec<u8>) {
        body.extend_from_slice(self.opening.as_bytes());
        let mut separator: &[u8] = b"";
        for (key, column) in &self.columns {
            if self.zeros == Zeros::LeftOut && column.is_zero(index) {
                continue;
            }
            body.extend_from_slice(separator);
            body.extend_from_slice(key.as_bytes());
            column.write_value(index, body);
            separator = b",";
        }
        body.push(b'}');
    }
}

impl Column {
    fn write_value(&self, index: usize, body: &mut Vec<u8>) {
        match &self.values {
            Values::Integers(values) => write_integer(values[index], body),
            Values::Ratios(values) => write_ratio(values[index], body),
        }
    }

    fn is_zero(&self, index: usize) -> bool {
        matches!(&self.values, Values::Integers(values) if values[index] == 0)
    }
}

/// A name in the header, quoted where it must be (RFC 4180).
fn write_field(name: &str, body: &mut Vec<u8>) {
    if name.contains([',', '"', '\n', '\r']) {
        body.push(b'"');
        body.extend_from_slice(name.replace('"', "\"\"").as_bytes());
        body.push(b'"');
    } else {
        body.extend_from_slice(name.as_bytes());
    }
}
