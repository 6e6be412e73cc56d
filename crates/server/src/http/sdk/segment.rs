use std::sync::Arc;

use axum::extract::Request;
use axum::response::Response;
use dauphin_api::{ApiError, ErrorCode};
use dauphin_dialects::{SegmentBody, SegmentCall, SegmentContext};
use dauphin_model::Instant;
use http::{HeaderValue, header};
use serde::Serialize;
use serde_json::json;

use super::sender::{TooMany, write_key_of_headers, write_key_of_query};
use super::tally::{Rejections, Taken};
use super::{Sender, Tally, unreadable};
use crate::handed_in::Until;
use crate::http::{App, body, query, respond};

/// Takes one message or a batch, and answers when all of it is settled.
pub async fn messages(app: &Arc<App>, call: SegmentCall, request: Request, now: Instant) -> Result<Response, ApiError> {
    let sender = sender_outside_body(app, &request)?;
    // What an SDK asks for in vain is no reason to refuse its messages.
    let until = query::until(request.uri().query()).unwrap_or_default();
    let (body, permits) = body::read(app, request).await?;
    let serving = Arc::clone(app);
    let work = move || {
        let _permits = permits;
        take(&serving, call, sender, &body::plain(body, serving.body_bytes_max)?, now, until)
    };
    let taken = app.compute(work).await?;
    taken.answer(app, now, |rejections| Answer { success: true, rejections }).await
}

#[derive(Serialize)]
struct Answer {
    success: bool,
    #[serde(flatten)]
    rejections: Rejections,
}

fn sender_outside_body(app: &App, request: &Request) -> Result<Option<Sender>, ApiError> {
    let key = write_key_of_headers(request.headers())?.or_else(|| write_key_of_query(request.uri().query()));
    key.map(|key| Sender::with_write_key(&app.engine.catalog(), &key)).transpose()
}

fn take(
    app: &App,
    call: SegmentCall,
    sender: Option<Sender>,
    body: &[u8],
    arrival: Instant,
    until: Until,
) -> Result<Taken, ApiError> {
    let body = SegmentBody::parse(call, body).map_err(unreadable)?;
    let sender = match sender {
        Some(sender) => sender,
        None => Sender::with_write_key(&app.engine.catalog(), body.write_key.as_deref().unwrap_or(""))?,
    };
    if let Err(TooMany(standing)) = sender.admit(app, arrival) {
        return Ok(Taken::TooMany(standing));
    }
    let context = SegmentContext { app_id: sender.app.id.as_str(), arrival, zone: &sender.workspace.zone };
    let mut tally = Tally::new(&*app.engine, &sender, arrival, until);
    body.messages(&context, &mut |index, said| tally.add(index, said)).map_err(unreadable)?;
    Ok(tally.finish(&sender, "segment"))
}

/// `/v1/projects/WRITE_KEY/settings`
pub fn write_key_of_settings(path: &str) -> Option<&str> {
    let key = path.strip_prefix("/v1/projects/")?.strip_suffix("/settings")?;
    (!key.is_empty() && !key.contains('/')).then_some(key)
}

/// Tells Segment's SDKs to send everything back here and nothing elsewhere.
pub fn settings(app: &App, request: &Request) -> Result<Response, ApiError> {
    let path = request.uri().path();
    let key = write_key_of_settings(path.strip_suffix('/').unwrap_or(path)).unwrap_or("");
    let key = percent_encoding::percent_decode_str(key).decode_utf8_lossy();
    Sender::with_write_key(&app.engine.catalog(), &key)?;
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    let source = json!({"apiKey": key, "apiHost": format!("{host}/v1")});
    let mut response = respond::json_of(&json!({"integrations": {"Segment.io": source}}));
    // It depends on the name that this server was asked by.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Tells RudderStack's SDKs that the source is there and has no destinations in the page.
pub fn source_config(app: &App, request: &Request) -> Result<Response, ApiError> {
    let sender = sender_outside_body(app, request)?.ok_or(ErrorCode::InvalidApiKey)?;
    let id = sender.app.id.as_str();
    let silent = json!({"errors": {"enabled": false}, "metrics": {"enabled": false}});
    Ok(respond::json_of(&json!({"source": {
        "id": id,
        "name": id,
        "writeKey": sender.app.write_key,
        "workspaceId": sender.workspace.index.0.to_string(),
        "enabled": true,
        "config": {"statsCollection": silent},
        "destinations": [],
        "dataplanes": {},
    }})))
}
