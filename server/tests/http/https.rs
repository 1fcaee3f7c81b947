//! Listeners with a certificate.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, StatusCode, Version};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use server::config::{CertificateFiles, Config};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};

use crate::world::{To, World};

fn file(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../crates/wire/tests/tls")
        .join(name)
}

fn with_certificates(config: &mut Config) {
    let files = |setting, name: &str| {
        let [certificate, key] = ["pem", "key"].map(|kind| file(&format!("{name}.{kind}")));
        Some(CertificateFiles::new(setting, certificate, key))
    };
    config.tls = files("tls-certificate", "first");
    config.gateway_tls = files("gateway-tls-certificate", "second");
}

async fn secure(address: SocketAddr, offer: &str) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_file(file("ca.pem")).expect("the authority");
    roots.add(authority).expect("a certificate");
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![offer.as_bytes().to_vec()];
    let tcp = TcpStream::connect(address).await.expect("a connection");
    let name = ServerName::from(address.ip());
    TlsConnector::from(Arc::new(config))
        .connect(name, tcp)
        .await
        .expect("TLS")
}

/// `GET` over both versions of HTTP.
async fn get(address: SocketAddr, path: &str) -> [Response<Bytes>; 2] {
    let request = Request::get(format!("https://{address}{path}"));
    let first = request.body(Full::<Bytes>::default()).expect("a request");
    let mut second = first.clone();
    let (mut sender, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(secure(address, "h2").await))
            .await
            .expect("HTTP/2");
    tokio::spawn(connection);
    let first = sender.send_request(first).await.expect("an answer");
    *second.uri_mut() = path.parse().expect("a path");
    let host = address.to_string().parse().expect("a host");
    second.headers_mut().insert("host", host);
    let (mut sender, connection) = http1::handshake(TokioIo::new(secure(address, "http/1.1").await))
        .await
        .expect("HTTP/1.1");
    tokio::spawn(connection);
    let second = sender.send_request(second).await.expect("an answer");
    let mut whole = Vec::new();
    for answer in [first, second] {
        let (parts, body) = answer.into_parts();
        let body = body.collect().await.expect("a body").to_bytes();
        whole.push(Response::from_parts(parts, body));
    }
    whole.try_into().expect("two")
}

#[tokio::test]
async fn the_dashboard_and_the_gateway_have_a_certificate_each() {
    let mut world = World::start_with(with_certificates).await;
    let (dashboard, gateway) = (world.address(To::Dashboard), world.address(To::Gateway));
    assert_eq!(world.running().public_url, format!("https://{dashboard}"));
    assert_eq!(world.running().gateway_url, format!("https://{gateway}"));

    let [http2, http1] = get(dashboard, "/sign-in").await;
    assert_eq!(
        (http2.version(), http1.version()),
        (Version::HTTP_2, Version::HTTP_11)
    );
    for page in [http2, http1] {
        assert_eq!(page.status(), StatusCode::OK);
        let cookies = page.headers().get_all("set-cookie").iter();
        let cookies: Vec<_> = cookies.map(|cookie| cookie.to_str().expect("text")).collect();
        assert!(
            cookies
                .iter()
                .all(|cookie| cookie.starts_with("__Host-") && cookie.contains("Secure")),
            "{cookies:?}"
        );
        assert!(String::from_utf8_lossy(page.body()).contains("Sign in"));
    }
    for refused in get(gateway, "/v1/webhooks/").await {
        assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    }
    // The operator's listener has none, and says when theirs end.
    let metrics = world.get("/metrics").to(To::Operator).send().await.body;
    for line in [
        "gatehouse_tls_handshakes_failed_total{listener=\"gateway\"} 0",
        "gatehouse_tls_certificate_end_timestamp_seconds{listener=\"dashboard\"} 49",
        "gatehouse_tls_certificate_end_timestamp_seconds{listener=\"gateway\"} 24",
    ] {
        assert!(metrics.contains(line), "{line} is missing in {metrics}");
    }
    world.stop().await;
}
