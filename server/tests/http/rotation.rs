//! Rotations by the operator API and by command.

use accounts::{Scope, Scopes};
use http::{Method, StatusCode};
use model::{Actor, ClientId, Environment, GeneratedKey, SecretText};
use serde_json::{Value, json};

use crate::world::{Answer, To, World};

struct Operator<'w> {
    world: &'w World,
    token: String,
}

impl<'w> Operator<'w> {
    async fn of(world: &'w World, scope: Scope) -> Self {
        let accounts = &world.running().services.core.accounts;
        let token = accounts
            .create_operator_token("test", Scopes::new(vec![scope]), &Actor::command_line())
            .await;
        let token = token.expect("a token").text().as_str().to_owned();
        Self { world, token }
    }

    async fn send(&self, method: Method, path: &str, body: Value) -> Answer {
        let ask = self.world.ask(method, path).to(To::Operator);
        ask.bearer(&self.token).json(&body).send().await
    }
}

fn rotation(key: &GeneratedKey) -> String {
    format!("/operator/v1/keys/{}/rotation", key.key.id)
}

fn rotate(key: &GeneratedKey) -> String {
    format!("/operator/v1/keys/{}/rotate", key.key.id)
}

async fn call(world: &World, client_id: ClientId, secret: &str) -> StatusCode {
    let ask = world.get("/v1/things").to(To::Gateway);
    let ask = ask.header("x-access-client-id", &client_id.to_string());
    ask.header("x-access-secret", secret).send().await.status
}

#[tokio::test]
async fn a_token_rotates_a_key_and_sees_who_still_uses_the_old_one() {
    let world = World::start().await;
    let (id, client_id) = world.company("Acme").await;
    let old = world.key(id, Environment::Sandbox).await;
    let operator = Operator::of(&world, Scope::Keys).await;
    call(&world, client_id, old.secret.expose()).await;
    let made = operator
        .send(
            Method::POST,
            &rotate(&old),
            json!({ "delete_after_quiet": "12h" }),
        )
        .await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    let (made, old_id) = (made.json(), old.key.id.to_string());
    assert_eq!(made["old_key_id"], old_id);
    let secret = SecretText::new(made["secret"].as_str().expect("a secret"));

    let show = async || {
        operator
            .send(Method::GET, &rotation(&old), json!({}))
            .await
            .json()
    };
    test_wait::until("the log has the call", async || {
        show().await["used_from"][0]["requests"] == 1
    })
    .await;
    let report = show().await;
    assert_eq!(report["state"], "running", "{report}");
    assert_eq!(report["waits_for"], "new_key_unused");
    assert_eq!(report["delete_after_quiet_seconds"], 12 * 3600);
    assert_eq!(report["used_from"][0]["address"], "127.0.0.1");
    assert_eq!(report["used_from"][0]["path"], "/v1/things");
    assert_eq!(report["old_key_last_used"]["from"], "127.0.0.1");
    assert_eq!(report["new_key_last_used"], Value::Null);
    assert_eq!(report["pauses"]["log_gaps"], json!([]));
    assert_eq!(report["pauses"]["shortest_quiet_seconds"], 600, "the key is new");

    let early = operator
        .send(Method::PATCH, &rotation(&old), json!({ "delete_now": true }))
        .await;
    assert_eq!(early.status, StatusCode::CONFLICT, "{early:?}");
    assert!(
        early.body.contains("no request has used the new key yet"),
        "{early:?}"
    );
    let unknown_upstream = call(&world, client_id, secret.expose()).await;
    assert_ne!(unknown_upstream, StatusCode::UNAUTHORIZED);

    let cancelled = operator.send(Method::DELETE, &rotation(&old), json!({})).await;
    assert_eq!(cancelled.json()["state"], "cancelled", "{cancelled:?}");
    let resumed = operator
        .send(
            Method::PATCH,
            &rotation(&old),
            json!({ "resume": true, "delete_in": "7d" }),
        )
        .await;
    assert_eq!(resumed.json()["waits_for"], "moment", "{resumed:?}");
    let done = operator
        .send(Method::PATCH, &rotation(&old), json!({ "delete_now": true }))
        .await;
    assert_eq!(done.status, StatusCode::OK, "{done:?}");
    assert_eq!(
        call(&world, client_id, old.secret.expose()).await,
        StatusCode::UNAUTHORIZED
    );
    assert_ne!(
        call(&world, client_id, secret.expose()).await,
        StatusCode::UNAUTHORIZED
    );
    let report = show().await;
    assert_eq!(
        (&report["state"], &report["waits_for"]),
        (&json!("rotated"), &json!("has_ended"))
    );
    assert!(!report.to_string().contains(secret.expose()));
}

#[tokio::test]
async fn a_key_never_rotates_and_neither_does_a_token_without_the_scope() {
    let world = World::start().await;
    let (id, client_id) = world.company("Acme").await;
    let old = world.key(id, Environment::Sandbox).await;
    let others = Operator::of(&world, Scope::Logs).await;
    let without = others.send(Method::POST, &rotate(&old), json!({})).await;
    assert_eq!(without.status, StatusCode::FORBIDDEN, "{without:?}");
    let secret = old.secret.expose();
    for to in [To::Operator, To::Gateway, To::Dashboard] {
        let ask = world.ask(Method::POST, &rotate(&old)).to(to);
        let ask = ask.bearer(secret).json(&json!({}));
        let ask = ask.header("x-access-client-id", &client_id.to_string());
        let refused = ask.header("x-access-secret", secret).send().await;
        assert!(refused.status.is_client_error(), "{refused:?}");
    }
    let keys = &world.running().services.core.keys;
    assert_eq!(keys.list(id).await.expect("listed")[0].keys.len(), 1);
}

#[tokio::test]
async fn what_a_rotation_cannot_be_is_said() {
    let world = World::start().await;
    let (id, _) = world.company("Acme").await;
    let (old, other) = (
        world.key(id, Environment::Sandbox).await,
        world.key(id, Environment::Sandbox).await,
    );
    let operator = Operator::of(&world, Scope::Keys).await;
    let two = operator.send(Method::POST, &rotate(&old), json!({})).await;
    assert_eq!(two.status, StatusCode::CONFLICT);
    assert!(
        two.body.contains("Two keys are active in Sandbox") && two.body.contains(&other.key.last_four),
        "{two:?}"
    );
    let none = operator.send(Method::GET, &rotation(&old), json!({})).await;
    assert_eq!(none.status, StatusCode::NOT_FOUND);
    for (body, field) in [
        (json!({ "delete_in": "tomorrow" }), "delete_in"),
        (json!({ "delete_at": "2020-01-01T00:00:00Z" }), "delete_at"),
        (json!({ "delete_after_quiet": "1m" }), "delete_after_quiet"),
        (
            json!({ "delete_in": "1h", "delete_after_quiet": "auto" }),
            "delete_after_quiet",
        ),
        (json!({ "delete": "1h" }), "delete"),
    ] {
        let refused = operator.send(Method::POST, &rotate(&old), body.clone()).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{body}");
        let fields = &refused.json()["error"]["extra"]["invalid-params"];
        assert_eq!(fields[0]["field"], field, "{body}: {fields}");
    }
}
