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

/// At most this much is read at once. Hyper begins with 8 KiB and doubles it while callers send more. A body of 64 KiB and
/// its head then come in one piece, which costs half of what two do.
const MOST_READ: usize = 128 * 1024;

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

/// What a connection is served with.
struct Serving<'a, S> {
    progress: Arc<Progress>,
    place: &'a Place,
    limits: Limits,
    stop: &'a CancellationToken,
    service: &'a S,
}

/// What becomes of a connection.
enum Next {
    /// No request is in progress. What was read of the next one, if anything.
    Wait(Bytes, CallerStream),
    /// It speaks another protocol from now on.
    Switch(Upgrade, Switched),
    Http2(Rewound<CallerStream>),
    /// It ends, after this if there is something to say.
    Close(CallerStream, Option<Fault>),
    Drop,
}

/// Serves until the connection ends, whatever it turns into.
pub(crate) async fn serve<S: Service>(
    io: Io,
    place: &Place,
    limits: Limits,
    stop: &CancellationToken,
    service: &S,
) {
    let serving = Serving {
        progress: Arc::new(Progress::new()),
        place,
        limits,
        stop,
        service,
    };
    let mut stream = CallerStream::new(io, limits.write_idle, Arc::clone(&serving.progress));
    let mut read = Bytes::new();
    loop {
        if !read.is_empty() {
            serving.progress.read();
        } else if !serving.is_spoken_to(&mut stream).await {
            return;
        }
        // Each of these is in memory of its own, which is freed when it has ended.
        let next = Box::pin(serving.converse(Rewound::new(read, stream))).await;
        match next {
            Next::Wait(ahead, idle) => (read, stream) = (ahead, idle),
            Next::Switch(upgrade, switched) => return Box::pin(upgrade.run(switched, stop.clone())).await,
            Next::Http2(stream) => return Box::pin(http2::serve(stream, place, limits, stop, service)).await,
            Next::Close(stream, fault) => return Box::pin(serving.close(stream, fault)).await,
            Next::Drop => return,
        }
    }
}

impl<S: Service> Serving<'_, S> {
    /// Waits until the caller begins to speak. False if the connection is to be closed before.
    async fn is_spoken_to(&self, stream: &mut CallerStream) -> bool {
        let until = self.progress.quiet_since() + self.limits.head;
        tokio::select! {
            biased;
            () = stream.speaks() => true,
            () = self.stop.cancelled() => false,
            () = self.place.asked_to_close() => false,
            () = sleep_until(until) => false,
        }
    }

    /// Answers requests until none has come for [`PAUSE`], or the connection is not one of HTTP/1.1 any more.
    async fn converse(&self, stream: Rewound<CallerStream>) -> Next {
        let activity = self.place.activity();
        let upgrade = Mutex::new(None);
        let answer = service_fn(|request: Request<Incoming>| {
            let (progress, activity) = (Arc::clone(&self.progress), activity.clone());
            let upgrade = &upgrade;
            progress.asked();
            async move {
                progress.answering();
                activity.begin();
                let mut answer = respond(self.service, request).await;
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
        let head_bytes = self.limits.head_bytes.max(8192);
        let read_bytes = head_bytes.max(MOST_READ);
        let mut connection = http1::Builder::new()
            // Hyper would set a timer for each head. `until_the_end` has one for the connection.
            .header_read_timeout(None)
            .max_buf_size(read_bytes)
            .max_header_size(head_bytes)
            .serve_connection(TokioIo::new(stream), answer);
        let shut_down = |connection: Pin<&mut _>| http1::Connection::graceful_shutdown(connection);
        let end = self.until_the_end(&mut connection, shut_down).await;
        let parts = connection.into_parts();
        let (read, stream) = parts.io.into_inner().apart(parts.read_buf);
        self.next(end, lock(&upgrade).take(), read, stream)
    }

    /// Drives hyper's connection until it ends. That of an idle one is shut down after [`PAUSE`].
    async fn until_the_end<C>(&self, connection: &mut C, shut_down: impl Fn(Pin<&mut C>)) -> End
    where
        C: Future<Output = hyper::Result<()>> + Unpin,
    {
        let (progress, head) = (&*self.progress, self.limits.head);
        let pause = PAUSE.min(head);
        let began = Instant::now();
        // Not set anew for each request and response: it looks how far they are.
        let mut alarm = pin!(sleep_until(began + pause));
        loop {
            tokio::select! {
                // What has come is read before the connection may be closed.
                biased;
                served = &mut *connection => return End::Served(served),
                () = self.stop.cancelled() => break,
                () = self.place.asked_to_close() => {
                    if !self.place.activity().is_busy() {
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

    fn next(&self, end: End, upgrade: Option<Upgrade>, read: Bytes, stream: CallerStream) -> Next {
        let error = match (end, upgrade) {
            (End::Idle, _) => return Next::Wait(without_empty_lines(read), stream),
            (End::MakeRoom, _) => return Next::Drop,
            (End::Late, _) if read.is_empty() => return Next::Drop,
            (End::Late, _) => return Next::Close(stream, Some(late(self.service.now()))),
            (End::Served(Ok(())), Some(upgrade)) => {
                self.place.activity().begin();
                // No byte of what follows is hyper's own.
                self.progress.answering();
                return Next::Switch(upgrade, Switched::new(read, stream));
            }
            (End::Served(Ok(())), None) => return Next::Close(stream, None),
            (End::Served(Err(error)), _) => error,
        };
        if !self.progress.has_asked() && http2::begins(&read) && stream.io().allows_prior_knowledge() {
            return Next::Http2(Rewound::new(read, stream.in_frames()));
        }
        tracing::debug!(%error, cause = ?error, "a connection ended with an error");
        match explain(&error, self.service.now(), self.progress.is_answering()) {
            Some(fault) => Next::Close(stream, Some(fault)),
            None => Next::Drop,
        }
    }

    /// Closes the connection, in a way that lets the last response arrive.
    async fn close(&self, mut stream: CallerStream, fault: Option<Fault>) {
        if let Some(fault) = fault {
            self.service.failed(&fault);
            if stream.refuse(&fault.bytes()).await.is_err() {
                return;
            }
        }
        tokio::select! {
            () = stream.linger() => {}
            // A caller that only keeps its connection open must not delay shutdown.
            () = self.stop.cancelled() => {}
            () = self.place.asked_to_close() => {}
        }
    }
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
