//! Limits a listener's connections, in total and for each address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ipnet::IpNet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{Ledger, Network};

/// A connection that has been silent this long may be closed to make room for another.
const QUIET: Duration = Duration::from_secs(1);
/// How often the log may say that connections are being refused.
const SAY_EVERY: Duration = Duration::from_secs(30);

/// Admits connections by the rule of [`Ledger`], with the address as the holder. When an address has used up its
/// places, its quietest connection is closed to make room, so silent connections cannot lock out active ones. Cheap to
/// clone; all clones are the same listener.
#[derive(Clone, Debug)]
pub struct Connections {
    name: &'static str,
    exempt: Arc<[IpNet]>,
    doors: Arc<Mutex<Doors>>,
    started: Instant,
}

#[derive(Debug)]
struct Doors {
    ledger: Ledger<Network>,
    open: HashMap<Network, Vec<Open>>,
    next: u64,
    said: Option<Instant>,
}

#[derive(Debug)]
struct Open {
    id: u64,
    quiet_since: Arc<AtomicU64>,
    close: CancellationToken,
}

/// An admitted connection. Dropping it gives its place back.
#[derive(Debug)]
pub struct Connection {
    doors: Arc<Mutex<Doors>>,
    network: Network,
    id: u64,
    activity: Activity,
    close: CancellationToken,
}

/// Whether a request is being answered on a connection. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Activity {
    /// Milliseconds after the start, or [`Activity::BUSY`] while a request is being answered.
    quiet_since: Arc<AtomicU64>,
    started: Instant,
}

impl Connections {
    /// `name` appears in the log. `at_once` limits all connections together; `per_address` limits those of one
    /// [`Network`] in addition to its share. Addresses in `exempt` (trusted proxies, which speak for many clients) are
    /// limited by `at_once` alone.
    pub fn new(name: &'static str, at_once: usize, per_address: usize, exempt: Vec<IpNet>) -> Self {
        let doors = Doors {
            ledger: Ledger::new(at_once).at_most_each(per_address),
            open: HashMap::new(),
            next: 0,
            said: None,
        };
        Self {
            name,
            exempt: exempt.into(),
            doors: Arc::new(Mutex::new(doors)),
            started: Instant::now(),
        }
    }

    /// A place for a connection from this address, or `None` if the connection must be closed.
    pub fn admit(&self, peer: IpAddr) -> Option<Connection> {
        let network = Network::of(peer);
        let mut doors = lock(&self.doors);
        let admitted = if self.is_exempt(peer) {
            doors.ledger.take_beyond_share(&network, 1)
        } else {
            doors.ledger.take(&network, 1)
        };
        if !admitted {
            let now = self.now();
            let made_room = doors.make_room(network, now, |network| !self.is_exempt(network.address()));
            if !made_room || !doors.ledger.take_beyond_share(&network, 1) {
                self.say(&mut doors, peer);
                return None;
            }
        }
        let id = doors.next;
        doors.next += 1;
        let activity = Activity {
            quiet_since: Arc::new(AtomicU64::new(self.now())),
            started: self.started,
        };
        let close = CancellationToken::new();
        doors.open.entry(network).or_default().push(Open {
            id,
            quiet_since: Arc::clone(&activity.quiet_since),
            close: close.clone(),
        });
        Some(Connection {
            doors: Arc::clone(&self.doors),
            network,
            id,
            activity,
            close,
        })
    }

    /// The number of open connections.
    pub fn open(&self) -> usize {
        lock(&self.doors).open.values().map(Vec::len).sum()
    }

    fn is_exempt(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        self.exempt.iter().any(|network| network.contains(&peer))
    }

    fn now(&self) -> u64 {
        millis(self.started)
    }

    fn say(&self, doors: &mut Doors, peer: IpAddr) {
        if doors.said.is_none_or(|said| said.elapsed() >= SAY_EVERY) {
            doors.said = Some(Instant::now());
            let (listener, free) = (self.name, doors.ledger.free());
            tracing::warn!(listener, %peer, free, "refusing connections from this address: it has reached its limit");
        }
    }
}

