use axum::response::Response;
use dauphin_api::{ApiError, ErrorCode};
use dauphin_dialects::Message;
use dauphin_engine::Backend;
use dauphin_model::Instant;
use serde::Serialize;

use super::Sender;
use crate::handed_in::{Pending, Until};
use crate::http::rate_limit::Standing;
use crate::http::{App, respond};
use crate::taking::Taking;

/// Errors that an answer names; all are counted.
const ERRORS_NAMED_MAX: usize = 100;

/// Takes the elements of one body, and remembers which could not be counted.
pub struct Tally<'a> {
    taking: Taking<'a>,
    taken: u64,
    rejected: u64,
    rejected_last: Option<usize>,
    errors: Vec<ElementError>,
}

#[derive(Serialize)]
struct ElementError {
    index: usize,
    reason: String,
}

/// What becomes of a body.
pub enum Taken {
    /// It is counted, but for what was rejected, once it is durable.
    Counted { pending: Pending, dialect: &'static str, taken: u64, rejections: Rejections },
    /// Nothing of it was looked at.
    TooMany(Standing),
}

impl Taken {
    /// Waits until everything is settled, then answers: what `success` makes of it, or 429.
    pub async fn answer<T: Serialize>(
        self,
        app: &App,
        now: Instant,
        success: impl FnOnce(Rejections) -> T,
    ) -> Result<Response, ApiError> {
        match self {
            Self::Counted { pending, dialect, taken, rejections } => {
                pending.settle(&app.engine).await.map_err(|error| respond::not_taken(&error))?;
                app.metrics.took(dialect, taken, rejections.rejected);
                Ok(respond::json_of(&success(rejections)))
            }
            Self::TooMany(standing) => {
                let mut response = respond::error(&ErrorCode::RateLimited.into());
                respond::add_standing(&mut response, standing, now);
                Ok(response)
            }
        }
    }
}

/// What an answer says beyond success; empty when all was counted.
#[derive(Serialize)]
pub struct Rejections {
    #[serde(skip_serializing_if = "is_zero")]
    rejected: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<ElementError>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl<'a> Tally<'a> {
    pub fn new(engine: &'a dyn Backend, sender: &Sender, now: Instant, until: Until) -> Self {
        let taking = Taking::new(engine, sender.workspace.clone(), now, until);
        Self { taking, taken: 0, rejected: 0, rejected_last: None, errors: Vec::new() }
    }

    /// Takes something that the element at `index` says. An element is rejected once, whatever is wrong with it.
    pub fn add(&mut self, index: usize, said: Result<Message<'_>, String>) {
        let Err(reason) = said.and_then(|message| self.taking.say(&message)) else {
            self.taken += 1;
            return;
        };
        if self.rejected_last.replace(index) == Some(index) {
            return;
        }
        self.rejected += 1;
        if self.errors.len() < ERRORS_NAMED_MAX {
            self.errors.push(ElementError { index, reason });
        }
    }

    /// Hands in the rest.
    pub fn finish(self, sender: &Sender, dialect: &'static str) -> Taken {
        let Self { taking, taken, rejected, errors, .. } = self;
        if let Some(first) = errors.first() {
            let (app, index, reason) = (sender.app.id.as_str(), first.index, &first.reason);
            tracing::warn!(app, rejected, "an SDK sent what cannot be counted; first, at {index}: {reason}");
        }
        let rejections = Rejections { rejected, errors };
        Taken::Counted { pending: taking.finish(), dialect, taken, rejections }
    }
}
