//! What this crate needs of a database, as a trait, and the rows it exchanges with it.

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use model::{
    Attempt, AttemptId, AttemptOutcome, AuditEntry, CompanyId, DeliveryId, DeliveryRow, DeliveryState,
    DisabledReason, Environment, EventId, EventType, FailureClass, HopRecord, KeyId, RequestId, Timestamp,
    Webhook, WebhookEvents, WebhookId,
};
use vault::Sealed;

use crate::StorageFailure;

/// A webhook to be stored.
#[derive(Clone, Debug)]
pub struct NewWebhook {
    pub company: CompanyId,
    pub webhook: Webhook,
    /// The URL's normal form; unique per company and environment.
    pub normal_url: String,
    /// The secret of its own, for the Standard Webhooks headers.
    pub secret: Sealed,
}

/// What to change of a webhook; what is `None` stays. Enabling forgets past failures, and so does a new URL. What becomes of
/// deliveries says [`crate::Standing`].
#[derive(Clone, Debug, Default)]
pub struct WebhookChange {
    pub name: Option<String>,
    pub url: Option<ChangedUrl>,
    pub events: Option<WebhookEvents>,
    pub enabled: Option<bool>,
}

/// A URL as given, and its normal form.
#[derive(Clone, Debug)]
pub struct ChangedUrl {
    pub given: String,
    pub normal: String,
}

/// The answer to a write that a unique URL may refuse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written<T> {
    Done(T),
    /// Another webhook of this company and environment has the URL.
    UrlTaken,
    NotFound,
}

/// A webhook with what its deliveries say of it. Counts are of deliveries in the last 24 hours and leave test events out.
#[derive(Clone, Debug)]
pub struct WebhookFacts {
    pub webhook: Webhook,
    /// The end of the overlap after the latest rotation of its own secret, also when that is over.
    pub former_secret_until: Option<Timestamp>,
    /// Since when every attempt failed, as far as that was not forgotten when it was enabled.
    pub failing_since: Option<Timestamp>,
    /// The first failure after the last success; only a success forgets it.
    pub undelivered_since: Option<Timestamp>,
    pub last_test: Option<LastTest>,
    /// The key that last succeeded here.
    pub last_key: Option<KeyId>,
    pub last_attempt_at: Option<Timestamp>,
    pub next_attempt_at: Option<Timestamp>,
    pub delivered: u64,
    /// Were tried and have not arrived.
    pub failed: u64,
    pub pending: u64,
    pub held: u64,
}

/// How the latest test event ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastTest {
    pub at: Timestamp,
    pub delivered: bool,
}

/// An event to be stored with its deliveries.
#[derive(Clone, Debug)]
pub struct NewEvent {
    pub id: EventId,
    pub company: CompanyId,
    pub environment: Environment,
    pub event_type: EventType,
    pub created_at: Timestamp,
    pub request_id: Option<RequestId>,
    pub body: Sealed,
    pub idempotency: Option<Idempotency>,
    /// Claims its deliveries for the worker of this process in the same transaction; else they are due at once.
    pub claim: Option<ClaimAtBirth>,
    pub audit: AuditEntry,
}

/// A lease on deliveries that are just being stored.
#[derive(Clone, Debug)]
pub struct ClaimAtBirth {
    pub lease: AttemptId,
    pub until: Timestamp,
    /// Webhooks whose deliveries are not claimed but due.
    pub except: Arc<HashSet<WebhookId>>,
}

/// The caller's key, unique in the installation, and a hash of all that was asked under it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    pub key: String,
    pub request_hash: [u8; 32],
}

/// What became of a [`NewEvent`].
#[derive(Clone, Debug)]
pub enum PublishedEvent {
    /// Stored now. `waking` are the webhooks with a delivery that is due and not claimed.
    Stored {
        deliveries: u64,
        waking: Vec<WebhookId>,
        claimed: Vec<Claimed>,
    },
    /// The same request came before; this is what it got.
    Before { event: EventId, deliveries: u64 },
    /// The idempotency key came before with another request.
    Conflict,
}

/// A test event: one delivery to one webhook.
#[derive(Clone, Debug)]
pub struct NewTest {
    pub event: NewEvent,
    pub webhook: WebhookId,
    pub delivery: DeliveryId,
}

