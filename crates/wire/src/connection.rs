//! Serves one accepted socket until it closes.

use std::any::Any;
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{FutureExt, future};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Version, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use model::Timestamp;
use shares::{Activity, Connection as Place};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use crate::body::{CallerBody, Watch};
use crate::fault::Fault;
use crate::rewound::Rewound;
use crate::stream::CallerStream;
use crate::tls::Tls;
use crate::transport::Io;
use crate::upgrade::{Switched, Upgrade};
use crate::{head, http2, panics, tls};

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
    /// How long a request's head may take, counted from when the connection opened or the previous response ended.
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
        None => future::Either::Left(serve_http1(Io::Plain(tcp), place, limits, stop, service)),
        // In memory of its own, which connections without TLS need not have.
        Some(tls) => future::Either::Right(Box::pin(tls::serve(tls, tcp, place, limits, stop, service))),
    }
}

pub(crate) async fn serve_http1<S: Service>(
    io: Io,
    place: &Place,
    limits: Limits,
    stop: &CancellationToken,
    service: &S,
) {
    let answering = Arc::new(AtomicBool::new(false));
    let activity = place.activity();
    let stream = CallerStream::new(io, limits.write_idle, Arc::clone(&answering));
    let upgrade = Mutex::new(None);
    let is_first = AtomicBool::new(true);
    let answer = service_fn(|request: Request<Incoming>| {
        let (answering, activity) = (Arc::clone(&answering), activity.clone());
        let upgrade = &upgrade;
        is_first.store(false, Ordering::Relaxed);
        async move {
            answering.store(true, Ordering::SeqCst);
            activity.begin();
            let mut answer = respond(service, request).await;
            if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
                *lock(upgrade) = Upgrade::of(&mut answer);
            }
            Ok::<_, Infallible>(answer.map(|body| Served {
                body,
                answering,
                activity,
            }))
        }
    });
    let head_bytes = limits.head_bytes.max(8192);
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_buf_size(head_bytes)
        .max_header_size(head_bytes)
        .serve_connection(TokioIo::new(stream), answer);
    let served = tokio::select! {
        served = &mut connection => served,
        () = stop.cancelled() => {
            Pin::new(&mut connection).graceful_shutdown();
            (&mut connection).await
        }
        () = place.asked_to_close() => {
            if !activity.is_busy() {
                return;
            }
            Pin::new(&mut connection).graceful_shutdown();
            (&mut connection).await
        }
    };
    let parts = connection.into_parts();
    let mut stream = parts.io.into_inner();
    let upgrade = lock(&upgrade).take();
    if let (Ok(()), Some(upgrade)) = (&served, upgrade) {
        activity.begin();
        // No byte of what follows is hyper's own.
        answering.store(true, Ordering::SeqCst);
        // In memory of its own: few connections ever switch.
        Box::pin(upgrade.run(Switched::new(parts.read_buf, stream), stop.clone())).await;
        return;
    }
    if let Err(error) = served {
        if is_first.load(Ordering::Relaxed)
            && http2::begins(&parts.read_buf)
            && stream.io().allows_prior_knowledge()
        {
            let stream = Rewound::new(parts.read_buf, stream.in_frames());
            Box::pin(http2::serve(stream, place, limits, stop, service)).await;
            return;
        }
        tracing::debug!(%error, cause = ?error, "a connection ended with an error");
        let has_begun = !parts.read_buf.is_empty();
        let Some(fault) = explain(&error, service.now(), answering.load(Ordering::SeqCst), has_begun) else {
            return;
        };
        service.failed(&fault);
        if stream.refuse(&fault.bytes()).await.is_err() {
            return;
        }
    }
    tokio::select! {
        () = stream.linger() => {}
        // A caller that only keeps its connection open must not delay shutdown.
        () = stop.cancelled() => {}
        () = place.asked_to_close() => {}
    }
}

fn lock<T>(slot: &Mutex<T>) -> MutexGuard<'_, T> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Answers one request. Every path returns a response.
async fn respond<S: Service>(service: &S, mut request: Request<Incoming>) -> Response<Either<S::Body>> {
    if let Err(message) = head::check(&mut request) {
        return refused(service, Fault::bad_request(service.now(), message));
    }
    let ends_anyway = request.version() == Version::HTTP_10 && !keeps_alive(request.headers());
    let accept = request.headers().get(header::ACCEPT).cloned();
    let (request, watch) = watched(request);
    let answered = AssertUnwindSafe(service.answer(request)).catch_unwind().await;
    let mut response = match answered {
        Ok(response) => response.map(Either::Handler),
        Err(panic) => return panicked(service, accept.as_ref(), panic.as_ref()),
    };
    if let Some(watch) = watch {
        if watch.is_malformed() && !response.status().is_client_error() {
            return refused(
                service,
                Fault::bad_request(service.now(), "The request's body is not valid."),
            );
        }
        if !watch.is_over().await {
            say_close(response.headers_mut());
        }
    }
    if ends_anyway {
        say_close(response.headers_mut());
    }
    response
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

fn say_close(headers: &mut HeaderMap) {
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
}

/// Whether an HTTP/1.0 caller asked to keep the connection open.
fn keeps_alive(headers: &HeaderMap) -> bool {
    let mut options = headers.get_all(header::CONNECTION).iter();
    options.any(|options| contains(options.as_bytes(), b"keep-alive"))
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len())
        .any(|window| window.eq_ignore_ascii_case(part))
}

/// What to answer when a request could not be read. `None` if that would land in the middle of another response, or if
/// no request had begun.
fn explain(error: &hyper::Error, at: Timestamp, answering: bool, has_begun: bool) -> Option<Fault> {
    if answering {
        return None;
    }
    if error.is_parse_too_large() {
        return Some(Fault::too_large(at));
    }
    if error.is_parse() {
        return Some(Fault::bad_request(at, "This is not a valid HTTP/1.1 request."));
    }
    if error.is_timeout() && has_begun {
        return Some(Fault::new(
            at,
            StatusCode::REQUEST_TIMEOUT,
            "request_timeout",
            "The request's headers did not arrive in time.",
        ));
    }
    None
}

/// A handler's body or one of our own.
pub(crate) enum Either<B> {
    Handler(B),
    Own(Full<Bytes>),
}

/// A response body that reports when it is done.
struct Served<B> {
    body: Either<B>,
    answering: Arc<AtomicBool>,
    activity: Activity,
}

impl<B> Drop for Served<B> {
    fn drop(&mut self) {
        self.answering.store(false, Ordering::SeqCst);
        self.activity.end();
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Served<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
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
