//! TLS by the operator's certificate, which is read again when its files change.

use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use clock::Clock;
use model::Timestamp;
use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use shares::Connection as Place;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

pub use crate::certificate::TlsFault;
use crate::certificate::{Files, Pair, Stamp};
use crate::connection::{Limits, Service};
use crate::progress::Progress;
use crate::stream::CallerStream;
use crate::transport::Io;
use crate::{http1, http2};

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// A certificate that ends within this time is warned about, once a day.
const WARN_BEFORE: Duration = Duration::from_secs(14 * 24 * 3600);
const WARN_EVERY: Duration = Duration::from_secs(24 * 3600);

const HTTP2: &[u8] = b"h2";
const HTTP1: &[u8] = b"http/1.1";

/// TLS for a listener. Cheap to clone; all clones are the same.
#[derive(Clone)]
pub struct Tls(Arc<Shared>);

struct Shared {
    files: Files,
    acceptor: TlsAcceptor,
    current: Arc<Current>,
    /// How long a handshake may take.
    patience: Duration,
    failed: AtomicU64,
}

/// The certificate that new connections get.
#[derive(Debug)]
struct Current(RwLock<(Pair, Stamp)>);

impl Current {
    fn pair(&self) -> Pair {
        self.0.read().unwrap_or_else(PoisonError::into_inner).0.clone()
    }

    fn stamp(&self) -> Stamp {
        self.0.read().unwrap_or_else(PoisonError::into_inner).1.clone()
    }

    fn set(&self, read: (Pair, Stamp)) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = read;
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.pair().key)
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("files", &self.0.files)
            .finish_non_exhaustive()
    }
}

impl Tls {
    /// Reads a certificate (with those of its issuers) and its key, both in PEM form. `patience` limits a handshake.
    pub fn load(certificate: PathBuf, key: PathBuf, patience: Duration) -> Result<Self, TlsFault> {
        let files = Files { certificate, key };
        let provider = Arc::new(ring::default_provider());
        let current = Arc::new(Current(RwLock::new(files.read(&provider)?)));
        let unusable = |source| TlsFault::Unusable {
            file: files.certificate.clone(),
            source,
        };
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(unusable)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&current) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![HTTP2.to_vec(), HTTP1.to_vec()];
        config.ticketer = ring::Ticketer::new().map_err(unusable)?;
        Ok(Self(Arc::new(Shared {
            files,
            acceptor: TlsAcceptor::from(Arc::new(config)),
            current,
            patience,
            failed: AtomicU64::new(0),
        })))
    }

    /// When the present certificate ends.
    pub fn ends(&self) -> Option<Timestamp> {
        self.0.current.pair().ends
    }

    /// Handshakes since the start that failed or took too long.
    pub fn failed_handshakes(&self) -> u64 {
        self.0.failed.load(Ordering::Relaxed)
    }

    /// Reads the files again when they have changed, until `stop`. Open connections keep the certificate with which they
    /// began. While the two files do not belong together, the old certificate stays.
    pub async fn keep_current(self, clock: Clock, stop: CancellationToken) {
        let (file, ends) = (self.0.files.certificate.display(), text_of(self.ends()));
        tracing::info!(%file, ends, "TLS is spoken with this certificate");
        let mut looks = clock.every(LOOK_EVERY);
        let provider = ring::default_provider();
        let mut state = Watching::default();
        loop {
            self.warn_of_end(&clock, &mut state);
            tokio::select! {
                () = stop.cancelled() => return,
                () = looks.tick() => {}
            }
            self.look(&provider, &mut state).await;
        }
    }

    async fn look(&self, provider: &CryptoProvider, state: &mut Watching) {
        let (files, known) = (self.0.files.clone(), self.0.current.stamp());
        let provider = provider.clone();
        let reading = move || {
            let stamp = files.stamp();
            (stamp != known).then(|| (files.read(&provider), stamp))
        };
        let Ok(Some((read, stamp))) = tokio::task::spawn_blocking(reading).await else {
            return;
        };
        let file = self.0.files.certificate.display();
        match read {
            Ok(read) => {
                let ends = text_of(read.0.ends);
                self.0.current.set(read);
                *state = Watching::default();
                tracing::info!(%file, ends, "the certificate was replaced; new connections get the new one");
            }
            // One of the two may not be written yet.
            Err(_) if state.failed.as_ref() != Some(&stamp) => state.failed = Some(stamp),
            Err(fault) if state.said.as_ref() != Some(&stamp) => {
                tracing::warn!(%file, %fault, "the certificate was changed and cannot be used; the one before stays");
                state.said = Some(stamp);
            }
            Err(_) => {}
        }
    }

    fn warn_of_end(&self, clock: &Clock, state: &mut Watching) {
        let Some(ends) = self.ends() else { return };
        let left = ends.millis_since(clock.now());
        let is_due = state
            .warned_at
            .is_none_or(|at| clock.monotonic() >= at + WARN_EVERY);
        if left > i64::try_from(WARN_BEFORE.as_millis()).unwrap_or(i64::MAX) || !is_due {
            return;
        }
        state.warned_at = Some(clock.monotonic());
        let (file, ends) = (self.0.files.certificate.display(), text_of(Some(ends)));
        if left <= 0 {
            tracing::error!(%file, ends, "the certificate has ended: callers refuse it");
        } else {
            tracing::warn!(%file, ends, "the certificate ends soon");
        }
    }

    async fn accept(&self, tcp: TcpStream) -> Option<TlsStream<TcpStream>> {
        let accepting = self.0.acceptor.accept(tcp);
        let error = match timeout(self.0.patience, accepting).await {
            Ok(Ok(stream)) => return Some(stream),
            Ok(Err(error)) => error,
            Err(_) => std::io::ErrorKind::TimedOut.into(),
        };
        self.0.failed.fetch_add(1, Ordering::Relaxed);
        tracing::debug!(%error, "a TLS handshake failed");
        None
    }
}

/// What was noticed about the files.
#[derive(Debug, Default)]
struct Watching {
    /// The state of the files that could not be used, and the one of which that was said.
    failed: Option<Stamp>,
    said: Option<Stamp>,
    warned_at: Option<Duration>,
}

fn text_of(ends: Option<Timestamp>) -> String {
    ends.map_or_else(|| "unknown".to_owned(), Timestamp::to_rfc3339)
}

/// Serves one connection over TLS, with the version of HTTP on which both sides agree.
pub(crate) async fn serve<S: Service>(
    tls: &Tls,
    tcp: TcpStream,
    place: &Place,
    limits: Limits,
    stop: &CancellationToken,
    service: &S,
) {
    // Both are in memory of their own, which connections of HTTP/1.1 need not have.
    let handshake = Box::pin(tls.accept(tcp));
    let accepted = tokio::select! {
        accepted = handshake => accepted,
        () = stop.cancelled() => None,
        () = place.asked_to_close() => None,
    };
    let Some(stream) = accepted else { return };
    let is_http2 = stream.get_ref().1.alpn_protocol() == Some(HTTP2);
    let stream = Io::Tls(Box::new(stream));
    if is_http2 {
        let stream = CallerStream::new(stream, limits.write_idle, Arc::new(Progress::new())).in_frames();
        Box::pin(http2::serve(stream, place, limits, stop, service)).await;
    } else {
        http1::serve(stream, place, limits, stop, service).await;
    }
}
