//! What can go wrong with keys.

use std::error::Error;

use model::{Environment, RotationWait};
use thiserror::Error;

use crate::TermsFault;

/// The errors of this crate. None of them contains a secret.
#[derive(Debug, Error)]
pub enum KeysError {
    /// The key or company does not exist, or belongs to another company. Callers cannot tell which.
    #[error("there is no such key")]
    NotFound,
    /// The environment already has two active keys. One must be deleted first.
    #[error("two keys are active already")]
    TwoActive,
    /// A key cannot have these terms.
    #[error("{}", .0.iter().map(|fault| fault.message.as_str()).collect::<Vec<_>>().join(" "))]
    InvalidTerms(Vec<TermsFault>),
    /// This deletion requires the last four characters of the secret, and they were not given, or others.
    #[error("to delete this {} key, name the last four characters of its secret, {last_four}", environment.label())]
    NotConfirmed {
        environment: Environment,
        last_four: String,
    },
    /// The key was imported as the digest of its secret.
    #[error(
        "only the digest of this secret was imported, so it cannot be shown or sign; generate a key to have one that can"
    )]
    OnlyDigest,
    /// A key with the same secret is there, or was and is remembered.
    #[error("a key with this secret is there already, or was deleted less than 90 days ago")]
    AlreadyThere,
    /// A rotation cannot begin. The sentence says why.
    #[error("{0}")]
    CannotRotate(String),
    /// There is no rotation with this key.
    #[error("there is no rotation of this key")]
    NoRotation,
    /// The old key of a rotation cannot be deleted now.
    #[error("the old key cannot be deleted: {}", .0.reason())]
    RotationWaits(RotationWait),
    /// The sealed secret does not open: it was sealed with another master key, or its row was moved or changed. The
    /// audit trail has a record.
    #[error("the sealed secret of this key does not open")]
    SealBroken,
    /// The server stopped before the work was finished. It is unknown whether the work was done.
    #[error("the server is stopping")]
    Stopping,
    /// The database failed.
    #[error("the keys could not be read or written")]
    Store(#[source] Box<dyn Error + Send + Sync>),
}
