//! Which deliveries a request shows, and to whom.

use model::{EventType, RequestId, RequestReceiver};
use webhooks::{Publication, WebhooksError};

use crate::webhook_tables::WebhookTables;
use crate::webhook_world::{SANDBOX, World, ana, draft};

contract!(
    store::MAIN_MIGRATIONS,
    [],
    in memory too: [a_request_has_the_deliveries_of_the_company_and_its_brands_and_of_no_other]
);

/// A parent sees its brands' deliveries, but not which webhook received them; a brand sees only its own.
async fn a_request_has_the_deliveries_of_the_company_and_its_brands_and_of_no_other(db: &impl WebhookTables) {
    let world = World::create(db).await;
    let parent = world.company.id;
    let [brand, sibling] = [
        db.company(3, Some(world.company)).await,
        db.company(4, Some(world.company)).await,
    ];
    let request = RequestId::from_random([7; 16]);
    let publish = async |company, request_id| {
        let publication = Publication {
            company,
            environment: SANDBOX,
            event_type: EventType::from_static("order-created"),
            payload: "{}",
            happened_at: None,
            request_id,
            idempotency_key: None,
        };
        let published = world.webhooks.publish(publication, &ana()).await;
        published.expect("published").event
    };
    let mut webhooks = Vec::new();
    let mut events = Vec::new();
    for (at, company) in [parent, brand.id, sibling.id, world.other.id]
        .into_iter()
        .enumerate()
    {
        let draft = draft(&format!("https://example.com/{at}"));
        webhooks.push(
            world
                .webhooks
                .create(company, &draft, &ana())
                .await
                .expect("created"),
        );
        events.push(publish(company, Some(request)).await);
        publish(company, Some(RequestId::from_random([8; 16]))).await;
        world.clock.advance_seconds(1);
    }
    let seen_by = async |company| {
        let deliveries = world
            .webhooks
            .deliveries_of_request(company, request)
            .await
            .expect("read");
        let of_events = world
            .webhooks
            .events_of_request(company, request)
            .await
            .expect("read");
        let mut delivered: Vec<_> = deliveries.iter().map(|one| one.row.event_id).collect();
        delivered.reverse();
        assert_eq!(delivered, of_events, "each event has one delivery");
        let to: Vec<_> = deliveries.into_iter().rev().map(|one| one.to).collect();
        (of_events, to)
    };
    let own = |at: usize| RequestReceiver::Webhook(webhooks[at].name.clone());
    let of_brand = |number: u8| RequestReceiver::Brand(format!("Company {number}"));
    assert_eq!(
        seen_by(parent).await,
        (events[..3].to_vec(), vec![own(0), of_brand(3), of_brand(4)])
    );
    for (at, company) in [(1, brand.id), (2, sibling.id), (3, world.other.id)] {
        assert_eq!(seen_by(company).await, (vec![events[at]], vec![own(at)]));
    }
    // What a parent may not open is not found.
    let of_brand = world
        .webhooks
        .deliveries_of_request(brand.id, request)
        .await
        .expect("read");
    let opened = world.webhooks.delivery(parent, of_brand[0].row.id).await;
    assert!(matches!(opened, Err(WebhooksError::NotFound)), "{opened:?}");
    world
        .webhooks
        .delete(parent, None, webhooks[0].id, &ana())
        .await
        .expect("deleted");
    assert_eq!(seen_by(parent).await.1[0], RequestReceiver::DeletedWebhook);
}
