//! `GET /operator/v1/requests`: the Logs page's filter for programs.

use accounts::{Scope, Scopes};
use http::{Method, StatusCode};
use model::{Actor, ClientId, Environment};
use serde_json::Value;

use crate::world::{Answer, To, World};

async fn token(world: &World, scope: Scope) -> String {
    let accounts = &world.running().services.core.accounts;
    let token = accounts
        .create_operator_token("test", Scopes::new(vec![scope]), &Actor::command_line())
        .await;
    token.expect("a token").text().as_str().to_owned()
}

async fn list(world: &World, token: &str, query: &str) -> Answer {
    let path = format!("/operator/v1/requests?{query}");
    world.get(&path).to(To::Operator).bearer(token).send().await
}

fn paths(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let body = answer.json();
    let rows = body["requests"].as_array().expect("a list");
    rows.iter()
        .map(|row| row["path"].as_str().expect("a path").to_owned())
        .collect()
}

/// A company with a brand: three requests of its own, one of the brand, and one with a deleted key.
struct Called {
    client_id: ClientId,
    brand: ClientId,
    last_four: String,
    deleted: String,
}

async fn call(world: &World) -> Called {
    let (company, client_id) = world.company("Acme").await;
    let accounts = &world.running().services.core.accounts;
    let brand = accounts
        .create_company("Acme East", Some(client_id), &Actor::command_line())
        .await
        .expect("a brand");
    let keys = &world.running().services.core.keys;
    keys.company_changed().await.expect("is loaded");
    let key = world.key(company, Environment::Sandbox).await;
    let other = world.key(company, Environment::Sandbox).await;
    keys.delete_by_id(other.key.id, None, &Actor::command_line())
        .await
        .expect("is deleted");
    let ask = |path: &str, secret: &str| {
        let ask = world.ask(Method::GET, path).to(To::Gateway);
        ask.header("x-access-client-id", &client_id.to_string())
            .header("x-access-secret", secret)
    };
    for page in 1..=3 {
        ask(&format!("/v1/webhooks/?page={page}"), key.secret.expose())
            .send()
            .await;
    }
    let of_brand = ask("/v1/webhooks/?of=brand", key.secret.expose());
    of_brand
        .header("x-brand-id", &brand.client_id.to_string())
        .send()
        .await;
    ask("/v1/users/?%3Cb%3E", other.secret.expose()).send().await;
    world.running().services.recorder.flush().await;
    Called {
        client_id,
        brand: brand.client_id,
        last_four: key.key.last_four,
        deleted: other.key.last_four,
    }
}

#[tokio::test]
async fn a_program_lists_requests_by_the_words_of_the_page() {
    let world = World::start().await;
    let called = call(&world).await;
    let token = token(&world, Scope::Logs).await;
    let of = |query: &str| format!("client_id={}&{query}", called.client_id);
    let all = [
        "/v1/users/?%3Cb%3E",
        "/v1/webhooks/?of=brand",
        "/v1/webhooks/?page=3",
        "/v1/webhooks/?page=2",
        "/v1/webhooks/?page=1",
    ];
    assert_eq!(paths(&list(&world, &token, &of("")).await), all);
    for (query, places) in [
        ("range=1h&method=GET", &[0, 1, 2, 3, 4][..]),
        ("brand=own", &[0, 2, 3, 4]),
        ("brand=ACME+East", &[1]),
        (&format!("brand={}", called.brand), &[1]),
        ("-brand=Acme%20East&path=page%3D2&path=page%3D3", &[2, 3]),
        ("verdict=deleted_key", &[0]),
        ("-verdict=deleted_key&-path=page", &[1]),
        (&format!("key={}", called.deleted), &[0]),
        (&format!("-key={}&brand=own", called.last_four), &[0]),
        ("status=401", &[0]),
        ("recorded=public_api&environment=sandbox", &[1, 2, 3, 4]),
        ("status=%3C400", &[1, 4]),
        ("q=verdict%3Adeleted_key+-ip%3A192.0.2.1", &[0]),
        ("ip=192.0.2.1", &[]),
        ("duration=%3E1m", &[]),
        ("endpoint=/v1/webhooks/", &[1, 2, 3, 4]),
        ("-endpoint=/v1/webhooks/", &[0]),
        ("error=none&status=%3E%3D400", &[0, 2, 3]),
        ("error=absent", &[]),
        ("to=2020-01-01T00:00:00Z", &[]),
    ] {
        let expected: Vec<&str> = places.iter().map(|place| all[*place]).collect();
        assert_eq!(
            paths(&list(&world, &token, &of(query)).await),
            expected,
            "{query}"
        );
    }
    let rows = list(&world, &token, &of("")).await.json();
    assert_eq!(rows["requests"][0]["address"], "127.0.0.1");
    assert!(rows["requests"][0].get("user_agent").is_some(), "{rows}");
    let brand = format!("client_id={}", called.brand);
    assert_eq!(
        paths(&list(&world, &token, &brand).await),
        [all[1]],
        "a brand sees itself"
    );
}

