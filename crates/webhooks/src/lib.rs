//! Webhooks: the rules for configuring them, for publishing events, and for delivering events safely and reliably. The
//! binary calls [`Webhooks`] for pages and APIs and runs one [`Worker`]. `store` implements the traits of [`Stores`].
//!
//! An event is committed together with its deliveries before it is accepted ([`Webhooks::publish`]). A worker claims a
//! delivery with a lease that outlasts the deadline and signs it. [`Sender`] sends it to addresses that [`Policy`] has
//! checked. The attempt is then written together with its consequences. A crash at any point loses nothing, because the
//! lease expires and the delivery is claimed again.

mod address;
mod attempt;
mod brake;
mod connection;
mod counts;
pub mod decide;
mod doorbell;
mod draft;
mod error;
mod event_body;
pub mod event_types;
mod evidence;
mod fate;
mod forbidden;
mod headers;
mod health;
mod idle;
mod lanes;
mod listing;
mod options;
mod own_headers;
mod own_secret;
mod pressure;
mod pruning;
mod publish;
mod publishing;
mod reading;
mod resigning;
mod resolver;
mod results;
mod schedule;
pub mod scheduler;
mod sender;
mod service;
mod signing;
mod storage;
mod target;
mod worker;

pub use address::{AllowedNetwork, Blocked, InvalidNetwork, Policy};
pub use brake::{Brake, BrakeDone, BrakeTotals, BrakeWanted};
pub use connection::native_roots;
pub use counts::{AttemptCounts, LATENCY_BOUNDS_MS};
pub use draft::{MAX_NAME_CHARACTERS, MOST_NAMED, fault, not_a_choice};
pub use error::{Away, PublishError, StorageFailure, WebhooksError};
pub use event_body::MAX_PAYLOAD_BYTES;
pub use event_types::{EventTypes, PayloadCheck, PayloadCounts, PayloadFault};
pub use evidence::sealed_responses;
pub use fate::{Fate, Standing};
pub use headers::{InvalidHeaders, SentHeaders};
pub use options::{HIGHEST_RATE_LIMIT, OptionsPatch};
pub use own_secret::OVERLAP_SECONDS;
pub use pressure::RETRY_AFTER_SECONDS;
pub use publish::{Publication, Published};
pub use reading::HistoryEntry;
pub use resolver::{Resolver, SystemResolver};
pub use schedule::{DISABLE_AFTER_SECONDS, MAX_ATTEMPTS, WARN_AFTER_SECONDS};
pub use sender::{BODY_KEPT, DEADLINE, Headers, MAX_REDIRECTS, Sender, Sent};
pub use service::{Parts, WebhookPatch, Webhooks};
pub use signing::{SigningSecret, SigningSecrets};
pub use storage::{
    AttemptStore, Backlog, BrakeCount, BrakeSelection, BrakeStep, BrakeStepDone, BrakeStore,
    CatalogueChanges, ChangedUrl, ClaimAtBirth, Claimed, ConfigStore, DeliveryList, DeliveryQueue, Endpoint,
    EventDelivery, EventRecord, EventTypeStore, FailureCount, FinishedAttempt, FormerSecret, HeldScope,
    HistoryFilter, HistoryPage, HistoryRow, HistoryStore, Idempotency, LastFailure, LastTest, NewEvent,
    NewEvents, NewTest, NewWebhook, OperatorStore, OptionsChange, OptionsStore, OptionsWritten, Overdue,
    OwnSecretStore, OwnSecrets, Paced, PageStore, PruneStore, PublishStore, PublishedEvent, Replay, Replayed,
    Rewrite, Rewritten, Room, SealedHeader, ShelfPlace, StoredDelivery, Stores, Taken, Tested, Then,
    WebhookChange, WebhookFacts, Written,
};
pub use target::{InvalidUrl, MAX_URL_CHARACTERS, Target};
pub use worker::{RunningWorker, Worker, WorkerOptions};
