//! The line that nearly every program writes: an object whose members that are read are strings without escapes, whole
//! numbers and `null`, with no tabs in between. Anything else, right or wrong, is for the JSON library.

use super::value::Key;
use crate::Columns;
use crate::text::scan::end_of_plain_string;

/// The fields of such a line.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct PlainFields<'a> {
    /// A string, or a number's digits, which are its text.
    pub(super) user_id: &'a str,
    pub(super) time: Option<PlainTime<'a>>,
    pub(super) app_id: Option<&'a str>,
    /// As `user_id`.
    pub(super) session_id: Option<&'a str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PlainTime<'a> {
    Text(&'a str),
    UnixSeconds(i64),
}

/// The fields of the object that `record` is, if it is such a line and has a user. They are what the JSON library would
/// find.
pub(super) fn read<'a>(columns: &Columns, record: &'a str) -> Option<PlainFields<'a>> {
    let mut rest = Rest { record, at: 0 };
    let mut members = [Plain::Missing; Key::READ_COUNT];
    rest.take(b'{')?;
    loop {
        rest.pass_spaces();
        let key = Key::of(columns, rest.string()?);
        rest.pass_spaces();
        rest.take(b':')?;
        rest.pass_spaces();
        if matches!(key, Key::Other) {
            rest.pass_value()?;
        } else if matches!(members[key as usize], Plain::Missing) {
            members[key as usize] = rest.value()?;
        } else {
            return None;
        }
        rest.pass_spaces();
        if rest.take(b',').is_none() {
            rest.take(b'}')?;
            break;
        }
    }
    let is_whole = rest.at == record.len();
    let [user_id, time, app_id, session_id] = members;
    // An app is not named by a number.
    (is_whole && !matches!(app_id, Plain::Digits(_))).then_some(PlainFields {
        user_id: user_id.into_name()?,
        time: time.into_time(),
        app_id: app_id.into_name(),
        session_id: session_id.into_name(),
    })
}

/// A value as it stands in the line.
#[derive(Clone, Copy)]
enum Plain<'a> {
    Missing,
    Null,
    Text(&'a str),
    /// Without a sign and without zeros in front, and so few that they are a number of 64 bits.
    Digits(&'a str),
}

impl<'a> Plain<'a> {
    fn into_name(self) -> Option<&'a str> {
        match self {
            Self::Missing | Self::Null => None,
            Self::Text(text) | Self::Digits(text) => Some(text),
        }
    }

    fn into_time(self) -> Option<PlainTime<'a>> {
        match self {
            Self::Missing | Self::Null => None,
            Self::Text(text) => Some(PlainTime::Text(text)),
            Self::Digits(digits) => {
                let value = digits.bytes().fold(0, |value, digit| value * 10 + i64::from(digit - b'0'));
                Some(PlainTime::UnixSeconds(value))
            }
        }
    }
}

/// As many as one word has bits.
const DEPTH_MAX: u32 = u64::BITS;

/// What is left of a line.
struct Rest<'a> {
    record: &'a str,
    at: usize,
}

