use std::future::ready;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use axum::body::Body;
use axum::response::Response;
use axum::routing::get;
use bytes::Bytes;
use dauphin_engine::Engine;
use http::HeaderMap;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use crate::http::{Answering, App, Plain, ServeOptions, Server, serve};

const BODY_BYTES_MAX: usize = 32 << 20;

/// A server that answers in the background until it is dropped.
pub struct Background {
    pub address: SocketAddr,
    stop: watch::Sender<bool>,
    _runtime: Runtime,
}

impl Background {
    /// The server as it is.
    pub fn dauphin(engine: &Arc<Engine>) -> anyhow::Result<Self> {
        let options = ServeOptions { listen: "127.0.0.1:0".to_owned(), metrics_listen: None, tls: None };
        let runtime = runtime()?;
        let server = runtime.block_on(Server::bind(&options))?;
        let address = server.url.trim_start_matches("http://").parse().context("read the listening address")?;
        let (stop, stopped) = watch::channel(false);
        runtime.spawn(serve(server, App::new(engine.clone(), BODY_BYTES_MAX), stopped));
        Ok(Self { address, stop, _runtime: runtime })
    }

    /// A server of one route on the same HTTP stack, which answers with one head and one body.
    pub fn constant_route(path: &str, headers: HeaderMap, body: Bytes) -> anyhow::Result<Self> {
        let answer = move || ready(constant(&headers, &body));
        let service = Router::new().route(path, get(answer)).into_make_service();
        Self::answering(|listener| async move { axum::serve(listener, service).await })
    }

    /// The same without route or handler: it answers everything alike, through the service that the server has for itself.
    pub fn constant(headers: HeaderMap, body: Bytes) -> anyhow::Result<Self> {
        let whole = Arc::new((headers, body));
        let service = Answering(move |_, _| ready(constant(&whole.0, &whole.1)));
        Self::answering(|listener| async move { axum::serve(listener, service).await })
    }

    fn answering<Served: Future<Output = io::Result<()>> + Send + 'static>(
        serve: impl FnOnce(Plain) -> Served,
    ) -> anyhow::Result<Self> {
        let runtime = runtime()?;
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
        let address = listener.local_addr()?;
        let (stop, _) = watch::channel(false);
        runtime.spawn(serve(Plain(listener)));
        Ok(Self { address, stop, _runtime: runtime })
    }
}

fn constant(headers: &HeaderMap, body: &Bytes) -> Response {
    let mut response = Response::new(Body::from(body.clone()));
    response.headers_mut().clone_from(headers);
    response
}

impl Drop for Background {
    fn drop(&mut self) {
        // Nobody listens when it answers constants.
        let _ = self.stop.send(true);
    }
}

fn runtime() -> anyhow::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("start the runtime")
}
