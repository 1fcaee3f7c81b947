//! Accepts connections for the dashboard, limits them in total and per address, and drains them at shutdown. The gateway
//! and the operator's listener have threads of their own ([`wire::Plane`]) but serve a connection in the same way.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use clock::Clock;
use http::{Request, Response};
use model::Timestamp;
use shares::Connections;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;
use wire::{CallerBody, Fault, Tls};

/// How long to wait after a failed accept. When no descriptors are left, retrying at once would only use up the
/// processor.
pub(crate) const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
pub(crate) const LIMITS: wire::Limits = wire::Limits {
    head_bytes: 64 * 1024,
    head: Duration::from_secs(30),
    write_idle: Duration::from_secs(60),
    streams: 128,
};
/// How long open responses may take to finish after the server is told to stop.
pub(crate) const DRAIN: Duration = Duration::from_secs(10);

/// The caller's address. It is in the extensions of each request.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// Serves until `stop`, then drains.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Tls>,
    router: Router,
    connections: Connections,
    clock: Clock,
    stop: CancellationToken,
) {
    let open = TaskTracker::new();
    loop {
        let (stream, peer) = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "could not accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
        };
        // Close a refused connection at once. If it stayed open, it would hold a descriptor that no limit counts.
        let Some(place) = connections.admit(peer.ip()) else {
            continue;
        };
        let connection = Connection {
            router: router.clone(),
            peer,
            clock: clock.clone(),
        };
        let (stop, tls) = (stop.clone(), tls.clone());
        open.spawn(async move {
            wire::serve(stream, tls.as_ref(), &place, LIMITS, &stop, &connection).await;
        });
    }
    drop(listener);
    open.close();
    if tokio::time::timeout(DRAIN, open.wait()).await.is_err() {
        tracing::warn!("some connections were still open when the drain time ran out");
    }
}

/// Serves one connection with the router.
struct Connection {
    router: Router,
    peer: SocketAddr,
    clock: Clock,
}

impl wire::Service for Connection {
    type Body = Body;

    async fn answer(&self, request: Request<CallerBody>) -> Response<Body> {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(Peer(self.peer));
        match self.router.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => {
                let never: Infallible = never;
                match never {}
            }
        }
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn failed(&self, fault: &Fault) {
        tracing::debug!(status = %fault.status, peer = %self.peer, "a request did not reach its handler");
    }
}
