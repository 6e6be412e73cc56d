use std::future::ready;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use axum::body::Body;
use axum::response::Response;
use axum::serve::ListenerExt;
use bytes::Bytes;
use dauphin_engine::Engine;
use http::HeaderMap;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use crate::http::{Answering, App, ServeOptions, Server, serve};

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

    /// The same HTTP stack, which answers everything with one head and one body.
    pub fn constant(headers: HeaderMap, body: Bytes) -> anyhow::Result<Self> {
        let runtime = runtime()?;
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
        let address = listener.local_addr()?;
        let listener = listener.tap_io(|stream| {
            // As the server does; failing costs only time.
            let _ = stream.set_nodelay(true);
        });
        let whole = Arc::new((headers, body));
        let service = Answering(move |_, _| {
            let (headers, body) = &*whole;
            let mut response = Response::new(Body::from(body.clone()));
            *response.headers_mut() = headers.clone();
            ready(response)
        });
        let (stop, _) = watch::channel(false);
        runtime.spawn(async move { axum::serve(listener, service).await });
        Ok(Self { address, stop, _runtime: runtime })
    }
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
