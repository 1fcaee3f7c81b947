//! A caller that speaks HTTP/2, over TCP or TLS.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gateway::GatewayOptions;
use http::{Method, Request, Response};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use wire::Tls;

use crate::world::{Answer, World};

/// One connection, for many requests at once.
pub(crate) struct Caller<B = Full<Bytes>> {
    sender: http2::SendRequest<B>,
    /// Ends with the connection.
    pub(crate) connection: JoinHandle<Result<(), hyper::Error>>,
}

impl<B> Caller<B>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: std::error::Error + Send + Sync,
{
    pub(crate) async fn over(io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Self {
        let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(io))
            .await
            .expect("a handshake");
        Self {
            sender,
            connection: tokio::spawn(connection),
        }
    }

    /// Without TLS, which a program on this machine may do.
    pub(crate) async fn connect(world: &World) -> Self {
        Self::over(TcpStream::connect(world.address).await.expect("a connection")).await
    }

    pub(crate) async fn begin(&self, request: Request<B>) -> Result<Response<Incoming>, hyper::Error> {
        self.sender.clone().send_request(request).await
    }

    pub(crate) async fn send(&self, request: Request<B>) -> Answer {
        read(self.begin(request).await.expect("an answer")).await
    }
}

pub(crate) async fn read(response: Response<Incoming>) -> Answer {
    let (parts, body) = response.into_parts();
    let body = body.collect().await.expect("a whole body").to_bytes();
    Answer {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    }
}

/// A request with the world's key, whose host is a part of its target.
pub(crate) fn request<B>(
    world: &World,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: B,
) -> Request<B> {
    let mut request = world.request(method, path, headers, body);
    request.headers_mut().remove("host");
    let target = format!("http://gateway.test{path}");
    *request.uri_mut() = target.parse().expect("a target");
    request
}

pub(crate) fn get(world: &World, path: &str) -> Request<Full<Bytes>> {
    request(world, Method::GET, path, &[], Full::default())
}

/// A file of the certificates for tests.
pub(crate) fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../wire/tests/tls")
        .join(name)
}

/// Gives the gateway the first certificate.
pub(crate) fn with_certificate(options: &mut GatewayOptions) {
    let tls = Tls::load(file("first.pem"), file("first.key"), Duration::from_secs(10));
    options.tls = Some(tls.expect("a certificate and its key"));
}

/// A TLS connection that offers these protocols.
pub(crate) async fn secure(world: &World, offers: &[&str]) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    let authority = std::fs::read(file("ca.pem")).expect("the authority");
    roots.add_parsable_certificates(
        CertificateDer::pem_slice_iter(&authority).map(|certificate| certificate.expect("a certificate")),
    );
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = offers.iter().map(|offer| offer.as_bytes().to_vec()).collect();
    let name = ServerName::try_from("gateway.example.com").expect("a name");
    let tcp = TcpStream::connect(world.address).await?;
    TlsConnector::from(Arc::new(config)).connect(name, tcp).await
}
