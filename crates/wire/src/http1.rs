//! Serves one connection of HTTP/1.1. Most connections are idle most of the time, so what a request needs (hyper's buffers,
//! the place of its answer) is allocated when the first byte of one arrives, and freed a moment after the response.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{FutureExt, future};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Version, header};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use model::Timestamp;
use shares::{Activity, Connection as Place};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::connection::{Either, Limits, Service, contains, panicked, refused, watched};
use crate::fault::Fault;
use crate::progress::Progress;
use crate::rewound::Rewound;
use crate::stream::CallerStream;
use crate::transport::Io;
use crate::upgrade::{Switched, Upgrade};
use crate::{head, http2};

#[cfg(test)]
mod tests;

/// After a response, a connection keeps its memory this long: the next request may follow at once.
const PAUSE: Duration = Duration::from_millis(250);

/// Serves until the connection ends, whatever it turns into.
pub(crate) async fn serve<S: Service>(
    io: Io,
    place: &Place,
    limits: Limits,
    stop: &CancellationToken,
    service: &S,
) {
    let progress = Arc::new(Progress::new());
    let mut stream = CallerStream::new(io, limits.write_idle, Arc::clone(&progress));
    let mut read = Bytes::new();
    loop {
        if read.is_empty() {
            let until = progress.quiet_since() + limits.head;
            if !is_spoken_to(&mut stream, until, place, stop).await {
                return;
            }
        } else {
            progress.read();
        }
        let stream_again = Rewound::new(read, stream);
        // In memory of its own, which is freed when nothing was said for a while.
        let next = Box::pin(converse(stream_again, &progress, place, limits, stop, service)).await;
        match next {
            Next::Wait(read_ahead, idle) => (read, stream) = (read_ahead, idle),
            Next::Switch(upgrade, switched) => {
                return Box::pin(upgrade.run(*switched, stop.clone())).await;
            }
            Next::Http2(stream) => {
                return Box::pin(http2::serve(*stream, place, limits, stop, service)).await;
            }
            Next::End => return,
        }
    }
}

/// Waits until the caller begins to speak. False if the connection is to be closed before.
async fn is_spoken_to(
    stream: &mut CallerStream,
    until: Instant,
    place: &Place,
    stop: &CancellationToken,
) -> bool {
    tokio::select! {
        biased;
        () = stream.speaks() => true,
        () = stop.cancelled() => false,
        () = place.asked_to_close() => false,
        () = sleep_until(until) => false,
    }
}

/// What becomes of a connection.
enum Next {
    /// No request is in progress. What was read of the next one, if anything.
    Wait(Bytes, CallerStream),
    Switch(Upgrade, Box<Switched>),
    Http2(Box<Rewound<CallerStream>>),
    End,
}

/// Answers requests until none has come for [`PAUSE`], or the connection is not one of HTTP/1.1 any more.
async fn converse<S: Service>(
    stream: Rewound<CallerStream>,
    progress: &Arc<Progress>,
    place: &Place,
    limits: Limits,
    stop: &CancellationToken,
    service: &S,
) -> Next {
    let activity = place.activity();
    let upgrade = Mutex::new(None);
    let answer = service_fn(|request: Request<Incoming>| {
        let (progress, activity) = (Arc::clone(progress), activity.clone());
        let upgrade = &upgrade;
        progress.asked();
        async move {
            progress.answering();
            activity.begin();
            let mut answer = respond(service, request).await;
            if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
                *lock(upgrade) = Upgrade::of(&mut answer);
            }
            Ok::<_, Infallible>(answer.map(|body| Served {
                body,
                progress,
                activity,
            }))
        }
    });
    let head_bytes = limits.head_bytes.max(8192);
    let mut connection = http1::Builder::new()
        // Hyper would set a timer for each head. `until_the_end` has one for the connection.
        .header_read_timeout(None)
        .max_buf_size(head_bytes)
        .max_header_size(head_bytes)
        .serve_connection(TokioIo::new(stream), answer);
    let shut_down = |connection: Pin<&mut _>| http1::Connection::graceful_shutdown(connection);
    let end = until_the_end(&mut connection, shut_down, progress, place, limits.head, stop).await;
    let parts = connection.into_parts();
    let (read, mut stream) = parts.io.into_inner().apart(parts.read_buf);
    let fault = match end {
        End::Idle => return Next::Wait(without_empty_lines(read), stream),
        End::MakeRoom => return Next::End,
        End::Served(Ok(())) => {
            let upgrade = lock(&upgrade).take();
            if let Some(upgrade) = upgrade {
                activity.begin();
                // No byte of what follows is hyper's own.
                progress.answering();
                return Next::Switch(upgrade, Box::new(Switched::new(read, stream)));
            }
            None
        }
        End::Served(Err(_)) if !progress.has_asked() && is_http2(&read, &stream) => {
            return Next::Http2(Box::new(Rewound::new(read, stream.in_frames())));
        }
        End::Served(Err(error)) => {
            tracing::debug!(%error, cause = ?error, "a connection ended with an error");
            match explain(&error, service.now(), progress.is_answering()) {
                Some(fault) => Some(fault),
                None => return Next::End,
            }
        }
        End::Late if read.is_empty() => return Next::End,
        End::Late => Some(late(service.now())),
    };
    if let Some(fault) = fault {
        service.failed(&fault);
        if stream.refuse(&fault.bytes()).await.is_err() {
            return Next::End;
        }
    }
    tokio::select! {
        () = stream.linger() => {}
        // A caller that only keeps its connection open must not delay shutdown.
        () = stop.cancelled() => {}
        () = place.asked_to_close() => {}
    }
    Next::End
}

