use axum::body::Body;
use axum::response::Response;
use dauphin_api::{ApiError, ErrorCode, Format, Language, Points};
use dauphin_engine::{EngineError, Lag};
use dauphin_model::Instant;
use http::{HeaderName, HeaderValue, StatusCode, header};

use super::methods::Methods;
use super::rate_limit::Standing;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
const CSV: HeaderValue = HeaderValue::from_static("text/csv; charset=utf-8");
const LAG: HeaderName = HeaderName::from_static("x-dauphin-lag");
const RATE_LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const RATE_REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RATE_RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");
/// When a client may try again after 503: long enough for a restart.
const RETRY_SECONDS: u32 = 5;

fn with_type(status: u16, content_type: HeaderValue, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = StatusCode::from_u16(status).expect("a status of the contract");
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}

/// 200 with a JSON body.
pub fn json(body: impl Into<Body>) -> Response {
    with_type(200, JSON, body)
}

/// 200 with a value as JSON.
pub fn json_of(value: &impl serde::Serialize) -> Response {
    json_with_status(200, value)
}

/// A JSON body with the status of something made, of something refused in parts, and so on.
pub fn json_with_status(status: u16, body: &impl serde::Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(body) => with_type(status, JSON, body),
        Err(_) => error(&ErrorCode::Internal.into()),
    }
}

/// A series in the form it was asked for.
pub fn written(points: &Points, format: Format, language: Language) -> Vec<u8> {
    let mut body = Vec::new();
    points.write(format, language, &mut body);
    body
}

/// 200 with a series.
pub fn series(body: Vec<u8>, format: Format) -> Response {
    let content_type = match format {
        Format::Json => JSON,
        Format::Csv => CSV,
    };
    with_type(200, content_type, body)
}

/// A page that needs nothing from elsewhere, and may ask nobody but this server.
pub fn page(html: &'static str) -> Response {
    let mut response = with_type(200, HTML, html);
    let headers = response.headers_mut();
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

/// A refusal or a fault.
pub fn error(error: &ApiError) -> Response {
    let mut body = Vec::new();
    error.write_json(&mut body);
    let mut response = with_type(error.status(), JSON, body);
    match error.code() {
        ErrorCode::Unavailable => {
            response.headers_mut().insert(header::RETRY_AFTER, RETRY_SECONDS.into());
        }
        ErrorCode::InvalidApiKey => {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        _ => {}
    }
    response
}

/// What a sender is told when storage did not take what they sent; the log has the reason.
pub fn not_taken(error: &EngineError) -> ApiError {
    if let EngineError::MemoryFull { profile_count, .. } = error {
        // The log says so once, however many are refused.
        let message = format!(
            "The memory of the server is full with {profile_count} users; new users and new active days are refused until \
             it has more, while repeats and queries go on"
        );
        return ApiError::with_message(ErrorCode::Unavailable, message);
    }
    tracing::error!(%error, "what was sent was not taken");
    unavailable(error)
}

/// What a client is told when what they ask for cannot be shown; the log has the reason.
pub fn not_shown(error: &EngineError) -> ApiError {
    tracing::error!(%error, "what was asked for was not shown");
    unavailable(error)
}

/// 503. Why something cannot be done now is said in words for clients; what else can go wrong is nobody's business.
pub fn unavailable(error: &EngineError) -> ApiError {
    match error {
        EngineError::Unavailable(reason) => ApiError::with_message(ErrorCode::Unavailable, reason.to_string()),
        _ => ErrorCode::Unavailable.into(),
    }
}

/// 405, with what the path does take.
pub fn method_not_allowed(language: Language, methods: Methods) -> Response {
    let mut response = error(&ApiError::new(ErrorCode::MethodNotAllowed, language));
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(methods.allow()));
    response
}

/// What the path takes.
pub fn options(methods: Methods) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(methods.allow()));
    response
}

/// Says how far the answer is behind what was accepted, where it can be.
pub fn add_lag(response: &mut Response, lag: Option<Lag>) {
    if let Some(lag) = lag {
        response.headers_mut().insert(LAG, lag_value(lag));
    }
}

/// `<events>; seconds=<seconds>`, to the millisecond.
fn lag_value(lag: Lag) -> HeaderValue {
    let Lag { events, seconds } = lag;
    // A clock that was set is no reason to say nonsense.
    let seconds = (seconds.max(0.0) * 1_000.0).round() / 1_000.0;
    HeaderValue::try_from(format!("{events}; seconds={seconds}")).expect("digits and words are a header's value")
}

/// Says where the workspace stands in its hour.
pub fn add_standing(response: &mut Response, standing: Standing, now: Instant) {
    let too_many = response.status() == StatusCode::TOO_MANY_REQUESTS;
    let headers = response.headers_mut();
    headers.insert(RATE_LIMIT, digits(standing.limit.to_string()));
    headers.insert(RATE_REMAINING, digits(standing.remaining.to_string()));
    headers.insert(RATE_RESET, digits(standing.reset_seconds.to_string()));
    if too_many {
        headers.insert(header::RETRY_AFTER, (standing.reset_seconds - now.seconds()).max(1).into());
    }
}

/// A number as a header's value; its own conversion from numbers takes twice the memory.
fn digits(number: String) -> HeaderValue {
    HeaderValue::try_from(number).expect("digits are a header's value")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lag_is_events_and_seconds() {
        for (events, seconds, expected) in [
            (0, 0.0, "0; seconds=0"),
            (1_234_567, 1.5, "1234567; seconds=1.5"),
            (1, 0.000_4, "1; seconds=0"),
            (1, 86_400.123_45, "1; seconds=86400.123"),
            (0, -3.0, "0; seconds=0"),
            (0, f64::NAN, "0; seconds=0"),
        ] {
            assert_eq!(lag_value(Lag { events, seconds }), expected);
        }
    }
}
