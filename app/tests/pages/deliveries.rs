//! The list of a webhook's deliveries and the page of one, over fixed rows.

use model::{
    DeliveryCursor, DeliveryFilter, DeliveryListing, DeliveryPage, DeliveryPlace, DeliveryRow, DeliveryState,
    DeliveryView, EventId, EventType, FailureClass, Loosened, Role, WebhookId, WebhookRow,
};

use crate::world::{NOON, World, delivery_id, owner, webhook_id};
use crate::{assert_sound, render, text_of};

/// One in every state.
pub(crate) fn delivery_rows(webhook: WebhookId) -> Vec<DeliveryRow> {
    let delivery = |number: u8, event_type, state, attempts, last_status, last_failure| DeliveryRow {
        id: delivery_id(number),
        webhook_id: webhook,
        event_id: EventId::time_ordered(NOON, [number; 10]),
        event_type,
        test: false,
        state,
        attempts,
        attempts_at_most: 10,
        replays: 0,
        next_attempt_at: None,
        webhook_is_off: false,
        on_hold: false,
        created_at: NOON.minus_seconds(60 * i64::from(number)),
        last_status,
        last_failure,
        last_duration_ms: Some(84),
    };
    use DeliveryState::{Delivered, Exhausted, Held, Pending, Skipped};
    vec![
        DeliveryRow {
            next_attempt_at: Some(NOON.plus_seconds(24)),
            ..delivery(
                1,
                EventType::from_static("order-created"),
                Pending,
                3,
                Some(503),
                Some(FailureClass::Status),
            )
        },
        DeliveryRow {
            test: true,
            attempts_at_most: 1,
            ..delivery(
                2,
                EventType::from_static("order-created"),
                Delivered,
                1,
                Some(200),
                None,
            )
        },
        delivery(
            3,
            EventType::from_static("order-status-updated"),
            Exhausted,
            10,
            None,
            Some(FailureClass::TimeoutHeaders),
        ),
        delivery(
            4,
            EventType::from_static("bank-accounts-updated"),
            Held,
            0,
            None,
            None,
        ),
        delivery(
            5,
            EventType::from_static("task-status-updated"),
            Skipped,
            0,
            None,
            None,
        ),
        delivery(
            6,
            EventType::from_static("task-status-updated"),
            Delivered,
            1,
            Some(204),
            None,
        ),
    ]
}

/// The page of these rows that a view shows.
pub(crate) fn listing(row: WebhookRow, all: &[DeliveryRow], view: &DeliveryView) -> DeliveryListing {
    let matching = |filter: &DeliveryFilter| -> Vec<DeliveryRow> {
        all.iter().filter(|row| filter.matches(row)).cloned().collect()
    };
    let rows = matching(&view.filter_at(NOON));
    let looser = if rows.is_empty() {
        view.looser()
    } else {
        Vec::new()
    };
    let loosened = looser.into_iter().map(|view| Loosened {
        deliveries: matching(&view.filter_at(NOON)).len() as u64,
        view,
    });
    let first = rows.first().map(DeliveryPlace::of);
    DeliveryListing {
        webhook: row.webhook,
        on_hold: row.on_hold,
        loosened: loosened.filter(|one| one.deliveries > 0).collect(),
        page: DeliveryPage {
            older: rows.last().map(DeliveryPlace::of),
            newer: first.filter(|_| view.cursor != DeliveryCursor::Newest),
            rows,
        },
    }
}

