//! What an operator revokes is refused on the very next request: tokens, members, passwords, sessions and keys.

use accounts::{Scope, Scopes};
use http::{Method, StatusCode};
use model::{Actor, Environment};
use serde_json::{Value, json};

use crate::world::{Answer, PASSWORD, To, World};

async fn token(world: &World, name: &str, scopes: &[Scope]) -> String {
    let accounts = &world.running().services.core.accounts;
    let token = accounts
        .create_operator_token(name, Scopes::new(scopes.to_vec()), &Actor::command_line())
        .await;
    token.expect("a token").text().as_str().to_owned()
}

/// The operator's backend.
struct Backend<'w> {
    world: &'w World,
    token: String,
}

impl Backend<'_> {
    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let ask = self.world.ask(method, path).to(To::Operator).bearer(&self.token);
        match body {
            Some(body) => ask.json(&body).send().await,
            None => ask.send().await,
        }
    }

    async fn list(&self, path: &str) -> Vec<Value> {
        let answer = self.ask(Method::GET, path, None).await;
        assert_eq!(
            (answer.status, answer.header("cache-control")),
            (StatusCode::OK, "no-store"),
            "{path}: {answer:?}"
        );
        answer.json().as_array().expect("a list").clone()
    }

    async fn delete(&self, path: &str) -> Answer {
        self.ask(Method::DELETE, path, None).await
    }
}

fn field<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name]
        .as_str()
        .unwrap_or_else(|| panic!("{name} in {value}"))
}

