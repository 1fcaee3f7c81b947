//! HTTP/2 connections to one upstream. Requests of all companies share one, and another is opened when it is full.

use std::error::Error;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use h2::Reason;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Response, Uri, header};
use http_body::Body;
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::sleep;
use wire::CallerBody;

use super::Upstream;
use super::connect::UpstreamStream;
use super::pool::{SendFault, UpstreamRequest};
use crate::request_body::{RequestBody, RequestSeen};
use crate::trailers;

type Sender = http2::SendRequest<RequestBody<CallerBody>>;
type Connection = http2::Connection<UpstreamStream, RequestBody<CallerBody>, TokioExecutor>;

/// Only who has it may open a connection.
pub(super) type Turn = tokio::sync::OwnedMutexGuard<()>;

/// Requests at once over one connection. Most servers allow as many.
const STREAMS: usize = 100;

/// How much of a response is held for a caller that does not read it. The connection may hold as much for each of its
/// requests, so that no caller keeps the responses of others waiting.
const STREAM_WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = STREAM_WINDOW * STREAMS as u32;

/// Size of a response's head in bytes.
const HEAD_BYTES: u32 = 128 * 1024;

/// A silent upstream with requests in progress is asked this often whether it is still there, and given as long to answer.
const ASK_EVERY: Duration = Duration::from_secs(20);

/// The connections of one thread to one upstream.
#[derive(Default)]
pub(super) struct Lanes {
    open: Mutex<Vec<Lane>>,
    /// Held while one is being opened, until the upstream has said how many requests it takes at once.
    opening: Arc<tokio::sync::Mutex<()>>,
    /// Whether the upstream chose HTTP/1.1 the last time.
    chose_http1: AtomicBool,
}

/// One connection.
#[derive(Clone)]
pub(super) struct Lane {
    sender: Sender,
    usage: Arc<Usage>,
}

struct Usage {
    in_flight: AtomicUsize,
    /// How many requests at once the upstream takes, as far as it has said so.
    most: AtomicUsize,
    /// When the last response ended.
    since: Mutex<Instant>,
}

/// A request in progress.
pub(super) struct InLane {
    usage: Arc<Usage>,
    carried: Option<Arc<RequestSeen>>,
}

/// Why there is no response.
pub(super) enum Unsent {
    /// The connection had been closed before.
    Request(Box<UpstreamRequest>),
    Fault(SendFault),
}

impl Lanes {
    /// A connection with room for one more request.
    pub(super) fn open(&self) -> Option<Lane> {
        let mut open = lock(&self.open);
        open.retain(|lane| !lane.sender.is_closed());
        let has_room = |lane: &&Lane| {
            lane.usage.in_flight.load(Ordering::Relaxed) < lane.usage.most.load(Ordering::Relaxed)
        };
        open.iter().find(has_room).cloned()
    }

    /// Waits until no other request opens a connection.
    pub(super) async fn turn(&self) -> Option<Turn> {
        if self.chose_http1() {
            None
        } else {
            Some(Arc::clone(&self.opening).lock_owned().await)
        }
    }

    pub(super) fn chose_http1(&self) -> bool {
        self.chose_http1.load(Ordering::Relaxed)
    }

    /// The upstream has made its choice.
    pub(super) fn chosen(&self, is_http2: bool) {
        self.chose_http1.store(!is_http2, Ordering::Relaxed);
    }

    /// The first request goes out as soon as the upstream has said how many it takes, which may not last longer than this.
    pub(super) async fn add(
        &self,
        stream: UpstreamStream,
        turn: Option<Turn>,
        patience: Duration,
    ) -> Result<Lane, SendFault> {
        let (sender, connection) = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .initial_max_send_streams(0)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_header_list_size(HEAD_BYTES)
            .keep_alive_interval(ASK_EVERY)
            .keep_alive_timeout(ASK_EVERY)
            .handshake(stream)
            .await
            .map_err(|error| SendFault::of(&error, false))?;
        let usage = Arc::new(Usage {
            in_flight: AtomicUsize::new(0),
            most: AtomicUsize::new(1),
            since: Mutex::new(Instant::now()),
        });
        let lane = Lane {
            sender,
            usage: Arc::clone(&usage),
        };
        tokio::spawn(async move {
            if let Err(error) = run(connection, &usage, turn, patience).await {
                tracing::debug!(%error, cause = ?error, "a connection to an upstream ended with an error");
            }
        });
        lock(&self.open).push(lane.clone());
        Ok(lane)
    }

