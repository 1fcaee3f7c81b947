//! HTTP/2 requests that no library would send. None becomes another request on its way to an upstream that speaks HTTP/1.1.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::world::World;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const GO_AWAY: u8 = 7;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a short frame").to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags, 0, 0, 0, stream];
    frame.extend_from_slice(payload);
    frame
}

/// Each as a literal, without compression.
fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            block.push(u8::try_from(text.len()).expect("a short text"));
            assert!(text.len() < 127);
            block.extend_from_slice(text.as_bytes());
        }
    }
    block
}

#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    /// A response begins with this byte: the index of a status that HTTP/2 knows, or that of another.
    Answered(u8),
    /// The stream was reset, or the connection ended.
    Reset,
}

const OK: Outcome = Outcome::Answered(0x88);
const BAD_REQUEST: Outcome = Outcome::Answered(0x8c);

/// Sends a request with these fields and this body, and waits for what becomes of it.
async fn outcome(world: &World, fields: &[(&str, &str)], body: Option<&str>) -> Outcome {
    let (client_id, mut all) = (world.company.client_id.to_string(), fields.to_vec());
    all.push(("x-access-client-id", &client_id));
    all.push(("x-access-secret", &world.key.secret));
    let ends = if body.is_none() { END_STREAM } else { 0 };
    let mut sent = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    sent.extend(frame(SETTINGS, 0, 0, &[]));
    sent.extend(frame(HEADERS, END_HEADERS | ends, 1, &block(&all)));
    if let Some(body) = body {
        sent.extend(frame(DATA, END_STREAM, 1, body.as_bytes()));
    }
    let mut tcp = TcpStream::connect(world.address).await.expect("a connection");
    tcp.write_all(&sent).await.expect("it is read");
    test_wait::in_time("an answer", async {
        let mut head = [0; 9];
        while tcp.read_exact(&mut head).await.is_ok() {
            let length = usize::from(head[1]) << 8 | usize::from(head[2]);
            let mut payload = vec![0; length];
            tcp.read_exact(&mut payload).await.expect("a whole frame");
            match head[3] {
                HEADERS => return Outcome::Answered(payload[0]),
                RESET | GO_AWAY => return Outcome::Reset,
                _ => {}
            }
        }
        Outcome::Reset
    })
    .await
}

const PLAIN: [(&str, &str); 4] = [
    (":method", "POST"),
    (":scheme", "http"),
    (":authority", "x.test"),
    (":path", "/echo"),
];

fn with<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut fields: Vec<(&str, &str)> = PLAIN.to_vec();
    for (name, value) in more {
        match fields
            .iter_mut()
            .find(|(known, _)| name.starts_with(':') && known == name)
        {
            Some(field) => field.1 = value,
            None => fields.push((name, value)),
        }
    }
    fields
}

async fn paths(world: &World) -> Vec<String> {
    let entries = world.entries().await;
    entries.into_iter().map(|entry| entry.row.path).collect()
}

#[tokio::test]
async fn an_ordinary_request_passes() {
    let world = World::new().await;
    assert_eq!(outcome(&world, &with(&[]), None).await, OK);
    assert_eq!(
        outcome(&world, &with(&[("content-length", "5")]), Some("hello")).await,
        OK
    );
    assert_eq!(outcome(&world, &with(&[("host", "X.test:80")]), None).await, OK);
}

#[tokio::test]
async fn what_belongs_to_a_connection_or_cannot_be_a_header_is_reset() {
    let world = World::new().await;
    for more in [
        ("transfer-encoding", "chunked"),
        ("connection", "close"),
        ("connection", "x-gatehouse-company"),
        ("keep-alive", "5"),
        ("proxy-connection", "close"),
        ("upgrade", "websocket"),
        ("te", "gzip"),
        ("x-note", "a\r\nx-other: b"),
        ("x-note", "a\nb"),
        ("x-note", "a\0b"),
        ("x-note: a\r\nx-other", "b"),
        ("X-Upper", "a"),
        ("x note", "a"),
        ("", "a"),
        (":path", "/echo HTTP/1.1\r\nhost: x\r\n\r\nGET /smuggled"),
        (":path", "/a b"),
        (":path", ""),
        (":authority", "x.test\r\nx-note: a"),
        (":authority", "x.test/y"),
        (":method", "GET /smuggled HTTP/1.1"),
        (":method", ""),
        (":status", "200"),
        (":unknown", "a"),
        ("content-length", "5"),
        ("content-length", "-1"),
        ("content-length", "0x5"),
    ] {
        assert_eq!(
            outcome(&world, &with(&[more]), None).await,
            Outcome::Reset,
            "{more:?}"
        );
    }
    assert!(paths(&world).await.is_empty(), "none of them reached a handler");
}

