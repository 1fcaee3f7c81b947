//! WebSockets.

use std::time::Duration;

use http::Method;
use keys::RateLimit;
use model::{Actor, Body, BodyAbsence};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::raw::{caller, closed, send, until, upstream, world_with};
use crate::world::World;

const ASK: &str =
    "GET /socket HTTP/1.1\r\nconnection: keep-alive, Upgrade\r\nupgrade: WebSocket\r\nsec-websocket-key: k";

/// Agrees, greets, and sends everything back.
async fn echo(mut tcp: TcpStream) {
    let head = until(&mut tcp, "\r\n\r\n").await;
    assert!(
        head.contains("upgrade: websocket") && head.contains("connection: upgrade"),
        "{head}"
    );
    assert!(
        head.contains("sec-websocket-key: k") && !head.contains("x-access-secret"),
        "{head}"
    );
    send(
        &mut tcp,
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Accept: a\r\n\r\nhello",
    )
    .await;
    let mut piece = [0; 64];
    while let Ok(read @ 1..) = tcp.read(&mut piece).await {
        send(&mut tcp, std::str::from_utf8(&piece[..read]).expect("text")).await;
    }
}

async fn open(world: &World) -> TcpStream {
    let mut socket = caller(world, ASK).await;
    let head = until(&mut socket, "hello").await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    assert!(
        head.contains("upgrade: websocket") && head.contains("sec-websocket-accept: a"),
        "{head}"
    );
    assert!(head.contains("x-request-id: "), "{head}");
    send(&mut socket, "ping").await;
    assert_eq!(until(&mut socket, "ping").await, "ping");
    socket
}

#[tokio::test]
async fn a_websocket_passes_both_ways_and_is_one_entry() {
    let world = world_with(upstream(echo).await, |_| {}).await;
    drop(open(&world).await);
    let entry = world.entry_when_ended().await;
    assert_eq!((entry.row.status, entry.verdict_detail.as_str()), (Some(101), ""));
    let sizes = [entry.request_body, entry.response_body].map(|body| match body {
        Body::Absent {
            why: BodyAbsence::Switched,
            total_bytes,
        } => total_bytes,
        other => panic!("{other:?}"),
    });
    assert_eq!(sizes, [4, 9]);
}

#[tokio::test]
async fn a_websocket_closes_when_its_key_is_deleted_and_not_when_another_is() {
    let world = world_with(upstream(echo).await, |_| {}).await;
    let other = world.generate(model::Environment::Sandbox).await;
    let mut socket = open(&world).await;
    let delete = async |key| {
        world
            .keys
            .delete(world.company.id, key, &Actor::system())
            .await
            .expect("it is deleted")
    };
    delete(other.id).await;
    send(&mut socket, "still").await;
    assert_eq!(until(&mut socket, "still").await, "still");
    delete(world.key.id).await;
    tokio::time::timeout(Duration::from_secs(1), closed(&mut socket))
        .await
        .expect("within a second");
    let entry = world.entry_when_ended().await;
    assert_eq!(
        entry.verdict_detail,
        "The WebSocket was closed because its key was deleted."
    );
}

#[tokio::test]
async fn a_websocket_closes_when_its_key_expires() {
    let world = world_with(upstream(echo).await, |_| {}).await;
    let expires = keys::KeyChange {
        expires_at: keys::Setting::To(crate::world::NOW.plus_seconds(5)),
        ..keys::KeyChange::default()
    };
    let mut socket = open(&world).await;
    world
        .keys
        .change(world.company.id, world.key.id, expires, &Actor::system())
        .await
        .expect("it is changed");
    world.clock.advance(Duration::from_millis(4999));
    send(&mut socket, "still").await;
    assert_eq!(until(&mut socket, "still").await, "still");
    world.clock.advance(Duration::from_millis(1));
    tokio::time::timeout(Duration::from_secs(1), closed(&mut socket))
        .await
        .expect("within a second");
    let entry = world.entry_when_ended().await;
    assert_eq!(
        entry.verdict_detail,
        "The WebSocket was closed because its key expired."
    );
}

#[tokio::test]
async fn a_silent_websocket_closes_and_so_does_every_one_when_the_gateway_stops() {
    let change =
        |options: &mut gateway::GatewayOptions| options.timeouts.stream_idle = Duration::from_millis(50);
    let world = world_with(upstream(echo).await, change).await;
    closed(&mut open(&world).await).await;
    let detail = world.entry_when_ended().await.verdict_detail;
    assert_eq!(
        detail,
        "The WebSocket was closed because neither side had sent anything for too long."
    );

    let world = world_with(upstream(echo).await, |_| {}).await;
    let mut socket = open(&world).await;
    world.stop.cancel();
    closed(&mut socket).await;
    let detail = world.entry_when_ended().await.verdict_detail;
    assert_eq!(detail, "The WebSocket was closed because Gatehouse stopped.");
}

#[tokio::test]
async fn only_a_websocket_may_be_asked_for() {
    let world = World::with(|_| {}, RateLimit::off()).await;
    for headers in [
        [("connection", "upgrade, http2-settings"), ("upgrade", "h2c")].as_slice(),
        &[("connection", "upgrade"), ("upgrade", "websocket, h2c")],
        &[
            ("connection", "upgrade"),
            ("upgrade", "websocket"),
            ("upgrade", "h2c"),
        ],
        &[("connection", "keep-alive"), ("upgrade", "websocket")],
    ] {
        let seen = world.call(Method::GET, "/echo", headers, "").await.json();
        assert_eq!(
            (&seen["headers"]["upgrade"], &seen["headers"]["connection"]),
            (&serde_json::Value::Null, &serde_json::Value::Null),
            "{headers:?}"
        );
    }
}

#[tokio::test]
async fn an_upstream_that_switches_unasked_is_at_fault() {
    let switching = async |mut tcp: TcpStream| {
        until(&mut tcp, "\r\n\r\n").await;
        send(
            &mut tcp,
            "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
        )
        .await;
    };
    let world = world_with(upstream(switching).await, |_| {}).await;
    assert_eq!(world.get("/").await.status, 502);
}

#[tokio::test]
async fn an_upstream_that_switches_to_something_else_is_at_fault() {
    for agreed in [
        "connection: upgrade\r\nupgrade: h2c",
        "connection: upgrade",
        "upgrade: websocket",
    ] {
        let switching = move |mut tcp: TcpStream| async move {
            until(&mut tcp, "\r\n\r\n").await;
            send(
                &mut tcp,
                &format!("HTTP/1.1 101 Switching Protocols\r\n{agreed}\r\n\r\n"),
            )
            .await;
            closed(&mut tcp).await;
        };
        let world = world_with(upstream(switching).await, |_| {}).await;
        let answer = until(&mut caller(&world, ASK).await, "\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 502 "), "{agreed}: {answer}");
    }
}
