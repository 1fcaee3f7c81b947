//! Sends every kind of wrong request to the public API and the operator API. Every response must have the documented
//! format, forbid caching, and declare its content type.

use accounts::{Scope, Scopes};
use http::{Method, StatusCode};
use model::{Actor, Environment};
use serde_json::{Value, json};
use server::operator_api::Who;
use server::routes::table;

use crate::world::{Answer, Ask, To, World};

const AN_ID: &str = "48427a36d43c4d5aa6324bc06c692456";

/// Asserts the format of contract section 2.1: `{"detail":"Not Found."}` for a 404, otherwise a code and a message, and
/// `extra` for a 400 that names fields.
fn assert_documented(answer: &Answer, what: &str) {
    assert_own(answer, what);
    if !answer.status.is_client_error() && !answer.status.is_server_error() {
        return;
    }
    assert_eq!(
        answer.header("content-type"),
        "application/json",
        "{what}: {}",
        answer.body
    );
    let body = answer.json();
    if answer.status == StatusCode::NOT_FOUND {
        assert_eq!(body, json!({ "detail": "Not Found." }), "{what}");
        return;
    }
    let error = &body["error"];
    for member in ["code", "message"] {
        assert!(
            error[member].as_str().is_some_and(|text| !text.is_empty()),
            "{what}: {body}"
        );
    }
    if error["code"] == "incorrect_parameters" {
        let faults = error["extra"]["invalid-params"]
            .as_array()
            .unwrap_or_else(|| panic!("{what}: {body}"));
        assert!(!faults.is_empty(), "{what}");
        for fault in faults {
            assert!(
                fault["field"].is_string() && fault["message"].is_string(),
                "{what}: {body}"
            );
        }
    }
    if answer.status == StatusCode::METHOD_NOT_ALLOWED {
        assert!(!answer.header("allow").is_empty(), "{what}");
    }
}

/// Asserts the headers that every response has, whether or not it is an error.
fn assert_own(answer: &Answer, what: &str) {
    assert_eq!(answer.header("cache-control"), "no-store", "{what}");
    assert_eq!(answer.header("x-content-type-options"), "nosniff", "{what}");
    assert!(!answer.header("vary").is_empty(), "{what}");
}

/// Requests that are each wrong in one way, for any route.
fn bad<'w>(ask: impl Fn() -> Ask<'w>) -> Vec<(&'static str, Ask<'w>)> {
    vec![
        ("no body", ask()),
        ("a form", ask().form(&[("name", "x")])),
        ("text", ask().header("content-type", "text/plain")),
        ("no JSON", ask().raw("{").header("content-type", "application/json")),
        ("no object", ask().json(&json!([1]))),
        ("nothing in it", ask().json(&json!({}))),
        ("nothing right in it", ask().json(&json!({
            "name": 1, "webhook_url": 2, "env_type": 3, "events": 4, "enabled": 5, "parent": 6, "client_id": 7,
            "event_type": 8, "payload": 9, "request_id": 10,
        }))),
        ("too large", ask().raw(&"x".repeat(3 << 20)).header("content-type", "application/json")),
        ("HTML wanted", ask().header("accept", "text/html")),
    ]
}

fn methods() -> [Method; 6] {
    [
        Method::GET,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::from_bytes(b"BREW").expect("a method"),
    ]
}

