//! Callers that speak TLS.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use keys::RateLimit;
use model::Environment;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use wire::{Tls, TlsFault};

use crate::framed::{Caller, file, get, secure, with_certificate};
use crate::raw::{closed, head_of, send, until, upstream, world_with};
use crate::world::World;

async fn world() -> World {
    World::with(with_certificate, RateLimit::off()).await
}

async fn get_over_http1(world: &World, path: &str) -> http::Response<hyper::body::Incoming> {
    let stream = secure(world, &["http/1.1"]).await.expect("TLS");
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.expect("a handshake");
    tokio::spawn(connection);
    let request = world.request(Method::GET, path, &[], Full::<Bytes>::default());
    sender.send_request(request).await.expect("an answer")
}

#[tokio::test]
async fn both_versions_of_http_are_spoken_over_one_port() {
    let world = world().await;
    let stream = secure(&world, &["h2", "http/1.1"]).await.expect("TLS");
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
    let answer = Caller::over(stream).await.send(get(&world, "/echo")).await;
    assert_eq!(answer.json()["headers"]["x-forwarded-proto"][0], "https");
    assert_eq!(get_over_http1(&world, "/echo").await.status(), 200);
    let stream = secure(&world, &[]).await.expect("TLS");
    assert_eq!(stream.get_ref().1.alpn_protocol(), None);
    assert!(
        secure(&world, &["ftp"]).await.is_err(),
        "there is nothing to agree on"
    );
}

#[tokio::test]
async fn redirects_of_the_upstream_lead_back_to_https() {
    let world = world().await;
    let to = format!("http://{}/there", world.upstream.address);
    let caller = Caller::over(secure(&world, &["h2"]).await.expect("TLS")).await;
    let request = crate::framed::request(
        &world,
        Method::GET,
        "/redirect",
        &[("x-location", &to)],
        Full::<Bytes>::default(),
    );
    let answer = caller.send(request).await;
    assert_eq!(answer.headers["location"], "https://gateway.test/there");
}

#[tokio::test]
async fn within_tls_http2_is_negotiated_or_not_spoken() {
    let world = world().await;
    for offers in [["http/1.1"].as_slice(), &[]] {
        let mut stream = secure(&world, offers).await.expect("TLS");
        stream
            .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
            .await
            .expect("it is sent");
        let mut answer = String::new();
        // The other side may close without saying so.
        let _ = test_wait::in_time("an answer", stream.read_to_string(&mut answer)).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{offers:?}: {answer}");
    }
}

#[tokio::test]
async fn a_handshake_that_fails_or_takes_too_long_is_counted_and_costs_nobody_else_anything() {
    let tls = Tls::load(file("first.pem"), file("first.key"), Duration::from_millis(50));
    let tls = tls.expect("a certificate and its key");
    let world = World::with(|options| options.tls = Some(tls.clone()), RateLimit::off()).await;
    let mut silent = TcpStream::connect(world.address).await.expect("a connection");
    let mut plain = TcpStream::connect(world.address).await.expect("a connection");
    plain
        .write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .expect("it is sent");
    closed(&mut plain).await;
    closed(&mut silent).await;
    test_wait::until("both are counted", async || tls.failed_handshakes() == 2).await;
    assert_eq!(get_over_http1(&world, "/echo").await.status(), 200);
}

#[tokio::test]
async fn connections_that_never_begin_tls_are_within_their_addresss_bound() {
    let change = |options: &mut gateway::GatewayOptions| {
        with_certificate(options);
        options.limits.connections_per_address = 2;
    };
    let world = World::with(change, RateLimit::off()).await;
    let mut silent = [
        TcpStream::connect(world.address).await.expect("a connection"),
        TcpStream::connect(world.address).await.expect("a connection"),
    ];
    let answered = test_wait::eventually("a silent one makes room for one that speaks", async || {
        let stream = secure(&world, &["h2"]).await.ok()?;
        Some(Caller::over(stream).await.send(get(&world, "/echo")).await.status)
    });
    assert_eq!(answered.await, 200);
    closed(&mut silent[0]).await;
}

/// Two files that can be replaced.
struct Files(tempfile::TempDir);

impl Files {
    fn of(name: &str) -> Self {
        let files = Self(tempfile::tempdir().expect("a folder"));
        files.put("pem", name);
        files.put("key", name);
        files
    }

    /// Replaces one of the files at once, as programs that renew certificates do.
    fn put(&self, kind: &str, name: &str) {
        let (new, place) = (self.0.path().join("new"), self.0.path().join(kind));
        std::fs::copy(file(&format!("{name}.{kind}")), &new).expect("it is copied");
        std::fs::rename(new, place).expect("it is put in place");
    }

    fn load(&self) -> Result<Tls, TlsFault> {
        let [certificate, key] = ["pem", "key"].map(|kind| self.0.path().join(kind));
        Tls::load(certificate, key, Duration::from_secs(10))
    }
}

