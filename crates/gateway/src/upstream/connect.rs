//! Connections to the upstreams, over http or https (rustls with ring and the system's certificates).

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use url::Url;

use super::Upstream;

/// Why an upstream cannot be used.
#[derive(Debug, Error)]
pub enum UpstreamFault {
    #[error("an upstream's address begins with http:// or https://, not with {0}://")]
    Scheme(String),
    #[error("an upstream's address names a host")]
    NoHost,
    #[error("an upstream's address has no user name, password, query or fragment")]
    TooMuch,
    #[error("this machine has no certificates to check an https upstream with")]
    NoCertificates,
    #[error("the TLS settings for upstreams could not be made")]
    Tls(#[source] rustls::Error),
}

/// Whether requests can be forwarded to this address. If it has a path, that is prepended to each request's own.
pub fn check_upstream(url: &Url) -> Result<(), UpstreamFault> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(UpstreamFault::Scheme(url.scheme().to_owned()));
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(UpstreamFault::NoHost);
    }
    let too_much = !url.username().is_empty()
        || url.password().is_some()
        || url.query().is_some()
        || url.fragment().is_some();
    if too_much {
        Err(UpstreamFault::TooMuch)
    } else {
        Ok(())
    }
}

/// The certificates that this machine trusts.
fn native_roots() -> Result<RootCertStore, UpstreamFault> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        Err(UpstreamFault::NoCertificates)
    } else {
        Ok(roots)
    }
}

