//! How far back the Logs page goes, and what it says about that.

use clock::ManualClock;
use http::StatusCode;
use model::{Actor, Environment, Timestamp};

use crate::world::{To, World};

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
