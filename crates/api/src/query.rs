use std::borrow::Cow;

use percent_encoding::percent_decode;

use crate::error::Refusal;
use crate::{ApiError, Language, Route};

/// A query parameter that the series routes know. Every other is ignored: real clients send parameters of other
/// routes, and misspelt ones.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Parameter {
    /// How many points.
    Length,
    /// Where the series ends.
    EndingAt,
    /// Whose activity: an app's identifier.
    AppId,
    /// Width of the window in days.
    Window,
    /// JSON or CSV.
    Format,
    /// The series as it stood at an earlier time.
    AsOf,
    /// Why each point moved.
    Explain,
    /// Which state of each point.
    Mode,
    /// Days or hours.
    Unit,
    /// The key, in Braze's older place.
    ApiKey,
}

impl Parameter {
    const COUNT: usize = Self::ApiKey as usize + 1;

    /// The parameter called `name` on this route.
    pub(crate) fn named(name: &str, route: Route) -> Option<Self> {
        let french = route.language() == Language::French;
        match name {
            "length" => Some(Self::Length),
            "Longueur" | "longueur" if french => Some(Self::Length),
            "ending_at" => Some(Self::EndingAt),
            // The accented letter in one code point (NFC) and as a letter with a combining grave accent (NFD).
            "finalisation_a" | "finalisation_\u{e0}" | "finalisation_a\u{300}" if french => Some(Self::EndingAt),
            "app_id" => Some(Self::AppId),
            "window" if route.takes_window() => Some(Self::Window),
            "format" => Some(Self::Format),
            "as_of" => Some(Self::AsOf),
            "explain" => Some(Self::Explain),
            "mode" => Some(Self::Mode),
            "unit" if route.takes_unit() => Some(Self::Unit),
            "api_key" => Some(Self::ApiKey),
            _ => None,
        }
    }

    /// The name in that language's documentation.
    pub const fn name(self, language: Language) -> &'static str {
        match (self, language) {
            (Self::Length, Language::English) => "length",
            (Self::Length, Language::French) => "Longueur",
            (Self::EndingAt, Language::English) => "ending_at",
            (Self::EndingAt, Language::French) => "finalisation_à",
            (Self::AppId, _) => "app_id",
            (Self::Window, _) => "window",
            (Self::Format, _) => "format",
            (Self::AsOf, _) => "as_of",
            (Self::Explain, _) => "explain",
            (Self::Mode, _) => "mode",
            (Self::Unit, _) => "unit",
            (Self::ApiKey, _) => "api_key",
        }
    }
}

/// A parameter as the client wrote it, decoded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Given<'a> {
    /// The name, among those the parameter has.
    pub name: Cow<'a, str>,
    /// The value, maybe empty.
    pub value: Cow<'a, str>,
}

/// The known parameters of a query string.
#[derive(Debug)]
pub struct QueryString<'a> {
    given: [Option<Given<'a>>; Parameter::COUNT],
}

impl<'a> QueryString<'a> {
    /// Reads `query`, the part of a URL after the question mark: pairs as forms write them (`&` between, `%XX` bytes,
    /// `+` a space). Refused: a known parameter given twice, a name or a known parameter's value that is not UTF-8.
    pub fn parse(route: Route, query: &'a str) -> Result<Self, ApiError> {
        let language = route.language();
        let mut given = [const { None }; Parameter::COUNT];
        for (raw_name, raw_value) in pairs(query) {
            // A name that cannot be read might have been `ending_at`: better refused than silently ignored.
            let Some(name) = decode(raw_name) else {
                return Err(Refusal::NameNotUtf8.of(language, &lossy(raw_name), ""));
            };
            let Some(parameter) = Parameter::named(&name, route) else { continue };
            let Some(value) = decode(raw_value) else {
                // What is not text is not shown; it might be a key.
                return Err(Refusal::ValueNotUtf8.of(language, &name, ""));
            };
            let slot = &mut given[parameter as usize];
            if slot.is_some() {
                return Err(Refusal::Twice.of(language, &name, ""));
            }
            *slot = Some(Given { name, value });
        }
        Ok(Self { given })
    }

