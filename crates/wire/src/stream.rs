//! One caller's connection below HTTP. It limits how long the caller may leave its response unread. It also holds back
//! the bare responses hyper sends when it cannot parse a request, so that a proper one can be sent instead.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until, timeout};

use crate::progress::Progress;
use crate::transport::Io;

/// After the last response, the connection reads and discards up to this many bytes for up to this long. Closing at
/// once would reset the connection, and a caller that is still sending would lose the response.
const LINGER_BYTES: usize = 64 * 1024 * 1024;
const LINGER: Duration = Duration::from_secs(5);

/// A connection with a limit on how long writes may stall.
#[derive(Debug)]
pub(crate) struct CallerStream {
    io: Io,
    write_idle: Duration,
    alarm: Option<Pin<Box<Sleep>>>,
    /// Anything written while no request is being answered comes from hyper itself.
    progress: Arc<Progress>,
    /// The last write was partial, so the next one continues in the middle.
    in_the_middle: bool,
}

impl CallerStream {
    pub(crate) fn new(io: Io, write_idle: Duration, progress: Arc<Progress>) -> Self {
        Self {
            io,
            write_idle,
            alarm: None,
            progress,
            in_the_middle: false,
        }
    }

    /// Whether these bytes are one of hyper's own responses: it has no headers but these, and ours always have more.
    fn is_bare_answer(&self, buf: &[u8]) -> bool {
        const BARE: [&[u8]; 4] = [b"connection", b"content-length", b"date", b""];
        if self.in_the_middle || self.progress.is_answering() || !buf.starts_with(b"HTTP/1.") {
            return false;
        }
        let status = buf.get(9..12).unwrap_or_default();
        let mut lines = buf.split(|byte| *byte == b'\n').skip(1);
        [b"400", b"414", b"431"].iter().any(|one| status == *one)
            && lines.all(|line| {
                let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
                BARE.iter()
                    .any(|bare| name.trim_ascii().eq_ignore_ascii_case(bare))
            })
    }

    fn bounded<T>(&mut self, cx: &mut Context<'_>, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.alarm = None;
            return polled;
        }
        let alarm = self
            .alarm
            .get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + self.write_idle)));
        ready!(alarm.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    fn wrote(&mut self, polled: &Poll<io::Result<usize>>, of: usize) {
        match polled {
            Poll::Ready(Ok(written)) => self.in_the_middle = *written < of,
            Poll::Ready(Err(_)) | Poll::Pending => {}
        }
    }

    /// The connection itself.
    pub(crate) const fn io(&self) -> &Io {
        &self.io
    }

    /// Returns when there is something to read, such as the end. Needs no memory to read into.
    pub(crate) async fn speaks(&mut self) {
        poll_fn(|cx| self.io.poll_speaks(cx)).await;
    }

    /// From now on, what is written is not the text of a response.
    pub(crate) fn in_frames(self) -> Self {
        self.progress.answering();
        self
    }

    /// Closes this side of the connection.
    pub(crate) fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    /// Sends a response to something that could not be read as a request.
    pub(crate) async fn refuse(&mut self, answer: &[u8]) -> io::Result<()> {
        timeout(self.write_idle, self.io.write_all(answer))
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    /// Closes the connection in a way that lets the last response arrive.
    pub(crate) async fn linger(mut self) {
        if self.io.shutdown().await.is_err() {
            return;
        }
        let mut left = LINGER_BYTES;
        // Not in the future, which each connection holds from its beginning.
        let mut waste = vec![0; 16 * 1024];
        let drain = async {
            while let Ok(read @ 1..) = self.io.read(&mut waste).await {
                left = left.saturating_sub(read);
                if left == 0 {
                    break;
                }
            }
        };
        // Whether it timed out or not, the connection closes now.
        let _ = timeout(LINGER, drain).await;
    }
}

impl AsyncRead for CallerStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let polled = Pin::new(&mut this.io).poll_read(cx, buf);
        if buf.filled().len() > before {
            this.progress.read();
        }
        polled
    }
}

impl AsyncWrite for CallerStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.is_bare_answer(buf) {
            return Poll::Ready(Ok(buf.len()));
        }
        let polled = Pin::new(&mut this.io).poll_write(cx, buf);
        this.wrote(&polled, buf.len());
        this.bounded(cx, polled)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let length = bufs.iter().map(|buf| buf.len()).sum();
        if bufs.first().is_some_and(|first| this.is_bare_answer(first)) {
            return Poll::Ready(Ok(length));
        }
        let polled = Pin::new(&mut this.io).poll_write_vectored(cx, bufs);
        this.wrote(&polled, length);
        this.bounded(cx, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    /// Hyper calls this whenever it has nothing left to write.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.io).poll_flush(cx);
        if matches!(polled, Poll::Ready(Ok(()))) {
            this.progress.flushed();
        }
        polled
    }

    /// Does not close: there may still be a response to send. Only [`Self::linger`] ends the connection.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}
