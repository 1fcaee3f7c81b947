//! `gatehouse admin show-…` and `delete-company`, with a running server.

use http::StatusCode;
use model::{Environment, Role};

use crate::admin::admin;
use crate::world::{To, World};

#[tokio::test]
async fn everything_that_a_command_creates_can_be_shown_and_deleted() {
    let world = World::start().await;
    let dir = world.data_dir();
    let (acme, client_id) = world.company("Acme").await;
    world.member(client_id, "ana@example.com", Role::Owner).await;
    let key = world.key(acme, Environment::Sandbox).await;
    let client_id = client_id.to_string();
    let created = ["create-operator-token", "--name", "backend"];
    admin(dir, &created, "").await;

    let shown = admin(dir, &["show-company", "--client-id", &client_id], "").await;
    for (name, value) in [
        ("name", "Acme"),
        ("members", "1"),
        ("keys", "1"),
        ("webhooks", "0"),
        ("brands", "0"),
    ] {
        assert_eq!(shown[name], value, "{shown}");
    }
    let members = admin(dir, &["list-members", "--client-id", &client_id], "").await;
    let member = members[0]["member_id"].as_str().expect("an id");
    let shown = admin(dir, &["show-member", "--member-id", member], "").await;
    assert_eq!(
        (&shown["email"], &shown["company"]),
        (&"ana@example.com".into(), &"Acme".into())
    );
    let id = key.key.id.to_string();
    let shown = admin(dir, &["show-key", "--key-id", &id], "").await;
    assert_eq!(shown["last_four"], key.key.last_four.as_str());
    assert!(!shown.to_string().contains(key.secret.expose()));
    let tokens = admin(dir, &["list-operator-tokens"], "").await;
    let token = tokens[0]["token_id"].as_str().expect("an id");
    let shown = admin(dir, &["show-operator-token", "--token-id", token], "").await;
    assert_eq!(shown["name"], "backend");
    admin(dir, &["delete-operator-token", "--token-id", token], "").await;
    admin(dir, &["delete-member", "--member-id", member], "").await;
}

#[tokio::test]
async fn a_deleted_company_is_gone_with_its_keys_and_a_company_with_brands_is_not_deleted() {
    let world = World::start().await;
    let dir = world.data_dir();
    let acme = world.acme("Acme").await;
    let key = world.key(acme.id, Environment::Prod).await;
    let client_id = acme.client_id.to_string();
    let brand = ["create-company", "--name", "Kids", "--parent", &client_id];
    let brand = admin(dir, &brand, "").await["client_id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let delete = ["delete-company", "--client-id", &client_id, "--yes"];
    let output = crate::admin::gatehouse_fails(dir, &delete).await;
    assert!(
        output.contains("Acme has brands: Kids. Delete them first."),
        "{output}"
    );
    admin(dir, &["delete-company", "--client-id", &brand, "--yes"], "").await;
    let unconfirmed = crate::admin::gatehouse_fails(dir, &delete[..3]).await;
    assert!(
        unconfirmed.contains("This deletes Acme with 2 members, 1 active keys"),
        "{unconfirmed}"
    );
    let call = async || {
        let ask = world.get("/v1/things").to(To::Gateway);
        let ask = ask.header("x-access-client-id", &client_id);
        ask.header("x-access-secret", key.secret.expose())
            .send()
            .await
            .status
    };
    assert_ne!(call().await, StatusCode::UNAUTHORIZED);
    let deleted = admin(dir, &delete, "").await;
    assert_eq!(
        (&deleted["members"], &deleted["keys"]),
        (&"2".into(), &"1".into())
    );
    assert_eq!(call().await, StatusCode::UNAUTHORIZED);
    assert_eq!(admin(dir, &["list-companies"], "").await, serde_json::json!([]));
    let again = crate::admin::gatehouse_fails(dir, &delete).await;
    assert!(
        again.contains("There is no company with this client id"),
        "{again}"
    );
    let page = world
        .get(&format!("/c/{client_id}/development/keys"))
        .cookie(&acme.owner)
        .send()
        .await;
    assert_ne!(page.status, StatusCode::OK);
}
