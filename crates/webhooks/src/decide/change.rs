//! What a change does to a webhook and to its waiting deliveries.

use model::{DeliveryState, DisabledReason, Timestamp, Webhook};

use crate::storage::WebhookChange;
use crate::target::Target;
use crate::{Fate, Standing};

/// What happens to the deliveries that wait for a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// They keep their times.
    Stays,
    /// They become due, oldest first. A delivery with an attempt in progress or a manual replay keeps its time.
    GoesOut,
    /// They end as [`ends_as`] decides.
    Ends,
}

impl Waiting {
    /// For a webhook that now has this standing. `just_enabled` says whether this change enabled it.
    pub const fn of(standing: Standing, just_enabled: bool) -> Self {
        match standing.waiting() {
            Fate::Sent if just_enabled => Self::GoesOut,
            Fate::Sent | Fate::Waits | Fate::Skipped => Self::Stays,
            Fate::Ended => Self::Ends,
        }
    }
}

/// A webhook after a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    pub webhook: Webhook,
    /// The normal form of the new URL. `None` if the URL stays.
    pub normal_url: Option<String>,
    /// Whether the webhook starts fresh: when it began to fail, and whether there was a warning, is cleared. What was
    /// not delivered is kept.
    pub forgets_failures: bool,
    /// Whether the webhook loses its own headers: they were meant for the origin of the URL before.
    pub forgets_headers: bool,
    pub waiting: Waiting,
}

/// Applies a change that `who` makes. Enabling a webhook or changing its URL clears its failures. If Gatehouse has disabled a webhook
/// and someone pauses it, the original reason stays.
pub fn changed(before: Webhook, change: WebhookChange, who: &str, now: Timestamp) -> Changed {
    let just_enabled = change.enabled == Some(true) && !before.enabled;
    let other_url = change.url.as_ref().is_some_and(|url| url.given != before.url);
    let forgets_headers = change
        .url
        .as_ref()
        .is_some_and(|url| origin(&url.given) != origin(&before.url));
    let (url, normal_url) = match change.url {
        Some(url) => (url.given, Some(url.normal)),
        None => (before.url, None),
    };
    let enabled = change.enabled.unwrap_or(before.enabled);
    let disabled = if enabled {
        None
    } else {
        Some(before.disabled.unwrap_or(DisabledReason::ByHand))
    };
    let paused_by = match (before.enabled, enabled) {
        (_, true) => None,
        (true, false) => Some(who.to_owned()),
        (false, false) => before.paused_by.clone(),
    };
    Changed {
        webhook: Webhook {
            name: change.name.unwrap_or(before.name),
            url,
            events: change.events.unwrap_or(before.events),
            enabled,
            disabled,
            paused_by,
            updated_at: now,
            ..before
        },
        normal_url,
        forgets_failures: just_enabled || other_url,
        forgets_headers,
        waiting: Waiting::of(Standing::of(disabled), just_enabled),
    }
}

/// Scheme, host and port. URLs that cannot be read have none, and differ from all that can.
fn origin(url: &str) -> Option<(bool, String, u16)> {
    Target::parse(url).ok().map(|target| target.origin())
}

/// How a waiting delivery ends when its webhook is deleted. If it had already ended before someone replayed it, it
/// returns to that state. Otherwise it is skipped if it was never tried.
pub const fn ends_as(replayed_from: Option<DeliveryState>, tried: bool) -> DeliveryState {
    match replayed_from {
        Some(
            ended @ (DeliveryState::Delivered
            | DeliveryState::Exhausted
            | DeliveryState::Skipped
            | DeliveryState::Cancelled),
        ) => ended,
        Some(DeliveryState::Pending | DeliveryState::Held) | None if tried => DeliveryState::Exhausted,
        Some(DeliveryState::Pending | DeliveryState::Held) | None => DeliveryState::Skipped,
    }
}

/// What a page says about a delivery's next attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outlook {
    pub next_attempt_at: Option<Timestamp>,
    /// It waits, and nothing is sent until the webhook is enabled.
    pub webhook_is_off: bool,
}

