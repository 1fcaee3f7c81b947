//! Renders pages on the server over fixed data: what they say, and that a Viewer is told why not. Each page is left in
//! the target directory, where it can be looked at with `style/main.css`.
#![cfg(feature = "ssr")]

mod deliveries;
mod log_entry;
mod logs;
mod untouched;
mod world;

use std::collections::BTreeSet;
use std::sync::Arc;

use app::ports::Visitor;
use futures_util::StreamExt;
use leptos::prelude::*;
use leptos_router::location::RequestUrl;
use model::{RequestId, Role};

use crate::world::{
    LONG_URL, NOON, RECEIVER, Somebody, World, company, delivery_id, owner, viewer, webhook_id,
};

/// The page at `path` below `/c/{company}/development/`, whole.
async fn render(world: World, path: &str, file: &str) -> String {
    // Listing the routes also makes Leptos run on this runtime, as the server does it.
    assert!(!leptos_axum::generate_route_list(app::App).is_empty());
    let owner = Owner::new_root(None);
    let stream = owner.with(|| {
        let visitor: Arc<dyn Visitor> = Arc::new(Somebody(Arc::new(world)));
        provide_context(visitor);
        provide_context(RequestUrl::new(&format!("/c/{}/development/{path}", company())));
        view! { <app::App /> }.to_html_stream_in_order()
    });
    let html: String = stream.collect().await;
    let page = format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\"><link rel=\"stylesheet\" href=\"/style/main.css\"></head>\
         <body>{html}</body></html>"
    );
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{file}.html"));
    std::fs::write(path, page).expect("the target directory can be written");
    html
}

/// The text of the page as a reader gets it: tags and comments out, spaces joined.
fn text_of(html: &str) -> String {
    let mut text = String::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        text.push_str(&rest[..at]);
        let end = if rest[at..].starts_with("<!--") {
            "-->"
        } else {
            ">"
        };
        rest = rest[at..].find(end).map_or("", |to| &rest[at + to + end.len()..]);
        // A comment parts nothing that is read.
        if end == ">" {
            text.push(' ');
        }
    }
    text.push_str(rest);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn attribute<'a>(html: &'a str, name: &str) -> Vec<&'a str> {
    let start = format!(" {name}=\"");
    html.split(start.as_str())
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect()
}

/// What holds for every page: ids once, references with their target, nothing styled in place.
fn assert_sound(html: &str) {
    let ids = attribute(html, "id");
    let unique: BTreeSet<_> = ids.iter().copied().collect();
    assert!(!ids.is_empty());
    assert_eq!(ids.len(), unique.len(), "an id is used twice in {ids:?}");
    for name in ["for", "aria-labelledby", "aria-describedby"] {
        for target in attribute(html, name).into_iter().flat_map(str::split_whitespace) {
            assert!(unique.contains(target), "{name} points at #{target}");
        }
    }
    assert!(!html.contains(" style="));
    assert_eq!(html.matches("<h1").count(), 1);
}

#[tokio::test]
async fn the_list_says_in_words_how_each_webhook_is_doing() {
    let html = render(owner(), "webhooks", "webhooks-list").await;
    assert_sound(&html);
    let text = text_of(&html);
    for words in [
        "Failing since 5 Jan 2026 09:00:00 UTC",
        "Healthy",
        "Held: no API key",
        "Disabled: 410 Gone",
        "1,284 delivered",
        "37 failed",
        "3 waiting",
        "None due 2 waiting 1 on hold",
        "Paused",
        "Nothing delivered since 5 Jan 2026 10:20:00 UTC",
        "at 5 Jan 2026 12:00:24 UTC",
    ] {
        assert!(text.contains(words), "{words} in {text}");
    }
    assert!(html.contains(&format!("title=\"{LONG_URL}\"")));
    assert!(
        text.find("Loan origination") < text.find("Order mirror"),
        "the failing one comes first"
    );
}