/// Whether a delivery may be tried again now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replayed {
    Due(WebhookId),
    NotFound,
    /// An attempt is under way.
    Busy,
    /// There is no key to sign with.
    Held,
    WebhookDisabled,
    /// A test event is not sent again.
    Test,
}

/// A delivery with its event's sealed body.
#[derive(Clone, Debug)]
pub struct StoredDelivery {
    pub row: DeliveryRow,
    pub webhook_name: String,
    pub environment: Environment,
    pub event_created_at: Timestamp,
    pub request_id: Option<RequestId>,
    pub body: Sealed,
    pub attempts: Vec<Attempt>,
}

/// How often attempts failed in one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FailureCount {
    pub class: FailureClass,
    pub status: Option<u16>,
    pub attempts: u64,
}

/// Which attempts the public API's history shows.
#[derive(Clone, Debug)]
pub struct HistoryFilter {
    pub from: Timestamp,
    pub to: Option<Timestamp>,
    pub event_type: Option<EventType>,
    pub status: Option<u16>,
    pub page: HistoryPage,
    /// Rows at most.
    pub size: u32,
}

/// Where a page of the history begins. Rows go by `seq`, newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HistoryPage {
    Newest,
    /// Older than this row.
    Before(i64),
    /// The rows just newer than this one.
    After(i64),
}

/// One attempt in the public API's history.
#[derive(Clone, Debug)]
pub struct HistoryRow {
    pub seq: i64,
    pub event_id: EventId,
    pub event_type: EventType,
    pub event_created_at: Timestamp,
    pub outcome: AttemptOutcome,
    /// Where it was sent.
    pub url: String,
    pub body: Sealed,
}

/// A delivery that this node works on until its lease runs out.
#[derive(Clone, Debug)]
pub struct Claimed {
    pub delivery: DeliveryId,
    /// Names this claim among others of the same delivery.
    pub lease: AttemptId,
    pub webhook: WebhookId,
    pub company: CompanyId,
    pub environment: Environment,
    pub url: String,
    pub own_secrets: OwnSecrets,
    pub last_key: Option<KeyId>,
    pub event: EventId,
    pub event_type: EventType,
    pub body: Sealed,
    /// Attempts of the schedule made before this one.
    pub attempts: u32,
    pub test: bool,
    /// Asked for by hand.
    pub replay: Option<Replay>,
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
    /// What the webhook's health makes of it; `None` for a test, which is not counted.
    pub health: Option<HealthChange>,
}

/// What follows for the delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    RetryAt(Timestamp),
    Ended(DeliveryState),
}

/// What follows for the webhook.
#[derive(Clone, Debug)]
pub enum HealthChange {
    /// It works; failures are forgotten and this key is preferred from now on.
    Succeeded { key: KeyId },
    /// One more failure. Disabled when it has failed since before `disable_before`; a warning, once, when since before
    /// `warn_before`. The audit rows are written with what they tell of.
    Failed {
        disable_before: Timestamp,
        warn_before: Timestamp,
        disabled: AuditEntry,
        warned: AuditEntry,
    },
    /// 410: disabled at once.
    Gone { disabled: AuditEntry },
}

/// What a finished attempt did to its webhook.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Consequences {
    pub disabled: Option<DisabledReason>,
    /// It has failed for half the time after which it is disabled; told once.
    pub warned: bool,
}

/// Held deliveries wait in this company and environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HeldScope {
    pub company: CompanyId,
    pub environment: Environment,
}

/// The tables `webhooks`, `events`, `deliveries` and `attempts`. Every method that a person or program calls for takes the
/// company, and another company's row is not found. Changes write their audit row in the same transaction.
#[async_trait]
pub trait WebhookStore: Send + Sync {
    async fn create(&self, webhook: NewWebhook, audit: AuditEntry) -> Result<Written<()>, StorageFailure>;

    /// The webhook as it stands afterwards.
    async fn change(
        &self,
        company: CompanyId,
        id: WebhookId,
        change: WebhookChange,
        audit: AuditEntry,
    ) -> Result<Written<Webhook>, StorageFailure>;

    /// Whether there was one. Its URL is free again, its own secret erased, what waited has ended; history stays.
    async fn delete(
        &self,
        company: CompanyId,
        id: WebhookId,
        audit: AuditEntry,
    ) -> Result<bool, StorageFailure>;