    /// Closes connections that have not been used for this long.
    pub(super) fn reap(&self, keep: Duration) {
        lock(&self.open).retain(|lane| {
            let is_in_use = lane.usage.in_flight.load(Ordering::Relaxed) > 0;
            !lane.sender.is_closed() && (is_in_use || lock(&lane.usage.since).elapsed() < keep)
        });
    }
}

/// Runs a connection until its end, and notes how many requests the upstream takes at once.
async fn run(
    mut connection: Connection,
    usage: &Usage,
    mut turn: Option<Turn>,
    patience: Duration,
) -> hyper::Result<()> {
    let mut late = pin!(sleep(patience));
    let mut is_known = false;
    poll_fn(|cx| {
        if let Poll::Ready(ended) = Pin::new(&mut connection).poll(cx) {
            return Poll::Ready(ended);
        }
        let most = connection.current_max_send_streams();
        is_known |= most > 0;
        if is_known {
            usage.most.store(most.min(STREAMS), Ordering::Relaxed);
            turn = None;
            return Poll::Pending;
        }
        late.as_mut().poll(cx).map(Ok)
    })
    .await
}

impl Lane {
    pub(super) async fn send(
        mut self,
        request: UpstreamRequest,
    ) -> Result<(Response<Incoming>, InLane), Unsent> {
        self.usage.in_flight.fetch_add(1, Ordering::Relaxed);
        let in_lane = InLane {
            usage: Arc::clone(&self.usage),
            carried: None,
        };
        let mut error = match self.sender.try_send_request(request).await {
            Ok(response) => return Ok((response, in_lane)),
            Err(error) => error,
        };
        Err(match error.take_message() {
            Some(unsent) => Unsent::Request(Box::new(unsent)),
            None => Unsent::Fault(fault_of(&error.into_error())),
        })
    }
}

impl InLane {
    /// The request has this body.
    pub(super) fn carried(&mut self, body: Option<Arc<RequestSeen>>) {
        self.carried = body;
    }
}

impl Drop for InLane {
    fn drop(&mut self) {
        if let Some(body) = &self.carried {
            body.stop();
        }
        *lock(&self.usage.since) = Instant::now();
        self.usage.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A request that the upstream refused, or that came after the last one it took before it closes the connection, provably
/// had no effect (RFC 9113, section 8.7).
fn fault_of(error: &hyper::Error) -> SendFault {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<h2::Error>() {
            let is_refused = error.is_reset() && error.reason() == Some(Reason::REFUSED_STREAM);
            let came_too_late = error.is_go_away() && error.reason() == Some(Reason::NO_ERROR);
            if error.is_remote() && (is_refused || came_too_late) {
                return SendFault::Refused;
            }
        }
        cause = error.source();
    }
    SendFault::of(error, true)
}

/// Gives the request the form that it has in HTTP/2: its host is a part of the target, and nothing is about the connection
/// or the framing.
pub(super) fn dress(request: &mut UpstreamRequest, upstream: &Upstream) {
    let scheme = if upstream.https {
        Scheme::HTTPS
    } else {
        Scheme::HTTP
    };
    let mut parts = request.uri().clone().into_parts();
    parts.scheme = Some(scheme);
    parts.authority = Authority::try_from(upstream.authority.as_bytes()).ok();
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
    let headers = request.headers_mut();
    for name in [header::HOST, header::CONNECTION, header::TRANSFER_ENCODING] {
        headers.remove(name);
    }
}

/// Gives it the form of HTTP/1.1 again, if it had the other.
pub(super) fn undress(request: &mut UpstreamRequest, upstream: &Upstream) {
    if request.uri().authority().is_none() {
        return;
    }
    let path = request.uri().path_and_query().cloned();
    *request.uri_mut() = Uri::from(path.unwrap_or(PathAndQuery::from_static("/")));
    let has_length = request.body().is_end_stream() || request.body().size_hint().exact().is_some();
    let headers = request.headers_mut();
    headers.insert(header::HOST, upstream.authority.clone());
    if !has_length {
        headers.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
    if headers.contains_key(header::TE) {
        trailers::want(headers);
    }
}

fn lock<T>(slot: &Mutex<T>) -> MutexGuard<'_, T> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}
