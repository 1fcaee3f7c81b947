//! A request body on its way to the upstream. The gateway limits how long it takes and captures a copy of its bytes. A
//! request without a body costs nothing here.

use std::collections::VecDeque;
use std::error::Error;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use http_body::{Body, Frame, SizeHint};
use keys::{ActiveKey, Keys};
use logs::{Capture, CapturedBody};
use model::Verdict;
use thiserror::Error as ThisError;
use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep, sleep, sleep_until};

use crate::revocation::MOMENT;
use crate::trailers;

/// The error of any body.
pub(crate) type BoxError = Box<dyn Error + Send + Sync>;

/// Why a request's body did not arrive completely.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ThisError)]
pub(crate) enum BodyFault {
    #[error("the caller sent nothing more of its body for too long")]
    Idle,
    #[error("the caller took too long to send its body")]
    TooLong,
    #[error("the caller broke off while sending its body")]
    BrokenOff,
    #[error("the caller's body was not valid: its chunks were malformed")]
    Malformed,
    #[error("the key was deleted or expired before the whole body had arrived")]
    KeyEnded(Verdict),
}

impl BodyFault {
    /// Of the request whose body it is.
    pub(crate) const fn verdict(self) -> Verdict {
        match self {
            Self::KeyEnded(verdict) => verdict,
            Self::Idle | Self::TooLong | Self::BrokenOff | Self::Malformed => Verdict::Accepted,
        }
    }
}

/// What has passed so far, shared with the code that waits for the response.
#[derive(Debug)]
pub(crate) struct RequestSeen(Mutex<Passed>);

#[derive(Debug)]
struct Passed {
    capture: Capture,
    /// When something last passed.
    moved_at: Instant,
    ended: bool,
    fault: Option<BodyFault>,
    /// How long the caller may pause, now that the response has begun: the two may be a conversation.
    streaming: Option<Duration>,
    /// The response has ended, and the rest is not wanted.
    stopped: bool,
    /// Who reads the body.
    reader: Option<Waker>,
    /// Everything that has passed, if it may have to be sent again.
    copy: Option<Copy>,
}

/// A body that is kept until the response begins, up to [`COPY`] bytes.
#[derive(Debug, Default)]
struct Copy {
    pieces: VecDeque<Bytes>,
    length: usize,
}

/// Larger bodies are sent once.
const COPY: usize = 64 * 1024;

impl RequestSeen {
    fn new() -> Self {
        Self(Mutex::new(Passed {
            capture: Capture::default(),
            moved_at: Instant::now(),
            ended: false,
            fault: None,
            streaming: None,
            stopped: false,
            reader: None,
            copy: None,
        }))
    }

    /// The whole body, if all of it has passed and was kept.
    pub(crate) fn again<B>(&self) -> Option<RequestBody<B>> {
        let mut seen = self.lock();
        let copy = seen.copy.take().filter(|_| seen.ended)?;
        Some(RequestBody::Again(copy.pieces))
    }

    /// The response has begun. From now on the caller may pause this long, and take any time.
    pub(crate) fn answered(&self, idle: Duration) {
        let mut seen = self.lock();
        seen.streaming = Some(idle);
        seen.copy = None;
    }

