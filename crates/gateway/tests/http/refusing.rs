//! Requests that do not pass: the documented responses, and what the company's log says.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::Method;
use keys::RateLimit;
use model::{Actor, Environment, Verdict};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::world::{World, request};

const UNAUTHORIZED: &str = r#"{"error":{"code":"authentication_failed","message":"No such user"}}"#;

#[tokio::test]
async fn all_wrong_credentials_get_the_same_response_but_different_verdicts() {
    let world = World::new().await;
    let (id, secret) = (world.company.client_id.to_string(), world.key.secret.clone());
    let other = "09".repeat(16);
    let unknown = format!("sandbox-{}", "ab".repeat(20));
    let cases: [(&[(&str, &str)], Verdict); 6] = [
        (&[("x-access-client-id", &id)], Verdict::MissingCredentials),
        (&[("x-access-secret", &secret)], Verdict::MissingCredentials),
        (
            &[("x-access-client-id", &id), ("x-access-secret", "nonsense")],
            Verdict::MalformedCredentials,
        ),
        (
            &[
                ("x-access-client-id", &id),
                ("x-access-secret", &secret),
                ("x-access-secret", &secret),
            ],
            Verdict::MalformedCredentials,
        ),
        (
            &[("x-access-client-id", &other), ("x-access-secret", &secret)],
            Verdict::UnknownClient,
        ),
        (
            &[("x-access-client-id", &id), ("x-access-secret", &unknown)],
            Verdict::UnknownSecret,
        ),
    ];
    for (headers, verdict) in &cases {
        let answer = world
            .connect()
            .await
            .send(request(Method::GET, "/echo?token=t", headers, Default::default()))
            .await;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (401, UNAUTHORIZED),
            "{verdict}"
        );
        assert_eq!(answer.headers["www-authenticate"], "AccessKey");
        let entry = world.entries().await.remove(0);
        assert_eq!(
            (entry.row.verdict, entry.row.request_id),
            (*verdict, answer.request_id())
        );
        assert_eq!(entry.row.path, "/echo?token=[redacted]");
        assert!(
            entry.request_headers.is_empty() && entry.response_headers.is_empty(),
            "anyone can send such a request"
        );
    }
    assert_eq!(world.gateway.counts().of_nobody, 0);
}

#[tokio::test]
async fn an_unknown_client_appears_in_the_metrics_only() {
    let world = World::new().await;
    let (id, secret) = ("ee".repeat(16), format!("sandbox-{}", "ab".repeat(20)));
    let headers = [
        ("x-access-client-id", id.as_str()),
        ("x-access-secret", secret.as_str()),
    ];
    let answer = world
        .connect()
        .await
        .send(request(Method::GET, "/echo", &headers, Default::default()))
        .await;
    assert_eq!((answer.status, answer.body.as_str()), (401, UNAUTHORIZED));
    assert!(world.entries().await.is_empty());
    assert_eq!(
        (world.recorder.totals().seen, world.gateway.counts().of_nobody),
        (0, 1)
    );
}

#[tokio::test]
async fn a_deleted_key_is_refused_at_once_and_the_log_says_who_deleted_it() {
    let world = World::new().await;
    assert_eq!(world.get("/echo").await.status, 200);
    let ana = Actor {
        name: "ana@example.com".to_owned(),
        ..Actor::command_line()
    };
    world
        .keys
        .delete(world.company.id, world.key.id, &ana)
        .await
        .expect("it is deleted");
    world.clock.advance(Duration::from_secs(185));
    let answer = world.get("/echo").await;
    assert_eq!((answer.status, answer.body.as_str()), (401, UNAUTHORIZED));
    let entry = world.entries().await.remove(0);
    assert_eq!(
        (entry.row.verdict, entry.row.key_id),
        (Verdict::DeletedKey, Some(world.key.id))
    );
    assert!(
        entry.verdict_detail.contains("ana@example.com"),
        "{}",
        entry.verdict_detail
    );
    assert!(
        entry.verdict_detail.contains("3 minutes before"),
        "{}",
        entry.verdict_detail
    );
}

