//! How a running server behaves as time passes. The test moves the clock, so waiting a day takes no time.

use clock::ManualClock;
use http::{Method, StatusCode};
use model::{Environment, Timestamp};
use serde_json::json;

use crate::live::Stream;
use crate::receiver::{Receiver, Reply};
use crate::world::{Ask, To, World};

const START: Timestamp = Timestamp::from_millis(1_767_614_400_000);
const DAY: i64 = 24 * 3600;

#[tokio::test]
async fn a_session_unused_for_a_day_ends_and_so_does_its_stream() {
    let clock = ManualClock::at(START);
    let world = World::start_by(&clock, |_| {}).await;
    let acme = world.acme("Acme").await;
    let page = format!("/c/{}/development/keys", acme.client_id);
    let stream = Stream::open(&world, &acme).await;
    let seen = async || world.get(&page).cookie(&acme.owner).send().await.status;
    assert_eq!(seen().await, StatusCode::OK);
    clock.advance_seconds(DAY);
    assert_eq!(seen().await, StatusCode::SEE_OTHER);
    stream.read_to_end().await;
}

#[tokio::test]
async fn a_key_over_its_budget_is_accepted_again_once_the_budget_refills() {
    let clock = ManualClock::at(START);
    let world = World::start_by(&clock, |config| {
        config.rate_limit = server::config::RateLimit::Requests(2);
    })
    .await;
    let (company, client_id) = world.company("Acme").await;
    let key = world.key(company, Environment::Sandbox).await;
    let status = async || {
        let ask = world.get("/v1/webhooks/").to(To::Gateway);
        let ask = ask
            .header("x-access-client-id", &client_id.to_string())
            .header("x-access-secret", key.secret.expose());
        ask.send().await.status
    };
    assert_eq!((status().await, status().await), (StatusCode::OK, StatusCode::OK));
    assert_eq!(status().await, StatusCode::TOO_MANY_REQUESTS);
    clock.advance_seconds(29);
    assert_eq!(status().await, StatusCode::TOO_MANY_REQUESTS);
    clock.advance_seconds(1);
    assert_eq!(status().await, StatusCode::OK);
}

#[tokio::test]
async fn a_failed_delivery_is_retried_when_it_is_due() {
    let clock = ManualClock::at(START);
    let world = World::start_by(&clock, |config| {
        config.allow_networks = vec!["127.0.0.0/8".parse().expect("a network")];
        // The clock stands still, so the rate limit would not refill during this test's many requests.
        config.rate_limit = server::config::RateLimit::Off;
    })
    .await;
    let (company, client_id) = world.company("Acme").await;
    let secret = world.key(company, Environment::Sandbox).await.secret;
    let receiver = Receiver::start(|_| Reply::status(500)).await;
    let as_program = async |ask: Ask<'_>| {
        ask.to(To::Gateway)
            .header("x-access-client-id", &client_id.to_string())
            .header("x-access-secret", secret.expose())
            .send()
            .await
    };
    let draft = json!({ "name": "Orders", "webhook_url": receiver.url("/hook"), "env_type": "sandbox" });
    let created = as_program(world.ask(Method::POST, "/v1/webhooks/").json(&draft)).await;
    assert_eq!(created.status, StatusCode::CREATED, "{}", created.body);
    world.publish(company).await;
    for attempts in 1..=3 {
        assert_eq!(receiver.wait_for(attempts).await.len(), attempts);
        // The consequences of an attempt are decided when it is recorded.
        loop {
            let history = as_program(world.get("/v1/webhook-requests/")).await.json();
            if history["results"]
                .as_array()
                .is_some_and(|rows| rows.len() == attempts)
            {
                break;
            }
            tokio::task::yield_now().await;
        }
        clock.advance_seconds(30);
    }
    assert_eq!(receiver.wait_for(4).await.len(), 4);
}
