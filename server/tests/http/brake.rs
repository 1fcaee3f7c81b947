//! The operator's brake by API and on the command line, and the metrics that tell the operator when to use it.

use accounts::{Scope, Scopes};
use http::{Method, StatusCode};
use model::{Actor, Environment, WebhookDraft, WebhookEvents, WebhookId};
use serde_json::{Value, json};
use webhooks::WebhookPatch;

use crate::admin::{admin, gatehouse_fails};
use crate::receiver::{Receiver, Reply};
use crate::world::{Acme, Answer, To, World};

/// A company with a webhook, and an operator's token.
struct Scene {
    world: World,
    acme: Acme,
    receiver: Receiver,
    webhook: WebhookId,
    token: String,
}

impl Scene {
    async fn create(scopes: &[Scope]) -> Self {
        let world = World::start_with(|config| {
            config.allow_networks = vec!["127.0.0.0/8".parse().expect("a network")]
        })
        .await;
        let acme = world.acme("Acme").await;
        world.key(acme.id, Environment::Sandbox).await;
        let receiver = Receiver::start(|_| Reply::status(200)).await;
        let draft = WebhookDraft {
            name: "Orders".to_owned(),
            url: receiver.url("/hook"),
            environment: Environment::Sandbox,
            events: WebhookEvents::All,
            enabled: true,
        };
        let services = &world.running().services;
        let webhook = services
            .webhooks
            .create(acme.id, &draft, &Actor::command_line())
            .await;
        let token = services
            .core
            .accounts
            .create_operator_token("backend", Scopes::new(scopes.to_vec()), &Actor::command_line())
            .await;
        let token = token.expect("a token").text().as_str().to_owned();
        Self {
            webhook: webhook.expect("created").id,
            world,
            acme,
            receiver,
            token,
        }
    }

    /// While it is paused, its deliveries wait.
    async fn set_enabled(&self, enabled: bool) {
        let patch = WebhookPatch {
            enabled: Some(enabled),
            ..WebhookPatch::default()
        };
        let webhooks = &self.world.running().services.webhooks;
        let changed = webhooks
            .patch(self.acme.id, None, self.webhook, patch, &Actor::command_line())
            .await;
        changed.expect("changed");
    }

    async fn publish(&self) -> String {
        let event = json!({
            "client_id": self.acme.client_id, "env_type": "sandbox", "event_type": "order-created", "payload": {},
        });
        let published = self.post("/operator/v1/events", &event).await;
        assert_eq!(published.status, StatusCode::ACCEPTED, "{}", published.body);
        published.json()["webhook_id"].as_str().expect("an id").to_owned()
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        let ask = self.world.ask(Method::POST, path).to(To::Operator);
        ask.bearer(&self.token).json(body).send().await
    }

    async fn act(&self, action: &str, body: &Value) -> Value {
        let answer = self
            .post(&format!("/operator/v1/deliveries/{action}"), body)
            .await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        assert_eq!(answer.header("cache-control"), "no-store");
        answer.json()
    }

    /// The only delivery of this event.
    async fn delivery(&self, event: &str) -> Value {
        let path = format!("/operator/v1/events/{event}");
        let found = self
            .world
            .get(&path)
            .to(To::Operator)
            .bearer(&self.token)
            .send()
            .await;
        found.json()["deliveries"][0].clone()
    }

    async fn metrics(&self) -> String {
        self.world.get("/metrics").to(To::Operator).send().await.body
    }

    async fn until_metrics_have(&self, lines: &[&str]) {
        let what = format!("the metrics have {lines:?}");
        test_wait::until(&what, async || {
            let metrics = self.metrics().await;
            lines.iter().all(|line| metrics.contains(line))
        })
        .await;
    }
}

