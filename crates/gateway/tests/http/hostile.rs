//! Requests that no honest program sends. Each gets a clear response or none, and no other caller is affected.

use std::time::Duration;

use keys::RateLimit;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::world::World;

/// Sends these bytes and reads until the gateway closes the connection.
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
    read.expect("the connection ends").expect("no reset");
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
    let body: serde_json::Value = serde_json::from_str(body).expect("one response, in JSON");
    assert!(body["error"]["message"].is_string());
}

#[tokio::test]
async fn ten_megabytes_of_headers_get_a_clear_response() {
    let world = World::new().await;
    let request = format!(
        "GET /echo HTTP/1.1\r\nhost: x\r\nx-large: {}\r\n\r\n",
        "x".repeat(10 << 20)
    );
    assert_refused(&talk(&world, request.as_bytes()).await, "431 ");
    assert_eq!(world.gateway.counts().not_understood, 1);
    assert_eq!(
        world.get("/echo").await.status,
        200,
        "other callers are not affected"
    );
}

#[tokio::test]
async fn a_header_that_is_too_large_on_a_used_connection_gets_a_clear_response() {
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
async fn bytes_that_are_not_http_get_400() {
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

/// The headers with the test company's key.
fn credentials(world: &World) -> String {
    format!(
        "x-access-client-id: {}\r\nx-access-secret: {}\r\n",
        world.company.client_id, world.key.secret
    )
}

async fn paths(world: &World) -> Vec<String> {
    let entries = world.entries().await;
    entries.into_iter().map(|entry| entry.row.path).collect()
}

#[tokio::test]
async fn a_smuggled_second_request_stays_in_the_body_and_the_connection_ends() {
    let world = World::new().await;
    let inner = "0\r\n\r\nGET /echo/smuggled HTTP/1.1\r\nhost: x\r\n\r\n";
    let (length, chunked) = (
        format!("content-length: {}\r\n", inner.len()),
        "transfer-encoding: chunked\r\n",
    );
    for framing in [
        format!("{length}{chunked}"),
        format!("{chunked}{length}"),
        format!("{length}{chunked}{length}"),
    ] {
        let credentials = credentials(&world);
        let request = format!("POST /echo HTTP/1.1\r\nhost: x\r\n{credentials}{framing}\r\n{inner}");
        let answer = talk(&world, request.as_bytes()).await;
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
        assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
    }
    let paths = paths(&world).await;
    assert!(!paths.iter().any(|path| path.contains("smuggled")), "{paths:?}");
}

#[tokio::test]
async fn framing_that_two_servers_could_read_differently_gets_400() {
    let world = World::new().await;
    let credentials = credentials(&world);
    for framing in [
        "transfer-encoding: gzip, chunked",
        "transfer-encoding: chunked, chunked",
        "transfer-encoding: chunked\r\ntransfer-encoding: chunked",
        "transfer-encoding: chunked\r\ntransfer-encoding: identity",
        "transfer-encoding: identity\r\ntransfer-encoding: chunked",
        "transfer-encoding: \x0bchunked",
        "transfer-encoding : chunked",
        " transfer-encoding: chunked",
        "transfer-encoding: xchunked",
        "transfer-encoding:",
        "content-length: +5",
        "content-length: 5, 5",
        "content-length: 0x5",
        "content-length: 5\r\ncontent-length: 6",
        "content-length: 99999999999999999999999",
        "x-note: a\r\n folded",
        "x-note: a\0b",
        "x-note: a\rb",
        "x note: a",
    ] {
        let request = format!(
            "POST /echo HTTP/1.1\r\nhost: x\r\n{credentials}{framing}\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
        );
        assert_refused(&talk(&world, request.as_bytes()).await, "400 ");
    }
    let old =
        format!("POST /echo HTTP/1.0\r\nhost: x\r\n{credentials}transfer-encoding: chunked\r\n\r\n0\r\n\r\n");
    assert_refused(&talk(&world, old.as_bytes()).await, "400 ");
    assert!(
        paths(&world).await.is_empty(),
        "none of them reached the upstream"
    );
}

#[tokio::test]
async fn malformed_chunks_get_400_from_the_public_api_and_the_gateway() {
    let world = World::new().await;
    let credentials = credentials(&world);
    for path in ["/echo", "/v1/webhooks/"] {
        for body in [
            "zz\r\nhello\r\n0\r\n\r\n",
            "5\nhello\r\n0\r\n\r\n",
            "5\r\nhelloX\r\n0\r\n\r\n",
            "5\r\nhello\r\n-1\r\n\r\n",
            "5;a\nb\r\nhello\r\n0\r\n\r\n",
            "0x5\r\nhello\r\n0\r\n\r\n",
            "fffffffffffffffff\r\nhello\r\n0\r\n\r\n",
            "\r\n5\r\nhello\r\n0\r\n\r\n",
        ] {
            let request = format!(
                "POST {path} HTTP/1.1\r\nhost: x\r\n{credentials}transfer-encoding: chunked\r\n\r\n{body}"
            );
            let answer = talk(&world, request.as_bytes()).await;
            assert_refused(&answer, "400 ");
            let entry = world.entries().await.remove(0);
            assert_eq!(
                (entry.row.status, entry.row.path.as_str()),
                (Some(400), path),
                "{body:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_get_with_a_chunked_body_reaches_the_upstream_with_it() {
    let world = World::new().await;
    let credentials = credentials(&world);
    for method in ["GET", "DELETE", "OPTIONS"] {
        let request = format!(
            "{method} /echo HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{credentials}transfer-encoding: chunked\r\n\r\n\
             5\r\nhello\r\n0\r\n\r\n"
        );
        let answer = talk(&world, request.as_bytes()).await;
        assert!(answer.contains(r#""body":"hello""#), "{method}: {answer}");
    }
}

#[tokio::test]
async fn the_limit_on_a_requests_head_is_exact() {
    let world = World::new().await;
    let credentials = credentials(&world);
    let head = |length: usize, pad: &str| {
        let start = format!("GET /echo HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{credentials}x-pad: ");
        let end = "v\r\n\r\n";
        let filled = pad.repeat(length - start.len() - end.len());
        format!("{start}{filled}{end}")
    };
    for pad in ["x", " "] {
        let fits = talk(&world, head(64 * 1024, pad).as_bytes()).await;
        assert!(fits.starts_with("HTTP/1.1 200 "), "{}", &fits[..200]);
        for length in [64 * 1024 + 1, 100_000, 127 * 1024] {
            assert_refused(&talk(&world, head(length, pad).as_bytes()).await, "431 ");
        }
    }
}

#[tokio::test]
async fn two_hosts_or_none_get_400() {
    let world = World::new().await;
    let credentials = credentials(&world);
    for hosts in [
        "",
        "host: x\r\nhost: x\r\n",
        "host: x\r\nHost: y\r\n",
        "host: x, y\r\n",
        "host:\r\n",
    ] {
        for version in ["1.1", "1.0"] {
            let request = format!("GET /echo HTTP/{version}\r\n{hosts}{credentials}\r\n");
            let answer = talk(&world, request.as_bytes())
                .await
                .replacen("HTTP/1.0", "HTTP/1.1", 1);
            assert_refused(&answer, "400 ");
        }
    }
}

#[tokio::test]
async fn a_caller_is_told_before_it_is_disconnected() {
    let world = World::new().await;
    let credentials = credentials(&world);
    for request in [
        // Requests whose body was not read: refused before it, too large, or never sent.
        "POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n".to_owned(),
        format!("POST /early HTTP/1.1\r\nhost: x\r\n{credentials}content-length: 10\r\n\r\n"),
        format!("POST /v1/webhooks/ HTTP/1.1\r\nhost: x\r\n{credentials}content-length: 9999999\r\n\r\n"),
        "POST /echo HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 10\r\n\r\n".to_owned(),
        // Requests that asked to close the connection, or whose HTTP version always does.
        format!("GET /echo HTTP/1.1\r\nhost: x\r\n{credentials}connection: close\r\n\r\n"),
        format!("GET /echo HTTP/1.0\r\nhost: x\r\n{credentials}\r\n"),
        "GET /operator/ HTTP/1.0\r\nhost: x\r\n\r\n".to_owned(),
    ] {
        let answer = talk(&world, request.as_bytes()).await;
        assert!(
            answer.contains("\r\nconnection: close\r\n"),
            "{request}\n{answer}"
        );
    }
}

#[tokio::test]
async fn a_small_request_that_is_refused_keeps_its_connection() {
    let world = World::new().await;
    let credentials = credentials(&world);
    let request = format!(
        "POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nhello\
         POST /echo HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n\
         GET /echo HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{credentials}\r\n"
    );
    let answer = talk(&world, request.as_bytes()).await;
    let statuses: Vec<_> = answer.split("HTTP/1.1 ").skip(1).map(|part| &part[..3]).collect();
    assert_eq!(statuses, ["401", "401", "200"], "{answer}");
}

#[tokio::test]
async fn a_panic_is_a_500_with_an_incident_id_and_appears_in_the_companys_log() {
    let world = World::new().await;
    let answer = world.get("/v1/webhooks/panic").await;
    assert_eq!(
        (answer.status, &answer.headers["connection"]),
        (500, &"close".parse().expect("a value"))
    );
    let body = answer.json();
    assert_eq!(body["error"]["code"], "internal_error");
    let message = body["error"]["message"].as_str().expect("text");
    let incident = message
        .strip_prefix("Something failed. Send incident ID ")
        .expect("an incident");
    assert_eq!(incident.split(' ').next().map(str::len), Some(12), "{message}");
    let entry = world.entry().await;
    assert_eq!(entry.row.status, Some(500));
    assert!(
        entry
            .verdict_detail
            .starts_with("Gatehouse failed while handling this request.")
    );
    assert_eq!(
        world.get("/echo").await.status,
        200,
        "other callers are not affected"
    );
}

#[tokio::test]
async fn a_head_that_never_ends_gets_408_and_an_idle_connection_is_closed() {
    let world = World::with(
        |options| options.timeouts.head = Duration::from_millis(50),
        RateLimit::default(),
    )
    .await;
    assert_refused(&talk(&world, b"GET / HTTP/1.1\r\nhost:").await, "408 ");
    assert_eq!(talk(&world, b"").await, "");
}

#[tokio::test]
async fn a_caller_that_does_not_read_its_response_is_disconnected() {
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
        "The caller disconnected before it had the whole response."
    );
    drop(tcp);
}

#[tokio::test]
async fn targets_that_are_not_paths_get_400_and_an_absolute_one_must_match_the_host() {
    let world = World::new().await;
    let credentials = credentials(&world);
    for line in [
        "OPTIONS * HTTP/1.1",
        "GET * HTTP/1.1",
        "CONNECT example.com:443 HTTP/1.1",
        "GET example.com:443 HTTP/1.1",
        "GET http://elsewhere.test/echo HTTP/1.1",
        "GET ftp://x/echo HTTP/1.1",
    ] {
        let request = format!("{line}\r\nhost: x\r\n{credentials}\r\n");
        assert_refused(&talk(&world, request.as_bytes()).await, "400 ");
    }
    let request = format!("GET http://x/echo HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{credentials}\r\n");
    let answer = talk(&world, request.as_bytes()).await;
    assert!(
        answer.starts_with("HTTP/1.1 200 ") && answer.contains(r#""path":"/echo""#),
        "{answer}"
    );
}
