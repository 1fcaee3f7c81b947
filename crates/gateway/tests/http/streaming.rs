//! Bodies are streamed in both directions, every wait is limited, and when one side leaves the other is told.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::Method;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use keys::RateLimit;
use model::{Actor, Body, Environment, Verdict};
use tokio::sync::mpsc;

use crate::upstream::Event;
use crate::world::{Client, World};

type Pieces = UnsyncBoxBody<Bytes, std::io::Error>;

/// A request body that the test sends piece by piece.
fn pieces() -> (mpsc::Sender<Bytes>, Pieces) {
    let (hand, pieces) = mpsc::channel::<Bytes>(1);
    let stream = stream::unfold(pieces, async |mut pieces| Some((pieces.recv().await?, pieces)));
    (
        hand,
        StreamBody::new(stream.map(|piece| Ok(Frame::data(piece)))).boxed_unsync(),
    )
}

#[tokio::test]
async fn a_response_is_streamed_piece_by_piece() {
    let mut world = World::new().await;
    let mut client: Client = world.connect().await;
    let answer = client.begin(world.request(Method::GET, "/stream", &[], Default::default()));
    let (answer, hand) = tokio::join!(answer, world.upstream.answering());
    let mut body = answer.expect("an answer").into_body();
    for number in 0..5 {
        let piece = format!("piece {number}");
        hand.send(Ok(piece.clone().into())).await.expect("it is read");
        let frame = body.frame().await.expect("a frame").expect("no error");
        assert_eq!(
            frame.into_data().expect("data"),
            piece,
            "each one arrives before the next is written"
        );
    }
    drop(hand);
    assert!(body.frame().await.is_none());
    let entry = world.entry_when_ended().await;
    assert_eq!((entry.row.status, entry.verdict_detail.as_str()), (Some(200), ""));
}

/// A response that the test writes.
struct Open {
    _client: Client,
    body: Incoming,
    hand: mpsc::Sender<Result<Bytes, std::io::Error>>,
}

impl Open {
    async fn with(world: &mut World, secret: &str) -> Self {
        let mut client: Client = world.connect().await;
        let mut request = world.request(Method::GET, "/stream", &[], Default::default());
        let secret = secret.parse().expect("a value");
        request.headers_mut().insert("x-access-secret", secret);
        let (answer, hand) = tokio::join!(client.begin(request), world.upstream.answering());
        Self {
            _client: client,
            body: answer.expect("an answer").into_body(),
            hand,
        }
    }

    /// An error if the response was cut off.
    async fn next(&mut self) -> Result<Bytes, hyper::Error> {
        let frame = self.body.frame();
        let frame = test_wait::within(Duration::from_secs(1), "something arrives", frame).await;
        let frame = frame.expect("it has not ended as it should")?;
        Ok(frame.into_data().expect("data"))
    }

    async fn passes(&mut self, event: &'static str) {
        self.hand.send(Ok(event.into())).await.expect("it is read");
        assert_eq!(self.next().await.expect("no error"), event);
    }
}

#[tokio::test]
async fn when_a_key_is_deleted_its_open_responses_are_cut_and_those_of_others_go_on() {
    let mut world = World::with(|_| {}, RateLimit::off()).await;
    let (ours, other) = (
        world.key.secret.clone(),
        world.generate(Environment::Sandbox).await,
    );
    let mut silent = Open::with(&mut world, &ours).await;
    let mut events = Open::with(&mut world, &ours).await;
    let mut endless = Open::with(&mut world, &ours).await;
    let mut kept = Open::with(&mut world, &other.secret).await;
    for event in ["data: 1\n\n", "data: 2\n\n", "data: 3\n\n", "data: 4\n\n"] {
        events.passes(event).await;
        kept.passes(event).await;
    }
    let hand = endless.hand.clone();
    let sending = async move { while hand.send(Ok(vec![b'x'; 1000].into())).await.is_ok() {} };
    let sending = tokio::spawn(sending);
    endless.next().await.expect("no error");

    let actor = Actor::system();
    let deleting = world.keys.delete(world.company.id, world.key.id, &actor);
    deleting.await.expect("it is deleted");
    for open in [&mut silent, &mut events] {
        assert!(open.next().await.is_err());
        test_wait::in_time("nothing more is read", open.hand.closed()).await;
    }
    let drained = async { while endless.next().await.is_ok() {} };
    test_wait::within(Duration::from_secs(1), "it is cut off", drained).await;
    test_wait::in_time("nothing more is read", sending)
        .await
        .expect("it ran");
    kept.passes("data: 5\n\n").await;
    let entries = world.entries().await;
    let details: Vec<&str> = entries.iter().map(|entry| &*entry.verdict_detail).collect();
    assert_eq!(
        details,
        ["The response was cut off because the key was deleted."; 3]
    );
}

