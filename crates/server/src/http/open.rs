use axum::response::Response;

use super::{App, respond};
use crate::{console, docs};

/// What anybody may ask, without a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OpenRoute {
    /// `/`
    Console,
    /// `/openapi.json`
    OpenApi,
    /// `/docs`
    Docs,
    /// `/healthz`
    Health,
    /// `/readyz`
    Ready,
}

impl OpenRoute {
    /// The route at `path`; one trailing slash makes no difference.
    pub fn from_path(path: &str) -> Option<Self> {
        match path.strip_suffix('/').unwrap_or(path) {
            "" => Some(Self::Console),
            "/openapi.json" => Some(Self::OpenApi),
            "/docs" => Some(Self::Docs),
            "/healthz" => Some(Self::Health),
            "/readyz" => Some(Self::Ready),
            _ => None,
        }
    }

    /// Answers at once.
    pub fn answer(self, app: &App) -> Response {
        match self {
            Self::Console => console::page(),
            Self::OpenApi => docs::openapi(),
            Self::Docs => docs::page(),
            Self::Health => respond::json(r#"{"message":"alive"}"#),
            Self::Ready => match app.engine.failure() {
                None => respond::json(r#"{"message":"ready"}"#),
                Some(error) => respond::error(&respond::unavailable(&error)),
            },
        }
    }
}
