//! What no honest program sends: each gets a clear answer or none, and nobody else notices.

use std::time::Duration;

use keys::RateLimit;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::world::World;

/// Sends these bytes and reads until the gateway closes.
async fn talk(world: &World, bytes: &[u8]) -> String {
    let tcp = TcpStream::connect(world.address).await.expect("a connection");
    let (mut read, mut write) = tcp.into_split();
    let bytes = bytes.to_vec();
    let sent = tokio::spawn(async move {
        // The gateway may stop reading.
        let _ = write.write_all(&bytes).await;
        write
    });
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(30), read.read_to_end(&mut answer)).await;
    read.expect("it ends").expect("no reset");
    drop(sent.await.expect("it was sent"));
    String::from_utf8(answer).expect("text")
}

fn assert_refused(answer: &str, status: &str) {
    assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
    assert!(
        answer.contains("\r\nx-request-id: ") && answer.contains("\r\nconnection: close\r\n"),
        "{answer}"
    );
    let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
    let body: serde_json::Value = serde_json::from_str(body).expect("one answer, and it is JSON");
    assert!(body["error"]["message"].is_string());
}

#[tokio::test]
async fn ten_megabytes_of_header_get_a_clear_answer() {
    let world = World::new().await;
    let request = format!(
        "GET /echo HTTP/1.1\r\nhost: x\r\nx-large: {}\r\n\r\n",
        "x".repeat(10 << 20)
    );
    assert_refused(&talk(&world, request.as_bytes()).await, "431 ");
    assert_eq!(world.gateway.counts().not_understood, 1);
    assert_eq!(world.get("/echo").await.status, 200, "nobody else notices");
}

#[tokio::test]
async fn a_header_that_is_too_large_on_a_used_connection_gets_a_clear_answer() {
    let world = World::new().await;
    let first = "GET /v1/webhooks/ HTTP/1.1\r\nhost: x\r\n\r\n";
    let mut tcp = TcpStream::connect(world.address).await.expect("a connection");
    tcp.write_all(first.as_bytes()).await.expect("it is sent");
    let mut seen = Vec::new();
    while !seen.ends_with(b"\"No such user\"}}") {
        assert_ne!(tcp.read_buf(&mut seen).await.expect("no reset"), 0);
    }
    let second = format!("GET / HTTP/1.1\r\nx-large: {}\r\n\r\n", "x".repeat(200_000));
    tcp.write_all(second.as_bytes()).await.expect("it is sent");
    let mut answer = String::new();
    tcp.read_to_string(&mut answer).await.expect("no reset");
    assert_refused(&answer, "431 ");
}

#[tokio::test]
async fn what_is_not_http_is_400() {
    let world = World::new().await;
    for bytes in [
        "HELLO\r\n\r\n".as_bytes(),
        b"GET / HTTP/1.1\r\nbad header\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: nonsense\r\n\r\n",
    ] {
        assert_refused(&talk(&world, bytes).await, "400 ");
    }
}

#[tokio::test]
async fn a_smuggled_second_request_stays_a_body() {
    let world = World::new().await;
    let inner = "0\r\n\r\nGET /echo/smuggled HTTP/1.1\r\nhost: x\r\n\r\n";
    let request = format!(
        "POST /echo HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-access-client-id: {}\r\nx-access-secret: {}\r\n\
         content-length: {}\r\ntransfer-encoding: chunked\r\n\r\n{inner}",
        world.company.client_id,
        world.key.secret,
        inner.len()
    );
    talk(&world, request.as_bytes()).await;
    let paths: Vec<String> = world
        .entries()
        .await
        .into_iter()
        .map(|entry| entry.row.path)
        .collect();
    assert!(!paths.iter().any(|path| path.contains("smuggled")), "{paths:?}");
}

#[tokio::test]
async fn a_head_that_never_ends_is_408_and_an_idle_connection_is_closed() {
    let world = World::with(
        |options| options.timeouts.head = Duration::from_millis(50),
        RateLimit::default(),
    )
    .await;
    assert_refused(&talk(&world, b"GET / HTTP/1.1\r\nhost:").await, "408 ");
    assert_eq!(talk(&world, b"").await, "");
}

#[tokio::test]
async fn a_caller_that_does_not_read_its_answer_is_given_up() {
    let mut world = World::with(
        |options| options.timeouts.write_idle = Duration::from_millis(50),
        RateLimit::default(),
    )
    .await;
    let mut tcp = TcpStream::connect(world.address).await.expect("a connection");
    let request = format!(
        "GET /stream HTTP/1.1\r\nhost: x\r\nx-access-client-id: {}\r\nx-access-secret: {}\r\n\r\n",
        world.company.client_id, world.key.secret
    );
    tcp.write_all(request.as_bytes()).await.expect("it is sent");
    let hand = world.upstream.answering().await;
    let piece = bytes::Bytes::from(vec![b'x'; 1 << 20]);
    let flood = async { while hand.send(Ok(piece.clone())).await.is_ok() {} };
    tokio::time::timeout(Duration::from_secs(30), flood)
        .await
        .expect("the upstream is told");
    assert_eq!(
        world.entry_when_ended().await.verdict_detail,
        "The caller left before it had the whole answer."
    );
    drop(tcp);
}

#[tokio::test]
async fn targets_that_are_no_path_are_not_forwarded() {
    let world = World::new().await;
    let credentials = format!(
        "x-access-client-id: {}\r\nx-access-secret: {}\r\n",
        world.company.client_id, world.key.secret
    );
    for line in ["OPTIONS * HTTP/1.1", "CONNECT example.com:443 HTTP/1.1"] {
        let request = format!("{line}\r\nhost: x\r\nconnection: close\r\n{credentials}\r\n");
        let answer = talk(&world, request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 404 "), "{line}: {answer}");
    }
    let request = format!(
        "GET http://elsewhere.test/echo HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{credentials}\r\n"
    );
    let answer = talk(&world, request.as_bytes()).await;
    assert!(
        answer.starts_with("HTTP/1.1 200 ") && answer.contains(r#""path":"/echo""#),
        "{answer}"
    );
}
