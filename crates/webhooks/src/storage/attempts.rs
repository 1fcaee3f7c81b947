//! Finished attempts: what `attempt.rs` writes.

use async_trait::async_trait;
use model::{AttemptId, AttemptOutcome, AuditId, DeliveryState, HopRecord, KeyId, Timestamp};

use super::Claimed;
use crate::StorageFailure;
use crate::decide::{Consequence, Report};

/// A finished attempt, and what follows from it. All of it is written in one transaction.
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
    /// What it says about the webhook; `None` for a test, which is not counted.
    pub report: Option<Report>,
    /// The id of the audit row, if [`health_after`](crate::decide::health_after) decides on a consequence.
    pub audit: AuditId,
}

/// What follows for the delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    RetryAt(Timestamp),
    Ended(DeliveryState),
}

/// For an attempt that has been made.
#[async_trait]
pub trait AttemptStore: Send + Sync {
    /// Writes the attempt with what follows for its delivery ([`settled`](crate::decide::settled)) and for its webhook
    /// ([`health_after`](crate::decide::health_after)). A claim that has run out, or was taken back because the webhook was deleted,
    /// still leaves its evidence, and a success still counts as delivered.
    async fn finish(&self, attempt: FinishedAttempt) -> Result<Option<Consequence>, StorageFailure>;
}
