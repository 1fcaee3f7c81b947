//! A request body on its way to the upstream. The gateway limits how long it takes and captures a copy of its bytes. It
//! drops trailers, because they could carry headers that must not pass.

use std::error::Error;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use logs::{Capture, CapturedBody};
use thiserror::Error as ThisError;
use tokio::time::{Instant, Sleep, sleep_until};

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
}

/// What has passed so far, shared with the code that waits for the response.
#[derive(Debug)]
pub(crate) struct RequestSeen {
    capture: Mutex<Capture>,
    /// When something last passed.
    moved_at: Mutex<Instant>,
    ended: AtomicBool,
    fault: OnceLock<BodyFault>,
}

impl RequestSeen {
    fn new(ended: bool) -> Self {
        Self {
            capture: Mutex::default(),
            moved_at: Mutex::new(Instant::now()),
            ended: AtomicBool::new(ended),
            fault: OnceLock::new(),
        }
    }

    /// Takes what was captured of the body and leaves nothing here.
    pub(crate) fn take(&self) -> CapturedBody {
        self.capture.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub(crate) fn fault(&self) -> Option<BodyFault> {
        self.fault.get().copied()
    }

    /// When a piece of the body last passed.
    pub(crate) fn moved_at(&self) -> Instant {
        *self.moved_at.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn passed(&self, bytes: &[u8]) {
        self.capture
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .see(bytes);
        self.moved();
    }

    fn moved(&self) {
        *self.moved_at.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn end(&self) {
        if !self.ended.swap(true, Ordering::SeqCst) {
            self.moved();
        }
    }
}

type Inner = Pin<Box<dyn Body<Data = Bytes, Error = BoxError> + Send>>;

/// The body that the upstream's connection reads.
pub(crate) struct RequestBody {
    inner: Inner,
    seen: Arc<RequestSeen>,
    idle: Duration,
    deadline: Instant,
    /// Set only while we wait for the caller.
    alarm: Option<Pin<Box<Sleep>>>,
}

impl RequestBody {
    pub(crate) fn new<B>(body: B, idle: Duration, total: Duration) -> (Self, Arc<RequestSeen>)
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let inner: Inner = Box::pin(http_body_util::BodyExt::map_err(body, Into::into));
        let seen = Arc::new(RequestSeen::new(inner.is_end_stream()));
        let body = Self {
            inner,
            seen: Arc::clone(&seen),
            idle,
            deadline: Instant::now() + total,
            alarm: None,
        };
        (body, seen)
    }

    fn fail(&mut self, fault: BodyFault) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        // The first fault causes all later ones.
        let fault = *self.seen.fault.get_or_init(|| fault);
        Poll::Ready(Some(Err(fault.into())))
    }

    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let until = (Instant::now() + self.idle).min(self.deadline);
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(until)));
        if alarm.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        let fault = if Instant::now() >= self.deadline {
            BodyFault::TooLong
        } else {
            BodyFault::Idle
        };
        self.fail(fault)
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        loop {
            let frame = match this.inner.as_mut().poll_frame(cx) {
                Poll::Pending => return this.wait(cx),
                Poll::Ready(frame) => frame,
            };
            this.alarm = None;
            match frame {
                None => {
                    this.seen.end();
                    return Poll::Ready(None);
                }
                Some(Err(error)) => {
                    let fault = if wire::is_malformed(error.as_ref()) {
                        BodyFault::Malformed
                    } else {
                        BodyFault::BrokenOff
                    };
                    return this.fail(fault);
                }
                Some(Ok(frame)) => {
                    let Ok(data) = frame.into_data() else { continue };
                    this.seen.passed(&data);
                    if this.inner.is_end_stream() {
                        this.seen.end();
                    }
                    if Instant::now() >= this.deadline {
                        return this.fail(BodyFault::TooLong);
                    }
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
