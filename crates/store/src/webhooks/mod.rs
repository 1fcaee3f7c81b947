//! Webhooks, events, deliveries and attempts, on both databases. Each file implements one of the traits of
//! [`webhooks::Stores`] on [`StoredWebhooks`], with its SQL.
//!
//! What depends on the rows is decided by [`webhooks::decide`], inside the transaction. A condition in the SQL here selects
//! rows, by an index where one is named, or guards against a row that has changed; it decides nothing.
//!
//! Lock order, for PostgreSQL: a webhook, then its deliveries. Nothing takes them the other way round, or two transactions
//! would wait for each other.

mod attempts;
mod config;
mod history;
mod pages;
mod prune;
mod publish;
mod queue;
mod rows;
mod secrets;

use sqlx::Any;
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use webhooks::StorageFailure;

use crate::{Db, DbConnection, Migration, StoreError, Urgency, Work};

/// The tables.
pub const MIGRATION: Migration = Migration {
    name: "0004_webhooks",
    sql: include_str!("../../migrations/0004_webhooks.sql"),
};

/// Attempts by hand, what a webhook's health remembers, and the overlap of its secrets.
pub const WAITING_MIGRATION: Migration = Migration {
    name: "0009_webhook_waiting",
    sql: include_str!("../../migrations/0009_webhook_waiting.sql"),
};

/// All of [`webhooks::Stores`] on a [`Db`].
#[derive(Clone, Debug)]
pub struct StoredWebhooks {
    db: Db,
}

/// A statement with its values.
type Statement<'q> = Query<'q, Any, AnyArguments>;

impl StoredWebhooks {
    pub const fn new(db: Db) -> Self {
        Self { db }
    }

    async fn write<T, F>(&self, urgency: Urgency, work: F) -> Result<T, StorageFailure>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut DbConnection) -> Work<'c, T, StoreError> + Send + 'static,
    {
        Ok(self.db.write(urgency, work).await?)
    }

    /// The rows, each read by `read`.
    async fn all<T>(
        &self,
        statement: Statement<'_>,
        read: impl Fn(&AnyRow) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StorageFailure> {
        let found = statement.fetch_all(self.db.reader()).await;
        let found = found.map_err(StoreError::from)?;
        Ok(found.iter().map(read).collect::<Result<_, _>>()?)
    }

    /// The row, if there is one.
    async fn one<T>(
        &self,
        statement: Statement<'_>,
        read: impl Fn(&AnyRow) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StorageFailure> {
        let found = statement.fetch_optional(self.db.reader()).await;
        let found = found.map_err(StoreError::from)?;
        Ok(found.as_ref().map(read).transpose()?)
    }
}