#[tokio::test]
async fn an_empty_list_teaches_and_offers_the_form() {
    let html = render(
        World {
            role: Role::Owner,
            empty: true,
            ..owner()
        },
        "webhooks",
        "webhooks-empty",
    )
    .await;
    assert_sound(&html);
    let text = text_of(&html);
    assert!(
        text.contains("No webhook yet") && text.contains("Use the built-in receiver"),
        "{text}"
    );
    assert!(html.contains("/webhooks/new\""));
}

#[tokio::test]
async fn a_webhook_names_its_key_and_why_it_fails() {
    let html = render(owner(), &format!("webhooks/{}", webhook_id(1)), "one").await;
    assert_sound(&html);
    let text = text_of(&html);
    for words in [
        "The last 37 attempts failed: 21 × no response in time, 16 × status 503.",
        "Signed with the Production key ending a6f1",
        "attempt 3 of 10 , next at 5 Jan 2026 12:00:24 UTC",
        "and 2 more",
        "Send test event",
        "waiting for an API key",
        "3 deliveries are waiting to be sent.",
        "nothing sent",
    ] {
        assert!(text.contains(words), "{words} in {text}");
    }
    assert!(html.contains(&format!("/docs/security?company={}#verify", company())));
}

#[tokio::test]
async fn every_state_of_a_webhook_has_its_explanation() {
    for (number, words) in [
        (2, "All events, including future ones"),
        (
            2,
            "Rotated. Deliveries are also signed with the previous secret until 5 Jan 2026",
        ),
        (2, "Standard Webhooks secret"),
        (
            3,
            "Disabled: the receiver returned 410 Gone. Nothing is sent. 5 deliveries are waiting. Waiting deliveries are sent when you",
        ),
        (4, "Development has no active key"),
        (
            5,
            "Paused by ana@example.com. Nothing is sent. 2 deliveries are waiting. New deliveries wait too. When you enable it, all are sent, oldest first",
        ),
        (6, "Nothing delivered since 5 Jan 2026 10:20:00 UTC"),
    ] {
        let html = render(
            owner(),
            &format!("webhooks/{}", webhook_id(number)),
            &format!("one-{number}"),
        )
        .await;
        assert_sound(&html);
        assert!(text_of(&html).contains(words), "{words}");
    }
    let html = render(
        World {
            role: Role::Owner,
            empty: true,
            ..owner()
        },
        &format!("webhooks/{}?saved=created", webhook_id(2)),
        "new",
    )
    .await;
    assert!(
        text_of(&html).contains("Saved. Send a test event"),
        "{}",
        text_of(&html)
    );
}

#[tokio::test]
async fn a_viewer_sees_everything_and_is_told_why_nothing_can_be_done() {
    let html = render(viewer(), &format!("webhooks/{}", webhook_id(1)), "one-viewer").await;
    assert_sound(&html);
    let why = "Viewers cannot change webhooks. Ask an Owner";
    let refused = "aria-disabled=\"true\" aria-describedby=\"read-only\"";
    assert_eq!(text_of(&html).matches(why).count(), 1, "{}", text_of(&html));
    assert_eq!(html.matches("id=\"read-only\"").count(), 1);
    assert_eq!(
        html.matches(refused).count(),
        4,
        "pause, edit, delete, test: {html}"
    );
    let list = render(viewer(), "webhooks", "webhooks-list-viewer").await;
    assert!(!list.contains("/webhooks/new\""));
    assert_eq!(
        (list.matches(refused).count(), text_of(&list).matches(why).count()),
        (1, 1)
    );
    let form = render(viewer(), "webhooks/new", "webhooks-form-viewer").await;
    assert!(!form.contains("name=\"webhook_url\"") && text_of(&form).contains("Not allowed"));
}

