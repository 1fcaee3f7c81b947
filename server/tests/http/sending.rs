//! `POST /operator/v1/requests`: a program sends requests that Gatehouse did not see.

use accounts::{Scope, Scopes};
use clock::ManualClock;
use http::{Method, StatusCode};
use model::{Actor, ClientId, Environment, GeneratedKey, RequestId, Timestamp};
use serde_json::{Value, json};

use crate::live::Stream;
use crate::two_nodes::node;
use crate::world::{Acme, Answer, To, World};

const PATH: &str = "/operator/v1/requests";
const HOUR: i64 = 3_600;

async fn token(world: &World, scopes: &[Scope]) -> String {
    let accounts = &world.running().services.core.accounts;
    let token = accounts
        .create_operator_token("test", Scopes::new(scopes.to_vec()), &Actor::command_line())
        .await;
    token.expect("a token").text().as_str().to_owned()
}

async fn raw(world: &World, token: &str, body: &str) -> Answer {
    let ask = world.ask(Method::POST, PATH).to(To::Operator).bearer(token);
    ask.header("content-type", "application/json")
        .raw(body)
        .send()
        .await
}

/// What became of each row, in short.
async fn send(world: &World, token: &str, rows: &[Value]) -> Vec<String> {
    let answer = raw(world, token, &json!(rows).to_string()).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let answer = answer.json();
    let results = answer["results"].as_array().expect("a list");
    for word in ["stored", "already_stored", "refused"] {
        let count = results.iter().filter(|one| one["result"] == word).count();
        assert_eq!(answer[word], count, "{answer}");
    }
    let short = |one: &Value| {
        let errors = one["errors"].as_array().into_iter().flatten();
        let fields: Vec<_> = errors
            .map(|error| error["field"].as_str().unwrap_or("-"))
            .collect();
        let result = one["result"].as_str().expect("a word");
        format!("{result} {}", fields.join(" ")).trim_end().to_owned()
    };
    results.iter().map(short).collect()
}

fn id(at: Timestamp, number: u8) -> RequestId {
    RequestId::time_ordered(at, [number; 10])
}

/// A row with everything that is required.
fn row(client_id: ClientId, at: Timestamp, number: u8) -> Value {
    json!({
        "request_id": id(at, number),
        "client_id": client_id,
        "method": "GET",
        "path": format!("/v1/orders/{number}?page=2"),
        "status": 200,
        "started_at": at.to_rfc3339(),
        "duration_us": 1_500,
        "address": "192.0.2.8",
    })
}

fn with(mut row: Value, name: &str, value: impl Into<Value>) -> Value {
    row[name] = value.into();
    row
}

fn now(world: &World) -> Timestamp {
    world.running().services.clock().now()
}

/// What the list of the company has, newest first.
async fn listed(world: &World, client_id: ClientId, query: &str) -> Vec<Value> {
    let token = token(world, &[Scope::Logs]).await;
    let path = format!("{PATH}?client_id={client_id}&limit=500&{query}");
    let answer = world.get(&path).to(To::Operator).bearer(&token).send().await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    answer.json()["requests"].as_array().expect("a list").clone()
}

async fn entry_page(world: &World, acme: &Acme, id: impl std::fmt::Display) -> String {
    let path = format!("/c/{}/development/logs/{id}", acme.client_id);
    let answer = world.get(&path).cookie(&acme.owner).send().await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    answer.body
}

