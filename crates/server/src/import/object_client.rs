use std::time::Duration;

use async_trait::async_trait;
use object_store::ClientOptions;
use object_store::client::{
    ClientConfigKey, HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
};
use ureq::Agent;

/// Longest answer: a part of a file, or a page of a list.
const ANSWER_BYTES_MAX: u64 = 64 << 20;

/// Sends the requests of an object store through the HTTP client of the command line. What failed and may be tried again
/// is tried again by the object store's library, which it tells why it failed.
#[derive(Debug)]
pub struct Connector;

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let allows_http = options.get_config_value(&ClientConfigKey::AllowHttp).is_some_and(|value| value == "true");
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .https_only(!allows_http)
            // A request is signed for one address.
            .max_redirects(0)
            .timeout_connect(Some(Duration::from_secs(10)))
            .timeout_global(Some(Duration::from_mins(1)));
        Ok(HttpClient::new(Client(config.build().into())))
    }
}

#[derive(Debug)]
struct Client(Agent);

#[async_trait]
impl HttpService for Client {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let agent = self.0.clone();
        let called = tokio::task::spawn_blocking(move || call(&agent, request)).await;
        called.map_err(|error| HttpError::new(HttpErrorKind::Unknown, error))?
    }
}

fn call(agent: &Agent, request: HttpRequest) -> Result<HttpResponse, HttpError> {
    let failed = |error: ureq::Error| {
        let kind = match &error {
            ureq::Error::Timeout(_) => HttpErrorKind::Timeout,
            ureq::Error::BodyExceedsLimit(_) => HttpErrorKind::Decode,
            _ => HttpErrorKind::Request,
        };
        HttpError::new(kind, error)
    };
    let (parts, body) = request.into_parts();
    // Only a token is ever asked for with a body, which is one piece.
    let sent = match body.as_bytes().filter(|body| !body.is_empty()) {
        Some(body) => agent.run(http::Request::from_parts(parts, body.to_vec())),
        None => agent.run(http::Request::from_parts(parts, ())),
    };
    let (parts, mut body) = sent.map_err(failed)?.into_parts();
    let body = body.with_config().limit(ANSWER_BYTES_MAX).read_to_vec().map_err(failed)?;
    Ok(HttpResponse::from_parts(parts, body.into()))
}
