//! What signs a delivery: the webhook's own secret, on pages that work without JavaScript, and the header names that an
//! installation chooses.

use http::{Method, StatusCode};
use model::{Actor, DeliveryHeaders, Environment, EventType, WebhookDraft, WebhookEvents, WebhookId};
use webhooks::SentHeaders;

use crate::receiver::{Receiver, Reply};
use crate::world::{Acme, World};

async fn webhook(world: &World, acme: &Acme, url: &str) -> WebhookId {
    let draft = WebhookDraft {
        name: "Orders".to_owned(),
        url: url.to_owned(),
        environment: Environment::Sandbox,
        events: WebhookEvents::All,
        enabled: true,
    };
    let webhooks = &world.running().services.webhooks;
    let created = webhooks.create(acme.id, &draft, &Actor::command_line()).await;
    created.expect("created").id
}

/// The text between `whsec_` and the next tag.
fn secret_on(page: &str) -> Option<&str> {
    let from = page.find("whsec_")?;
    page[from..].split('<').next()
}

#[tokio::test]
async fn without_javascript_the_webhooks_own_secret_is_shown_and_rotated_on_uncached_pages() {
    let world = World::start().await;
    let acme = world.acme("Acme").await;
    let id = webhook(&world, &acme, "https://example.com/").await;
    let own = format!("/c/{}/development/webhooks/{id}", acme.client_id);
    let post = async |what: &str| {
        let path = format!("{own}/secret/{what}");
        let answer = world
            .ask(Method::POST, &path)
            .cookie(&acme.owner)
            .form(&[])
            .send()
            .await;
        assert_eq!(answer.status, StatusCode::OK, "{what}");
        assert!(answer.header("cache-control").contains("no-store"), "{what}");
        secret_on(&answer.body).expect("the secret").to_owned()
    };
    let page = async || {
        let answer = world.get(&own).cookie(&acme.owner).send().await;
        assert_eq!(answer.status, StatusCode::OK);
        answer.body
    };
    let former = post("reveal").await;
    assert_eq!(former.len(), "whsec_".len() + 44);
    assert!(!page().await.contains(&former) && !page().await.contains("Rotated."));
    let current = post("rotate").await;
    assert_ne!(current, former);
    assert_eq!(post("reveal").await, current);
    let page = page().await;
    assert!(page.contains("Rotated.") && page.contains("whsec_•"), "{page}");
    assert!(!page.contains(&former) && !page.contains(&current));
    let viewed = world.get(&own).cookie(&acme.viewer).send().await;
    assert!(
        !viewed.body.contains("/secret/reveal"),
        "a Viewer does not see the form"
    );
}

#[tokio::test]
async fn deliveries_and_help_use_the_installations_own_header_names() {
    let named = DeliveryHeaders {
        user_agent: "Acme-Hooks/3.1".to_owned(),
        sign: "Acme-Signature".to_owned(),
    };
    let headers = SentHeaders::new(named).expect("both are allowed");
    let world = World::start_with(|config| {
        config.allow_networks = vec!["127.0.0.0/8".parse().expect("a network")];
        config.webhook_headers = headers;
    })
    .await;
    let acme = world.acme("Acme").await;
    let secret = world.key(acme.id, Environment::Sandbox).await.secret;
    let receiver = Receiver::start(|_| Reply::status(200)).await;
    let id = webhook(&world, &acme, &receiver.url("/")).await;
    let webhooks = &world.running().services.webhooks;
    let actor = Actor::command_line();
    let sent = webhooks
        .send_test(acme.id, id, EventType::from_static("order-created"), &actor)
        .await;
    sent.expect("sent");
    let received = receiver.wait_for(1).await.remove(0);
    let sign = vault::sign_v1(secret.expose(), &received.body);
    assert_eq!(
        (received.header("user-agent"), received.header("acme-signature")),
        (Some("Acme-Hooks/3.1"), Some(sign.as_str()))
    );
    assert_eq!(received.header("x-webhook-sign"), None);
    for path in ["/docs/webhook-events", "/docs/security"] {
        let page = world.get(path).send().await.body;
        assert!(page.contains("Acme-Signature"), "{path}");
        assert!(!page.contains(DeliveryHeaders::SIGN), "{path}");
        assert!(!page.contains(DeliveryHeaders::USER_AGENT), "{path}");
    }
}