#[tokio::test]
async fn a_used_up_budget_says_when_to_retry_and_deletion_is_checked_first() {
    let world = World::with(|_| {}, RateLimit::per_minute(2)).await;
    let statuses = [
        world.get("/echo").await.status,
        world.get("/v1/webhooks/").await.status,
    ];
    assert_eq!(statuses, [200, 201], "one budget for both");
    let answer = world.get("/echo").await;
    assert_eq!(
        (
            answer.status,
            answer.headers["retry-after"].to_str().expect("text")
        ),
        (429, "30")
    );
    let expected = r#"{"error":{"code":"throttled","message":"Request was throttled. Expected available in 30 seconds."}}"#;
    assert_eq!(answer.body, expected);
    let entry = world.entries().await.remove(0);
    assert_eq!(
        (entry.row.verdict, entry.row.key_id),
        (Verdict::RateLimited, Some(world.key.id))
    );

    world
        .keys
        .delete(world.company.id, world.key.id, &Actor::system())
        .await
        .expect("it is deleted");
    assert_eq!(world.get("/echo").await.status, 401);
}

#[tokio::test]
async fn a_brand_of_another_company_is_refused() {
    let world = World::new().await;
    let other = "09".repeat(16);
    for brand in [
        other.as_str(),
        "nonsense",
        "",
        &world.company.client_id.to_string(),
    ] {
        let answer = world
            .call(Method::GET, "/echo", &[("x-brand-id", brand)], "")
            .await;
        let error = answer.json();
        assert_eq!(
            (answer.status, error["error"]["code"].as_str()),
            (400, Some("incorrect_parameters")),
            "{brand}"
        );
        assert_eq!(
            error["error"]["extra"]["invalid-params"][0]["field"],
            "X-Brand-Id"
        );
    }
    let ours = world.brand.client_id.to_string();
    let twice = world
        .call(
            Method::GET,
            "/echo",
            &[("x-brand-id", &ours), ("x-brand-id", &ours)],
            "",
        )
        .await;
    assert_eq!(twice.status, 400);
    assert!(
        world
            .entries()
            .await
            .iter()
            .all(|entry| entry.row.verdict == Verdict::UnknownBrand)
    );
}

#[tokio::test]
async fn an_environment_without_an_upstream_gets_403_but_has_the_public_api() {
    let mut world = World::new().await;
    world.key = world.generate(Environment::Prod).await;
    let answer = world.get("/echo").await;
    assert_eq!(
        (answer.status, answer.json()["error"]["code"].as_str()),
        (403, Some("not_authenticated"))
    );
    let entry = world.entry().await;
    assert_eq!(entry.row.verdict, Verdict::WrongEnvironment);
    assert_eq!(entry.verdict_detail, "Production has no API behind this gateway.");
    assert_eq!(world.get("/v1/webhooks/").await.status, 201);
}

#[tokio::test]
async fn an_upstream_that_is_down_gives_502() {
    let unused = std::net::TcpListener::bind("127.0.0.1:0")
        .expect("a port")
        .local_addr()
        .expect("an address");
    let world = World::with(
        |options| {
            let url = format!("http://{unused}").parse().expect("an address");
            options.upstreams.insert(Environment::Sandbox, url);
        },
        RateLimit::default(),
    )
    .await;
    let answer = world
        .call(
            Method::POST,
            "/echo",
            &[("content-type", "application/json")],
            r#"{"a":1}"#,
        )
        .await;
    assert_eq!(
        (answer.status, answer.json()["error"]["code"].as_str()),
        (502, Some("upstream_unreachable"))
    );
    let entry = world.entry().await;
    assert_eq!(entry.row.verdict, Verdict::UpstreamUnreachable);
    assert_eq!(entry.row.request_id, answer.request_id());
    assert!(!entry.verdict_detail.is_empty() && entry.upstream_us.is_none());
}

#[tokio::test]
async fn an_upstream_that_does_not_respond_gives_504_and_its_request_is_cancelled() {
    let mut world = World::with(
        |options| options.timeouts.answer = Duration::from_millis(50),
        RateLimit::default(),
    )
    .await;
    let answer = world.get("/hold").await;
    assert_eq!(
        (answer.status, answer.json()["error"]["code"].as_str()),
        (504, Some("upstream_timeout"))
    );
    world.upstream.arrived().await;
    assert!(matches!(
        world.upstream.next().await,
        crate::upstream::Event::Left
    ));
    assert_eq!(world.entry().await.row.verdict, Verdict::UpstreamTimeout);
}

