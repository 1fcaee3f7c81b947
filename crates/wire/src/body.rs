//! Request bodies that know whether they were read to the end. If a handler answers without reading the whole body, the
//! connection must find out. Otherwise it would parse the remaining bytes as the next request.

use std::error::Error;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;

/// An unread remainder of at most this size, if it arrives within this time, is read and discarded so that the
/// connection can be reused. Otherwise every small request that is refused would cost its caller a new connection.
const REST: usize = 64 * 1024;
const REST_WITHIN: Duration = Duration::from_millis(50);

/// The request body that handlers receive.
#[derive(Debug)]
pub struct CallerBody {
    /// `None` for a request that no connection brought, and while it is being dropped.
    inner: Option<Incoming>,
    /// `None` for an empty body.
    watch: Option<Arc<Watch>>,
}

/// What the connection learns about a body it gave to a handler.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    ended: AtomicBool,
    malformed: AtomicBool,
    /// The caller waits for a "100 Continue" before it sends anything.
    waits: bool,
    /// What the handler dropped before reading it to the end.
    rest: Mutex<Option<Incoming>>,
}

impl CallerBody {
    /// The body of a request that no connection brought.
    pub const fn empty() -> Self {
        Self {
            inner: None,
            watch: None,
        }
    }

    pub(crate) fn new(inner: Incoming, waits: bool) -> (Self, Option<Arc<Watch>>) {
        let watch = (!inner.is_end_stream()).then(|| {
            Arc::new(Watch {
                waits,
                ..Watch::default()
            })
        });
        let body = Self {
            inner: Some(inner),
            watch: watch.clone(),
        };
        (body, watch)
    }
}

impl Watch {
    /// Whether the bytes were not a valid body.
    pub(crate) fn is_malformed(&self) -> bool {
        self.malformed.load(Ordering::SeqCst)
    }

    /// Whether the next request can be read from where this one ended. Reads a small remainder if there is one.
    pub(crate) async fn is_over(&self) -> bool {
        if self.ended.load(Ordering::SeqCst) {
            return true;
        }
        let rest = self.rest.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut rest) = rest.filter(|_| !self.waits && !self.is_malformed()) else {
            return false;
        };
        let drain = async {
            let mut left = REST;
            while let Some(frame) = rest.frame().await {
                let Ok(frame) = frame else { return false };
                let length = frame.data_ref().map_or(0, Bytes::len);
                let Some(still) = left.checked_sub(length) else {
                    return false;
                };
                left = still;
            }
            true
        };
        tokio::time::timeout(REST_WITHIN, drain).await.unwrap_or(false)
    }
}

/// Whether this error, or one of its causes, says that the bytes were not a valid body. False if they merely stopped
/// coming.
pub fn is_malformed(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return matches!(
                error.kind(),
                io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData
            );
        }
        cause = error.source();
    }
    false
}

impl Drop for CallerBody {
    fn drop(&mut self) {
        let Some(watch) = &self.watch else { return };
        if !watch.ended.load(Ordering::SeqCst) {
            *watch.rest.lock().unwrap_or_else(PoisonError::into_inner) = self.inner.take();
        }
    }
}

impl Body for CallerBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = self.get_mut();
        let Some(inner) = &mut this.inner else {
            return Poll::Ready(None);
        };
        let polled = Pin::new(&mut *inner).poll_frame(cx);
        if let (Some(watch), Poll::Ready(frame)) = (&this.watch, &polled) {
            match frame {
                Some(Err(error)) if is_malformed(error) => watch.malformed.store(true, Ordering::SeqCst),
                Some(Err(_)) => {}
                None => watch.ended.store(true, Ordering::SeqCst),
                Some(Ok(_)) if inner.is_end_stream() => watch.ended.store(true, Ordering::SeqCst),
                Some(Ok(_)) => {}
            }
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner
            .as_ref()
            .map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}
