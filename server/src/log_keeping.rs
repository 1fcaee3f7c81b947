//! Keeps the log within its limits: removes what is no longer kept, and what was erased. Every node runs it; the store lets
//! one of them do the work.

use std::time::Duration;

use crate::error::chain;
use crate::services::Services;

/// How often to look for rows that were erased. An erasure on this node is noticed at once.
const ERASE_EVERY: Duration = Duration::from_secs(60);
/// How often, in rounds of [`ERASE_EVERY`], to look for what is no longer kept.
const SWEEP_EVERY: u32 = 60;

/// Works now and until the server stops. What is interrupted goes on at the next start.
pub(crate) async fn keep_log(services: Services) {
    let core = &services.core;
    let mut minutes = core.clock.every(ERASE_EVERY);
    let mut until_sweep = 0;
    loop {
        if until_sweep == 0 {
            until_sweep = SWEEP_EVERY;
            sweep(&services).await;
        }
        let clock = core.clock.clone();
        if let Err(error) = services.log.remove_erased(move || clock.now()).await {
            tracing::warn!(
                error = chain(&error),
                "could not remove erased requests from the log; trying again"
            );
        }
        tokio::select! {
            () = services.stopping.cancelled() => return,
            () = core.log_erased.notified() => {}
            () = minutes.tick() => until_sweep -= 1,
        }
    }
}

async fn sweep(services: &Services) {
    let retention = services.core.retention;
    match services.log.sweep(retention, services.core.clock.now()).await {
        Ok(swept) if swept == store::logs::Swept::default() => {}
        Ok(swept) => tracing::info!(
            rows = swept.rows,
            segments = swept.segments,
            segments_for_room = swept.for_room,
            segments_without_bodies = swept.bodies,
            "removed from the log what is no longer kept"
        ),
        Err(error) => {
            tracing::warn!(
                error = chain(&error),
                "could not remove from the log what is no longer kept"
            );
        }
    }
}
