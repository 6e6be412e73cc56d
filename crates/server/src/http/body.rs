use std::io::Read;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use bytes::Bytes;
use dauphin_api::{ApiError, ErrorCode};
use flate2::bufread::MultiGzDecoder;
use http::{HeaderMap, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::App;

/// A compressed body may grow to this many times the greatest body, and no further.
const EXPANSION_MAX: u64 = 16;

/// A place in the memory for bodies; given back when dropped.
pub type Permits = tokio::sync::OwnedSemaphorePermit;

/// What a compressed body may grow to.
pub const fn expanded_bytes_max(body_bytes_max: usize) -> u64 {
    body_bytes_max as u64 * EXPANSION_MAX
}

/// Reads the body of a request, as it was sent.
pub async fn read(app: &App, request: Request) -> Result<(Bytes, Permits), ApiError> {
    let permits = reserve(app, request.headers()).await?;
    let body = read_body(request.into_body(), app.body_bytes_max).await?;
    Ok((body, permits))
}

/// The plain bytes of a body of JSON: gzip is found by its first bytes, since senders do not always say it.
pub fn plain(body: Bytes, body_bytes_max: usize) -> Result<Bytes, ApiError> {
    if !body.starts_with(&[0x1f, 0x8b]) {
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
    Ok(permits.map_err(|_| ErrorCode::Unavailable)?)
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
