//! `gatehouse admin import-keys`, with a running server: what another system's programs send is accepted at once.

use http::StatusCode;
use model::Environment;
use serde_json::{Value, json};

use crate::admin::admin;
use crate::world::{To, World};

const SECRET: &str = "sk_live_51Habc.def/ghi=";
const HASHED: &str = "sk_test_0123456789/xyz";
/// Of HASHED, by sha256sum.
const HASH: &str = "5e0e0376620d2b15a83de2b33c7ecd8654108ded7d4e333fc80d85f5d3011f1b";

fn line(client_id: &str, environment: &str, secret: &str) -> Value {
    json!({ "client_id": client_id, "environment": environment, "secret": secret })
}

async fn call(world: &World, client_id: &str, secret: &str) -> StatusCode {
    let ask = world.get("/v1/things").to(To::Gateway);
    let ask = ask.header("x-access-client-id", client_id);
    ask.header("x-access-secret", secret).send().await.status
}

async fn import(world: &World, lines: &[Value], apply: bool) -> Vec<(String, String)> {
    let file = world.data_dir().join("keys.jsonl");
    let text: Vec<String> = lines.iter().map(Value::to_string).collect();
    std::fs::write(&file, text.join("\n\n")).expect("written");
    let file = file.to_str().expect("a path");
    let mut arguments = vec!["import-keys", file];
    if apply {
        arguments.push("--apply");
    }
    let listed = admin(world.data_dir(), &arguments, "").await;
    let text = |one: &Value, name: &str| one[name].as_str().unwrap_or_default().to_owned();
    let listed = listed.as_array().expect("a list").iter();
    listed
        .map(|one| (text(one, "result"), text(one, "because")))
        .collect()
}

#[tokio::test]
async fn what_another_system_made_is_accepted_once_it_was_imported() {
    let world = World::start().await;
    let (acme, client_id) = world.company("Acme").await;
    let client_id = client_id.to_string();
    let made = world.key(acme, Environment::Sandbox).await;
    let hashed = json!({
        "client_id": "acct/Zebra#1", "company": "Zebra", "environment": "prod", "sha256": HASH, "last_four": "/xyz",
        "name": "Backend",
    });
    let lines = [
        line(&client_id, "prod", SECRET),
        hashed,
        line("acct/Zebra#1", "dev", "another secret with spaces"),
        // Sandbox has one key already.
        line(&client_id, "sandbox", "sk_sandbox_0000000001"),
        line(&client_id, "sandbox", "sk_sandbox_0000000002"),
        line("of no company", "prod", "sk_live_0000000003"),
        line(&client_id, "sandbox", made.secret.expose()),
    ];
    let results = |of: Vec<(String, String)>| of.into_iter().map(|(result, _)| result).collect::<Vec<_>>();
    let dry = import(&world, &lines, false).await;
    let (would, not) = ("would be imported".to_owned(), "not imported".to_owned());
    let expected = [&would, &would, &would, &not, &not, &not, &not].map(String::clone);
    assert_eq!(results(dry.clone()), expected);
    assert_eq!(dry[3].1, "Sandbox would have 3 keys, and has room for 2");
    assert!(dry[5].1.contains("name the company"), "{dry:?}");
    assert!(dry[6].1.contains("is there already"), "{dry:?}");
    assert_eq!(call(&world, &client_id, SECRET).await, StatusCode::UNAUTHORIZED);

    let done = import(&world, &lines, true).await;
    let imported = "imported".to_owned();
    assert_eq!(
        results(done.clone()),
        [&imported, &imported, &imported, &not, &not, &not, &not].map(String::clone)
    );
    assert!(done[1].1.contains("signs no webhooks"), "{done:?}");
    for (client_id, secret) in [
        (client_id.as_str(), SECRET),
        ("acct/Zebra#1", HASHED),
        ("acct/Zebra#1", "another secret with spaces"),
    ] {
        // There is no upstream, so what is accepted is not forwarded.
        let status = call(&world, client_id, secret).await;
        assert_ne!(status, StatusCode::UNAUTHORIZED, "{client_id}");
    }
    for (client_id, secret) in [
        ("acct/Zebra#1", SECRET),
        ("acct/zebra#1", HASHED),
        (client_id.as_str(), HASHED),
    ] {
        let status = call(&world, client_id, secret).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{client_id}");
    }
    // Once more, nothing is left to do.
    let again = import(&world, &lines[..3], true).await;
    assert_eq!(results(again), [&not, &not, &not].map(String::clone));
    assert_eq!(
        world
            .running()
            .services
            .core
            .accounts
            .companies()
            .await
            .expect("listed")
            .len(),
        2
    );
    let rows = world
        .running()
        .services
        .core
        .keys
        .list(acme)
        .await
        .expect("listed");
    assert_eq!(rows.iter().map(|group| group.keys.len()).sum::<usize>(), 2);
}

#[tokio::test]
async fn the_client_id_of_a_deleted_company_is_not_given_to_another() {
    let world = World::start().await;
    let accounts = &world.running().services.core.accounts;
    let (_, client_id) = world.company("Acme").await;
    let client_id = client_id.to_string();
    let mut named = line(&client_id, "prod", SECRET);
    named["company"] = json!("Acme again");
    admin(
        world.data_dir(),
        &["delete-company", "--client-id", &client_id, "--yes"],
        "",
    )
    .await;
    for apply in [false, true] {
        let listed = import(&world, &[named.clone()], apply).await;
        assert_eq!(listed[0].0, "not imported", "{listed:?}");
        assert!(listed[0].1.contains("was deleted"), "{listed:?}");
    }
    assert!(accounts.companies().await.expect("listed").is_empty());
}
