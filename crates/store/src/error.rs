//! The errors a database call can return to a domain crate.

use std::io;

use thiserror::Error;

/// A fault in the database or in the data it holds. Domain errors (a third key, an unknown id) are not here: each
/// domain crate defines its own and converts this type into it.
#[derive(Debug, Error)]
pub enum StoreError {
    #[error("the database rejected a statement or failed to run it")]
    Database(#[source] sqlx::Error),
    /// A stored value could not be read. `what` names the column and the reason.
    #[error("a stored value cannot be read: {what}")]
    Corrupt { what: String },
    /// The writer has stopped because the server is shutting down.
    #[error("the database is closed")]
    Closed,
    #[error("the database cannot be used: {0}")]
    Unusable(String),
    /// PostgreSQL is out of reach.
    #[error("the database cannot be reached")]
    Away,
    #[error("there is no room on the disk")]
    DiskFull,
    /// The files of the log, which are beside its database.
    #[error("the log's files cannot be read or written")]
    Files(#[source] io::Error),
}

impl StoreError {
    /// Whether a unique constraint refused the row.
    pub fn is_unique_violation(&self) -> bool {
        matches!(self, Self::Database(sqlx::Error::Database(error)) if error.is_unique_violation())
    }

    /// Whether the disk is full (SQLite's FULL, PostgreSQL's code 53100).
    pub fn is_disk_full(&self) -> bool {
        match self {
            Self::DiskFull => true,
            Self::Database(sqlx::Error::Database(error)) => {
                matches!(error.code().as_deref(), Some("13" | "53100"))
            }
            Self::Files(error) => matches!(
                error.kind(),
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
            ),
            _ => false,
        }
    }

    /// Whether the database cannot take a write at the moment and may soon: it is out of reach, its connections are
    /// taken, or the disk is full.
    pub fn is_away(&self) -> bool {
        matches!(
            self,
            Self::Away | Self::Closed | Self::Database(sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut)
        ) || self.is_disk_full()
            || matches!(self, Self::Database(sqlx::Error::Database(error)) if stops(error.code().as_deref()))
    }

    pub fn corrupt(what: impl Into<String>) -> Self {
        Self::Corrupt { what: what.into() }
    }
}

/// PostgreSQL's codes for a server that stops, starts or has no connection left.
fn stops(code: Option<&str>) -> bool {
    matches!(code, Some("57P01" | "57P02" | "57P03" | "53300"))
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::PoolClosed => Self::Closed,
            error => Self::Database(error),
        }
    }
}
