//! One thread's connections to the upstreams. A request takes the one that was used last, and gives it back when the
//! response has been read. Nothing here is shared between threads, so the locks are always free.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http::{Request, Response, header};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use tokio::task::yield_now;
use tokio::time::interval;
use tokio_util::sync::CancellationToken;
use wire::CallerBody;

use super::connect::UpstreamStream;
use super::lanes::{self, InLane, Lane, Lanes, Unsent};
use super::{Connector, Speaks, Upstream};
use crate::request_body::{RequestBody, RequestSeen};

/// A request as an upstream gets it.
pub(crate) type UpstreamRequest = Request<RequestBody<CallerBody>>;

type Sender = http1::SendRequest<RequestBody<CallerBody>>;

/// After a rest of this length, the thread looks at its sockets before a connection is used again.
const RESTED: Duration = Duration::from_millis(1);

/// Unused connections are looked at this often.
const REAP_EVERY: Duration = Duration::from_millis(500);

pub(crate) struct Pool {
    connector: Connector,
    /// How long an unused connection is kept.
    keep: Duration,
    /// How many unused connections are kept for each upstream.
    most: usize,
    /// By the upstream's number. The one used last is at the end.
    unused: Vec<Mutex<Vec<Unused>>>,
    /// Those that speak HTTP/2, by the upstream's number.
    lanes: Vec<Lanes>,
}

struct Unused {
    sender: Sender,
    since: Instant,
}

/// A connection in use. Dropping it closes the connection.
pub(crate) struct Lease {
    held: Held,
    pool: Arc<Pool>,
    upstream: usize,
    /// The body of the request, if it had one.
    carried: Option<Arc<RequestSeen>>,
    /// Whether it must not carry another request.
    is_spent: bool,
}

enum Held {
    Http1(Sender),
    Http2(InLane),
}

/// Why there is no response.
#[derive(Debug)]
pub(crate) enum SendFault {
    NotConnected(std::io::Error),
    /// The upstream said that it did not look at the request.
    Refused,
    /// What came back was not HTTP.
    NotHttp,
    /// The connection closed after the request, or a part of it, had been sent. `reused` if it had served others before.
    Closed {
        reused: bool,
    },
}

impl Pool {
    pub(crate) fn new(connector: Connector, upstreams: usize, keep: Duration, most: usize) -> Arc<Self> {
        Arc::new(Self {
            connector,
            keep,
            most,
            unused: (0..upstreams).map(|_| Mutex::default()).collect(),
            lanes: (0..upstreams).map(|_| Lanes::default()).collect(),
        })
    }

    /// Sends a request and returns when the head of the response has arrived. A request that provably was not sent,
    /// because the connection had been closed in between, is sent over another one.
    pub(crate) async fn send(
        self: &Arc<Self>,
        upstream: &Upstream,
        request: UpstreamRequest,
    ) -> Result<(Response<Incoming>, Lease), SendFault> {
        // A WebSocket is asked for in HTTP/1.1.
        let is_http1 = match upstream.speaks {
            Speaks::Http1 => true,
            Speaks::Chooses => self.has_http1(upstream),
            Speaks::Http2 => false,
        };
        if is_http1 || request.headers().contains_key(header::UPGRADE) {
            self.send_http1(upstream, request).await
        } else {
            // In memory of its own, which other requests need not have.
            Box::pin(self.send_http2(upstream, request)).await
        }
    }

    /// The same over HTTP/2, unless the upstream chooses HTTP/1.1.
    async fn send_http2(
        self: &Arc<Self>,
        upstream: &Upstream,
        mut request: UpstreamRequest,
    ) -> Result<(Response<Incoming>, Lease), SendFault> {
        loop {
            let Some(lane) = self.lane(upstream).await? else {
                lanes::undress(&mut request, upstream);
                return self.send_http1(upstream, request).await;
            };
            lanes::dress(&mut request, upstream);
            match lane.send(request).await {
                Ok((response, in_lane)) => return Ok((response, self.lease(upstream, Held::Http2(in_lane)))),
                Err(Unsent::Request(unsent)) => request = *unsent,
                Err(Unsent::Fault(fault)) => return Err(fault),
            }
        }
    }

    /// An HTTP/2 connection with room for one more request. `None` if the upstream speaks HTTP/1.1.
    async fn lane(&self, upstream: &Upstream) -> Result<Option<Lane>, SendFault> {
        let lanes = &self.lanes[upstream.number];
        if let Some(lane) = lanes.open() {
            return Ok(Some(lane));
        }
        // One connection is opened for all who wait for one, unless the upstream is known to choose HTTP/1.1.
        let turn = lanes.turn().await;
        if let Some(lane) = lanes.open() {
            return Ok(Some(lane));
        }
        let stream = self
            .connector
            .open(upstream, upstream.speaks == Speaks::Chooses)
            .await
            .map_err(SendFault::NotConnected)?;
        let is_http2 = upstream.speaks == Speaks::Http2 || stream.is_http2();
        lanes.chosen(is_http2);
        if is_http2 {
            let patience = self.connector.patience();
            return lanes.add(stream, turn, patience).await.map(Some);
        }
        let sender = shake_hands(stream).await?;
        self.unused(upstream.number).push(Unused {
            sender,
            since: Instant::now(),
        });
        Ok(None)
    }

