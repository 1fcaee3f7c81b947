//! What can go wrong with webhooks, in words for the one who asked.

use std::error::Error;

use model::InvalidWebhook;
use thiserror::Error;

/// What the database layer reports; its text is for the server's log only.
pub type StorageFailure = Box<dyn Error + Send + Sync>;

/// Every refusal of this crate.
#[derive(Debug, Error)]
pub enum WebhooksError {
    /// No such webhook or delivery, or it belongs to another company or environment.
    #[error("there is no such webhook or delivery")]
    NotFound,
    /// The draft has these faults; never empty.
    #[error("the webhook has faults")]
    Invalid(Vec<InvalidWebhook>),
    /// The state does not allow it; the sentence says what to do first.
    #[error("{0}")]
    Conflict(&'static str),
    /// Sealing failed, or what is stored does not open with this master key.
    #[error("a sealed value cannot be used")]
    Seal,
    /// Which keys are active cannot be told now.
    #[error("the signing keys are not available")]
    SigningSecrets(#[source] StorageFailure),
    #[error("the database failed")]
    Storage(#[from] StorageFailure),
}

/// Why an event is not taken.
#[derive(Debug, Error)]
pub enum PublishError {
    #[error("payload must be a JSON object")]
    PayloadNotAnObject,
    /// Above [`crate::MAX_PAYLOAD_BYTES`].
    #[error("payload must not be larger than 256 KiB")]
    PayloadTooLarge,
    /// `webhook_id`, `event_type` and `event_created_at` are Gatehouse's.
    #[error("payload must not have a member {0}: Gatehouse sets it")]
    ReservedMember(&'static str),
    #[error("an idempotency key has 1 to 255 visible ASCII characters")]
    InvalidIdempotencyKey,
    /// The same idempotency key came with another request.
    #[error("this idempotency key was used with another request")]
    IdempotencyConflict,
    #[error("a sealed value cannot be used")]
    Seal,
    #[error("the database failed")]
    Storage(#[from] StorageFailure),
}
