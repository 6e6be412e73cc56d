//! The routes: one request goes through `handle` from top to bottom.

mod access;
mod admin;
mod body;
#[cfg(test)]
mod described;
mod ingest;
mod listener;
mod metrics;
mod profiles;
mod rate_limit;
mod respond;
mod sdk;
mod series;
mod server;
mod track;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::response::Response;
use dauphin_api::{ApiError, ErrorCode, Language, ListRoute, Route};
use dauphin_engine::Engine;
use dauphin_model::Instant;
use http::Method;

use crate::administration::AdminPath;
use crate::metrics::Metrics;
use crate::{clock, console, docs, keys};
use access::Visitor;
use profiles::ProfileRoute;
use rate_limit::{Limits, RateLimiter, Standing};
use sdk::SdkRoute;
use track::TrackRoute;

pub use listener::Peer;
pub use rate_limit::Counting;
pub use respond::{json, not_taken, page};
pub use server::{ServeOptions, Server, serve};

/// What every request can reach.
pub struct App {
    engine: Arc<Engine>,
    limiter: RateLimiter,
    metrics: Metrics,
    body_bytes_max: usize,
    /// Bytes of request bodies that may be held at once, in kibibytes.
    body_budget: Arc<tokio::sync::Semaphore>,
    /// Bodies of JSON that may be expanded at once.
    expansions: Arc<tokio::sync::Semaphore>,
}

impl App {
    /// Serves what the engine knows.
    pub fn new(engine: Arc<Engine>, body_bytes_max: usize) -> Arc<Self> {
        let budget = (body_bytes_max / 1024).max(1) * Self::BODIES_AT_ONCE;
        let body_budget = Arc::new(tokio::sync::Semaphore::new(budget));
        let expansions = Arc::new(tokio::sync::Semaphore::new(Self::BODIES_AT_ONCE));
        let (limiter, metrics) = (RateLimiter::default(), Metrics::new());
        Arc::new(Self { engine, limiter, metrics, body_bytes_max, body_budget, expansions })
    }

    /// Bodies of the greatest size that fit into memory together; smaller ones are more.
    const BODIES_AT_ONCE: usize = 4;
}

/// Everything that has an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Endpoint {
    Series(Route),
    List(ListRoute),
    Ingest,
    Admin(AdminPath),
    Sdk(SdkRoute),
    Track(TrackRoute),
    Profiles(ProfileRoute),
    Workspace,
    Console,
    Metrics,
    OpenApi,
    Docs,
    Health,
    Ready,
}

impl Endpoint {
    fn of_path(path: &str) -> Option<Self> {
        if let Some(route) = Route::from_path(path) {
            return Some(Self::Series(route));
        }
        if let Some(route) = ListRoute::from_path(path) {
            return Some(Self::List(route));
        }
        if let Some(route) = SdkRoute::from_path(path) {
            return Some(Self::Sdk(route));
        }
        let path = path.strip_suffix('/').unwrap_or(path);
        if let Some(route) = TrackRoute::from_path(path) {
            return Some(Self::Track(route));
        }
        if let Some(route) = ProfileRoute::from_path(path) {
            return Some(Self::Profiles(route));
        }
        match path {
            "" => Some(Self::Console),
            "/ingest" => Some(Self::Ingest),
            "/console/workspace" => Some(Self::Workspace),
            "/metrics" => Some(Self::Metrics),
            "/openapi.json" => Some(Self::OpenApi),
            "/docs" => Some(Self::Docs),
            "/healthz" => Some(Self::Health),
            "/readyz" => Some(Self::Ready),
            path => AdminPath::at(path).map(Self::Admin),
        }
    }

    const fn language(self) -> Language {
        match self {
            Self::Series(route) => route.language(),
            _ => Language::English,
        }
    }

    fn allow(self) -> &'static str {
        match self {
            Self::Admin(path) => path.allow(),
            Self::Ingest | Self::Track(_) | Self::Profiles(_) => "POST, OPTIONS",
            Self::Sdk(route) => route.allow(),
            _ => "GET, HEAD, OPTIONS",
        }
    }

    fn takes(self, method: &Method) -> bool {
        self.allow().split(", ").any(|allowed| allowed == method.as_str())
    }

    /// What a key must be allowed to do; `None` asks for any key.
    fn permission(self) -> Option<&'static str> {
        match self {
            Self::Admin(path) => Some(path.permission()),
            Self::Series(route) => Some(route.permission()),
            Self::List(route) => Some(route.permission()),
            Self::Ingest => Some("ingest"),
            Self::Metrics => Some("metrics"),
            Self::Track(_) => Some(TrackRoute::PERMISSION),
            Self::Profiles(route) => Some(route.permission()),
            Self::Sdk(_)
            | Self::Workspace
            | Self::Console
            | Self::OpenApi
            | Self::Docs
            | Self::Health
            | Self::Ready => None,
        }
    }

    fn counting(self) -> Counting {
        match self {
            Self::Series(_) | Self::List(_) => Counting::Counted,
            Self::Ingest | Self::Track(_) | Self::Profiles(_) => Counting::Ingesting,
            Self::Admin(path) => path.counting(),
            Self::Sdk(_)
            | Self::Workspace
            | Self::Metrics
            | Self::Console
            | Self::OpenApi
            | Self::Docs
            | Self::Health
            | Self::Ready => Counting::Free,
        }
    }
}