#[tokio::test]
async fn when_too_many_requests_are_in_flight_the_next_waits_a_limited_time() {
    let mut world = World::with(
        |options| {
            options.limits.requests = 1;
            options.timeouts.queue = Duration::from_millis(20);
        },
        RateLimit::default(),
    )
    .await;
    let mut first = world.connect().await;
    let held = tokio::spawn({
        let request = world.request(Method::GET, "/hold", &[], Default::default());
        async move { first.begin(request).await.map(drop) }
    });
    world.upstream.arrived().await;
    let answer = world.get("/echo").await;
    assert_eq!(
        (answer.status, answer.json()["error"]["code"].as_str()),
        (503, Some("overloaded"))
    );
    assert_eq!(answer.headers["retry-after"], "1");
    held.abort();
    // The place is free as soon as the first caller has left.
    while !matches!(world.upstream.next().await, crate::upstream::Event::Left) {}
    let limit = tokio::time::timeout(Duration::from_secs(20), async {
        while world.get("/echo").await.status != 200 {}
    });
    limit.await.expect("the place is free again");
}

#[tokio::test]
async fn a_company_whose_requests_hang_takes_no_places_from_others() {
    let mut world = World::with(
        |options| {
            options.limits.requests = 8;
            options.timeouts.queue = Duration::from_millis(20);
        },
        RateLimit::default(),
    )
    .await;
    let second = world.generate(Environment::Sandbox).await;
    let mut held = Vec::new();
    for number in 0..4 {
        // Half of them use another key of the same company, which gives the company no more places.
        let mut connection = world.connect().await;
        let mut request = world.request(Method::GET, "/hold", &[], Default::default());
        if number % 2 == 0 {
            let secret = second.secret.parse().expect("a value");
            request.headers_mut().insert("x-access-secret", secret);
        }
        held.push(tokio::spawn(
            async move { connection.begin(request).await.map(drop) },
        ));
        world.upstream.arrived().await;
    }
    let refused = world.get("/echo").await;
    assert_eq!(
        (refused.status, refused.json()["error"]["code"].as_str()),
        (503, Some("overloaded")),
        "the company has used its share"
    );
    let key = world.generate_for_other().await;
    for _ in 0..5 {
        assert_eq!(world.get_as_other(&key, "/echo").await.status, 200);
    }
    held.iter().for_each(tokio::task::JoinHandle::abort);
}

/// An upstream that answers the first request on each connection and closes the connection at the second. Counts the
/// requests it received.
async fn forgetful() -> (std::net::SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let (address, asked) = (
        listener.local_addr().expect("an address"),
        Arc::new(AtomicUsize::new(0)),
    );
    let count = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut tcp, _)) = listener.accept().await {
            let count = Arc::clone(&count);
            tokio::spawn(async move {
                for number in 0..2 {
                    let mut head = Vec::new();
                    while !head.ends_with(b"\r\n\r\n")
                        && tcp.read_buf(&mut head).await.is_ok_and(|read| read > 0)
                    {}
                    count.fetch_add(usize::from(!head.is_empty()), Ordering::SeqCst);
                    if number == 0 {
                        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
                        tcp.write_all(answer).await.expect("it is read");
                    }
                }
            });
        }
    });
    (address, asked)
}

#[tokio::test]
async fn when_a_pooled_connection_dies_only_safe_requests_are_repeated() {
    let (upstream, asked) = forgetful().await;
    let world = World::with(
        |options| {
            let url = format!("http://{upstream}").parse().expect("an address");
            options.upstreams.insert(Environment::Sandbox, url);
        },
        RateLimit::default(),
    )
    .await;
    // On one connection, because each thread of the gateway has upstream connections of its own.
    let mut client = world.connect().await;
    let mut call = async |method| {
        client
            .send(world.request(method, "/", &[], Default::default()))
            .await
    };
    for sent in [1, 3] {
        assert_eq!(call(Method::GET).await.status, 200);
        assert_eq!(
            asked.load(Ordering::SeqCst),
            sent,
            "the second request was sent twice"
        );
    }
    let answer = call(Method::DELETE).await;
    assert_eq!((answer.status, asked.load(Ordering::SeqCst)), (502, 4));
    let detail = world.entries().await.remove(0).verdict_detail;
    assert_eq!(detail, "The API closed the connection without a response.");
}
