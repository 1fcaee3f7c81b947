//! A program that knows only the gateway's address. It manages webhooks and calls the API behind the gateway, and its
//! company sees everything in Logs.

use http::{Method, StatusCode};
use model::{DateRange, Environment, LogFilter, LogPage, Recorded, Verdict};
use serde_json::json;

use crate::receiver::{Receiver, Reply};
use crate::world::{Acme, Ask, To, World};

fn scope(of: &Acme) -> logs::Scope {
    logs::Scope::WithBrands {
        company: of.id,
        client_id: of.client_id,
    }
}

/// The rows of the Logs page, once all earlier requests are stored.
async fn logs(world: &World, company: &Acme) -> LogPage {
    let services = &world.running().services;
    services.recorder.flush().await;
    let scope = scope(company);
    let filter = LogFilter {
        range: DateRange::LastHour,
        ..LogFilter::default()
    };
    services
        .reading
        .page(scope, &filter, services.clock().now())
        .await
        .expect("a page")
}

#[tokio::test]
async fn one_address_serves_webhooks_and_the_api_and_both_appear_in_logs() {
    let upstream = Receiver::start(|_| Reply::Answer {
        status: 200,
        headers: vec![("Content-Type", "application/json".to_owned())],
        body: br#"{"users":[]}"#.to_vec(),
    })
    .await;
    let url = format!("http://{}", upstream.address)
        .parse()
        .expect("an address");
    let world = World::start_with(|config| config.upstreams = vec![(Environment::Sandbox, url)]).await;
    let acme = world.acme("Acme").await;
    let key = world.key(acme.id, Environment::Sandbox).await;
    let ask = |method: Method, path: &str| -> Ask<'_> {
        let ask = world.ask(method, path).to(To::Gateway);
        ask.header("x-access-client-id", &acme.client_id.to_string())
            .header("x-access-secret", key.secret.expose())
    };

    let draft =
        json!({ "name": "Orders", "webhook_url": "https://hooks.example.com/a", "env_type": "sandbox" });
    let created = ask(Method::POST, "/v1/webhooks/").json(&draft).send().await;
    assert_eq!(created.status, StatusCode::CREATED, "{}", created.body);
    let called = ask(Method::POST, "/v1/users/?page=1")
        .json(&json!({ "name": "Ana" }))
        .send()
        .await;
    assert_eq!(
        (called.status, called.body.as_str()),
        (StatusCode::OK, r#"{"users":[]}"#)
    );
    let wrong = world.ask(Method::GET, "/v1/users/").to(To::Gateway);
    let wrong = wrong
        .header("x-access-client-id", &acme.client_id.to_string())
        .send()
        .await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);

    let page = logs(&world, &acme).await;
    let rows: Vec<_> = page
        .rows
        .iter()
        .map(|row| (row.path.as_str(), row.status, row.verdict))
        .collect();
    assert_eq!(
        rows,
        [
            ("/v1/users/", Some(401), Verdict::MissingCredentials),
            ("/v1/users/?page=1", Some(200), Verdict::Accepted),
            ("/v1/webhooks/", Some(201), Verdict::Accepted),
        ]
    );
    let scope = scope(&acme);
    let services = &world.running().services;
    let mut recorded = Vec::new();
    for row in &page.rows {
        let entry = services
            .reading
            .entry(scope, row.request_id, services.clock().now())
            .await
            .expect("a look")
            .expect("the entry exists");
        recorded.push(entry.recorded);
    }
    assert_eq!(
        recorded,
        [Recorded::Gateway, Recorded::Gateway, Recorded::PublicApi]
    );
    assert_eq!(
        page.rows[1].request_id.to_string(),
        called.headers["x-request-id"].to_str().expect("text")
    );
}

#[tokio::test]
async fn custom_credential_headers_work_and_never_reach_the_api() {
    let upstream = Receiver::start(|_| Reply::Answer {
        status: 200,
        headers: Vec::new(),
        body: Vec::new(),
    })
    .await;
    let url = format!("http://{}", upstream.address)
        .parse()
        .expect("an address");
    let world = World::start_with(|config| {
        config.upstreams = vec![(Environment::Sandbox, url)];
        let form = &mut config.place.credentials;
        form.client_id = "Acme-Account".parse().expect("a usable name");
        form.secret = "Acme-Secret".parse().expect("a usable name");
        form.prefixes = vault::SecretPrefixes::default()
            .with(Environment::Sandbox, &["sk_test_"])
            .expect("a usable prefix");
    })
    .await;
    let acme = world.acme("Acme").await;
    let key = world.key(acme.id, Environment::Sandbox).await;
    assert!(key.secret.expose().starts_with("sk_test_"));
    let called = world
        .get("/v1/users/")
        .to(To::Gateway)
        .header("acme-account", &acme.client_id.to_string())
        .header("acme-secret", key.secret.expose())
        .header("acme.secret", key.secret.expose())
        .send()
        .await;
    assert_eq!(called.status, StatusCode::OK, "{}", called.body);
    let received = format!("{:?}", upstream.received());
    assert!(!received.contains(key.secret.expose()), "{received}");
    let documented = world
        .get("/v1/users/")
        .to(To::Gateway)
        .header("x-access-client-id", &acme.client_id.to_string())
        .header("x-access-secret", key.secret.expose())
        .send()
        .await;
    assert_eq!(documented.status, StatusCode::UNAUTHORIZED);
    let rows = logs(&world, &acme).await.rows;
    let shown = format!("{rows:?}");
    assert!(!shown.contains(key.secret.expose()), "{shown}");
}
