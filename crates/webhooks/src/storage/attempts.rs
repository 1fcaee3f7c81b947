//! Finished attempts: what `attempt.rs` writes.

use std::sync::Arc;

use async_trait::async_trait;
use model::{AttemptId, AttemptOutcome, AuditId, DeliveryState, HopRecord, KeyId, Timestamp};

use super::Claimed;
use crate::StorageFailure;
use crate::decide::{Consequence, Report};

/// A finished attempt and its consequences.
#[derive(Clone, Debug)]
pub struct FinishedAttempt {
    pub claimed: Claimed,
    pub id: AttemptId,
    pub started_at: Timestamp,
    pub ended_at: Timestamp,
    pub duration_ms: u64,
    pub outcome: AttemptOutcome,
    pub signed_by: Option<KeyId>,
    pub signed_by_last_four: Option<String>,
    pub hops: Vec<HopRecord>,
    pub then: Then,
    /// What it reports about the webhook. `None` for a test, which does not count.
    pub report: Option<Report>,
    /// The id of the audit row, if [`health_after`](crate::decide::health_after) decides on a consequence.
    pub audit: AuditId,
}

/// What happens to the delivery next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    RetryAt(Timestamp),
    Ended(DeliveryState),
}

/// Records finished attempts.
#[async_trait]
pub trait AttemptStore: Send + Sync {
    /// Writes attempts with their consequences for the deliveries ([`settled`](crate::decide::settled)) and for the
    /// webhooks ([`health_after`](crate::decide::health_after)), all in one transaction. There is one result for each
    /// attempt, in the same order. If a claim has expired, or was taken back because the webhook was deleted, the attempt
    /// is still recorded, and a success still counts as delivered.
    async fn finish(
        &self,
        attempts: Arc<[FinishedAttempt]>,
    ) -> Result<Vec<Option<Consequence>>, StorageFailure>;
}
