//! Threads that serve connections, one for each core, each with a runtime of its own. A request stays on one thread from
//! its first byte to its last, so nothing that belongs to it moves between cores, and no other work of the process
//! delays it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use shares::{Connection, Connections};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{self, Handle};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::connection::{Limits, Service, serve};
use crate::tls::Tls;

/// When file descriptors run out, retrying at once would only use up the processor.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The threads. Cheap to clone; all clones are the same threads.
#[derive(Clone, Debug)]
pub struct Plane {
    cores: Arc<[Core]>,
}

/// The threads' owner. Without [`RunningPlane::stop`] they run until the process ends.
#[derive(Debug)]
pub struct RunningPlane {
    stop: CancellationToken,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
struct Core {
    runtime: Handle,
    /// Open connections.
    load: Arc<AtomicUsize>,
}

/// A listener that is served by a [`Plane`].
#[derive(Debug)]
pub struct Door {
    pub listener: TcpListener,
    /// The certificate. Without one, connections are not encrypted.
    pub tls: Option<Tls>,
    /// Who may have how many connections.
    pub connections: Connections,
    pub limits: Limits,
    /// How long requests in flight may take to end after the stop.
    pub drain: Duration,
}

impl Plane {
    /// Starts `cores` threads, at least one.
    pub fn start(cores: usize) -> io::Result<(Self, RunningPlane)> {
        let stop = CancellationToken::new();
        let (mut all, mut threads) = (Vec::new(), Vec::new());
        for number in 0..cores.max(1) {
            let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
            all.push(Core {
                runtime: runtime.handle().clone(),
                load: Arc::default(),
            });
            let stop = stop.clone();
            let thread = std::thread::Builder::new()
                .name(format!("plane-{number}"))
                .spawn(move || runtime.block_on(stop.cancelled()))?;
            threads.push(thread);
        }
        let plane = Self { cores: all.into() };
        Ok((plane, RunningPlane { stop, threads }))
    }

    /// One thread for each core of the machine.
    pub fn start_on_each_core() -> io::Result<(Self, RunningPlane)> {
        Self::start(std::thread::available_parallelism().map_or(1, usize::from))
    }

    /// How many threads there are.
    pub fn cores(&self) -> usize {
        self.cores.len()
    }

    /// Accepts connections until `stop`, and gives each to the thread that has fewest. `service` makes what answers a
    /// connection's requests, from the number of its thread (less than [`Plane::cores`]) and the caller's address. After
    /// `stop`, returns when the requests in flight have ended or the draining time is over.
    pub async fn serve<S: Service + 'static>(
        &self,
        door: Door,
        stop: CancellationToken,
        service: impl Fn(usize, SocketAddr) -> S,
    ) {
        let Door {
            listener,
            tls,
            connections,
            limits,
            drain,
        } = door;
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
            let (number, core) = self.least_loaded();
            let load = Load::on(core);
            let (service, stop, tls) = (service(number, peer), stop.clone(), tls.clone());
            let serving = async move {
                let _load = load;
                // From here on the socket belongs to this thread's runtime.
                match TcpStream::from_std(tcp) {
                    Ok(tcp) => serve(tcp, tls.as_ref(), &place, limits, &stop, &service).await,
                    Err(error) => tracing::warn!(%error, "a connection could not be served"),
                }
            };
            open.spawn_on(serving, &core.runtime);
        }
        drop(listener);
        open.close();
        if timeout(drain, open.wait()).await.is_err() {
            tracing::warn!(
                connections = open.len(),
                "cutting off requests that did not end in time"
            );
        }
    }

    fn least_loaded(&self) -> (usize, &Core) {
        let loads = self.cores.iter().map(|core| core.load.load(Ordering::Relaxed));
        let (number, _) = loads
            .enumerate()
            .min_by_key(|(_, load)| *load)
            .unwrap_or_default();
        (number, &self.cores[number])
    }

    /// Runs `work` on the thread with this number.
    pub fn spawn_on(&self, number: usize, work: impl Future<Output = ()> + Send + 'static) {
        drop(self.cores[number].runtime.spawn(work));
    }
}

impl RunningPlane {
    /// Ends the threads, and with them what still runs there.
    pub fn stop(self) {
        self.stop.cancel();
        for thread in self.threads {
            if thread.join().is_err() {
                tracing::error!("a thread that served connections had already ended");
            }
        }
    }
}

/// Counts a connection until it is dropped.
struct Load(Arc<AtomicUsize>);

impl Load {
    fn on(core: &Core) -> Self {
        core.load.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(&core.load))
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The next connection, if a place is free for it. Otherwise closes it at once: a waiting connection would hold a file
/// descriptor that nothing counts.
async fn accept(
    listener: &TcpListener,
    connections: &Connections,
) -> Option<(std::net::TcpStream, SocketAddr, Connection)> {
    match listener.accept().await {
        Ok((tcp, peer)) => {
            let place = connections.admit(peer.ip())?;
            // Taken from this runtime, for that of the thread which will serve it.
            Some((tcp.into_std().ok()?, peer, place))
        }
        Err(error) => {
            tracing::warn!(%error, "a connection could not be accepted");
            sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}
