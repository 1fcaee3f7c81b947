//! The gateway's own listener: accepts within bounds, serves HTTP/1.1, and stops without cutting an answer in half.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use model::RequestId;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::answer::{AnswerBody, BrokenOff};
use crate::connection::CallerStream;
use crate::gateway::Gateway;

/// When there are no file descriptors left, accepting again at once would only burn the processor.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

impl Gateway {
    /// Serves until `stop`; then accepts nothing more, lets requests in flight end, and returns when they have, or when
    /// the time for draining is over.
    pub async fn serve(&self, listener: TcpListener, stop: CancellationToken) {
        let connections = Arc::new(Semaphore::new(self.shared.options.limits.connections));
        let open = TaskTracker::new();
        loop {
            let accepted = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                accepted = accept(&listener, &connections) => accepted,
            };
            let Some((tcp, peer, permit)) = accepted else {
                continue;
            };
            let (gateway, stop) = (self.clone(), stop.clone());
            open.spawn(async move {
                gateway.serve_connection(tcp, peer, stop).await;
                drop(permit);
            });
        }
        drop(listener);
        open.close();
        if timeout(self.shared.options.timeouts.drain, open.wait())
            .await
            .is_err()
        {
            tracing::warn!(
                connections = open.len(),
                "some requests did not end in time and are cut off"
            );
        }
    }

    async fn serve_connection(&self, tcp: TcpStream, peer: SocketAddr, stop: CancellationToken) {
        let options = &self.shared.options;
        if let Err(error) = tcp.set_nodelay(true) {
            tracing::debug!(%error, "a caller had gone before it was served");
            return;
        }
        let answering = Arc::new(AtomicBool::new(false));
        let stream = CallerStream::new(tcp, options.timeouts.write_idle, Arc::clone(&answering));
        let service = service_fn(|request: Request<Incoming>| {
            let answering = Arc::clone(&answering);
            async move {
                answering.store(true, Ordering::SeqCst);
                let answer = self.answer(request, peer).await;
                Ok::<Response<Served>, Infallible>(answer.map(|body| Served { body, answering }))
            }
        });
        let mut connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(options.timeouts.head)
            .max_buf_size(options.limits.head_bytes.max(8192))
            .serve_connection(TokioIo::new(stream), service);
        let served = tokio::select! {
            served = &mut connection => served,
            () = stop.cancelled() => {
                Pin::new(&mut connection).graceful_shutdown();
                (&mut connection).await
            }
        };
        let parts = connection.into_parts();
        let mut stream = parts.io.into_inner();
        if let Err(error) = served {
            tracing::debug!(%error, cause = ?error, "a connection ended with an error");
            let Some((status, message)) = explain(
                &error,
                answering.load(Ordering::SeqCst),
                !parts.read_buf.is_empty(),
            ) else {
                return;
            };
            self.shared.counters.not_understood();
            let request_id = RequestId::time_ordered(self.shared.clock.now(), vault::random());
            if stream.refuse(status, message, request_id).await.is_err() {
                return;
            }
        }
        tokio::select! {
            () = stream.linger() => {}
            // Nobody who only keeps a connection open holds up the end.
            () = stop.cancelled() => {}
        }
    }
}

/// What to say of a request that could not be read; nothing in the middle of another answer, or when there was none.
fn explain(error: &hyper::Error, answering: bool, has_begun: bool) -> Option<(StatusCode, &'static str)> {
    if answering {
        return None;
    }
    if error.is_parse_too_large() {
        return Some((
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "The request's address and headers are too large.",
        ));
    }
    if error.is_parse() {
        return Some((StatusCode::BAD_REQUEST, "This is not a valid HTTP/1.1 request."));
    }
    if error.is_timeout() && has_begun {
        return Some((
            StatusCode::REQUEST_TIMEOUT,
            "The request's headers did not arrive in time.",
        ));
    }
    None
}

/// The next connection, once there is a place for it.
async fn accept(
    listener: &TcpListener,
    connections: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
    let permit = Arc::clone(connections).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((tcp, peer)) => Some((tcp, peer, permit)),
        Err(error) => {
            tracing::warn!(%error, "a connection could not be accepted");
            sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

/// An answer's body that says when it is over.
struct Served {
    body: AnswerBody,
    answering: Arc<AtomicBool>,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.answering.store(false, Ordering::SeqCst);
    }
}

impl Body for Served {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
