//! Invariant 12: everything that can be asked is asked here as somebody who may not. The lists come from the server itself,
//! so that a new route, page or server function without an answer here fails.

use std::any::TypeId;

use accounts::{Scope, Scopes};
use http::{Method, StatusCode};
use model::Actor;
use server::dashboard::{Who, page_paths, server_function_paths};
use server::routes::table;
use server::{dashboard, operator_api};

use crate::world::{Acme, Answer, Ask, To, World};

const AN_ID: &str = "00000000000000000000000000000001";

/// The path with another company's Client ID and ids of nothing.
fn fill(path: &str, company: &str) -> String {
    path.split('/')
        .map(|part| match part {
            "{company}" => company,
            "{page}" => "security",
            part if part.starts_with('{') => AN_ID,
            part => part,
        })
        .collect::<Vec<_>>()
        .join("/")
}

/// Every argument that any form or server function takes.
fn every_argument(company: &str) -> Vec<(&'static str, String)> {
    vec![
        ("company", company.to_owned()),
        ("environment", "sandbox".to_owned()),
        ("key", AN_ID.to_owned()),
        ("request", AN_ID.to_owned()),
        ("webhook", AN_ID.to_owned()),
        ("delivery", AN_ID.to_owned()),
        ("enabled", "false".to_owned()),
        ("event_type", "order-created".to_owned()),
        ("filter", String::new()),
        ("name", "x".to_owned()),
        ("webhook_url", "https://example.com/".to_owned()),
        ("role", "owner".to_owned()),
    ]
}

fn as_json(company: &str) -> serde_json::Value {
    let mut object: serde_json::Map<_, _> = every_argument(company)
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    let draft = serde_json::json!({
        "name": "x", "url": "https://example.com/", "environment": "sandbox", "events": "all", "enabled": true,
    });
    object.insert("draft".to_owned(), draft);
    object.into()
}

/// Asks as `cookie` says, with every argument in whatever form is understood.
async fn status(
    world: &World,
    method: &Method,
    path: &str,
    cookie: Option<&str>,
    company: &str,
) -> StatusCode {
    let arguments = every_argument(company);
    let pairs: Vec<(&str, &str)> = arguments
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    async fn with(cookie: Option<&str>, ask: Ask<'_>) -> Answer {
        match cookie {
            Some(cookie) => ask.cookie(cookie).send().await,
            None => ask.send().await,
        }
    }
    if *method == Method::GET {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let query = query.extend_pairs(pairs).finish();
        return with(cookie, world.get(&format!("{path}?{query}"))).await.status;
    }
    let answer = with(cookie, world.ask(method.clone(), path).form(&pairs)).await;
    // No answer to who asked: the function takes JSON.
    if answer.status != StatusCode::BAD_REQUEST {
        return answer.status;
    }
    with(cookie, world.ask(method.clone(), path).json(&as_json(company)))
        .await
        .status
}

async fn refused_on_the_dashboard(world: &World, route: &dashboard::Route, acme: &Acme, other: &Acme) {
    let (own, foreign) = (acme.client_id.to_string(), other.client_id.to_string());
    let ask = |cookie, company: &str| {
        let (path, company) = (fill(route.path, company), company.to_owned());
        async move { status(world, &route.method, &path, cookie, &company).await }
    };
    let name = format!("{} {}", route.method, route.path);
    match route.who {
        Who::Anyone(_) => {
            let known = ["POST /sign-in", "POST /sign-out", "POST /demo/enter"];
            assert!(
                known.contains(&name.as_str()),
                "{name} is open to everybody: is that meant?"
            );
        }
        Who::Member | Who::KeyManager | Who::WebhookManager => {
            assert_eq!(
                ask(None, &own).await,
                StatusCode::UNAUTHORIZED,
                "{name}: signed out"
            );
            assert_eq!(
                ask(Some(acme.owner.as_str()), &foreign).await,
                StatusCode::NOT_FOUND,
                "{name}: another company's"
            );
            assert_eq!(
                ask(Some(acme.owner.as_str()), AN_ID).await,
                StatusCode::NOT_FOUND,
                "{name}: nobody's"
            );
            if route.who != Who::Member {
                assert_eq!(
                    ask(Some(acme.viewer.as_str()), &own).await,
                    StatusCode::FORBIDDEN,
                    "{name}: a viewer"
                );
            }
        }
        Who::ApiKey => assert_eq!(
            ask(Some(acme.owner.as_str()), &own).await,
            StatusCode::UNAUTHORIZED,
            "{name}"
        ),
    }
}

