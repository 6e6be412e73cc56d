use std::sync::LazyLock;

use axum::body::Body;
use axum::response::Response;
use dauphin_api::openapi;
use http::{HeaderValue, header};

/// The page with its style and its scripts in place: the console's words and colours, and its own.
static PAGE: LazyLock<String> = LazyLock::new(|| {
    const STYLE: &str = concat!(include_str!("console/console.css"), include_str!("docs/docs.css"));
    const SCRIPT: &str = concat!(
        include_str!("console/words.js"),
        include_str!("console/requests.js"),
        include_str!("docs/schema.js"),
        include_str!("docs/trial.js"),
        include_str!("docs/docs.js"),
    );
    include_str!("docs/docs.html").replacen("/*CSS*/", STYLE, 1).replacen("/*JS*/", SCRIPT, 1)
});

static OPENAPI: LazyLock<String> = LazyLock::new(openapi::text);

/// The OpenAPI document.
pub fn openapi() -> Response {
    crate::http::json(OPENAPI.as_str())
}

/// The document for people: one page that needs nothing from elsewhere.
pub fn page() -> Response {
    let mut response = Response::new(Body::from(PAGE.as_str()));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; img-src data:; \
             base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}
