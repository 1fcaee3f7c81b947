//! Deliveries as a customer's program and a person see them: `/v1/webhook-deliveries/`, the list with its filters, and a command that
//! sends a delivery once more by hand.

use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clock::ManualClock;
use http::{Method, StatusCode};
use keys::KeyChange;
use model::{Actor, Environment, GeneratedKey, Timestamp, WebhookDraft, WebhookEvents, WebhookId};
use serde_json::{Value, json};
use server::config::Config;
use webhooks::Publication;

use crate::receiver::{Received, Receiver, Reply};
use crate::world::{Acme, Answer, To, World};

/// A company whose receiver refuses an event with "wrong" in it.
struct Scene {
    world: World,
    acme: Acme,
    key: GeneratedKey,
    receiver: Receiver,
    webhook: WebhookId,
}

impl Scene {
    async fn create() -> Self {
        Self::create_by(None).await
    }

    async fn create_by(clock: Option<&ManualClock>) -> Self {
        let allow = |config: &mut Config| {
            config.allow_networks = vec!["127.0.0.0/8".parse().expect("a network")];
        };
        let world = match clock {
            Some(clock) => World::start_by(clock, allow).await,
            None => World::start_with(allow).await,
        };
        let acme = world.acme("Acme").await;
        let key = world.key(acme.id, Environment::Sandbox).await;
        let receiver = Receiver::start(|request| {
            let is_wrong = String::from_utf8_lossy(&request.body).contains("wrong");
            Reply::status(if is_wrong { 503 } else { 200 })
        })
        .await;
        let draft = WebhookDraft {
            name: "Orders".to_owned(),
            url: receiver.url("/hook?a='b'"),
            environment: Environment::Sandbox,
            events: WebhookEvents::All,
            enabled: true,
        };
        let webhook = world
            .running()
            .services
            .webhooks
            .create(acme.id, &draft, &Actor::command_line())
            .await
            .expect("created");
        Self {
            webhook: webhook.id,
            world,
            acme,
            key,
            receiver,
        }
    }

    /// The event's id.
    async fn publish(&self, event_type: &'static str, payload: &str) -> String {
        let publication = Publication {
            company: self.acme.id,
            environment: Environment::Sandbox,
            event_type: event_type.parse().expect("a type"),
            payload,
            happened_at: None,
            request_id: None,
            idempotency_key: None,
        };
        let webhooks = &self.world.running().services.webhooks;
        let published = webhooks.publish(publication, &Actor::command_line()).await;
        published.expect("published").event.to_string()
    }

    async fn call_with(&self, key: &GeneratedKey, method: Method, path: &str) -> Answer {
        let ask = self.world.ask(method, path).to(To::Gateway);
        ask.header("x-access-client-id", &self.acme.client_id.to_string())
            .header("x-access-secret", key.secret.expose())
            .send()
            .await
    }

    async fn call(&self, path: &str) -> Answer {
        self.call_with(&self.key, Method::GET, path).await
    }

    /// The list with these parameters.
    async fn list(&self, query: &str) -> Value {
        let path = format!("/v1/webhook-deliveries/?webhook={}{query}", self.webhook);
        let answer = self.call(&path).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        answer.json()
    }

    /// Waits until this many deliveries match.
    async fn until(&self, query: &str, count: usize) -> Vec<Value> {
        test_wait::eventually(&format!("{count} deliveries match {query:?}"), async || {
            let found = self.list(query).await["results"]
                .as_array()
                .expect("a list")
                .clone();
            (found.len() == count).then_some(found)
        })
        .await
    }

    async fn page(&self, rest: &str) -> Answer {
        let path = format!(
            "/c/{}/development/webhooks/{}/deliveries{rest}",
            self.acme.client_id, self.webhook
        );
        self.world.get(&path).cookie(&self.acme.owner).send().await
    }
}

