//! What can go wrong with keys.

use std::error::Error;

use thiserror::Error;

/// The faults of this crate. None of them carries a secret.
#[derive(Debug, Error)]
pub enum KeysError {
    /// No such active key or company, or it belongs to another company: the two look alike.
    #[error("there is no such key")]
    NotFound,
    /// The environment has two active keys; one has to be deleted first.
    #[error("two keys are active already")]
    TwoActive,
    /// A Production key is deleted from the page only by somebody who typed the last four characters of its secret.
    #[error("to delete a Production key, type the last four characters of its secret, {last_four}")]
    NotConfirmed { last_four: String },
    /// The sealed secret does not open: another master key, or a row that was moved or changed. The audit trail has it.
    #[error("the sealed secret of this key does not open")]
    SealBroken,
    /// The work was cut off because the server is stopping. Whether it was done is unknown.
    #[error("the server is stopping")]
    Stopping,
    /// The database failed.
    #[error("the keys could not be read or written")]
    Store(#[source] Box<dyn Error + Send + Sync>),
}