    /// The response has ended. What reads the rest of the body is told that there is none.
    pub(crate) fn stop(&self) {
        let reader = {
            let mut seen = self.lock();
            seen.stopped = true;
            seen.reader.take()
        };
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    /// How the body is captured. Called before it is read.
    pub(crate) fn capture(&self, capture: Capture) {
        self.lock().capture = capture;
    }

    /// Takes what was captured of the body and leaves nothing here.
    pub(crate) fn take(&self) -> CapturedBody {
        self.lock().capture.take()
    }

    /// Whether the whole body has passed.
    pub(crate) fn has_ended(&self) -> bool {
        self.lock().ended
    }

    pub(crate) fn fault(&self) -> Option<BodyFault> {
        self.lock().fault
    }

    /// When a piece of the body last passed.
    pub(crate) fn moved_at(&self) -> Instant {
        self.lock().moved_at
    }

    fn lock(&self) -> MutexGuard<'_, Passed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Passed {
    fn keep(&mut self, piece: &Bytes) {
        let Some(copy) = &mut self.copy else { return };
        copy.length += piece.len();
        if copy.length > COPY {
            self.copy = None;
        } else {
            copy.pieces.push_back(piece.clone());
        }
    }

    fn end(&mut self, now: Instant) {
        if !std::mem::replace(&mut self.ended, true) {
            self.moved_at = now;
        }
    }
}

/// The body that the upstream's connection reads.
pub(crate) enum RequestBody<B> {
    Empty,
    Passing(Box<Passing<B>>),
    /// One that has passed before.
    Again(VecDeque<Bytes>),
}

pub(crate) struct Passing<B> {
    inner: B,
    seen: Arc<RequestSeen>,
    idle: Duration,
    deadline: Instant,
    watched: Option<Watched>,
    /// Set only while we wait for the caller.
    alarm: Option<Pin<Box<Sleep>>>,
    /// Set while the caller waits for a "100 Continue": reading its body would send it one.
    gate: Option<Gate>,
    /// The trailers that may pass.
    trailers: trailers::Passing,
}

/// The key that sends the body. What arrives after it was deleted must not reach the API.
struct Watched {
    keys: Keys,
    key: Arc<ActiveKey>,
    began: Instant,
}

impl Watched {
    /// The verdict on the key, if it is no longer accepted. Not asked about pieces that come with the head, which was
    /// judged a moment ago.
    fn ended(&self) -> Option<Verdict> {
        if self.began.elapsed() < MOMENT {
            return None;
        }
        self.keys.verdict_on(&self.key)
    }
}

/// Opens when the upstream wants the body, or after [`EXPECT_WAIT`]: a server may ignore that it is asked. Stays shut once
/// there is a response.
struct Gate {
    wanted: oneshot::Receiver<()>,
    is_shut: bool,
    patience: Pin<Box<Sleep>>,
}

/// As long as a caller would wait itself.
const EXPECT_WAIT: Duration = Duration::from_secs(1);

impl Gate {
    fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_shut {
            return Poll::Pending;
        }
        match Pin::new(&mut self.wanted).poll(cx) {
            Poll::Ready(Ok(())) => Poll::Ready(()),
            Poll::Ready(Err(_)) => {
                self.is_shut = true;
                Poll::Pending
            }
            Poll::Pending => self.patience.as_mut().poll(cx),
        }
    }
}

impl<B> RequestBody<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    /// With what is seen of it, unless it is empty.
    pub(crate) fn new(body: B, idle: Duration, total: Duration) -> (Self, Option<Arc<RequestSeen>>) {
        if body.is_end_stream() {
            return (Self::empty(), None);
        }
        let seen = Arc::new(RequestSeen::new());
        let body = Passing {
            inner: body,
            seen: Arc::clone(&seen),
            idle,
            deadline: Instant::now() + total,
            watched: None,
            alarm: None,
            gate: None,
            trailers: trailers::Passing::none(),
        };
        (Self::Passing(Box::new(body)), Some(seen))
    }

    fn passing(&mut self) -> Option<&mut Passing<B>> {
        match self {
            Self::Passing(body) => Some(body),
            Self::Empty | Self::Again(_) => None,
        }
    }

    /// Ends the body when this key is no longer accepted.
    pub(crate) fn watch(&mut self, keys: &Keys, key: &Arc<ActiveKey>) {
        if let Some(body) = self.passing() {
            body.watched = Some(Watched {
                keys: keys.clone(),
                key: Arc::clone(key),
                began: Instant::now(),
            });
        }
    }

    /// Keeps a copy, which [`RequestSeen::again`] takes.
    pub(crate) fn keep(&mut self) {
        if let Some(body) = self.passing() {
            body.seen.lock().copy = Some(Copy::default());
        }
    }

    /// Lets these trailers pass.
    pub(crate) fn pass_trailers(&mut self, trailers: trailers::Passing) {
        if let Some(body) = self.passing() {
            body.trailers = trailers;
        }
    }

    /// Whether there is a body, for which the caller waits to be asked.
    pub(crate) fn expects_continue(&self, headers: &HeaderMap) -> bool {
        let expects = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"100-continue");
        matches!(self, Self::Passing(_)) && headers.get(header::EXPECT).is_some_and(expects)
    }

    /// Holds the body back until what is returned is used, and for ever if it is dropped before. Nothing, if there is no
    /// body.
    pub(crate) fn hold(&mut self) -> Option<oneshot::Sender<()>> {
        let body = self.passing()?;
        let (open, wanted) = oneshot::channel();
        body.gate = Some(Gate {
            wanted,
            is_shut: false,
            patience: Box::pin(sleep(EXPECT_WAIT)),
        });
        Some(open)
    }

    pub(crate) const fn empty() -> Self {
        Self::Empty
    }
}