#[tokio::test]
async fn the_form_comes_back_as_it_was_with_its_faults() {
    let query = "again=1&name=CRM&webhook_url=https%3A%2F%2F10.0.0.1%2Fin&env_type=prod&all_events=false&events=order-created";
    let html = render(owner(), &format!("webhooks/new?{query}"), "form-again").await;
    assert_sound(&html);
    assert_eq!(
        attribute(&html, "value")
            .iter()
            .filter(|value| **value == "https://10.0.0.1/in")
            .count(),
        1
    );
    let text = text_of(&html);
    assert!(text.contains("This address is private."), "{text}");
    assert!(text.contains("Production has no active key"), "{text}");
    assert!(text.contains("1 of 7 types selected"), "{text}");
}

#[tokio::test]
async fn a_fresh_form_names_no_fault_and_offers_every_type_with_its_sentence() {
    let html = render(owner(), "webhooks/new", "webhooks-form").await;
    assert_sound(&html);
    assert!(!html.contains("aria-invalid"));
    let text = text_of(&html);
    for entry in world::catalogue().entries() {
        let event = &entry.event_type;
        assert_eq!(text.contains(&entry.description), !entry.removed, "{event}");
        let value = format!("value=\"{event}\"");
        assert_eq!(html.contains(&value), !entry.removed, "{event}");
    }
    assert!(text.contains(RECEIVER));
}

#[tokio::test]
async fn a_webhook_keeps_a_removed_type_and_its_page_and_form_say_so() {
    let page = format!("webhooks/{}", webhook_id(1));
    let html = render(owner(), &page, "webhook-removed-type").await;
    assert_sound(&html);
    let text = text_of(&html);
    assert!(text.contains("order-finalized removed, no longer sent"), "{text}");
    assert!(!html.contains("<option value=\"order-finalized\""));
    let html = render(owner(), &format!("{page}/edit"), "webhooks-form-removed-type").await;
    assert_sound(&html);
    let text = text_of(&html);
    assert!(
        text.contains("Removed: no longer sent. An order is final."),
        "{text}"
    );
    assert!(text.contains("8 of 8 types selected"), "{text}");
}

#[tokio::test]
async fn a_delivery_shows_cause_attempts_and_the_bytes() {
    let html = render(
        owner(),
        &format!("webhooks/{}/deliveries/{}", webhook_id(1), delivery_id(1)),
        "delivery",
    )
    .await;
    assert_sound(&html);
    let text = text_of(&html);
    assert!(html.contains(&format!("/logs/{}\"", RequestId::time_ordered(NOON, [5; 10]))));
    for words in [
        "Attempt 1",
        "Try now",
        "No response in time",
        "503 Unavailable",
        "the first 16 KiB of the response were stored",
        "First byte 46 ms",
        "Replay 1",
    ] {
        assert!(text.contains(words), "{words} in {text}");
    }
    assert!(
        html.contains("&lt;h1&gt;503 Service Unavailable&lt;/h1&gt;"),
        "an answer is shown as text"
    );
    assert!(html.contains("curl -X POST"));
    assert!(
        text.find("Replay 1") < text.find("Attempt 1"),
        "the latest attempt comes first"
    );
}

#[tokio::test]
async fn a_delivery_below_another_webhook_is_not_found() {
    let html = render(
        owner(),
        &format!("webhooks/{}/deliveries/{}", webhook_id(2), delivery_id(1)),
        "delivery-lost",
    )
    .await;
    assert!(text_of(&html).contains("Not found"));
    assert!(!html.contains("curl -X POST"));
}

#[tokio::test]
async fn the_delete_page_states_what_goes() {
    let html = render(owner(), &format!("webhooks/{}/delete", webhook_id(1)), "delete").await;
    assert_sound(&html);
    let text = text_of(&html);
    assert!(
        text.contains("3 deliveries are waiting and will not be sent."),
        "{text}"
    );
    assert!(html.contains(&format!("/webhooks/{}/delete\"", webhook_id(1))));
}