    async fn webhook(&self, company: CompanyId, id: WebhookId) -> Result<Option<Webhook>, StorageFailure>;

    /// The webhook's own secret; the audit row is written with the reading of it.
    async fn own_secret(
        &self,
        company: CompanyId,
        id: WebhookId,
        audit: AuditEntry,
    ) -> Result<Option<Sealed>, StorageFailure>;

    /// Puts `new` in place of the webhook's own secret, which becomes the former one until `until`. Whether there is such a
    /// webhook.
    async fn rotate_secret(
        &self,
        company: CompanyId,
        id: WebhookId,
        new: Sealed,
        until: Timestamp,
        audit: AuditEntry,
    ) -> Result<bool, StorageFailure>;

    /// Erases former secrets whose time has ended.
    async fn erase_former_secrets(&self, now: Timestamp) -> Result<(), StorageFailure>;

    /// Oldest first.
    async fn webhooks(
        &self,
        company: CompanyId,
        environment: Environment,
    ) -> Result<Vec<Webhook>, StorageFailure>;

    /// All of a company's, or one, with counts since `since`.
    async fn facts(
        &self,
        company: CompanyId,
        only: Option<WebhookId>,
        since: Timestamp,
    ) -> Result<Vec<WebhookFacts>, StorageFailure>;

    /// How many enabled webhooks the environment has.
    async fn enabled_count(
        &self,
        company: CompanyId,
        environment: Environment,
    ) -> Result<u64, StorageFailure>;

    /// Whether another webhook of this company and environment has the URL.
    async fn url_taken(
        &self,
        company: CompanyId,
        environment: Environment,
        normal_url: &str,
        except: Option<WebhookId>,
    ) -> Result<bool, StorageFailure>;

    /// Stores the event and a delivery for each webhook that subscribes to it, as [`crate::Standing::arriving`] says.
    async fn publish(&self, event: NewEvent) -> Result<PublishedEvent, StorageFailure>;

    /// Whether there is such a webhook.
    async fn send_test(&self, test: NewTest) -> Result<bool, StorageFailure>;

    /// Makes a delivery due now, for one attempt that uses up none of the schedule's and moves none.
    async fn replay(
        &self,
        company: CompanyId,
        delivery: DeliveryId,
        now: Timestamp,
        audit: AuditEntry,
    ) -> Result<Replayed, StorageFailure>;

    /// A webhook's deliveries, newest first.
    async fn deliveries(
        &self,
        company: CompanyId,
        webhook: WebhookId,
        at_most: u32,
    ) -> Result<Vec<DeliveryRow>, StorageFailure>;

    async fn delivery(
        &self,
        company: CompanyId,
        id: DeliveryId,
    ) -> Result<Option<StoredDelivery>, StorageFailure>;

    /// Events that carry this request id, oldest first, whether anything asked for them or not.
    async fn events_of_request(
        &self,
        company: CompanyId,
        request: RequestId,
    ) -> Result<Vec<EventId>, StorageFailure>;

    /// Deliveries of the events that carry this request id, newest first.
    async fn deliveries_of_request(
        &self,
        company: CompanyId,
        request: RequestId,
    ) -> Result<Vec<DeliveryRow>, StorageFailure>;

    /// How attempts of a webhook failed since then, most frequent first. Test events are left out.
    async fn failures(
        &self,
        company: CompanyId,
        webhook: WebhookId,
        since: Timestamp,
    ) -> Result<Vec<FailureCount>, StorageFailure>;

    /// Newest first.
    async fn history(
        &self,
        company: CompanyId,
        environment: Environment,
        filter: HistoryFilter,
    ) -> Result<Vec<HistoryRow>, StorageFailure>;

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

    /// Writes the attempt and what follows. A claim that has run out, or was taken back because the webhook was deleted,
    /// still leaves its evidence, and a success still counts as delivered.
    async fn finish(&self, attempt: FinishedAttempt) -> Result<Consequences, StorageFailure>;

    /// Removes events, deliveries and attempts from before this moment that wait for nothing; at most so many events at
    /// once. How many events were removed.
    async fn prune(&self, before: Timestamp, at_most: u32) -> Result<u64, StorageFailure>;
}