impl Doors {
    /// Closes the quietest connection of this address or, when no place is free, of the non-exempt address with the
    /// most.
    fn make_room(&mut self, network: Network, now: u64, is_bounded: impl Fn(&Network) -> bool) -> bool {
        let bounded = self.ledger.holders().filter(|(network, _)| is_bounded(network));
        let most = bounded.max_by_key(|(_, held)| *held);
        let whose = match most {
            Some((most, held)) if self.ledger.free() == 0 && held > self.ledger.held(&network) => *most,
            _ => network,
        };
        let Some(open) = self.open.get_mut(&whose) else {
            return false;
        };
        let quiet = |open: &Open| open.quiet_since.load(Ordering::SeqCst);
        let Some(index) = (0..open.len()).min_by_key(|index| quiet(&open[*index])) else {
            return false;
        };
        let patience = u64::try_from(QUIET.as_millis()).unwrap_or(u64::MAX);
        if now < quiet(&open[index]).saturating_add(patience) {
            return false;
        }
        let closed = open.swap_remove(index);
        if open.is_empty() {
            self.open.remove(&whose);
        }
        closed.close.cancel();
        self.ledger.give_back(&whose, 1);
        true
    }

    fn leave(&mut self, network: Network, id: u64) {
        let Some(open) = self.open.get_mut(&network) else {
            return;
        };
        // A connection closed to make room has already given its place back.
        let Some(index) = open.iter().position(|open| open.id == id) else {
            return;
        };
        open.swap_remove(index);
        if open.is_empty() {
            self.open.remove(&network);
        }
        self.ledger.give_back(&network, 1);
    }
}

impl Connection {
    /// For the code that answers requests on this connection.
    pub fn activity(&self) -> Activity {
        self.activity.clone()
    }

    /// Returns when the connection should close to make room for another.
    pub async fn asked_to_close(&self) {
        self.close.cancelled().await;
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        lock(&self.doors).leave(self.network, self.id);
    }
}

impl Activity {
    const BUSY: u64 = u64::MAX;

    /// A request is being answered.
    pub fn begin(&self) {
        self.quiet_since.store(Self::BUSY, Ordering::SeqCst);
    }

    /// The request has been answered.
    pub fn end(&self) {
        self.quiet_since.store(millis(self.started), Ordering::SeqCst);
    }

    pub fn is_busy(&self) -> bool {
        self.quiet_since.load(Ordering::SeqCst) == Self::BUSY
    }
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX - 1)
}

fn lock(doors: &Mutex<Doors>) -> MutexGuard<'_, Doors> {
    doors.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    fn connections(at_once: usize, per_address: usize) -> Connections {
        let proxies = vec!["198.51.100.0/24".parse().expect("a network")];
        Connections::new("test", at_once, per_address, proxies)
    }

    fn fill(connections: &Connections, from: IpAddr) -> Vec<Connection> {
        std::iter::from_fn(|| connections.admit(from)).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn one_address_cannot_keep_another_out() {
        let connections = connections(100, 1000);
        let greedy = fill(&connections, address(1));
        assert_eq!(greedy.len(), 50, "half of the places");
        assert!(connections.admit(address(2)).is_some());
        assert!(
            connections.admit(address(1)).is_none(),
            "none of them has been quiet long enough"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn addresses_of_one_ipv6_network_count_as_one_and_proxies_are_exempt() {
        let connections = connections(100, 2);
        let six = |last: &str| connections.admit(format!("2001:db8::{last}").parse().expect("an address"));
        let two = (six("1"), six("2"));
        assert!(two.0.is_some() && two.1.is_some() && six("3").is_none());
        let proxy = fill(&connections, "::ffff:198.51.100.7".parse().expect("an address"));
        assert_eq!(proxy.len(), 98, "all remaining places");
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_connection_makes_room_for_one_that_speaks() {
        let connections = connections(100, 2);
        let (first, second) = (connections.admit(address(1)), connections.admit(address(1)));
        let (first, second) = (first.expect("a place"), second.expect("a place"));
        tokio::time::advance(Duration::from_millis(500)).await;
        first.activity().begin();
        first.activity().end();
        tokio::time::advance(QUIET).await;
        let third = connections.admit(address(1)).expect("a place");
        second.asked_to_close().await;
        drop(second);
        assert_eq!(connections.open(), 2);
        third.activity().begin();
        first.activity().begin();
        tokio::time::advance(QUIET).await;
        assert!(connections.admit(address(1)).is_none(), "both are busy");
        drop((first, third));
        assert_eq!(connections.open(), 0);
        assert_eq!(lock(&connections.doors).ledger.free(), 100);
    }

    #[tokio::test(start_paused = true)]
    async fn when_every_place_is_taken_the_address_with_the_most_makes_room() {
        let connections = connections(8, 1000);
        let mut held = Vec::new();
        for last in 1..=8 {
            held.extend(fill(&connections, address(last)));
        }
        assert_eq!(connections.open(), 8);
        tokio::time::advance(QUIET).await;
        let newcomer = connections.admit(address(99));
        assert!(newcomer.is_some());
        assert_eq!(connections.open(), 8);
        held[0].asked_to_close().await;
    }
}