    /// The parameter, if the client gave it.
    pub fn get(&self, parameter: Parameter) -> Option<&Given<'a>> {
        self.given[parameter as usize].as_ref()
    }

    /// The parameter, if the client gave it and not empty.
    pub fn get_filled(&self, parameter: Parameter) -> Option<&Given<'a>> {
        self.get(parameter).filter(|given| !given.value.is_empty())
    }
}

/// The first `api_key` of a query string, on any route and whatever else the query holds: who asks is settled before
/// what they ask.
pub fn api_key(query: &str) -> Option<Cow<'_, str>> {
    let (_, value) = pairs(query).find(|(name, _)| decode(name).is_some_and(|name| name == "api_key"))?;
    decode(value)
}

fn pairs(query: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = Some(query);
    let pairs = std::iter::from_fn(move || {
        let (pair, more) = cut(rest?, b'&');
        rest = more;
        Some(pair)
    });
    pairs.filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = cut(pair, b'=');
        (name, value.unwrap_or(""))
    })
}

/// What stands before the first of an ASCII character, and what behind it: byte by byte, for these texts end before a
/// search has got ready.
fn cut(text: &str, at: u8) -> (&str, Option<&str>) {
    match text.bytes().position(|byte| byte == at) {
        Some(index) => (&text[..index], Some(&text[index + 1..])),
        None => (text, None),
    }
}

fn decode(text: &str) -> Option<Cow<'_, str>> {
    if !text.bytes().any(|byte| matches!(byte, b'%' | b'+')) {
        return Some(Cow::Borrowed(text));
    }
    let spaced = text.replace('+', " ");
    let decoded = percent_decode(spaced.as_bytes()).decode_utf8().ok()?;
    Some(Cow::Owned(decoded.into_owned()))
}

fn lossy(text: &str) -> String {
    percent_decode(text.as_bytes()).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(route: Route, query: &str) -> String {
        let query = QueryString::parse(route, query).unwrap();
        let show = |parameter| query.get(parameter).map_or("-", |given| &given.value).to_owned();
        [Parameter::Length, Parameter::EndingAt, Parameter::AppId, Parameter::Window].map(show).join("|")
    }

    #[test]
    fn pairs_are_read_as_forms_write_them() {
        for (query, expected) in [
            ("", "-|-|-|-"),
            ("&&=&=1&length", "|-|-|-"),
            ("length=7&app_id=a%20b+c%2Bd", "7|-|a b c+d|-"),
            ("app_id=a=b", "-|-|a=b|-"),
            ("l%65ngth=7", "7|-|-|-"),
            ("app_id=%zz%4", "-|-|%zz%4|-"),
            ("length=7&unit=day&unit=hour&x=%ff", "7|-|-|-"),
            ("Length=7&Longueur=8&finalisation_a=9", "-|-|-|-"),
            ("window=7&window=8", "-|-|-|-"),
        ] {
            assert_eq!(values(Route::Dau, query), expected, "{query}");
        }
        assert_eq!(values(Route::Growth, "window=7"), "-|-|-|7");
    }

    #[test]
    fn the_french_routes_know_both_languages() {
        for (query, expected) in [
            ("Longueur=7&finalisation_%C3%A0=x", "7|x|-|-"),
            ("longueur=7&finalisation_a%CC%80=x", "7|x|-|-"),
            ("length=7&finalisation_à=x", "7|x|-|-"),
            ("length=7&ending_at=x&app_id=y", "7|x|y|-"),
            ("LONGUEUR=7&finalisation=x", "-|-|-|-"),
        ] {
            assert_eq!(values(Route::FrenchDau, query), expected, "{query}");
        }
    }

    #[test]
    fn the_key_is_found_whatever_else_is_wrong() {
        assert_eq!(api_key("length=%ff&%ff=1&api_key=a%2Db&api_key=c").as_deref(), Some("a-b"));
        assert_eq!(api_key("api_key=%ff"), None);
        assert_eq!(api_key("api_keys=x"), None);
    }
}
