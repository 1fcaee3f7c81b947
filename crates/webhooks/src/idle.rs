//! Connections that a receiver left open, kept for the next delivery to it. Without them, a busy receiver would use up
//! this machine's ports. The address and certificate of each connection were checked when it was opened, and it is
//! reused only for the same scheme, host and port. A connection is closed when it has been idle for [`KEPT_FOR`] or is
//! older than [`OLDEST`], so that deliveries soon follow a name that moves to another address.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::SendRequest;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::target::Target;

/// An idle connection is closed after this time.
const KEPT_FOR: Duration = Duration::from_secs(15);
/// A connection accepts no new request after this time, however busy it is.
const OLDEST: Duration = Duration::from_secs(60);
/// How often to look for connections that have expired.
const SWEEP_EVERY: Duration = Duration::from_secs(5);

/// An open connection, ready for a request.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) sending: SendRequest<Full<Bytes>>,
    pub(crate) address: SocketAddr,
    pub(crate) opened: Instant,
    /// Ends the connection when dropped.
    pub(crate) _task: EndWithMe,
}

/// Aborts a connection's task when dropped.
#[derive(Debug)]
pub(crate) struct EndWithMe(pub(crate) JoinHandle<()>);

impl Drop for EndWithMe {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Scheme, host and port.
type Receiver = (bool, String);

/// The idle connections of a sender.
#[derive(Debug)]
pub(crate) struct Idle {
    kept: Mutex<Kept>,
}

#[derive(Debug)]
struct Kept {
    in_all: usize,
    /// How many there are.
    count: usize,
    by_receiver: HashMap<Receiver, Vec<(Instant, Connection)>>,
    swept: Instant,
}

impl Idle {
    /// Keeps at most `in_all` connections.
    pub(crate) fn new(in_all: usize) -> Self {
        Self {
            kept: Mutex::new(Kept {
                in_all,
                count: 0,
                by_receiver: HashMap::new(),
                swept: Instant::now(),
            }),
        }
    }

    /// Takes the youngest connection that is still open.
    pub(crate) fn take(&self, target: &Target) -> Option<Connection> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let connections = kept.by_receiver.get_mut(&receiver(target))?;
        let before = connections.len();
        let mut found = None;
        while let Some((since, connection)) = connections.pop() {
            if is_usable(since, &connection) {
                found = Some(connection);
                break;
            }
        }
        let taken = before - connections.len();
        kept.count -= taken;
        found
    }

    /// Keeps a connection whose response has been read to its end. One receiver may have all the room: a hundred webhooks can
    /// lead to the same host, and each attempt for which none is kept opens one.
    pub(crate) fn keep(&self, target: &Target, connection: Connection) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.in_all == 0 {
            return;
        }
        if kept.swept.elapsed() >= SWEEP_EVERY {
            kept.sweep();
        }
        kept.make_room();
        kept.count += 1;
        let connections = kept.by_receiver.entry(receiver(target)).or_default();
        connections.push((Instant::now(), connection));
    }
}

impl Kept {
    /// When the limit is reached, the receiver with the most connections loses its oldest one. Otherwise one company's
    /// receivers could take all the room for kept connections.
    fn make_room(&mut self) {
        if self.count < self.in_all {
            return;
        }
        if let Some(most) = self
            .by_receiver
            .values_mut()
            .max_by_key(|connections| connections.len())
            && !most.is_empty()
        {
            most.remove(0);
            self.count -= 1;
        }
    }

    fn sweep(&mut self) {
        self.swept = Instant::now();
        self.by_receiver.retain(|_, connections| {
            connections.retain(|(since, connection)| is_usable(*since, connection));
            !connections.is_empty()
        });
        self.count = self.by_receiver.values().map(Vec::len).sum();
    }
}

fn is_usable(since: Instant, connection: &Connection) -> bool {
    since.elapsed() < KEPT_FOR && connection.opened.elapsed() < OLDEST && !connection.sending.is_closed()
}

fn receiver(target: &Target) -> Receiver {
    (
        target.is_https(),
        format!("{}:{}", target.authority(), target.port()),
    )
}