#[tokio::test]
async fn a_revoked_token_is_refused_on_its_next_request_and_can_revoke_itself() {
    let world = World::start().await;
    let backend = Backend {
        world: &world,
        token: token(&world, "security", &[Scope::Tokens]).await,
    };
    let leaked = Backend {
        world: &world,
        token: token(&world, "leaked", &[Scope::Companies]).await,
    };
    leaked.list("/operator/v1/companies").await;
    let tokens = backend.list("/operator/v1/tokens").await;
    let id_of = |name: &str| {
        let found = tokens.iter().find(|token| token["name"] == name);
        field(found.expect("listed"), "token_id").to_owned()
    };
    assert!(tokens.iter().all(|token| token.get("token").is_none()));
    let revoked = backend
        .delete(&format!("/operator/v1/tokens/{}", id_of("leaked")))
        .await;
    assert_eq!(revoked.status, StatusCode::OK, "{revoked:?}");
    let refused = leaked.ask(Method::GET, "/operator/v1/companies", None).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    let own = format!("/operator/v1/tokens/{}", id_of("security"));
    assert_eq!(backend.delete(&own).await.status, StatusCode::OK);
    assert_eq!(backend.delete(&own).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn no_token_can_create_a_token() {
    let world = World::start().await;
    let backend = Backend {
        world: &world,
        token: token(&world, "all", &Scope::ALL).await,
    };
    let tokens = backend.list("/operator/v1/tokens").await;
    let own = format!("/operator/v1/tokens/{}", field(&tokens[0], "token_id"));
    let wish = json!({ "name": "wider", "scopes": ["keys"], "scope": "keys" });
    for path in ["/operator/v1/tokens", own.as_str()] {
        for method in [Method::POST, Method::PUT, Method::PATCH] {
            let answer = backend.ask(method.clone(), path, Some(wish.clone())).await;
            assert!(
                [StatusCode::NOT_FOUND, StatusCode::METHOD_NOT_ALLOWED].contains(&answer.status),
                "{method} {path}: {}",
                answer.status
            );
        }
    }
    assert_eq!(backend.list("/operator/v1/tokens").await, tokens);
}

#[tokio::test]
async fn a_removed_member_is_signed_out_at_once() {
    let world = World::start().await;
    let acme = world.acme("Acme").await;
    let backend = Backend {
        world: &world,
        token: token(&world, "backend", &[Scope::Members]).await,
    };
    let page = format!("/c/{}/development/keys", acme.client_id);
    let is_in = async |cookie: &str| world.get(&page).cookie(cookie).send().await.status == StatusCode::OK;
    assert!(is_in(&acme.owner).await && is_in(&acme.viewer).await);
    let members = backend
        .list(&format!("/operator/v1/members?client_id={}", acme.client_id))
        .await;
    assert_eq!(members.len(), 2);
    let owner = members
        .iter()
        .find(|member| member["role"] == "owner")
        .expect("listed");
    let path = format!("/operator/v1/members/{}", field(owner, "member_id"));
    let removed = backend.delete(&path).await;
    assert_eq!(removed.status, StatusCode::OK, "{removed:?}");
    assert!(!is_in(&acme.owner).await && is_in(&acme.viewer).await);
    assert_eq!(backend.delete(&path).await.status, StatusCode::NOT_FOUND);
    let form = [("email", field(owner, "email")), ("password", PASSWORD)];
    let again = world.ask(Method::POST, "/sign-in").form(&form).send().await;
    assert_eq!(again.header("location"), "/sign-in?error=credentials");
}

#[tokio::test]
async fn setting_a_password_ends_sessions_and_a_session_can_be_revoked() {
    let world = World::start().await;
    let (_, client_id) = world.company("Acme").await;
    let backend = Backend {
        world: &world,
        token: token(&world, "backend", &[Scope::Members]).await,
    };
    let new =
        json!({ "client_id": client_id, "email": "ana@example.com", "role": "owner", "password": PASSWORD });
    let created = backend
        .ask(Method::POST, "/operator/v1/members", Some(new.clone()))
        .await;
    assert_eq!(
        (created.status, &created.json()["password"]),
        (StatusCode::CREATED, &Value::Null)
    );
    let member = field(&created.json(), "member_id").to_owned();
    let again = backend.ask(Method::POST, "/operator/v1/members", Some(new)).await;
    assert_eq!(again.status, StatusCode::CONFLICT, "{again:?}");

    let (stolen, own) = (
        world.sign_in("ana@example.com").await,
        world.sign_in("ana@example.com").await,
    );
    let page = format!("/c/{client_id}/development/keys");
    let is_in = async |cookie: &str| world.get(&page).cookie(cookie).send().await.status == StatusCode::OK;
    let sessions = backend.list("/operator/v1/sessions?email=ana@example.com").await;
    assert_eq!((sessions.len(), field(&sessions[0], "address")), (2, "127.0.0.1"));
    let mut revoked = 0;
    for session in &sessions {
        let path = format!("/operator/v1/sessions/{}", field(session, "session_id"));
        assert_eq!(backend.delete(&path).await.status, StatusCode::OK);
        revoked += 1;
        assert_eq!(
            [is_in(&stolen).await, is_in(&own).await]
                .iter()
                .filter(|is_in| **is_in)
                .count(),
            2 - revoked,
            "each revocation ends one session"
        );
        assert_eq!(backend.delete(&path).await.status, StatusCode::NOT_FOUND);
    }

    let cookie = world.sign_in("ana@example.com").await;
    let path = format!("/operator/v1/members/{member}/password");
    let set = backend.ask(Method::PUT, &path, Some(json!({}))).await;
    assert_eq!(set.json()["sessions_ended"], "1", "{set:?}");
    assert!(!is_in(&cookie).await);
    let made = field(&set.json(), "password").to_owned();
    for (password, location) in [(PASSWORD, "/sign-in?error=credentials"), (made.as_str(), "/")] {
        let form = [("email", "ana@example.com"), ("password", password)];
        let answer = world.ask(Method::POST, "/sign-in").form(&form).send().await;
        assert_eq!(answer.header("location"), location);
    }
    let out = backend
        .delete(&format!("/operator/v1/members/{member}/sessions"))
        .await;
    assert_eq!(out.json()["sessions_ended"], "1", "{out:?}");
    for short in [
        json!({ "password": "short" }),
        json!([]),
        json!({ "password": 7 }),
    ] {
        let refused = backend.ask(Method::PUT, &path, Some(short)).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{refused:?}");
    }
}

#[tokio::test]
async fn keys_are_listed_without_their_secrets_and_deleted_by_id() {
    let world = World::start().await;
    let (id, client_id) = world.company("Acme").await;
    let key = world.key(id, Environment::Prod).await;
    let backend = Backend {
        world: &world,
        token: token(&world, "backend", &[Scope::Keys, Scope::Companies]).await,
    };
    let companies = backend.list("/operator/v1/companies").await;
    assert_eq!(field(&companies[0], "client_id"), client_id.to_string());
    let list = format!("/operator/v1/keys?client_id={client_id}");
    let keys = backend.list(&list).await;
    assert_eq!((keys.len(), field(&keys[0], "env_type")), (1, "prod"));
    assert!(!keys[0].to_string().contains(key.secret.expose()));
    let path = format!("/operator/v1/keys/{}", field(&keys[0], "key_id"));
    assert_eq!(backend.delete(&path).await.status, StatusCode::OK);
    let call = world
        .get("/v1/users/")
        .to(To::Gateway)
        .header("x-access-client-id", &client_id.to_string())
        .header("x-access-secret", key.secret.expose());
    assert_eq!(call.send().await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(backend.delete(&path).await.status, StatusCode::NOT_FOUND);
    assert!(backend.list(&list).await.is_empty());
    for faulty in [
        "/operator/v1/keys",
        "/operator/v1/members",
        "/operator/v1/members?client_id=x",
    ] {
        let missing_scope = faulty.contains("members");
        let answer = backend.ask(Method::GET, faulty, None).await;
        let wanted = if missing_scope {
            StatusCode::FORBIDDEN
        } else {
            StatusCode::BAD_REQUEST
        };
        assert_eq!(answer.status, wanted, "{faulty}");
    }
}

#[tokio::test]
async fn a_keys_terms_are_changed_by_its_id_and_count_from_the_answer_on() {
    let world = World::start().await;
    let (id, client_id) = world.company("Acme").await;
    let key = world.key(id, Environment::Sandbox).await;
    let backend = Backend {
        world: &world,
        token: token(&world, "backend", &[Scope::Keys]).await,
    };
    let path = format!("/operator/v1/keys/{}", key.key.id);
    let change = async |body: Value| backend.ask(Method::PATCH, &path, Some(body)).await;
    let call = async |method: Method| {
        let call = world
            .ask(method, "/v1/webhooks/")
            .to(To::Gateway)
            .header("x-access-client-id", &client_id.to_string())
            .header("x-access-secret", key.secret.expose());
        call.send().await.status
    };
    assert_eq!(call(Method::GET).await, StatusCode::OK);
    let read_only = change(json!({ "read_only": true, "name": "Nightly" })).await;
    assert_eq!(
        (read_only.status, &read_only.json()["name"]),
        (StatusCode::OK, &json!("Nightly"))
    );
    assert_eq!(call(Method::GET).await, StatusCode::OK);
    assert_eq!(call(Method::DELETE).await, StatusCode::FORBIDDEN);
    let elsewhere = change(json!({ "networks": ["192.0.2.0/24"] })).await;
    assert_eq!(elsewhere.status, StatusCode::OK, "{elsewhere:?}");
    assert_eq!(call(Method::GET).await, StatusCode::FORBIDDEN);
    let anywhere = change(json!({ "networks": [], "read_only": false })).await;
    assert_eq!(anywhere.status, StatusCode::OK, "{anywhere:?}");
    assert_eq!(call(Method::GET).await, StatusCode::OK);
    for (faulty, field) in [
        (json!({ "readonly": true }), "readonly"),
        (json!({ "expires_at": "2001-01-01" }), "expires_at"),
        (json!({ "expires_at": "soon" }), "expires_at"),
        (json!({ "networks": ["10.0.0.0/40"] }), "networks"),
        (json!({ "requests_a_minute": 0 }), "requests_a_minute"),
        (json!({ "read_only": "yes" }), "read_only"),
    ] {
        let refused = change(faulty.clone()).await;
        let wrong = &refused.json()["error"]["extra"]["invalid-params"][0]["field"];
        assert_eq!(
            (refused.status, wrong),
            (StatusCode::BAD_REQUEST, &json!(field)),
            "{faulty}"
        );
    }
    assert_eq!(call(Method::GET).await, StatusCode::OK);
    let stranger = format!("/operator/v1/keys/{}", "0".repeat(32));
    let unknown = backend.ask(Method::PATCH, &stranger, Some(json!({}))).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
}

/// One click, or one call by a script in the page, must not break Production, whichever form it takes.
#[tokio::test]
async fn the_page_deletes_a_production_key_only_with_its_last_four() {
    let world = World::start().await;
    let acme = world.acme("Acme").await;
    for environment in [Environment::Prod, Environment::Sandbox] {
        let key = world.key(acme.id, environment).await.key;
        let form = format!("/c/{}/development/keys/{}/delete", acme.client_id, key.id);
        let (company, id) = (acme.client_id.to_string(), key.id.to_string());
        let delete = async |path: &str, typed: Option<&str>| {
            let mut fields = vec![("company", company.as_str()), ("key", id.as_str())];
            fields.extend(typed.map(|typed| ("last_four", typed)));
            let ask = world.ask(Method::POST, path).cookie(&acme.owner).form(&fields);
            ask.header("accept", "application/json").send().await.status
        };
        if environment == Environment::Prod {
            for path in ["/rpc/keys/delete_key", form.as_str()] {
                for typed in [None, Some(""), Some("0000x"), Some(&key.last_four[1..])] {
                    let refused = delete(path, typed).await;
                    assert!(refused.is_client_error(), "{path} with {typed:?}: {refused}");
                }
            }
            let status = delete("/rpc/keys/delete_key", Some(&key.last_four)).await;
            assert_eq!(status, StatusCode::OK);
        } else {
            assert_eq!(delete("/rpc/keys/delete_key", None).await, StatusCode::OK);
        }
        let gone = delete("/rpc/keys/delete_key", Some(&key.last_four)).await;
        assert_eq!(gone, StatusCode::NOT_FOUND);
    }
}
