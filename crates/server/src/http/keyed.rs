use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::Request;
use axum::response::Response;
use dauphin_api::{ApiError, ErrorCode, Language, ListRoute, Route};
use dauphin_model::Instant;

use super::access::Visitor;
use super::profiles::ProfileRoute;
use super::rate_limit::{Counting, Limits, Standing};
use super::track::TrackRoute;
use super::{App, Methods, access, admin, ingest, metrics, profiles, respond, series, track};
use crate::administration::AdminPath;
use crate::{console, keys};

/// What only a key opens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyedRoute {
    /// A series.
    Series(Route),
    /// An empty list.
    List(ListRoute),
    /// `/ingest`
    Ingest,
    /// Braze's way of sending events.
    Track(TrackRoute),
    /// Who is who.
    Profiles(ProfileRoute),
    /// Settings, apps, keys and people.
    Admin(AdminPath),
    /// `/console/workspace`
    Workspace,
    /// `/metrics`
    Metrics,
}

impl KeyedRoute {
    /// The route at `path`; one trailing slash makes no difference.
    pub fn from_path(path: &str) -> Option<Self> {
        if let Some(route) = Route::from_path(path) {
            return Some(Self::Series(route));
        }
        if let Some(route) = ListRoute::from_path(path) {
            return Some(Self::List(route));
        }
        let path = path.strip_suffix('/').unwrap_or(path);
        if let Some(route) = TrackRoute::from_path(path) {
            return Some(Self::Track(route));
        }
        if let Some(route) = ProfileRoute::from_path(path) {
            return Some(Self::Profiles(route));
        }
        match path {
            "/ingest" => Some(Self::Ingest),
            "/console/workspace" => Some(Self::Workspace),
            "/metrics" => Some(Self::Metrics),
            path => AdminPath::at(path).map(Self::Admin),
        }
    }

    /// The language of its refusals.
    pub const fn language(self) -> Language {
        match self {
            Self::Series(route) => route.language(),
            _ => Language::English,
        }
    }

    /// What it takes.
    pub fn methods(self) -> Methods {
        match self {
            Self::Admin(path) => path.methods(),
            Self::Ingest | Self::Track(_) | Self::Profiles(_) => Methods::Write,
            Self::Series(_) | Self::List(_) | Self::Workspace | Self::Metrics => Methods::Read,
        }
    }

    /// What a key must be allowed to do; `None` asks for any key.
    pub fn permission(self) -> Option<&'static str> {
        match self {
            Self::Admin(path) => Some(path.permission()),
            Self::Series(route) => Some(route.permission()),
            Self::List(route) => Some(route.permission()),
            Self::Ingest => Some("ingest"),
            Self::Metrics => Some("metrics"),
            Self::Track(_) => Some(TrackRoute::PERMISSION),
            Self::Profiles(route) => Some(route.permission()),
            Self::Workspace => None,
        }
    }

    fn counting(self) -> Counting {
        match self {
            Self::Series(_) | Self::List(_) => Counting::Counted,
            Self::Ingest | Self::Track(_) | Self::Profiles(_) => Counting::Ingesting,
            Self::Admin(path) => path.counting(),
            Self::Workspace | Self::Metrics => Counting::Free,
        }
    }

    /// Answers whoever may ask. What takes bodies, and so is seldom asked for, keeps its state elsewhere: a question
    /// about a series carries none of it.
    async fn answer(
        self,
        app: &Arc<App>,
        visitor: Visitor,
        request: Request,
        now: Instant,
    ) -> Result<Response, ApiError> {
        match self {
            Self::Series(route) => {
                // Looked at before the rows are, which then lack no more than it says.
                let lag = app.engine.lag();
                let mut response = match series::series(app, route, visitor, &request, now)? {
                    series::Answer::Counted(response) => response,
                    series::Answer::Awaited(counting) => counting.await.map_err(|_| ErrorCode::Internal)??,
                };
                respond::add_lag(&mut response, lag);
                Ok(response)
            }
            Self::List(route) => Ok(respond::json(route.body())),
            Self::Ingest => Box::pin(ingest::ingest(app, visitor, request, now)).await,
            Self::Track(route) => Box::pin(track::track(app, route, visitor, request, now)).await,
            Self::Profiles(route) => Box::pin(profiles::profiles(app, route, visitor, request, now)).await,
            Self::Admin(path) => Box::pin(admin::administer(app, path, visitor, request, now)).await,
            Self::Workspace => Ok(console::workspace(&visitor.workspace)),
            Self::Metrics => Ok(metrics::answer(app)),
        }
    }
}

/// Finds who asks and whether they may, then answers. What is refused whoever asks comes with its refusal. Every answer
/// to a valid key says where its hour stands.
pub async fn handle(
    app: &Arc<App>,
    asked: Result<KeyedRoute, Response>,
    peer: SocketAddr,
    mut request: Request,
    now: Instant,
) -> Response {
    let visitor = match access::identify(app, asked.as_ref().ok().copied(), &mut request).await {
        Ok(identified) => identified,
        Err(error) => return respond::error(&error),
    };
    let standing = visitor.as_ref().map(|visitor| {
        let counting = asked.as_ref().map_or(Counting::Free, |route| route.counting());
        app.limiter.take(Limits::of(&visitor.workspace), counting, now)
    });
    let mut response = match asked {
        Err(refusal) => refusal,
        Ok(route) => match admit(route, visitor, standing, peer) {
            Ok(visitor) => route.answer(app, visitor, request, now).await.unwrap_or_else(|e| respond::error(&e)),
            Err(error) => respond::error(&error),
        },
    };
    if let Some(standing) = standing {
        respond::add_standing(&mut response, standing, now);
    }
    response
}

fn admit(
    route: KeyedRoute,
    visitor: Option<Visitor>,
    standing: Option<Standing>,
    peer: SocketAddr,
) -> Result<Visitor, ApiError> {
    let visitor = visitor.ok_or(ErrorCode::InvalidApiKey)?;
    let permitted = route.permission().is_none_or(|permission| keys::permits(&visitor.key, permission));
    if !permitted || !keys::admits(&visitor.key, peer.ip()) {
        return Err(ErrorCode::AccessDenied.into());
    }
    if standing.is_some_and(|standing| standing.exceeded) {
        return Err(ErrorCode::RateLimited.into());
    }
    Ok(visitor)
}