#[tokio::test]
async fn a_program_lists_filters_and_reads_deliveries_without_their_secrets() {
    let scene = Scene::create().await;
    for number in 0..3 {
        scene
            .publish("order-created", &format!("{{\"number\":{number}}}"))
            .await;
    }
    scene.until("&state=delivered", 3).await;
    let wrong = scene.publish("link-deleted", r#"{"what":"wrong"}"#).await;
    let failing = scene
        .until("&state=failing&status=5xx&event=link-deleted", 1)
        .await;
    let row = &failing[0];
    assert_eq!(
        (&row["webhook"], &row["webhook_id"], &row["state"]),
        (&json!(scene.webhook), &json!(wrong), &json!("failing"))
    );
    assert_eq!(
        (&row["attempts"], &row["last_status_code"], &row["last_failure"]),
        (&json!(1), &json!(503), &json!("status"))
    );
    assert!(row["next_attempt_at"].is_string(), "{row}");
    assert_eq!(scene.list(&format!("&id={wrong}")).await["results"], json!([row]));
    assert_eq!(scene.list("&test=only").await["results"], json!([]));

    // Two on a page, to the end and back.
    let first = scene.list("&page_size=2").await;
    assert_eq!(
        (first["results"].as_array().map(Vec::len), &first["previous"]),
        (Some(2), &Value::Null)
    );
    assert_eq!(first["results"][0]["webhook_id"], json!(wrong), "newest first");
    let path_of = |link: &Value| {
        let link = link.as_str().expect("a link");
        link[link.find("/v1/").expect("a path")..].to_owned()
    };
    let second = scene.call(&path_of(&first["next"])).await.json();
    assert_eq!(
        (second["results"].as_array().map(Vec::len), &second["next"]),
        (Some(2), &Value::Null)
    );
    let back = scene.call(&path_of(&second["previous"])).await.json();
    assert_eq!(back["results"], first["results"]);

    let path = format!("/v1/webhook-deliveries/{}/", row["id"].as_str().expect("an id"));
    let whole = scene.call(&path).await;
    let delivery = whole.json();
    assert_eq!(
        (
            &delivery["state"],
            &delivery["env_type"],
            &delivery["webhook_payload"]["what"]
        ),
        (&json!("failing"), &json!("sandbox"), &json!("wrong"))
    );
    let attempt = &delivery["history"][0];
    assert_eq!(
        (&attempt["number"], &attempt["status_code"]),
        (&json!(1), &json!(503))
    );
    let request = &attempt["requests"][0];
    assert!(
        request["timing"]["first_byte_ms"].is_u64() && request["address"].is_string(),
        "{request}"
    );
    assert!(
        !whole.body.contains("v1=") && !whole.body.contains("webhook-signature"),
        "{}",
        whole.body
    );
    assert!(!whole.body.contains(scene.key.secret.expose()));
}

#[tokio::test]
async fn a_read_only_key_reads_deliveries_and_a_key_of_another_environment_finds_none() {
    let scene = Scene::create().await;
    scene.publish("order-created", "{}").await;
    let delivery = scene.until("&state=delivered", 1).await.remove(0);
    let list = format!("/v1/webhook-deliveries/?webhook={}", scene.webhook);
    let one = format!(
        "/v1/webhook-deliveries/{}",
        delivery["id"].as_str().expect("an id")
    );
    let other = scene.world.key(scene.acme.id, Environment::Dev).await;
    let services = &scene.world.running().services;
    let read_only = KeyChange {
        read_only: Some(true),
        ..KeyChange::default()
    };
    let keys = &services.core.keys;
    let changed = keys
        .change(scene.acme.id, scene.key.key.id, read_only, &Actor::command_line())
        .await;
    changed.expect("changed");
    for path in [&list, &one] {
        assert_eq!(scene.call(path).await.status, StatusCode::OK, "{path}");
        let foreign = scene.call_with(&other, Method::GET, path).await;
        assert_eq!(foreign.status, StatusCode::NOT_FOUND, "{path}");
    }
    for method in [Method::POST, Method::DELETE] {
        let refused = scene.call_with(&other, method, &list).await;
        assert_eq!(refused.status, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(refused.header("allow"), "GET, HEAD");
    }
    for (query, field) in [("", "webhook"), ("?webhook=x", "webhook")] {
        let refused = scene.call(&format!("/v1/webhook-deliveries/{query}")).await;
        let wrong = &refused.json()["error"]["extra"]["invalid-params"][0]["field"];
        assert_eq!((refused.status, wrong), (StatusCode::BAD_REQUEST, &json!(field)));
    }
    let nowhere = "0".repeat(32);
    for path in [
        format!("/v1/webhook-deliveries/?webhook={nowhere}"),
        format!("/v1/webhook-deliveries/{nowhere}/"),
    ] {
        assert_eq!(scene.call(&path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn the_list_without_scripts_is_filtered_and_paged_by_its_address() {
    let scene = Scene::create().await;
    for number in 0..51 {
        scene
            .publish("order-created", &format!("{{\"number\":{number}}}"))
            .await;
    }
    scene.publish("link-deleted", r#"{"what":"wrong"}"#).await;
    scene.until("&state=failing", 1).await;
    let rows = |answer: &Answer| answer.body.matches("class=\"row-link\"").count();
    let first = scene.page("").await;
    assert_eq!((first.status, rows(&first)), (StatusCode::OK, 50));
    let older = first.body.split("?before=").nth(1).expect("a link to older ones");
    let older = older.split('"').next().expect("an address");
    let second = scene.page(&format!("?before={older}")).await;
    assert_eq!(rows(&second), 2);
    assert!(second.body.contains(">Newest<") && second.body.contains("?after="));
    let failing = scene.page("?state=failing&event=link-deleted").await;
    assert_eq!(rows(&failing), 1);
    assert!(
        failing.body.contains("link-deleted?")
            || failing.body.contains("?state=failing&amp;event=link-deleted")
    );
    // A replay leads back into the list.
    let id = scene.list("&state=failing").await["results"][0]["id"].clone();
    let path = format!(
        "/c/{}/development/webhooks/{}/deliveries/{}/replay?state=failing&before=x",
        scene.acme.client_id,
        scene.webhook,
        id.as_str().expect("an id")
    );
    let replayed = scene
        .world
        .ask(Method::POST, &path)
        .cookie(&scene.acme.owner)
        .form(&[])
        .send()
        .await;
    assert!(
        replayed.header("location").ends_with("?state=failing&replayed=1"),
        "{replayed:?}"
    );
    let none = scene.page("?state=failing&event=order-finalized").await;
    assert_eq!((none.status, rows(&none)), (StatusCode::OK, 0));
    assert!(none.body.contains("No deliveries match") && none.body.contains("there is 1 delivery"));
    let unknown = format!(
        "/c/{}/development/webhooks/{}/deliveries",
        scene.acme.client_id,
        "0".repeat(32)
    );
    let unknown = scene.world.get(&unknown).cookie(&scene.acme.owner).send().await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
}

/// A text of the page as the reader copies it. Pages write a character as a name or as a number.
fn unescaped(html: &str) -> String {
    let characters = [
        ('<', ["&lt;", "&#60;", "&#x3C;"]),
        ('>', ["&gt;", "&#62;", "&#x3E;"]),
        ('"', ["&quot;", "&#34;", "&#x22;"]),
        ('\'', ["&apos;", "&#39;", "&#x27;"]),
        ('&', ["&amp;", "&#38;", "&#x26;"]),
    ];
    let mut text = html.to_owned();
    for (character, written) in characters {
        for one in written {
            text = text.replace(one, &character.to_string());
        }
    }
    text
}

/// Runs a command of the page in a shell.
async fn run(command: &str) {
    let line = format!("{command} --silent --show-error --max-time 10");
    let ran = tokio::task::spawn_blocking(move || Command::new("sh").args(["-c", &line]).output());
    let ran = ran.await.expect("it ended").expect("a shell with curl");
    assert!(
        ran.status.success(),
        "{}: {command}",
        String::from_utf8_lossy(&ran.stderr)
    );
}

fn command_in(page: &Answer) -> String {
    let from = page
        .body
        .find("curl -X POST")
        .unwrap_or_else(|| panic!("{}", page.body));
    unescaped(page.body[from..].split('<').next().expect("an end"))
}

impl Scene {
    /// Checks both signatures as a receiver does, and returns the time of the second one.
    async fn verified(&self, request: &Received) -> i64 {
        let sign = vault::sign_v1(self.key.secret.expose(), &request.body);
        assert_eq!(request.header("x-webhook-sign"), Some(sign.as_str()));
        let webhooks = &self.world.running().services.webhooks;
        let secret = webhooks
            .reveal_secret(self.acme.id, self.webhook, &Actor::command_line())
            .await
            .expect("revealed");
        let secret = secret
            .expose()
            .strip_prefix("whsec_")
            .expect("a prefix")
            .to_owned();
        let secret = STANDARD.decode(secret).expect("base64");
        let id = request.header("webhook-id").expect("an id");
        let seconds = request
            .header("webhook-timestamp")
            .expect("a time")
            .parse()
            .expect("seconds");
        let signature = vault::sign_standard_webhook(&secret, id, seconds, &request.body);
        assert_eq!(request.header("webhook-signature"), Some(signature.as_str()));
        seconds
    }
}

#[tokio::test]
async fn the_copied_command_sends_the_same_bytes_and_its_signatures_verify() {
    let clock = ManualClock::at(Timestamp::from_millis(1_767_614_400_000));
    let scene = Scene::create_by(Some(&clock)).await;
    let payload = r#"{"note":"it's <b>\"quoted\"</b> & $HOME `id` \\ ü","lines":["a\nb"]}"#;
    scene.publish("order-created", payload).await;
    let delivery = scene.until("&state=delivered", 1).await.remove(0);
    let own = format!("/{}", delivery["id"].as_str().expect("an id"));
    run(&command_in(&scene.page(&own).await)).await;
    let received = scene.receiver.wait_for(2).await;
    let (sent, copied) = (&received[0], &received[1]);
    assert_eq!(
        String::from_utf8_lossy(&copied.body),
        String::from_utf8_lossy(&sent.body)
    );
    for name in ["content-type", "user-agent", "webhook-id", "webhook-timestamp"] {
        assert_eq!(copied.header(name), sent.header(name), "{name}");
    }
    let before = scene.verified(copied).await;

    // A receiver that checks the time no longer accepts that.
    clock.advance_seconds(600);
    let path = format!(
        "/c/{}/development/webhooks/{}/deliveries{own}/sign",
        scene.acme.client_id, scene.webhook
    );
    let sign = |cookie: &str| scene.world.ask(Method::POST, &path).cookie(cookie).form(&[]);
    let signed = sign(&scene.acme.owner).send().await;
    assert_eq!(signed.header("cache-control"), "no-store");
    run(&command_in(&signed)).await;
    let received = scene.receiver.wait_for(3).await;
    assert_eq!(received[2].body, received[0].body);
    assert_eq!(scene.verified(&received[2]).await, before + 600);
    let refused = sign(&scene.acme.viewer).send().await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
}
