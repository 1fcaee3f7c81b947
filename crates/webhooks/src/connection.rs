//! The checked connector: from a target to an open stream, through the policy. Nothing else in Gatehouse opens a
//! connection to a receiver, and no proxy variable is read: a proxy would resolve names itself, past the policy.

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

/// Of a name's addresses so many are tried; all of them are judged.
const ADDRESSES_TRIED: usize = 4;
/// While another address is left, one gets no more than this, so that a dead IPv6 route does not use up the deadline.
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

/// What one hop has come to so far; filled in as it goes, so that a failure leaves what was reached.
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

    /// Resolves, vets, dials a vetted address and, for https, proves the receiver's name. The addresses that were judged
    /// are the ones dialled: the name is not asked for again.
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

/// The first address that answers.
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
                // The request is written at once; waiting for more to send would only delay it.
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

/// The certificates this machine trusts. Those that cannot be read are skipped with a word in the log; without any, every
/// https delivery fails with [`FailureClass::Tls`].
pub fn native_roots() -> RootCertStore {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(%error, "a certificate of this machine cannot be read");
    }
    let mut roots = RootCertStore::empty();
    let (added, ignored) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        tracing::error!(
            "this machine trusts no certificate: https deliveries will fail (Debian: install ca-certificates)"
        );
    }
    tracing::debug!(added, ignored, "trusted certificates");
    roots
}
