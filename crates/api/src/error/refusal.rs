use dauphin_model::limits::{AHEAD_SECONDS_MAX, SERIES_LENGTH_MAX, WINDOW_DAYS_MAX};

use super::excerpt;
use crate::{ApiError, ErrorCode, Language};

/// Why a query parameter is refused. The sentences, in both languages, are here and nowhere else.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Refusal {
    /// `length` is not there.
    LengthMissing,
    /// `length` is there and empty.
    LengthEmpty,
    /// `length` is not a whole number in its range.
    Length,
    /// `window` is not a whole number in its range.
    Window,
    /// `ending_at` is not a time.
    EndingAt,
    /// `ending_at` is too far ahead.
    EndingAtAhead,
    /// The series would begin before the calendar does.
    BeforeCalendar,
    /// `format` is neither of the two.
    Format,
    /// `as_of` is not a time.
    AsOf,
    /// `explain` is neither true nor false.
    Explain,
    /// `mode` is neither of the two.
    Mode,
    /// `unit` is neither of the two.
    Unit,
    /// A point as it stood at the end of its own day has no other state, and has not moved since.
    FrozenWith,
    /// The same parameter again, maybe by its other name.
    Twice,
    /// A name that is not UTF-8.
    NameNotUtf8,
    /// A value that is not UTF-8.
    ValueNotUtf8,
}

impl Refusal {
    /// The error, with the parameter's name and value as the client wrote them.
    pub(crate) fn of(self, language: Language, name: &str, value: &str) -> ApiError {
        let (name, value) = (excerpt(name), excerpt(value));
        let message = match language {
            Language::English => self.english(&name, &value),
            Language::French => self.french(&name, &value),
        };
        ApiError::with_message(ErrorCode::InvalidParameter, message)
    }

    fn english(self, name: &str, value: &str) -> String {
        let ahead_hours = AHEAD_SECONDS_MAX / 3600;
        match self {
            Self::LengthMissing => {
                format!("`{name}` is missing; it must be a whole number from 1 to {SERIES_LENGTH_MAX}")
            }
            Self::LengthEmpty => {
                format!("`{name}` is empty; it must be a whole number from 1 to {SERIES_LENGTH_MAX}")
            }
            Self::Length => {
                format!("`{name}` is `{value}`; it must be a whole number from 1 to {SERIES_LENGTH_MAX}")
            }
            Self::Window => {
                format!("`{name}` is `{value}`; it must be a whole number of days from 1 to {WINDOW_DAYS_MAX}")
            }
            Self::EndingAt | Self::AsOf => format!(
                "`{name}` is `{value}`; it must be a time like `2018-06-28T23:59:59-05:00` or a date like `2018-06-28`"
            ),
            Self::EndingAtAhead => {
                format!("`{name}` is `{value}`; it must be at most {ahead_hours} hours ahead of the present")
            }
            Self::BeforeCalendar => format!("`{name}` is `{value}`; the series would begin before 0001-01-01"),
            Self::Format => format!("`{name}` is `{value}`; it must be `json` or `csv`"),
            Self::Explain => format!("`{name}` is `{value}`; it must be `true` or `false`"),
            Self::Mode => format!("`{name}` is `{value}`; it must be `current` or `frozen`"),
            Self::Unit => format!("`{name}` is `{value}`; it must be `day` or `hour`"),
            Self::FrozenWith => format!(
                "`{name}` cannot be given with `mode` `frozen`, which shows each point as of its own day; remove one of them"
            ),
            Self::Twice => format!("`{name}` is given twice; give it once, under one name"),
            Self::NameNotUtf8 => format!("the parameter name `{name}` is not UTF-8; percent-encode it as UTF-8"),
            Self::ValueNotUtf8 => format!("the value of `{name}` is not UTF-8; percent-encode it as UTF-8"),
        }
    }

    fn french(self, name: &str, value: &str) -> String {
        let ahead_hours = AHEAD_SECONDS_MAX / 3600;
        match self {
            Self::LengthMissing => format!("`{name}` est absent ; il faut un nombre entier de 1 à {SERIES_LENGTH_MAX}"),
            Self::LengthEmpty => format!("`{name}` est vide ; il faut un nombre entier de 1 à {SERIES_LENGTH_MAX}"),
            Self::Length => format!("`{name}` vaut `{value}` ; il faut un nombre entier de 1 à {SERIES_LENGTH_MAX}"),
            Self::Window => {
                format!("`{name}` vaut `{value}` ; il faut un nombre entier de jours de 1 à {WINDOW_DAYS_MAX}")
            }
            Self::EndingAt | Self::AsOf => format!(
                "`{name}` vaut `{value}` ; il faut un instant comme `2018-06-28T23:59:59-05:00` ou une date comme `2018-06-28`"
            ),
            Self::EndingAtAhead => {
                format!("`{name}` vaut `{value}` ; il faut un instant à {ahead_hours} heures au plus dans l'avenir")
            }
            Self::BeforeCalendar => format!("`{name}` vaut `{value}` ; la série commencerait avant le 0001-01-01"),
            Self::Format => format!("`{name}` vaut `{value}` ; il faut `json` ou `csv`"),
            Self::Explain => format!("`{name}` vaut `{value}` ; il faut `true` ou `false`"),
            Self::Mode => format!("`{name}` vaut `{value}` ; il faut `current` ou `frozen`"),
            Self::Unit => format!("`{name}` vaut `{value}` ; il faut `day` ou `hour`"),
            Self::FrozenWith => format!(
                "`{name}` ne va pas avec `mode` `frozen`, qui montre chaque point tel qu'à la fin de son jour ; retirez l'un des deux"
            ),
            Self::Twice => format!("`{name}` est donné deux fois ; donnez-le une seule fois, sous un seul nom"),
            Self::NameNotUtf8 => {
                format!("le nom de paramètre `{name}` n'est pas en UTF-8 ; encodez-le en UTF-8 avec des `%`")
            }
            Self::ValueNotUtf8 => {
                format!("la valeur de `{name}` n'est pas en UTF-8 ; encodez-la en UTF-8 avec des `%`")
            }
        }
    }
}
