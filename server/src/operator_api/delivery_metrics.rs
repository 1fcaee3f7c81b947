//! The metrics of deliveries: what waits, and the attempts of this node.

use webhooks::LATENCY_BOUNDS_MS;

use super::metrics::{Text, seconds};
use crate::services::Services;

pub(super) async fn write(text: &mut Text, services: &Services) {
    let webhooks = &services.webhooks;
    let oldest = "gatehouse_webhook_oldest_startable_seconds";
    text.head(
        oldest,
        "gauge",
        "For how long the oldest delivery that this node could start has been due. 0 while none has waited for a second.",
    );
    text.seconds(oldest, webhooks.oldest_startable_millis());
    backlog(text, services).await;
    attempts(text, services);
}

/// What waits in the database, for all nodes. If it does not answer, the other metrics are still there.
async fn backlog(text: &mut Text, services: &Services) {
    let backlog = match services.webhooks.backlog().await {
        Ok(backlog) => backlog,
        Err(error) => {
            tracing::warn!(
                error = crate::error::chain(&error),
                "could not count the deliveries that wait"
            );
            return;
        }
    };
    let name = "gatehouse_webhook_deliveries_waiting";
    text.head(
        name,
        "gauge",
        "Deliveries that have not ended, of all nodes: due, scheduled for later, with an attempt under way, or waiting for \
         their webhook, for a key or for the operator.",
    );
    for (state, count) in [
        ("due", backlog.due),
        ("scheduled", backlog.scheduled),
        ("under_way", backlog.under_way),
        ("webhook_off", backlog.webhook_off),
        ("no_key", backlog.no_key),
        ("on_hold", backlog.on_hold),
    ] {
        text.line(&format!("{name}{{state=\"{state}\"}}"), count);
    }
}

fn attempts(text: &mut Text, services: &Services) {
    let attempts = services.webhooks.attempts();
    let name = "gatehouse_webhook_attempts_total";
    text.head(name, "counter", "Attempts of this node to deliver, by outcome.");
    for (outcome, count) in &attempts.by_outcome {
        text.line(&format!("{name}{{outcome=\"{outcome}\"}}"), *count);
    }
    let name = "gatehouse_webhook_attempt_duration_seconds";
    text.head(name, "histogram", "How long attempts of this node took.");
    for (bound, count) in LATENCY_BOUNDS_MS.iter().zip(attempts.within) {
        text.line(&format!("{name}_bucket{{le=\"{}\"}}", seconds(*bound)), count);
    }
    text.line(&format!("{name}_bucket{{le=\"+Inf\"}}"), attempts.attempts);
    text.seconds(&format!("{name}_sum"), attempts.total_ms);
    text.line(&format!("{name}_count"), attempts.attempts);
}
