//! The gateway's own listener. It limits connections, and shuts down without cutting off responses.

use std::net::SocketAddr;
use std::time::Duration;

use http::{Request, Response};
use model::Timestamp;
use shares::Connections;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wire::{CallerBody, Fault};

use crate::answer::AnswerBody;
use crate::gateway::Gateway;

/// When file descriptors run out, retrying at once would only burn CPU.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

impl Gateway {
    /// Serves until `stop`. Then it accepts no more connections, and returns when the requests in flight have ended or
    /// the draining time is over.
    pub async fn serve(&self, listener: TcpListener, stop: CancellationToken) {
        let limits = &self.shared.options.limits;
        let connections = Connections::new(
            "gateway",
            limits.connections,
            limits.connections_per_address,
            self.shared.options.trusted_proxies.clone(),
        );
        let open = TaskTracker::new();
        loop {
            let accepted = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                accepted = accept(&listener, &connections) => accepted,
            };
            let Some((tcp, peer, place)) = accepted else {
                continue;
            };
            let (gateway, stop) = (self.clone(), stop.clone());
            open.spawn(async move { gateway.serve_connection(tcp, peer, &place, stop).await });
        }
        drop(listener);
        open.close();
        if timeout(self.shared.options.timeouts.drain, open.wait())
            .await
            .is_err()
        {
            tracing::warn!(
                connections = open.len(),
                "cutting off requests that did not end in time"
            );
        }
    }

    async fn serve_connection(
        &self,
        tcp: TcpStream,
        peer: SocketAddr,
        place: &shares::Connection,
        stop: CancellationToken,
    ) {
        let options = &self.shared.options;
        let limits = wire::Limits {
            head_bytes: options.limits.head_bytes,
            head: options.timeouts.head,
            write_idle: options.timeouts.write_idle,
        };
        let gateway = self.clone();
        wire::serve(tcp, place, limits, &stop, &Connection { gateway, peer }).await;
    }
}

/// One caller's connection.
struct Connection {
    gateway: Gateway,
    peer: SocketAddr,
}

impl wire::Service for Connection {
    type Body = AnswerBody;

    async fn answer(&self, request: Request<CallerBody>) -> Response<AnswerBody> {
        self.gateway.answer(request, self.peer).await
    }

    fn now(&self) -> Timestamp {
        self.gateway.shared.clock.now()
    }

    fn failed(&self, fault: &Fault) {
        if fault.status.is_client_error() {
            self.gateway.shared.counters.not_understood();
        }
    }
}

/// The next connection, if a place is free for it. Otherwise closes it at once: a waiting connection would hold a file
/// descriptor that nothing counts.
async fn accept(
    listener: &TcpListener,
    connections: &Connections,
) -> Option<(TcpStream, SocketAddr, shares::Connection)> {
    match listener.accept().await {
        Ok((tcp, peer)) => Some((tcp, peer, connections.admit(peer.ip())?)),
        Err(error) => {
            tracing::warn!(%error, "a connection could not be accepted");
            sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}
