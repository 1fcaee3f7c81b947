//! Receivers of webhooks on loopback. They have a thread of their own. The path says how one behaves, and its number.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::http::{Connection, Message};
use crate::process::pause;
use crate::publish::Accepted;

/// How long a limited receiver takes to respond.
const LIMITED: Duration = Duration::from_millis(100);
/// How often the receiver that is slow sends a byte.
const BETWEEN_BYTES: Duration = Duration::from_millis(500);

#[derive(Clone, Copy, Debug)]
pub(crate) enum Behaviour {
    /// 204 at once.
    Accepts,
    /// 500 at once.
    Fails,
    /// Nothing, until the sender gives up.
    Hangs,
    /// 200 and a body that comes byte by byte.
    Drips,
    /// 204 after a tenth of a second.
    Limited,
}

impl Behaviour {
    const ALL: [Self; 5] = [
        Self::Accepts,
        Self::Fails,
        Self::Hangs,
        Self::Drips,
        Self::Limited,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Accepts => "accepts",
            Self::Fails => "fails",
            Self::Hangs => "hangs",
            Self::Drips => "drips",
            Self::Limited => "limited",
        }
    }

    fn of(target: &str) -> Option<(Self, u32)> {
        let (name, number) = target.strip_prefix('/')?.split_once('/')?;
        let behaviour = Self::ALL.into_iter().find(|one| one.name() == name)?;
        Some((behaviour, number.parse().ok()?))
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    pub(crate) event: u128,
    /// The number in the webhook's path.
    pub(crate) webhook: u32,
    /// When its last byte had been read.
    pub(crate) at: Instant,
}

#[derive(Debug, Default)]
struct Seen {
    arrivals: Mutex<Vec<Arrival>>,
    /// Of receivers that accept, so that it can be read often.
    accepted: AtomicUsize,
}

#[derive(Debug)]
pub(crate) struct Receiver {
    address: SocketAddr,
    seen: Arc<Seen>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Receiver {
    pub(crate) fn start() -> Result<Self> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let seen = Arc::<Seen>::default();
        let (stop, stopped) = oneshot::channel();
        let shared = Arc::clone(&seen);
        let thread = thread::Builder::new().name("receiver".into()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = stopped => {}
                    () = accept(listener, shared) => {}
                }
            });
        })?;
        Ok(Self {
            address,
            seen,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    pub(crate) fn url(&self, behaviour: Behaviour, number: u32) -> String {
        format!("http://{}/{}/{number}", self.address, behaviour.name())
    }

    /// How many deliveries receivers have accepted, with duplicates.
    pub(crate) fn count(&self) -> usize {
        self.seen.accepted.load(Ordering::Relaxed)
    }

    /// All arrivals so far, at receivers that accept and at those that do not.
    pub(crate) fn arrivals(&self) -> Vec<Arrival> {
        locked(&self.seen).clone()
    }

    /// Those since the last time, which are forgotten.
    pub(crate) fn take(&self) -> Vec<Arrival> {
        std::mem::take(&mut *locked(&self.seen))
    }

    /// Waits until this many deliveries were accepted. Fails if none comes for this long.
    pub(crate) fn wait_for(&self, count: usize, silence: Duration) -> Result<()> {
        let (mut last, mut since) = (self.count(), Instant::now());
        while self.count() < count {
            pause(Duration::from_millis(1));
            if self.count() != last {
                (last, since) = (self.count(), Instant::now());
            }
            if since.elapsed() > silence {
                bail!("{last} of {count} deliveries arrived, then none for {silence:?}");
            }
        }
        Ok(())
    }

    /// Waits until each of these events has arrived at the webhook, or none has come for this long. Returns how many are missing.
    pub(crate) fn missing(&self, events: &[Accepted], webhook: u32, silence: Duration) -> usize {
        let (mut last, mut since) = (self.count(), Instant::now());
        loop {
            let there: HashSet<u128> = locked(&self.seen)
                .iter()
                .filter(|arrival| arrival.webhook == webhook)
                .map(|arrival| arrival.event)
                .collect();
            let missing = events.iter().filter(|one| !there.contains(&one.event)).count();
            if missing == 0 || since.elapsed() > silence {
                return missing;
            }
            pause(Duration::from_millis(200));
            if self.count() != last {
                (last, since) = (self.count(), Instant::now());
            }
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn locked(seen: &Seen) -> MutexGuard<'_, Vec<Arrival>> {
    seen.arrivals.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept(listener: std::net::TcpListener, seen: Arc<Seen>) {
    let Ok(listener) = TcpListener::from_std(listener) else {
        return;
    };
    loop {
        // A server that was killed leaves connections that cannot be accepted any more.
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let seen = Arc::clone(&seen);
        tokio::spawn(async move {
            if let Ok(connection) = Connection::new(stream) {
                // It ends when the server closes the connection or is killed.
                let _ = serve(connection, &seen).await;
            }
        });
    }
}

async fn serve(mut connection: Connection, seen: &Seen) -> Result<()> {
    while let Some(message) = connection.receive().await? {
        let at = Instant::now();
        let Some((behaviour, webhook)) = Behaviour::of(message.target()) else {
            bail!("an unknown path: {}", message.target());
        };
        let event = event(&message)?;
        locked(seen).push(Arrival { event, webhook, at });
        if matches!(behaviour, Behaviour::Accepts) {
            seen.accepted.fetch_add(1, Ordering::Relaxed);
        }
        respond(&mut connection, behaviour).await?;
    }
    Ok(())
}

fn event(message: &Message) -> Result<u128> {
    let id = message.header("webhook-id").unwrap_or_default();
    Ok(u128::from_str_radix(id, 16)?)
}

async fn respond(connection: &mut Connection, behaviour: Behaviour) -> Result<()> {
    const ACCEPTED: &[u8] = b"HTTP/1.1 204 No Content\r\n\r\n";
    let stream = &mut connection.stream;
    match behaviour {
        Behaviour::Accepts => stream.write_all(ACCEPTED).await?,
        Behaviour::Fails => {
            let failed = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n";
            stream.write_all(failed).await?;
        }
        Behaviour::Hangs => {
            let closed = stream.read(&mut [0; 1]).await?;
            bail!("{closed} bytes after a request without a response");
        }
        Behaviour::Drips => {
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
                .await?;
            loop {
                tokio::time::sleep(BETWEEN_BYTES).await;
                stream.write_all(b".").await?;
            }
        }
        Behaviour::Limited => {
            tokio::time::sleep(LIMITED).await;
            stream.write_all(ACCEPTED).await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_says_how_its_receiver_behaves() {
        for behaviour in Behaviour::ALL {
            let target = format!("/{}/7", behaviour.name());
            assert!(matches!(Behaviour::of(&target), Some((_, 7))), "{target}");
        }
        assert!(Behaviour::of("/other/7").is_none() && Behaviour::of("/fails").is_none());
    }
}
