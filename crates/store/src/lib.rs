//! SQLite and PostgreSQL behind the storage traits that the domain crates define. SQL lives only in this crate.
//!
//! Each statement is written once for both databases: `$1` placeholders, times as i64 milliseconds, ids as text of 32
//! hex digits, `RETURNING`, `ON CONFLICT`. Whatever differs between the two is in [`dialect`].

pub mod accounts;
pub mod audit;
pub mod backup;
pub mod check;
mod db;
pub mod dialect;
mod error;
pub mod keys;
mod log_directory;
pub mod logs;
mod migrate;
mod news;
mod row;
mod statement;
pub mod webhooks;

pub use db::{Db, DbConnection, DbOptions, Durability, Urgency, Work};
pub use dialect::Dialect;
pub use error::StoreError;
pub use log_directory::StoredDirectory;
pub use migrate::Migration;
pub use news::{RelayPace, RunningRelay, start_relay};
pub use row::Columns;

/// The tables of the main database, in order. Each module adds its own line. The log store has its own list.
pub const MAIN_MIGRATIONS: &[Migration] = &[
    audit::MIGRATION,
    accounts::MIGRATION,
    keys::MIGRATION,
    webhooks::MIGRATION,
    webhooks::WAITING_MIGRATION,
    accounts::REVOCATION_MIGRATION,
    webhooks::PAUSED_BY_MIGRATION,
    accounts::LOG_DAYS_MIGRATION,
    keys::BY_COMPANY_MIGRATION,
    accounts::VIEWS_MIGRATION,
    keys::FEED_MIGRATION,
    keys::TERMS_MIGRATION,
    keys::ROTATIONS_MIGRATION,
    keys::IMPORTED_MIGRATION,
    accounts::DELETED_COMPANIES_MIGRATION,
    webhooks::BATCHES_MIGRATION,
    webhooks::EVENT_CATALOGUE_MIGRATION,
    webhooks::BRAKE_MIGRATION,
    webhooks::OPTIONS_MIGRATION,
];
