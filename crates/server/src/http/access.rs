use std::mem;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use dauphin_api::{ApiError, ErrorCode, api_key};
use dauphin_engine::{Actor, ApiKey, Catalog, Workspace};
use http::{HeaderMap, header};
use http_body_util::{BodyExt, Limited};

use super::keyed::KeyedRoute;
use super::{App, body};
use crate::keys;

/// Who asks: a valid key, and the workspace it opens.
pub struct Visitor {
    pub workspace: Arc<Workspace>,
    pub key: Arc<ApiKey>,
}

impl Visitor {
    /// How the audit log knows them.
    pub fn actor(&self) -> Actor {
        Actor::Key { workspace: self.workspace.index, name: self.key.name.clone() }
    }
}

/// A JSON body that may carry a key on a reading route is a few parameters, never data.
const KEY_BODY_BYTES_MAX: usize = 64 * 1024;

/// A body whose sender is not known yet must arrive in this time: it takes a place that others wait for.
const KEY_BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// Finds the key of a request: in `Authorization`, else in the query, else in a JSON body, where older clients put it; what
/// is read of the body then goes on with the request. A key that does not open anything is no key. `allowed` is what is
/// asked for, unless nobody may have it: then no body is read.
pub async fn identify(
    app: &App,
    allowed: Option<KeyedRoute>,
    request: &mut Request,
) -> Result<Option<Visitor>, ApiError> {
    let catalog = app.engine.catalog();
    match in_head(&catalog, request) {
        Head::Key(visitor) => Ok(visitor),
        // Seldom, and with much to keep meanwhile.
        Head::NoKey => Box::pin(in_body(app, &catalog, allowed, request)).await,
    }
}

/// What the head of a request says about who asks.
enum Head {
    /// There is a key, and it opens something or not.
    Key(Option<Visitor>),
    /// There is none.
    NoKey,
}

fn in_head(catalog: &Catalog, request: &Request) -> Head {
    if let Some(value) = request.headers().get(header::AUTHORIZATION) {
        return Head::Key(value.to_str().ok().and_then(bearer).and_then(|text| visitor(catalog, text)));
    }
    match request.uri().query().and_then(api_key) {
        Some(text) => Head::Key(visitor(catalog, &text).filter(|visitor| visitor.workspace.api_key_in_query)),
        None => Head::NoKey,
    }
}

async fn in_body(
    app: &App,
    catalog: &Catalog,
    allowed: Option<KeyedRoute>,
    request: &mut Request,
) -> Result<Option<Visitor>, ApiError> {
    let keys_in_bodies = catalog.workspaces().iter().any(|workspace| workspace.api_key_in_query);
    if !keys_in_bodies || !is_json(request.headers()) {
        return Ok(None);
    }
    let text = match *request.method() {
        http::Method::GET => key_in_body(mem::take(request.body_mut())).await,
        http::Method::POST if allowed.is_some() => {
            let reading = tokio::time::timeout(KEY_BODY_TIMEOUT, body::read_ahead(app, mem::take(request))).await;
            let (body, read) = reading.map_err(|_| ErrorCode::InvalidApiKey)??;
            *request = read;
            key_in(&body)
        }
        _ => None,
    };
    let visitor = text.and_then(|text| visitor(catalog, &text));
    Ok(visitor.filter(|visitor| visitor.workspace.api_key_in_query))
}

fn visitor(catalog: &Catalog, text: &str) -> Option<Visitor> {
    let (workspace, key) = keys::find(catalog, text)?;
    Some(Visitor { workspace: Arc::clone(workspace), key: Arc::clone(key) })
}

/// `Bearer <key>`; the scheme in any letter case (RFC 9110).
fn bearer(value: &str) -> Option<&str> {
    let (scheme, key) = value.split_at_checked("bearer ".len())?;
    scheme.eq_ignore_ascii_case("bearer ").then(|| key.trim())
}

/// Whether the body says that it is JSON.
pub fn is_json(headers: &HeaderMap) -> bool {
    media_type(headers).is_some_and(|media_type| media_type.eq_ignore_ascii_case("application/json"))
}

/// The `Content-Type` without its parameters.
pub fn media_type(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next().unwrap_or(value).trim())
}

async fn key_in_body(body: Body) -> Option<String> {
    key_in(&Limited::new(body, KEY_BODY_BYTES_MAX).collect().await.ok()?.to_bytes())
}

fn key_in(body: &[u8]) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct KeyBody {
        api_key: String,
    }
    serde_json::from_slice::<KeyBody>(body).ok().map(|body| body.api_key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bearer_is_a_scheme_and_a_key() {
        for (value, key) in [
            ("Bearer abc", Some("abc")),
            ("bearer  abc ", Some("abc")),
            ("Basic abc", None),
            ("abc", None),
            ("Bearer", None),
        ] {
            assert_eq!(bearer(value), key, "{value}");
        }
    }
}
