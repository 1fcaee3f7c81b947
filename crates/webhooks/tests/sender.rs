//! Tests the sender against real receivers on loopback: what it sends, which redirects it follows, and what it refuses
//! or cuts off.

#[expect(
    dead_code,
    reason = "parts of it are only used by the delivery worker's tests"
)]
mod receiver;
mod resolver;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use http::{HeaderMap, HeaderValue};
use model::{AttemptOutcome, CompanyId, FailureClass};
use receiver::{Receiver, Reply};
use resolver::Names;
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use webhooks::{BODY_KEPT, DEADLINE, Headers, Policy, Sender, Sent, SystemResolver};

fn loopback() -> Policy {
    Policy::new(vec!["127.0.0.0/8".parse().expect("a network")], Vec::new())
}

fn sender(policy: Policy, deadline: Duration) -> Sender {
    Sender::new(
        policy,
        Arc::new(SystemResolver::default()),
        RootCertStore::empty(),
        deadline,
    )
    .expect("a sender")
}

async fn post(sender: &Sender, url: &str) -> Sent {
    let mut headers = HeaderMap::new();
    headers.insert("x-webhook-sign", HeaderValue::from_static("v1=00"));
    headers.insert("user-agent", HeaderValue::from_static("Acme/1.0"));
    let mut own = HeaderMap::new();
    let mut secret = HeaderValue::from_static("tenant 7");
    secret.set_sensitive(true);
    own.insert("x-tenant", secret);
    // The name of the signature header may be changed to that of a webhook's header.
    own.insert("x-webhook-sign", HeaderValue::from_static("mine"));
    sender
        .post(
            CompanyId::from_random([1; 16]),
            url,
            Headers {
                all: &headers,
                own_origin: &own,
            },
            Bytes::from_static(b"{\"a\":1}"),
            sender.deadline(),
        )
        .await
}

fn class(sent: &Sent) -> Option<FailureClass> {
    match sent.outcome {
        AttemptOutcome::Succeeded { .. } => None,
        AttemptOutcome::Failed { class, .. } => Some(class),
    }
}

#[tokio::test]
async fn a_request_has_its_body_and_headers_and_accepts_no_compression() {
    let receiver = Receiver::start(|_| Reply::Answer {
        status: 201,
        headers: vec![
            ("X-Seen", "yes".to_owned()),
            ("Set-Cookie", "session=1".to_owned()),
        ],
        body: b"thanks".to_vec(),
    })
    .await;
    let sent = post(&sender(loopback(), DEADLINE), &receiver.url("/hook?a=b")).await;
    assert_eq!(sent.outcome, AttemptOutcome::Succeeded { status: 201 });

    let received = &receiver.received()[0];
    assert_eq!(
        (received.line.as_str(), received.body.as_slice()),
        ("POST /hook?a=b HTTP/1.1", &b"{\"a\":1}"[..])
    );
    assert_eq!(
        received.header("host"),
        Some(receiver.address.to_string().as_str())
    );
    assert_eq!(received.header("content-type"), Some("application/json"));
    assert_eq!(received.header("user-agent"), Some("Acme/1.0"));
    assert_eq!(received.header("x-webhook-sign"), Some("v1=00"));
    assert_eq!(received.header("accept-encoding"), None);

    let hop = &sent.hops[0];
    assert_eq!(
        (hop.address.clone(), hop.status),
        (Some(receiver.address.to_string()), Some(201))
    );
    assert_eq!(
        (hop.response_body.as_str(), hop.response_truncated),
        ("thanks", false)
    );
    let field = |name: &str| {
        hop.response_headers
            .iter()
            .find(|field| field.name == name)
            .expect("recorded")
    };
    assert_eq!(
        (field("x-seen").value.as_str(), field("x-seen").redacted),
        ("yes", false)
    );
    assert_eq!(
        (field("set-cookie").value.as_str(), field("set-cookie").redacted),
        ("", true)
    );
    assert!(
        hop.timing.connect_ms.is_some() && hop.timing.first_byte_ms.is_some() && hop.timing.body_ms.is_some()
    );
    assert!(
        hop.request_headers
            .iter()
            .any(|field| field.name == "x-webhook-sign")
    );
}

