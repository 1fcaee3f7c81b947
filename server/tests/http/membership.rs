//! A request looks its membership up once, however often it needs it. The next request looks it up again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::{Method, StatusCode};
use model::{Actor, ClientId, Role};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

use crate::world::World;

/// Counts the server's log messages about looking up a membership of this company.
struct LookUps {
    company: ClientId,
    count: Arc<AtomicUsize>,
}

#[derive(Default)]
struct Said {
    company: String,
    message: String,
}

impl Visit for Said {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        match field.name() {
            "company" => self.company = format!("{value:?}"),
            "message" => self.message = format!("{value:?}"),
            _ => {}
        }
    }
}

impl<S: Subscriber> Layer<S> for LookUps {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut said = Said::default();
        event.record(&mut said);
        if said.message == "looking a membership up" && said.company == self.company.to_string() {
            self.count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[tokio::test]
async fn every_kind_of_request_looks_its_membership_up_once() {
    let world = World::start().await;
    let acme = world.acme("Acme").await;
    let count = Arc::new(AtomicUsize::new(0));
    let look_ups = LookUps {
        company: acme.client_id,
        count: Arc::clone(&count),
    };
    // This test's server runs on this thread.
    let _counting = tracing::subscriber::set_default(tracing_subscriber::registry().with(look_ups));
    let id = acme.client_id.to_string();
    for page in ["keys", "logs", "webhooks", "webhooks/new"] {
        let answer = world
            .get(&format!("/c/{id}/development/{page}"))
            .cookie(&acme.owner)
            .send()
            .await;
        assert_eq!(answer.status, StatusCode::OK, "{page}");
        assert_eq!(count.swap(0, Ordering::Relaxed), 1, "the page {page}");
    }
    let answer = world
        .ask(Method::POST, &format!("/c/{id}/development/keys/generate"))
        .cookie(&acme.owner)
        .form(&[("environment", "sandbox")])
        .send()
        .await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(count.swap(0, Ordering::Relaxed), 1, "a form without scripts");
    let answer = world
        .ask(Method::POST, "/rpc/keys/generate_key")
        .cookie(&acme.owner)
        .form(&[("company", &id), ("environment", "dev")])
        .send()
        .await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(count.swap(0, Ordering::Relaxed), 1, "a server function");
}

/// The statuses of a page of this company, one of its forms, and one of its server functions.
async fn statuses(world: &World, cookie: &str, company: ClientId) -> [StatusCode; 3] {
    let company = company.to_string();
    let fields = [
        ("company", company.as_str()),
        ("environment", "prod"),
        ("name", "Billing"),
    ];
    let page = world.get(&format!("/c/{company}/development/keys"));
    let form = world.ask(Method::POST, &format!("/c/{company}/development/keys/generate"));
    let function = world.ask(Method::POST, "/rpc/keys/generate_key");
    [
        page.cookie(cookie).send().await.status,
        form.form(&fields).cookie(cookie).send().await.status,
        function.form(&fields).cookie(cookie).send().await.status,
    ]
}

/// Also for a person who stays signed in because they are a member of another company too.
#[tokio::test]
async fn a_membership_that_is_removed_is_refused_by_the_next_request() {
    let world = World::start().await;
    let acme = world.acme("Acme").await;
    let (_, elsewhere) = world.company("Elsewhere").await;
    let owner = format!("owner-{}@example.com", acme.client_id);
    world.member(elsewhere, &owner, Role::Owner).await;
    assert_eq!(
        statuses(&world, &acme.owner, acme.client_id).await,
        [StatusCode::OK; 3]
    );
    let accounts = &world.running().services.core.accounts;
    let members = accounts.members(acme.client_id).await.expect("a list");
    let member = members.iter().find(|member| member.email.as_str() == owner);
    accounts
        .remove_member(member.expect("a member").id, &Actor::command_line())
        .await
        .expect("it is removed");
    let cookie = world.sign_in(&owner).await;
    assert_eq!(
        statuses(&world, &cookie, acme.client_id).await,
        [StatusCode::NOT_FOUND; 3]
    );
    assert_eq!(statuses(&world, &cookie, elsewhere).await, [StatusCode::OK; 3]);
}