/// Finds what is asked for, who asks, and whether they may; then answers. Every answer to a valid key says where its
/// hour stands.
async fn handle(State(app): State<Arc<App>>, ConnectInfo(Peer(peer)): ConnectInfo<Peer>, request: Request) -> Response {
    let now = clock::now();
    let endpoint = Endpoint::of_path(request.uri().path());
    if let Some(Endpoint::Sdk(route)) = endpoint {
        return sdk::handle(&app, route, request, now).await;
    }
    if let Some(answer) = endpoint.and_then(|endpoint| open_answer(&app, endpoint, request.method())) {
        return answer;
    }
    let allowed = endpoint.filter(|endpoint| endpoint.takes(request.method()));
    let (visitor, request) = match access::identify(&app, allowed, request).await {
        Ok(identified) => identified,
        Err(error) => return respond::error(&error),
    };
    let standing = visitor.as_ref().map(|visitor| {
        let counting = allowed.map_or(Counting::Free, Endpoint::counting);
        app.limiter.take(Limits::of(&visitor.workspace), counting, now)
    });
    let mut response = match (endpoint, allowed) {
        (Some(endpoint), None) => respond::method_not_allowed(endpoint.language(), endpoint.allow()),
        (None, _) => respond::error(&ErrorCode::NotFound.into()),
        (_, Some(endpoint)) => match admit(endpoint, visitor, standing, peer) {
            Ok(visitor) => answer(&app, endpoint, visitor, request, now).await.unwrap_or_else(|e| respond::error(&e)),
            Err(error) => respond::error(&error),
        },
    };
    if let Some(standing) = standing {
        respond::add_standing(&mut response, standing, now);
    }
    response
}

/// What anybody may ask without a key.
fn open_answer(app: &App, endpoint: Endpoint, method: &Method) -> Option<Response> {
    if method == Method::OPTIONS {
        return Some(respond::options(endpoint.allow()));
    }
    if !endpoint.takes(method) {
        return None;
    }
    match endpoint {
        Endpoint::Console => Some(console::page()),
        Endpoint::OpenApi => Some(docs::openapi()),
        Endpoint::Docs => Some(docs::page()),
        Endpoint::Health => Some(respond::json(r#"{"message":"alive"}"#)),
        Endpoint::Ready => Some(match app.engine.failure() {
            None => respond::json(r#"{"message":"ready"}"#),
            Some(_) => respond::error(&ErrorCode::Unavailable.into()),
        }),
        Endpoint::Series(_)
        | Endpoint::List(_)
        | Endpoint::Ingest
        | Endpoint::Admin(_)
        | Endpoint::Sdk(_)
        | Endpoint::Track(_)
        | Endpoint::Profiles(_)
        | Endpoint::Workspace
        | Endpoint::Metrics => None,
    }
}

fn admit(
    endpoint: Endpoint,
    visitor: Option<Visitor>,
    standing: Option<Standing>,
    peer: SocketAddr,
) -> Result<Visitor, ApiError> {
    let visitor = visitor.ok_or(ErrorCode::InvalidApiKey)?;
    let permitted = endpoint.permission().is_none_or(|permission| keys::permits(&visitor.key, permission));
    if !permitted || !keys::admits(&visitor.key, peer.ip()) {
        return Err(ErrorCode::AccessDenied.into());
    }
    if standing.is_some_and(|standing| standing.exceeded) {
        return Err(ErrorCode::RateLimited.into());
    }
    Ok(visitor)
}

async fn answer(
    app: &Arc<App>,
    endpoint: Endpoint,
    visitor: Visitor,
    request: Request,
    now: Instant,
) -> Result<Response, ApiError> {
    match endpoint {
        Endpoint::Series(route) => series::series(app, route, visitor, request, now).await,
        Endpoint::List(route) => Ok(respond::json(route.body())),
        Endpoint::Ingest => ingest::ingest(app, visitor, request, now).await,
        Endpoint::Admin(path) => admin::administer(app, path, visitor, request, now).await,
        Endpoint::Track(route) => track::track(app, route, visitor, request, now).await,
        Endpoint::Profiles(route) => profiles::profiles(app, route, visitor, request, now).await,
        Endpoint::Workspace => Ok(console::workspace(&visitor.workspace)),
        Endpoint::Metrics => Ok(metrics::answer(app)),
        Endpoint::Sdk(_)
        | Endpoint::Console
        | Endpoint::OpenApi
        | Endpoint::Docs
        | Endpoint::Health
        | Endpoint::Ready => Err(ErrorCode::Internal.into()),
    }
}
