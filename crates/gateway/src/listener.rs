//! The gateway's own listener. It limits connections, and shuts down without cutting off responses.

use std::net::SocketAddr;
use std::sync::Arc;

use http::{Request, Response};
use model::Timestamp;
use shares::Connections;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use wire::{CallerBody, Door, Fault, Plane};

use crate::address::Peer;
use crate::answer::AnswerBody;
use crate::gateway::Gateway;
use crate::upstream::Pool;

impl Gateway {
    /// Serves on the threads of `plane` until `stop`. Then it accepts no more connections, and returns when the requests in
    /// flight have ended or the draining time is over.
    pub async fn serve(&self, plane: &Plane, listener: TcpListener, stop: CancellationToken) {
        let options = &self.shared.options;
        let (limits, timeouts) = (&options.limits, &options.timeouts);
        let pools: Vec<Arc<Pool>> = (0..plane.cores())
            .map(|number| self.pool(number, plane.cores()))
            .collect();
        for (number, pool) in pools.iter().enumerate() {
            plane.spawn_on(number, Arc::clone(pool).reap(stop.clone()));
        }
        let connections = Connections::new(
            "gateway",
            limits.connections,
            limits.connections_per_address,
            options.trusted_proxies.clone(),
        );
        let door = Door {
            listener,
            tls: options.tls.clone(),
            connections,
            limits: wire::Limits {
                head_bytes: limits.head_bytes,
                head: timeouts.head,
                write_idle: timeouts.write_idle,
                streams: limits.streams,
            },
            drain: timeouts.drain,
        };
        let service = |number: usize, peer: SocketAddr| Connection {
            gateway: self.clone(),
            pool: Arc::clone(&pools[number]),
            peer: if options.tls.is_some() {
                self.peer(peer.ip()).over_tls()
            } else {
                self.peer(peer.ip())
            },
        };
        plane.serve(door, stop, service).await;
    }

    /// One thread's connections to the upstreams. The threads divide what is kept between them.
    pub(crate) fn pool(&self, number: usize, threads: usize) -> Arc<Pool> {
        let shared = &*self.shared;
        let kept = shared.options.limits.upstream_idle;
        Pool::new(
            shared.connector.clone(),
            shared.upstreams.len(),
            shared.options.timeouts.upstream_idle,
            kept / threads + usize::from(number < kept % threads),
        )
    }
}

/// One caller's connection.
struct Connection {
    gateway: Gateway,
    pool: Arc<Pool>,
    peer: Peer,
}

impl wire::Service for Connection {
    type Body = AnswerBody;

    async fn answer(&self, request: Request<CallerBody>) -> Response<AnswerBody> {
        self.gateway.answer(request, &self.peer, &self.pool).await
    }

    fn now(&self) -> Timestamp {
        self.gateway.shared.clock.now()
    }

    fn failed(&self, fault: &Fault) {
        if fault.status.is_client_error() {
            self.gateway.shared.log.counters.not_understood();
        }
    }
}
