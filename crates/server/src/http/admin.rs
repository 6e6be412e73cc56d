use std::sync::Arc;

use axum::extract::Request;
use axum::response::Response;
use dauphin_api::{ApiError, ErrorCode};
use dauphin_model::Instant;
use http::Method;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use super::access::{Visitor, is_json};
use super::{App, body, respond};
use crate::administration::{AdminPath, Administration, Directory};

/// Reads or changes what is set up, and answers when a change is durable and visible.
pub async fn administer(
    app: &Arc<App>,
    path: AdminPath,
    visitor: Visitor,
    request: Request,
    now: Instant,
) -> Result<Response, ApiError> {
    let operation = path.operation(request.method()).ok_or(ErrorCode::MethodNotAllowed)?;
    let asked = if request.method() == Method::POST {
        if !is_json(request.headers()) {
            let message = "This `Content-Type` cannot be read here; send `application/json`";
            return Err(ApiError::with_message(ErrorCode::UnsupportedMediaType, message));
        }
        let (body, _permits) = body::read(app, request).await?;
        serde_json::from_slice(&body).map_err(|error| ApiError::not_json(&error.to_string()))?
    } else {
        asked_in(request.uri().query().unwrap_or(""))
    };
    let app = Arc::clone(app);
    let work = move || {
        let Visitor { workspace, key } = visitor;
        let directory = Directory::Working(&*app.engine);
        Administration { directory, workspace, key: Some(key), now }.carry_out(operation, asked)
    };
    let body = tokio::task::spawn_blocking(work).await.map_err(|_| ErrorCode::Internal)??;
    Ok(respond::json(body))
}

/// The parameters of a query; one that is there twice is a list.
fn asked_in(query: &str) -> Value {
    let mut fields = Map::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = percent_decode_str(value).decode_utf8_lossy().into_owned();
        let value = if value.is_empty() { Value::Null } else { Value::String(value) };
        if let Some(earlier) = fields.remove(name) {
            fields.insert(name.to_owned(), Value::Array(vec![earlier, value]));
        } else {
            fields.insert(name.to_owned(), value);
        }
    }
    Value::Object(fields)
}