#[tokio::test]
async fn what_a_program_sends_is_in_the_log_at_once_and_its_page_says_where_it_came_from() {
    let world = World::start().await;
    let acme = world.acme("Acme").await;
    let key = world.key(acme.id, Environment::Prod).await;
    let token = token(&world, &[Scope::Requests]).await;
    let mut stream = Stream::open(&world, &acme).await;
    let at = now(&world);
    let mut sent = row(acme.client_id, at, 1);
    for (name, value) in [
        ("key_id", json!(key.key.id)),
        ("status", json!(422)),
        (
            "request_headers",
            json!([{ "name": "Content-Type", "value": "application/json" }, { "name": "User-Agent", "value": "shop/1" }]),
        ),
        (
            "request_body",
            json!(r#"{"amount":12,"password":"hunter2-hunter2"}"#),
        ),
        (
            "response_headers",
            json!([{ "name": "content-type", "value": "application/json" }]),
        ),
        ("response_body", json!(r#"{"error":{"code":"card_declined"}}"#)),
    ] {
        sent[name] = value;
    }
    assert_eq!(send(&world, &token, &[sent]).await, ["stored"]);
    stream.told("logs").await;
    let rows = listed(&world, acme.client_id, "recorded=sent&status=422").await;
    assert_eq!(rows.len(), 1);
    for (name, value) in [
        ("request_id", json!(id(at, 1))),
        ("at", json!(at.to_rfc3339())),
        ("path", json!("/v1/orders/1?page=2")),
        ("verdict", json!("accepted")),
        ("error_code", json!("card_declined")),
        ("env_type", json!("prod")),
        ("key_id", json!(key.key.id)),
        ("key_last_four", json!(key.key.last_four)),
        ("duration_us", json!(1_500)),
        ("address", json!("192.0.2.8")),
        ("user_agent", json!("shop/1")),
    ] {
        assert_eq!(rows[0][name], value, "{name}");
    }
    let page = entry_page(&world, &acme, id(at, 1)).await;
    for words in [
        "A program of your API provider, which sent it to this log",
        "As it was sent to this log. Gatehouse did not measure it.",
        "The API returned 422",
        "card_declined",
        "[redacted]",
    ] {
        assert!(page.contains(words), "{words} in {page}");
    }
    assert!(!page.contains("hunter2"));
    // What Gatehouse has not checked itself is no use of the key.
    let used = world
        .running()
        .services
        .core
        .keys
        .list(acme.id)
        .await
        .expect("keys");
    assert!(
        used.iter()
            .flat_map(|group| &group.keys)
            .all(|key| key.last_used.is_none())
    );
}

#[tokio::test]
async fn a_batch_that_is_sent_again_or_overlaps_is_stored_once() {
    let world = World::start().await;
    let (_, client_id) = world.company("Acme").await;
    let token = token(&world, &[Scope::Requests]).await;
    let at = now(&world);
    let rows: Vec<Value> = (0..60).map(|number| row(client_id, at, number)).collect();
    assert_eq!(send(&world, &token, &rows[..20]).await, ["stored"; 20]);
    assert_eq!(send(&world, &token, &rows[..20]).await, ["already_stored"; 20]);
    let sends = (0..10).map(|number| send(&world, &token, &rows[number * 5..number * 5 + 15]));
    let results: Vec<String> = futures_util::future::join_all(sends).await.concat();
    let stored = results.iter().filter(|result| *result == "stored").count();
    assert_eq!((results.len(), stored), (150, 40));
    assert_eq!(listed(&world, client_id, "").await.len(), 60);
    let totals = world.running().services.recorder.totals();
    assert_eq!((totals.seen, totals.stored), (60, 60));
}

#[tokio::test]
async fn two_nodes_that_get_the_same_batches_at_once_store_each_request_once() {
    let database = test_postgres::Database::create().await;
    let (mut a, mut b) = (node(database.url()).await, node(database.url()).await);
    let (_, client_id) = a.company("Acme").await;
    test_wait::until("the other node knows the company", async || {
        b.running()
            .services
            .core
            .keys
            .snapshot()
            .company(client_id)
            .is_some()
    })
    .await;
    let token = token(&a, &[Scope::Requests]).await;
    let at = now(&a);
    let rows: Vec<Value> = (0..200).map(|number| row(client_id, at, number)).collect();
    let sends = (0..16).map(|number| {
        let node = if number % 2 == 0 { &a } else { &b };
        let first = number / 2 * 20;
        send(node, &token, &rows[first..first + 60])
    });
    let results: Vec<String> = futures_util::future::join_all(sends).await.concat();
    let stored = results.iter().filter(|result| *result == "stored").count();
    assert_eq!((results.len(), stored), (16 * 60, 200));
    for node in [&a, &b] {
        assert_eq!(listed(node, client_id, "").await.len(), 200);
    }
    a.stop().await;
    b.stop().await;
    database.remove().await;
}

/// A company with a brand, and the keys of both.
struct Named {
    client_id: ClientId,
    brand: ClientId,
    own: GeneratedKey,
    of_brand: GeneratedKey,
    deleted: GeneratedKey,
}

impl Named {
    async fn new(world: &World) -> Self {
        let (company, client_id) = world.company("Acme").await;
        let core = &world.running().services.core;
        let actor = Actor::command_line();
        let created = core.accounts.create_company("Acme East", Some(client_id), &actor);
        let brand = created.await.expect("a brand");
        core.keys.company_changed().await.expect("is loaded");
        let own = world.key(company, Environment::Sandbox).await;
        let deleted = world.key(company, Environment::Sandbox).await;
        core.keys
            .delete_by_id(deleted.key.id, None, &actor)
            .await
            .expect("is deleted");
        Self {
            client_id,
            brand: brand.client_id,
            own,
            of_brand: world.key(brand.id, Environment::Prod).await,
            deleted,
        }
    }
}

#[tokio::test]
async fn what_cannot_be_right_is_refused_by_its_place_and_the_rest_is_stored() {
    let clock = ManualClock::at(Timestamp::from_millis(1_767_614_400_000));
    let world = World::start_by(&clock, |config| config.place.retention.log_days = Some(2)).await;
    let named = Named::new(&world).await;
    let (_, other) = world.company("Other").await;
    let token = token(&world, &[Scope::Requests]).await;
    let at = now(&world);
    let own = |number| row(named.client_id, at, number);
    let aged = |number, seconds: i64| row(named.client_id, at.plus_seconds(seconds), number);
    let cases = [
        (own(1), "stored"),
        (
            with(own(2), "client_id", "0123456789abcdef0123456789abcdef"),
            "refused [1].client_id",
        ),
        (with(own(3), "brand", named.brand.to_string()), "stored"),
        (
            with(row(other, at, 4), "brand", named.brand.to_string()),
            "refused [3].brand",
        ),
        (with(own(5), "key_id", named.own.key.id.to_string()), "stored"),
        (with(own(6), "key_id", named.deleted.key.id.to_string()), "stored"),
        (
            with(own(7), "key_id", named.of_brand.key.id.to_string()),
            "refused [6].key_id",
        ),
        (
            with(row(named.brand, at, 8), "key_id", named.own.key.id.to_string()),
            "stored",
        ),
        (
            with(own(9), "key_last_four", named.own.key.last_four.clone()),
            "stored",
        ),
        (
            with(own(10), "key_last_four", "!!!!"),
            "refused [9].key_last_four",
        ),
        (
            with(
                with(own(11), "key_id", named.own.key.id.to_string()),
                "env_type",
                "prod",
            ),
            "refused [10].env_type",
        ),
        (aged(12, 60), "stored"),
        (aged(13, 61), "refused [12].started_at"),
        (aged(14, -30 * HOUR), "stored"),
        (aged(15, -73 * HOUR), "refused [14].started_at"),
        (
            with(with(own(16), "status", 99), "statsu", 200),
            "refused [15].statsu [15].status",
        ),
        (json!("text"), "refused [16]"),
        (
            with(own(18), "path", "https://api.example/x"),
            "refused [17].path",
        ),
        (
            with(own(19), "request_id", "two words"),
            "refused [18].request_id",
        ),
        (own(1), "already_stored"),
    ];
    let rows: Vec<Value> = cases.iter().map(|(row, _)| row.clone()).collect();
    let expected: Vec<&str> = cases.iter().map(|(_, expected)| *expected).collect();
    assert_eq!(send(&world, &token, &rows).await, expected);
    // So that the one of the next minute is there as well.
    clock.advance_seconds(61);
    let stored = expected.iter().filter(|result| **result == "stored").count();
    assert_eq!(listed(&world, named.client_id, "range=7d").await.len(), stored);
    let of_brand = listed(&world, named.brand, "range=7d").await;
    assert_eq!(of_brand.len(), 2);
    assert_eq!(of_brand[0]["key_last_four"], named.own.key.last_four);
    let day = listed(&world, named.client_id, "range=24h").await;
    assert_eq!(day.len(), stored - 1, "without the one of the day before");
    let key = format!("key={}", named.deleted.key.id);
    assert_eq!(listed(&world, named.client_id, &key).await.len(), 1);
}

#[tokio::test]
async fn a_request_that_its_company_no_longer_keeps_is_refused() {
    let clock = ManualClock::at(Timestamp::from_millis(1_767_614_400_000));
    let world = World::start_by(&clock, |config| config.place.retention.body_days = Some(1)).await;
    let acme = world.acme("Acme").await;
    let token = token(&world, &[Scope::Requests]).await;
    let at = now(&world);
    let aged = |number, hours: i64| {
        let row = row(acme.client_id, at.plus_seconds(-hours * HOUR), number);
        let headers = json!([{ "name": "content-type", "value": "application/json" }]);
        with(
            with(row, "request_headers", headers),
            "request_body",
            r#"{"amount":77001}"#,
        )
    };
    assert_eq!(
        send(&world, &token, &[aged(1, 70), aged(2, 1)]).await,
        ["stored", "stored"]
    );
    let page = entry_page(&world, &acme, id(at.plus_seconds(-70 * HOUR), 1)).await;
    assert!(
        !page.contains("77001") && page.contains("No longer kept"),
        "{page}"
    );
    let page = entry_page(&world, &acme, id(at.plus_seconds(-HOUR), 2)).await;
    assert!(page.contains("77001"), "{page}");
    let accounts = &world.running().services.core.accounts;
    let actor = Actor::command_line();
    accounts
        .set_log_days(acme.client_id, Some(1), &actor)
        .await
        .expect("set");
    // The day is 5 January, 12:00 UTC: all of the 4th is kept.
    let sent = [aged(3, 36), aged(4, 37), aged(5, 0)];
    assert_eq!(
        send(&world, &token, &sent).await,
        ["stored", "refused [1].started_at", "stored"]
    );
}

#[tokio::test]
async fn a_request_id_of_another_form_names_one_request() {
    let world = World::start().await;
    let (_, client_id) = world.company("Acme").await;
    let token = token(&world, &[Scope::Requests]).await;
    let at = now(&world);
    let own = id(at, 1).to_string();
    let uuid = format!(
        "{}-{}-{}-{}-{}",
        &own[..8],
        &own[8..12],
        &own[12..16],
        &own[16..20],
        &own[20..]
    );
    let random = "9b2c7a10-53d1-4e0f-8a6b-0f1e2d3c4b5a";
    let rows = [
        "req_01HXYZ",
        "req_01HXYZ",
        random,
        random,
        &own,
        &uuid,
        &uuid.to_uppercase(),
    ]
    .map(|id| with(row(client_id, at, 1), "request_id", id));
    let body = raw(&world, &token, &json!(rows).to_string()).await.json();
    let results = body["results"].as_array().expect("a list");
    let words: Vec<&str> = results.iter().filter_map(|one| one["result"].as_str()).collect();
    let old = "already_stored";
    assert_eq!(words, ["stored", old, "stored", old, "stored", old, old]);
    assert_eq!(results[4]["request_id"], own);
    let said = results[0]["request_id"].as_str().expect("an id");
    let found = listed(&world, client_id, &format!("id={said}")).await;
    assert_eq!(found.len(), 1);
}

#[tokio::test]
async fn only_the_scope_may_send_and_a_body_has_bounds() {
    let world = World::start().await;
    let (_, client_id) = world.company("Acme").await;
    let others: Vec<Scope> = Scope::ALL
        .into_iter()
        .filter(|scope| *scope != Scope::Requests)
        .collect();
    let refused = raw(&world, &token(&world, &others).await, "[]").await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.body);
    let token = token(&world, &[Scope::Requests]).await;
    let answer = raw(&world, &token, "[]").await;
    assert_eq!(
        (answer.status, answer.json()["stored"].clone()),
        (StatusCode::OK, json!(0))
    );
    for nonsense in ["", "{}", "[", "null", "[{]", "\"text\""] {
        let answer = raw(&world, &token, nonsense).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{nonsense}");
        assert!(
            answer.body.contains("Send a JSON array of requests."),
            "{}",
            answer.body
        );
    }
    let list = world
        .get(&format!("{PATH}?client_id={client_id}"))
        .to(To::Operator)
        .bearer(&token);
    assert_eq!(list.send().await.status, StatusCode::FORBIDDEN, "it may not read");
    let most: Vec<Value> = vec![row(client_id, now(&world), 1); 1_000];
    let results = send(&world, &token, &most).await;
    assert_eq!(
        (results[0].as_str(), results[999].as_str()),
        ("stored", "already_stored")
    );
    let more = json!(vec![json!({}); 1_001]).to_string();
    let answer = raw(&world, &token, &more).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(
        answer.body.contains("Send 1000 requests at most"),
        "{}",
        answer.body
    );
    let large = with(
        row(client_id, now(&world), 2),
        "request_body",
        "x".repeat(4 * 1024 * 1024),
    );
    let answer = raw(&world, &token, &json!([large]).to_string()).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(
        answer.body.contains("larger than 4194304 bytes"),
        "{}",
        answer.body
    );
    let plain = world.ask(Method::POST, PATH).to(To::Operator).bearer(&token);
    let answer = plain.header("content-type", "text/plain").raw("[]").send().await;
    assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test]
async fn a_secret_that_a_program_sends_is_in_no_file() {
    let mut world = World::start().await;
    let acme = world.acme("Acme").await;
    let key = world.key(acme.id, Environment::Sandbox).await;
    let secret = key.secret.expose().to_owned();
    let token = token(&world, &[Scope::Requests]).await;
    let at = now(&world);
    let headers = json!([
        { "name": "X-Access-Secret", "value": &secret },
        { "name": "X-Note", "value": format!("it is {secret}") },
        { "name": "Authorization", "value": "Bearer zq81-token-of-the-caller" },
        { "name": "Content-Type", "value": "application/json" },
    ]);
    let body = json!({ "note": format!("see {secret}"), "password": "zq82-password", "echo": "zq81-token-of-the-caller" });
    let full = |number| {
        let mut row = row(acme.client_id, at, number);
        for (name, value) in [
            ("path", json!(format!("/v1/x/{secret}?api_key=zq83-key"))),
            ("request_headers", headers.clone()),
            ("request_body", json!(body.to_string())),
            ("response_headers", headers.clone()),
            ("response_body", json!(body.to_string())),
            ("user_agent", json!(format!("agent {secret}"))),
        ] {
            row[name] = value;
        }
        row
    };
    let refused = with(full(2), "verdict", "unknown_secret");
    assert_eq!(
        send(&world, &token, &[full(1), refused]).await,
        ["stored", "stored"]
    );
    let page = entry_page(&world, &acme, id(at, 1)).await;
    assert!(page.contains("[redacted]"));
    let refused = entry_page(&world, &acme, id(at, 2)).await;
    assert!(refused.contains("no active key was recognised"), "{refused}");
    let needles = [secret.as_str(), "zq81", "zq82", "zq83"];
    for needle in needles {
        assert!(!page.contains(needle) && !refused.contains(needle), "{needle}");
    }
    world.stop().await;
    let files = files_of(world.data_dir());
    assert!(files.len() > 3);
    for (name, bytes) in files {
        for needle in needles {
            let found = bytes.windows(needle.len()).any(|part| part == needle.as_bytes());
            assert!(!found, "{needle} in {name}");
        }
    }
}

fn files_of(folder: &std::path::Path) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for item in std::fs::read_dir(folder).expect("a folder") {
        let path = item.expect("an item").path();
        if path.is_dir() {
            all.extend(files_of(&path));
        } else if path.is_file() {
            all.push((path.display().to_string(), std::fs::read(&path).expect("reads")));
        }
    }
    all
}

#[tokio::test]
async fn requests_without_a_recognised_key_are_bounded_and_counted() {
    let world = World::start().await;
    let (_, client_id) = world.company("Acme").await;
    let token = token(&world, &[Scope::Requests]).await;
    let at = now(&world);
    let rows: Vec<Value> = (0..15)
        .map(|number| with(row(client_id, at, number), "verdict", "missing_credentials"))
        .collect();
    let results = send(&world, &token, &rows).await;
    assert_eq!(results[..10], ["stored"; 10]);
    assert_eq!(results[10..], ["refused -"; 5]);
    assert_eq!(world.running().services.recorder.totals().suppressed, 5);
}
