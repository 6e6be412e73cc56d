//! The line that nearly every program writes: an object whose members that are read are strings without escapes, whole
//! numbers and `null`. Anything else, right or wrong, is for the JSON library.

use super::value::Key;
use crate::Columns;
use crate::plain::Cursor;

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
    let mut members = [Plain::Missing; Key::READ_COUNT];
    let mut cursor = Cursor::new(record);
    cursor.members(|name, cursor| {
        let key = Key::of(columns, name);
        if matches!(key, Key::Other) {
            return cursor.pass_value();
        }
        let Plain::Missing = members[key as usize] else { return None };
        members[key as usize] = Plain::read(cursor)?;
        Some(())
    })?;
    let [user_id, time, app_id, session_id] = members;
    // An app is not named by a number.
    (cursor.is_at_end() && !matches!(app_id, Plain::Digits(_))).then_some(PlainFields {
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
    fn read(cursor: &mut Cursor<'a>) -> Option<Self> {
        match cursor.next()? {
            b'"' => cursor.string().map(Self::Text),
            b'1'..=b'9' => cursor.digits().map(Self::Digits),
            b'n' => cursor.take_text("null").map(|()| Self::Null),
            _ => None,
        }
    }

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
