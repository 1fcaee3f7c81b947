//! Callers that speak HTTP/2: the same rules, the same log, many requests at once over one connection.

use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::Method;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, StreamBody};
use keys::RateLimit;
use model::{Actor, Environment};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::framed::{Caller, get, read, request};
use crate::raw::{closed, send, until};
use crate::upstream::Event;
use crate::world::World;

#[tokio::test]
async fn requests_over_one_connection_are_answered_and_recorded_each_for_itself() {
    let world = World::new().await;
    let caller: Caller = Caller::connect(&world).await;
    let post = request(
        &world,
        Method::POST,
        "/echo?a=b",
        &[],
        Bytes::from("hello").into(),
    );
    let (first, second) = tokio::join!(caller.send(get(&world, "/echo")), caller.send(post));
    assert_eq!((first.status, second.status), (200, 200));
    let seen = second.json();
    assert_eq!(
        (&seen["path"], &seen["body"]),
        (&"/echo?a=b".into(), &"hello".into())
    );
    assert_eq!(seen["headers"]["x-forwarded-host"][0], "gateway.test");
    assert_ne!(first.request_id(), second.request_id());
    let mut ids: Vec<_> = world
        .entries()
        .await
        .iter()
        .map(|entry| entry.row.request_id)
        .collect();
    ids.sort_unstable();
    let mut sent = [first.request_id(), second.request_id()];
    sent.sort_unstable();
    assert_eq!(ids, sent);
    let refused = caller.send(request(
        &world,
        Method::GET,
        "/echo",
        &[("x-access-secret", "sandbox-0")],
        Default::default(),
    ));
    assert_eq!(refused.await.status, 401);
}

#[tokio::test]
async fn the_cookies_of_a_request_reach_an_http1_upstream_in_one_header() {
    let world = World::new().await;
    let caller: Caller = Caller::connect(&world).await;
    let crumbs = [("cookie", "a=1"), ("cookie", "gatehouse=x"), ("cookie", "b=2")];
    let answer = caller.send(request(&world, Method::GET, "/echo", &crumbs, Default::default()));
    assert_eq!(
        answer.await.json()["headers"]["cookie"],
        serde_json::json!(["a=1; b=2"])
    );
}

#[tokio::test]
async fn a_preface_in_two_pieces_is_one() {
    let world = World::new().await;
    let mut tcp = TcpStream::connect(world.address).await.expect("a connection");
    tcp.set_nodelay(true).expect("a socket");
    send(&mut tcp, "PRI * HTTP/2.0\r\n").await;
    send(&mut tcp, "\r\nSM\r\n\r\n").await;
    tcp.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0])
        .await
        .expect("settings");
    let mut head = [0; 9];
    tcp.read_exact(&mut head).await.expect("a frame");
    assert_eq!(head[3], 4, "the other side's settings");
}

