//! How a webhook is doing, in one word and, when it fails, in sentences for its page.

use model::{FailureClass, Timestamp, WebhookHealth, WebhookRow};

use crate::schedule::DISABLE_AFTER_SECONDS;
use crate::storage::{FailureCount, WebhookFacts};

/// The row of the Webhooks table.
pub(crate) fn row(facts: &WebhookFacts) -> WebhookRow {
    WebhookRow {
        webhook: facts.webhook.clone(),
        health: health(facts),
        last_delivery_at: facts.last_attempt_at,
        next_attempt_at: facts.next_attempt_at,
        delivered_24_hours: facts.delivered,
        failed_attempts_24_hours: facts.failed_attempts,
        pending: facts.pending + facts.held,
    }
}

fn health(facts: &WebhookFacts) -> WebhookHealth {
    match facts.failing_since {
        _ if !facts.webhook.enabled => WebhookHealth::Disabled,
        _ if facts.held > 0 => WebhookHealth::Held,
        Some(since) => WebhookHealth::Failing { since },
        None if facts.last_attempt_at.is_some() => WebhookHealth::Healthy,
        None => WebhookHealth::Idle,
    }
}

/// How many attempts failed and how, since when, and what happens if nothing changes. Empty without failures.
pub(crate) fn diagnosis(since: Timestamp, failures: &[FailureCount], enabled: bool) -> String {
    let total: u64 = failures.iter().map(|failure| failure.attempts).sum();
    if total == 0 {
        return String::new();
    }
    let kinds: Vec<String> = failures
        .iter()
        .map(|failure| format!("{} × {}", failure.attempts, kind(failure)))
        .collect();
    let (plural, kinds) = (if total == 1 { "" } else { "s" }, kinds.join(", "));
    let mut text = format!(
        "Last {total} attempt{plural} failed: {kinds}. First failure {}.",
        since.to_page_text()
    );
    if enabled {
        let disabled = since.plus_seconds(DISABLE_AFTER_SECONDS).to_page_text();
        text.push_str(&format!(
            " The webhook is disabled on {disabled} if nothing succeeds."
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
            // DNS and TLS stay as they are; other labels go on in a sentence.
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
    use super::*;

    #[test]
    fn the_diagnosis_counts_names_and_dates() {
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
            "Last 215 attempts failed: 198 × no answer in time, 16 × status 503, 1 × TLS failed. First failure \
             5 Jan 2026 10:00:00 UTC. The webhook is disabled on 10 Jan 2026 10:00:00 UTC if nothing succeeds."
        );
        assert_eq!(diagnosis(since, &[], true), "");
        assert!(!diagnosis(since, &failures, false).contains("is disabled on"));
    }
}
