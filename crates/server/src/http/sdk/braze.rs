use std::sync::Arc;

use axum::extract::Request;
use axum::response::Response;
use dauphin_api::ApiError;
use dauphin_dialects::SdkBody;
use dauphin_model::Instant;
use http::HeaderName;
use serde::Serialize;

use super::sender::TooMany;
use super::tally::{Rejections, Taken};
use super::{Sender, Tally, unreadable};
use crate::handed_in::Until;
use crate::http::{App, body, query};

const API_KEY: HeaderName = HeaderName::from_static("x-braze-api-key");

/// Takes a body of events, and answers when all of them are settled.
pub async fn data(app: &Arc<App>, request: Request, now: Instant) -> Result<Response, ApiError> {
    let key = request.headers().get(API_KEY).map(|value| value.to_str().unwrap_or(""));
    let sender = key.map(|key| Sender::with_app_id(&app.engine.catalog(), key)).transpose()?;
    // What an SDK asks for in vain is no reason to refuse its events.
    let until = query::until(request.uri().query()).unwrap_or_default();
    let (body, permits) = body::read(app, request).await?;
    let serving = Arc::clone(app);
    let work = move || {
        let _permits = permits;
        take(&serving, sender, &body::plain(body, serving.body_bytes_max)?, now, until)
    };
    let taken = app.compute(work).await?;
    // The SDK asks for configuration and triggers; without them it keeps its own.
    taken.answer(app, now, |rejections| Answer { message: "success", rejections }).await
}

#[derive(Serialize)]
struct Answer {
    message: &'static str,
    #[serde(flatten)]
    rejections: Rejections,
}

fn take(app: &App, sender: Option<Sender>, body: &[u8], now: Instant, until: Until) -> Result<Taken, ApiError> {
    let body = SdkBody::parse(body).map_err(unreadable)?;
    let sender = match sender {
        Some(sender) => sender,
        None => Sender::with_app_id(&app.engine.catalog(), body.api_key.as_deref().unwrap_or(""))?,
    };
    if let Err(TooMany(standing)) = sender.admit(app, now) {
        return Ok(Taken::TooMany(standing));
    }
    let mut tally = Tally::new(&*app.engine, &sender, now, until);
    body.messages(sender.app.id.as_str(), &mut |index, said| tally.add(index, said)).map_err(unreadable)?;
    Ok(tally.finish(&sender, "braze_sdk"))
}
