//! A key's own page and its forms, as a browser without scripts uses them, and what must be confirmed or named first.

use http::{Method, StatusCode};
use keys::{KeyChange, Setting};
use model::{Actor, Environment, GeneratedKey};
use serde_json::json;

use crate::world::{Acme, Answer, To, World};

async fn call(world: &World, acme: &Acme, key: &GeneratedKey) -> StatusCode {
    let call = world
        .get("/v1/users/")
        .to(To::Gateway)
        .header("x-access-client-id", &acme.client_id.to_string())
        .header("x-access-secret", key.secret.expose());
    call.send().await.status
}

/// A page of the company, under `keys`.
async fn page(world: &World, acme: &Acme, rest: &str) -> Answer {
    let path = format!("/c/{}/development/keys{rest}", acme.client_id);
    let page = world.get(&path).cookie(&acme.owner).send().await;
    assert_eq!(page.status, StatusCode::OK, "{rest}");
    page
}

/// Waits until the page says so: the log is written in the background.
async fn page_with(world: &World, acme: &Acme, rest: &str, wanted: &str) -> String {
    for _ in 0..500 {
        let page = page(world, acme, rest).await;
        if page.body.contains(wanted) {
            return page.body;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("the page never says {wanted}");
}

/// Posts a form of the key's page. Returns where it leads.
async fn change(world: &World, acme: &Acme, key: &GeneratedKey, fields: &[(&str, &str)]) -> String {
    let path = format!("/c/{}/development/keys/{}/change", acme.client_id, key.key.id);
    let ask = world.ask(Method::POST, &path).cookie(&acme.owner);
    let answer = ask.form(fields).send().await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{answer:?}");
    let keys = format!("/c/{}/development/keys", acme.client_id);
    let led = answer.header("location").to_owned();
    led.strip_prefix(&keys).expect("a page of the keys").to_owned()
}

#[tokio::test]
async fn a_keys_own_page_says_how_much_it_is_used_from_where_and_what_was_set() {
    let world = World::start().await;
    let acme = world.acme("Acme").await;
    let key = world.key(acme.id, Environment::Sandbox).await;
    let own = format!("/{}", key.key.id);
    let list = page(&world, &acme, "").await.body;
    assert!(
        list.contains(&format!("/development/keys/{}\"", key.key.id)),
        "the row leads to it"
    );
    let unused = page(&world, &acme, &own).await.body;
    assert!(
        unused.contains("Never used") && unused.contains("No requests"),
        "{unused}"
    );
    for _ in 0..3 {
        call(&world, &acme, &key).await;
    }
    let used = page_with(&world, &acme, &own, "3 requests").await;
    for wanted in [
        "GET /v1/users/",
        "127.0.0.1",
        "Requests in each half hour of the last 24 hours; at most 3.",
        &format!("/development/logs?key={}", key.key.id),
        "command line",
    ] {
        assert!(used.contains(wanted), "{wanted}");
    }
    assert!(!used.contains(key.secret.expose()));
    let other = world.acme("Other").await;
    let path = format!("/c/{}/development/keys{own}", other.client_id);
    let foreign = world.get(&path).cookie(&other.owner).send().await;
    assert_eq!(foreign.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_form_saves_its_part_or_comes_back_with_what_is_wrong() {
    let world = World::start().await;
    let acme = world.acme("Acme").await;
    let key = world.key(acme.id, Environment::Sandbox).await;
    let own = format!("/{}", key.key.id);
    let terms = async || {
        let keys = &world.running().services.core.keys;
        keys.find(key.key.id).await.expect("active").terms
    };
    let name = [("part", "name"), ("name", " Billing "), ("note", "a\r\nb")];
    assert_eq!(
        change(&world, &acme, &key, &name).await,
        format!("{own}?saved=name")
    );
    assert_eq!(
        (terms().await.name, terms().await.note),
        ("Billing".to_owned(), "a\nb".to_owned())
    );
    let saved = page(&world, &acme, &format!("{own}?saved=name")).await.body;
    assert!(
        saved.contains("Name and note saved.") && saved.contains("<h1 class=\"\">Billing"),
        "{saved}"
    );
    for (fields, message) in [
        (
            vec![("part", "expiry"), ("expires_at", "2001-01-01T00:00")],
            "This moment has passed.",
        ),
        (
            vec![("part", "expiry"), ("expires_at", "soon")],
            "Enter a date and a time",
        ),
        (
            vec![("part", "deletion"), ("delete", "at"), ("delete_at", "")],
            "Enter a date and a time",
        ),
        (
            vec![("part", "limits"), ("networks", "10.0.0.1/8")],
            "has bits after its prefix",
        ),
        (
            vec![("part", "limits"), ("requests_a_minute", "many")],
            "Enter a whole number.",
        ),
    ] {
        let before = terms().await;
        let led = change(&world, &acme, &key, &fields).await;
        assert!(!led.contains("saved"), "{led}");
        let again = page(&world, &acme, &led).await.body;
        assert!(again.contains(message), "{message}");
        let (name, value) = fields.last().expect("a field");
        assert!(
            value.is_empty() || again.contains(*value),
            "{name} is as it was entered"
        );
        assert_eq!(terms().await, before);
    }
    let soon = [("part", "deletion"), ("delete", "24h")];
    assert_eq!(
        change(&world, &acme, &key, &soon).await,
        format!("{own}?saved=deletion")
    );
    assert!(terms().await.delete_at.is_some());
    let list = page(&world, &acme, "").await.body;
    assert!(
        list.contains("A key ends") && list.contains("It is the last key of Sandbox"),
        "{list}"
    );
    let never = [("part", "deletion"), ("delete", "never"), ("delete_at", "")];
    change(&world, &acme, &key, &never).await;
    assert_eq!(terms().await.delete_at, None);
}

#[tokio::test]
async fn an_allow_list_names_whom_it_shuts_out_before_it_is_saved() {
    let world = World::start().await;
    let acme = world.acme("Acme").await;
    let key = world.key(acme.id, Environment::Sandbox).await;
    let own = format!("/{}", key.key.id);
    let allowed = call(&world, &acme, &key).await;
    page_with(&world, &acme, &own, "1 request").await;
    let elsewhere = [("part", "limits"), ("networks", "192.0.2.0/24")];
    let led = change(&world, &acme, &key, &elsewhere).await;
    let asks = page(&world, &acme, &led).await.body;
    for wanted in ["This shuts out 1 address", "127.0.0.1", "Save anyway"] {
        assert!(asks.contains(wanted), "{wanted}");
    }
    assert_eq!(call(&world, &acme, &key).await, allowed, "nothing was saved");
    let other = [
        ("part", "limits"),
        ("networks", "198.51.100.0/24"),
        ("anyway", "192.0.2.0/24"),
    ];
    let led = change(&world, &acme, &key, &other).await;
    assert!(
        !led.contains("saved"),
        "what was confirmed was confirmed for other networks: {led}"
    );
    let around = [("part", "limits"), ("networks", "127.0.0.0/8, 192.0.2.0/24")];
    let led = change(&world, &acme, &key, &around).await;
    assert_eq!(led, format!("{own}?saved=limits"), "no one is shut out");
    let anyway = [
        ("part", "limits"),
        ("networks", "192.0.2.0/24"),
        ("anyway", "192.0.2.0/24"),
    ];
    let led = change(&world, &acme, &key, &anyway).await;
    assert_eq!(led, format!("{own}?saved=limits"));
    assert_eq!(call(&world, &acme, &key).await, StatusCode::FORBIDDEN);
    let read_only = [
        ("part", "limits"),
        ("networks", "192.0.2.0/24"),
        ("read_only", "true"),
    ];
    let led = change(&world, &acme, &key, &read_only).await;
    assert_eq!(led, format!("{own}?saved=limits"), "it was shut out before");
}

#[tokio::test]
async fn a_production_key_gets_a_name_before_it_is_made_whichever_way_the_page_asks() {
    let world = World::start().await;
    let acme = world.acme("Acme").await;
    let form = format!("/c/{}/development/keys/generate", acme.client_id);
    let company = acme.client_id.to_string();
    let ask = async |path: &str, environment: &str, name: Option<&str>| {
        let mut fields = vec![("company", company.as_str()), ("environment", environment)];
        fields.extend(name.map(|name| ("name", name)));
        let ask = world.ask(Method::POST, path).cookie(&acme.owner).form(&fields);
        ask.header("accept", "application/json").send().await.status
    };
    for path in [form.as_str(), "/rpc/keys/generate_key"] {
        for name in [None, Some(""), Some("  ")] {
            assert_eq!(
                ask(path, "prod", name).await,
                StatusCode::BAD_REQUEST,
                "{path} {name:?}"
            );
        }
        assert_eq!(ask(path, "prod", Some("Billing")).await, StatusCode::OK, "{path}");
        assert_eq!(ask(path, "sandbox", None).await, StatusCode::OK, "{path}");
    }
    let list = page(&world, &acme, "").await.body;
    assert_eq!(list.matches(">Billing<").count(), 2, "{list}");
    let asks = page(&world, &acme, "/new?environment=prod").await.body;
    assert!(
        asks.contains("New Production key") && asks.contains("name=\"name\""),
        "{asks}"
    );
}

#[tokio::test]
async fn the_last_key_of_an_environment_with_traffic_is_deleted_only_with_its_last_four() {
    let world = World::start().await;
    let acme = world.acme("Acme").await;
    let scopes = accounts::Scopes::new(vec![accounts::Scope::Keys]);
    let accounts = &world.running().services.core.accounts;
    let token = accounts
        .create_operator_token("backend", scopes, &Actor::command_line())
        .await
        .expect("a token");
    for environment in Environment::ALL {
        let key = world.key(acme.id, environment).await;
        let last_four = key.key.last_four.clone();
        call(&world, &acme, &key).await;
        let operator = format!("/operator/v1/keys/{}", key.key.id);
        let form = format!("/c/{}/development/keys/{}/delete", acme.client_id, key.key.id);
        let asks = page(&world, &acme, &format!("/{}/delete", key.key.id)).await.body;
        assert!(
            asks.contains(&format!("Type {last_four} to delete the")),
            "{environment}"
        );
        for typed in ["", "zzzz"] {
            let path = format!("{operator}?last_four={typed}");
            let by_operator = world.ask(Method::DELETE, &path).to(To::Operator);
            let by_operator = by_operator.bearer(&token.text()).send().await;
            assert_eq!(
                by_operator.status,
                StatusCode::BAD_REQUEST,
                "{environment} {typed}"
            );
            let by_form = world.ask(Method::POST, &form).cookie(&acme.owner);
            let by_form = by_form.form(&[("last_four", typed)]).send().await;
            assert_eq!(by_form.status, StatusCode::BAD_REQUEST, "{environment} {typed}");
            let (company, id) = (acme.client_id.to_string(), key.key.id.to_string());
            let fields = [("company", company.as_str()), ("key", &id), ("last_four", typed)];
            let by_call = world
                .ask(Method::POST, "/rpc/keys/delete_key")
                .cookie(&acme.owner);
            let by_call = by_call
                .header("accept", "application/json")
                .form(&fields)
                .send()
                .await;
            assert_eq!(by_call.status, StatusCode::BAD_REQUEST, "{environment} {typed}");
        }
        let without = world.ask(Method::DELETE, &operator).to(To::Operator);
        let without = without.bearer(&token.text()).send().await;
        assert_eq!(without.status, StatusCode::BAD_REQUEST);
        assert_eq!(
            without.json()["error"]["extra"]["invalid-params"][0]["field"],
            json!("last_four")
        );
        let right = format!("{operator}?last_four={last_four}");
        let deleted = world.ask(Method::DELETE, &right).to(To::Operator);
        assert_eq!(deleted.bearer(&token.text()).send().await.status, StatusCode::OK);
        assert_eq!(call(&world, &acme, &key).await, StatusCode::UNAUTHORIZED);
    }
    let list = page_with(&world, &acme, "?deleted=1", "1 request refused").await;
    assert!(
        list.contains("backend") && list.contains("from <span class=\"mono\">127.0.0.1"),
        "{list}"
    );
    let folded = page(&world, &acme, "").await.body;
    assert!(!folded.contains("request refused") && folded.contains("Show deleted keys"));
}

#[tokio::test]
async fn an_expired_key_leaves_room_for_a_new_one_on_the_page() {
    let clock = clock::ManualClock::at(model::Timestamp::from_millis(1_767_614_400_000));
    let world = World::start_by(&clock, |_| {}).await;
    let acme = world.acme("Acme").await;
    let keys = &world.running().services.core.keys;
    let (first, _) = (
        world.key(acme.id, Environment::Sandbox).await,
        world.key(acme.id, Environment::Sandbox).await,
    );
    let expires = KeyChange {
        expires_at: Setting::To(clock.now().plus_millis(1)),
        ..KeyChange::default()
    };
    keys.change(acme.id, first.key.id, expires, &Actor::command_line())
        .await
        .expect("changed");
    let full = page(&world, &acme, "").await.body;
    assert!(full.contains("Two keys are active. Delete one first."), "{full}");
    clock.advance(std::time::Duration::from_millis(1));
    let room = page(&world, &acme, "").await.body;
    assert!(
        room.contains("1 of 2 active keys") && room.contains("Expired"),
        "{room}"
    );
    assert!(!room.contains("Two keys are active"), "{room}");
    let form = format!("/c/{}/development/keys/generate", acme.client_id);
    let made = world.ask(Method::POST, &form).cookie(&acme.owner);
    let made = made.form(&[("environment", "sandbox")]).send().await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.body);
}

#[tokio::test]
async fn a_key_is_tested_through_the_gateway_from_the_members_address_and_not_in_production() {
    let world = World::start().await;
    let acme = world.acme("Acme").await;
    let key = world.key(acme.id, Environment::Sandbox).await;
    let test = async |key: &GeneratedKey, path: &str| {
        let form = format!("/c/{}/development/keys/{}/test", acme.client_id, key.key.id);
        let ask = world.ask(Method::POST, &form).cookie(&acme.owner);
        ask.form(&[("path", path)]).send().await
    };
    let tested = test(&key, "/v1/webhooks/").await;
    assert_eq!(tested.status, StatusCode::OK, "{}", tested.body);
    assert!(
        tested.body.contains("status 200 after") && tested.body.contains("[]"),
        "{}",
        tested.body
    );
    assert!(!tested.body.contains(key.secret.expose()));
    let own = page_with(&world, &acme, &format!("/{}", key.key.id), "1 request").await;
    assert!(
        own.contains("127.0.0.1") && own.contains("GET /v1/webhooks/"),
        "{own}"
    );
    let call = world.ask(Method::POST, "/rpc/keys/test_key").cookie(&acme.owner);
    let (company, id) = (acme.client_id.to_string(), key.key.id.to_string());
    let fields = [
        ("company", company.as_str()),
        ("key", &id),
        ("path", "/v1/webhooks/"),
    ];
    let called = call
        .header("accept", "application/json")
        .form(&fields)
        .send()
        .await;
    assert_eq!(
        (called.status, &called.json()["status"]),
        (StatusCode::OK, &json!(200))
    );
    assert!(!called.body.contains(key.secret.expose()));
    let elsewhere = test(&key, "https://elsewhere.test/").await;
    assert_eq!(elsewhere.status, StatusCode::BAD_REQUEST, "{}", elsewhere.body);
    let production = world.key(acme.id, Environment::Prod).await;
    assert_eq!(
        test(&production, "/v1/webhooks/").await.status,
        StatusCode::CONFLICT
    );
    let shown = page(&world, &acme, &format!("/{}", production.key.id)).await.body;
    assert!(own.contains("Test this key") && !shown.contains("Test this key"));
}
