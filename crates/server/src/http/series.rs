use std::sync::Arc;

use axum::extract::Request;
use axum::response::Response;
use dauphin_api::{ApiError, Route, SeriesParameters};
use dauphin_engine::Workspace;
use dauphin_model::{Instant, Scope};
use http::header;
use tokio::task::JoinHandle;

use super::access::Visitor;
use super::answers::Question;
use super::{App, respond};
use crate::points::{self, Counted};

/// The answer to a question about a series.
pub enum Answer {
    /// Counted from today's rows, as far as its days were not before.
    Counted(Response),
    /// Under way on a thread that may wait: a series that looks back waits for the committer to show the parts of its
    /// rows, and one over every app may take long.
    Awaited(JoinHandle<Result<Response, ApiError>>),
}

/// Answers a question about a series, or begins to.
pub fn series(
    app: &Arc<App>,
    route: Route,
    visitor: Visitor,
    request: &Request,
    now: Instant,
) -> Result<Answer, ApiError> {
    let workspace = visitor.workspace;
    let accept = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let query = request.uri().query().unwrap_or("");
    let asked = SeriesParameters::read(route, query, accept, now, &workspace.zone)?;
    let scope = match &asked.app_id {
        None => Scope::Workspace,
        Some(id) => Scope::App(workspace.app(id).ok_or_else(|| ApiError::unknown_app(route.language(), id))?),
    };
    if points::looks_back(&asked) || route == Route::Overlap {
        let app = Arc::clone(app);
        let work = move || count(&app, route, &asked, scope, &workspace);
        return Ok(Answer::Awaited(tokio::task::spawn_blocking(work)));
    }
    let rows = app.engine.rows(workspace.index).of(points::key(route, scope));
    let count = |asked: &SeriesParameters| {
        points::points(route, asked, scope, &workspace, &Counted::Now(vec![Arc::clone(&rows)]))
    };
    let SeriesParameters { first, length, window, format, .. } = asked;
    let body = if asked.hours.is_some() {
        respond::written(&count(&asked), format, route.language())
    } else {
        let question = Question { workspace: workspace.index, scope, route, window, format };
        let count = |first, length| count(&SeriesParameters { first, length, ..asked.clone() });
        app.answers.body(question, &rows, first, length, count)
    };
    Ok(Answer::Counted(respond::series(body, format)))
}

/// Counts what may wait or take long.
fn count(
    app: &App,
    route: Route,
    asked: &SeriesParameters,
    scope: Scope,
    workspace: &Workspace,
) -> Result<Response, ApiError> {
    let keys = points::keys(route, scope, workspace);
    let counted = if points::looks_back(asked) {
        let histories = app.engine.history(workspace.index, keys).map_err(|error| respond::not_shown(&error))?;
        Counted::Recorded(histories)
    } else {
        let rows = app.engine.rows(workspace.index);
        Counted::Now(keys.into_iter().map(|key| rows.of(key)).collect())
    };
    let points = points::points(route, asked, scope, workspace, &counted);
    Ok(respond::series(respond::written(&points, asked.format, route.language()), asked.format))
}