#[tokio::test]
async fn a_delivery_shows_every_step_and_says_what_was_slow() {
    let path = format!("webhooks/{}/deliveries/{}", webhook_id(1), delivery_id(1));
    let html = render(
        owner(),
        &format!("{path}?state=failing&state=exhausted"),
        "delivery-steps",
    )
    .await;
    assert_sound(&html);
    let text = text_of(&html);
    for words in [
        "Accepted",
        "Queued",
        "Waited for the retry",
        "DNS 2 ms",
        "Connect 11 ms",
        "TLS 24 ms",
        "First byte 47 ms ended here",
        "Response body 1 ms",
        "84 ms in all",
    ] {
        assert!(text.contains(words), "{words} in {text}");
    }
    // The list that it was opened from is in every link that leads around in it.
    let filter = "?state=failing&amp;state=exhausted\"";
    let own = format!("webhooks/{}/deliveries", webhook_id(1));
    assert!(html.contains(&format!("{own}{filter}")), "back to the list");
    assert!(
        html.contains(&format!("{own}/{}{filter}", delivery_id(3))) && text.contains("Next delivery"),
        "the next exhausted one: {text}"
    );
    assert!(!text.contains("Previous delivery"), "it is the first of them");
}

#[tokio::test]
async fn the_list_of_deliveries_has_its_filters_as_links_and_as_a_form() {
    let path = format!("webhooks/{}/deliveries", webhook_id(1));
    let html = render(owner(), &path, "deliveries").await;
    assert_sound(&html);
    let text = text_of(&html);
    for words in [
        "Loan origination",
        "Retrying",
        "Apply",
        "More filters",
        "Show older deliveries",
    ] {
        assert!(text.contains(words), "{words} in {text}");
    }
    assert!(
        html.contains(&format!("{path}?state=exhausted\"")),
        "a state is a link"
    );
    assert!(
        html.contains("<option value=\"order-created\""),
        "the installation's types"
    );
    assert!(!text.contains("Active filters"));

    let filtered = render(
        owner(),
        &format!("{path}?state=exhausted&failure=timeout_headers&range=24h&before=x"),
        "deliveries-filtered",
    )
    .await;
    assert_sound(&filtered);
    let text = text_of(&filtered);
    for words in [
        "State: Exhausted",
        "What failed: No response in time",
        "Time: Last 24 hours",
        "before must be a place in this list.",
        "order-status-updated",
    ] {
        assert!(text.contains(words), "{words} in {text}");
    }
    assert!(!text.contains("link-connected Delivered"), "{text}");
    assert!(filtered.contains("<input type=\"hidden\" name=\"state\" value=\"exhausted\""));
    let row = format!(
        "{path}/{}?state=exhausted&amp;failure=timeout_headers&amp;range=24h\"",
        delivery_id(3)
    );
    assert!(filtered.contains(&row), "the row keeps the filter: {filtered}");
}

#[tokio::test]
async fn a_list_without_deliveries_says_why_and_what_to_loosen() {
    let path = format!("webhooks/{}/deliveries", webhook_id(1));
    let html = render(
        owner(),
        &format!("{path}?state=skipped&event=order-created"),
        "deliveries-none",
    )
    .await;
    assert_sound(&html);
    let text = text_of(&html);
    assert!(text.contains("No deliveries match"), "{text}");
    assert!(
        text.contains("Without State: Skipped , there are 2 deliveries"),
        "{text}"
    );
    assert!(
        text.contains("Without Event: order-created , there is 1 delivery"),
        "{text}"
    );
    let world = World {
        role: Role::Owner,
        empty: true,
        ..owner()
    };
    let text = text_of(&render(world, &path, "deliveries-empty").await);
    assert!(
        text.contains("Nothing sent yet") && !text.contains("Show older"),
        "{text}"
    );
}

#[tokio::test]
async fn what_is_on_hold_is_said_on_the_webhooks_page_and_in_its_list() {
    let page = format!("webhooks/{}", webhook_id(5));
    for (path, file) in [
        (page.clone(), "on-hold"),
        (format!("{page}/deliveries"), "deliveries-on-hold"),
    ] {
        let html = render(owner(), &path, file).await;
        assert_sound(&html);
        let text = text_of(&html);
        assert!(text.contains("1 delivery is on hold."), "{text}");
        assert!(html.contains(&format!("{page}/deliveries?state=on_hold\"")));
    }
}
