//! Sends requests that no honest program sends to all three listeners. Each gets one clear response with `connection:
//! close`, and no handler sees it.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::world::{To, World};

const LISTENERS: [To; 3] = [To::Dashboard, To::Gateway, To::Operator];

/// Sends this text, with `{host}` replaced by the listener's address, and reads until the server closes the connection.
async fn talk(world: &World, to: To, request: &str) -> String {
    let address = world.address(to);
    let request = request.replace("{host}", &address.to_string());
    let (mut read, mut write) = TcpStream::connect(address)
        .await
        .expect("a connection")
        .into_split();
    let sent = tokio::spawn(async move {
        // The server may stop reading before the end.
        let _ = write.write_all(request.as_bytes()).await;
        write
    });
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(30), read.read_to_end(&mut answer)).await;
    read.expect("it ends").expect("no reset");
    drop(sent.await.expect("it was sent"));
    String::from_utf8(answer).expect("text")
}

async fn refused_everywhere(world: &World, request: &str, status: &str) {
    for to in LISTENERS {
        let answer = talk(world, to, request).await;
        let told = answer.to_ascii_lowercase().contains("\r\nconnection: close\r\n");
        let start: String = request.chars().take(120).collect();
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")) && told,
            "{to:?} {start:?}: {answer}"
        );
        assert_eq!(
            answer.matches("HTTP/1.1 4").count(),
            1,
            "{to:?} {start:?}: {answer}"
        );
    }
}

#[tokio::test]
async fn an_ambiguous_request_is_400_on_every_listener() {
    let world = World::start().await;
    for request in [
        "OPTIONS * HTTP/1.1\r\nhost: {host}\r\n\r\n",
        "GET * HTTP/1.1\r\nhost: {host}\r\n\r\n",
        "CONNECT {host} HTTP/1.1\r\nhost: {host}\r\n\r\n",
        "GET {host} HTTP/1.1\r\nhost: {host}\r\n\r\n",
        "GET http://elsewhere.test/ HTTP/1.1\r\nhost: {host}\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: {host}\r\nhost: {host}\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: {host}\r\nhost: elsewhere.test\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: {host}\r\nx: a\r\n folded\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: {host}\r\nx: a\0b\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: {host}\r\nx: a\rb\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: {host}\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: {host}\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: {host}\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        "HELLO\r\n\r\n",
    ] {
        refused_everywhere(&world, request, "400").await;
    }
}

#[tokio::test]
async fn a_head_of_more_than_64_kib_is_431_on_every_listener() {
    let world = World::start().await;
    for length in [70_000, 100_000, 10 << 20] {
        let request = format!(
            "GET / HTTP/1.1\r\nhost: {{host}}\r\nx: {}\r\n\r\n",
            "x".repeat(length)
        );
        refused_everywhere(&world, &request, "431").await;
    }
}

#[tokio::test]
async fn a_malformed_chunk_is_400_where_a_body_is_read() {
    let world = World::start().await;
    let request = "POST /sign-in HTTP/1.1\r\nhost: {host}\r\norigin: http://{host}\r\nsec-fetch-site: same-origin\r\n\
                   content-type: application/x-www-form-urlencoded\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n";
    let answer = talk(&world, To::Dashboard, request).await;
    assert!(
        answer.starts_with("HTTP/1.1 400 ") && answer.contains("\r\nconnection: close\r\n"),
        "{answer}"
    );
}

#[tokio::test]
async fn every_listener_announces_that_it_will_close_the_connection() {
    let world = World::start().await;
    for request in [
        "POST /verify HTTP/1.1\r\nhost: {host}\r\ncontent-length: 100000\r\n\r\nx",
        "POST /verify HTTP/1.1\r\nhost: {host}\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n",
        "GET /nothing HTTP/1.0\r\nhost: {host}\r\n\r\n",
        "GET /nothing HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n",
    ] {
        for to in LISTENERS {
            let answer = talk(&world, to, request).await;
            assert!(answer.starts_with("HTTP/1."), "{to:?}: {answer}");
            assert!(
                answer.contains("\r\nconnection: close\r\n"),
                "{to:?} {request:?}: {answer}"
            );
        }
    }
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let world = World::start().await;
    let request = "GET /nothing HTTP/1.1\r\nhost: {host}\r\n\r\nGET /nothing HTTP/1.1\r\nhost: {host}\r\n\r\n\
                   POST /nothing HTTP/1.1\r\nhost: {host}\r\ncontent-length: 5\r\n\r\nhello\
                   GET /nothing HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n";
    for to in LISTENERS {
        let answer = talk(&world, to, request).await;
        assert_eq!(answer.matches("HTTP/1.1 4").count(), 4, "{to:?}: {answer}");
    }
}