#[tokio::test]
async fn the_operator_api_counts_first_and_acts_when_it_is_told_yes() {
    let scene = Scene::create(&[Scope::Events, Scope::Deliveries]).await;
    scene.set_enabled(false).await;
    let event = scene.publish().await;
    let company = json!({ "client_id": scene.acme.client_id });
    let counted = scene.act("hold", &company).await;
    assert_eq!(
        (&counted["done"], &counted["finished"], &counted["deliveries"]),
        (&json!(false), &Value::Null, &json!(1))
    );
    assert_eq!(
        (&counted["webhooks"], &counted["companies"]),
        (&json!(1), &json!(1))
    );
    assert!(
        counted["oldest"].is_string() && counted["oldest"] == counted["newest"],
        "{counted}"
    );
    assert_eq!(
        scene.delivery(&event).await["on_hold"],
        json!(false),
        "it was only counted"
    );

    let yes = json!({ "client_id": scene.acme.client_id, "yes": true });
    let held = scene.act("hold", &yes).await;
    assert_eq!(
        (&held["done"], &held["finished"], &held["deliveries"]),
        (&json!(true), &json!(true), &json!(1))
    );
    scene.set_enabled(true).await;
    let later = scene.publish().await;
    let received = scene.receiver.wait_for(1).await;
    assert_eq!(
        received[0].header("webhook-id"),
        Some(later.as_str()),
        "only what came after the hold"
    );
    let delivery = scene.delivery(&event).await;
    assert_eq!(
        (
            &delivery["state"],
            &delivery["on_hold"],
            &delivery["next_attempt_at"]
        ),
        (&json!("pending"), &json!(true), &Value::Null)
    );
    let page = format!(
        "/c/{}/development/webhooks/{}/deliveries/{}",
        scene.acme.client_id,
        scene.webhook,
        delivery["id"].as_str().expect("an id")
    );
    let shown = async || scene.world.get(&page).cookie(&scene.acme.owner).send().await.body;
    assert!(shown().await.contains("has put this delivery on hold"));

    let by_webhook = json!({ "webhook": scene.webhook, "event_type": "order-created", "yes": true });
    assert_eq!(scene.act("resume", &by_webhook).await["deliveries"], json!(1));
    let received = scene.receiver.wait_for(2).await;
    assert_eq!(received[1].header("webhook-id"), Some(event.as_str()));

    scene.set_enabled(false).await;
    let ended = scene.publish().await;
    assert_eq!(
        scene.act("cancel", &json!({ "all": true, "yes": true })).await["deliveries"],
        json!(1)
    );
    let delivery = scene.delivery(&ended).await;
    assert_eq!(
        (&delivery["state"], &delivery["on_hold"]),
        (&json!("cancelled"), &json!(false))
    );
    let page = format!(
        "/c/{}/development/webhooks/{}",
        scene.acme.client_id, scene.webhook
    );
    let list = scene.world.get(&page).cookie(&scene.acme.owner).send().await.body;
    assert!(list.contains("Cancelled"), "{list}");
}

