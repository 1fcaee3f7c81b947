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
        let address = world.address(To::Dashboard);
        let mut tcp = TcpStream::connect(address).await.expect("connects");
        let request = format!(
            "GET /live/{} HTTP/1.1\r\nhost: {address}\r\ncookie: {}\r\n\r\n",
            acme.client_id, acme.owner
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
        let mut buffer = [0; 1024];
        while !self.seen.contains(text) {
            let read = tokio::time::timeout(Duration::from_secs(20), self.tcp.read(&mut buffer)).await;
            match read.expect("something comes").expect("reads") {
                0 => return false,
                length => self.seen.push_str(&String::from_utf8_lossy(&buffer[..length])),
            }
        }
        true
    }
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
    assert!(stream.sees("\r\n0\r\n\r\n").await || !stream.sees("event:").await);
}

#[tokio::test]
async fn stopping_ends_open_streams_at_once() {
    let mut world = World::start().await;
    let acme = world.acme("Acme").await;
    let mut stream = Stream::open(&world, &acme).await;
    tokio::time::timeout(Duration::from_secs(8), world.stop())
        .await
        .expect("does not wait for the stream");
    assert!(!stream.sees("event:").await);
}
