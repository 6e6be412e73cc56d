//! What the SDKs of Braze, Segment and RudderStack talk to. They run in other people's pages, so every answer here says
//! that any page may read it, and what they authenticate with is no secret: it names an app, and opens nothing to read.

mod braze;
mod cors;
mod segment;
mod sender;
mod tally;

use std::sync::Arc;

use axum::extract::Request;
use axum::response::Response;
use dauphin_api::{ApiError, ErrorCode, Language};
use dauphin_dialects::{BodyError, SegmentCall};
use dauphin_model::Instant;
use http::Method;

use super::{App, Methods, respond};
use sender::Sender;
use tally::Tally;

/// Everything that an SDK asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SdkRoute {
    /// Braze's events.
    BrazeData,
    /// Segment's messages, and RudderStack's.
    Segment(SegmentCall),
    /// What Segment's SDKs look up first.
    SegmentSettings,
    /// What RudderStack's SDKs look up first.
    RudderStackConfig,
}

impl SdkRoute {
    pub fn from_path(path: &str) -> Option<Self> {
        let path = path.strip_suffix('/').unwrap_or(path);
        match path {
            "/api/v3/data" => return Some(Self::BrazeData),
            "/sourceConfig" => return Some(Self::RudderStackConfig),
            // What RudderStack sends when a page is left.
            "/beacon/v1/batch" => return Some(Self::Segment(SegmentCall::Batch)),
            _ => {}
        }
        if segment::write_key_of_settings(path).is_some() {
            return Some(Self::SegmentSettings);
        }
        path.strip_prefix("/v1/").and_then(SegmentCall::of_path).map(Self::Segment)
    }

    pub const fn methods(self) -> Methods {
        match self {
            Self::BrazeData | Self::Segment(_) => Methods::Write,
            Self::SegmentSettings | Self::RudderStackConfig => Methods::Read,
        }
    }
}

/// Answers an SDK.
pub async fn handle(app: &Arc<App>, route: SdkRoute, request: Request, now: Instant) -> Response {
    let methods = route.methods();
    if request.method() == Method::OPTIONS {
        return cors::preflight(respond::options(methods), request.headers());
    }
    let answer = match route {
        _ if !methods.contain(request.method()) => Ok(respond::method_not_allowed(Language::English, methods)),
        SdkRoute::BrazeData => braze::data(app, request, now).await,
        SdkRoute::Segment(call) => segment::messages(app, call, request, now).await,
        SdkRoute::SegmentSettings => segment::settings(app, &request),
        SdkRoute::RudderStackConfig => segment::source_config(app, &request),
    };
    cors::open(answer.unwrap_or_else(|error| respond::error(&error)))
}

fn unreadable(error: BodyError) -> ApiError {
    match error {
        BodyError::NotJson(reason) => ApiError::not_json(&reason),
        BodyError::Shape(message) => ApiError::with_message(ErrorCode::InvalidParameter, message),
    }
}
