//! The states of webhooks and deliveries in words, and the small texts that the pages of this folder share.

use leptos::prelude::*;
use model::{DeliveryRow, DeliveryState, DisabledReason, SigningKey, Timestamp, Webhook, WebhookHealth};

use crate::browser::clock::{self, PageClock};
use crate::pages::logs::words::grouped;
use crate::ui::{State, StateBadge, duration_text};

/// How a webhook is doing: "Failing for 3 h". The distance keeps itself up to date once the page is hydrated.
#[component]
pub(super) fn HealthBadge(health: WebhookHealth, disabled: Option<DisabledReason>) -> impl IntoView {
    let ready = clock::ready();
    let now = PageClock::here();
    let state = health_state(&health, disabled);
    let words =
        Memo::new(move |_| health_words(&health, disabled, if ready.get() { now.now() } else { None }));
    view! { {move || view! { <StateBadge state=state words=words.get() /> }} }
}

const fn health_state(health: &WebhookHealth, disabled: Option<DisabledReason>) -> State {
    match health {
        WebhookHealth::Idle => State::Waiting,
        WebhookHealth::Tested { delivered: true } => State::Delivered,
        WebhookHealth::Tested { delivered: false } => State::Failed,
        WebhookHealth::Healthy => State::Healthy,
        WebhookHealth::Failing { .. } => State::Failing,
        WebhookHealth::NotDelivered { .. } => State::Retrying,
        WebhookHealth::Held => State::Held,
        WebhookHealth::Disabled => match disabled {
            Some(DisabledReason::ByHand) => State::Paused,
            _ => State::Disabled,
        },
    }
}

/// `now` is none where there is no clock: then the moment itself is named.
fn health_words(health: &WebhookHealth, disabled: Option<DisabledReason>, now: Option<Timestamp>) -> String {
    match (health, disabled) {
        (WebhookHealth::Idle, _) => "Nothing sent yet".to_owned(),
        (WebhookHealth::Tested { delivered: true }, _) => "Test delivered".to_owned(),
        (WebhookHealth::Tested { delivered: false }, _) => "Test failed".to_owned(),
        (WebhookHealth::Healthy, _) => "Healthy".to_owned(),
        (WebhookHealth::NotDelivered { since }, _) => {
            format!("Nothing delivered since {}", since.to_page_text())
        }
        (WebhookHealth::Failing { since }, _) => match now {
            Some(now) => format!("Failing for {}", short_distance(now.millis_since(*since) / 1000)),
            None => format!("Failing since {}", since.to_page_text()),
        },
        (WebhookHealth::Held, _) => "Held: no API key".to_owned(),
        (WebhookHealth::Disabled, Some(DisabledReason::ByHand)) => "Paused".to_owned(),
        (WebhookHealth::Disabled, Some(DisabledReason::Gone)) => "Disabled: 410 Gone".to_owned(),
        (WebhookHealth::Disabled, Some(DisabledReason::FailedTooLong)) => {
            "Disabled: failed for 5 days".to_owned()
        }
        (WebhookHealth::Disabled, None) => "Disabled".to_owned(),
    }
}

