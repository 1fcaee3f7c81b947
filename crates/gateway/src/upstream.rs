//! Connections to the upstreams: pooled, http or https (rustls with ring and the machine's own certificates).

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tower::Service;
use url::Url;

use crate::request_body::RequestBody;

/// Shorter than what common servers keep an idle connection open: a connection that the upstream closes just as it is
/// taken from the pool costs a request.
const POOL_IDLE: Duration = Duration::from_secs(4);

/// Idle connections kept for each upstream.
const POOL_SIZE: usize = 256;

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

/// Whether requests can be forwarded to this address; a path in it goes before each request's own.
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

/// The pool of connections to all upstreams.
pub(crate) type UpstreamClient = Client<Connector, RequestBody>;

/// `needs_tls` when one of the upstreams is https.
pub(crate) fn client(connect_timeout: Duration, needs_tls: bool) -> Result<UpstreamClient, UpstreamFault> {
    let tls = if needs_tls {
        Some(TlsConnector::from(Arc::new(tls_config()?)))
    } else {
        None
    };
    let connector = Connector { tls, connect_timeout };
    Ok(Client::builder(TokioExecutor::new())
        .pool_idle_timeout(POOL_IDLE)
        .pool_max_idle_per_host(POOL_SIZE)
        .pool_timer(TokioTimer::new())
        .build(connector))
}

fn tls_config() -> Result<ClientConfig, UpstreamFault> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        return Err(UpstreamFault::NoCertificates);
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(UpstreamFault::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

/// Opens one connection within the time allowed.
#[derive(Clone)]
pub(crate) struct Connector {
    tls: Option<TlsConnector>,
    connect_timeout: Duration,
}

impl Service<Uri> for Connector {
    type Response = UpstreamStream;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<UpstreamStream>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connector = self.clone();
        Box::pin(async move {
            let limit = connector.connect_timeout;
            timeout(limit, connector.open(uri))
                .await
                .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
        })
    }
}

impl Connector {
    async fn open(&self, uri: Uri) -> io::Result<UpstreamStream> {
        let host = uri
            .host()
            .ok_or(io::ErrorKind::InvalidInput)?
            .trim_matches(['[', ']']);
        let https = uri.scheme_str() == Some("https");
        let port = uri.port_u16().unwrap_or(if https { 443 } else { 80 });
        let tcp = TcpStream::connect((host, port)).await?;
        tcp.set_nodelay(true)?;
        let Some(tls) = self.tls.as_ref().filter(|_| https) else {
            return Ok(UpstreamStream::Plain(TokioIo::new(tcp)));
        };
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        Ok(UpstreamStream::Tls(Box::new(TokioIo::new(
            tls.connect(name, tcp).await?,
        ))))
    }
}

/// A connection to an upstream.
pub(crate) enum UpstreamStream {
    Plain(TokioIo<TcpStream>),
    Tls(Box<TokioIo<TlsStream<TcpStream>>>),
}

impl Connection for UpstreamStream {
    fn connected(&self) -> Connected {
        Connected::new()
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
