//! Serves one HTTP/2 connection. Its requests are answered at once, each by the same rules as one of HTTP/1.1.
//!
//! All streams of a connection are polled with it, as one task: they borrow what the connection borrows, and none
//! outlives it.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use http::{Request, Response, header};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use shares::{Activity, Connection as Place};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, Sleep, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::connection::{Either, Limits, Service, panicked, refused, watched};
use crate::fault::Fault;
use crate::head;

/// What a caller that knows that we speak HTTP/2 begins with.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// How much of its requests' bodies a caller may send before it is asked for more: of one request, and of all together.
/// It is held in memory until an upstream takes it.
const STREAM_WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;

/// How much of a response is held for a caller that does not read it.
const SEND_BUFFER: usize = 64 * 1024;

/// A caller that is silent is asked this often whether it is still there, and given as long to answer.
const ASK_EVERY: Duration = Duration::from_secs(20);

/// Streams that a caller opens and resets at once, before they were looked at; and streams that we reset because of its
/// errors. With more of either, its connection is closed.
const RESETS: usize = 20;
const ERRORS: usize = 256;

/// How long a caller may take to agree that the connection ends, when nothing is in progress.
const FAREWELL: Duration = Duration::from_secs(1);

/// Whether these are the first bytes of an HTTP/2 connection. Hyper stops reading HTTP/1.1 when it has seen the version.
pub(crate) fn begins(read: &[u8]) -> bool {
    let length = read.len().min(PREFACE.len());
    length >= b"PRI * HTTP/2".len() && read[..length] == PREFACE[..length]
}

/// Serves until the connection ends. After `stop`, and when it is asked to make room for another, it finishes the requests
/// in progress and accepts no more.
pub(crate) async fn serve<T, S>(io: T, place: &Place, limits: Limits, stop: &CancellationToken, service: &S)
where
    T: AsyncRead + AsyncWrite + Unpin + Send,
    S: Service,
{
    let open = Arc::new(Open::new(place.activity()));
    let streams = Streams::new(limits.write_idle);
    let answer = service_fn(|request: Request<Incoming>| {
        let stream = Arc::new(Stream::begin(&open));
        streams.announce(&stream);
        async move {
            let response = respond(service, limits, request).await;
            Ok::<_, Infallible>(response.map(|body| Served {
                body,
                stream,
                pieces: 0,
            }))
        }
    });
    let connection = builder(&streams, limits).serve_connection(TokioIo::new(io), answer);
    let mut connection = pin!(connection);
    let mut running = FuturesUnordered::new();
    let mut farewell = false;
    let mut look = Instant::now() + limits.head;
    loop {
        let driven = std::future::poll_fn(|cx| {
            let polled = connection.as_mut().poll(cx);
            running.extend(streams.take());
            while let Poll::Ready(Some(())) = running.poll_next_unpin(cx) {}
            polled
        });
        tokio::select! {
            biased;
            ended = driven => {
                if let Err(error) = ended {
                    tracing::debug!(%error, cause = ?error, "an HTTP/2 connection ended with an error");
                }
                return;
            }
            () = stop.cancelled(), if !farewell => farewell = true,
            () = place.asked_to_close(), if !farewell => {
                if open.streams() == 0 {
                    return;
                }
                farewell = true;
            }
            () = sleep_until(look) => {
                let patience = if farewell { FAREWELL } else { limits.head };
                if open.streams() > 0 {
                    look = Instant::now() + patience;
                } else if open.quiet_for() < patience {
                    look = open.quiet_since() + patience;
                } else if farewell {
                    return;
                } else {
                    farewell = true;
                }
                if !farewell {
                    continue;
                }
            }
        }
        look = look.min(Instant::now() + FAREWELL);
        connection.as_mut().graceful_shutdown();
    }
}

fn builder<'a>(streams: &Streams<'a>, limits: Limits) -> http2::Builder<Streams<'a>> {
    let mut builder = http2::Builder::new(streams.clone());
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams)
        // Above the limit, so that we can say what is wrong. What is even larger gets a 431 without words.
        .max_header_list_size(u32::try_from(limits.head_bytes.saturating_mul(2)).unwrap_or(u32::MAX))
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .max_pending_accept_reset_streams(RESETS)
        .max_local_error_reset_streams(ERRORS)
        .keep_alive_interval(ASK_EVERY)
        .keep_alive_timeout(ASK_EVERY);
    builder
}

