//! The stream that moves open pages.

use std::time::Duration;

use http::{Method, StatusCode};
use live::Topic;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::world::{Acme, To, World};

/// A stream as a browser holds it: read bit by bit.
struct Stream {
    tcp: TcpStream,
    seen: String,
}

impl Stream {
    async fn open(world: &World, acme: &Acme) -> Self {
        Self::open_as(world, acme, &acme.owner).await
    }

    async fn open_as(world: &World, acme: &Acme, cookie: &str) -> Self {
        let address = world.address(To::Dashboard);
        let mut tcp = TcpStream::connect(address).await.expect("connects");
        let request = format!(
            "GET /live/{} HTTP/1.1\r\nhost: {address}\r\ncookie: {}\r\n\r\n",
            acme.client_id, cookie
        );
        tcp.write_all(request.as_bytes()).await.expect("writes");
        let mut stream = Self {
            tcp,
            seen: String::new(),
        };
        assert!(stream.sees("\r\n\r\n").await, "{}", stream.seen);
        assert!(
            stream.seen.starts_with("HTTP/1.1 200") && stream.seen.contains("text/event-stream"),
            "{}",
            stream.seen
        );
        stream
    }

    /// Reads until `text` has come; false when the stream ends first.
    async fn sees(&mut self, text: &str) -> bool {
        while !self.seen.contains(text) {
            if self.more().await == 0 {
                return false;
            }
        }
        true
    }

    /// Reads what comes next; how much it was.
    async fn more(&mut self) -> usize {
        let mut buffer = [0; 1024];
        let read = tokio::time::timeout(Duration::from_secs(20), self.tcp.read(&mut buffer)).await;
        let length = read.expect("something comes").expect("reads");
        self.seen.push_str(&String::from_utf8_lossy(&buffer[..length]));
        length
    }
}

#[tokio::test]
async fn a_stream_says_first_which_build_the_server_has() {
    let world = World::start().await;
    let acme = world.acme("Acme").await;
    let mut stream = Stream::open(&world, &acme).await;
    assert!(
        stream.sees("event: build\ndata: gatehouse").await,
        "{}",
        stream.seen
    );
}

#[tokio::test]
async fn a_change_is_told_to_its_company_alone() {
    let world = World::start().await;
    let (acme, other) = (world.acme("Acme").await, world.acme("Other").await);
    let mut stream = Stream::open(&world, &acme).await;
    let hub = &world.running().services.core.hub;
    hub.publish(other.id, Topic::Webhooks);
    hub.publish(acme.id, Topic::Keys);
    assert!(stream.sees("event: keys\ndata: changed").await, "{}", stream.seen);
    assert!(!stream.seen.contains("webhooks"), "{}", stream.seen);
}

#[tokio::test]
async fn signing_out_ends_the_stream() {
    let world = World::start().await;
    let acme = world.acme("Acme").await;
    let mut stream = Stream::open(&world, &acme).await;
    let out = world
        .ask(Method::POST, "/sign-out")
        .cookie(&acme.owner)
        .send()
        .await;
    assert_eq!(out.status, StatusCode::SEE_OTHER);
    // The last chunk of the answer, or the end of the connection.
    assert!(stream.sees("\r\n0\r\n\r\n").await || !stream.sees("data: changed").await);
}

#[tokio::test]
async fn stopping_ends_open_streams_at_once() {
    let mut world = World::start().await;
    let acme = world.acme("Acme").await;
    let mut stream = Stream::open(&world, &acme).await;
    tokio::time::timeout(Duration::from_secs(8), world.stop())
        .await
        .expect("does not wait for the stream");
    assert!(!stream.sees("data: changed").await);
}

/// Whether a change arrives; false when there was no place for the stream.
async fn hears(world: &World, acme: &Acme, stream: &mut Stream) -> bool {
    world.running().services.core.hub.publish(acme.id, Topic::Keys);
    assert!(stream.sees("\r\n\r\n").await, "{}", stream.seen);
    let body = |stream: &Stream| {
        let (_, body) = stream.seen.split_once("\r\n\r\n").unwrap_or_default();
        body.to_owned()
    };
    // The stream of a change, or one that ends: it says when to ask again.
    while !body(stream).contains("\n\n") {
        let seen = stream.seen.len();
        stream.more().await;
        assert!(stream.seen.len() > seen, "it ends without a word");
    }
    !body(stream).contains("retry")
}

#[tokio::test]
async fn one_viewer_with_many_streams_takes_none_of_another_company() {
    let world = World::start().await;
    let (acme, other) = (world.acme("Acme").await, world.acme("Other").await);
    let mut held = Vec::new();
    loop {
        let mut stream = Stream::open_as(&world, &acme, &acme.viewer).await;
        if !hears(&world, &acme, &mut stream).await {
            break;
        }
        held.push(stream);
        assert!(held.len() < 100, "there is an end to it");
    }
    assert_eq!(held.len(), 16);
    let mut stream = Stream::open(&world, &other).await;
    assert!(hears(&world, &other, &mut stream).await, "{}", stream.seen);
    let mut colleague = Stream::open(&world, &acme).await;
    assert!(hears(&world, &acme, &mut colleague).await, "{}", colleague.seen);
    held.pop();
    // The server notices soon that a tab was closed.
    let again = async {
        loop {
            let mut again = Stream::open_as(&world, &acme, &acme.viewer).await;
            if hears(&world, &acme, &mut again).await {
                break;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), again)
        .await
        .expect("its place is free again");
}