#[tokio::test]
async fn after_a_request_of_http1_a_connection_does_not_turn_into_http2() {
    let world = World::new().await;
    let mut tcp = TcpStream::connect(world.address).await.expect("a connection");
    send(&mut tcp, "GET /echo HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(
        until(&mut tcp, "No such user\"}}")
            .await
            .starts_with("HTTP/1.1 401 ")
    );
    send(&mut tcp, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    let answer = until(&mut tcp, "}}").await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
}

#[tokio::test]
async fn a_head_above_the_limit_gets_a_clear_response() {
    let world = World::new().await;
    let caller: Caller = Caller::connect(&world).await;
    let large = "x".repeat(64 * 1024);
    let answer = caller.send(request(
        &world,
        Method::GET,
        "/echo",
        &[("x-large", &large)],
        Default::default(),
    ));
    let answer = answer.await;
    assert_eq!(
        (answer.status, answer.json()["error"]["code"].as_str()),
        (431, Some("incorrect_request"))
    );
    assert!(answer.headers.contains_key("x-request-id") && !answer.headers.contains_key("connection"));
    assert_eq!(world.gateway.counts().not_understood, 1);
    assert_eq!(
        caller.send(get(&world, "/echo")).await.status,
        200,
        "the connection goes on"
    );
}

#[tokio::test]
async fn a_panic_is_a_500_and_the_connection_goes_on() {
    let world = World::new().await;
    let caller: Caller = Caller::connect(&world).await;
    let answer = caller.send(get(&world, "/v1/webhooks/panic")).await;
    assert_eq!(
        (answer.status, answer.json()["error"]["code"].as_str()),
        (500, Some("internal_error"))
    );
    assert_eq!(caller.send(get(&world, "/echo")).await.status, 200);
}

#[tokio::test]
async fn when_a_key_is_deleted_its_open_streams_are_cut_and_no_request_is_accepted() {
    let mut world = World::with(|_| {}, RateLimit::off()).await;
    let caller: Caller = Caller::connect(&world).await;
    let other = world.generate(Environment::Sandbox).await;
    let ours = [("x-access-secret", other.secret.as_str())];
    let mut kept = request(&world, Method::GET, "/stream", &[], Default::default());
    let secret = ours[0].1.parse().expect("a value");
    kept.headers_mut().insert("x-access-secret", secret);
    let (kept, kept_hand) = tokio::join!(caller.begin(kept), world.upstream.answering());
    let (cut, cut_hand) = tokio::join!(caller.begin(get(&world, "/stream")), world.upstream.answering());
    let (mut kept, mut cut) = (
        kept.expect("a response").into_body(),
        cut.expect("a response").into_body(),
    );
    for (hand, body) in [(&kept_hand, &mut kept), (&cut_hand, &mut cut)] {
        hand.send(Ok("first".into())).await.expect("it is read");
        assert!(body.frame().await.is_some_and(|frame| frame.is_ok()));
    }
    let actor = Actor::system();
    let deleting = world.keys.delete(world.company.id, world.key.id, &actor);
    deleting.await.expect("it is deleted");
    let ended = tokio::time::timeout(Duration::from_secs(1), cut.frame()).await;
    assert!(
        ended
            .expect("within a second")
            .is_some_and(|frame| frame.is_err())
    );
    assert_eq!(caller.send(get(&world, "/echo")).await.status, 401);

    kept_hand.send(Ok("still".into())).await.expect("it is read");
    let frame = kept.frame().await.expect("a frame").expect("no error");
    assert_eq!(frame.into_data().expect("data"), "still");
    let details = details(&world).await;
    assert!(
        details.contains(&"The response was cut off because the key was deleted.".to_owned()),
        "{details:?}"
    );
}

#[tokio::test]
async fn a_stop_lets_streams_end_and_takes_no_more() {
    let mut world = World::new().await;
    let caller: Caller = Caller::connect(&world).await;
    let idle: Caller = Caller::connect(&world).await;
    let (answer, hand) = tokio::join!(caller.begin(get(&world, "/stream")), world.upstream.answering());
    let body = answer.expect("a response").into_body();
    world.stop.cancel();
    test_wait::in_time("the idle connection ends", idle.connection)
        .await
        .expect("it ran")
        .expect("no error");
    let refused = test_wait::eventually("no more requests are taken", async || {
        caller.begin(get(&world, "/echo")).await.err()
    });
    refused.await;
    hand.send(Ok("last".into())).await.expect("it is read");
    drop(hand);
    let whole = body.collect().await.expect("the response ends as it should");
    assert_eq!(whole.to_bytes(), "last");
    let serving = world.serving.take().expect("it is served");
    test_wait::in_time("the gateway stops", serving)
        .await
        .expect("it ran");
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_one_with_a_request_is_not() {
    let patience = Duration::from_millis(50);
    let mut world = World::with(|options| options.timeouts.head = patience, RateLimit::off()).await;
    let busy = Caller::connect(&world).await;
    let (answer, hand) = tokio::join!(busy.begin(get(&world, "/stream")), world.upstream.answering());
    let idle: Caller = Caller::connect(&world).await;
    test_wait::in_time("it is closed", idle.connection)
        .await
        .expect("it ran")
        .expect("no error");
    let mut silent = TcpStream::connect(world.address).await.expect("a connection");
    send(&mut silent, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    closed(&mut silent).await;
    drop(hand);
    assert_eq!(read(answer.expect("a response")).await.status, 200);
}

#[tokio::test]
async fn a_stream_that_is_not_read_is_reset_and_the_others_go_on() {
    let change =
        |options: &mut gateway::GatewayOptions| options.timeouts.write_idle = Duration::from_millis(50);
    let mut world = World::with(change, RateLimit::off()).await;
    let caller: Caller = Caller::connect(&world).await;
    let (answer, hand) = tokio::join!(caller.begin(get(&world, "/stream")), world.upstream.answering());
    // Nothing reads this body, so its window fills up.
    let body = answer.expect("a response").into_body();
    let flood = async { while hand.send(Ok(vec![b'x'; 1 << 20].into())).await.is_ok() {} };
    test_wait::in_time("the upstream is told", flood).await;
    assert_eq!(
        world.entry_when_ended().await.verdict_detail,
        "The caller disconnected before it had the whole response."
    );
    assert_eq!(caller.send(get(&world, "/echo")).await.status, 200);
    drop(body);
}

#[tokio::test]
async fn no_more_streams_are_open_at_once_than_are_allowed() {
    let mut world = World::with(|options| options.limits.streams = 2, RateLimit::off()).await;
    let caller = std::sync::Arc::new(Caller::connect(&world).await);
    // The first answer brings the settings.
    assert_eq!(caller.send(get(&world, "/no-content")).await.status, 204);
    let mut held = Vec::new();
    for _ in 0..3 {
        let (caller, request) = (caller.clone(), get(&world, "/hold"));
        held.push(tokio::spawn(async move { caller.begin(request).await.map(drop) }));
    }
    let mut arrived = 0;
    while arrived < 2 {
        arrived += usize::from(world.upstream.arrived().await == "/hold");
    }
    held.remove(0).abort();
    held.remove(0).abort();
    assert_eq!(world.upstream.arrived().await, "/hold", "the third had to wait");
}

#[tokio::test]
async fn a_body_that_stalls_is_abandoned_and_the_connection_goes_on() {
    let change =
        |options: &mut gateway::GatewayOptions| options.timeouts.body_idle = Duration::from_millis(50);
    let world = World::with(change, RateLimit::off()).await;
    let caller: Caller<UnsyncBoxBody<Bytes, std::io::Error>> = Caller::connect(&world).await;
    let never = || StreamBody::new(stream::pending()).boxed_unsync();
    for path in ["/echo", "/v1/webhooks/"] {
        let answer = caller
            .send(request(&world, Method::POST, path, &[], never()))
            .await;
        assert_eq!(
            (answer.status, answer.json()["error"]["code"].as_str()),
            (408, Some("request_timeout")),
            "{path}"
        );
    }
    let details = details(&world).await;
    assert_eq!(
        details,
        ["The caller sent nothing more of its body for too long."; 2]
    );
}

#[tokio::test]
async fn what_is_wrong_with_one_request_leaves_the_others_alone() {
    let world = World::new().await;
    let caller: Caller = Caller::connect(&world).await;
    let (mut two_hosts, mut stranger) = (get(&world, "/echo"), get(&world, "/echo"));
    let elsewhere = "elsewhere.test".parse().expect("a value");
    two_hosts.headers_mut().insert("host", elsewhere);
    stranger.headers_mut().remove("x-access-secret");
    let answers = tokio::join!(
        caller.send(two_hosts),
        caller.send(get(&world, "/echo")),
        caller.send(stranger),
        caller.send(get(&world, "/no-content")),
    );
    let statuses = [
        answers.0.status,
        answers.1.status,
        answers.2.status,
        answers.3.status,
    ];
    assert_eq!(statuses, [400, 200, 401, 204]);
    assert_eq!(answers.0.json()["error"]["code"], "incorrect_request");
}

#[tokio::test]
async fn a_request_that_its_caller_resets_is_cancelled_at_the_upstream() {
    let mut world = World::new().await;
    let caller: Caller = Caller::connect(&world).await;
    let held = caller.begin(get(&world, "/hold"));
    tokio::select! {
        _ = held => panic!("it is never answered"),
        path = world.upstream.arrived() => assert_eq!(path, "/hold"),
    }
    assert!(matches!(world.upstream.next().await, Event::Left));
    let entry = world.entry_when_ended().await;
    assert_eq!(
        (entry.row.status, entry.verdict_detail.as_str()),
        (Some(499), "The caller disconnected before there was a response.")
    );
    assert_eq!(caller.send(get(&world, "/echo")).await.status, 200);
}

/// What the entries say about how their requests ended.
async fn details(world: &World) -> Vec<String> {
    let entries = world.entries().await.into_iter();
    entries.map(|entry| entry.verdict_detail).collect()
}
