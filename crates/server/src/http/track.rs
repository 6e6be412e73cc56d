use std::sync::Arc;

use axum::extract::Request;
use axum::response::Response;
use dauphin_api::ApiError;
use dauphin_dialects::{TrackArray, TrackPlace, UsersTrack, read_users_track};
use dauphin_model::Instant;
use http::HeaderMap;
use serde::Serialize;

use super::access::Visitor;
use super::{App, body, query, respond};
use crate::handed_in::Pending;
use crate::taking::Taking;

/// The two addresses of the same thing; they differ in how much they take at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TrackRoute {
    /// `/users/track`
    Single,
    /// `/users/track/bulk`
    Bulk,
}

/// Says at the first address that the body is as long as at the second.
const BULK_HEADER: &str = "x-braze-bulk";

impl TrackRoute {
    /// What a key must be allowed to do.
    pub const PERMISSION: &'static str = "users.track";

    /// The route at `path`.
    pub fn from_path(path: &str) -> Option<Self> {
        match path {
            "/users/track" => Some(Self::Single),
            "/users/track/bulk" => Some(Self::Bulk),
            _ => None,
        }
    }

    /// Most elements of one body, as Braze documents.
    fn elements_max(self, headers: &HeaderMap) -> usize {
        let says_bulk = headers.get(BULK_HEADER).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"true"));
        if says_bulk || self == Self::Bulk { 1_000 } else { 75 }
    }
}

/// Takes attributes, events and purchases, and answers when all that is good is settled.
pub async fn track(
    app: &Arc<App>,
    route: TrackRoute,
    visitor: Visitor,
    request: Request,
    now: Instant,
) -> Result<Response, ApiError> {
    let elements_max = route.elements_max(request.headers());
    let until = query::until(request.uri().query())?;
    let (body, permits) = body::read_json(app, request).await?;
    let serving = Arc::clone(app);
    let work = move || {
        let _permits = permits;
        let track = read_users_track(&body, &visitor.workspace.zone, elements_max).map_err(body::unreadable)?;
        Ok(Taken::of(Taking::new(&*serving.engine, visitor.workspace, now, until), track))
    };
    let Taken { pending, sent, refused } = app.compute(work).await?;
    let elements: usize = sent.iter().flatten().sum();
    let Some(pending) = pending else {
        let message = "Valid data must be provided in the 'attributes', 'events', or 'purchases' fields.";
        return Ok(Answer { message, ..Answer::new([None; 3], refused) }.with_status(400));
    };
    pending.settle(&app.engine).await.map_err(|error| respond::not_taken(&error))?;
    app.metrics.took("users_track", (elements - refused.len()) as u64, refused.len() as u64);
    let processed = TrackArray::ALL.map(|array| {
        let bad = refused.iter().filter(|(place, _)| place.array == array).count();
        sent[array as usize].map(|sent| sent - bad)
    });
    Ok(Answer::new(processed, refused).with_status(201))
}

/// What can be counted of a body is handed in.
struct Taken {
    /// Nothing when nothing can be counted.
    pending: Option<Pending>,
    /// Elements of each array.
    sent: [Option<usize>; 3],
    refused: Vec<(TrackPlace, String)>,
}

impl Taken {
    fn of(mut taking: Taking<'_>, track: UsersTrack<'_>) -> Self {
        let UsersTrack { said, mut refused, sent } = track;
        for element in said.chunk_by(|(place, _), (next, _)| place == next) {
            if let Err(reason) = taking.say_all(element.iter().map(|(_, message)| message)) {
                refused.push((element[0].0, reason));
            }
        }
        refused.sort_by_key(|(place, _)| *place);
        let is_good = refused.len() < sent.iter().flatten().sum();
        Self { pending: is_good.then(|| taking.finish()), sent, refused }
    }
}

/// An element that was not taken, as Braze names it.
#[derive(Serialize)]
pub struct ElementError {
    /// Why.
    pub r#type: String,
    /// In which array.
    pub input_array: &'static str,
    /// Counted from 0.
    pub index: usize,
}

#[derive(Serialize)]
struct Answer {
    message: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    attributes_processed: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    events_processed: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purchases_processed: Option<usize>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<ElementError>,
}

impl Answer {
    fn new(processed: [Option<usize>; 3], refused: Vec<(TrackPlace, String)>) -> Self {
        let [attributes_processed, events_processed, purchases_processed] = processed;
        let errors = refused.into_iter().map(|(place, reason)| ElementError {
            r#type: reason,
            input_array: place.array.name(),
            index: place.index,
        });
        let errors = errors.collect();
        Self { message: "success", attributes_processed, events_processed, purchases_processed, errors }
    }

    fn with_status(&self, status: u16) -> Response {
        respond::json_with_status(status, self)
    }
}