#[tokio::test]
async fn a_body_that_is_not_as_long_as_it_should_be_reaches_no_upstream_as_a_request() {
    let mut world = World::new().await;
    for (length, body) in [
        ("3", "hello"),
        ("9", "hello"),
        ("0", "GET /smuggled HTTP/1.1\r\n\r\n"),
    ] {
        let outcome = outcome(&world, &with(&[("content-length", length)]), Some(body)).await;
        assert_ne!(outcome, OK, "{length}");
    }
    while let Ok(event) = world.upstream.events.try_recv() {
        if let crate::upstream::Event::Arrived { path } = event {
            assert_eq!(path, "/echo");
        }
    }
    assert!(!paths(&world).await.iter().any(|path| path.contains("smuggled")));
}

#[tokio::test]
async fn requests_that_two_servers_could_read_differently_get_400() {
    let world = World::new().await;
    for more in [
        [("host", "y.test")].as_slice(),
        &[("host", "x.test"), ("host", "x.test")],
        &[("host", "x.test"), ("host", "y.test")],
        &[("host", "")],
        &[("host", "x.test:81")],
        &[("content-length", "0"), ("content-length", "0")],
        &[(":path", "*")],
        &[(":scheme", "ftp")],
        &[(":authority", "u@x.test")],
    ] {
        assert_eq!(outcome(&world, &with(more), None).await, BAD_REQUEST, "{more:?}");
    }
    let connect = [(":method", "CONNECT"), (":authority", "x.test:443")];
    assert_eq!(outcome(&world, &connect, None).await, BAD_REQUEST);
    let nowhere = [(":method", "GET"), (":scheme", "http"), (":path", "/echo")];
    assert_eq!(outcome(&world, &nowhere, None).await, BAD_REQUEST, "no host");
    let socket = [
        (":method", "CONNECT"),
        (":protocol", "websocket"),
        (":scheme", "http"),
        (":authority", "x.test"),
        (":path", "/socket"),
    ];
    assert_ne!(outcome(&world, &socket, None).await, OK);
    assert!(paths(&world).await.is_empty(), "none of them reached a handler");
}

/// Everything that a request needs, with the world's key.
fn whole(world: &World) -> Vec<u8> {
    let client_id = world.company.client_id.to_string();
    let key = [
        ("x-access-client-id", client_id.as_str()),
        ("x-access-secret", &world.key.secret),
    ];
    block(&with(&key))
}

/// Sends these frames, and returns when the gateway says that it ends the connection.
async fn ends(world: &World, frames: impl Iterator<Item = Vec<u8>>) {
    let tcp = TcpStream::connect(world.address).await.expect("a connection");
    let (mut read, mut write) = tcp.into_split();
    let mut sent = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    sent.extend(frame(SETTINGS, 0, 0, &[]));
    sent.extend(frames.flatten());
    let sending = tokio::spawn(async move {
        // The gateway stops reading.
        let _ = write.write_all(&sent).await;
        write
    });
    test_wait::in_time("the connection ends", async {
        let mut head = [0; 9];
        while read.read_exact(&mut head).await.is_ok() && head[3] != GO_AWAY {
            let mut payload = vec![0; usize::from(head[1]) << 8 | usize::from(head[2])];
            read.read_exact(&mut payload).await.expect("a whole frame");
        }
    })
    .await;
    drop(sending.await.expect("it ran"));
}

#[tokio::test]
async fn streams_that_are_reset_as_soon_as_they_are_opened_end_the_connection() {
    let world = World::with(|_| {}, keys::RateLimit::off()).await;
    let block = whole(&world);
    let frames = (0..100_u8).flat_map(|number| {
        let stream = 2 * number + 1;
        let cancelled = frame(RESET, 0, stream, &[0, 0, 0, 8]);
        [
            frame(HEADERS, END_HEADERS | END_STREAM, stream, &block),
            cancelled,
        ]
    });
    ends(&world, frames).await;
    let seen = world.recorder.totals().seen;
    assert!(seen < 100, "{seen} of 100 requests were begun");
    assert_eq!(
        world.get("/echo").await.status,
        200,
        "other callers are not affected"
    );
}

#[tokio::test]
async fn a_head_without_an_end_ends_the_connection() {
    let world = World::new().await;
    let more = block(&[("x-more", &"x".repeat(100))]).repeat(100);
    let first = frame(HEADERS, 0, 1, &whole(&world));
    let rest = (0..1000).map(|_| frame(CONTINUATION, 0, 1, &more));
    ends(&world, std::iter::once(first).chain(rest)).await;
    assert!(paths(&world).await.is_empty());
}