#[tokio::test]
async fn every_public_api_response_has_the_documented_format_on_both_listeners() {
    let world =
        World::start_with(|config| config.rate_limit = server::config::RateLimit::Requests(100_000)).await;
    let (company, client_id) = world.company("Acme").await;
    let secret = world.key(company, Environment::Sandbox).await.secret;
    let paths = [
        "/v1/webhooks/",
        "/v1/webhooks",
        "/v1/webhook-requests/",
        "/v1/webhooks/none/",
        "/v1/webhooks/a/b/",
        "/v1/webhooks/?page=9",
        "/v1/webhook-requests/?cursor=x&status_code=x",
    ]
    .map(str::to_owned);
    let one = format!("/v1/webhooks/{AN_ID}/");
    for to in [To::Gateway, To::Dashboard] {
        for path in paths.iter().chain([&one]) {
            for method in methods() {
                let ask = || world.ask(method.clone(), path).to(to);
                let refused = ask().send().await;
                assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{method} {path}");
                assert_documented(&refused, path);
                let ask = || {
                    ask()
                        .header("x-access-client-id", &client_id.to_string())
                        .header("x-access-secret", secret.expose())
                };
                for (wrong, ask) in bad(ask) {
                    let what = format!("{method} {path} on {to:?} with {wrong}");
                    let answer = ask.send().await;
                    assert!(!answer.status.is_server_error(), "{what}: {}", answer.status);
                    assert_documented(&answer, &what);
                }
            }
        }
    }
    for path in ["/v1", "/v1/", "/v1/users/"] {
        let answer = world.get(path).send().await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
        assert_documented(&answer, path);
        let elsewhere = world.get(path).header("host", "evil.example").send().await;
        assert_documented(&elsewhere, path);
    }
}

#[tokio::test]
async fn every_operator_api_response_has_the_documented_format() {
    let world = World::start().await;
    let scopes = Scopes::new(Scope::ALL.to_vec());
    let accounts = &world.running().services.core.accounts;
    let token = accounts
        .create_operator_token("backend", scopes, &Actor::command_line())
        .await
        .expect("a token");
    let token = token.text().as_str().to_owned();
    let mut paths: Vec<String> = table()
        .operator
        .iter()
        .filter(|route| matches!(route.who, Who::Bearer(_) | Who::ApiKey))
        .map(|route| fill(route.path))
        .collect();
    assert!(paths.len() >= 4, "{paths:?}");
    paths.extend(["/operator/v1/", "/operator/v1/nothing", "/operator", "/"].map(str::to_owned));
    for path in &paths {
        for method in methods() {
            let ask = || world.ask(method.clone(), path).to(To::Operator);
            assert_documented(&ask().send().await, &format!("{method} {path} without a token"));
            for (wrong, ask) in bad(|| ask().bearer(&token)) {
                let what = format!("{method} {path} with {wrong}");
                let answer = ask.send().await;
                assert!(!answer.status.is_server_error(), "{what}: {}", answer.status);
                assert_documented(&answer, &what);
                if wrong == "too large" && *path == "/operator/v1/events" && method == Method::POST {
                    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
                }
            }
        }
    }
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_own(&world.get(path).to(To::Operator).send().await, path);
        let posted = world.ask(Method::POST, path).to(To::Operator).send().await;
        assert_documented(&posted, path);
    }
}

fn fill(path: &str) -> String {
    let part = |part: &str| {
        if part.starts_with('{') {
            AN_ID.to_owned()
        } else {
            part.to_owned()
        }
    };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn one_response_names_every_error_in_an_operators_body() {
    let world = World::start().await;
    let scopes = Scopes::new(Scope::ALL.to_vec());
    let accounts = &world.running().services.core.accounts;
    let token = accounts
        .create_operator_token("backend", scopes, &Actor::command_line())
        .await
        .expect("a token");
    let fields = async |path: &str, body: Value| {
        let ask = world
            .ask(Method::POST, path)
            .to(To::Operator)
            .bearer(token.text().as_str());
        let answer = ask.json(&body).send().await;
        let faults = answer.json()["error"]["extra"]["invalid-params"].clone();
        let faults = faults
            .as_array()
            .cloned()
            .unwrap_or_else(|| panic!("{}", answer.body));
        faults
            .iter()
            .map(|fault| fault["field"].as_str().unwrap_or_default().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        fields("/operator/v1/companies", json!({ "name": 7, "parent": "x" })).await,
        ["name", "parent"]
    );
    assert_eq!(
        fields("/operator/v1/keys", json!({})).await,
        ["client_id", "env_type"]
    );
    assert_eq!(
        fields("/operator/v1/events", json!({ "request_id": 1 })).await,
        ["client_id", "env_type", "event_type", "payload", "request_id"]
    );
}