/// Answers one request. Every path returns a response.
async fn respond<S: Service>(
    service: &S,
    limits: Limits,
    mut request: Request<Incoming>,
) -> Response<Either<S::Body>> {
    if let Err(wrong) = head::check_http2(&mut request, limits.head_bytes) {
        return refused(service, Fault::of_head(service.now(), wrong));
    }
    let accept = request.headers().get(header::ACCEPT).cloned();
    let (request, _watch) = watched(request);
    // In a box, so that the compiler can still make one piece of the handler and HTTP/1.1.
    match AssertUnwindSafe(Box::pin(service.answer(request)))
        .catch_unwind()
        .await
    {
        Ok(response) => response.map(Either::Handler),
        Err(panic) => panicked(service, accept.as_ref(), panic.as_ref()),
    }
}

/// The requests in progress of one connection.
struct Open {
    activity: Activity,
    began: Instant,
    streams: AtomicU64,
    /// When the last one ended, in milliseconds after the beginning.
    quiet_since: AtomicU64,
}

impl Open {
    fn new(activity: Activity) -> Self {
        Self {
            activity,
            began: Instant::now(),
            streams: AtomicU64::new(0),
            quiet_since: AtomicU64::new(0),
        }
    }

    fn streams(&self) -> u64 {
        self.streams.load(Ordering::SeqCst)
    }

    fn quiet_since(&self) -> Instant {
        self.began + Duration::from_millis(self.quiet_since.load(Ordering::SeqCst))
    }

    fn quiet_for(&self) -> Duration {
        self.quiet_since().elapsed()
    }
}

/// One request in progress.
struct Stream {
    open: Arc<Open>,
    /// How many pieces of the response the connection has taken, while the caller has to read the last one of them. 0 while
    /// the connection waits for the next piece.
    unread: AtomicU64,
}

impl Stream {
    fn begin(open: &Arc<Open>) -> Self {
        if open.streams.fetch_add(1, Ordering::SeqCst) == 0 {
            open.activity.begin();
        }
        Self {
            open: Arc::clone(open),
            unread: AtomicU64::new(0),
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let millis = u64::try_from(self.open.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.open.quiet_since.store(millis, Ordering::SeqCst);
        if self.open.streams.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.open.activity.end();
        }
    }
}

type Work<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Takes the streams that hyper begins, for the connection's task to poll.
#[derive(Clone)]
struct Streams<'a> {
    begun: Arc<Mutex<Begun<'a>>>,
    write_idle: Duration,
}

#[derive(Default)]
struct Begun<'a> {
    /// The request whose stream hyper begins next.
    announced: Option<Arc<Stream>>,
    streams: Vec<Running<'a>>,
}

impl<'a> Streams<'a> {
    fn new(write_idle: Duration) -> Self {
        Self {
            begun: Arc::default(),
            write_idle,
        }
    }

    fn announce(&self, stream: &Arc<Stream>) {
        self.with(|begun| begun.announced = Some(Arc::clone(stream)));
    }

    fn take(&self) -> Vec<Running<'a>> {
        self.with(|begun| std::mem::take(&mut begun.streams))
    }

    fn with<R>(&self, change: impl FnOnce(&mut Begun<'a>) -> R) -> R {
        change(&mut self.begun.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<'a, F: Future<Output = ()> + Send + 'a> Executor<F> for Streams<'a> {
    fn execute(&self, work: F) {
        let work: Work<'a> = Box::pin(work);
        self.with(|begun| {
            let stream = begun.announced.take();
            begun.streams.push(Running {
                work,
                stream,
                write_idle: self.write_idle,
                stalled: None,
            });
        });
    }
}

/// A stream, and how long the caller may leave its response unread.
struct Running<'a> {
    work: Work<'a>,
    stream: Option<Arc<Stream>>,
    write_idle: Duration,
    /// The piece that the caller does not read, and when its patience ends.
    stalled: Option<(u64, Pin<Box<Sleep>>)>,
}

impl Future for Running<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        if this.work.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        let unread = this
            .stream
            .as_ref()
            .map_or(0, |stream| stream.unread.load(Ordering::Relaxed));
        if unread == 0 {
            this.stalled = None;
            return Poll::Pending;
        }
        if this.stalled.as_ref().is_none_or(|(piece, _)| *piece != unread) {
            this.stalled = Some((unread, Box::pin(sleep(this.write_idle))));
        }
        match &mut this.stalled {
            // Dropping the work resets the stream.
            Some((_, alarm)) => alarm.as_mut().poll(cx),
            None => Poll::Pending,
        }
    }
}

/// A response body that says whether it or its reader is waited for.
struct Served<B> {
    body: Either<B>,
    stream: Arc<Stream>,
    pieces: u64,
}

impl<B: Body<Data = Bytes> + Unpin> Body for Served<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.body).poll_frame(cx);
        let unread = if matches!(polled, Poll::Ready(Some(Ok(_)))) {
            this.pieces += 1;
            this.pieces
        } else {
            0
        };
        this.stream.unread.store(unread, Ordering::Relaxed);
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
