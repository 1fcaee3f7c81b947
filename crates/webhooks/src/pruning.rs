//! Removes events that are no longer kept, beside the deliveries. It takes at most half of the time that writing has, so
//! it keeps up with whatever is published and no other write waits long.

use std::time::Duration;

use tokio::time::Instant;

use crate::{StorageFailure, Webhooks};

/// Events and their results are kept for 30 days (contract section 4.8), plus one day for callers that ask right at the
/// end.
const KEPT_SECONDS: i64 = 31 * 24 * 3600;
/// How many events are removed at once. Small, so that no other write waits long.
const PRUNED_AT_ONCE: u32 = 500;
/// How often to look for old events when there are few.
const PRUNE_EVERY_SECONDS: i64 = 600;
/// How long to wait after a database error.
const AFTER_FAULT_SECONDS: i64 = 10;

/// Runs until it is dropped.
pub(crate) async fn run(webhooks: Webhooks) {
    let clock = webhooks.parts().clock.clone();
    loop {
        let pause = match prune(&webhooks).await {
            Ok(()) => PRUNE_EVERY_SECONDS,
            Err(error) => {
                tracing::error!(%error, "could not remove old events");
                AFTER_FAULT_SECONDS
            }
        };
        clock.sleep_until(clock.now().plus_seconds(pause)).await;
    }
}

/// Removes everything that is old.
async fn prune(webhooks: &Webhooks) -> Result<(), StorageFailure> {
    let parts = webhooks.parts();
    let now = parts.clock.now();
    parts.store.prune.erase_former_secrets(now).await?;
    let before = now.minus_seconds(KEPT_SECONDS);
    loop {
        let started = Instant::now();
        let removed = parts.store.prune.prune(before, PRUNED_AT_ONCE).await?;
        if removed < u64::from(PRUNED_AT_ONCE) {
            return Ok(());
        }
        tokio::time::sleep(started.elapsed().max(Duration::from_millis(1))).await;
    }
}
