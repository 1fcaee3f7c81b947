//! Invariant 12: calls everything that can be called as someone who may not. The lists come from the server itself, so
//! a new route, page or server function fails this test until it is covered here.

use std::any::TypeId;

use accounts::{Scope, Scopes};
use app::AppError;
use http::{Method, StatusCode};
use model::{Actor, Permission, Role};
use server::dashboard::{Who, page_paths, server_function_paths};
use server::routes::table;
use server::{dashboard, operator_api};

use crate::world::{Answer, Ask, To, World};

const AN_ID: &str = "00000000000000000000000000000001";

/// Fills the path with another company's Client ID and with ids that do not exist.
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

/// Every argument that any form or server function takes. None of them causes a name look-up.
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
        ("after", "0".to_owned()),
        ("name", "x".to_owned()),
        ("webhook_url", "https://10.0.0.1/".to_owned()),
        ("role", "owner".to_owned()),
        ("format", "csv".to_owned()),
        ("view", AN_ID.to_owned()),
        ("path", "/v1/users/".to_owned()),
        ("known", AN_ID.to_owned()),
    ]
}

fn as_json(company: &str) -> serde_json::Value {
    let mut object: serde_json::Map<_, _> = every_argument(company)
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    let draft = serde_json::json!({
        "name": "x", "url": "https://10.0.0.1/", "environment": "sandbox", "events": "all", "enabled": true,
    });
    object.insert("draft".to_owned(), draft);
    let fields = app::pages::key::KeyFields::default();
    let fields = serde_json::to_value(fields).expect("plain texts");
    object.insert("fields".to_owned(), fields);
    object.into()
}

/// Sends a request with this cookie and every argument, in whichever format the route reads.
async fn asked(world: &World, method: &Method, path: &str, cookie: Option<&str>, company: &str) -> Answer {
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
        return with(cookie, world.get(&format!("{path}?{query}"))).await;
    }
    let answer = with(cookie, world.ask(method.clone(), path).form(&pairs)).await;
    // A 400 says nothing about who is calling: the function takes JSON.
    if answer.status != StatusCode::BAD_REQUEST {
        return answer;
    }
    with(cookie, world.ask(method.clone(), path).json(&as_json(company))).await
}

/// A company with one signed-in member for each role.
struct Staffed {
    client_id: String,
    members: Vec<(Role, String)>,
}

impl Staffed {
    async fn new(world: &World, name: &str) -> Self {
        let (_, client_id) = world.company(name).await;
        let mut members = Vec::new();
        for role in Role::ALL.iter().copied() {
            let email = format!("{role}-{client_id}@example.com");
            world.member(client_id, &email, role).await;
            members.push((role, world.sign_in(&email).await));
        }
        Self {
            client_id: client_id.to_string(),
            members,
        }
    }

    fn cookies(&self) -> impl Iterator<Item = (Role, &str)> {
        self.members.iter().map(|(role, cookie)| (*role, cookie.as_str()))
    }
}

/// Calls the route without a session and as each member, in their own company and in others.
async fn refused_as_the_table_says(
    world: &World,
    (method, path): (&Method, &str),
    permission: Option<Permission>,
    (staffed, other): (&Staffed, &Staffed),
) {
    let ask = |cookie, company: &str| {
        let (path, company) = (fill(path, company), company.to_owned());
        async move { asked(world, method, &path, cookie, &company).await }
    };
    let nobody = ask(None, &staffed.client_id).await;
    assert_eq!(nobody.status, StatusCode::UNAUTHORIZED, "{path}: signed out");
    for (role, cookie) in staffed.cookies() {
        for company in [other.client_id.as_str(), AN_ID] {
            let answer = ask(Some(cookie), company).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}: {role} elsewhere");
        }
        // A permitted call may go on for ever, if it is a stream.
        let refused = permission.filter(|permission| !role.may(*permission));
        if permission.is_none() && path.starts_with("/live/") {
            continue;
        }
        let answer = ask(Some(cookie), &staffed.client_id).await;
        assert_eq!(
            answer.status == StatusCode::FORBIDDEN,
            refused.is_some(),
            "{path}: {role} gets {}",
            answer.status
        );
        if let Some(permission) = refused {
            let error = AppError::Forbidden { role, permission };
            let said = match path.starts_with("/rpc/") {
                true => answer.json() == serde_json::to_value(&error).expect("JSON"),
                false => answer.body.contains(&error.to_string()),
            };
            assert!(said, "{path}: {role} is told {}", answer.body);
        }
    }
}

