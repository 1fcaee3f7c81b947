//! One caller's connection below HTTP: bounds how long it may leave its answer unread, and keeps back the bare answers
//! that hyper gives by itself to what it cannot read, so that a proper one can be sent instead.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until, timeout};

/// After a last answer, so much is read and thrown away, and for so long: closing at once would reset the connection and
/// take the answer from a caller that is still sending.
const LINGER_BYTES: usize = 64 * 1024 * 1024;
const LINGER: Duration = Duration::from_secs(5);

/// A connection with a patience for its writes.
#[derive(Debug)]
pub(crate) struct CallerStream {
    tcp: TcpStream,
    write_idle: Duration,
    alarm: Option<Pin<Box<Sleep>>>,
    /// Whether a request is being answered; what is written otherwise is hyper's own.
    answering: Arc<AtomicBool>,
    /// The last write was not taken whole: the next one goes on in the middle.
    in_the_middle: bool,
}

impl CallerStream {
    pub(crate) fn new(tcp: TcpStream, write_idle: Duration, answering: Arc<AtomicBool>) -> Self {
        Self {
            tcp,
            write_idle,
            alarm: None,
            answering,
            in_the_middle: false,
        }
    }

    /// Whether these bytes are an answer that no request of ours has: hyper's own have no more than these headers.
    fn is_bare_answer(&self, buf: &[u8]) -> bool {
        const BARE: [&[u8]; 4] = [b"connection", b"content-length", b"date", b""];
        if self.in_the_middle || self.answering.load(Ordering::SeqCst) || !buf.starts_with(b"HTTP/1.") {
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

    /// Answers what could not be read as a request, and says that the connection ends here.
    pub(crate) async fn refuse(&mut self, answer: &[u8]) -> io::Result<()> {
        timeout(self.write_idle, self.tcp.write_all(answer))
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    /// Ends the connection so that the last answer arrives.
    pub(crate) async fn linger(mut self) {
        if self.tcp.shutdown().await.is_err() {
            return;
        }
        let mut left = LINGER_BYTES;
        let mut waste = [0; 16 * 1024];
        let drain = async {
            while let Ok(read @ 1..) = self.tcp.read(&mut waste).await {
                left = left.saturating_sub(read);
                if left == 0 {
                    break;
                }
            }
        };
        // Out of patience or not, it is closed now.
        let _ = timeout(LINGER, drain).await;
    }
}

impl AsyncRead for CallerStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tcp).poll_read(cx, buf)
    }
}

impl AsyncWrite for CallerStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.is_bare_answer(buf) {
            return Poll::Ready(Ok(buf.len()));
        }
        let polled = Pin::new(&mut this.tcp).poll_write(cx, buf);
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
        let polled = Pin::new(&mut this.tcp).poll_write_vectored(cx, bufs);
        this.wrote(&polled, length);
        this.bounded(cx, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tcp).poll_flush(cx)
    }

    /// Only [`Self::linger`] ends the connection: there may be an answer to send still.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}