/// The groups that a member of the company sees: each with its number of requests, as the page shows them.
async fn groups(world: &World, company: ClientId, owner: &str, view: &str) -> String {
    let path = format!("/c/{company}/development/logs?view={view}");
    let answer = world.get(&path).cookie(owner).send().await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    answer.body
}

#[tokio::test]
async fn groups_have_a_companys_requests_with_its_brands_and_a_brand_sees_its_own() {
    let world = World::start().await;
    let called = call(&world).await;
    let mut owners = Vec::new();
    for (company, email) in [
        (called.client_id, "parent@example.com"),
        (called.brand, "brand@example.com"),
    ] {
        world.member(company, email, model::Role::Owner).await;
        owners.push(world.sign_in(email).await);
    }
    for (view, parent_has, brand_has) in [
        (
            "endpoints",
            "2 endpoints in the last 24 hours",
            "1 endpoint in the last 24 hours",
        ),
        (
            "errors",
            "2 kinds of errors in the last 24 hours",
            "No request failed in the last 24 hours",
        ),
    ] {
        let parent = groups(&world, called.client_id, &owners[0], view).await;
        assert!(parent.contains(parent_has), "{view}: {parent}");
        let brand = groups(&world, called.brand, &owners[1], view).await;
        assert!(brand.contains(brand_has), "{view}: {brand}");
        assert!(!brand.contains("Deleted key"), "{brand}");
    }
    let errors = groups(&world, called.client_id, &owners[0], "errors").await;
    assert!(errors.contains("Deleted key") && errors.contains(&format!("…{} (deleted)", called.deleted)));
    let other = groups(&world, called.client_id, &owners[0], "endpoints&brand=own").await;
    assert!(other.contains("view=endpoints&amp;brand=own") || other.contains("brand=own&amp;view=endpoints"));
    let refused = world
        .get(&format!("/c/{}/development/logs?view=errors", called.client_id))
        .cookie(&owners[1])
        .send()
        .await;
    assert_eq!(
        refused.status,
        StatusCode::NOT_FOUND,
        "a brand does not see its parent"
    );
}

#[tokio::test]
async fn pages_follow_each_other_by_their_cursor_and_an_id_finds_its_request() {
    let world = World::start().await;
    let called = call(&world).await;
    let token = token(&world, Scope::Logs).await;
    let mut seen: Vec<Value> = Vec::new();
    let mut before = String::new();
    loop {
        let query = format!("client_id={}&limit=2{before}", called.client_id);
        let body = list(&world, &token, &query).await.json();
        assert_eq!(body["matching"], 5);
        seen.extend(body["requests"].as_array().expect("a list").iter().cloned());
        match body["before"].as_i64() {
            Some(seq) => before = format!("&before={seq}"),
            None => break,
        }
    }
    assert_eq!(seen.len(), 5);
    let row = &seen[0];
    assert_eq!(
        (
            &row["status"],
            &row["verdict"],
            &row["env_type"],
            &row["key_last_four"]
        ),
        (
            &401.into(),
            &"deleted_key".into(),
            &"sandbox".into(),
            &called.deleted.clone().into()
        )
    );
    assert_eq!(seen[1]["brand"], "Acme East");
    let id = row["request_id"].as_str().expect("an id");
    for (query, found) in [
        (format!("id={id}"), 1),
        (format!("id={id}&to=2020-01-01T00:00:00Z"), 1),
        (format!("id={id}&status=200"), 0),
        (format!("-id={id}"), 4),
        ("id=0123456789abcdef0123456789abcdef".to_owned(), 0),
    ] {
        let query = format!("client_id={}&{query}", called.client_id);
        assert_eq!(paths(&list(&world, &token, &query).await).len(), found, "{query}");
    }
    let (_, other) = world.company("Other").await;
    let query = format!("client_id={other}&id={id}");
    assert_eq!(
        paths(&list(&world, &token, &query).await).len(),
        0,
        "another company's id"
    );
}

#[tokio::test]
async fn every_wrong_parameter_is_named_and_only_the_logs_scope_may_ask() {
    let world = World::start().await;
    let (_, client_id) = world.company("Acme").await;
    let with_keys = token(&world, Scope::Keys).await;
    let refused = list(&world, &with_keys, &format!("client_id={client_id}")).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.body);
    let token = token(&world, Scope::Logs).await;
    let fields = async |query: &str| {
        let answer = list(&world, &token, query).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}: {}", answer.body);
        let faults = answer.json()["error"]["extra"]["invalid-params"].clone();
        let faults = faults.as_array().expect("a list").clone();
        faults
            .iter()
            .map(|fault| fault["field"].as_str().expect("a name").to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(fields("").await, ["client_id"]);
    assert_eq!(
        fields("statsu=500&status=9xx&limit=501&-range=7d&before=x&q=foo%3Abar").await,
        ["statsu", "-range", "status", "before", "q", "client_id", "limit"]
    );
    assert_eq!(
        fields("client_id=0123456789abcdef0123456789abcdef").await,
        ["client_id"]
    );
    let long = format!("client_id={client_id}&path={}", "x".repeat(8192));
    assert_eq!(fields(&long).await, ["path"]);
}