impl<B: Body<Data = Bytes>> Passing<B> {
    fn fail(&self, fault: BodyFault) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        // The first fault causes all later ones.
        let fault = *self.seen.lock().fault.get_or_insert(fault);
        Poll::Ready(Some(Err(fault.into())))
    }

    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let until = (Instant::now() + self.idle).min(self.deadline);
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(until)));
        while alarm.as_mut().poll(cx).is_ready() {
            // It may have been set before the response began.
            let streaming_until = {
                let seen = self.seen.lock();
                seen.streaming.map(|idle| seen.moved_at + idle)
            };
            match streaming_until {
                Some(until) if until > Instant::now() => alarm.as_mut().reset(until),
                None if Instant::now() >= self.deadline => return self.fail(BodyFault::TooLong),
                _ => return self.fail(BodyFault::Idle),
            }
        }
        let mut seen = self.seen.lock();
        if seen.stopped {
            return Poll::Ready(Some(Err("the response has ended".into())));
        }
        seen.reader = Some(cx.waker().clone());
        Poll::Pending
    }

    fn passed(&mut self, data: Bytes) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let now = Instant::now();
        let mut seen = self.seen.lock();
        seen.capture.see(&data);
        seen.keep(&data);
        seen.moved_at = now;
        if self.inner.is_end_stream() {
            seen.end(now);
        }
        let is_late = now >= self.deadline && seen.streaming.is_none();
        drop(seen);
        if is_late {
            return self.fail(BodyFault::TooLong);
        }
        Poll::Ready(Some(Ok(Frame::data(data))))
    }
}

impl<B> Body for RequestBody<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = match self.get_mut() {
            Self::Empty => return Poll::Ready(None),
            Self::Again(pieces) => {
                return Poll::Ready(pieces.pop_front().map(|piece| Ok(Frame::data(piece))));
            }
            Self::Passing(this) => this,
        };
        if let Some(gate) = &mut this.gate {
            ready!(gate.poll_open(cx));
            this.gate = None;
        }
        loop {
            let Poll::Ready(frame) = Pin::new(&mut this.inner).poll_frame(cx) else {
                return this.wait(cx);
            };
            this.alarm = None;
            if let Some(verdict) = this.watched.as_ref().and_then(Watched::ended) {
                return this.fail(BodyFault::KeyEnded(verdict));
            }
            match frame {
                None => {
                    this.seen.lock().end(Instant::now());
                    return Poll::Ready(None);
                }
                Some(Err(error)) => {
                    let error = error.into();
                    return this.fail(if wire::is_malformed(error.as_ref()) {
                        BodyFault::Malformed
                    } else {
                        BodyFault::BrokenOff
                    });
                }
                Some(Ok(frame)) => match frame.into_data().map_err(Frame::into_trailers) {
                    Ok(data) => return this.passed(data),
                    // Trailers could carry headers that must not pass.
                    Err(Ok(trailers)) if !this.trailers.is_none() => {
                        this.seen.lock().copy = None;
                        let trailers = this.trailers.of(&trailers);
                        return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
                    }
                    Err(_) => continue,
                },
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Passing(body) => body.inner.is_end_stream(),
            Self::Again(pieces) => pieces.is_empty(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Passing(body) => body.inner.size_hint(),
            Self::Again(pieces) => SizeHint::with_exact(pieces.iter().map(|piece| piece.len() as u64).sum()),
        }
    }
}
