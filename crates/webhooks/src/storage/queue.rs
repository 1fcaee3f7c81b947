//! Deliveries that are due or held: what the worker, and an attempt before it is made, need.

use async_trait::async_trait;
use model::{
    AttemptId, CompanyId, DeliveryId, DeliveryState, Environment, EventId, EventType, KeyId, Timestamp,
    WebhookId,
};
use vault::Sealed;

use crate::StorageFailure;

/// A delivery that this node works on until its lease runs out.
#[derive(Clone, Debug)]
pub struct Claimed {
    pub delivery: DeliveryId,
    /// Names this claim among others of the same delivery.
    pub lease: AttemptId,
    pub webhook: WebhookId,
    pub company: CompanyId,
    pub environment: Environment,
    pub endpoint: Endpoint,
    pub event: EventId,
    pub event_type: EventType,
    pub body: Sealed,
    /// Attempts of the schedule made before this one.
    pub attempts: u32,
    pub test: bool,
    /// Asked for by hand.
    pub replay: Option<Replay>,
}

/// Where a webhook's deliveries go, and what signs them.
#[derive(Clone, Debug)]
pub struct Endpoint {
    pub url: String,
    pub own_secrets: OwnSecrets,
    /// The key that last succeeded here.
    pub last_key: Option<KeyId>,
}

/// The secret of a webhook's own, and after a rotation the one before it.
#[derive(Clone, Debug)]
pub struct OwnSecrets {
    pub current: Sealed,
    pub former: Option<FormerSecret>,
}

/// It signs until then.
#[derive(Clone, Debug)]
pub struct FormerSecret {
    pub sealed: Sealed,
    pub until: Timestamp,
}

/// An attempt by hand: what the delivery goes back to if it fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replay {
    /// The state it was in before.
    pub from: DeliveryState,
    /// When the schedule's next attempt is due, where it was waiting for one.
    pub resume_at: Option<Timestamp>,
}

/// Held deliveries wait in this company and environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HeldScope {
    pub company: CompanyId,
    pub environment: Environment,
}

/// For the worker.
#[async_trait]
pub trait DeliveryQueue: Send + Sync {
    /// Every enabled webhook that has a delivery waiting, with when the first of them is due. A claimed delivery is due when its
    /// lease runs out.
    async fn due(&self) -> Result<Vec<(WebhookId, CompanyId, Timestamp)>, StorageFailure>;

    /// Takes what is due at `now`, oldest first, at most so many of each webhook; nobody else gets them before
    /// `lease_until`.
    async fn claim(
        &self,
        wanted: Vec<(WebhookId, u32)>,
        now: Timestamp,
        lease_until: Timestamp,
        lease: AttemptId,
    ) -> Result<Vec<Claimed>, StorageFailure>;

    /// Gives a claimed delivery back, due at `at`, as if it had not been claimed.
    async fn give_back(
        &self,
        delivery: DeliveryId,
        lease: AttemptId,
        at: Timestamp,
    ) -> Result<(), StorageFailure>;

    /// Takes every lease away, so that what it held is due at `now`; how many there were. Only for a process that knows
    /// that no other one works on this database: the leases are then those of a process that has ended.
    async fn forget_leases(&self, now: Timestamp) -> Result<u64, StorageFailure>;

    /// Holds a claimed delivery and everything else of its company and environment that is due at `now` and not claimed.
    async fn hold(&self, claimed: &Claimed, now: Timestamp) -> Result<(), StorageFailure>;

    /// Where deliveries are held.
    async fn held(&self) -> Result<Vec<HeldScope>, StorageFailure>;

    /// Makes held deliveries due, oldest first; the webhooks that now have some.
    async fn release(&self, scope: HeldScope) -> Result<Vec<WebhookId>, StorageFailure>;
}
