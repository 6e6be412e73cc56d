use std::sync::Arc;

use axum::extract::Request;
use axum::response::Response;
use dauphin_api::{ApiError, ErrorCode, Route, SeriesParameters};
use dauphin_model::{Instant, Scope};
use http::header;

use super::access::Visitor;
use super::{App, respond};
use crate::points::{self, Counted};

/// Answers a series. One of today's rows is counted at once; one that looks back waits for the committer to show the
/// parts of its rows, and one over every app may take long, so these get a thread that may wait.
pub async fn series(
    app: &Arc<App>,
    route: Route,
    visitor: Visitor,
    request: Request,
    now: Instant,
) -> Result<Response, ApiError> {
    let workspace = visitor.workspace;
    let accept = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let query = request.uri().query().unwrap_or("");
    let asked = SeriesParameters::read(route, query, accept, now, &workspace.zone)?;
    let scope = match &asked.app_id {
        None => Scope::Workspace,
        Some(id) => Scope::App(workspace.app(id).ok_or_else(|| ApiError::unknown_app(route.language(), id))?),
    };
    let takes_long = points::looks_back(&asked) || route == Route::Overlap;
    let answer = move |app: &App| {
        let keys = points::keys(route, scope, &workspace);
        let counted = if points::looks_back(&asked) {
            let histories = app.engine.history(workspace.index, keys).map_err(|error| respond::not_shown(&error))?;
            Counted::Recorded(histories)
        } else {
            let rows = app.engine.rows(workspace.index);
            Counted::Now(keys.into_iter().map(|key| rows.of(key)).collect())
        };
        let points = points::points(route, &asked, scope, &workspace, &counted);
        Ok(respond::points(&points, asked.format, route.language()))
    };
    if !takes_long {
        return answer(app);
    }
    let app = Arc::clone(app);
    tokio::task::spawn_blocking(move || answer(&app)).await.map_err(|_| ErrorCode::Internal)?
}