#[tokio::test]
async fn followed_redirects_keep_the_post_and_its_body() {
    for status in [300, 301, 302, 303, 307, 308] {
        let target = Receiver::start(|_| Reply::status(204)).await;
        let to = target.url("/final");
        let first = Receiver::start(move |_| Reply::redirect(status, to.clone())).await;
        let sent = post(&sender(loopback(), DEADLINE), &first.url("/")).await;
        assert_eq!(
            sent.outcome,
            AttemptOutcome::Succeeded { status: 204 },
            "{status}"
        );
        let received = &target.received()[0];
        assert_eq!(
            (received.line.as_str(), received.body.as_slice()),
            ("POST /final HTTP/1.1", &b"{\"a\":1}"[..])
        );
        assert_eq!(
            sent.hops.iter().map(|hop| hop.status).collect::<Vec<_>>(),
            [Some(status), Some(204)]
        );
    }
}

#[tokio::test]
async fn a_webhooks_own_headers_go_to_its_own_origin_only_and_are_not_recorded() {
    let other = Receiver::start(|_| Reply::status(204)).await;
    let to = other.url("/elsewhere");
    let own = Receiver::start(move |received| {
        if received.line.contains("/second") {
            Reply::redirect(307, to.clone())
        } else {
            Reply::redirect(307, "/second")
        }
    })
    .await;
    let sent = post(&sender(loopback(), DEADLINE), &own.url("/first")).await;
    assert_eq!(sent.outcome, AttemptOutcome::Succeeded { status: 204 });
    let tenants = |receiver: &Receiver| -> Vec<Option<String>> {
        let received = receiver.received();
        let values = received
            .iter()
            .map(|one| one.header("x-tenant").map(str::to_owned));
        values.collect()
    };
    assert_eq!(
        tenants(&own),
        [Some("tenant 7".to_owned()), Some("tenant 7".to_owned())]
    );
    assert_eq!(tenants(&other), [None]);
    for received in own.received() {
        assert_eq!(received.header("x-webhook-sign"), Some("v1=00"), "ours wins");
    }
    let recorded: Vec<_> = sent
        .hops
        .iter()
        .map(|hop| {
            let mut fields = hop.request_headers.iter();
            let field = fields.find(|field| field.name == "x-tenant");
            field.map(|field| (field.value.as_str(), field.redacted))
        })
        .collect();
    assert_eq!(
        recorded,
        [Some(("[redacted]", true)), Some(("[redacted]", true)), None]
    );
}

#[tokio::test]
async fn other_redirects_are_not_followed() {
    let target = Receiver::start(|_| Reply::status(200)).await;
    for status in [304, 305] {
        let to = target.url("/");
        let first = Receiver::start(move |_| Reply::redirect(status, to.clone())).await;
        let sent = post(&sender(loopback(), DEADLINE), &first.url("/")).await;
        assert!(
            matches!(sent.outcome, AttemptOutcome::Failed { status: Some(found), .. } if found == status)
        );
    }
    assert!(target.received().is_empty());
}

#[tokio::test]
async fn a_redirect_loop_ends_after_three() {
    let receiver = Receiver::start(|_| Reply::redirect(307, "/again")).await;
    let sent = post(&sender(loopback(), DEADLINE), &receiver.url("/")).await;
    assert_eq!((class(&sent), sent.hops.len()), (Some(FailureClass::Redirect), 4));
    assert_eq!(receiver.received().len(), 4);
}

#[tokio::test]
async fn a_redirect_to_a_forbidden_address_is_refused_at_that_hop() {
    for to in [
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]:4000/",
        "http://10.0.0.1/",
        "https://metadata/",
    ] {
        let receiver = Receiver::start(move |_| Reply::redirect(302, to)).await;
        let sent = post(&sender(loopback(), DEADLINE), &receiver.url("/")).await;
        assert_eq!(
            (class(&sent), sent.hops.len()),
            (Some(FailureClass::BlockedAddress), 2),
            "{to}"
        );
        assert_eq!(
            (sent.hops[1].address.clone(), sent.hops[1].status),
            (None, None),
            "{to}"
        );
    }
}

