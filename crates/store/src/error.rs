//! What can go wrong between a domain crate and its database.

use thiserror::Error;

/// A fault of the database or of what stands in it. Domain errors (a third key, an unknown id) are not here: each
/// domain crate has its own and converts this into it.
#[derive(Debug, Error)]
pub enum StoreError {
    #[error("the database refused or failed a statement")]
    Database(#[source] sqlx::Error),
    /// A stored value cannot be read back; `what` names column and reason.
    #[error("a stored value cannot be read: {what}")]
    Corrupt { what: String },
    /// The writer has ended: the server is stopping.
    #[error("the database is closed")]
    Closed,
    #[error("the database cannot be used: {0}")]
    Unusable(String),
}

impl StoreError {
    /// Whether a unique constraint refused the row.
    pub fn is_unique_violation(&self) -> bool {
        matches!(self, Self::Database(sqlx::Error::Database(error)) if error.is_unique_violation())
    }

    /// Whether there is no room on the disk (SQLite's FULL; PostgreSQL's class 53100).
    pub fn is_disk_full(&self) -> bool {
        let Self::Database(sqlx::Error::Database(error)) = self else {
            return false;
        };
        matches!(error.code().as_deref(), Some("13" | "53100"))
    }

    pub fn corrupt(what: impl Into<String>) -> Self {
        Self::Corrupt { what: what.into() }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}
