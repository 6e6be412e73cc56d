use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::get;
use dauphin_api::ErrorCode;
use http::{HeaderValue, header};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::sdk::SdkRoute;
use super::{App, Endpoint, handle, respond};

/// Answers, and counts the answer.
pub async fn metered(app: Arc<App>, peer: SocketAddr, request: Request) -> Response {
    let began = Instant::now();
    let path = request.uri().path();
    let endpoint = Endpoint::of_path(path);
    let counters = app.metrics.route(counted_as(endpoint, path));
    let response = handle(&app, endpoint, peer, request).await;
    counters.answered(response.status().as_u16(), began.elapsed());
    response
}

/// Paths that do not exist are counted together, and so are those that hold a key: there is no end of them.
fn counted_as(endpoint: Option<Endpoint>, path: &str) -> &str {
    match endpoint {
        None => "other",
        Some(Endpoint::Sdk(SdkRoute::SegmentSettings)) => "/v1/projects/{writeKey}/settings",
        Some(_) => path.strip_suffix('/').filter(|path| !path.is_empty()).unwrap_or(path),
    }
}

/// The metrics as text.
pub fn answer(app: &App) -> Response {
    let mut response = Response::new(Body::from(app.metrics.text(&*app.engine)));
    let content_type = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}

/// What a listener of its own answers without a key: the metrics, and nothing else.
pub fn private_service(app: &Arc<App>) -> Router {
    let metrics = get(|State(app): State<Arc<App>>| async move { answer(&app) });
    let nothing = || async { respond::error(&ErrorCode::NotFound.into()) };
    Router::new().route("/metrics", metrics).fallback(nothing).with_state(Arc::clone(app))
}

/// Answers until told to stop.
pub async fn serve_private(listener: TcpListener, service: Router, mut stop: watch::Receiver<bool>) {
    let stopping = async move {
        // An error means that nobody can tell to stop any more.
        let _ = stop.wait_for(|stop| *stop).await;
    };
    if let Err(error) = axum::serve(listener, service).with_graceful_shutdown(stopping).await {
        tracing::error!(%error, "metrics are not shown any more");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_as_many_counters_as_routes() {
        for (path, counted) in [
            ("/kpi/dau/data_series/", "/kpi/dau/data_series"),
            ("/", "/"),
            ("/wp-login.php", "other"),
            ("/v1/projects/abc/settings", "/v1/projects/{writeKey}/settings"),
            ("/v1/batch", "/v1/batch"),
        ] {
            assert_eq!(counted_as(Endpoint::of_path(path), path), counted);
        }
    }
}