#[tokio::test]
async fn without_an_allowed_network_loopback_and_plain_http_are_never_dialled() {
    let receiver = Receiver::start(|_| Reply::status(200)).await;
    let port = receiver.address.port();
    let strict = sender(Policy::default(), DEADLINE);
    for host in [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "0x7f.1",
        "[::ffff:127.0.0.1]",
        "[64:ff9b::7f00:1]",
    ] {
        for scheme in ["http", "https"] {
            let sent = post(&strict, &format!("{scheme}://{host}:{port}/")).await;
            assert_eq!(
                class(&sent),
                Some(FailureClass::BlockedAddress),
                "{scheme}://{host}"
            );
        }
    }
    assert!(receiver.received().is_empty());
}

#[tokio::test]
async fn a_name_is_resolved_once_per_request_and_the_checked_address_is_dialled() {
    // Closes each connection, so that the next request needs a new one.
    let closing = || vec![("Connection", "close".to_owned())];
    let receiver = Receiver::start(move |_| Reply::Answer {
        status: 200,
        headers: closing(),
        body: Vec::new(),
    })
    .await;
    let url = format!("http://rebinding.example.com:{}/", receiver.address.port());
    // A public name on the first query, and a forbidden address from then on.
    let names = Names::new(&[&["127.0.0.1"], &["10.0.0.1"]]);
    let sender = Sender::new(loopback(), names.clone(), RootCertStore::empty(), DEADLINE).expect("a sender");
    let first = post(&sender, &url).await;
    assert_eq!((class(&first), names.asked.load(Ordering::Relaxed)), (None, 1));
    let second = post(&sender, &url).await;
    assert_eq!(
        (class(&second), names.asked.load(Ordering::Relaxed)),
        (Some(FailureClass::BlockedAddress), 2)
    );
    assert_eq!(receiver.received().len(), 1);
}

#[tokio::test]
async fn a_name_with_both_allowed_and_forbidden_addresses_is_refused() {
    let receiver = Receiver::start(|_| Reply::status(200)).await;
    let names = Names::new(&[&["127.0.0.1", "192.168.0.1"]]);
    let sender = Sender::new(loopback(), names, RootCertStore::empty(), DEADLINE).expect("a sender");
    let sent = post(
        &sender,
        &format!("http://mixed.example.com:{}/", receiver.address.port()),
    )
    .await;
    assert_eq!(class(&sent), Some(FailureClass::BlockedAddress));
    assert!(receiver.received().is_empty());
}

#[tokio::test]
async fn an_endless_response_is_cut_off_and_judged_by_its_status() {
    let receiver = Receiver::start(|_| Reply::Endless {
        head: b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n".to_vec(),
        again: vec![b'x'; 64 * 1024],
    })
    .await;
    let sent = post(&sender(loopback(), DEADLINE), &receiver.url("/")).await;
    assert_eq!(sent.outcome, AttemptOutcome::Succeeded { status: 200 });
    let hop = &sent.hops[0];
    assert_eq!(
        (hop.response_body.len(), hop.response_truncated),
        (BODY_KEPT, true)
    );
    assert!(
        receiver.written.load(Ordering::Relaxed) < 32 << 20,
        "the rest was not read"
    );
}

#[tokio::test]
async fn a_compressed_response_is_kept_as_received() {
    // The head of a gzip file. The sender must not decompress it, however large the result would be.
    let bomb = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    let receiver = Receiver::start(move |_| Reply::Answer {
        status: 200,
        headers: vec![("Content-Encoding", "gzip".to_owned())],
        body: bomb.clone(),
    })
    .await;
    let sent = post(&sender(loopback(), DEADLINE), &receiver.url("/")).await;
    assert_eq!(class(&sent), None);
    assert!(sent.hops[0].response_body.chars().count() <= 10);
}

#[tokio::test]
async fn a_silent_receiver_is_cut_off_at_the_deadline_wherever_it_stops() {
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n".to_vec();
    for (said, expected) in [
        (Vec::new(), FailureClass::TimeoutHeaders),
        (
            b"HTTP/1.1 200 OK\r\nX-A: b".to_vec(),
            FailureClass::TimeoutHeaders,
        ),
        (head.clone(), FailureClass::TimeoutBody),
        ([head, b"abc".to_vec()].concat(), FailureClass::TimeoutBody),
    ] {
        let receiver = Receiver::start(move |_| Reply::Silence(said.clone())).await;
        let sent = post(
            &sender(loopback(), Duration::from_millis(300)),
            &receiver.url("/"),
        )
        .await;
        assert_eq!(class(&sent), Some(expected));
    }
}

