use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::SocketAddr;
use std::task::{Context, Poll};

use axum::extract::Request;
use axum::response::Response;
use axum::serve::{IncomingStream, Listener};
use futures_util::FutureExt;
use futures_util::future::Map;
use tower_service::Service;

/// Answers every request with one function of the request and of the address that it comes from. A router or a handler
/// would keep that address in a map, and the answer under way in a box, a request each.
#[derive(Clone)]
pub struct Answering<F>(pub F);

/// [`Answering`] on one connection.
#[derive(Clone)]
pub struct Connection<F> {
    answer: F,
    peer: SocketAddr,
}

impl<F: Clone, L: Listener<Addr = SocketAddr>> Service<IncomingStream<'_, L>> for Answering<F> {
    type Response = Connection<F>;
    type Error = Infallible;
    type Future = Ready<Result<Connection<F>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, stream: IncomingStream<'_, L>) -> Self::Future {
        ready(Ok(Connection { answer: self.0.clone(), peer: *stream.remote_addr() }))
    }
}

impl<F, Answer> Service<Request> for Connection<F>
where
    F: Fn(SocketAddr, Request) -> Answer,
    Answer: Future<Output = Response>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Map<Answer, fn(Response) -> Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        (self.answer)(self.peer, request).map(Ok)
    }
}
