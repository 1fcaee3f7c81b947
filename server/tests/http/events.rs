//! Follows an operator's event through a whole server, to the receiver and into the history.

use accounts::{Scope, Scopes};
use http::{Method, StatusCode};
use model::{Actor, DeliveryState, Environment};
use serde_json::{Value, json};

use crate::receiver::{Receiver, Reply};
use crate::world::{Answer, Ask, To, World};

async fn world() -> World {
    World::start_with(|config| config.allow_networks = vec!["127.0.0.0/8".parse().expect("a network")]).await
}

async fn token(world: &World) -> String {
    let accounts = &world.running().services.core.accounts;
    let scopes = Scopes::new(vec![Scope::Events]);
    let token = accounts
        .create_operator_token("backend", scopes, &Actor::command_line())
        .await
        .expect("a token");
    token.text().to_string()
}

fn publish<'w>(world: &'w World, token: &str, body: &Value) -> Ask<'w> {
    world
        .ask(Method::POST, "/operator/v1/events")
        .to(To::Operator)
        .bearer(token)
        .json(body)
}

fn event(client_id: &str, payload: Value) -> Value {
    json!({ "client_id": client_id, "env_type": "sandbox", "event_type": "order-created", "payload": payload })
}

#[tokio::test]
async fn an_event_reaches_its_receiver_and_the_history() {
    let world = world().await;
    let token = token(&world).await;
    let acme = world.acme("Acme").await;
    let (id, client_id) = (acme.id, acme.client_id.to_string());
    let secret = world.key(id, Environment::Sandbox).await.secret;
    let receiver = Receiver::start(|_| Reply::status(200)).await;
    let as_program = async |ask: Ask<'_>| {
        ask.to(To::Gateway)
            .header("x-access-client-id", &client_id)
            .header("x-access-secret", secret.expose())
            .send()
            .await
    };
    let draft = json!({ "name": "Orders", "webhook_url": receiver.url("/hook"), "env_type": "sandbox" });
    let created: Answer = as_program(world.ask(Method::POST, "/v1/webhooks/").json(&draft)).await;
    assert_eq!(created.status, StatusCode::CREATED, "{}", created.body);
    let request_id = created.header("x-request-id").to_owned();

    let mut body = event(&client_id, json!({ "order_id": "1" }));
    body["request_id"] = json!(request_id);
    let accepted = publish(&world, &token, &body).send().await;
    assert_eq!(
        (accepted.status, &accepted.json()["deliveries"]),
        (StatusCode::ACCEPTED, &json!(1))
    );
    let event_id = accepted.json()["webhook_id"].as_str().expect("an id").to_owned();

    let received = receiver.wait_for(1).await.remove(0);
    let sign = vault::sign_v1(secret.expose(), &received.body);
    assert_eq!(received.header("x-webhook-sign"), Some(sign.as_str()));
    let sent: Value = serde_json::from_slice(&received.body).expect("JSON");
    assert_eq!(
        (&sent["webhook_id"], &sent["order_id"]),
        (&json!(event_id), &json!("1"))
    );

    let history = test_wait::eventually("the attempt is in the history", async || {
        let history = as_program(world.get("/v1/webhook-requests/")).await.json();
        let rows = history["results"].as_array();
        rows.is_some_and(|rows| !rows.is_empty()).then_some(history)
    })
    .await;
    let row = &history["results"][0];
    assert_eq!(
        (&history["next"], &history["previous"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(
        (&row["webhook_id"], &row["status_code"], &row["error_message"]),
        (&json!(event_id), &json!(200), &Value::Null)
    );
    assert_eq!(
        (&row["webhook_payload"], &row["webhook_url"]),
        (&sent, &json!(receiver.url("/hook")))
    );
    assert_eq!(row["event_type"], "order-created");

    // The deliveries can be found from the request.
    let webhooks = &world.running().services.webhooks;
    let of_request = webhooks
        .deliveries_of_request(id, request_id.parse().expect("an id"))
        .await
        .expect("read");
    assert_eq!(
        (of_request.len(), of_request[0].row.state),
        (1, DeliveryState::Delivered)
    );
}

#[tokio::test]
async fn a_batch_has_a_result_for_each_event_and_an_event_can_be_read_with_its_deliveries() {
    let world = world().await;
    let token = token(&world).await;
    let acme = world.acme("Acme").await;
    let client_id = acme.client_id.to_string();
    world.key(acme.id, Environment::Sandbox).await;
    let receiver = Receiver::start(|_| Reply::status(200)).await;
    let draft = model::WebhookDraft {
        name: "Orders".to_owned(),
        url: receiver.url("/hook"),
        environment: Environment::Sandbox,
        events: model::WebhookEvents::All,
        enabled: true,
    };
    let webhooks = &world.running().services.webhooks;
    webhooks
        .create(acme.id, &draft, &Actor::command_line())
        .await
        .expect("created");
    let mut own_time = event(&client_id, json!({ "order_id": "1" }));
    own_time["event_created_at"] = json!("2026-01-05T10:00:00.250Z");
    own_time["idempotency_key"] = json!("order-1");
    let mut future = event(&client_id, json!({}));
    future["event_created_at"] = json!("2999-01-01T00:00:00Z");
    let deep = event(&client_id, json!({}));
    let deep = deep.to_string().replace(
        "\"payload\":{}",
        &format!("\"payload\":{{\"a\":{}1{}}}", "[".repeat(127), "]".repeat(127)),
    );
    let batch = format!(
        "[{own_time},{own_time},{},{future},{deep},7]",
        event(&"0".repeat(32), json!({}))
    );
    let send = async |body: &str| {
        let ask = world
            .ask(Method::POST, "/operator/v1/events/batch")
            .to(To::Operator)
            .bearer(&token)
            .header("content-type", "application/json");
        ask.raw(body).send().await
    };
    let answer = send(&batch).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.body);
    let answer = answer.json();
    assert_eq!(
        (&answer["accepted"], &answer["refused"], &answer["busy"]),
        (&json!(2), &json!(4), &json!(0))
    );
    let results = answer["results"].as_array().expect("a list");
    assert_eq!(results[0]["webhook_id"], results[1]["webhook_id"], "the same key");
    let fields: Vec<&Value> = results[2..]
        .iter()
        .map(|result| &result["errors"][0]["field"])
        .collect();
    assert_eq!(
        fields,
        ["[2].client_id", "[3].event_created_at", "[4].payload", "[5]"]
    );

    let received = receiver.wait_for(1).await.remove(0);
    let sent: Value = serde_json::from_slice(&received.body).expect("JSON");
    assert_eq!(sent["event_created_at"], "2026-01-05T10:00:00.250000Z");
    let id = results[0]["webhook_id"].as_str().expect("an id");
    let read = test_wait::eventually("the event is delivered", async || {
        let ask = world.ask(Method::GET, &format!("/operator/v1/events/{id}"));
        let read = ask.to(To::Operator).bearer(&token).send().await.json();
        (read["deliveries"][0]["state"] == "delivered").then_some(read)
    })
    .await;
    assert_eq!(
        [
            &read["client_id"],
            &read["event_created_at"],
            &read["published_by"],
            &read["deliveries"][0]["name"]
        ],
        [
            &json!(client_id),
            &json!("2026-01-05T10:00:00.250Z"),
            &json!("backend"),
            &json!("Orders")
        ]
    );
    assert_eq!(read["deliveries"][0]["attempts"], 1);
    let unknown = world.ask(Method::GET, &format!("/operator/v1/events/{}", "0".repeat(32)));
    let unknown = unknown.to(To::Operator).bearer(&token).send().await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);

    for (body, status) in [
        ("[]".to_owned(), StatusCode::ACCEPTED),
        ("{}".to_owned(), StatusCode::BAD_REQUEST),
        (
            format!("[{}1]", "1,".repeat(1_000)),
            StatusCode::PAYLOAD_TOO_LARGE,
        ),
        ("[".repeat(200_000), StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(send(&body).await.status, status, "{:.20}", body);
    }
}

#[tokio::test]
async fn an_event_that_no_webhook_wants_still_appears_with_its_request() {
    let world = world().await;
    let token = token(&world).await;
    let (company, client_id) = world.company("Acme").await;
    let request = "0123456789abcdef0123456789abcdef";
    let mut event = event(&client_id.to_string(), json!({}));
    event["request_id"] = json!(request);
    let accepted = publish(&world, &token, &event).send().await;
    assert_eq!(
        (accepted.status, &accepted.json()["deliveries"]),
        (StatusCode::ACCEPTED, &json!(0))
    );
    let webhooks = &world.running().services.webhooks;
    let events = async |company| {
        let found = webhooks.events_of_request(company, request.parse().expect("an id"));
        found.await.expect("read")
    };
    let named: Vec<_> = events(company).await.iter().map(ToString::to_string).collect();
    assert_eq!(json!(named), json!([accepted.json()["webhook_id"]]));
    let (other, _) = world.company("Other").await;
    assert!(events(other).await.is_empty(), "not another company's");
}

#[tokio::test]
async fn the_same_idempotency_key_publishes_once() {
    let world = world().await;
    let token = token(&world).await;
    let (_, client_id) = world.company("Acme").await;
    let client_id = client_id.to_string();
    let send = async |payload: Value| {
        publish(&world, &token, &event(&client_id, payload))
            .header("idempotency-key", "order-1")
            .send()
            .await
    };
    let first = send(json!({ "a": 1 })).await;
    let again = send(json!({ "a": 1 })).await;
    assert_eq!(
        (first.status, again.status, first.json()),
        (StatusCode::ACCEPTED, StatusCode::ACCEPTED, again.json())
    );
    assert_eq!(send(json!({ "a": 2 })).await.status, StatusCode::CONFLICT);
    // As a member of the body it counts too, as in a batch.
    let mut body = event(&client_id, json!({ "order_id": "2" }));
    body["idempotency_key"] = json!("order-2");
    let of_body = async || publish(&world, &token, &body).send().await.json()["webhook_id"].clone();
    assert_eq!(of_body().await, of_body().await);
}

#[tokio::test]
async fn an_invalid_event_is_refused_and_the_field_named() {
    let world = world().await;
    let token = token(&world).await;
    let (_, client_id) = world.company("Acme").await;
    let client_id = client_id.to_string();
    let with = |name: &str, value: Value| {
        let mut body = event(&client_id, json!({}));
        body[name] = value;
        body
    };
    for (body, field) in [
        (with("client_id", json!("0".repeat(32))), "client_id"),
        (with("env_type", json!("production")), "env_type"),
        (with("event_type", json!("order-shredded")), "event_type"),
        (with("payload", json!([])), "payload"),
        (with("payload", json!({ "webhook_id": "mine" })), "payload"),
        (
            with("payload", json!({ "text": "x".repeat(256 * 1024) })),
            "payload",
        ),
        (with("request_id", json!("x")), "request_id"),
        (json!("text"), "body"),
    ] {
        let answer = publish(&world, &token, &body).send().await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{field}: {}", answer.body);
        assert_eq!(
            answer.json()["error"]["extra"]["invalid-params"][0]["field"],
            field
        );
    }
    let huge = publish(
        &world,
        &token,
        &with("payload", json!({ "text": "x".repeat(3 << 20) })),
    )
    .send()
    .await;
    assert_eq!(huge.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn this_installation_is_never_a_receiver_even_if_loopback_is_allowed() {
    let world = world().await;
    let (company, client_id) = world.company("Acme").await;
    let secret = world.key(company, Environment::Sandbox).await.secret;
    for to in [To::Dashboard, To::Gateway, To::Operator] {
        let url = format!("http://{}/operator/v1/events", world.address(to));
        let draft = json!({ "name": "Loop", "webhook_url": url, "env_type": "sandbox" });
        let ask = world
            .ask(Method::POST, "/v1/webhooks/")
            .to(To::Gateway)
            .json(&draft);
        let answer = ask
            .header("x-access-client-id", &client_id.to_string())
            .header("x-access-secret", secret.expose())
            .send()
            .await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{url}");
        assert!(
            answer.body.contains("belongs to this Gatehouse server"),
            "{}",
            answer.body
        );
    }
}

#[tokio::test]
async fn a_payload_that_its_schema_does_not_allow_is_refused_where_the_operator_says_so() {
    let wrong = |client_id: &str| {
        event(
            client_id,
            json!({ "order_id": 7, "status": "pending", "user_id": ["secret-1"] }),
        )
    };
    let strict = World::start_with(|config| config.event_payloads = webhooks::PayloadCheck::Reject).await;
    let (token, acme) = (token(&strict).await, strict.acme("Acme").await);
    let client_id = acme.client_id.to_string();
    let refused = publish(&strict, &token, &wrong(&client_id)).send().await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    let faults = refused.json()["error"]["extra"]["invalid-params"].clone();
    let mut faults: Vec<(String, String)> = faults
        .as_array()
        .expect("a list")
        .iter()
        .map(|fault| {
            (
                fault["field"].as_str().expect("text").to_owned(),
                fault["message"].as_str().expect("text").to_owned(),
            )
        })
        .collect();
    faults.sort();
    assert_eq!(
        faults,
        [
            (
                "payload/order_id".to_owned(),
                "Must be string, not number.".to_owned()
            ),
            (
                "payload/user_id".to_owned(),
                "Must be null or string, not array.".to_owned()
            ),
        ]
    );
    let batch = format!(
        "[{},{}]",
        wrong(&client_id),
        event(&client_id, json!({ "order_id": "1", "status": "pending" }))
    );
    let ask = strict
        .ask(Method::POST, "/operator/v1/events/batch")
        .to(To::Operator)
        .bearer(&token)
        .header("content-type", "application/json");
    let answer = ask.raw(&batch).send().await.json();
    assert_eq!((&answer["accepted"], &answer["refused"]), (&json!(1), &json!(1)));
    let field = answer["results"][0]["errors"][0]["field"].as_str().expect("text");
    assert!(field.starts_with("[0].payload/"), "{field}");
    assert_eq!(strict.running().services.webhooks.payload_counts().wrong, 2);

    // Without the setting it is accepted and counted.
    let world = world().await;
    let token = self::token(&world).await;
    let client_id = world.acme("Acme").await.client_id.to_string();
    let accepted = publish(&world, &token, &wrong(&client_id)).send().await;
    assert_eq!(accepted.status, StatusCode::ACCEPTED, "{}", accepted.body);
    let counts = world.running().services.webhooks.payload_counts();
    assert_eq!((counts.right, counts.wrong), (0, 1));
}
