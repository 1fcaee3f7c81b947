//! Requests that pass: what the upstream receives, and what the caller gets back.

use http::Method;
use keys::RateLimit;
use model::{Environment, Recorded, Verdict};

use crate::world::{Client, World};

#[tokio::test]
async fn the_upstream_receives_the_callers_identity_but_not_its_credentials() {
    let world = World::new().await;
    let client_id = world.company.client_id.to_string();
    let sent = [
        ("x-gatehouse-company", "evil"),
        ("x_gatehouse_key_id", "evil"),
        ("X.Gatehouse.Company", "evil"),
        ("x!gatehouse~brand", "evil"),
        ("forwarded", "host=evil"),
        ("x-forwarded-host", "evil"),
        ("x-forwarded-prefix", "/evil"),
        ("x-original-url", "/evil"),
        ("x_rewrite_url", "/evil"),
        ("via", "1.1 evil"),
        ("x-request-id", "evil"),
        (
            "cookie",
            "a=1; __Host-gatehouse=session; gatehouse-loopback=session",
        ),
        ("connection", "x-hop"),
        ("x-hop", "1"),
        ("x-forwarded-for", "203.0.113.1"),
        ("content-type", "application/json"),
        ("x-mine", "kept"),
    ];
    let answer = world
        .call(Method::POST, "/echo/%41?b=c&d", &sent, r#"{"n":1}"#)
        .await;
    assert_eq!(answer.status, 200);
    let seen = answer.json();
    assert_eq!(
        (seen["method"].as_str(), seen["path"].as_str()),
        (Some("POST"), Some("/echo/%41?b=c&d"))
    );
    assert_eq!(seen["body"], r#"{"n":1}"#);
    let expected = serde_json::json!({
        "content-length": ["7"],
        "content-type": ["application/json"],
        "cookie": ["a=1"],
        "host": [world.upstream.address.to_string()],
        "x-forwarded-for": ["127.0.0.1"],
        "x-forwarded-host": ["gateway.test"],
        "x-forwarded-proto": ["http"],
        "x-gatehouse-brand": ["-"],
        "x-gatehouse-client-id": [client_id],
        "x-gatehouse-company": [world.company.id.to_string()],
        "x-gatehouse-environment": ["sandbox"],
        "x-gatehouse-key-id": [world.key.id.to_string()],
        "x-mine": ["kept"],
        "x-request-id": [answer.request_id().to_string()],
    });
    assert_eq!(seen["headers"], expected);
}

#[tokio::test]
async fn the_response_comes_back_without_hop_by_hop_headers() {
    let world = World::new().await;
    let answer = world.get("/echo").await;
    assert_eq!(answer.headers.get_all("x-request-id").iter().count(), 1);
    assert_ne!(answer.headers["x-request-id"], "theirs");
    assert_eq!(answer.headers["x-upstream-request-id"], "theirs");
    assert_eq!(answer.headers["x-kept"], "yes");
    assert_eq!(
        answer.headers.get_all("set-cookie").iter().collect::<Vec<_>>(),
        ["mine=1"]
    );
    assert!(!answer.headers.contains_key("x-hop"));
    assert_eq!(
        answer.headers["content-length"],
        answer.body.len().to_string().as_str()
    );
}

#[tokio::test]
async fn one_connection_carries_many_requests_each_with_its_own_id() {
    let world = World::new().await;
    let mut client = world.connect().await;
    let mut ids = Vec::new();
    for _ in 0..20 {
        let request = world.request(Method::GET, "/echo", &[], Default::default());
        ids.push(client.send(request).await.request_id());
    }
    let mut recorded: Vec<_> = world
        .entries()
        .await
        .iter()
        .map(|entry| entry.row.request_id)
        .collect();
    recorded.sort_unstable();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(recorded, ids);
    assert_eq!(ids.len(), 20);
}

#[tokio::test]
async fn responses_to_head_and_no_content_stay_without_a_body() {
    let world = World::new().await;
    let full = world.get("/tell-secrets").await;
    let head = world.call(Method::HEAD, "/tell-secrets", &[], "").await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert_eq!(head.headers["content-length"], full.headers["content-length"]);
    let empty = world.get("/no-content").await;
    assert_eq!((empty.status, empty.body.as_str()), (204, ""));
    assert!(!empty.headers.contains_key("content-length"));
    assert_eq!(
        world
            .entries()
            .await
            .iter()
            .filter(|entry| entry.verdict_detail.is_empty())
            .count(),
        3
    );
}

#[tokio::test]
async fn an_upstreams_prefix_precedes_the_path_and_cannot_be_left() {
    let world = World::with(
        |options| {
            for url in options.upstreams.values_mut() {
                url.set_path("/base/");
            }
        },
        RateLimit::default(),
    )
    .await;
    assert_eq!(world.get("/echo?x=1").await.json()["path"], "/base/echo?x=1");
    for path in ["/../secret", "/a/%2e%2E/../../secret", "/..;x/secret"] {
        let answer = world.get(path).await;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (404, r#"{"detail":"Not Found."}"#),
            "{path}"
        );
    }
}

#[tokio::test]
async fn the_upstream_and_the_log_are_told_the_brand() {
    let world = World::new().await;
    let brand = world.brand.client_id.to_string();
    let seen = world
        .call(Method::GET, "/echo", &[("X-Brand-Id", &brand)], "")
        .await
        .json();
    assert_eq!(seen["headers"]["x-gatehouse-brand"], serde_json::json!([brand]));
    assert_eq!(
        seen["headers"]["x-gatehouse-company"],
        serde_json::json!([world.company.id.to_string()])
    );
    let entry = world.entry().await;
    assert_eq!(
        (entry.row.client_id, entry.row.brand.as_deref()),
        (world.brand.client_id, Some("Company 2"))
    );
}

#[tokio::test]
async fn the_gateway_answers_the_public_api_and_records_it_as_such() {
    let world = World::new().await;
    let answer = world
        .call(Method::POST, "/v1/webhooks/", &[], r#"{"name":"x","secret":"s"}"#)
        .await;
    assert_eq!(answer.status, 201);
    let seen = answer.json();
    assert_eq!(
        (seen["company"].as_str(), seen["environment"].as_str()),
        (Some("Company 1"), Some("sandbox"))
    );
    assert_eq!(seen["has_secret"], false);
    assert_eq!(
        seen["request_id"].as_str(),
        Some(answer.request_id().to_string().as_str())
    );
    assert_eq!(seen["body"], r#"{"name":"x","secret":"s"}"#);
    let entry = world.entry().await;
    assert_eq!(
        (entry.recorded, entry.row.status, entry.upstream_us),
        (Recorded::PublicApi, Some(201), None)
    );
}

#[tokio::test]
async fn another_listener_serves_the_public_api_with_the_same_check_and_log() {
    let world = World::new().await;
    let peer = "192.0.2.9:1".parse().expect("an address");
    let body = || http_body_util::Full::new(bytes::Bytes::from_static(b"{}"));
    let passes = world.request(Method::POST, "/v1/webhooks/", &[], body());
    assert_eq!(world.gateway.answer_public_api(passes, peer).await.status(), 201);
    let mut refused = world.request(Method::POST, "/v1/webhooks/", &[], body());
    refused.headers_mut().remove("x-access-secret");
    assert_eq!(world.gateway.answer_public_api(refused, peer).await.status(), 401);
    let entries = world.entries().await;
    assert_eq!(
        entries.iter().map(|entry| entry.row.verdict).collect::<Vec<_>>(),
        [Verdict::MissingCredentials, Verdict::Accepted]
    );
    assert!(
        entries
            .iter()
            .all(|entry| entry.recorded == Recorded::PublicApi && entry.address == "192.0.2.9")
    );
}

#[tokio::test]
async fn a_recognised_request_updates_last_used() {
    let world = World::new().await;
    world.get("/echo").await;
    world.keys.flush_last_used().await.expect("last used is written");
    let groups = world.keys.list(world.company.id).await.expect("a list");
    let key = &groups
        .iter()
        .find(|group| group.environment == Environment::Sandbox)
        .expect("the key is listed")
        .keys[0];
    assert_eq!(
        key.last_used.as_ref().map(|used| used.address.as_str()),
        Some("127.0.0.1")
    );
}

#[tokio::test]
async fn stopping_lets_requests_in_flight_end_and_accepts_no_more() {
    let mut world = World::new().await;
    let mut client: Client = world.connect().await;
    let answer = client.begin(world.request(Method::GET, "/stream", &[], Default::default()));
    let (answer, hand) = tokio::join!(answer, world.upstream.answering());
    world.stop.cancel();
    hand.send(Ok("the end".into())).await.expect("it is read");
    drop(hand);
    let body = http_body_util::BodyExt::collect(answer.expect("an answer").into_body())
        .await
        .expect("a whole body");
    assert_eq!(body.to_bytes(), "the end");
    world.serving.take().expect("it serves").await.expect("it stops");
    assert!(tokio::net::TcpStream::connect(world.address).await.is_err());
}

#[tokio::test]
async fn a_redirect_to_the_upstream_leads_back_to_where_the_caller_reached_the_gateway() {
    let world = World::with(
        |options| {
            options.trusted_proxies = vec!["127.0.0.0/8".parse().expect("a network")];
            options
                .upstreams
                .values_mut()
                .for_each(|url| url.set_path("/base/"));
        },
        RateLimit::default(),
    )
    .await;
    let upstream = world.upstream.address;
    for (proxy, base) in [
        ([].as_slice(), "http://gateway.test"),
        (
            &[
                ("x-forwarded-proto", "https"),
                ("x-forwarded-host", "api.example.com"),
            ],
            "https://api.example.com",
        ),
    ] {
        let ask = async |location: &str| {
            let sent = [proxy, &[("x-location", location)]].concat();
            world.call(Method::GET, "/redirect", &sent, "").await.headers
        };
        let headers = ask(&format!("http://{upstream}/base/next?a=b")).await;
        let expected = format!("{base}/next?a=b");
        assert_eq!(headers["location"], expected.as_str());
        assert_eq!(headers["content-location"], expected.as_str());
        assert_eq!(headers["refresh"], format!("5; url={expected}").as_str());
        assert_eq!(headers["link"], format!("<{expected}>; rel=next").as_str());
        assert_eq!(ask("/base/next").await["location"], "/next");
        assert_eq!(
            ask("https://elsewhere.example/").await["location"],
            "https://elsewhere.example/"
        );
    }
}

#[tokio::test]
async fn a_configured_address_overrides_the_callers_host() {
    let world = World::with(
        |options| options.gateway_url = Some("https://api.example.com".parse().expect("a URL")),
        RateLimit::default(),
    )
    .await;
    let location = format!("http://{}/next", world.upstream.address);
    let sent = [
        ("x-location", location.as_str()),
        ("x-forwarded-host", "evil.example"),
    ];
    let answer = world.call(Method::GET, "/redirect", &sent, "").await;
    assert_eq!(answer.headers["location"], "https://api.example.com/next");
    let seen = world.get("/echo").await.json();
    assert_eq!(
        seen["headers"]["x-forwarded-host"],
        serde_json::json!(["api.example.com"])
    );
    assert_eq!(seen["headers"]["x-forwarded-proto"], serde_json::json!(["https"]));
}