    /// Whether the upstream has chosen HTTP/1.1, and a connection is kept.
    fn has_http1(&self, upstream: &Upstream) -> bool {
        self.lanes[upstream.number].chose_http1() && !self.unused(upstream.number).is_empty()
    }

    fn lease(self: &Arc<Self>, upstream: &Upstream, held: Held) -> Lease {
        Lease {
            held,
            pool: Arc::clone(self),
            upstream: upstream.number,
            carried: None,
            is_spent: false,
        }
    }

    async fn send_http1(
        self: &Arc<Self>,
        upstream: &Upstream,
        mut request: UpstreamRequest,
    ) -> Result<(Response<Incoming>, Lease), SendFault> {
        loop {
            let kept = self.take(upstream.number).await;
            let reused = kept.is_some();
            let mut sender = match kept {
                Some(sender) => sender,
                None => self.connect(upstream).await?,
            };
            let mut error = match sender.try_send_request(request).await {
                Ok(response) => return Ok((response, self.lease(upstream, Held::Http1(sender)))),
                Err(error) => error,
            };
            match error.take_message() {
                Some(unsent) if reused => request = unsent,
                _ => return Err(SendFault::of(&error.into_error(), reused)),
            }
        }
    }

    /// The connection used last, if it is still open.
    async fn take(&self, upstream: usize) -> Option<Sender> {
        loop {
            let Unused { sender, since } = self.unused(upstream).pop()?;
            let rested = since.elapsed();
            if rested >= self.keep {
                // So are all others.
                self.unused(upstream).clear();
                return None;
            }
            if rested >= RESTED {
                // The upstream may have closed it. This thread finds out when it looks at its sockets, and it does so
                // before it returns here.
                yield_now().await;
            }
            if sender.is_ready() && !sender.is_closed() {
                return Some(sender);
            }
        }
    }

    async fn connect(&self, upstream: &Upstream) -> Result<Sender, SendFault> {
        let stream = self
            .connector
            .open(upstream, false)
            .await
            .map_err(SendFault::NotConnected)?;
        shake_hands(stream).await
    }

    /// Closes connections that have not been used for too long, until `stop`.
    pub(crate) async fn reap(self: Arc<Self>, stop: CancellationToken) {
        let mut looks = interval(REAP_EVERY.min(self.keep.max(Duration::from_millis(1))));
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = looks.tick() => {}
            }
            for unused in &self.unused {
                lock(unused).retain(|one| one.since.elapsed() < self.keep && !one.sender.is_closed());
            }
            self.lanes.iter().for_each(|lanes| lanes.reap(self.keep));
        }
    }

    fn unused(&self, upstream: usize) -> MutexGuard<'_, Vec<Unused>> {
        lock(&self.unused[upstream])
    }
}

impl Lease {
    /// The request has this body.
    pub(crate) fn carried(&mut self, body: Option<Arc<RequestSeen>>) {
        match &mut self.held {
            Held::Http1(_) => self.carried = body,
            Held::Http2(in_lane) => in_lane.carried(body),
        }
    }

    pub(crate) const fn is_http2(&self) -> bool {
        matches!(self.held, Held::Http2(_))
    }

    /// Where the response ends is doubtful, and what follows could be taken for another caller's response.
    pub(crate) const fn spend(&mut self) {
        self.is_spent = true;
    }

    /// The response has been read to its end. If the connection can carry another request, it is kept. It cannot after a
    /// response that came before the request's body had been sent.
    pub(crate) fn give_back(self) {
        let Held::Http1(sender) = self.held else {
            return;
        };
        if self.is_spent || self.carried.is_some_and(|body| !body.has_ended()) {
            return;
        }
        let mut unused = self.pool.unused(self.upstream);
        if unused.len() < self.pool.most && !sender.is_closed() {
            unused.push(Unused {
                sender,
                since: Instant::now(),
            });
        }
    }
}

async fn shake_hands(stream: UpstreamStream) -> Result<Sender, SendFault> {
    let (sender, connection) = http1::handshake(stream)
        .await
        .map_err(|error| SendFault::of(&error, false))?;
    tokio::spawn(async move {
        if let Err(error) = connection.with_upgrades().await {
            tracing::debug!(%error, cause = ?error, "a connection to an upstream ended with an error");
        }
    });
    Ok(sender)
}

impl SendFault {
    pub(super) fn of(error: &hyper::Error, reused: bool) -> Self {
        tracing::debug!(%error, cause = ?error, "an upstream did not respond");
        if error.is_parse() {
            Self::NotHttp
        } else {
            Self::Closed { reused }
        }
    }
}

fn lock(unused: &Mutex<Vec<Unused>>) -> MutexGuard<'_, Vec<Unused>> {
    unused.lock().unwrap_or_else(PoisonError::into_inner)
}
