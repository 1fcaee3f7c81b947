//! The operator's listener. Its paths must not exist on any other listener.

use accounts::{Scope, Scopes};
use http::{Method, StatusCode};
use model::{Actor, Environment};
use serde_json::json;
use server::routes::table;

use crate::world::{To, World};

async fn token(world: &World, scopes: &[Scope]) -> String {
    let accounts = &world.running().services.core.accounts;
    let token = accounts
        .create_operator_token("test", Scopes::new(scopes.to_vec()), &Actor::command_line())
        .await;
    token.expect("a token").text().as_str().to_owned()
}

#[tokio::test]
async fn no_other_listener_has_the_operators_paths() {
    let world = World::start().await;
    let (id, client_id) = world.company("Acme").await;
    let key = world.key(id, Environment::Sandbox).await;
    let paths = table().operator;
    assert!(paths.len() >= 7);
    for route in paths {
        let on_the_dashboard = world.ask(route.method.clone(), route.path).send().await;
        assert_eq!(
            on_the_dashboard.status,
            StatusCode::NOT_FOUND,
            "{} on the dashboard",
            route.path
        );
        let without_a_key = world
            .ask(route.method.clone(), route.path)
            .to(To::Gateway)
            .send()
            .await;
        let with_a_key = world.ask(route.method.clone(), route.path).to(To::Gateway);
        let with_a_key = with_a_key.header("x-access-client-id", &client_id.to_string());
        let with_a_key = with_a_key
            .header("x-access-secret", key.secret.expose())
            .send()
            .await;
        for (answer, who) in [(without_a_key, "without"), (with_a_key, "with")] {
            assert_eq!(
                (answer.status, answer.body.as_str()),
                (StatusCode::NOT_FOUND, r#"{"detail":"Not Found."}"#),
                "{} on the gateway, {who} a key",
                route.path
            );
        }
    }
    let pages = world.get("/sign-in").to(To::Operator).send().await;
    assert_eq!(
        pages.status,
        StatusCode::NOT_FOUND,
        "the operator's listener has no pages either"
    );
}

#[tokio::test]
async fn a_token_creates_companies_and_keys_and_the_keys_work_at_once() {
    let world = World::start().await;
    let token = token(&world, &[Scope::Companies, Scope::Keys]).await;
    let post = |path: &'static str, body: serde_json::Value| {
        world
            .ask(Method::POST, path)
            .to(To::Operator)
            .bearer(&token)
            .json(&body)
            .send()
    };
    let created = post("/operator/v1/companies", json!({ "name": "Acme" })).await;
    assert_eq!(created.status, StatusCode::CREATED, "{created:?}");
    let client_id = created.json()["client_id"].as_str().expect("an id").to_owned();
    let key = post(
        "/operator/v1/keys",
        json!({ "client_id": client_id, "env_type": "sandbox" }),
    )
    .await;
    assert_eq!(
        (key.status, key.header("cache-control")),
        (StatusCode::CREATED, "no-store")
    );
    let secret = key.json()["secret"].as_str().expect("a secret").to_owned();

    let verify = || {
        world
            .get("/verify?environment=sandbox&profile=caddy")
            .to(To::Operator)
            .header("x-forwarded-method", "GET")
            .header("x-forwarded-uri", "/v1/users/")
            .header("x-access-client-id", &client_id)
    };
    let verified = verify().header("x-access-secret", &secret).send().await;
    assert_eq!(
        (verified.status, verified.header("cache-control")),
        (StatusCode::OK, "no-store")
    );
    assert_eq!(verified.header("x-gatehouse-client-id"), client_id);
    let refused = verify()
        .header("x-access-secret", &format!("sandbox-{}", "0".repeat(40)))
        .send()
        .await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    let unclear = world.get("/verify").to(To::Operator).send().await;
    assert_eq!(
        (unclear.status, unclear.header("cache-control")),
        (StatusCode::BAD_REQUEST, "no-store")
    );
    assert_eq!(
        unclear.json()["error"]["extra"]["invalid-params"][0]["field"],
        "environment"
    );

    for _ in 0..2 {
        post(
            "/operator/v1/keys",
            json!({ "client_id": client_id, "env_type": "dev" }),
        )
        .await;
    }
    let third = post(
        "/operator/v1/keys",
        json!({ "client_id": client_id, "env_type": "dev" }),
    )
    .await;
    assert_eq!(third.status, StatusCode::CONFLICT);
    for faulty in [
        json!({ "name": "" }),
        json!({}),
        json!({ "name": "x", "parent": "x" }),
    ] {
        assert_eq!(
            post("/operator/v1/companies", faulty).await.status,
            StatusCode::BAD_REQUEST
        );
    }
}

