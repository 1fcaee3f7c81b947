//! The errors of this crate, in words for the caller.

use std::error::Error;

use model::InvalidWebhook;
use thiserror::Error;

use crate::event_types::PayloadFault;

/// An error from the database layer. Its text is for the server's log only.
pub type StorageFailure = Box<dyn Error + Send + Sync>;

/// The database cannot take a write at the moment: it is out of reach, or its disk is full. Nothing was written, unless
/// the connection broke at the very end.
#[derive(Debug, Error)]
#[error("the database cannot take it at the moment")]
pub struct Away(#[source] pub StorageFailure);

/// Every reason this crate refuses a request.
#[derive(Debug, Error)]
pub enum WebhooksError {
    /// No such webhook or delivery, or it belongs to another company or environment.
    #[error("there is no such webhook or delivery")]
    NotFound,
    /// The draft has these errors. There is at least one.
    #[error("the webhook has faults")]
    Invalid(Vec<InvalidWebhook>),
    /// The current state does not allow this. The sentence says what to do first.
    #[error("{0}")]
    Conflict(&'static str),
    /// Sealing failed, or this master key cannot unseal what is stored.
    #[error("a sealed value cannot be used")]
    Seal,
    /// The active keys cannot be determined at the moment.
    #[error("the signing keys are not available")]
    SigningSecrets(#[source] StorageFailure),
    #[error("the database failed")]
    Storage(#[from] StorageFailure),
}

/// Why an event is rejected.
#[derive(Debug, Error)]
pub enum PublishError {
    #[error("payload must be a JSON object")]
    PayloadNotAnObject,
    /// The payload is larger than [`crate::MAX_PAYLOAD_BYTES`].
    #[error("payload must not be larger than 256 KiB")]
    PayloadTooLarge,
    /// Only Gatehouse sets `webhook_id`, `event_type` and `event_created_at`.
    #[error("payload must not have a member {0}: Gatehouse sets it")]
    ReservedMember(&'static str),
    /// The catalogue does not have it, or the operator has removed it.
    #[error("this is not an event type")]
    UnknownEventType,
    /// Other JSON parsers give up there.
    #[error("payload must not be nested more than 127 deep")]
    PayloadTooDeep,
    /// The schema of the event type does not allow it. There is at least one fault.
    #[error("the payload is not what the schema of its event type says")]
    PayloadInvalid(Vec<PayloadFault>),
    #[error("event_created_at must not be in the future")]
    InTheFuture,
    #[error("an idempotency key must have 1 to 255 visible ASCII characters")]
    InvalidIdempotencyKey,
    /// The same idempotency key was used with a different request.
    #[error("this idempotency key was used with another request")]
    IdempotencyConflict,
    /// Too many deliveries of this company could have started and have not.
    #[error("too many deliveries of this company are waiting to be sent")]
    Behind,
    /// Try again with the same idempotency key.
    #[error("the database cannot take the event at the moment")]
    Away(#[source] StorageFailure),
    #[error("a sealed value cannot be used")]
    Seal,
    #[error("the database failed")]
    Storage(#[source] StorageFailure),
}

impl From<StorageFailure> for PublishError {
    fn from(error: StorageFailure) -> Self {
        if error.is::<Away>() {
            Self::Away(error)
        } else {
            Self::Storage(error)
        }
    }
}
