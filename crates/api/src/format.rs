/// The form of an answer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Format {
    /// As Braze answers.
    Json,
    /// A header and a line a point.
    Csv,
}

impl Format {
    /// The value of `Content-Type`.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Csv => "text/csv; charset=utf-8",
        }
    }

    /// The form called `name` in the parameter `format`.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "json" => Some(Self::Json),
            "csv" => Some(Self::Csv),
            _ => None,
        }
    }

    /// What an `Accept` header asks for: CSV when it names `text/csv` and wants nothing else more. Clients of Braze send
    /// all sorts of headers and expect JSON, so nothing is ever refused here.
    pub(crate) fn accepted(header: &str) -> Self {
        // What nearly all of them send.
        if matches!(header, "*/*" | "application/json") {
            return Self::Json;
        }
        let (mut csv, mut json, mut any) = (0.0, 0.0, 0.0_f32);
        for range in header.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let media_type = parts.next().unwrap_or_default();
            let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(1.0, weight_of);
            let is = |name: &str| media_type.eq_ignore_ascii_case(name);
            if is("text/csv") {
                // Named after JSON with the same weight, it comes second.
                csv = if weight > json { weight } else { 0.0 };
            } else if is("application/json") {
                json = weight;
            } else if is("*/*") {
                any = weight;
            }
        }
        if csv > 0.0 && csv >= json.max(any) { Self::Csv } else { Self::Json }
    }
}

/// A weight from 0 to 1; what is no number weighs nothing.
fn weight_of(text: &str) -> f32 {
    text.parse().ok().filter(|weight| (0.0..=1.0).contains(weight)).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_is_given_to_those_who_prefer_it() {
        for (header, expected) in [
            ("", Format::Json),
            ("*/*", Format::Json),
            ("application/json", Format::Json),
            ("text/html,application/xhtml+xml,*/*;q=0.8", Format::Json),
            ("text/csv", Format::Csv),
            ("Text/CSV; charset=utf-8", Format::Csv),
            ("text/csv, */*", Format::Csv),
            ("text/csv;q=0.9, application/json;q=0.8", Format::Csv),
            ("application/json;q=0.8, text/csv;q=0.9", Format::Csv),
            ("application/json, text/csv", Format::Json),
            ("text/csv, application/json", Format::Csv),
            ("text/csv;q=0.5, */*", Format::Json),
            ("text/csv;q=0", Format::Json),
            ("text/csv;q=x", Format::Json),
            ("text/csv;q=NaN, ;;q=,", Format::Json),
        ] {
            assert_eq!(Format::accepted(header), expected, "{header}");
        }
    }
}
