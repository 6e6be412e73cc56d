use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use dauphin_api::{ApiError, ErrorCode};
use dauphin_engine::{App as CatalogApp, Catalog, SenderError, Workspace};
use dauphin_model::Instant;
use http::{HeaderMap, header};

use crate::http::App;
use crate::http::rate_limit::{Counting, Limits, Standing};

/// The app that an SDK speaks for.
#[derive(Clone)]
pub struct Sender {
    pub workspace: Arc<Workspace>,
    pub app: CatalogApp,
}

impl Sender {
    /// The app with this identifier.
    pub fn with_app_id(catalog: &Catalog, id: &str) -> Result<Self, ApiError> {
        Self::of(catalog.app_with_id(id))
    }

    /// The app with this write key.
    pub fn with_write_key(catalog: &Catalog, write_key: &str) -> Result<Self, ApiError> {
        Self::of(catalog.app_with_write_key(write_key))
    }

    fn of(found: Result<(&Arc<Workspace>, &CatalogApp), SenderError>) -> Result<Self, ApiError> {
        match found {
            Ok((workspace, app)) => Ok(Self { workspace: Arc::clone(workspace), app: app.clone() }),
            Err(SenderError::Unknown) => Err(ErrorCode::InvalidApiKey.into()),
            Err(error @ SenderError::Ambiguous) => {
                Err(ApiError::with_message(ErrorCode::InvalidParameter, error.to_string()))
            }
        }
    }
}

/// The workspace's hour of ingestion has no room left.
pub struct TooMany(pub Standing);

impl Sender {
    /// Takes from the hour of ingestion, where the workspace has one.
    pub fn admit(&self, app: &App, now: Instant) -> Result<(), TooMany> {
        let standing = app.limiter.take(Limits::of(&self.workspace), Counting::Ingesting, now);
        if standing.exceeded { Err(TooMany(standing)) } else { Ok(()) }
    }
}

/// The write key in the headers: the user of Basic authentication, whose password is empty and its colon sometimes left
/// out. `None` when the headers hold none; another scheme may come with a key in the body.
pub fn write_key_of_headers(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let (scheme, credentials) = value.to_str().ok().and_then(|value| value.split_once(' ')).unwrap_or_default();
    if !scheme.eq_ignore_ascii_case("basic") {
        return Ok(None);
    }
    let decoded = BASE64_STANDARD.decode(credentials.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let mut user = decoded.ok_or(ErrorCode::InvalidApiKey)?;
    user.truncate(user.find(':').unwrap_or(user.len()));
    Ok(Some(user))
}

/// The write key in the query, where it stands when a page is left: no header can be sent then.
pub fn write_key_of_query(query: Option<&str>) -> Option<String> {
    let pairs = query?.split('&').filter_map(|pair| pair.split_once('='));
    let value = pairs.filter(|(name, _)| *name == "writeKey").map(|(_, value)| value).next()?;
    Some(percent_encoding::percent_decode_str(value).decode_utf8_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn the_user_of_basic_authentication_is_the_write_key() {
        let key = |value: &'static str| {
            let headers = HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_static(value))]);
            write_key_of_headers(&headers).map_err(|error| error.status())
        };
        assert_eq!(key("Basic d2s6"), Ok(Some("wk".to_owned())));
        assert_eq!(key("basic  d2s6 "), Ok(Some("wk".to_owned())));
        assert_eq!(key("Basic d2s="), Ok(Some("wk".to_owned())));
        assert_eq!(key("Basic d2s6cGFzcw=="), Ok(Some("wk".to_owned())));
        assert_eq!(key("Basic Og=="), Ok(Some(String::new())));
        assert_eq!(key("Basic"), Ok(None));
        assert_eq!(key("Bearer abc"), Ok(None));
        assert_eq!(key("Basic ?"), Err(401));
        assert_eq!(key("Basic /w=="), Err(401));
        assert_eq!(write_key_of_headers(&HeaderMap::new()), Ok(None));
    }

    #[test]
    fn a_query_may_hold_the_write_key() {
        assert_eq!(write_key_of_query(Some("v=3&writeKey=a%2Bb&writeKey=c")), Some("a+b".to_owned()));
        assert_eq!(write_key_of_query(Some("writekey=a")), None);
        assert_eq!(write_key_of_query(None), None);
    }
}
