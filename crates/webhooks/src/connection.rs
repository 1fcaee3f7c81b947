//! Opens a connection to a target after the policy has checked its addresses. No other code in Gatehouse connects to a
//! receiver. Proxy variables are ignored, because a proxy would resolve names itself and bypass the policy.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use model::{CompanyId, FailureClass, TimingRecord};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

use crate::target::{Host, Target};
use crate::{Policy, Resolver};

/// How many of a name's addresses are tried. All of them are checked.
const ADDRESSES_TRIED: usize = 4;
/// The most time one address gets while others are left. Without this limit, a dead IPv6 route would use up the whole
/// deadline.
const PATIENCE_PER_ADDRESS: Duration = Duration::from_secs(3);

/// A stream to a receiver, with or without TLS.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Opens connections to vetted addresses only.
#[derive(Debug)]
pub(crate) struct Connector {
    policy: Policy,
    resolver: Arc<dyn Resolver>,
    tls: Arc<ClientConfig>,
}

/// What one hop has reached so far. It is filled in step by step, so that a failure still shows how far the hop got.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    pub(crate) address: Option<SocketAddr>,
    pub(crate) timing: TimingRecord,
}

impl Connector {
    pub(crate) fn new(policy: Policy, resolver: Arc<dyn Resolver>, roots: RootCertStore) -> io::Result<Self> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            policy,
            resolver,
            tls: Arc::new(tls),
        })
    }

    /// Resolves the name, checks the addresses, dials one of them and, for https, verifies the receiver's certificate.
    /// It dials only addresses that it checked and never resolves the name again.
    pub(crate) async fn open(
        &self,
        target: &Target,
        asking: CompanyId,
        deadline: Instant,
        progress: &mut Progress,
    ) -> Result<(Box<dyn Stream>, SocketAddr), FailureClass> {
        let addresses = self.vetted(target, asking, deadline, progress).await?;
        let started = Instant::now();
        let (stream, address) = dial(&addresses, deadline).await?;
        progress.address = Some(address);
        progress.timing.connect_ms = Some(millis(started));
        if !target.is_https() {
            return Ok((Box::new(stream), address));
        }
        let started = Instant::now();
        let name = match target.host() {
            Host::Name(name) => ServerName::try_from(name.clone()).map_err(|_| FailureClass::Tls)?,
            Host::Address(address) => ServerName::IpAddress((*address).into()),
        };
        let handshake = TlsConnector::from(self.tls.clone()).connect(name, stream);
        let stream = timeout_at(deadline, handshake)
            .await
            .map_err(|_| FailureClass::TimeoutConnect)?
            .map_err(|_| FailureClass::Tls)?;
        progress.timing.tls_ms = Some(millis(started));
        Ok((Box::new(stream), address))
    }

    async fn vetted(
        &self,
        target: &Target,
        asking: CompanyId,
        deadline: Instant,
        progress: &mut Progress,
    ) -> Result<Vec<SocketAddr>, FailureClass> {
        self.policy
            .vet_name(target)
            .map_err(|_| FailureClass::BlockedAddress)?;
        let addresses: Vec<IpAddr> = match target.host() {
            Host::Address(address) => vec![*address],
            Host::Name(name) => {
                let started = Instant::now();
                let found = timeout_at(deadline, self.resolver.resolve(name, asking)).await;
                progress.timing.dns_ms = Some(millis(started));
                match found {
                    Ok(Ok(addresses)) if !addresses.is_empty() => addresses,
                    Ok(Ok(_) | Err(_)) | Err(_) => return Err(FailureClass::Dns),
                }
            }
        };
        self.policy
            .vet(target, &addresses)
            .map_err(|_| FailureClass::BlockedAddress)
    }
}

/// Connects to the first address that accepts.
async fn dial(addresses: &[SocketAddr], deadline: Instant) -> Result<(TcpStream, SocketAddr), FailureClass> {
    let mut failure = FailureClass::Refused;
    let tried = addresses.len().min(ADDRESSES_TRIED);
    for (at, address) in addresses.iter().take(tried).enumerate() {
        let last = at + 1 == tried;
        let until = if last {
            deadline
        } else {
            deadline.min(Instant::now() + PATIENCE_PER_ADDRESS)
        };
        match timeout_at(until, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // We write the request in one go, so waiting for more data would only delay it.
                if stream.set_nodelay(true).is_err() {
                    continue;
                }
                return Ok((stream, *address));
            }
            Ok(Err(error)) if error.kind() == io::ErrorKind::TimedOut => {
                failure = FailureClass::TimeoutConnect
            }
            Ok(Err(_)) => failure = FailureClass::Refused,
            Err(_) => failure = FailureClass::TimeoutConnect,
        }
    }
    Err(failure)
}

/// Whole milliseconds since then.
pub(crate) fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// The certificates this machine trusts. Unreadable ones are logged and skipped. If there are none, every https
/// delivery fails with [`FailureClass::Tls`].
pub fn native_roots() -> RootCertStore {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(%error, "could not read one of this machine's trusted certificates");
    }
    let mut roots = RootCertStore::empty();
    let (added, ignored) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        tracing::error!(
            "this machine has no trusted certificates, so https deliveries will fail (Debian: install ca-certificates)"
        );
    }
    tracing::debug!(added, ignored, "trusted certificates");
    roots
}
