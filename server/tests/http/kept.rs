//! How far back the Logs page goes, and what it says about that.

use clock::ManualClock;
use http::StatusCode;
use model::{Actor, Environment, GeneratedKey, Timestamp};
use server::admin::Command;

use crate::world::{Acme, To, World};

/// 5 January 2026, 12:00 UTC.
const START: Timestamp = Timestamp::from_millis(1_767_614_400_000);
const DAY: i64 = 24 * 3600;

#[tokio::test]
async fn a_company_sees_its_requests_for_as_many_days_as_its_log_is_kept() {
    let clock = ManualClock::at(START);
    let world = World::start_by(&clock, |config| {
        config.place.retention.log_days = Some(10);
        config.place.retention.body_days = Some(1);
    })
    .await;
    let acme = world.acme("Acme").await;
    let key = world.key(acme.id, Environment::Sandbox).await;
    let asked = world
        .get("/v1/webhooks/")
        .to(To::Gateway)
        .header("x-access-client-id", &acme.client_id.to_string())
        .header("x-access-secret", key.secret.expose())
        .send()
        .await;
    let services = &world.running().services;
    services.recorder.flush().await;
    let entry = format!(
        "/c/{}/development/logs/{}",
        acme.client_id,
        asked.headers["x-request-id"].to_str().expect("text")
    );
    let owner = format!("owner-{}@example.com", acme.client_id);
    // Sessions end after a day.
    let read = async |path: &str| {
        let cookie = world.sign_in(&owner).await;
        world.get(path).cookie(&cookie).send().await
    };
    let list = format!("/c/{}/development/logs?range=7d", acme.client_id);

    let body = read(&list).await.body;
    assert!(body.contains("/v1/webhooks/") && !body.contains("This list goes back to"));
    let body = read(&entry).await.body;
    assert!(body.contains("200") && !body.contains("No longer kept"));

    clock.advance_seconds(2 * DAY);
    assert!(read(&entry).await.body.contains("No longer kept"));

    let accounts = &services.core.accounts;
    let actor = Actor::command_line();
    accounts
        .set_log_days(acme.client_id, Some(2), &actor)
        .await
        .expect("set");
    let body = read(&list).await.body;
    assert!(body.contains("/v1/webhooks/"), "the day of the request is kept");
    assert!(
        body.contains("Requests are kept for 2 days.") && body.contains("5 Jan 2026"),
        "{body}"
    );

    clock.advance_seconds(DAY);
    let body = read(&list).await.body;
    assert!(!body.contains("/v1/webhooks/"), "{body}");
    assert!(body.contains("Requests are kept for 2 days.") && body.contains("6 Jan 2026"));
    assert_eq!(read(&entry).await.status, StatusCode::NOT_FOUND);

    accounts
        .set_log_days(acme.client_id, None, &actor)
        .await
        .expect("set");
    assert!(
        read(&list).await.body.contains("/v1/webhooks/"),
        "it was only hidden"
    );
}

/// A server whose company has made one request, with its session.
async fn with_one_request(world: &World) -> (Acme, String) {
    let acme = world.acme("Acme").await;
    let key = world.key(acme.id, Environment::Sandbox).await;
    request(world, &acme, &key).await;
    let list = format!("/c/{}/development/logs", acme.client_id);
    (acme, list)
}

async fn request(world: &World, acme: &Acme, key: &GeneratedKey) {
    let asked = world
        .get("/v1/webhooks/")
        .to(To::Gateway)
        .header("x-access-client-id", &acme.client_id.to_string())
        .header("x-access-secret", key.secret.expose());
    assert_eq!(asked.send().await.status, StatusCode::OK);
    world.running().services.recorder.flush().await;
}

async fn carry_out(world: &World, command: Command) -> Result<String, String> {
    let answer = server::admin::carry_out(command, &world.running().services.core).await;
    answer
        .map(|answer| format!("{answer:?}"))
        .map_err(|error| error.to_string())
}

#[tokio::test]
async fn an_erased_log_is_empty_at_once_and_its_receipt_says_when_it_was_removed() {
    let clock = ManualClock::at(START);
    let world = World::start_by(&clock, |_| {}).await;
    let (acme, list) = with_one_request(&world).await;
    let read = async || world.get(&list).cookie(&acme.owner).send().await.body;
    assert!(read().await.contains("/v1/webhooks/"));
    let erase = |confirmed| Command::EraseLog {
        client_id: acme.client_id,
        confirmed,
    };
    let refused = carry_out(&world, erase(false)).await.expect_err("it asks first");
    assert!(refused.contains("Acme") && refused.contains("--yes"), "{refused}");
    assert!(read().await.contains("/v1/webhooks/"));

    carry_out(&world, erase(true)).await.expect("erased");
    let body = read().await;
    assert!(!body.contains("/v1/webhooks/"), "{body}");
    assert!(body.contains("Waiting for your next request") && body.contains("Earlier requests were erased."));
    let receipt = test_wait::eventually("the rows are removed", async || {
        let list = carry_out(&world, Command::ListErasures).await.expect("a list");
        (!list.contains("Nothing")).then_some(list)
    })
    .await;
    assert!(receipt.contains(r#"("rows_removed", Text("1"))"#), "{receipt}");
    let status = carry_out(&world, Command::Status).await.expect("a status");
    assert!(status.contains(r#"("rows", Text("0"))"#), "{status}");

    clock.advance_seconds(60);
    let key = world.key(acme.id, Environment::Dev).await;
    request(&world, &acme, &key).await;
    assert!(
        read().await.contains("/v1/webhooks/"),
        "later requests are logged"
    );
}

#[tokio::test]
async fn days_that_are_over_are_removed_while_the_server_runs_and_metrics_say_what_is_left() {
    let clock = ManualClock::at(START);
    let world = World::start_by(&clock, |config| config.place.retention.log_days = Some(2)).await;
    with_one_request(&world).await;
    let metrics = async || world.get("/metrics").to(To::Operator).send().await.body;
    assert!(metrics().await.contains("gatehouse_log_rows 1\n"));
    test_wait::eventually("the rows are removed", async || {
        clock.advance_seconds(3600);
        metrics().await.contains("gatehouse_log_rows 0\n").then_some(())
    })
    .await;
    assert!(clock.now().millis_since(START) > 2 * DAY * 1000);
}
