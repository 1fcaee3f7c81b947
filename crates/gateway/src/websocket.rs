//! WebSockets. A request that asks for one passes like any other, with the same check. If the upstream agrees, both
//! connections belong to the WebSocket from then on, and its entry is recorded when it ends.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use keys::{ActiveKey, Keys};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf, copy_bidirectional};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use wire::{Switched, Upgrade};

use crate::places::Place;
use crate::recording::{Ending, Recording};

const WEBSOCKET: HeaderValue = HeaderValue::from_static("websocket");
const UPGRADE: HeaderValue = HeaderValue::from_static("upgrade");

/// Whether these headers ask for a WebSocket, and for nothing else: another protocol could carry requests that are
/// not checked.
pub(crate) fn is_asked_for(headers: &HeaderMap) -> bool {
    let mut protocols = headers.get_all(header::UPGRADE).iter();
    let only_websocket = protocols
        .next()
        .is_some_and(|protocol| protocol.as_bytes().eq_ignore_ascii_case(WEBSOCKET.as_bytes()))
        && protocols.next().is_none();
    only_websocket && names_upgrade(headers)
}

/// Whether the upstream agrees to it.
pub(crate) fn is_agreed_to(response: &Response<Incoming>) -> bool {
    response.status() == StatusCode::SWITCHING_PROTOCOLS && is_asked_for(response.headers())
}

fn names_upgrade(headers: &HeaderMap) -> bool {
    let options = headers.get_all(header::CONNECTION).iter();
    options
        .filter_map(|options| options.to_str().ok())
        .flat_map(|options| options.split(','))
        .any(|option| option.trim().eq_ignore_ascii_case("upgrade"))
}

/// Sets the two headers that ask for a WebSocket, or agree to one.
pub(crate) fn set(headers: &mut HeaderMap) {
    headers.insert(header::CONNECTION, UPGRADE);
    headers.insert(header::UPGRADE, WEBSOCKET);
}

/// What a WebSocket needs as long as it lasts.
pub(crate) struct Session {
    pub(crate) keys: Keys,
    pub(crate) key: Arc<ActiveKey>,
    pub(crate) recording: Recording,
    pub(crate) in_flight: Place,
    /// How long neither side may send anything.
    pub(crate) idle: Duration,
}

/// Connects the two sides, once the head of this response has been sent.
pub(crate) fn accept(response: &mut Response<Incoming>, session: Session) -> Upgrade {
    let upstream = hyper::upgrade::on(response);
    Upgrade::new(move |caller, stop| async move {
        match upstream.await {
            Ok(upstream) => session.run(caller, TokioIo::new(upstream), stop).await,
            Err(error) => {
                tracing::debug!(%error, "an upstream did not carry out its upgrade");
                session.recording.finish(Ending::UpstreamBroke);
            }
        }
    })
}

impl Session {
    async fn run(
        mut self,
        caller: Switched,
        upstream: impl AsyncRead + AsyncWrite + Unpin,
        stop: CancellationToken,
    ) {
        let passed = Passed::default();
        let (mut caller, mut upstream) = (
            Counted::new(caller, &passed, Side::Caller),
            Counted::new(upstream, &passed, Side::Upstream),
        );
        let ending = tokio::select! {
            ended = copy_bidirectional(&mut caller, &mut upstream) => match ended {
                Ok(_) => Ending::Whole,
                Err(_) => Ending::SwitchBroke,
            },
            verdict = self.keys.ended(self.key) => Ending::SwitchRevoked(verdict),
            () = passed.silent_for(self.idle) => Ending::Silent,
            () = stop.cancelled() => Ending::Stopped,
        };
        let [sent, received] = [Side::Caller, Side::Upstream].map(|side| passed.bytes(side));
        self.recording.switched(sent, received);
        self.recording.finish(ending);
        drop(self.in_flight);
    }
}

#[derive(Clone, Copy)]
enum Side {
    Caller,
    Upstream,
}

/// How many bytes came from each side, and when the last one did.
struct Passed {
    began: Instant,
    from_caller: AtomicU64,
    from_upstream: AtomicU64,
    /// In milliseconds after the beginning.
    last: AtomicU64,
}

impl Default for Passed {
    fn default() -> Self {
        Self {
            began: Instant::now(),
            from_caller: AtomicU64::new(0),
            from_upstream: AtomicU64::new(0),
            last: AtomicU64::new(0),
        }
    }
}

impl Passed {
    fn of(&self, side: Side) -> &AtomicU64 {
        match side {
            Side::Caller => &self.from_caller,
            Side::Upstream => &self.from_upstream,
        }
    }

    fn bytes(&self, side: Side) -> u64 {
        self.of(side).load(Ordering::Relaxed)
    }

    fn count(&self, side: Side, bytes: usize) {
        self.of(side).fetch_add(bytes as u64, Ordering::Relaxed);
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(now, Ordering::Relaxed);
    }

    async fn silent_for(&self, idle: Duration) {
        loop {
            let until = self.began + Duration::from_millis(self.last.load(Ordering::Relaxed)) + idle;
            if until <= Instant::now() {
                return;
            }
            sleep_until(until).await;
        }
    }
}

/// One side, whose bytes are counted as they are read.
struct Counted<'a, T> {
    inner: T,
    passed: &'a Passed,
    side: Side,
}

impl<'a, T> Counted<'a, T> {
    const fn new(inner: T, passed: &'a Passed, side: Side) -> Self {
        Self { inner, passed, side }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Counted<'_, T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let polled = Pin::new(&mut this.inner).poll_read(cx, buf);
        let read = buf.filled().len() - before;
        if read > 0 {
            this.passed.count(this.side, read);
        }
        polled
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Counted<'_, T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().inner).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(cx)
    }
}