async fn serial(world: &World) -> Vec<u8> {
    let stream = secure(world, &["h2"]).await.expect("TLS");
    let chain = stream.get_ref().1.peer_certificates().expect("a certificate");
    chain[0].to_vec()
}

#[tokio::test]
async fn a_certificate_that_is_replaced_is_used_for_new_connections_only() {
    let files = Files::of("first");
    let tls = files.load().expect("a pair");
    let world = World::with(|options| options.tls = Some(tls.clone()), RateLimit::off()).await;
    let (stop, clock) = (CancellationToken::new(), clock::Clock::from(&world.clock));
    let keeping = tokio::spawn(tls.clone().keep_current(clock, stop.clone()));
    let (first, ends) = (serial(&world).await, tls.ends().expect("an end"));
    let open = Caller::over(secure(&world, &["h2"]).await.expect("TLS")).await;
    assert_eq!(open.send(get(&world, "/echo")).await.status, 200);

    // The files are looked at every five seconds. While they do not belong together, the old pair stays.
    files.put("pem", "second");
    for _ in 0..4 {
        world.clock.advance_seconds(5);
        tokio::task::yield_now().await;
        assert_eq!(serial(&world).await, first);
    }
    files.put("key", "second");
    let second = test_wait::eventually("the new pair is used", async || {
        world.clock.advance_seconds(5);
        let now = serial(&world).await;
        (now != first).then_some(now)
    });
    second.await;
    assert!(
        tls.ends().expect("an end") < ends,
        "the second ends before the first"
    );
    assert_eq!(
        open.send(get(&world, "/echo")).await.status,
        200,
        "open connections stay"
    );
    stop.cancel();
    keeping.await.expect("it ran");
}

#[tokio::test]
async fn files_that_are_no_pair_are_refused_with_the_reason() {
    let files = Files::of("first");
    files.put("key", "second");
    assert!(matches!(files.load(), Err(TlsFault::NotAPair { .. })));
    std::fs::write(files.0.path().join("key"), "nothing").expect("it is written");
    assert!(matches!(files.load(), Err(TlsFault::NoKey(_))));
    std::fs::write(files.0.path().join("pem"), "nothing").expect("it is written");
    assert!(matches!(files.load(), Err(TlsFault::NoCertificate(_))));
    std::fs::remove_file(files.0.path().join("pem")).expect("it is there");
    assert!(matches!(files.load(), Err(TlsFault::Unreadable { .. })));
}

#[tokio::test]
async fn the_end_of_a_certificate_is_known() {
    for (name, year) in [("first", "2126-"), ("second", "2048-")] {
        let ends = Files::of(name).load().expect("a pair").ends().expect("an end");
        assert!(ends.to_rfc3339().starts_with(year), "{name}: {ends}");
    }
}

#[tokio::test]
async fn many_requests_at_once_over_tls_are_all_answered() {
    let world = Arc::new(world().await);
    let key = world.generate(Environment::Sandbox).await;
    let caller = Arc::new(Caller::over(secure(&world, &["h2"]).await.expect("TLS")).await);
    let calls = (0..200).map(|number| {
        let (world, caller, key) = (world.clone(), caller.clone(), key.clone());
        tokio::spawn(async move {
            let body = format!("{number}").repeat(5000);
            let mut request = crate::framed::request(
                &world,
                Method::POST,
                "/echo",
                &[],
                Full::from(Bytes::from(body.clone())),
            );
            let secret = key.secret.parse().expect("a value");
            request.headers_mut().insert("x-access-secret", secret);
            let answer = caller.send(request).await;
            assert_eq!(answer.json()["body"], body);
        })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.expect("an answer");
    }
}

#[tokio::test]
async fn a_websocket_passes_over_tls() {
    let echo = async |mut tcp: TcpStream| {
        until(&mut tcp, "\r\n\r\n").await;
        let agreed = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
        send(&mut tcp, agreed).await;
        assert_eq!(until(&mut tcp, "ping").await, "ping");
        send(&mut tcp, "pong").await;
    };
    let world = world_with(upstream(echo).await, with_certificate).await;
    let mut socket = secure(&world, &["http/1.1"]).await.expect("TLS");
    let ask = "GET /socket HTTP/1.1\r\nconnection: upgrade\r\nupgrade: websocket";
    socket
        .write_all(head_of(&world, ask).as_bytes())
        .await
        .expect("it is read");
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        assert_ne!(socket.read_buf(&mut answer).await.expect("an answer"), 0);
    }
    socket.write_all(b"ping").await.expect("it is read");
    let mut pong = [0; 4];
    socket.read_exact(&mut pong).await.expect("it comes back");
    assert_eq!(&pong, b"pong");
}
