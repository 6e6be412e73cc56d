use std::borrow::Cow;

use dauphin_api::{ApiError, ErrorCode};
use percent_encoding::percent_decode_str;

use crate::handed_in::Until;

/// The parameters of a route that takes a body, in order: names as they came, values decoded.
pub fn parameters(query: &str) -> impl Iterator<Item = (&str, Cow<'_, str>)> {
    query.split('&').map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (name, percent_decode_str(value).decode_utf8_lossy())
    })
}

/// What is on or off.
pub fn switch(name: &str, value: &str) -> Result<bool, ApiError> {
    match value {
        "true" | "1" => Ok(true),
        "false" | "0" | "" => Ok(false),
        _ => {
            let message = format!("`{name}` must be `true` or `false`");
            Err(ApiError::with_message(ErrorCode::InvalidParameter, message))
        }
    }
}

/// What `wait` asks for: an answer when what is sent is visible, where it is durable before it is.
pub fn until(query: Option<&str>) -> Result<Until, ApiError> {
    let mut until = Until::Durable;
    for (name, value) in parameters(query.unwrap_or("")).filter(|(name, _)| *name == "wait") {
        until = if switch(name, &value)? { Until::Visible } else { Until::Durable };
    }
    Ok(until)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_waits_only_when_it_says_so() {
        for (query, expected) in [
            (None, Ok(Until::Durable)),
            (Some(""), Ok(Until::Durable)),
            (Some("wait"), Ok(Until::Durable)),
            (Some("strict=true&wait=false"), Ok(Until::Durable)),
            (Some("wait=true&strict=false"), Ok(Until::Visible)),
            (Some("wait=%31"), Ok(Until::Visible)),
            (Some("await=true"), Ok(Until::Durable)),
            (Some("wait=yes"), Err("`wait` must be `true` or `false`")),
        ] {
            let found = until(query).map_err(|error| error.message().to_owned());
            assert_eq!(found, expected.map_err(str::to_owned), "{query:?}");
        }
    }
}
