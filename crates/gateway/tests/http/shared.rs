//! What companies share beside the places at the upstreams: places at the public API, and idle connections.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use gateway::GatewayOptions;
use http::Method;
use keys::RateLimit;
use model::{Environment, Verdict};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::Barrier;
use tokio::task::JoinHandle;

use crate::world::World;

/// Requests of the company that the public API never answers: each has its place when this returns. Half of them use
/// another key.
async fn hang(world: &World, requests: usize) -> Vec<JoinHandle<()>> {
    let second = world.generate(Environment::Sandbox).await;
    let mut held = Vec::new();
    for number in 0..requests {
        let mut connection = world.connect().await;
        let mut request = world.request(Method::GET, "/v1/webhooks/hang", &[], Default::default());
        if number % 2 == 0 {
            let secret = second.secret.parse().expect("a value");
            request.headers_mut().insert("x-access-secret", secret);
        }
        held.push(tokio::spawn(async move {
            // The test decides when it ends.
            let _ = connection.begin(request).await;
        }));
        let limit = Duration::from_secs(20);
        tokio::time::timeout(limit, world.hanging.notified())
            .await
            .unwrap_or_else(|_| panic!("request {number} got no place"));
    }
    held
}

#[tokio::test]
async fn a_company_whose_public_api_requests_hang_takes_no_places_from_others() {
    let world = World::with(
        |options| {
            options.limits.local_requests = 8;
            options.timeouts.queue = Duration::from_millis(20);
        },
        RateLimit::default(),
    )
    .await;
    let held = hang(&world, 4).await;
    let refused = world.get("/v1/webhooks/").await;
    assert_eq!(
        (refused.status, refused.json()["error"]["code"].as_str()),
        (503, Some("overloaded")),
        "the company has used its share"
    );
    assert_eq!(refused.headers["retry-after"], "1");
    let row = world.entries().await.remove(0).row;
    assert_eq!((row.status, row.verdict), (Some(503), Verdict::Overloaded));

    // Places at the upstreams are others, and another company finds some here.
    assert_eq!(world.get("/echo").await.status, 200);
    let key = world.generate_for_other().await;
    for _ in 0..5 {
        assert_eq!(world.get_as_other(&key, "/v1/webhooks/").await.status, 201);
    }
    // The places are free as soon as their callers have left.
    held.iter().for_each(JoinHandle::abort);
    let limit = tokio::time::timeout(Duration::from_secs(20), async {
        while world.get("/v1/webhooks/").await.status != 201 {}
    });
    limit.await.expect("a place is free again");
}

#[tokio::test]
async fn the_public_api_has_512_places_of_which_a_lone_company_gets_half() {
    assert_eq!(GatewayOptions::default().limits.local_requests, 512);
    let world = World::with(
        |options| options.timeouts.queue = Duration::from_millis(20),
        RateLimit::default(),
    )
    .await;
    let held = hang(&world, 256).await;
    let refused = world.get("/v1/webhooks/").await;
    assert_eq!(
        (refused.status, refused.json()["error"]["code"].as_str()),
        (503, Some("overloaded"))
    );
    held.iter().for_each(JoinHandle::abort);
}

/// An upstream that answers as soon as three requests are there. Counts the connections that were opened to it.
async fn three_at_once() -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (opened, three) = (Arc::new(AtomicUsize::new(0)), Arc::new(Barrier::new(3)));
    let count = Arc::clone(&opened);
    tokio::spawn(async move {
        while let Ok((mut tcp, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            let three = Arc::clone(&three);
            tokio::spawn(async move {
                let mut head = Vec::new();
                while tcp.read_buf(&mut head).await.is_ok_and(|read| read > 0) {
                    if head.ends_with(b"\r\n\r\n") {
                        head.clear();
                        three.wait().await;
                        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
                        tcp.write_all(answer).await.expect("it is read");
                    }
                }
            });
        }
    });
    (address, opened)
}

#[tokio::test]
async fn no_more_idle_connections_to_an_upstream_are_kept_than_are_allowed() {
    let (upstream, opened) = three_at_once().await;
    let world = World::with(
        |options| {
            let url = format!("http://{upstream}").parse().expect("an address");
            options.upstreams.insert(Environment::Sandbox, url);
            options.limits.upstream_idle = 1;
        },
        RateLimit::default(),
    )
    .await;
    for round in 1..=2 {
        let answers = tokio::join!(world.get("/a"), world.get("/b"), world.get("/c"));
        let statuses = (answers.0.status, answers.1.status, answers.2.status);
        assert_eq!(statuses, (200, 200, 200), "round {round}");
    }
    // One at most was kept for the second round.
    let opened = opened.load(Ordering::SeqCst);
    assert!(
        opened >= 5,
        "{opened} connections were opened, so more than one was kept"
    );
}