fn tls_config(roots: RootCertStore) -> Result<ClientConfig, UpstreamFault> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(UpstreamFault::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

/// TLS that offers one version of HTTP, or both.
#[derive(Clone)]
struct Offers {
    http1: TlsConnector,
    both: TlsConnector,
}

impl Offers {
    fn new(roots: RootCertStore) -> Result<Self, UpstreamFault> {
        let http1 = tls_config(roots)?;
        let mut both = http1.clone();
        both.alpn_protocols = vec![HTTP2.to_vec(), b"http/1.1".to_vec()];
        Ok(Self {
            http1: TlsConnector::from(Arc::new(http1)),
            both: TlsConnector::from(Arc::new(both)),
        })
    }
}

const HTTP2: &[u8] = b"h2";

/// Opens connections to upstreams.
#[derive(Clone)]
pub(crate) struct Connector {
    /// `None` if no upstream uses https.
    tls: Option<Offers>,
    patience: Duration,
}

impl Connector {
    /// `patience` limits how long one connection may take, with TLS.
    pub(crate) fn new(patience: Duration, needs_tls: bool) -> Result<Self, UpstreamFault> {
        let roots = if needs_tls { Some(native_roots()?) } else { None };
        Self::trusting(roots, patience)
    }

    pub(super) fn trusting(roots: Option<RootCertStore>, patience: Duration) -> Result<Self, UpstreamFault> {
        let tls = roots.map(Offers::new).transpose()?;
        Ok(Self { tls, patience })
    }

    pub(super) const fn patience(&self) -> Duration {
        self.patience
    }

    /// One connection. Over TLS, HTTP/2 is offered too if this `offers_http2`.
    pub(super) async fn open(&self, upstream: &Upstream, offers_http2: bool) -> io::Result<UpstreamStream> {
        timeout(self.patience, self.open_patiently(upstream, offers_http2))
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    async fn open_patiently(&self, upstream: &Upstream, offers_http2: bool) -> io::Result<UpstreamStream> {
        let host = upstream.host.as_str();
        let tcp = TcpStream::connect((host, upstream.port)).await?;
        tcp.set_nodelay(true)?;
        match self.tls.as_ref().filter(|_| upstream.https) {
            None => Ok(UpstreamStream::Plain(TokioIo::new(tcp))),
            Some(offers) => {
                let tls = if offers_http2 { &offers.both } else { &offers.http1 };
                Ok(UpstreamStream::Tls(Box::new(secure(tls, host, tcp).await?)))
            }
        }
    }
}

/// Adds TLS. The certificate must be valid for this host.
async fn secure(tls: &TlsConnector, host: &str, tcp: TcpStream) -> io::Result<TokioIo<TlsStream<TcpStream>>> {
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    let stream = tls.connect(name, tcp).await?;
    Ok(TokioIo::new(stream))
}

/// A connection to an upstream.
pub(crate) enum UpstreamStream {
    Plain(TokioIo<TcpStream>),
    Tls(Box<TokioIo<TlsStream<TcpStream>>>),
}

impl UpstreamStream {
    /// Whether the upstream has chosen HTTP/2.
    pub(super) fn is_http2(&self) -> bool {
        match self {
            Self::Plain(_) => false,
            Self::Tls(stream) => stream.inner().get_ref().1.alpn_protocol() == Some(HTTP2),
        }
    }
}

impl Read for UpstreamStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl Write for UpstreamStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{Request, Response};
    use http_body_util::{BodyExt, Empty, Full};
    use hyper::service::service_fn;
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    use super::*;

    /// An upstream with TLS as `receiver.example.com`, with the certificate that the webhook tests also use.
    async fn upstream() -> std::net::SocketAddr {
        let chain =
            CertificateDer::pem_slice_iter(include_bytes!("../../../webhooks/tests/tls/receiver.pem"));
        let key = PrivateKeyDer::from_pem_slice(include_bytes!("../../../webhooks/tests/tls/receiver.key"));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(
                chain.collect::<Result<_, _>>().expect("a chain"),
                key.expect("a key"),
            )
            .expect("a certificate");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let Ok(stream) = acceptor.accept(tcp).await else {
                    continue;
                };
                let hello = service_fn(async |_| {
                    Ok::<_, std::convert::Infallible>(Response::new(Full::new(Bytes::from_static(
                        b"over TLS",
                    ))))
                });
                let served =
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), hello);
                tokio::spawn(served);
            }
        });
        address
    }

    fn connector(roots: RootCertStore) -> TlsConnector {
        TlsConnector::from(Arc::new(tls_config(roots).expect("a configuration")))
    }

    fn trusting() -> TlsConnector {
        let mut roots = RootCertStore::empty();
        let authority = CertificateDer::pem_slice_iter(include_bytes!("../../../webhooks/tests/tls/ca.pem"));
        roots.add_parsable_certificates(authority.map(|certificate| certificate.expect("a certificate")));
        connector(roots)
    }

    async fn tcp(to: std::net::SocketAddr) -> TcpStream {
        TcpStream::connect(to).await.expect("a connection")
    }

    #[tokio::test]
    async fn an_https_upstream_is_called_over_tls() {
        let address = upstream().await;
        let stream = secure(&trusting(), "receiver.example.com", tcp(address).await)
            .await
            .expect("TLS");
        let (mut sender, connection) = hyper::client::conn::http1::handshake(stream)
            .await
            .expect("a handshake");
        tokio::spawn(connection);
        let answer = sender
            .send_request(Request::new(Empty::<Bytes>::new()))
            .await
            .expect("an answer");
        assert_eq!(
            answer.into_body().collect().await.expect("a body").to_bytes(),
            "over TLS"
        );
    }

    #[tokio::test]
    async fn a_certificate_for_another_name_or_by_an_unknown_issuer_is_refused() {
        let address = upstream().await;
        assert!(
            secure(&trusting(), "other.example.com", tcp(address).await)
                .await
                .is_err()
        );
        let stranger = connector(RootCertStore::empty());
        assert!(
            secure(&stranger, "receiver.example.com", tcp(address).await)
                .await
                .is_err()
        );
    }

    #[test]
    fn an_upstream_is_a_plain_http_or_https_address() {
        let judge = |text: &str| check_upstream(&text.parse().expect("a URL"));
        assert!(judge("http://127.0.0.1:8000").is_ok() && judge("https://api.example.com/v2/").is_ok());
        assert!(matches!(judge("ftp://a.example"), Err(UpstreamFault::Scheme(_))));
        for text in [
            "http://user@a.example",
            "http://a.example/?x=1",
            "http://a.example/#x",
        ] {
            assert!(matches!(judge(text), Err(UpstreamFault::TooMuch)), "{text}");
        }
    }
}
