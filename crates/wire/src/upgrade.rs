//! What becomes of a connection that stops speaking HTTP, such as a WebSocket.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Response;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::sync::CancellationToken;

use crate::rewound::Rewound;
use crate::stream::CallerStream;

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;
type Takeover = Box<dyn FnOnce(Switched, CancellationToken) -> Work + Send>;

/// In the extensions of a 101 response: who has the connection afterwards. With the head of the response sent, it is given
/// the connection, and a token that is cancelled when the server stops.
#[derive(Clone)]
pub struct Upgrade(Arc<Mutex<Option<Takeover>>>);

impl Upgrade {
    pub fn new<W>(takeover: impl FnOnce(Switched, CancellationToken) -> W + Send + 'static) -> Self
    where
        W: Future<Output = ()> + Send + 'static,
    {
        let takeover: Takeover = Box::new(move |io, stop| Box::pin(takeover(io, stop)));
        Self(Arc::new(Mutex::new(Some(takeover))))
    }

    /// Takes it from the response.
    pub(crate) fn of<B>(response: &mut Response<B>) -> Option<Self> {
        response.extensions_mut().remove()
    }

    pub(crate) async fn run(self, io: Switched, stop: CancellationToken) {
        let takeover = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(takeover) = takeover {
            takeover(io, stop).await;
        }
    }
}

impl fmt::Debug for Upgrade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Upgrade")
    }
}

/// A caller's connection after its last HTTP response.
#[derive(Debug)]
pub struct Switched(Rewound<CallerStream>);

impl Switched {
    pub(crate) const fn new(read: Bytes, stream: CallerStream) -> Self {
        Self(Rewound::new(read, stream))
    }
}

impl AsyncRead for Switched {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Switched {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().0).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().0.stream.poll_close(cx)
    }
}