/// During an attempt there is no next one yet: `due_at` is then the end of the lease, which means nothing to a reader.
/// While a delivery is on hold, its time means nothing either.
pub fn outlook(
    standing: Standing,
    state: DeliveryState,
    under_way: bool,
    on_hold: bool,
    due_at: Option<Timestamp>,
) -> Outlook {
    let webhook_is_off = state.waits() && !under_way && standing.waiting() != Fate::Sent;
    Outlook {
        next_attempt_at: due_at.filter(|_| !under_way && !on_hold && !webhook_is_off),
        webhook_is_off,
    }
}

#[cfg(test)]
mod tests {
    use model::{Environment, EventType, WebhookEvents, WebhookId};

    use super::*;
    use crate::storage::ChangedUrl;

    const MADE: Timestamp = Timestamp::from_millis(1_767_607_200_000);
    const ANA: &str = "ana@example.com";
    const NOW: Timestamp = Timestamp::from_millis(1_767_607_260_000);

    fn webhook(disabled: Option<DisabledReason>) -> Webhook {
        Webhook {
            id: WebhookId::from_random([1; 16]),
            name: "Orders".to_owned(),
            url: "https://example.com/".to_owned(),
            environment: Environment::Sandbox,
            events: WebhookEvents::All,
            enabled: disabled.is_none(),
            disabled,
            paused_by: (disabled == Some(DisabledReason::ByHand)).then(|| ANA.to_owned()),
            created_at: MADE,
            updated_at: MADE,
        }
    }

    #[test]
    fn pausing_and_enabling_change_the_reason_and_the_waiting_deliveries() {
        use DisabledReason::{ByHand, FailedTooLong, Gone};
        use Waiting::{GoesOut, Stays};
        // Columns: disabled reason before, requested state, disabled reason after, waiting deliveries, whether failures
        // are cleared.
        let table = [
            (None, None, None, Stays, false),
            (None, Some(true), None, Stays, false),
            (None, Some(false), Some(ByHand), Stays, false),
            (Some(ByHand), None, Some(ByHand), Stays, false),
            (Some(ByHand), Some(false), Some(ByHand), Stays, false),
            (Some(ByHand), Some(true), None, GoesOut, true),
            (Some(Gone), Some(false), Some(Gone), Stays, false),
            (Some(Gone), Some(true), None, GoesOut, true),
            (Some(FailedTooLong), None, Some(FailedTooLong), Stays, false),
            (Some(FailedTooLong), Some(true), None, GoesOut, true),
        ];
        for (before, asked, after, waiting, forgets) in table {
            let change = WebhookChange {
                enabled: asked,
                ..WebhookChange::default()
            };
            let expected = Changed {
                webhook: Webhook {
                    updated_at: NOW,
                    ..webhook(after)
                },
                normal_url: None,
                forgets_failures: forgets,
                forgets_headers: false,
                waiting,
            };
            assert_eq!(
                changed(webhook(before), change, ANA, NOW),
                expected,
                "{before:?} {asked:?}"
            );
        }
    }

    #[test]
    fn who_paused_a_webhook_is_kept_until_it_is_enabled() {
        let switched = |before: Webhook, who: &str, enabled: bool| {
            let change = WebhookChange {
                enabled: Some(enabled),
                ..WebhookChange::default()
            };
            changed(before, change, who, NOW).webhook
        };
        let paused = switched(webhook(None), "key …a6f1", false);
        assert_eq!(
            paused.disabled_sentence().as_deref(),
            Some("Paused by key …a6f1.")
        );
        let again = switched(paused, ANA, false);
        assert_eq!(
            again.paused_by.as_deref(),
            Some("key …a6f1"),
            "it was paused already"
        );
        assert_eq!(switched(again, ANA, true).disabled_sentence(), None);
        let gone = switched(webhook(Some(DisabledReason::Gone)), ANA, false);
        assert_eq!(
            gone.disabled_sentence().as_deref(),
            Some("Disabled: the receiver returned 410 Gone.")
        );
    }

