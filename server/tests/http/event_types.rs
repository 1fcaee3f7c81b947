//! The catalogue of event types: the operator changes it by API and on the command line, and everything that names event
//! types follows.

use accounts::{Scope, Scopes};
use http::{Method, StatusCode};
use model::{Actor, Environment};
use serde_json::{Value, json};

use crate::public_webhooks::{Program, draft};
use crate::world::{Answer, To, World};

struct Operator<'w> {
    world: &'w World,
    token: String,
}

impl<'w> Operator<'w> {
    async fn new(world: &'w World) -> Self {
        let scopes = Scopes::new(vec![Scope::Events, Scope::EventTypes]);
        let accounts = &world.running().services.core.accounts;
        let token = accounts
            .create_operator_token("catalogue", scopes, &Actor::command_line())
            .await
            .expect("a token");
        Self {
            world,
            token: token.text().as_str().to_owned(),
        }
    }

    async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        let ask = self.world.ask(method, path).to(To::Operator).bearer(&self.token);
        match body {
            Some(body) => ask.json(body).send().await,
            None => ask.send().await,
        }
    }

    async fn publish(&self, program: &Program<'_>, event_type: &str) -> Answer {
        let event = json!({
            "client_id": program.client_id, "env_type": "sandbox", "event_type": event_type,
            "payload": { "link_id": "1" },
        });
        self.ask(Method::POST, "/operator/v1/events", Some(&event)).await
    }
}

const TYPES: &str = "/operator/v1/event-types";

#[tokio::test]
async fn a_type_that_the_operator_adds_can_be_used_and_one_that_is_removed_keeps_its_subscriptions() {
    let world = World::start().await;
    let operator = Operator::new(&world).await;
    let program = Program::new(&world, "Acme", Environment::Sandbox).await;
    let paid = json!({
        "group": "Invoices", "description": "An invoice was paid.",
        "sample": { "invoice": 7 }, "schema": { "type": "object" },
    });
    let path = format!("{TYPES}/invoice.paid");
    assert_eq!(
        operator.publish(&program, "invoice.paid").await.status,
        StatusCode::BAD_REQUEST
    );
    let put = operator.ask(Method::PUT, &path, Some(&paid)).await;
    assert_eq!(
        (put.status, &put.json()["sample"]),
        (StatusCode::CREATED, &paid["sample"]),
        "{put:?}"
    );

    let mut wanted = draft("https://hooks.example.com/paid");
    wanted["events"] = json!(["invoice.paid", "link-deleted"]);
    let made = program.post(&wanted).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    let published = operator.publish(&program, "invoice.paid").await;
    assert_eq!(
        (published.status, &published.json()["deliveries"]),
        (StatusCode::ACCEPTED, &json!(1))
    );

    let removed = operator.ask(Method::DELETE, &path, None).await;
    assert_eq!(
        (removed.status, &removed.json()["removed"]),
        (StatusCode::OK, &json!(true))
    );
    let refused = operator.publish(&program, "invoice.paid").await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert!(refused.body.contains("This is not an event type."), "{refused:?}");
    // It keeps the subscription, also where a program sends the list back.
    let made = made.json();
    let own = made["id"].as_str().expect("an id");
    let kept = program
        .patch(own, &json!({ "events": ["invoice.paid", "order-created"] }))
        .await;
    assert_eq!(
        (kept.status, &kept.json()["events"]),
        (StatusCode::OK, &json!(["invoice.paid", "order-created"]))
    );
    // A new subscription is refused, with the words for a type that was never there.
    wanted["webhook_url"] = json!("https://hooks.example.com/other");
    let refused = program.post(&wanted).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert!(
        refused
            .body
            .contains(r#"\"invoice.paid\" is not a valid choice."#),
        "{refused:?}"
    );
    // What was sent can still be looked for.
    let history = program.get("/v1/webhook-requests/?event_type=invoice.paid").await;
    assert_eq!(history.status, StatusCode::OK, "{history:?}");

    let again = operator.ask(Method::PUT, &path, Some(&paid)).await;
    assert_eq!(
        (again.status, &again.json()["removed"]),
        (StatusCode::OK, &json!(false))
    );
    assert_eq!(
        operator.publish(&program, "invoice.paid").await.status,
        StatusCode::ACCEPTED
    );
}

#[tokio::test]
async fn a_catalogue_that_was_read_can_be_sent_back_and_another_replaces_it() {
    let world = World::start().await;
    let operator = Operator::new(&world).await;
    let whole = operator.ask(Method::GET, TYPES, None).await.json();
    let documented = webhooks::event_types::documented().len();
    assert_eq!(whole["event_types"].as_array().expect("a list").len(), documented);
    let same = operator.ask(Method::PUT, TYPES, Some(&whole)).await;
    assert_eq!(
        (same.status, same.json()),
        (
            StatusCode::OK,
            json!({ "added": 0, "changed": 0, "removed": 0, "unchanged": documented })
        )
    );
    let other = json!({ "event_types": [
        { "event_type": "kyc_check.done", "group": "Checks", "description": "A check is done." },
        whole["event_types"][0],
    ] });
    let replaced = operator.ask(Method::PUT, TYPES, Some(&other)).await.json();
    assert_eq!(
        replaced,
        json!({ "added": 1, "changed": 0, "removed": documented - 1, "unchanged": 1 })
    );
    // The pages and the public API show the installation's own.
    let page = world.get("/docs/webhook-events").send().await.body;
    assert!(
        page.contains("A check is done.") && !page.contains("A link stopped working"),
        "{page}"
    );
    let program = Program::new(&world, "Acme", Environment::Sandbox).await;
    let made = program.post(&draft("https://hooks.example.com/")).await.json();
    assert_eq!(made["events"], json!(["order-created", "kyc_check.done"]));
}

#[tokio::test]
async fn what_is_wrong_with_a_type_is_named_and_nothing_is_changed() {
    let world = World::start().await;
    let operator = Operator::new(&world).await;
    let before = operator.ask(Method::GET, TYPES, None).await.body;
    let good = json!({ "group": "A", "description": "B" });
    for (path, member, value, field) in [
        ("Paid", "group", json!("A"), "event_type"),
        ("paid", "group", json!(""), "group"),
        ("paid", "description", json!(7), "description"),
        ("paid", "sample", json!([]), "sample"),
        ("paid", "sample", json!({ "webhook_id": 1 }), "sample"),
        ("paid", "schema", json!(7), "schema"),
        ("paid", "scheme", json!({}), "scheme"),
    ] {
        let mut body = good.clone();
        body[member] = value;
        let refused = operator
            .ask(Method::PUT, &format!("{TYPES}/{path}"), Some(&body))
            .await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{path} {body}");
        let named = &refused.json()["error"]["extra"]["invalid-params"][0]["field"];
        assert_eq!(named, field, "{path} {body}: {refused:?}");
    }
    for method in [Method::GET, Method::DELETE] {
        let missing = operator.ask(method, &format!("{TYPES}/paid"), None).await;
        assert_eq!(missing.status, StatusCode::NOT_FOUND);
    }
    assert_eq!(operator.ask(Method::GET, TYPES, None).await.body, before);
}