#[tokio::test]
async fn redirects_share_one_deadline() {
    let last = Receiver::start(|_| Reply::Silence(Vec::new())).await;
    let to = last.url("/");
    let first = Receiver::start(move |_| Reply::redirect(307, to.clone())).await;
    let sent = post(&sender(loopback(), Duration::from_millis(300)), &first.url("/")).await;
    assert_eq!(
        (class(&sent), sent.hops.len()),
        (Some(FailureClass::TimeoutHeaders), 2)
    );
}

#[tokio::test]
async fn a_response_that_is_not_http_is_a_protocol_failure() {
    let many_headers = [
        b"HTTP/1.1 200 OK\r\n".to_vec(),
        b"X-Filler: aaaaaaaaaaaaaaaa\r\n".repeat(20_000),
    ]
    .concat();
    for said in [
        Vec::new(),
        b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(),
        many_headers,
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc".to_vec(),
    ] {
        let receiver = Receiver::start(move |_| Reply::Raw(said.clone())).await;
        let sent = post(&sender(loopback(), DEADLINE), &receiver.url("/")).await;
        assert_eq!(class(&sent), Some(FailureClass::Protocol));
    }
}

#[tokio::test]
async fn a_closed_port_and_an_unknown_name_are_different_failures() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0")
        .expect("a port")
        .local_addr()
        .expect("an address");
    let gone = format!("http://{gone}/");
    assert_eq!(
        class(&post(&sender(loopback(), DEADLINE), &gone).await),
        Some(FailureClass::Refused)
    );

    let nothing = Names::new(&[&[]]);
    let sender = Sender::new(loopback(), nothing, RootCertStore::empty(), DEADLINE).expect("a sender");
    assert_eq!(
        class(&post(&sender, "https://nowhere.example.com/").await),
        Some(FailureClass::Dns)
    );
}

#[tokio::test]
async fn retry_after_is_taken_from_the_last_response() {
    let receiver = Receiver::start(|_| Reply::Answer {
        status: 503,
        headers: vec![("Retry-After", "120".to_owned())],
        body: Vec::new(),
    })
    .await;
    let sent = post(&sender(loopback(), DEADLINE), &receiver.url("/")).await;
    assert_eq!(
        (class(&sent), sent.retry_after.as_deref()),
        (Some(FailureClass::Status), Some("120"))
    );
}

#[tokio::test]
async fn a_connection_is_reused_while_the_receiver_keeps_it_open() {
    let receiver = Receiver::start(|_| Reply::Answer {
        status: 200,
        headers: Vec::new(),
        body: b"ok".to_vec(),
    })
    .await;
    let sender = sender(loopback(), DEADLINE);
    for _ in 0..20 {
        assert_eq!(class(&post(&sender, &receiver.url("/")).await), None);
    }
    assert_eq!(
        (
            receiver.received().len(),
            receiver.connections.load(Ordering::Relaxed)
        ),
        (20, 1)
    );
    let again = post(&sender, &receiver.url("/")).await;
    assert_eq!(again.hops[0].address, Some(receiver.address.to_string()));
    assert_eq!(
        (again.hops[0].timing.dns_ms, again.hops[0].timing.connect_ms),
        (None, None)
    );
}

/// The numbers of the connections that have ended, once there are this many. Times out long before an idle connection
/// would expire.
async fn ended(receiver: &Receiver, connections: usize) -> Vec<usize> {
    let limit = Duration::from_secs(10);
    let ended = tokio::time::timeout(limit, receiver.wait_for_ended(connections));
    ended.await.expect("connections end")
}

#[tokio::test]
async fn when_too_many_connections_are_idle_the_receiver_with_most_loses_its_oldest() {
    let start = || Receiver::start(|_| Reply::status(204));
    let (busy, quiet, new) = (start().await, start().await, start().await);
    let sender = sender(loopback(), DEADLINE).keeping(3);
    let (busy_url, quiet_url) = (busy.url("/"), quiet.url("/"));
    let sent = tokio::join!(
        post(&sender, &busy_url),
        post(&sender, &busy_url),
        post(&sender, &quiet_url)
    );
    assert_eq!(
        (class(&sent.0), class(&sent.1), class(&sent.2)),
        (None, None, None)
    );
    assert_eq!(busy.connections.load(Ordering::Relaxed), 2, "two at once");
    // The next request takes the youngest connection and returns it as the youngest.
    assert_eq!(class(&post(&sender, &busy_url).await), None);
    let youngest = busy.received()[2].connection;

    // There is no room for a fourth.
    assert_eq!(class(&post(&sender, &new.url("/")).await), None);
    assert_eq!(ended(&busy, 1).await, [1 - youngest]);
    // Each receiver now has one kept connection, and it is reused.
    for receiver in [&busy, &quiet, &new] {
        assert_eq!(class(&post(&sender, &receiver.url("/")).await), None);
    }
    let opened = [&busy, &quiet, &new].map(|receiver| receiver.connections.load(Ordering::Relaxed));
    assert_eq!(opened, [2, 1, 1]);
    assert_eq!(busy.received()[3].connection, youngest);
}