/// An ordinary response asks nothing about its key, but one that took its time does.
#[tokio::test]
async fn a_response_that_comes_long_after_the_deletion_of_its_key_is_cut_off() {
    let mut world = World::new().await;
    let mut client: Client = world.connect().await;
    let begun = std::time::Instant::now();
    let request = world.request(Method::GET, "/late", &[], Default::default());
    let answer = async move { client.begin(request).await?.into_body().collect().await };
    let answer = tokio::spawn(answer);
    let hand = world.upstream.answering().await;
    let actor = Actor::system();
    let deleting = world.keys.delete(world.company.id, world.key.id, &actor);
    deleting.await.expect("it is deleted");
    test_wait::until("some time has passed", async || {
        begun.elapsed() > Duration::from_millis(300)
    })
    .await;
    hand.send(Ok("secret".into())).await.expect("it is waited for");
    drop(hand);
    assert!(answer.await.expect("it ran").is_err());
    assert_eq!(
        world.entry_when_ended().await.verdict_detail,
        "The response was cut off because the key was deleted."
    );
}

/// What arrives of a body after the deletion of its key must not reach the API, whether the first piece or a later one.
#[tokio::test]
async fn a_body_whose_key_was_deleted_ends_there() {
    for first_piece_comes in [true, false] {
        let mut world = World::new().await;
        let mut client: Client<Pieces> = Client::connect(world.address).await;
        let begun = std::time::Instant::now();
        let (hand, body) = pieces();
        let request = world.request(Method::POST, "/echo", &[], body);
        let answer = tokio::spawn(async move { client.send(request).await });
        assert!(matches!(world.upstream.next().await, Event::Arrived { .. }));
        if first_piece_comes {
            hand.send("before".into()).await.expect("it is read");
            assert!(matches!(world.upstream.next().await, Event::Piece(piece) if piece == "before"));
        }
        let actor = Actor::system();
        let deleting = world.keys.delete(world.company.id, world.key.id, &actor);
        deleting.await.expect("it is deleted");
        test_wait::until("some time has passed", async || {
            begun.elapsed() > Duration::from_millis(300)
        })
        .await;
        // It may be refused already.
        let _ = hand.send("after".into()).await;
        let answer = test_wait::in_time("it is refused", answer).await.expect("it ran");
        assert_eq!(answer.status, 401);
        drop(hand);
        let entry = world.entry_when_ended().await;
        assert_eq!(entry.row.verdict, Verdict::DeletedKey);
        assert_eq!(
            entry.verdict_detail,
            "The key was deleted or expired before the whole body had arrived."
        );
        while let Ok(event) = world.upstream.events.try_recv() {
            assert!(
                !matches!(event, Event::Piece(_)),
                "nothing came after the deletion"
            );
        }
    }
}

#[tokio::test]
async fn a_request_is_streamed_piece_by_piece() {
    let mut world = World::new().await;
    let mut client: Client<Pieces> = Client::connect(world.address).await;
    let (hand, body) = pieces();
    let request = world.request(Method::POST, "/echo", &[], body);
    let answer = tokio::spawn(async move { client.send(request).await });
    for number in 0..5 {
        let sent = Bytes::from(format!("piece {number}"));
        hand.send(sent.clone()).await.expect("it is taken");
        let arrived = loop {
            if let Event::Piece(piece) = world.upstream.next().await {
                break piece;
            }
        };
        assert_eq!(arrived, sent, "each one arrives before the next is sent");
    }
    drop(hand);
    let answer = answer.await.expect("an answer");
    assert_eq!(answer.json()["body"], "piece 0piece 1piece 2piece 3piece 4");
    assert_eq!(
        answer.json()["headers"]["transfer-encoding"],
        serde_json::json!(["chunked"])
    );
}

#[tokio::test]
async fn a_large_body_passes_whole_but_only_part_of_it_is_stored() {
    let world = World::new().await;
    let body = format!("{{\"n\":\"{}\"}}", "x".repeat(5_000_000));
    let answer = world
        .call(
            Method::POST,
            "/echo",
            &[("content-type", "application/json")],
            &body,
        )
        .await;
    assert_eq!(answer.json()["body"].as_str().map(str::len), Some(body.len()));
    let Body::Text {
        text,
        total_bytes,
        truncated,
        ..
    } = world.entry().await.request_body
    else {
        panic!("the body was not kept")
    };
    assert_eq!((total_bytes, truncated), (body.len() as u64, true));
    // The cut may have gone through a word. Its first part is dropped too, because it could be half a secret.
    assert!(
        text.ends_with("x[redacted]") && text.len() > 14_000,
        "{}",
        text.len()
    );
}

#[tokio::test]
async fn when_the_caller_leaves_before_the_response_the_upstream_request_is_cancelled() {
    let mut world = World::new().await;
    let mut client: Client = world.connect().await;
    let request = world.request(Method::GET, "/hold", &[], Default::default());
    let call = tokio::spawn(async move { client.begin(request).await.map(drop) });
    world.upstream.arrived().await;
    call.abort();
    assert!(matches!(world.upstream.next().await, Event::Left));
    let entry = world.entry_when_ended().await;
    assert_eq!(
        (entry.row.status, entry.row.verdict),
        (Some(499), Verdict::Accepted)
    );
    assert_eq!(
        entry.verdict_detail,
        "The caller disconnected before there was a response."
    );
}

