use super::date::DateText;
use super::number::{write_integer, write_ratio};
use super::{Column, Points, Values};
use crate::Language;

/// Room set aside for a value; longer ones make the body grow.
const VALUE_BYTES_TYPICAL: usize = 12;

impl Points {
    /// Appends `{"data":[{"time":"2018-06-28","dau":123},…],"message":"success"}`. Written by hand: a series is counted
    /// in microseconds, and a general serialiser would take longer than counting.
    pub fn write_json(&self, language: Language, body: &mut Vec<u8>) {
        let opening = format!("{{\"{}\":\"", language.time_key());
        let keys: Vec<String> = self.columns.iter().map(|column| format!(",\"{}\":", column.name)).collect();
        self.reserve(opening.len() + 2 + keys.iter().map(String::len).sum::<usize>(), body);

        body.extend_from_slice(b"{\"");
        body.extend_from_slice(language.data_key().as_bytes());
        body.extend_from_slice(b"\":[");
        let mut date = DateText::new(self.first);
        for index in 0..self.len() {
            if index > 0 {
                body.push(b',');
            }
            body.extend_from_slice(opening.as_bytes());
            body.extend_from_slice(date.bytes());
            body.push(b'"');
            for (column, key) in self.columns.iter().zip(&keys) {
                body.extend_from_slice(key.as_bytes());
                column.write_value(index, body);
            }
            body.push(b'}');
            date.advance();
        }
        body.extend_from_slice(b"],\"message\":\"success\"}");
    }

    /// Appends a header, `time,dau`, and a line a point, each ended by a line feed. Nothing in it ever needs a quote.
    pub fn write_csv(&self, language: Language, body: &mut Vec<u8>) {
        self.reserve(1, body);
        body.extend_from_slice(language.time_key().as_bytes());
        for column in &self.columns {
            body.push(b',');
            body.extend_from_slice(column.name.as_bytes());
        }
        body.push(b'\n');
        let mut date = DateText::new(self.first);
        for index in 0..self.len() {
            body.extend_from_slice(date.bytes());
            for column in &self.columns {
                body.push(b',');
                column.write_value(index, body);
            }
            body.push(b'\n');
            date.advance();
        }
    }

    /// Makes room at once for points whose fixed part, but for the date, has `bytes_fixed` bytes.
    fn reserve(&self, bytes_fixed: usize, body: &mut Vec<u8>) {
        let bytes_a_point = 10 + bytes_fixed + (1 + VALUE_BYTES_TYPICAL) * self.columns.len();
        body.reserve(64 + bytes_a_point * self.len());
    }
}

impl Column {
    fn write_value(&self, index: usize, body: &mut Vec<u8>) {
        match &self.values {
            Values::Integers(values) => write_integer(values[index], body),
            Values::Ratios(values) => write_ratio(values[index], body),
        }
    }
}