#[tokio::test]
async fn no_more_connections_are_kept_than_are_allowed_in_all() {
    let receiver = Receiver::start(|_| Reply::status(204)).await;
    let sender = sender(loopback(), DEADLINE).keeping(2);
    let url = receiver.url("/");
    tokio::join!(
        post(&sender, &url),
        post(&sender, &url),
        post(&sender, &url),
        post(&sender, &url),
        post(&sender, &url)
    );
    assert_eq!(receiver.connections.load(Ordering::Relaxed), 5, "five at once");
    assert_eq!(ended(&receiver, 3).await.len(), 3);
}

#[tokio::test]
async fn a_receiver_of_many_webhooks_gets_as_many_connections_as_attempts_at_once() {
    let receiver = Receiver::start(|_| Reply::After(Duration::from_millis(300), 204)).await;
    let sender = sender(loopback(), DEADLINE);
    let url = receiver.url("/");
    for round in 1..=3 {
        let sent = join_all((0..100).map(|_| post(&sender, &url))).await;
        assert!(sent.iter().all(|one| class(one).is_none()));
        assert_eq!(receiver.connections.load(Ordering::Relaxed), 100, "round {round}");
    }
}

#[tokio::test]
async fn a_connection_closed_while_idle_costs_no_attempt() {
    let receiver =
        Receiver::start(|_| Reply::Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_vec())).await;
    let sender = sender(loopback(), DEADLINE);
    for _ in 0..20 {
        assert_eq!(class(&post(&sender, &receiver.url("/")).await), None);
    }
    assert_eq!(receiver.received().len(), 20);
}

#[tokio::test]
async fn a_response_that_is_cut_off_ends_its_connection() {
    let receiver = Receiver::start(|_| Reply::Answer {
        status: 200,
        headers: Vec::new(),
        body: vec![b'x'; 1 << 20],
    })
    .await;
    let sender = sender(loopback(), DEADLINE);
    for _ in 0..3 {
        let sent = post(&sender, &receiver.url("/")).await;
        assert!(class(&sent).is_none() && sent.hops[0].response_truncated);
    }
    assert_eq!(receiver.connections.load(Ordering::Relaxed), 3);
}

fn certificates(pem: &'static [u8]) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .expect("PEM")
}

fn tls() -> tokio_rustls::TlsAcceptor {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("tls/receiver.key")).expect("a key");
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(certificates(include_bytes!("tls/receiver.pem")), key)
        .expect("a certificate");
    Arc::new(config).into()
}

#[tokio::test]
async fn https_verifies_the_receivers_name() {
    let receiver = Receiver::start_with(|_| Reply::status(200), Some(tls())).await;
    let port = receiver.address.port();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates(include_bytes!("tls/ca.pem")));
    let names = || Names::new(&[&["127.0.0.1"]]);
    let trusting = Sender::new(loopback(), names(), roots, DEADLINE).expect("a sender");

    let sent = post(&trusting, &format!("https://receiver.example.com:{port}/")).await;
    assert_eq!(sent.outcome, AttemptOutcome::Succeeded { status: 200 });
    assert!(sent.hops[0].timing.tls_ms.is_some());

    let other_name = post(&trusting, &format!("https://other.example.com:{port}/")).await;
    assert_eq!(class(&other_name), Some(FailureClass::Tls));
    let strict = Sender::new(loopback(), names(), RootCertStore::empty(), DEADLINE).expect("a sender");
    let unknown_authority = post(&strict, &format!("https://receiver.example.com:{port}/")).await;
    assert_eq!(class(&unknown_authority), Some(FailureClass::Tls));
    assert_eq!(receiver.received().len(), 1);
}