impl<'a> Rest<'a> {
    fn next(&self) -> Option<u8> {
        self.record.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.next() == Some(byte)).then(|| self.at += 1)
    }

    fn take_text(&mut self, text: &str) -> Option<()> {
        self.record.as_bytes()[self.at..].starts_with(text.as_bytes()).then(|| self.at += text.len())
    }

    fn pass_spaces(&mut self) {
        while self.next() == Some(b' ') {
            self.at += 1;
        }
    }

    fn string(&mut self) -> Option<&'a str> {
        self.take(b'"')?;
        let start = self.at;
        self.at = end_of_plain_string(self.record.as_bytes(), start);
        let string = self.record.get(start..self.at)?;
        self.take(b'"')?;
        Some(string)
    }

    fn value(&mut self) -> Option<Plain<'a>> {
        match self.next()? {
            b'"' => self.string().map(Plain::Text),
            b'1'..=b'9' => self.digits().map(Plain::Digits),
            b'n' => self.take_text("null").map(|()| Plain::Null),
            _ => None,
        }
    }

    /// Passes over any value, if no more than [`DEPTH_MAX`] objects and arrays enclose a part of it.
    fn pass_value(&mut self) -> Option<()> {
        // Which of those that are open are objects, the innermost in the lowest bit.
        let (mut depth, mut objects) = (0, 0_u64);
        loop {
            let opened = self.next()?;
            match opened {
                b'{' | b'[' => {
                    self.at += 1;
                    self.pass_spaces();
                    (depth, objects) = (depth + 1, objects << 1 | u64::from(opened == b'{'));
                    if depth > DEPTH_MAX {
                        return None;
                    }
                    // In ASCII, what closes is two beyond what opens.
                    if self.next()? != opened + 2 {
                        self.pass_key(objects)?;
                        continue;
                    }
                }
                b'"' => self.pass_string()?,
                b'n' => self.take_text("null")?,
                b't' => self.take_text("true")?,
                b'f' => self.take_text("false")?,
                _ => self.pass_number()?,
            }
            // After a value: those that end here, then the next one, if there is one.
            loop {
                if depth == 0 {
                    return Some(());
                }
                self.pass_spaces();
                if self.take(b',').is_some() {
                    self.pass_spaces();
                    self.pass_key(objects)?;
                    break;
                }
                self.take(if objects & 1 == 1 { b'}' } else { b']' })?;
                (depth, objects) = (depth - 1, objects >> 1);
            }
        }
    }

    /// Passes over the key of the next member, if the innermost of those that are open is an object.
    fn pass_key(&mut self, objects: u64) -> Option<()> {
        if objects & 1 == 1 {
            self.pass_string()?;
            self.pass_spaces();
            self.take(b':')?;
            self.pass_spaces();
        }
        Some(())
    }

    fn pass_string(&mut self) -> Option<()> {
        self.take(b'"')?;
        loop {
            self.at = end_of_plain_string(self.record.as_bytes(), self.at);
            if self.take(b'\\').is_none() {
                return self.take(b'"');
            }
            let digits = match self.next()? {
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => 0,
                b'u' => 4,
                _ => return None,
            };
            let digits = self.record.as_bytes().get(self.at + 1..=self.at + digits)?;
            digits.iter().all(u8::is_ascii_hexdigit).then(|| self.at += 1 + digits.len())?;
        }
    }

    fn pass_number(&mut self) -> Option<()> {
        let _ = self.take(b'-');
        if self.take(b'0').is_none() {
            self.pass_digits()?;
        }
        if self.take(b'.').is_some() {
            self.pass_digits()?;
        }
        if self.take(b'e').or_else(|| self.take(b'E')).is_some() {
            let _ = self.take(b'+').or_else(|| self.take(b'-'));
            self.pass_digits()?;
        }
        Some(())
    }

    /// At least one.
    fn pass_digits(&mut self) -> Option<()> {
        let rest = &self.record.as_bytes()[self.at..];
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        (count > 0).then_some(())
    }

    /// The digits of a whole number, unless there are so many that it may need more than 64 bits.
    fn digits(&mut self) -> Option<&'a str> {
        const DIGITS_MAX: usize = 18;
        let start = self.at;
        let rest = &self.record.as_bytes()[start..];
        let count = rest.iter().take(DIGITS_MAX + 1).take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        let is_whole = count <= DIGITS_MAX && !matches!(rest.get(count), Some(b'.' | b'e' | b'E'));
        is_whole.then(|| self.record.get(start..self.at)).flatten()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use dauphin_model::Zone;

    use super::*;
    use crate::Row;
    use crate::text::ndjson::{by_library, plain_row};

    fn rows<'a>(columns: &Columns, line: &'a str) -> Option<[Result<Row<'a>, String>; 2]> {
        let fields = read(columns, line)?;
        let (zone, line) = (Zone::utc(), line.as_bytes());
        Some([plain_row(fields, 7, &zone), by_library(columns, line, 7, &zone)])
    }

    #[test]
    fn the_usual_line_is_met_here() {
        for line in [
            r#"{"user_id":"ada","time":"2018-06-28T23:59:59Z","app_id":"web"}"#,
            r#"{"x": true, "user_id": 17, "time": 1530248399, "y": false, "session_id": null}"#,
            r#"{ "user_id" : "zoé" , "time" : null , "session_id" : 99 }"#,
            r#"{"x":{"y":[1.5e-3,{},[ ],[[]],{"z":{"": -0}, "t\u00e9\"":"\n"}],"n":null},"user_id":"ada","w":0,"v":[false , "a"]}"#,
        ] {
            let [plain, by_library] = rows(&Columns::default(), line).unwrap_or_else(|| panic!("{line}"));
            assert!(plain.is_ok(), "{line}");
            assert_eq!(plain, by_library, "{line}");
        }
        for line in
            [r#"{"user_id":"\u0061"}"#, r#"{"time":1}"#, r#"{"user_id":"a","user_id":"a"}"#, r#"{"user_id":"a"}}"#]
        {
            assert_eq!(read(&Columns::default(), line), None, "{line}");
        }
    }

    /// Nearly a line: its pieces in any order, some of them broken.
    fn nearly_a_line() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "{",
            "}",
            "{\"",
            "\"}",
            "\"",
            ":",
            ",",
            " ",
            "\t",
            "user_id",
            "\"user_id\":",
            "\"time\": ",
            "\"app_id\":",
            "\"x\":",
            "\"ada\"",
            "\"zo\u{e9}\"",
            "\"\"",
            "\\",
            "\\\"",
            "\\u0041",
            "\u{1f}",
            "\u{0}",
            "null",
            "nul",
            "true",
            "false",
            "0",
            "1",
            "17",
            "1.5",
            "1e3",
            "-1",
            "01",
            "123456789012345678",
            "1234567890123456789",
            "[",
            "]",
            "[1]",
            "{}",
        ]);
        let member = "(\"(user_id|time|app_id|session_id|x)\"[ ]?:[ ]?(\"[a-z\u{e9}]{0,12}\"|\"2018-06-28\"|[0-9]{1,20}|null|true|[1-9][.e]1))";
        let nested = "\"x\":[\\[{]{1,2}(|[\\[\\]{},:\" a0-9.e+-]{0,8}|\"(\\\\[\"bnux/]|[0-9a-f]{4}){0,3}\"|\"a\":[0-9.eE+-]{1,5}|[0-9.eE+-]{1,5}|\"a\",1)[}\\]]{1,2}";
        let members =
            prop::collection::vec(prop_oneof![3 => member, 1 => nested], 0..5).prop_map(|members| members.join(","));
        prop_oneof![
            prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat()),
            (any::<bool>(), members).prop_map(|(named, members)| {
                format!("{{{}{members}}}", if named { "\"user_id\":\"ada\"," } else { "" })
            }),
        ]
    }

    proptest! {
        #[test]
        fn what_it_finds_is_what_the_library_finds(line in nearly_a_line()) {
            if let Some([plain, by_library]) = rows(&Columns::default(), &line) {
                prop_assert_eq!(plain, by_library, "{}", line);
            }
        }
    }
}
