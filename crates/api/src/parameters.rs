use dauphin_model::limits::{AHEAD_SECONDS_MAX, SERIES_LENGTH_MAX, WINDOW_DAYS_MAX};
use dauphin_model::{AsOf, Day, Instant, LocalHour, Zone, parse_instant};

use crate::error::Refusal;
use crate::{ApiError, Format, Given, Language, Parameter, QueryString, Route};

/// What a series request asks for, with every default filled in and every bound checked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SeriesParameters {
    /// Number of points, 1 to 100.
    pub length: u16,
    /// Day of the first point: for points that are days, `length - 1` days before `last`.
    pub first: Day,
    /// Day of the last point: the local day of the last instant before `ending_at`.
    pub last: Day,
    /// The app's identifier as the client wrote it, never empty; `None` is the whole workspace.
    pub app_id: Option<String>,
    /// Width of the window in days, 1 to 366; on a route without a choice, what its definition says.
    pub window: u16,
    /// The hours that are asked for, if points are hours: as many as `length`, in the days from `first` to `last`.
    pub hours: Option<Vec<LocalHour>>,
    /// Which state of the counts.
    pub as_of: AsOf,
    /// Whether each point says how it moved after its own day.
    pub explain: bool,
    /// The form of the answer.
    pub format: Format,
}

impl SeriesParameters {
    /// Reads the part of the URL after the question mark. `now` is both the default of `ending_at` and its bound;
    /// days are cut in `zone`.
    ///
    /// ```
    /// use dauphin_api::{Route, SeriesParameters};
    /// use dauphin_model::{Instant, Zone};
    /// let now = Instant::new(1_530_230_400, 0).unwrap(); // 2018-06-29T00:00:00Z
    /// let asked = SeriesParameters::read(Route::Dau, "length=7", None, now, &Zone::utc()).unwrap();
    /// assert_eq!(asked.first.to_string(), "2018-06-22");
    /// assert_eq!(asked.last.to_string(), "2018-06-28");
    /// ```
    pub fn read(route: Route, query: &str, accept: Option<&str>, now: Instant, zone: &Zone) -> Result<Self, ApiError> {
        let language = route.language();
        let query = QueryString::parse(route, query)?;
        let length = read_length(&query, language)?;
        let end = read_last_instant(&query, language, now, zone)?;
        let last = zone.day_of(end);
        let before_calendar = || refuse(Refusal::BeforeCalendar, language, query.get(Parameter::EndingAt));
        let hours = match read_unit(&query, language)? {
            Unit::Day => None,
            Unit::Hour => Some(zone.hours_until(end, length).ok_or_else(before_calendar)?),
        };
        let first = match hours.as_deref() {
            Some([first, ..]) => first.day,
            _ => last.offset(1 - i32::from(length)).ok_or_else(before_calendar)?,
        };
        let explain = read_explain(&query, language)?;
        Ok(Self {
            length,
            first,
            last,
            hours,
            as_of: read_as_of(&query, language, now, zone)?,
            explain,
            app_id: query.get_filled(Parameter::AppId).map(|given| given.value.clone().into_owned()),
            window: read_window(&query, route)?,
            format: read_format(&query, language, accept)?,
        })
    }
}

fn read_length(query: &QueryString<'_>, language: Language) -> Result<u16, ApiError> {
    let Some(given) = query.get(Parameter::Length) else {
        return Err(Refusal::LengthMissing.of(language, Parameter::Length.name(language), ""));
    };
    if given.value.is_empty() {
        return Err(refuse(Refusal::LengthEmpty, language, Some(given)));
    }
    whole_number(&given.value, SERIES_LENGTH_MAX).ok_or_else(|| refuse(Refusal::Length, language, Some(given)))
}