    #[test]
    fn a_new_url_clears_failures_and_the_same_one_does_not() {
        for (given, forgets) in [("https://example.com/", false), ("https://example.com/b", true)] {
            let change = WebhookChange {
                name: Some("Other".to_owned()),
                url: Some(ChangedUrl {
                    given: given.to_owned(),
                    normal: "normal".to_owned(),
                }),
                events: Some(WebhookEvents::Only(vec![EventType::from_static("link-deleted")])),
                enabled: None,
            };
            let after = changed(webhook(None), change, ANA, NOW);
            assert_eq!(
                (after.forgets_failures, after.waiting, after.normal_url.as_deref()),
                (forgets, Waiting::Stays, Some("normal"))
            );
            assert_eq!(
                after.webhook,
                Webhook {
                    name: "Other".to_owned(),
                    url: given.to_owned(),
                    events: WebhookEvents::Only(vec![EventType::from_static("link-deleted")]),
                    updated_at: NOW,
                    ..webhook(None)
                }
            );
        }
    }

    #[test]
    fn waiting_deliveries_are_sent_when_their_webhook_is_enabled_and_end_when_it_is_deleted() {
        for standing in Standing::ALL {
            let expected = match standing {
                Standing::Active => [Waiting::Stays, Waiting::GoesOut],
                Standing::Deleted => [Waiting::Ends; 2],
                Standing::NoKey | Standing::Paused | Standing::Disabled => [Waiting::Stays; 2],
            };
            let got = [false, true].map(|just_enabled| Waiting::of(standing, just_enabled));
            assert_eq!(got, expected, "{standing:?}");
        }
    }

    #[test]
    fn a_replay_of_a_deleted_webhook_ends_in_its_earlier_state() {
        use DeliveryState as S;
        // Columns: replayed from, result if never tried, result if tried.
        let table = [
            (None, S::Skipped, S::Exhausted),
            (Some(S::Pending), S::Skipped, S::Exhausted),
            (Some(S::Held), S::Skipped, S::Exhausted),
            (Some(S::Delivered), S::Delivered, S::Delivered),
            (Some(S::Exhausted), S::Exhausted, S::Exhausted),
            (Some(S::Skipped), S::Skipped, S::Skipped),
            (Some(S::Cancelled), S::Cancelled, S::Cancelled),
        ];
        for (from, untried, tried) in table {
            assert_eq!(
                (ends_as(from, false), ends_as(from, true)),
                (untried, tried),
                "{from:?}"
            );
        }
    }

    #[test]
    fn a_page_shows_when_the_next_attempt_is_or_why_there_is_none() {
        use DeliveryState as S;
        let (at, none) = (Some(NOW), None);
        // Columns: webhook, state, in progress, due, next attempt, whether the webhook is off.
        let table = [
            (Standing::Active, S::Pending, false, at, at, false),
            (Standing::Active, S::Pending, true, at, none, false),
            (Standing::Active, S::Held, false, none, none, false),
            (Standing::Paused, S::Pending, false, at, none, true),
            (Standing::Disabled, S::Pending, false, at, none, true),
            (Standing::Paused, S::Held, false, none, none, true),
            (Standing::Paused, S::Pending, true, at, none, false),
            (Standing::Paused, S::Delivered, false, none, none, false),
            (Standing::Deleted, S::Exhausted, false, none, none, false),
        ];
        for (standing, state, under_way, due_at, next_attempt_at, webhook_is_off) in table {
            assert_eq!(
                outlook(standing, state, under_way, false, due_at),
                Outlook {
                    next_attempt_at,
                    webhook_is_off
                },
                "{standing:?} {state:?} {under_way}"
            );
            let on_hold = Outlook {
                next_attempt_at: none,
                webhook_is_off,
            };
            assert_eq!(outlook(standing, state, under_way, true, due_at), on_hold);
        }
    }
}
