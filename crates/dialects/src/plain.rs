//! JSON as nearly every program writes it, read in one pass: names and strings without escapes, whole numbers and short
//! fractions. Anything else, right or wrong, is for the JSON library: what is read here is what it would read.

use crate::text::scan::end_of_plain_string;

/// An object of which some members are read.
pub(crate) trait Members<'a>: Default {
    /// Reads the value of the member `name`, or passes over it if the member is none that is read. A member that was
    /// there before is for the library.
    fn read(&mut self, name: &str, cursor: &mut Cursor<'a>) -> Option<()>;
}

/// A value that is read.
pub(crate) trait Member<'a> {
    /// Reads it from where the cursor stands, once.
    fn read(&mut self, cursor: &mut Cursor<'a>) -> Option<()>;
}

/// Says by what names the members of a struct are known, which are those that `serde` knows them by.
macro_rules! members {
    ($object:ident { $($name:literal => $field:ident),* $(,)? }) => {
        impl<'a> $crate::plain::Members<'a> for $object<'a> {
            fn read(&mut self, name: &str, cursor: &mut $crate::plain::Cursor<'a>) -> Option<()> {
                match name {
                    $($name => $crate::plain::Member::read(&mut self.$field, cursor),)*
                    _ => cursor.pass_value(),
                }
            }
        }
    };
}

pub(crate) use members;

/// The object that a whole body is.
pub(crate) fn object_of<'a, T: Members<'a>>(body: &'a [u8]) -> Option<T> {
    let mut object = T::default();
    members_of(body, |name, cursor| object.read(name, cursor))?;
    Some(object)
}

/// As [`Cursor::members`], of the object that a whole body is.
pub(crate) fn members_of<'a>(body: &'a [u8], read: impl FnMut(&'a str, &mut Cursor<'a>) -> Option<()>) -> Option<()> {
    let mut cursor = Cursor::new(std::str::from_utf8(body).ok()?);
    cursor.pass_spaces();
    cursor.members(read)?;
    cursor.pass_spaces();
    cursor.is_at_end().then_some(())
}

#[cfg(test)]
pub(crate) use tests::bodies;

/// A place in a text.
pub(crate) struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

/// As many as one word has bits.
const DEPTH_MAX: u32 = u64::BITS;

impl<'a> Cursor<'a> {
    pub(crate) const fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    pub(crate) const fn is_at_end(&self) -> bool {
        self.at == self.text.len()
    }

