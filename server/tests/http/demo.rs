//! The demo as a newcomer finds it.

use accounts::Passwords;
use clock::Clock;
use http::{Method, StatusCode};
use logs::Scope;
use model::{
    Choice, DateRange, DisabledReason, Environment, LogFilter, Recorded, StatusFilter, Verdict, WebhookHealth,
};
use server::config::Demo;
use server::serve;
use server::services::Services;

use crate::world::{To, World, config};

fn filter(change: impl FnOnce(&mut LogFilter)) -> LogFilter {
    let mut filter = LogFilter {
        range: DateRange::Last7Days,
        ..LogFilter::default()
    };
    change(&mut filter);
    filter
}

async fn company(services: &Services) -> accounts::Company {
    let companies = services.core.accounts.companies().await.expect("reads");
    let brands = companies
        .iter()
        .filter(|company| company.parent.is_some())
        .count();
    assert_eq!((companies.len(), brands), (4, 3));
    companies
        .into_iter()
        .find(|company| company.parent.is_none())
        .expect("the parent")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demo_has_history_live_traffic_and_a_curl_line_that_works() {
    let mut world = World::start_with(|config| config.demo = Some(Demo::Full)).await;
    let services = world.running().services.clone();
    let acme = company(&services).await;

    let groups = services.core.keys.list(acme.id).await.expect("lists");
    let counts: Vec<_> = groups
        .iter()
        .map(|group| (group.environment, group.keys.len()))
        .collect();
    assert_eq!(
        counts,
        [
            (Environment::Sandbox, 1),
            (Environment::Dev, 2),
            (Environment::Prod, 0)
        ]
    );
    assert!(groups[0].keys[0].last_used.is_some(), "its key has been used");

    let scope = Scope::WithBrands {
        company: acme.id,
        client_id: acme.client_id,
    };
    let now = services.clock().now();
    let page = async |filter: &LogFilter| services.reading.page(scope, filter, now).await.expect("a page");
    let all = page(&filter(|_| {})).await.matching;
    assert!(all.is_some_and(|all| all > 10_000), "{all:?}");
    let outage = page(&filter(|filter| {
        filter.status = Choice::only(Some(StatusFilter::Exactly(503)))
    }))
    .await
    .matching;
    assert!((40..150).contains(&outage.expect("counted")), "{outage:?}");
    let tried = page(&filter(|filter| {
        filter.status = Choice::only(Some(StatusFilter::Exactly(401)))
    }))
    .await;
    assert!(tried.rows.len() > 40 && tried.rows.iter().all(|row| row.verdict == Verdict::DeletedKey));
    let older = page(&filter(|filter| filter.before = Some(20))).await;
    assert!(
        older.rows.len() >= 15
            && older
                .rows
                .iter()
                .all(|row| now.millis_since(row.at) > 6 * 86_400_000)
    );

    test_wait::until("a healthy, a failing and a disabled webhook", async || {
        let rows = services.webhooks.list(acme.id).await.expect("lists");
        assert_eq!(rows.len(), 3);
        let has = |wanted: fn(&WebhookHealth) -> bool| rows.iter().any(|row| wanted(&row.health));
        has(|health| matches!(health, WebhookHealth::Failing { .. }))
            && has(|health| *health == WebhookHealth::Healthy)
            && has(|health| *health == WebhookHealth::Disabled)
            && rows
                .iter()
                .any(|row| row.webhook.disabled == Some(DisabledReason::Gone))
    })
    .await;
    test_wait::until("a real request of a brand", async || {
        services.recorder.flush().await;
        let rows = page(&filter(|_| {})).await.rows;
        rows.iter()
            .any(|row| row.brand.is_some() && row.at > world.running().started_at)
    })
    .await;

    let line = world.running().demo_curl.clone().flatten().expect("a line");
    let secret = line
        .split("X-Access-Secret: ")
        .nth(1)
        .and_then(|rest| rest.split('\'').next())
        .expect("a secret");
    let call = |method: Method, path: &str| {
        let call = world
            .ask(method, path)
            .to(To::Gateway)
            .header("x-access-client-id", &acme.client_id.to_string());
        call.header("x-access-secret", secret).send()
    };
    assert_eq!(call(Method::GET, "/v1/users/").await.status, StatusCode::OK);
    let ordered = call(Method::POST, "/v1/orders/").await;
    assert_eq!(ordered.status, StatusCode::CREATED);
    let request = ordered.header("x-request-id").parse().expect("an id");
    let deliveries = services
        .webhooks
        .deliveries_of_request(acme.id, request)
        .await
        .expect("reads");
    assert_eq!(
        deliveries.len(),
        2,
        "one delivered to the working webhook, one skipped for the disabled one"
    );
    services.recorder.flush().await;
    let entry = services
        .reading
        .entry(scope, request, services.clock().now())
        .await
        .expect("reads")
        .expect("it is stored");
    assert_eq!(entry.recorded, Recorded::Gateway);

    drop(services);
    world.stop().await;
    let mut again = config(world.data_dir());
    again.demo = Some(Demo::Full);
    let running = serve::start(again, Passwords::cheap(), Clock::machine())
        .await
        .expect("starts again");
    assert_eq!(company(&running.services).await, acme);
    let kept = running.demo_curl.clone().flatten().expect("a line");
    assert!(
        kept.contains(secret),
        "the key from the first start is still active"
    );
    running.stop().await;
}
