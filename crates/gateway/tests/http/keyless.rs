//! What passes without a key, and spellings of paths that must not.

use gateway::{GatewayOptions, Open, OpenPath};
use http::{HeaderMap, HeaderValue, Method, Response};
use http_body_util::Full;
use keys::RateLimit;
use model::{Environment, Verdict};

use crate::upstream::Event;
use crate::world::{Answer, World, request};

const PREFLIGHT: [(&str, &str); 2] = [
    ("origin", "https://shop.example"),
    ("access-control-request-method", "POST"),
];

fn options(options: &mut GatewayOptions) {
    let path = |text| OpenPath::new(Environment::Sandbox, text).expect("a path");
    options.open = Open {
        paths: vec![path("/status"), path("/docs/*")],
        preflights: Some(Environment::Sandbox),
    };
    options.withheld = ["operator".to_owned()].into();
}

async fn world() -> World {
    World::with(options, RateLimit::default()).await
}

async fn send(world: &World, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
    let request = request(method, path, headers, Full::new("".into()));
    world.connect().await.send(request).await
}

#[tokio::test]
async fn an_open_path_passes_without_a_key_and_says_that_it_has_none() {
    let world = world().await;
    let forged = [
        ("x-gatehouse-company", "co_1"),
        ("x-gatehouse-key-id", "key_1"),
        ("x-gatehouse-scope", "all"),
        ("upgrade", "websocket"),
        ("connection", "upgrade"),
    ];
    let answer = send(&world, Method::POST, "/docs/a?b=c", &forged).await;
    assert_eq!(answer.status, 200);
    assert!(answer.headers.contains_key("x-request-id"));
    let seen = answer.json();
    assert_eq!(seen["path"], "/docs/a?b=c");
    for (name, value) in [
        ("x-gatehouse-company", "-"),
        ("x-gatehouse-client-id", "-"),
        ("x-gatehouse-key-id", "-"),
        ("x-gatehouse-brand", "-"),
        ("x-gatehouse-environment", "sandbox"),
    ] {
        assert_eq!(seen["headers"][name], serde_json::json!([value]), "{name}");
    }
    for name in ["x-gatehouse-scope", "upgrade"] {
        assert!(seen["headers"].get(name).is_none(), "{name}");
    }
    assert!(world.entries().await.is_empty(), "it is no company's");
    assert_eq!(world.gateway.counts().of_nobody, 1);
    let accepted = world.gateway.counts().by_verdict.into_iter();
    assert!(accepted.into_iter().any(|count| count == (Verdict::Accepted, 1)));
}

#[tokio::test]
async fn credentials_are_judged_on_an_open_path_too() {
    let mut world = world().await;
    assert_eq!(world.get("/status").await.status, 200);
    assert_eq!(world.upstream.arrived().await, "/status");
    assert_eq!(world.entry().await.row.path, "/status");
    let client_id = world.company.client_id.to_string();
    for headers in [
        vec![("x-access-client-id", client_id.as_str())],
        vec![("x-access-secret", "sandbox-0000")],
        vec![
            ("x-access-client-id", client_id.as_str()),
            ("x-access-secret", "sandbox-0000"),
        ],
    ] {
        let answer = send(&world, Method::GET, "/status", &headers).await;
        assert_eq!(answer.status, 401, "{headers:?}");
    }
}

#[tokio::test]
async fn a_preflight_passes_and_the_request_after_it_does_not() {
    let world = world().await;
    let answer = send(&world, Method::OPTIONS, "/v1/orders/", &PREFLIGHT).await;
    assert_eq!(
        (answer.status, &answer.json()["method"]),
        (200, &"OPTIONS".into())
    );
    for (method, headers) in [
        (Method::POST, &PREFLIGHT[..]),
        (Method::OPTIONS, &PREFLIGHT[..1]),
        (Method::OPTIONS, &PREFLIGHT[1..]),
        (Method::GET, &[]),
    ] {
        assert_eq!(send(&world, method, "/v1/orders/", headers).await.status, 401);
    }
}

#[tokio::test]
async fn no_spelling_of_a_path_opens_another() {
    let mut world = world().await;
    for path in [
        "/docs/../orders",
        "/docs/%2e%2e/orders",
        "/docs/.%2E/orders",
        "/docs/..;/orders",
        "/docs/..%2forders",
        "/docs//../orders",
        "/docs/..%5corders",
        "/status/../orders",
        "/docs",
        "/status/",
        "/STATUS",
    ] {
        assert_eq!(send(&world, Method::GET, path, &[]).await.status, 401, "{path}");
    }
    assert!(world.upstream.events.try_recv().is_err(), "none reached the API");
}