async fn refused_to_operators(world: &World, route: &operator_api::Route) {
    let name = format!("{} {}", route.method, route.path);
    let ask = || {
        world
            .ask(route.method.clone(), &fill(route.path, AN_ID))
            .to(To::Operator)
            .json(&as_json(AN_ID))
    };
    match route.who {
        operator_api::Who::Anyone(_) => {
            let known = ["GET /metrics", "GET /healthz", "GET /readyz"];
            assert!(
                known.contains(&name.as_str()),
                "{name} is open to everybody: is that meant?"
            );
        }
        operator_api::Who::ApiKey => {
            assert_eq!(name, "GET /verify", "{name}: who asks, and how?");
            let call = world
                .get("/verify?environment=prod&profile=caddy")
                .to(To::Operator);
            let call = call
                .header("x-forwarded-method", "GET")
                .header("x-forwarded-uri", "/");
            assert_eq!(call.send().await.status, StatusCode::UNAUTHORIZED, "{name}");
        }
        operator_api::Who::Bearer(scope) => {
            assert_eq!(
                ask().send().await.status,
                StatusCode::UNAUTHORIZED,
                "{name}: no token"
            );
            let unknown = vault::Token::generate();
            assert_eq!(
                ask().bearer(&unknown.text()).send().await.status,
                StatusCode::UNAUTHORIZED,
                "{name}: unknown"
            );
            let others = Scopes::new(Scope::ALL.into_iter().filter(|other| *other != scope).collect());
            let accounts = &world.running().services.core.accounts;
            let token = accounts
                .create_operator_token("all but one", others, &Actor::command_line())
                .await;
            let answer = ask().bearer(&token.expect("a token").text()).send().await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{name}: without the scope");
        }
    }
}

#[tokio::test]
async fn every_route_refuses_those_who_may_not() {
    let world = World::start().await;
    let (acme, other) = (world.acme("Acme").await, world.acme("Other").await);
    let table = table();
    for route in &table.dashboard {
        refused_on_the_dashboard(&world, route, &acme, &other).await;
    }
    for route in &table.operator {
        refused_to_operators(&world, route).await;
    }
}

/// Neither router takes a row of the other listener: it would not compile.
#[test]
fn rows_of_the_two_listeners_have_different_types() {
    assert_ne!(
        TypeId::of::<dashboard::Route>(),
        TypeId::of::<operator_api::Route>()
    );
}

#[tokio::test]
async fn every_page_of_a_company_refuses_those_who_are_no_members() {
    const OPEN: [&str; 5] = ["/", "/sign-in", "/design", "/docs/{page}", "/docs"];
    let world = World::start().await;
    assert_eq!(
        world.get("/design").send().await.status,
        StatusCode::NOT_FOUND,
        "outside the demo"
    );
    let (acme, other) = (world.acme("Acme").await, world.acme("Other").await);
    let mut pages = 0;
    for path in page_paths() {
        if !path.starts_with("/c/{company}") {
            assert!(
                OPEN.contains(&path.as_str()),
                "{path} belongs to no company: is that meant?"
            );
            continue;
        }
        pages += 1;
        let signed_out = world.get(&fill(&path, &acme.client_id.to_string())).send().await;
        assert_eq!(signed_out.status, StatusCode::SEE_OTHER, "{path}: signed out");
        assert!(signed_out.header("location").starts_with("/sign-in"), "{path}");
        let answer = world
            .get(&fill(&path, &other.client_id.to_string()))
            .cookie(&acme.owner)
            .send()
            .await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}: another company's");
        assert!(!answer.body.contains("Other"), "{path} names the other company");
    }
    assert!(pages >= 8, "{pages} pages");
}

#[tokio::test]
async fn every_server_function_refuses_those_who_may_not() {
    const FOR_OWNERS: [&str; 14] = [
        "/rpc/webhooks/check",
        "/rpc/keys/generate_key",
        "/rpc/keys/reveal_key",
        "/rpc/keys/copy_key",
        "/rpc/keys/delete_key",
        "/rpc/webhooks/create",
        "/rpc/webhooks/change",
        "/rpc/webhooks/set_enabled",
        "/rpc/webhooks/delete",
        "/rpc/webhooks/send_test",
        "/rpc/webhooks/replay",
        "/rpc/webhooks/reveal_secret",
        "/rpc/webhooks/copy_secret",
        "/rpc/webhooks/rotate_secret",
    ];
    let world = World::start().await;
    let (acme, other) = (world.acme("Acme").await, world.acme("Other").await);
    let (own, foreign) = (acme.client_id.to_string(), other.client_id.to_string());
    let functions = server_function_paths();
    for path in FOR_OWNERS {
        assert!(
            functions.iter().any(|(known, _)| *known == path),
            "{path} is gone"
        );
    }
    for (path, method) in functions {
        if path == "/rpc/session/welcome" {
            let answer = world.get(path).send().await;
            assert!(
                answer.status == StatusCode::OK && answer.body.contains("\"companies\":[]"),
                "{answer:?}"
            );
            continue;
        }
        assert_eq!(
            status(&world, &method, path, None, &own).await,
            StatusCode::UNAUTHORIZED,
            "{path}: signed out"
        );
        let owner = Some(acme.owner.as_str());
        assert_eq!(
            status(&world, &method, path, owner, &foreign).await,
            StatusCode::NOT_FOUND,
            "{path}: another company's"
        );
        let viewer = status(&world, &method, path, Some(acme.viewer.as_str()), &own).await;
        let for_owners = FOR_OWNERS.contains(&path);
        assert_eq!(
            viewer == StatusCode::FORBIDDEN,
            for_owners,
            "{path}: a viewer gets {viewer}"
        );
    }
}
