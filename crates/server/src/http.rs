//! The routes: one request goes through `handle` from top to bottom.

mod access;
mod admin;
mod answers;
mod body;
#[cfg(test)]
mod described;
mod ingest;
mod keyed;
mod listener;
mod methods;
mod metrics;
mod open;
mod profiles;
mod query;
mod rate_limit;
mod respond;
mod sdk;
mod series;
mod server;
mod service;
#[cfg(test)]
mod tests;
mod track;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::Request;
use axum::response::Response;
use dauphin_api::{ApiError, ErrorCode, Language};
use dauphin_engine::Backend;
use http::Method;

use crate::clock;
use crate::metrics::Metrics;
use answers::Answers;
use keyed::KeyedRoute;
use open::OpenRoute;
use rate_limit::RateLimiter;
use sdk::SdkRoute;

pub use listener::Plain;
pub use methods::Methods;
pub use rate_limit::Counting;
pub use respond::{json, not_taken, page};
pub use server::{ServeOptions, Server, serve};
pub use service::Answering;

/// What every request can reach.
pub struct App {
    engine: Arc<dyn Backend>,
    limiter: RateLimiter,
    metrics: Metrics,
    answers: Answers,
    body_bytes_max: usize,
    /// Bytes of request bodies that may be held at once, in kibibytes.
    body_budget: Arc<tokio::sync::Semaphore>,
    /// Bodies of JSON that may be expanded at once.
    expansions: Arc<tokio::sync::Semaphore>,
    /// Bodies that may be parsed at once: as many as there are processors.
    processors: Arc<tokio::sync::Semaphore>,
}

impl App {
    /// Serves what the engine knows.
    pub fn new(engine: Arc<dyn Backend>, body_bytes_max: usize) -> Arc<Self> {
        let budget = (body_bytes_max / 1024).max(1) * Self::BODIES_AT_ONCE;
        let body_budget = Arc::new(tokio::sync::Semaphore::new(budget));
        let expansions = Arc::new(tokio::sync::Semaphore::new(Self::BODIES_AT_ONCE));
        let processor_count = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let processors = Arc::new(tokio::sync::Semaphore::new(processor_count));
        let (limiter, metrics, answers) = (RateLimiter::default(), Metrics::new(), Answers::default());
        Arc::new(Self { engine, limiter, metrics, answers, body_bytes_max, body_budget, expansions, processors })
    }

    /// Does what keeps a processor busy, apart from the threads that answer: one after the other, so that the first is
    /// done soon, instead of all at once, so that each is done late. What waits for others has no place here.
    async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let processor = Arc::clone(&self.processors).acquire_owned().await;
        let processor = processor.map_err(|_| ErrorCode::Unavailable)?;
        let work = move || {
            let _processor = processor;
            work()
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| ErrorCode::Internal)?
    }

    /// Bodies of the greatest size that fit into memory together; smaller ones are more.
    const BODIES_AT_ONCE: usize = 4;
}

/// Everything that has an address, by who may ask.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Endpoint {
    /// Whoever holds a key.
    Keyed(KeyedRoute),
    /// SDKs, which run in other people's pages.
    Sdk(SdkRoute),
    /// Anybody.
    Open(OpenRoute),
}

impl Endpoint {
    fn of_path(path: &str) -> Option<Self> {
        let keyed = KeyedRoute::from_path(path).map(Self::Keyed);
        let sdk = || SdkRoute::from_path(path).map(Self::Sdk);
        keyed.or_else(sdk).or_else(|| OpenRoute::from_path(path).map(Self::Open))
    }

    fn language(self) -> Language {
        match self {
            Self::Keyed(route) => route.language(),
            Self::Sdk(_) | Self::Open(_) => Language::English,
        }
    }

    fn methods(self) -> Methods {
        match self {
            Self::Keyed(route) => route.methods(),
            Self::Sdk(route) => route.methods(),
            Self::Open(_) => Methods::Read,
        }
    }
}

/// Finds who may ask what is asked for, and answers. What nobody may ask is refused, yet whoever asked with a valid key
/// learns where its hour stands.
async fn handle(app: &Arc<App>, endpoint: Option<Endpoint>, peer: SocketAddr, request: Request) -> Response {
    let now = clock::now();
    let method = request.method();
    let asked = match endpoint {
        Some(Endpoint::Sdk(route)) => return Box::pin(sdk::handle(app, route, request, now)).await,
        Some(endpoint) if method == Method::OPTIONS => return respond::options(endpoint.methods()),
        Some(endpoint) if !endpoint.methods().contain(method) => {
            Err(respond::method_not_allowed(endpoint.language(), endpoint.methods()))
        }
        Some(Endpoint::Open(route)) => return route.answer(app),
        Some(Endpoint::Keyed(route)) => Ok(route),
        None => Err(respond::error(&ErrorCode::NotFound.into())),
    };
    keyed::handle(app, asked, peer, request, now).await
}