#[tokio::test]
async fn every_spelling_of_a_withheld_path_is_withheld_and_of_a_public_one_is_the_public_apis() {
    let mut world = world().await;
    for path in [
        "/operator/v1/keys",
        "//operator/v1/keys",
        "/./operator/v1/keys",
        "/x/../operator/v1/keys",
        "/%6fperator/v1/keys",
        "/%256Fperator/v1/keys",
        "/x/%2e%2e/operator/v1/keys",
        "/operator%2fv1/keys",
        "/operator;x=y/v1/keys",
        "/x/..%5c/operator",
    ] {
        assert_eq!(world.get(path).await.status, 404, "{path}");
    }
    assert!(world.entries().await.is_empty());
    for path in [
        "/v1/webhooks/",
        "//v1/webhooks/",
        "/v1/%77ebhooks/",
        "/a/../v1/webhooks/",
    ] {
        assert_eq!(world.get(path).await.status, 201, "{path}");
    }
    assert!(
        !matches!(world.upstream.events.try_recv(), Ok(Event::Arrived { .. })),
        "none reached the API"
    );
    assert_eq!(world.get("/x/operator").await.status, 200);
}

#[tokio::test]
async fn requests_without_a_key_take_no_place_of_those_with_one() {
    let mut world = World::with(
        |limits| {
            options(limits);
            limits
                .open
                .paths
                .push(OpenPath::new(Environment::Sandbox, "/hold").expect("a path"));
            limits.limits.requests = 4;
            limits.timeouts.queue = std::time::Duration::from_millis(20);
        },
        RateLimit::default(),
    )
    .await;
    let mut holding = world.connect().await;
    let held = request(Method::GET, "/hold", &[], Full::new("".into()));
    let held = tokio::spawn(async move { holding.begin(held).await.map(drop) });
    assert_eq!(world.upstream.arrived().await, "/hold");
    let refused = send(&world, Method::GET, "/status", &[]).await;
    assert_eq!(
        (refused.status, refused.json()["error"]["code"].as_str()),
        (503, Some("overloaded"))
    );
    assert_eq!(world.get("/small").await.status, 200);
    held.abort();
}

fn question(more: &[(&'static str, &'static str)]) -> HeaderMap {
    let pair = |(name, value): &(&'static str, &'static str)| {
        (name.parse().expect("a name"), HeaderValue::from_static(value))
    };
    more.iter().map(pair).collect()
}

async fn ask(world: &World, from: &str, query: &str, headers: HeaderMap) -> Response<gateway::AnswerBody> {
    let peer = world.gateway.peer(from.parse().expect("an address"));
    world.gateway.verify(Some(query), headers, &peer).await
}

#[tokio::test]
async fn verify_lets_pass_the_same_of_the_environment_that_the_proxy_names() {
    let world = world().await;
    let (sandbox, prod) = (
        "environment=sandbox&profile=caddy",
        "environment=prod&profile=caddy",
    );
    let status = question(&[("x-forwarded-method", "GET"), ("x-forwarded-uri", "/status?a")]);
    let answer = ask(&world, "127.0.0.1", sandbox, status.clone()).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["x-gatehouse-company"], "-");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    assert_eq!(ask(&world, "127.0.0.1", prod, status).await.status(), 401);
    let climbs = question(&[
        ("x-forwarded-method", "GET"),
        ("x-forwarded-uri", "/docs/../orders"),
    ]);
    assert_eq!(ask(&world, "127.0.0.1", sandbox, climbs).await.status(), 401);
    let preflight = question(&[
        ("x-forwarded-method", "OPTIONS"),
        ("x-forwarded-uri", "/v1/orders"),
        PREFLIGHT[0],
        PREFLIGHT[1],
    ]);
    assert_eq!(
        ask(&world, "127.0.0.1", sandbox, preflight.clone())
            .await
            .status(),
        200
    );
    assert_eq!(ask(&world, "127.0.0.1", prod, preflight).await.status(), 401);
}

#[tokio::test]
async fn verify_is_for_this_machine_or_the_proxies_that_are_named() {
    let query = "environment=sandbox&profile=caddy";
    let asked = question(&[("x-forwarded-method", "GET"), ("x-forwarded-uri", "/x")]);
    let world = world().await;
    for (from, status) in [
        ("127.0.0.1", 401),
        ("::1", 401),
        ("::ffff:127.0.0.1", 401),
        ("10.0.0.5", 403),
    ] {
        let answer = ask(&world, from, query, asked.clone()).await;
        assert_eq!(answer.status().as_u16(), status, "{from}");
    }
    let named = World::with(
        |options| options.verify_peers = vec!["10.0.0.0/24".parse().expect("a network")],
        RateLimit::default(),
    );
    let named = named.await;
    for (from, status) in [("10.0.0.5", 401), ("10.0.1.5", 403), ("127.0.0.1", 403)] {
        let answer = ask(&named, from, query, asked.clone()).await;
        assert_eq!(answer.status().as_u16(), status, "{from}");
    }
    assert_eq!(named.gateway.counts().not_understood, 2);
}
