//! Webhooks, events, deliveries and attempts on both databases. Each file implements one of the traits of
//! [`webhooks::Stores`] on [`StoredWebhooks`], with its SQL.
//!
//! Decisions that depend on the rows are made by [`webhooks::decide`], inside the transaction. Conditions in the SQL
//! here select rows, using the named index, or guard against a row that has changed. They decide nothing.
//!
//! `brake` lies over the state of a delivery. What claims, counts or moves deliveries that wait says `brake IS NULL`, as
//! its index does; those on hold have an index of their own.
//!
//! On PostgreSQL, always lock a webhook before its deliveries. If any transaction locked them in the other order, two
//! could deadlock.

mod attempts;
mod brake;
mod config;
mod delivery_filter;
mod event_types;
mod history;
mod list;
mod operator;
mod options;
mod paces;
mod pages;
mod prune;
mod publish;
mod queue;
mod rows;
mod secrets;

pub(crate) use rows::headers_column;
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

/// Manual attempts, a webhook's health history, and the overlap of its secrets.
pub const WAITING_MIGRATION: Migration = Migration {
    name: "0009_webhook_waiting",
    sql: include_str!("../../migrations/0009_webhook_waiting.sql"),
};

/// Who paused a webhook.
pub const PAUSED_BY_MIGRATION: Migration = Migration {
    name: "0010_webhook_paused_by",
    sql: include_str!("../../migrations/0010_webhook_paused_by.sql"),
};

/// Who published an event, and which key signed a delivery's latest attempt.
pub const BATCHES_MIGRATION: Migration = Migration {
    name: "0019_webhook_batches",
    sql: include_str!("../../migrations/0019_webhook_batches.sql"),
};

/// The catalogue of event types.
pub const EVENT_CATALOGUE_MIGRATION: Migration = Migration {
    name: "0020_event_catalogue",
    sql: include_str!("../../migrations/0020_event_catalogue.sql"),
};

/// The operator's brake.
pub const BRAKE_MIGRATION: Migration = Migration {
    name: "0021_webhook_brake",
    sql: include_str!("../../migrations/0021_webhook_brake.sql"),
};

/// A webhook's own headers and rate limit.
pub const OPTIONS_MIGRATION: Migration = Migration {
    name: "0022_webhook_options",
    sql: include_str!("../../migrations/0022_webhook_options.sql"),
};

/// Implements all of [`webhooks::Stores`] on a [`Db`].
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

    /// Fetches the rows and converts each with `read`.
    async fn all<T>(
        &self,
        statement: Statement<'_>,
        read: impl Fn(&AnyRow) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StorageFailure> {
        let found = statement.fetch_all(self.db.reader()).await;
        let found = found.map_err(StoreError::from)?;
        Ok(found.iter().map(read).collect::<Result<_, _>>()?)
    }

    /// Fetches the row, if there is one.
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