    pub(crate) fn next(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.next() == Some(byte)).then(|| self.at += 1)
    }

    /// Hardly anybody puts a space before a comma or a colon.
    fn take_after_spaces(&mut self, byte: u8) -> Option<()> {
        self.take(byte).or_else(|| {
            self.pass_spaces();
            self.take(byte)
        })
    }

    pub(crate) fn take_text(&mut self, text: &str) -> Option<()> {
        self.text.as_bytes()[self.at..].starts_with(text.as_bytes()).then(|| self.at += text.len())
    }

    pub(crate) fn pass_spaces(&mut self) {
        while matches!(self.next(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    /// An object, each of whose values `read` takes or passes over when it has its name.
    pub(crate) fn members(&mut self, mut read: impl FnMut(&'a str, &mut Self) -> Option<()>) -> Option<()> {
        self.list(b'{', b'}', |cursor| {
            let name = cursor.string()?;
            cursor.pass_colon()?;
            read(name, cursor)
        })
    }

    pub(crate) fn object<T: Members<'a>>(&mut self) -> Option<T> {
        let mut object = T::default();
        self.members(|name, cursor| object.read(name, cursor))?;
        Some(object)
    }

    /// An array, each of whose elements `sink` takes: an object of which some members are read, or the element as it is
    /// written, for the library.
    pub(crate) fn elements<T: Members<'a>>(
        &mut self,
        mut sink: impl FnMut(Result<&mut T, &'a str>) -> Option<()>,
    ) -> Option<()> {
        self.list(b'[', b']', |cursor| {
            let (start, mut object) = (cursor.at, T::default());
            if cursor.members(|name, cursor| object.read(name, cursor)).is_some() {
                return sink(Ok(&mut object));
            }
            cursor.at = start;
            sink(Err(cursor.raw()?))
        })
    }

    /// What lies between `open` and `close`, with commas in between.
    fn list(&mut self, open: u8, close: u8, mut item: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.take(open)?;
        self.pass_spaces();
        if self.take(close).is_some() {
            return Some(());
        }
        loop {
            item(self)?;
            if self.take_after_spaces(b',').is_none() {
                return self.take(close);
            }
            self.pass_spaces();
        }
    }

    /// A string without escapes.
    pub(crate) fn string(&mut self) -> Option<&'a str> {
        self.take(b'"')?;
        let start = self.at;
        self.at = end_of_plain_string(self.text.as_bytes(), start);
        let string = self.text.get(start..self.at)?;
        self.take(b'"')?;
        Some(string)
    }

    /// The digits of a whole number without a sign and without zeros in front, unless there are so many that it may need
    /// more than 64 bits.
    pub(crate) fn digits(&mut self) -> Option<&'a str> {
        const DIGITS_MAX: usize = 18;
        let start = self.at;
        let rest = &self.text.as_bytes()[start..];
        let count = rest.iter().take(DIGITS_MAX + 1).take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        let is_whole = count <= DIGITS_MAX && !matches!(rest.get(count), Some(b'.' | b'e' | b'E'));
        is_whole.then(|| self.text.get(start..self.at)).flatten()
    }

    /// A number without a sign, zeros in front and an exponent: its digits as a whole number below 2^53, and how many of
    /// them follow the point, if it has one.
    pub(crate) fn decimal(&mut self) -> Option<(u64, Option<u32>)> {
        const END: u64 = 1 << 53;
        let (mut digits, mut places) = (0, None);
        while let Some(byte) = self.next() {
            match (byte, &mut places) {
                (b'0'..=b'9', places) if digits < END => {
                    digits = digits * 10 + u64::from(byte - b'0');
                    *places = places.map(|places| places + 1);
                }
                (b'.', None) => places = Some(0),
                (b'e' | b'E', _) => return None,
                _ => break,
            }
            self.at += 1;
        }
        (digits < END && places != Some(0)).then_some((digits, places))
    }

    /// Any value as it is written.
    pub(crate) fn raw(&mut self) -> Option<&'a str> {
        let start = self.at;
        self.pass_value()?;
        self.text.get(start..self.at)
    }

    /// What `plain` reads; else the value as it is written, for `library`.
    pub(crate) fn plain_or<T>(
        &mut self,
        plain: impl FnOnce(&mut Self) -> Option<T>,
        library: impl FnOnce(&'a str) -> Option<T>,
    ) -> Option<T> {
        let start = self.at;
        plain(self).or_else(|| {
            self.at = start;
            library(self.raw()?)
        })
    }

    /// Passes over any value, if no more than [`DEPTH_MAX`] objects and arrays enclose a part of it.
    pub(crate) fn pass_value(&mut self) -> Option<()> {
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
                if self.take_after_spaces(b',').is_some() {
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
            self.pass_colon()?;
        }
        Some(())
    }

    #[inline]
    fn pass_string(&mut self) -> Option<()> {
        self.take(b'"')?;
        self.at = end_of_plain_string(self.text.as_bytes(), self.at);
        self.take(b'"').or_else(|| self.pass_escapes())
    }

    /// Passes over the rest of a string, which begins with an escape.
    #[cold]
    fn pass_escapes(&mut self) -> Option<()> {
        loop {
            self.take(b'\\')?;
            let digits = match self.next()? {
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => 0,
                b'u' => 4,
                _ => return None,
            };
            let digits = self.text.as_bytes().get(self.at + 1..=self.at + digits)?;
            digits.iter().all(u8::is_ascii_hexdigit).then(|| self.at += 1 + digits.len())?;
            self.at = end_of_plain_string(self.text.as_bytes(), self.at);
            if self.take(b'"').is_some() {
                return Some(());
            }
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
        let rest = &self.text.as_bytes()[self.at..];
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        (count > 0).then_some(())
    }

    fn pass_colon(&mut self) -> Option<()> {
        self.take_after_spaces(b':')?;
        self.pass_spaces();
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::{Index, select};

    const VALUES: [&str; 38] = [
        "\"ada\"",
        "\"\"",
        "\"zo\u{e9}\"",
        r#""\u00e9\n""#,
        r#""\ud800""#,
        r#""\x""#,
        "\"\u{1f}\"",
        "\"track\"",
        "\"page\"",
        "\"alias\"",
        "\"ce\"",
        "\"ss\"",
        "\"uae\"",
        "\"EUR\"",
        "\"2018-06-28\"",
        "\"2018-06-28T10:00:00.5Z\"",
        "null",
        "true",
        "false",
        "nul",
        "0",
        "-0",
        "7",
        "-7",
        "01",
        "1.",
        "1.5.5",
        "0.5",
        "1530144000",
        "1530144000.194",
        "1530144000.123456",
        "1530144000.1234567",
        "9007199254740993.1",
        "12345678901234567890123",
        "1e3",
        "1E-2",
        "1e999",
        "-1530144000.25",
    ];

    /// Objects whose members have these names, or others: right ones, such that are unusual, and such that are wrong.
    pub(crate) fn bodies(names: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
        let space = || prop_oneof![8 => Just(""), 1 => Just(" "), 1 => Just("\r\n\t")];
        let name = prop_oneof![16 => select(names), 2 => Just("x"), 1 => Just(r"\u0078")];
        let number = "[0-9]{1,18}([.][0-9]{1,18})?([eE][+-]?[0-9]{1,2})?";
        let leaf = prop_oneof![8 => select(&VALUES[..]).prop_map(str::to_owned), 1 => number];
        let value = leaf.prop_recursive(4, 32, 5, move |value| {
            let member = (name.clone(), space(), space(), value.clone(), space());
            let member = member.prop_map(|(name, a, b, value, c)| format!("\"{name}\"{a}:{b}{value}{c}"));
            let members = prop::collection::vec(member, 0..8).prop_map(|members| members.join(","));
            let values = prop::collection::vec((space(), value), 0..5);
            let values =
                values.prop_map(|values| values.iter().map(|(a, v)| format!("{a}{v}")).collect::<Vec<_>>().join(", "));
            prop_oneof![
                2 => (space(), members).prop_map(|(a, members)| format!("{{{a}{members}}}")),
                1 => values.prop_map(|values| format!("[{values}]")),
            ]
        });
        let elements = prop::collection::vec(value.clone(), 0..5).prop_map(|elements| elements.join(","));
        let member = prop_oneof![
            2 => (select(&names[..3]), elements).prop_map(|(name, elements)| format!("\"{name}\":[{elements}]")),
            1 => (select(names), value).prop_map(|(name, value)| format!("\"{name}\": {value}")),
        ];
        let body = prop::collection::vec(member, 0..5).prop_map(|members| format!("{{{}}}", members.join(",")));
        let damage = prop::option::weighted(0.3, (any::<Index>(), select(&b"{}[]\",:\\ 0e.x\xff"[..])));
        (body, damage).prop_map(|(body, damage)| {
            let mut body = body.into_bytes();
            if let Some((index, byte)) = damage {
                let index = index.index(body.len());
                body[index] = byte;
            }
            body
        })
    }
}