async fn refused_on_the_dashboard(world: &World, route: &dashboard::Route, companies: (&Staffed, &Staffed)) {
    let name = format!("{} {}", route.method, route.path);
    let asks = (&route.method, route.path);
    match route.who {
        Who::Anyone(_) => {
            let known = ["POST /sign-in", "POST /sign-out", "POST /demo/enter"];
            assert!(
                known.contains(&name.as_str()),
                "{name} is open to everyone: is that intended?"
            );
        }
        Who::AnyMember => {
            assert_eq!(name, "GET /live/{company}", "{name}: whatever the role?");
            refused_as_the_table_says(world, asks, None, companies).await;
        }
        Who::Member(permission) => refused_as_the_table_says(world, asks, Some(permission), companies).await,
        Who::ApiKey => {
            for (role, cookie) in companies.0.cookies() {
                let path = fill(route.path, AN_ID);
                let answer = asked(world, &route.method, &path, Some(cookie), &companies.0.client_id).await;
                assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{name}: {role}");
            }
        }
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
            let known = [
                "GET /metrics",
                "GET /healthz",
                "GET /readyz",
                "POST /verify/completions",
            ];
            assert!(
                known.contains(&name.as_str()),
                "{name} is open to everyone: is that intended?"
            );
        }
        operator_api::Who::ApiKey => {
            assert_eq!(name, "GET /verify", "{name}: who calls it, and how?");
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
    let (staffed, other) = (
        Staffed::new(&world, "Acme").await,
        Staffed::new(&world, "Other").await,
    );
    let table = table();
    for route in &table.dashboard {
        refused_on_the_dashboard(&world, route, (&staffed, &other)).await;
    }
    for route in &table.operator {
        refused_to_operators(&world, route).await;
    }
}

/// A router does not accept a row of the other listener: that would not compile.
#[test]
fn rows_of_the_two_listeners_have_different_types() {
    assert_ne!(
        TypeId::of::<dashboard::Route>(),
        TypeId::of::<operator_api::Route>()
    );
}

#[tokio::test]
async fn every_page_of_a_company_refuses_people_who_are_not_members() {
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
                "{path} belongs to no company: is that intended?"
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

/// The permission each server function needs. `None` means that every member may call it.
const NEEDED: [(&str, Option<Permission>); 39] = {
    use Permission::{
        ManageKeys, ManageWebhooks, ReplayDeliveries, RevealKeys, RevealWebhookSecrets, SeeKeys, SeeLogs,
        SeeWebhooks,
    };
    [
        ("/rpc/company/context", None),
        ("/rpc/keys/list", Some(SeeKeys)),
        ("/rpc/keys/deletion_facts", Some(SeeKeys)),
        ("/rpc/keys/one", Some(SeeKeys)),
        ("/rpc/keys/deleted", Some(SeeKeys)),
        ("/rpc/keys/change", Some(ManageKeys)),
        ("/rpc/keys/check", Some(ManageKeys)),
        ("/rpc/keys/generate_key", Some(ManageKeys)),
        ("/rpc/keys/delete_key", Some(ManageKeys)),
        ("/rpc/keys/test_key", Some(RevealKeys)),
        ("/rpc/keys/reveal_key", Some(RevealKeys)),
        ("/rpc/keys/copy_key", Some(RevealKeys)),
        ("/rpc/keys/rotation", Some(SeeKeys)),
        ("/rpc/logs/list", Some(SeeLogs)),
        ("/rpc/logs/new", Some(SeeLogs)),
        ("/rpc/logs/draw", Some(SeeLogs)),
        ("/rpc/logs/vocabulary", Some(SeeLogs)),
        ("/rpc/logs/entry", Some(SeeLogs)),
        ("/rpc/logs/save_view", Some(SeeLogs)),
        ("/rpc/logs/rename_view", Some(SeeLogs)),
        ("/rpc/logs/delete_view", Some(SeeLogs)),
        ("/rpc/webhooks/list", Some(SeeWebhooks)),
        ("/rpc/webhooks/detail", Some(SeeWebhooks)),
        ("/rpc/webhooks/delivery", Some(SeeWebhooks)),
        ("/rpc/webhooks/deliveries", Some(SeeWebhooks)),
        ("/rpc/webhooks/deliveries_of_request", Some(SeeWebhooks)),
        ("/rpc/webhooks/delivery_neighbours", Some(SeeWebhooks)),
        ("/rpc/webhooks/delivery_news", Some(SeeWebhooks)),
        ("/rpc/webhooks/check", Some(ManageWebhooks)),
        ("/rpc/webhooks/create", Some(ManageWebhooks)),
        ("/rpc/webhooks/change", Some(ManageWebhooks)),
        ("/rpc/webhooks/set_enabled", Some(ManageWebhooks)),
        ("/rpc/webhooks/delete", Some(ManageWebhooks)),
        ("/rpc/webhooks/send_test", Some(ManageWebhooks)),
        ("/rpc/webhooks/reveal_secret", Some(RevealWebhookSecrets)),
        ("/rpc/webhooks/copy_secret", Some(RevealWebhookSecrets)),
        ("/rpc/webhooks/rotate_secret", Some(RevealWebhookSecrets)),
        ("/rpc/webhooks/replay", Some(ReplayDeliveries)),
        ("/rpc/webhooks/sign_delivery", Some(ReplayDeliveries)),
    ]
};

#[tokio::test]
async fn every_server_function_refuses_those_who_may_not() {
    let world = World::start().await;
    let (staffed, other) = (
        Staffed::new(&world, "Acme").await,
        Staffed::new(&world, "Other").await,
    );
    let functions = server_function_paths();
    for (path, _) in NEEDED {
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
        if path == "/rpc/webhooks/event_types" {
            // The help page lists them for anyone.
            let answer = world.get("/rpc/webhooks/event_types?brief=true").send().await;
            assert!(
                answer.status == StatusCode::OK && answer.body.contains("order-created"),
                "{answer:?}"
            );
            continue;
        }
        let needed = NEEDED.iter().find(|(known, _)| *known == path);
        let (_, permission) =
            needed.unwrap_or_else(|| panic!("{path} is new: which permission does it need?"));
        refused_as_the_table_says(&world, (&method, path), *permission, (&staffed, &other)).await;
    }
}