/// Why hyper is done with a connection.
enum End {
    Served(hyper::Result<()>),
    /// No request is in progress, and all responses have been sent.
    Idle,
    /// The head of a request took too long.
    Late,
    /// For another connection.
    MakeRoom,
}

/// Drives hyper's connection until it ends. That of an idle one is shut down after [`PAUSE`].
async fn until_the_end<C>(
    connection: &mut C,
    shut_down: impl Fn(Pin<&mut C>),
    progress: &Progress,
    place: &Place,
    head: Duration,
    stop: &CancellationToken,
) -> End
where
    C: Future<Output = hyper::Result<()>> + Unpin,
{
    let pause = PAUSE.min(head);
    let began = Instant::now();
    // Not set anew for each request and response: it looks how far they are.
    let mut alarm = pin!(sleep_until(began + pause));
    loop {
        tokio::select! {
            // What has come is read before the connection may be closed.
            biased;
            served = &mut *connection => return End::Served(served),
            () = stop.cancelled() => break,
            () = place.asked_to_close() => {
                if !place.activity().is_busy() {
                    return End::MakeRoom;
                }
                break;
            }
            () = &mut alarm => {
                let now = Instant::now();
                let quiet_since = progress.quiet_since().max(began);
                if progress.has_begun() && now >= quiet_since + head {
                    return End::Late;
                }
                let look = if progress.is_quiet() { quiet_since } else { now } + pause;
                if now < look {
                    alarm.as_mut().reset(look);
                    continue;
                }
                shut_down(Pin::new(connection));
                // Hyper reads no more. If it is idle, as it should be, it is done at once.
                match future::poll_immediate(&mut *connection).await {
                    Some(Ok(())) => return End::Idle,
                    Some(Err(error)) => return End::Served(Err(error)),
                    None => break,
                }
            }
        }
    }
    shut_down(Pin::new(connection));
    End::Served(connection.await)
}

/// Some callers send an empty line after a body. Hyper ignores it.
fn without_empty_lines(read: Bytes) -> Bytes {
    if read.iter().all(|byte| matches!(byte, b'\r' | b'\n')) {
        return Bytes::new();
    }
    read
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
    // In memory of its own: hyper keeps the place for this future between requests too, and it holds what it awaits twice.
    let answered = AssertUnwindSafe(Box::pin(service.answer(request)))
        .catch_unwind()
        .await;
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

fn say_close(headers: &mut HeaderMap) {
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
}

/// Whether an HTTP/1.0 caller asked to keep the connection open.
fn keeps_alive(headers: &HeaderMap) -> bool {
    let mut options = headers.get_all(header::CONNECTION).iter();
    options.any(|options| contains(options.as_bytes(), b"keep-alive"))
}

/// What to answer when a request could not be read. `None` if that would land in the middle of another response, or if
/// the connection itself failed.
fn explain(error: &hyper::Error, at: Timestamp, answering: bool) -> Option<Fault> {
    if answering {
        return None;
    }
    if error.is_parse_too_large() {
        return Some(Fault::too_large(at));
    }
    error
        .is_parse()
        .then(|| Fault::bad_request(at, "This is not a valid HTTP/1.1 request."))
}

fn late(at: Timestamp) -> Fault {
    Fault::new(
        at,
        StatusCode::REQUEST_TIMEOUT,
        "request_timeout",
        "The request's headers did not arrive in time.",
    )
}

fn is_http2(read: &[u8], stream: &CallerStream) -> bool {
    http2::begins(read) && stream.io().allows_prior_knowledge()
}

/// A response body that reports when it is done.
struct Served<B> {
    body: Either<B>,
    progress: Arc<Progress>,
    activity: Activity,
}

impl<B> Drop for Served<B> {
    fn drop(&mut self) {
        self.progress.answered();
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
