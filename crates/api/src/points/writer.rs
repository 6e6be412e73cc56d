use super::date::{DATE_BYTES, DateText};
use super::number::{write_integer, write_ratio};
use super::{Column, Group, Points, Times, Values, Zeros};
use crate::Language;

/// Room set aside for a value; longer ones make the body grow.
const VALUE_BYTES_TYPICAL: usize = 12;

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
    /// Appends `{"data":[{"time":"2018-06-28","dau":123},…],"message":"success"}`. Written by hand: a series is counted
    /// in microseconds, and a general serialiser would take longer than counting.
    pub fn write_json(&self, language: Language, body: &mut Vec<u8>) {
        let before = format!("{{\"{}\":\"", language.time_key());
        let mut keys = self.columns.iter().map(|column| format!(",\"{}\":", column.name));
        // The first key travels with the time.
        let after = format!("\"{}", keys.next().unwrap_or_default());
        let keys: Vec<String> = keys.collect();
        let groups: Vec<GroupWriter<'_>> = self.groups.iter().map(GroupWriter::of).collect();
        self.reserve(before.len() + after.len() + 2 + keys.iter().map(String::len).sum::<usize>(), body);

        body.extend_from_slice(b"{\"");
        body.extend_from_slice(language.data_key().as_bytes());
        body.extend_from_slice(b"\":[");
        let mut openings = Openings::new(before.as_bytes(), &self.times, after.as_bytes());
        for index in 0..self.len() {
            openings.write_next(body);
            if let Some((first, others)) = self.columns.split_first() {
                first.write_value(index, body);
                for (column, key) in others.iter().zip(&keys) {
                    body.extend_from_slice(key.as_bytes());
                    column.write_value(index, body);
                }
            }
            groups.iter().for_each(|group| group.write(index, body));
            body.extend_from_slice(b"},");
        }
        if !self.is_empty() {
            body.pop();
        }
        body.extend_from_slice(b"],\"message\":\"success\"}");
    }

    /// Appends a header, `time,dau`, and a line a point, each ended by a line feed. Groups are columns.
    pub fn write_csv(&self, language: Language, body: &mut Vec<u8>) {
        if !self.groups.is_empty() {
            return self.flattened().write_csv(language, body);
        }
        self.reserve(1, body);
        body.extend_from_slice(language.time_key().as_bytes());
        for column in &self.columns {
            body.push(b',');
            write_field(&column.name, body);
        }
        body.push(b'\n');
        let mut openings = Openings::new(b"", &self.times, b"");
        for index in 0..self.len() {
            openings.write_next(body);
            for column in &self.columns {
                body.push(b',');
                column.write_value(index, body);
            }
            body.push(b'\n');
        }
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