#[tokio::test]
async fn health_and_metrics_report_what_was_seen() {
    let mut world = World::start().await;
    let get = async |world: &World, path| world.get(path).to(To::Operator).send().await;
    assert_eq!(get(&world, "/healthz").await.body, "ok\n");
    assert_eq!(get(&world, "/readyz").await.body, "ready\n");
    world.get("/v1/users/").to(To::Gateway).send().await;
    let metrics = get(&world, "/metrics").await;
    assert!(
        metrics
            .body
            .contains("gatehouse_requests_total{verdict=\"missing_credentials\"} 1"),
        "{}",
        metrics.body
    );
    assert!(metrics.body.contains("# TYPE gatehouse_requests_total counter"));
    world.stop().await;
}

/// Another site can point its own name at this machine (DNS rebinding). Its requests still carry that name.
#[tokio::test]
async fn the_operators_listener_refuses_the_names_of_other_sites() {
    let world =
        World::start_with(|config| config.operator_hosts = vec!["gatehouse.internal".to_owned()]).await;
    let port = world.address(To::Operator).port();
    let get =
        async |path: &str, host: &str| world.get(path).to(To::Operator).header("host", host).send().await;
    for path in [
        "/metrics",
        "/healthz",
        "/readyz",
        "/operator/v1/companies",
        "/nowhere",
    ] {
        for other in ["evil.example", "evil.example:9090", "127.0.0.1.evil.example"] {
            let answer = get(path, other).await;
            assert_eq!(
                answer.status,
                StatusCode::MISDIRECTED_REQUEST,
                "{path} for {other}"
            );
            assert!(answer.body.contains("--operator-host"), "{}", answer.body);
        }
    }
    let own = [
        format!("127.0.0.1:{port}"),
        format!("localhost:{port}"),
        "10.9.8.7:9090".to_owned(),
        "[::1]:9090".to_owned(),
        "Gatehouse.Internal:9090".to_owned(),
    ];
    for host in own {
        assert_eq!(get("/metrics", &host).await.status, StatusCode::OK, "{host}");
        assert_eq!(get("/healthz", &host).await.body, "ok\n", "{host}");
    }
    // A proxy forwards the host of the request it asks about.
    let verify = get("/verify", "api.example.com").await;
    assert_ne!(verify.status, StatusCode::MISDIRECTED_REQUEST);
}

#[tokio::test]
async fn a_request_for_two_hosts_or_for_none_is_refused() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let world = World::start().await;
    let say = async |text: &str| {
        let mut stream = tokio::net::TcpStream::connect(world.address(To::Operator))
            .await
            .expect("connects");
        stream.write_all(text.as_bytes()).await.expect("writes");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("reads");
        answer.lines().next().unwrap_or_default().to_owned()
    };
    let rest = "Connection: close\r\n\r\n";
    for (hosts, version, status) in [
        ("Host: 127.0.0.1\r\nHost: 127.0.0.1\r\n", "1.1", "400"),
        ("", "1.1", "400"),
        ("Host: 127.0.0.1\r\n", "1.1", "200"),
        ("Host: x@127.0.0.1\r\n", "1.1", "400"),
        ("Host: evil.example\r\n", "1.0", "421"),
    ] {
        let answer = say(&format!("GET /healthz HTTP/{version}\r\n{hosts}{rest}")).await;
        assert!(answer.contains(status), "{hosts:?} in HTTP/{version}: {answer}");
    }
    let in_the_line = format!("GET http://evil.example/healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n{rest}");
    let refused = say(&in_the_line).await;
    assert!(
        refused.contains(" 421 ") || refused.contains(" 400 "),
        "{refused}"
    );
}
