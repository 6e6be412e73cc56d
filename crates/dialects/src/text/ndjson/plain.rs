//! The line that nearly every program writes: a flat object of strings without escapes, whole numbers, `true`, `false`
//! and `null`. Anything else, right or wrong, is for the JSON library.

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
    let mut members = [Plain::Missing; Key::COUNT];
    rest.take(b'{')?;
    loop {
        rest.pass_spaces();
        let key = Key::of(columns, rest.string()?);
        rest.pass_spaces();
        rest.take(b':')?;
        rest.pass_spaces();
        let value = rest.value()?;
        let member = &mut members[key as usize];
        if !matches!((&member, key), (Plain::Missing, _) | (_, Key::Other)) {
            return None;
        }
        *member = value;
        rest.pass_spaces();
        if rest.take(b',').is_none() {
            rest.take(b'}')?;
            break;
        }
    }
    if rest.at < record.len() {
        return None;
    }
    let [user_id, time, app_id, session_id, _] = members;
    Some(PlainFields {
        user_id: user_id.into_name()??,
        time: time.into_time()?,
        app_id: app_id.into_text()?,
        session_id: session_id.into_name()?,
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
    Boolean,
}

impl<'a> Plain<'a> {
    fn into_name(self) -> Option<Option<&'a str>> {
        match self {
            Self::Missing | Self::Null => Some(None),
            Self::Text(text) | Self::Digits(text) => Some(Some(text)),
            Self::Boolean => None,
        }
    }

    fn into_text(self) -> Option<Option<&'a str>> {
        match self {
            Self::Missing | Self::Null => Some(None),
            Self::Text(text) => Some(Some(text)),
            Self::Digits(_) | Self::Boolean => None,
        }
    }

    fn into_time(self) -> Option<Option<PlainTime<'a>>> {
        match self {
            Self::Missing | Self::Null => Some(None),
            Self::Text(text) => Some(Some(PlainTime::Text(text))),
            Self::Digits(digits) => {
                let value = digits.bytes().fold(0, |value, digit| value * 10 + i64::from(digit - b'0'));
                Some(Some(PlainTime::UnixSeconds(value)))
            }
            Self::Boolean => None,
        }
    }
}

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
            b't' => self.take_text("true").map(|()| Plain::Boolean),
            b'f' => self.take_text("false").map(|()| Plain::Boolean),
            _ => None,
        }
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
        let members = prop::collection::vec(member, 0..5).prop_map(|members| members.join(","));
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
