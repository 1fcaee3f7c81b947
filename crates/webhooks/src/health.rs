//! Describes how a webhook is doing: in one word and, if it is failing, in sentences for its page.

use model::{FailureClass, Timestamp, WebhookHealth, WebhookRow};

use crate::schedule::DISABLE_AFTER_SECONDS;
use crate::storage::{FailureCount, WebhookFacts};

/// The row of the Webhooks table.
pub(crate) fn row(facts: &WebhookFacts) -> WebhookRow {
    WebhookRow {
        webhook: facts.webhook.clone(),
        health: health(facts),
        last_delivery_at: facts.last_attempt_at,
        next_attempt_at: facts.next_attempt_at.filter(|_| facts.webhook.enabled),
        delivered_24_hours: facts.delivered,
        failed_24_hours: facts.failed,
        pending: facts.pending + facts.held + facts.on_hold,
        on_hold: facts.on_hold,
    }
}

fn health(facts: &WebhookFacts) -> WebhookHealth {
    // A test's result counts only until something real is attempted after it.
    let test = facts
        .last_test
        .filter(|test| facts.last_attempt_at.is_none_or(|at| at <= test.at));
    match (facts.failing_since, facts.undelivered_since) {
        _ if !facts.webhook.enabled => WebhookHealth::Disabled,
        _ if facts.held > 0 => WebhookHealth::Held,
        (Some(since), _) => WebhookHealth::Failing { since },
        (None, Some(since)) => match test {
            Some(test) if test.delivered => WebhookHealth::Tested { delivered: true },
            _ => WebhookHealth::NotDelivered { since },
        },
        (None, None) if facts.last_attempt_at.is_some() => WebhookHealth::Healthy,
        (None, None) => test.map_or(WebhookHealth::Idle, |test| WebhookHealth::Tested {
            delivered: test.delivered,
        }),
    }
}

/// How many attempts failed and how, since when, and what will happen if nothing changes. Empty if none failed.
pub(crate) fn diagnosis(since: Timestamp, failures: &[FailureCount], enabled: bool) -> String {
    let total: u64 = failures.iter().map(|failure| failure.attempts).sum();
    if total == 0 {
        return String::new();
    }
    let kinds: Vec<String> = failures
        .iter()
        .map(|failure| format!("{} × {}", failure.attempts, kind(failure)))
        .collect();
    let attempts = match total {
        1 => "The last attempt".to_owned(),
        _ => format!("The last {total} attempts"),
    };
    let mut text = format!(
        "{attempts} failed: {}. First failure {}.",
        kinds.join(", "),
        since.to_page_text()
    );
    if enabled {
        let disabled = since.plus_seconds(DISABLE_AFTER_SECONDS).to_page_text();
        text.push_str(&format!(
            " The webhook will be disabled on {disabled} unless a delivery succeeds."
        ));
    }
    text
}

fn kind(failure: &FailureCount) -> String {
    match (failure.class, failure.status) {
        (FailureClass::Status, Some(status)) => format!("status {status}"),
        (class, _) => {
            let label = class.label();
            let mut letters = label.chars();
            // DNS and TLS keep their capitals. Other labels continue the sentence in lower case.
            match letters.next() {
                Some(first) if letters.clone().next().is_some_and(char::is_lowercase) => {
                    first.to_lowercase().chain(letters).collect()
                }
                _ => label.to_owned(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use model::{Environment, Webhook, WebhookEvents, WebhookId};

    use super::*;
    use crate::storage::LastTest;

    const THEN: Timestamp = Timestamp::from_millis(1_767_607_200_000);

    /// An enabled webhook that failed before it was enabled and has not been tried since.
    fn enabled_again() -> WebhookFacts {
        WebhookFacts {
            webhook: Webhook {
                id: WebhookId::from_random([1; 16]),
                name: "Orders".to_owned(),
                url: "https://example.com/".to_owned(),
                environment: Environment::Sandbox,
                events: WebhookEvents::All,
                enabled: true,
                disabled: None,
                paused_by: None,
                created_at: THEN,
                updated_at: THEN,
            },
            former_secret_until: None,
            failing_since: None,
            undelivered_since: Some(THEN),
            last_test: None,
            last_key: None,
            last_attempt_at: Some(THEN.plus_seconds(60)),
            next_attempt_at: None,
            delivered: 0,
            failed: 1,
            pending: 0,
            held: 0,
            on_hold: 0,
        }
    }

    #[test]
    fn after_enable_only_a_delivery_or_a_later_test_changes_the_health() {
        let with = |after: i64, delivered| {
            health(&WebhookFacts {
                last_test: Some(LastTest {
                    at: THEN.plus_seconds(after),
                    delivered,
                }),
                ..enabled_again()
            })
        };
        let not_delivered = WebhookHealth::NotDelivered { since: THEN };
        assert_eq!(health(&enabled_again()), not_delivered);
        assert_eq!(with(59, true), not_delivered, "the failure came after the test");
        assert_eq!(with(61, false), not_delivered);
        assert_eq!(with(61, true), WebhookHealth::Tested { delivered: true });
        let off = WebhookFacts {
            next_attempt_at: Some(THEN),
            webhook: Webhook {
                enabled: false,
                ..enabled_again().webhook
            },
            ..enabled_again()
        };
        assert_eq!(row(&off).next_attempt_at, None, "nothing is due while it is off");
    }

    #[test]
    fn the_diagnosis_states_counts_kinds_and_dates() {
        let since = Timestamp::from_millis(1_767_607_200_000);
        let failures = [
            FailureCount {
                class: FailureClass::TimeoutHeaders,
                status: None,
                attempts: 198,
            },
            FailureCount {
                class: FailureClass::Status,
                status: Some(503),
                attempts: 16,
            },
            FailureCount {
                class: FailureClass::Tls,
                status: None,
                attempts: 1,
            },
        ];
        assert_eq!(
            diagnosis(since, &failures, true),
            "The last 215 attempts failed: 198 × no response in time, 16 × status 503, 1 × TLS failed. First failure \
             5 Jan 2026 10:00:00 UTC. The webhook will be disabled on 10 Jan 2026 10:00:00 UTC unless a delivery succeeds."
        );
        assert_eq!(diagnosis(since, &[], true), "");
        assert!(!diagnosis(since, &failures, false).contains("will be disabled"));
    }
}
