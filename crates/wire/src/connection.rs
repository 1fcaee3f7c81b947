//! Serves one accepted socket until it closes.

use std::any::Any;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future;
use http::{HeaderValue, Request, Response, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use hyper::body::Incoming;
use model::Timestamp;
use shares::Connection as Place;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use crate::body::{CallerBody, Watch};
use crate::fault::Fault;
use crate::tls::Tls;
use crate::transport::Io;
use crate::{http1, panics, tls};

/// Answers the requests of a connection.
pub trait Service: Send + Sync {
    type Body: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>>
        + Send
        + Unpin
        + 'static;

    fn answer(&self, request: Request<CallerBody>) -> impl Future<Output = Response<Self::Body>> + Send;

    /// The present moment, for the ids of responses that no handler gave.
    fn now(&self) -> Timestamp;

    /// Called when the connection itself answered: no handler saw the request, or the handler panicked.
    fn failed(&self, fault: &Fault);
}

/// Limits on size and time.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Size of a request's head in bytes; a larger one is answered 431.
    pub head_bytes: usize,
    /// How long a connection may be silent before its first request and between two. Also how long a request's head may take,
    /// from its first byte on; or, if that byte follows a response at once, from the end of the response.
    pub head: Duration,
    /// How long a caller may take to read the next piece of its response.
    pub write_idle: Duration,
    /// Requests at once over one HTTP/2 connection.
    pub streams: u32,
}

/// Serves one connection until it ends, over TLS if there is a certificate. After `stop`, it finishes the requests in
/// progress and accepts no more. When the connection is asked to make room for another and is idle, it is closed at once.
pub fn serve<S: Service>(
    tcp: TcpStream,
    tls: Option<&Tls>,
    place: &Place,
    limits: Limits,
    stop: &CancellationToken,
    service: &S,
) -> impl Future<Output = ()> + Send {
    if let Err(error) = tcp.set_nodelay(true) {
        tracing::debug!(%error, "the caller disconnected before it was served");
    }
    match tls {
        None => future::Either::Left(http1::serve(Io::Plain(tcp), place, limits, stop, service)),
        // In memory of its own, which connections without TLS need not have.
        Some(tls) => future::Either::Right(Box::pin(tls::serve(tls, tcp, place, limits, stop, service))),
    }
}

/// The handler panicked.
pub(crate) fn panicked<S: Service>(
    service: &S,
    accept: Option<&HeaderValue>,
    panic: &(dyn Any + Send),
) -> Response<Either<S::Body>> {
    let mut fault = Fault::panicked(service.now(), &panics::incident(panic));
    fault.wants_page = accept.is_some_and(|kinds| contains(kinds.as_bytes(), b"text/html"));
    refused(service, fault)
}

pub(crate) fn watched(request: Request<Incoming>) -> (Request<CallerBody>, Option<Arc<Watch>>) {
    let waits = request.headers().contains_key(header::EXPECT);
    let (parts, body) = request.into_parts();
    let (body, watch) = CallerBody::new(body, waits);
    (Request::from_parts(parts, body), watch)
}

pub(crate) fn refused<S: Service>(service: &S, fault: Fault) -> Response<Either<S::Body>> {
    service.failed(&fault);
    fault.answer().map(|body| Either::Own(Full::new(body)))
}

pub(crate) fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len())
        .any(|window| window.eq_ignore_ascii_case(part))
}

/// A handler's body or one of our own.
pub(crate) enum Either<B> {
    Handler(B),
    Own(Full<Bytes>),
}

impl<B: Body<Data = Bytes> + Unpin> Body for Either<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        match self.get_mut() {
            Self::Handler(body) => Pin::new(body).poll_frame(cx),
            Self::Own(body) => Pin::new(body).poll_frame(cx).map_err(|never| match never {}),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Handler(body) => body.is_end_stream(),
            Self::Own(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Handler(body) => body.size_hint(),
            Self::Own(body) => body.size_hint(),
        }
    }
}
