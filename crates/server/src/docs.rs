use std::sync::LazyLock;

use axum::response::Response;
use dauphin_api::openapi;

/// The page with its style and its scripts in place: the console's words and colours, and its own.
static PAGE: LazyLock<String> = LazyLock::new(|| {
    const STYLE: &str = concat!(include_str!("console/console.css"), include_str!("docs/docs.css"));
    const SCRIPT: &str = concat!(
        include_str!("console/words.js"),
        include_str!("console/requests.js"),
        include_str!("console/theme.js"),
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
    crate::http::page(&PAGE)
}