#[tokio::test]
async fn a_selection_that_cannot_be_meant_is_refused_and_names_its_field() {
    let scene = Scene::create(&[Scope::Events, Scope::Deliveries]).await;
    let other = scene.world.company("Other").await.1;
    let nowhere = "0".repeat(32);
    for (body, field) in [
        (json!({}), "body"),
        (json!({ "yes": true }), "body"),
        (json!({ "all": true, "client_id": other }), "all"),
        (json!({ "client_id": nowhere }), "client_id"),
        (json!({ "webhook": nowhere }), "webhook"),
        (json!({ "event_type": "order-craeted" }), "event_type"),
        (json!({ "webhook": scene.webhook, "client_id": other }), "webhook"),
        (
            json!({ "from": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z" }),
            "until",
        ),
        (json!({ "all": true, "sure": true }), "sure"),
    ] {
        let refused = scene.post("/operator/v1/deliveries/cancel", &body).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{body}");
        assert_eq!(
            refused.json()["error"]["extra"]["invalid-params"][0]["field"],
            field,
            "{body}"
        );
    }
    let publisher = Scene::create(&[Scope::Events]).await;
    let refused = publisher
        .post("/operator/v1/deliveries/cancel", &json!({ "all": true }))
        .await;
    assert_eq!(
        refused.status,
        StatusCode::FORBIDDEN,
        "a token that publishes cannot cancel"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_counts_first_and_acts_with_yes_whether_or_not_a_server_runs() {
    let mut scene = Scene::create(&[Scope::Events, Scope::Deliveries]).await;
    scene.set_enabled(false).await;
    scene.publish().await;
    let data_dir = scene.world.data_dir().to_owned();
    let client_id = scene.acme.client_id.to_string();
    let of = |action: &'static str, more: &[&str]| {
        let mut arguments = vec!["deliveries".to_owned(), action.to_owned()];
        arguments.extend(more.iter().map(|one| (*one).to_owned()));
        arguments
    };
    let run = async |arguments: Vec<String>| {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        admin(&data_dir, &arguments, "").await
    };
    let counted = run(of("hold", &["--client-id", &client_id])).await;
    assert_eq!(
        (&counted["done"], &counted["deliveries"]),
        (&json!("false"), &json!("1"))
    );
    assert!(
        counted["next"].as_str().expect("a sentence").contains("--yes"),
        "{counted}"
    );
    let held = run(of(
        "hold",
        &[
            "--client-id",
            &client_id,
            "--until",
            "2999-01-01T00:00:00Z",
            "--yes",
        ],
    ))
    .await;
    assert_eq!(
        (&held["done"], &held["deliveries"]),
        (&json!("true"), &json!("1"))
    );
    scene
        .until_metrics_have(&["gatehouse_webhook_deliveries_waiting{state=\"on_hold\"} 1\n"])
        .await;
    let webhook = scene.webhook.to_string();
    assert_eq!(
        run(of("resume", &["--webhook", &webhook, "--yes"])).await["deliveries"],
        json!("1")
    );

    for (arguments, said) in [
        (vec!["deliveries", "cancel", "--yes"], "--all"),
        (
            vec!["deliveries", "cancel", "--all", "--client-id", &client_id],
            "--all",
        ),
        (vec!["deliveries", "hold", "--from", "yesterday"], "--from"),
        (vec!["deliveries", "hold", "--event-type", "A b"], "--event-type"),
    ] {
        let refused = gatehouse_fails(&data_dir, &arguments).await;
        assert!(refused.contains(said), "{refused}");
    }
    scene.world.stop().await;
    assert_eq!(run(of("cancel", &["--all"])).await["deliveries"], json!("1"));
    assert_eq!(
        run(of("cancel", &["--all", "--yes"])).await["deliveries"],
        json!("1")
    );
    assert_eq!(run(of("cancel", &["--all"])).await["deliveries"], json!("0"));
}

#[tokio::test]
async fn metrics_say_what_waits_and_how_attempts_ended() {
    let scene = Scene::create(&[Scope::Events, Scope::Deliveries]).await;
    let metrics = scene.metrics().await;
    for line in [
        "# TYPE gatehouse_webhook_attempts_total counter\n",
        "# TYPE gatehouse_webhook_attempt_duration_seconds histogram\n",
        "gatehouse_webhook_attempts_total{outcome=\"succeeded\"} 0\n",
        "gatehouse_webhook_attempts_total{outcome=\"timeout_headers\"} 0\n",
        "gatehouse_webhook_attempt_duration_seconds_bucket{le=\"2.5\"} 0\n",
        "gatehouse_webhook_oldest_startable_seconds 0\n",
    ] {
        assert!(metrics.contains(line), "{line} is missing in {metrics}");
    }
    scene.publish().await;
    scene.receiver.wait_for(1).await;
    scene
        .until_metrics_have(&[
            "gatehouse_webhook_attempts_total{outcome=\"succeeded\"} 1\n",
            "gatehouse_webhook_attempt_duration_seconds_bucket{le=\"+Inf\"} 1\n",
            "gatehouse_webhook_attempt_duration_seconds_count 1\n",
        ])
        .await;
    scene.set_enabled(false).await;
    scene.publish().await;
    scene
        .until_metrics_have(&[
            "gatehouse_webhook_deliveries_waiting{state=\"webhook_off\"} 1\n",
            "gatehouse_webhook_deliveries_waiting{state=\"due\"} 0\n",
        ])
        .await;
}
