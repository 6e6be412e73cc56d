use super::date::DateText;
use super::number::{write_integer, write_ratio};
use super::{Column, Group, Points, Times, Values, Zeros};
use crate::Language;

/// Room set aside for a value; longer ones make the body grow.
const VALUE_BYTES_TYPICAL: usize = 12;

/// The times of the points, one after the other.
enum TimeTexts<'a> {
    Days(DateText),
    Hours(std::slice::Iter<'a, String>),
}

impl<'a> TimeTexts<'a> {
    fn of(times: &'a Times) -> Self {
        match times {
            Times::DaysFrom(first) => Self::Days(DateText::new(*first)),
            Times::Hours(hours) => Self::Hours(hours.iter()),
        }
    }

    fn write_next(&mut self, body: &mut Vec<u8>) {
        match self {
            Self::Days(date) => {
                body.extend_from_slice(date.bytes());
                date.advance();
            }
            Self::Hours(hours) => body.extend_from_slice(hours.next().map_or(&[], |hour| hour.as_bytes())),
        }
    }
}

impl Points {
    /// Appends `{"data":[{"time":"2018-06-28","dau":123},…],"message":"success"}`. Written by hand: a series is counted
    /// in microseconds, and a general serialiser would take longer than counting.
    pub fn write_json(&self, language: Language, body: &mut Vec<u8>) {
        let opening = format!("{{\"{}\":\"", language.time_key());
        let keys: Vec<String> = self.columns.iter().map(|column| format!(",\"{}\":", column.name)).collect();
        let groups: Vec<GroupWriter<'_>> = self.groups.iter().map(GroupWriter::of).collect();
        self.reserve(opening.len() + 2 + keys.iter().map(String::len).sum::<usize>(), body);

        body.extend_from_slice(b"{\"");
        body.extend_from_slice(language.data_key().as_bytes());
        body.extend_from_slice(b"\":[");
        let mut times = TimeTexts::of(&self.times);
        for index in 0..self.len() {
            if index > 0 {
                body.push(b',');
            }
            body.extend_from_slice(opening.as_bytes());
            times.write_next(body);
            body.push(b'"');
            for (column, key) in self.columns.iter().zip(&keys) {
                body.extend_from_slice(key.as_bytes());
                column.write_value(index, body);
            }
            groups.iter().for_each(|group| group.write(index, body));
            body.push(b'}');
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
        let mut times = TimeTexts::of(&self.times);
        for index in 0..self.len() {
            times.write_next(body);
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