/// "40 s", "12 min", "3 h", "2 d".
fn short_distance(seconds: i64) -> String {
    match seconds.max(0) {
        seconds @ ..60 => format!("{seconds} s"),
        seconds @ 60..3600 => format!("{} min", seconds / 60),
        seconds @ 3600..172_800 => format!("{} h", seconds / 3600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

/// The state of a delivery, as its badge shows it.
pub(super) fn delivery_state(row: &DeliveryRow) -> State {
    match row.state {
        state if row.on_hold && state.waits() => State::Held,
        DeliveryState::Pending if row.attempts == 0 => State::Waiting,
        DeliveryState::Pending => State::Retrying,
        DeliveryState::Held => State::Held,
        DeliveryState::Delivered => State::Delivered,
        // A test has one attempt: there was nothing to exhaust.
        DeliveryState::Exhausted if row.attempts_at_most <= 1 => State::Failed,
        DeliveryState::Exhausted => State::Exhausted,
        DeliveryState::Skipped => State::Skipped,
        DeliveryState::Cancelled => State::Cancelled,
    }
}

/// "attempt 3 of 10": attempts made, not the next one. Replays are counted separately: they use up none of the ten.
pub(super) fn attempts_text(row: &DeliveryRow) -> String {
    let made = match (row.state, row.attempts) {
        (DeliveryState::Skipped, _) => return "nothing sent".to_owned(),
        (DeliveryState::Cancelled, 0) if row.replays == 0 => return "nothing sent".to_owned(),
        // Only replays were made.
        (DeliveryState::Delivered | DeliveryState::Exhausted | DeliveryState::Cancelled, 0) => String::new(),
        (DeliveryState::Cancelled, made) => {
            format!("cancelled after attempt {made} of {}", row.attempts_at_most)
        }
        (DeliveryState::Exhausted, made) if made < row.attempts_at_most => {
            format!("ended after attempt {made} of {}", row.attempts_at_most)
        }
        (_, 0) => format!("0 of {} attempts", row.attempts_at_most),
        (_, made) => format!("attempt {made} of {}", row.attempts_at_most),
    };
    let by_hand = match row.replays {
        0 => String::new(),
        1 => "1 replay".to_owned(),
        more => format!("{more} replays"),
    };
    let waits_for = match row.state {
        state if row.on_hold && state.waits() => "on hold",
        _ if row.webhook_is_off => "waiting until the webhook is enabled",
        DeliveryState::Held => "waiting for an API key",
        _ => "",
    };
    let parts = [made.as_str(), by_hand.as_str(), waits_for];
    let said: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    said.join(", ")
}

/// Which key signs, as one sentence without its end: "Signed with the Sandbox key ending a6f1".
pub(super) fn signing_text(webhook: &Webhook, key: &SigningKey) -> String {
    format!(
        "Signed with the {} key ending {}",
        webhook.environment.label(),
        key.last_four
    )
}

/// Why that one.
pub(super) fn signing_reason(key: &SigningKey) -> &'static str {
    match (key.active_keys, key.last_succeeded) {
        (0 | 1, _) => "It is the only active key in the environment.",
        (_, true) => {
            "Two keys are active. This one was the last to work here; if your endpoint refuses it, the other is tried once."
        }
        (_, false) => {
            "Two keys are active and neither has worked here yet, so the older one signs. If your endpoint refuses it, the other is tried once."
        }
    }
}

/// How long an attempt took; it is measured in whole milliseconds.
pub(super) fn took_text(millis: u64) -> String {
    match millis {
        0 => "<1 ms".to_owned(),
        1..1000 => format!("{millis} ms"),
        _ => duration_text(millis * 1000),
    }
}

/// "1 delivery is waiting", "3 deliveries are waiting".
pub(super) fn waiting_text(pending: u64) -> String {
    match pending {
        1 => "1 delivery is waiting".to_owned(),
        n => format!("{} deliveries are waiting", grouped(n)),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use model::{DeliveryId, EventId, EventType, WebhookId};

    pub(in super::super) fn row(state: DeliveryState, attempts: u32, at_most: u32) -> DeliveryRow {
        DeliveryRow {
            id: DeliveryId::from_random([1; 16]),
            webhook_id: WebhookId::from_random([2; 16]),
            event_id: EventId::from_random([3; 16]),
            event_type: EventType::from_static("order-created"),
            test: at_most == 1,
            state,
            attempts,
            attempts_at_most: at_most,
            replays: 0,
            next_attempt_at: None,
            webhook_is_off: false,
            on_hold: false,
            created_at: Timestamp::from_millis(0),
            last_status: None,
            last_failure: None,
            last_duration_ms: None,
        }
    }

    #[test]
    fn a_failing_webhook_says_since_when_in_one_unit() {
        let since = Timestamp::from_millis(1_767_614_400_000);
        let health = WebhookHealth::Failing { since };
        for (seconds, text) in [
            (40, "40 s"),
            (720, "12 min"),
            (3 * 3600 + 59, "3 h"),
            (30 * 3600, "30 h"),
            (3 * 86_400, "3 d"),
        ] {
            assert_eq!(
                health_words(&health, None, Some(since.plus_seconds(seconds))),
                format!("Failing for {text}")
            );
        }
        assert_eq!(
            health_words(&health, None, None),
            "Failing since 5 Jan 2026 12:00:00 UTC"
        );
    }

    #[test]
    fn a_webhook_that_failed_and_was_enabled_again_is_not_healthy() {
        let since = Timestamp::from_millis(1_767_614_400_000);
        assert_eq!(
            health_words(&WebhookHealth::NotDelivered { since }, None, Some(since)),
            "Nothing delivered since 5 Jan 2026 12:00:00 UTC"
        );
        assert_eq!(
            [true, false].map(|delivered| health_words(&WebhookHealth::Tested { delivered }, None, None)),
            ["Test delivered", "Test failed"]
        );
    }

    #[test]
    fn a_failed_test_is_failed_and_not_exhausted() {
        assert_eq!(
            delivery_state(&row(DeliveryState::Exhausted, 1, 1)),
            State::Failed
        );
        assert_eq!(
            delivery_state(&row(DeliveryState::Exhausted, 10, 10)),
            State::Exhausted
        );
    }

    #[test]
    fn a_delivery_that_was_tried_is_retrying() {
        assert_eq!(
            delivery_state(&row(DeliveryState::Pending, 0, 10)),
            State::Waiting
        );
        assert_eq!(
            delivery_state(&row(DeliveryState::Pending, 2, 10)),
            State::Retrying
        );
    }

    #[test]
    fn a_delivery_on_hold_is_held_whatever_else_it_waits_for() {
        for state in [DeliveryState::Pending, DeliveryState::Held] {
            let on_hold = DeliveryRow {
                on_hold: true,
                webhook_is_off: true,
                ..row(state, 2, 10)
            };
            assert_eq!(delivery_state(&on_hold), State::Held);
            assert_eq!(attempts_text(&on_hold), "attempt 2 of 10, on hold");
        }
        assert_eq!(
            delivery_state(&row(DeliveryState::Cancelled, 2, 10)),
            State::Cancelled
        );
    }

    #[test]
    fn a_duration_claims_no_more_than_was_measured() {
        assert_eq!(
            [0, 1, 84, 10_000].map(took_text),
            ["<1 ms", "1 ms", "84 ms", "10.00 s"]
        );
    }

    #[test]
    fn attempts_are_told_as_made_of_possible() {
        assert_eq!(
            attempts_text(&row(DeliveryState::Pending, 3, 10)),
            "attempt 3 of 10"
        );
        assert_eq!(
            attempts_text(&row(DeliveryState::Held, 0, 10)),
            "0 of 10 attempts, waiting for an API key"
        );
        let paused = DeliveryRow {
            webhook_is_off: true,
            ..row(DeliveryState::Pending, 1, 10)
        };
        assert_eq!(
            attempts_text(&paused),
            "attempt 1 of 10, waiting until the webhook is enabled"
        );
        assert_eq!(attempts_text(&row(DeliveryState::Skipped, 0, 10)), "nothing sent");
        assert_eq!(
            attempts_text(&row(DeliveryState::Cancelled, 0, 10)),
            "nothing sent"
        );
        assert_eq!(
            attempts_text(&row(DeliveryState::Cancelled, 2, 10)),
            "cancelled after attempt 2 of 10"
        );
        assert_eq!(
            attempts_text(&row(DeliveryState::Exhausted, 1, 10)),
            "ended after attempt 1 of 10"
        );
    }

    #[test]
    fn attempts_by_hand_are_none_of_the_ten() {
        let replayed = |state, attempts, replays| {
            attempts_text(&DeliveryRow {
                replays,
                ..row(state, attempts, 10)
            })
        };
        assert_eq!(
            replayed(DeliveryState::Delivered, 10, 1),
            "attempt 10 of 10, 1 replay"
        );
        assert_eq!(
            replayed(DeliveryState::Pending, 1, 2),
            "attempt 1 of 10, 2 replays"
        );
        assert_eq!(replayed(DeliveryState::Delivered, 0, 1), "1 replay");
    }
}