#[tokio::test]
async fn when_the_caller_leaves_during_the_response_the_upstream_request_is_cancelled() {
    let mut world = World::new().await;
    let mut client: Client = world.connect().await;
    let answer = client.begin(world.request(Method::GET, "/stream", &[], Default::default()));
    let (answer, hand) = tokio::join!(answer, world.upstream.answering());
    hand.send(Ok("first".into())).await.expect("it is read");
    let mut body = answer.expect("an answer").into_body();
    assert!(body.frame().await.is_some());
    drop((body, client));
    tokio::time::timeout(Duration::from_secs(20), hand.closed())
        .await
        .expect("the upstream is told");
    let entry = world.entry_when_ended().await;
    assert_eq!(
        entry.verdict_detail,
        "The caller disconnected before it had the whole response."
    );
}

#[tokio::test]
async fn when_the_upstream_disconnects_the_response_is_cut_off() {
    let mut world = World::new().await;
    let mut client: Client = world.connect().await;
    let answer = client.begin(world.request(Method::GET, "/stream", &[], Default::default()));
    let (answer, hand) = tokio::join!(answer, world.upstream.answering());
    let mut body = answer.expect("an answer").into_body();
    hand.send(Ok("first".into())).await.expect("it is read");
    assert!(body.frame().await.expect("a frame").is_ok());
    hand.send(Err(std::io::Error::other("broken")))
        .await
        .expect("it is read");
    assert!(
        body.frame().await.expect("a frame").is_err(),
        "the caller must not take this for a complete body"
    );
    assert_eq!(
        world.entry_when_ended().await.verdict_detail,
        "The API closed the connection in the middle of its response."
    );
}

#[tokio::test]
async fn when_the_upstream_stalls_the_response_is_cut_off() {
    let mut world = World::with(
        |options| options.timeouts.stream_idle = Duration::from_millis(50),
        RateLimit::default(),
    )
    .await;
    let mut client: Client = world.connect().await;
    let answer = client.begin(world.request(Method::GET, "/stream", &[], Default::default()));
    let (answer, hand) = tokio::join!(answer, world.upstream.answering());
    hand.send(Ok("first".into())).await.expect("it is read");
    let ended = answer.expect("an answer").into_body().collect().await;
    assert!(ended.is_err());
    assert_eq!(
        world.entry_when_ended().await.verdict_detail,
        "The API stopped sending in the middle of its response."
    );
}

#[tokio::test]
async fn a_body_that_stalls_is_abandoned() {
    for path in ["/echo", "/v1/webhooks/"] {
        let world = World::with(
            |options| options.timeouts.body_idle = Duration::from_millis(50),
            RateLimit::default(),
        )
        .await;
        let mut client: Client<Pieces> = Client::connect(world.address).await;
        let (hand, body) = pieces();
        hand.send(Bytes::from_static(b"{\"a\":"))
            .await
            .expect("it is taken");
        let answer = client.send(world.request(Method::POST, path, &[], body)).await;
        assert_eq!(
            (answer.status, answer.json()["error"]["code"].as_str()),
            (408, Some("request_timeout")),
            "{path}"
        );
        let entry = world.entry().await;
        assert_eq!(
            entry.verdict_detail, "The caller sent nothing more of its body for too long.",
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_body_that_trickles_forever_is_abandoned() {
    let world = World::with(
        |options| options.timeouts.body_total = Duration::from_millis(100),
        RateLimit::default(),
    )
    .await;
    let mut client: Client<Pieces> = Client::connect(world.address).await;
    let (hand, body) = pieces();
    let trickle = tokio::spawn(async move { while hand.send(Bytes::from_static(b"x")).await.is_ok() {} });
    let answer = client.send(world.request(Method::POST, "/echo", &[], body)).await;
    assert_eq!(answer.status, 408);
    assert_eq!(
        world.entry().await.verdict_detail,
        "The caller took too long to send its body."
    );
    drop(client);
    trickle.await.expect("the gateway has stopped reading");
}

#[tokio::test]
async fn an_upstream_may_respond_before_it_has_read_the_body() {
    let world = World::new().await;
    let mut client: Client<Pieces> = Client::connect(world.address).await;
    let (hand, body) = pieces();
    let answer = client
        .begin(world.request(Method::POST, "/early", &[], body))
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 413);
    drop(hand);
}

#[tokio::test]
async fn the_public_api_refuses_a_body_above_its_limit() {
    let world = World::with(
        |options| options.limits.public_api_body_bytes = 100,
        RateLimit::default(),
    )
    .await;
    let answer = world
        .call(Method::POST, "/v1/webhooks/", &[], &"x".repeat(101))
        .await;
    assert_eq!(answer.status, 413);
    let mut client: Client<Pieces> = Client::connect(world.address).await;
    let (hand, body) = pieces();
    let send = tokio::spawn(async move { while hand.send(Bytes::from_static(&[b'x'; 60])).await.is_ok() {} });
    assert_eq!(
        client
            .send(world.request(Method::POST, "/v1/webhooks/", &[], body))
            .await
            .status,
        413
    );
    drop(client);
    send.await.expect("the gateway has stopped reading");
}
