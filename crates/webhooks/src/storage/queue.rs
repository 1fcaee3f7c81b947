//! Deliveries that are due or held: what the worker needs, and what an attempt needs before it starts.

use std::sync::Arc;

use async_trait::async_trait;
use model::{
    AttemptId, CompanyId, DeliveryId, DeliveryState, Environment, EventId, EventType, KeyId, Timestamp,
    WebhookId,
};
use vault::Sealed;

use super::SealedHeader;
use crate::StorageFailure;

/// A delivery this node works on until its lease expires.
#[derive(Clone, Debug)]
pub struct Claimed {
    pub delivery: DeliveryId,
    /// Distinguishes this claim from other claims of the same delivery.
    pub lease: AttemptId,
    /// When the claim ends.
    pub until: Timestamp,
    pub webhook: WebhookId,
    pub company: CompanyId,
    pub environment: Environment,
    pub endpoint: Endpoint,
    pub event: EventId,
    pub event_type: EventType,
    pub body: Arc<Sealed>,
    /// Scheduled attempts made before this one.
    pub attempts: u32,
    /// How the latest attempt failed, and which key signed it.
    pub before: Option<LastFailure>,
    pub test: bool,
    /// Set if a person asked for this attempt.
    pub replay: Option<Replay>,
}

/// The latest attempt of a delivery, which failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastFailure {
    pub signed_by: KeyId,
    /// The status of the response, if there was one.
    pub status: Option<u16>,
}

/// Where a webhook's deliveries go, and which secrets sign them.
#[derive(Clone, Debug)]
pub struct Endpoint {
    pub url: String,
    pub own_secrets: OwnSecrets,
    /// The key that last succeeded for this webhook.
    pub last_key: Option<KeyId>,
    /// The webhook's own headers.
    pub headers: Arc<[SealedHeader]>,
    /// The most attempts a second.
    pub rate_limit: Option<u32>,
}

/// A webhook's own secret and, after a rotation, the previous one.
#[derive(Clone, Debug)]
pub struct OwnSecrets {
    pub current: Sealed,
    pub former: Option<FormerSecret>,
}

/// It still signs until this time.
#[derive(Clone, Debug)]
pub struct FormerSecret {
    pub sealed: Sealed,
    pub until: Timestamp,
}

/// What a claim got.
#[derive(Clone, Debug, Default)]
pub struct Taken {
    pub claimed: Vec<Claimed>,
    /// The webhooks that may have more due, and whose rate limit allows no more now.
    pub paced: Vec<Paced>,
}

/// A webhook whose rate limit is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paced {
    pub webhook: WebhookId,
    pub company: CompanyId,
    pub again_at: Timestamp,
}

/// A manual attempt, with what the delivery returns to if it fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replay {
    /// The state it had before.
    pub from: DeliveryState,
    /// When the next scheduled attempt is due, if it was waiting for one.
    pub resume_at: Option<Timestamp>,
}

/// The overdue deliveries of a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overdue {
    pub webhook: WebhookId,
    pub deliveries: u64,
    /// Since when the first of them has been due.
    pub oldest: Option<Timestamp>,
}

/// A company and environment with held deliveries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HeldScope {
    pub company: CompanyId,
    pub environment: Environment,
}

/// The queue of deliveries, for the worker.
#[async_trait]
pub trait DeliveryQueue: Send + Sync {
    /// Every enabled webhook with a waiting delivery, and when the first of them is due. A claimed delivery is due when
    /// its lease expires.
    async fn due(&self) -> Result<Vec<(WebhookId, CompanyId, Timestamp)>, StorageFailure>;

    /// Claims deliveries that are due at `now`, oldest first, at most the given number for each webhook, and within its rate
    /// limit, as [`Pace`](crate::decide::Pace) decides. No one else can claim them before `lease_until`.
    async fn claim(
        &self,
        wanted: Vec<(WebhookId, u32)>,
        now: Timestamp,
        lease_until: Timestamp,
        lease: AttemptId,
    ) -> Result<Taken, StorageFailure>;

    /// How many deliveries of each webhook have been due since before `since`, are not claimed and not on hold. Counts
    /// at most `at_most` for each.
    async fn overdue(
        &self,
        webhooks: Vec<WebhookId>,
        since: Timestamp,
        at_most: u64,
    ) -> Result<Vec<Overdue>, StorageFailure>;

    /// Returns claimed deliveries, due at `at`, as if they had never been claimed. One that is not claimed with this
    /// lease any more is left alone.
    async fn give_back(
        &self,
        claimed: Vec<(DeliveryId, AttemptId)>,
        at: Timestamp,
    ) -> Result<(), StorageFailure>;

    /// Removes every lease, so that the deliveries are due at `now`, and returns how many there were. Only for a
    /// process that knows it is the only one on this database: the leases are then left over from a process that has
    /// ended.
    async fn forget_leases(&self, now: Timestamp) -> Result<u64, StorageFailure>;

    /// Holds a claimed delivery and every other unclaimed delivery of its company and environment that is due at `now`.
    async fn hold(&self, claimed: &Claimed, now: Timestamp) -> Result<(), StorageFailure>;

    /// The scopes with held deliveries.
    async fn held(&self) -> Result<Vec<HeldScope>, StorageFailure>;

    /// Makes held deliveries due, oldest first. Returns the webhooks that now have some.
    async fn release(&self, scope: HeldScope) -> Result<Vec<WebhookId>, StorageFailure>;
}
