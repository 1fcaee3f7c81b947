//! Which version of HTTP is spoken to an https upstream.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, Version, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{RootCertStore, ServerConfig};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::{Connector, Pool, Upstream, UpstreamRequest};
use crate::options::UpstreamHttp2;
use crate::request_body::RequestBody;

const AUTHORITY: &[u8] = include_bytes!("../../../wire/tests/tls/ca.pem");
const CERTIFICATE: &[u8] = include_bytes!("../../../wire/tests/tls/first.pem");
const KEY: &[u8] = include_bytes!("../../../wire/tests/tls/first.key");

fn acceptor(speaks: &[&str]) -> TlsAcceptor {
    let chain =
        CertificateDer::pem_slice_iter(CERTIFICATE).map(|certificate| certificate.expect("a certificate"));
    let key = PrivateKeyDer::from_pem_slice(KEY).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(chain.collect(), key)
        .expect("a certificate");
    config.alpn_protocols = speaks.iter().map(|name| name.as_bytes().to_vec()).collect();
    TlsAcceptor::from(Arc::new(config))
}

/// Says how it was asked.
async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let host = request.headers().get(header::HOST).is_some();
    let said = format!("{} host:{host}", request.uri());
    Ok(Response::new(Full::new(said.into())))
}

/// An upstream with TLS that speaks these versions.
async fn upstream(speaks: &[&str]) -> SocketAddr {
    let acceptor = acceptor(speaks);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let stream = acceptor.accept(tcp).await.expect("TLS");
            let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            let (stream, answer) = (TokioIo::new(stream), service_fn(answer));
            if is_http2 {
                let serving = http2::Builder::new(TokioExecutor::new()).serve_connection(stream, answer);
                tokio::spawn(async move { serving.await.expect("it is served") });
            } else {
                let serving = http1::Builder::new().serve_connection(stream, answer);
                tokio::spawn(async move { serving.await.expect("it is served") });
            }
        }
    });
    address
}

fn pool() -> Arc<Pool> {
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::pem_slice_iter(AUTHORITY);
    roots.add_parsable_certificates(authority.map(|certificate| certificate.expect("a certificate")));
    let patience = Duration::from_secs(20);
    let connector = Connector::trusting(Some(roots), patience).expect("a connector");
    Pool::new(connector, 1, patience, 8)
}

async fn spoken(
    pool: &Arc<Pool>,
    upstream: &Upstream,
    change: impl Fn(&mut UpstreamRequest),
) -> (Version, String) {
    let mut request = Request::new(RequestBody::empty());
    *request.uri_mut() = "/a".parse().expect("a path");
    request
        .headers_mut()
        .insert(header::HOST, upstream.authority.clone());
    change(&mut request);
    let (response, lease) = pool.send(upstream, request).await.expect("an answer");
    let version = response.version();
    let said = response.into_body().collect().await.expect("a body").to_bytes();
    lease.give_back();
    (version, String::from_utf8_lossy(&said).into_owned())
}

#[tokio::test]
async fn an_https_upstream_chooses_and_a_setting_forbids_it() {
    const BOTH: [&str; 2] = ["h2", "http/1.1"];
    let websocket = |request: &mut UpstreamRequest| {
        request
            .headers_mut()
            .insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    };
    let plain = |_: &mut UpstreamRequest| {};
    for (mode, speaks, version) in [
        (UpstreamHttp2::Tls, BOTH.as_slice(), Version::HTTP_2),
        (UpstreamHttp2::Always, &BOTH, Version::HTTP_2),
        (UpstreamHttp2::Off, &BOTH, Version::HTTP_11),
        (UpstreamHttp2::Tls, &BOTH[1..], Version::HTTP_11),
        (UpstreamHttp2::Tls, &[], Version::HTTP_11),
    ] {
        let address = upstream(speaks).await;
        let url = format!("https://{address}").parse().expect("a URL");
        let (pool, upstream) = (pool(), Upstream::new(0, &url, mode).expect("an upstream"));
        let said = if version == Version::HTTP_2 {
            format!("https://{address}/a host:false")
        } else {
            "/a host:true".to_owned()
        };
        for _ in 0..3 {
            assert_eq!(
                spoken(&pool, &upstream, plain).await,
                (version, said.clone()),
                "{mode:?} {speaks:?}"
            );
        }
        let (version, _) = spoken(&pool, &upstream, websocket).await;
        assert_eq!(version, Version::HTTP_11, "a WebSocket, {mode:?} {speaks:?}");
    }
}