/// The last instant of the series: the one before `ending_at`.
fn read_last_instant(
    query: &QueryString<'_>,
    language: Language,
    now: Instant,
    zone: &Zone,
) -> Result<Instant, ApiError> {
    let ending_at = match query.get_filled(Parameter::EndingAt) {
        None => now,
        Some(given) => {
            let ending_at =
                parse_instant(&given.value, zone).map_err(|_| refuse(Refusal::EndingAt, language, Some(given)))?;
            if ending_at > now.offset_saturating(AHEAD_SECONDS_MAX) {
                return Err(refuse(Refusal::EndingAtAhead, language, Some(given)));
            }
            // Connectors ask up to tomorrow; the days to come hold nothing yet.
            ending_at.min(now)
        }
    };
    Ok(ending_at.just_before())
}

/// What a point is.
enum Unit {
    Day,
    Hour,
}

fn read_unit(query: &QueryString<'_>, language: Language) -> Result<Unit, ApiError> {
    match query.get_filled(Parameter::Unit) {
        None => Ok(Unit::Day),
        Some(given) => match &*given.value {
            "day" => Ok(Unit::Day),
            "hour" => Ok(Unit::Hour),
            _ => Err(refuse(Refusal::Unit, language, Some(given))),
        },
    }
}

fn read_explain(query: &QueryString<'_>, language: Language) -> Result<bool, ApiError> {
    match query.get_filled(Parameter::Explain) {
        None => Ok(false),
        Some(given) => match &*given.value {
            "true" | "1" => Ok(true),
            "false" | "0" => Ok(false),
            _ => Err(refuse(Refusal::Explain, language, Some(given))),
        },
    }
}

/// `as_of` is the end of the day on which it falls, and of today at the latest; `mode` is `current` or `frozen`.
fn read_as_of(query: &QueryString<'_>, language: Language, now: Instant, zone: &Zone) -> Result<AsOf, ApiError> {
    let as_of = match query.get_filled(Parameter::AsOf) {
        None => AsOf::Now,
        Some(given) => {
            let as_of = parse_instant(&given.value, zone).map_err(|_| refuse(Refusal::AsOf, language, Some(given)))?;
            let day = zone.day_of(as_of);
            if day < zone.day_of(now) { AsOf::Day(day) } else { AsOf::Now }
        }
    };
    match query.get_filled(Parameter::Mode) {
        Some(given) if given.value == "frozen" => {
            if let Some(other) = query.get_filled(Parameter::AsOf) {
                return Err(refuse(Refusal::FrozenWith, language, Some(other)));
            }
            if read_explain(query, language)? {
                return Err(refuse(Refusal::FrozenWith, language, query.get(Parameter::Explain)));
            }
            Ok(AsOf::OwnDay)
        }
        Some(given) if given.value != "current" => Err(refuse(Refusal::Mode, language, Some(given))),
        _ => Ok(as_of),
    }
}

fn read_window(query: &QueryString<'_>, route: Route) -> Result<u16, ApiError> {
    // Where the route takes no window, the query string knows none.
    let Some(given) = query.get_filled(Parameter::Window) else { return Ok(route.window_default()) };
    whole_number(&given.value, WINDOW_DAYS_MAX).ok_or_else(|| refuse(Refusal::Window, route.language(), Some(given)))
}

fn read_format(query: &QueryString<'_>, language: Language, accept: Option<&str>) -> Result<Format, ApiError> {
    match query.get_filled(Parameter::Format) {
        None => Ok(accept.map_or(Format::Json, Format::accepted)),
        Some(given) => Format::named(&given.value).ok_or_else(|| refuse(Refusal::Format, language, Some(given))),
    }
}

fn refuse(refusal: Refusal, language: Language, given: Option<&Given<'_>>) -> ApiError {
    let (name, value) = given.map_or((Parameter::EndingAt.name(language), ""), |given| (&*given.name, &*given.value));
    refusal.of(language, name, value)
}

/// One to three decimal digits that are a number from 1 to `max`: the bounds in question have no more, and a longer
/// text is no number of days that anybody meant.
fn whole_number(text: &str, max: u16) -> Option<u16> {
    if text.len() > 3 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok().filter(|number| (1..=max).contains(number))
}
