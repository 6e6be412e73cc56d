use std::io::Read;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use bytes::Bytes;
use dauphin_api::{ApiError, ErrorCode};
use dauphin_dialects::BodyError;
use flate2::bufread::MultiGzDecoder;
use http::{HeaderMap, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::sync::OwnedSemaphorePermit;

use super::App;
use super::access::is_json;

/// A compressed body may grow to this many times the greatest body, and no further.
const EXPANSION_MAX: u64 = 16;

/// The first bytes of gzip.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// A place in the memory for bodies; given back when dropped.
pub struct Permits {
    _body: OwnedSemaphorePermit,
    /// A body that was compressed takes more than it declared.
    expansion: Option<OwnedSemaphorePermit>,
}

/// A body that was read before its handler asks for it.
#[derive(Clone)]
struct ReadAhead {
    body: Bytes,
    permits: Arc<Permits>,
}

/// What a compressed body may grow to.
pub const fn expanded_bytes_max(body_bytes_max: usize) -> u64 {
    body_bytes_max as u64 * EXPANSION_MAX
}

/// Reads the body of a request, as it was sent.
pub async fn read(app: &App, mut request: Request) -> Result<(Bytes, Permits), ApiError> {
    if let Some(ReadAhead { body, permits }) = request.extensions_mut().remove::<ReadAhead>() {
        return Ok((body, Arc::into_inner(permits).ok_or(ErrorCode::Internal)?));
    }
    let permits = reserve(app, request.headers()).await?;
    let body = read_body(request.into_body(), app.body_bytes_max).await?;
    Ok((body, permits))
}

/// Reads a body of JSON, and expands it if it is compressed: there is room for a few that are at once.
pub async fn read_plain(app: &App, request: Request) -> Result<(Bytes, Permits), ApiError> {
    let (body, mut permits) = read(app, request).await?;
    if !body.starts_with(&GZIP) {
        return Ok((body, permits));
    }
    // Whoever has a place here never waits for another.
    let expansion = Arc::clone(&app.expansions).acquire_owned().await;
    permits.expansion = Some(expansion.map_err(|_| ErrorCode::Unavailable)?);
    let bytes_max = app.body_bytes_max;
    let work = move || plain(body, bytes_max);
    Ok((tokio::task::spawn_blocking(work).await.map_err(|_| ErrorCode::Internal)??, permits))
}

/// As [`read_plain`], of a route that takes nothing but JSON. What does not say what it is passes.
pub async fn read_json(app: &App, request: Request) -> Result<(Bytes, Permits), ApiError> {
    let encoding = request.headers().get(header::CONTENT_ENCODING).map_or("", |value| value.to_str().unwrap_or("?"));
    if !["", "identity", "gzip", "x-gzip"].contains(&encoding) {
        let message = "This `Content-Encoding` cannot be read here; send the body plain, or as `gzip`";
        return Err(ApiError::with_message(ErrorCode::UnsupportedMediaType, message));
    }
    if request.headers().contains_key(header::CONTENT_TYPE) && !is_json(request.headers()) {
        let message = "This `Content-Type` cannot be read here; send `application/json`";
        return Err(ApiError::with_message(ErrorCode::UnsupportedMediaType, message));
    }
    read_plain(app, request).await
}

/// Reads a body before its handler asks for it, which then finds it read: the bytes, and the request to hand on.
pub async fn read_ahead(app: &App, request: Request) -> Result<(Bytes, Request), ApiError> {
    let (parts, body) = request.into_parts();
    let mut rest = Request::from_parts(parts.clone(), Body::empty());
    let (body, permits) = read_plain(app, Request::from_parts(parts, body)).await?;
    rest.extensions_mut().insert(ReadAhead { body: body.clone(), permits: Arc::new(permits) });
    Ok((body, rest))
}

/// Why a body cannot be taken.
pub fn unreadable(error: BodyError) -> ApiError {
    match error {
        BodyError::NotJson(reason) => ApiError::not_json(&reason),
        BodyError::Shape(message) => refuse(message),
    }
}

/// The plain bytes of a body of JSON: gzip is found by its first bytes, since senders do not always say it.
pub fn plain(body: Bytes, body_bytes_max: usize) -> Result<Bytes, ApiError> {
    if !body.starts_with(&GZIP) {
        return Ok(body);
    }
    // One text in memory, unlike rows that stream: the limit holds for it as a whole.
    let most = body_bytes_max as u64;
    let mut plain = Vec::new();
    match MultiGzDecoder::new(&body[..]).take(most + 1).read_to_end(&mut plain) {
        Ok(_) if plain.len() as u64 > most => Err(too_large(body_bytes_max)),
        Ok(_) => Ok(plain.into()),
        Err(error) => Err(refuse(format!("The body is no whole gzip stream: {error}"))),
    }
}

fn refuse(message: impl Into<String>) -> ApiError {
    ApiError::with_message(ErrorCode::InvalidParameter, message.into())
}

/// Waits until the body has a place in memory. A declared length over the limit is refused before anything is read.
async fn reserve(app: &App, headers: &HeaderMap) -> Result<Permits, ApiError> {
    let declared = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let most = app.body_bytes_max as u64;
    if declared.is_some_and(|declared| declared > most) {
        return Err(too_large(app.body_bytes_max));
    }
    let kibibytes = u32::try_from(declared.unwrap_or(most).div_ceil(1024)).unwrap_or(u32::MAX);
    let permits = Arc::clone(&app.body_budget).acquire_many_owned(kibibytes).await;
    Ok(Permits { _body: permits.map_err(|_| ErrorCode::Unavailable)?, expansion: None })
}

async fn read_body(body: Body, bytes_max: usize) -> Result<Bytes, ApiError> {
    match Limited::new(body, bytes_max).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large(bytes_max)),
        Err(_) => Err(refuse("The body ended before its declared length")),
    }
}

/// The body is longer than a body may be.
pub fn too_large(bytes_max: usize) -> ApiError {
    let message = format!("The body is longer than the limit of {bytes_max} bytes; send it in smaller parts");
    ApiError::with_message(ErrorCode::BodyTooLarge, message)
}
