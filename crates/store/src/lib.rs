//! SQLite and PostgreSQL behind the storage traits that the domain crates name. Nothing but this crate sees SQL.
//!
//! SQL is written once: `$1` placeholders, i64 milliseconds, ids as 32 hex digits of text, `RETURNING`, `ON CONFLICT`.
//! What differs between the two databases stands in [`dialect`] and nowhere else.

pub mod accounts;
pub mod audit;
mod db;
pub mod dialect;
mod error;
pub mod keys;
pub mod logs;
mod migrate;
mod row;
pub mod webhooks;

pub use db::{Db, DbConnection, DbOptions, Durability, Urgency, Work};
pub use dialect::Dialect;
pub use error::StoreError;
pub use migrate::Migration;
pub use row::Columns;

/// The tables of the main database, in order. Each slice adds its own line; the log store has a list of its own.
pub const MAIN_MIGRATIONS: &[Migration] = &[
    audit::MIGRATION,
    accounts::MIGRATION,
    keys::MIGRATION,
    webhooks::MIGRATION,
    webhooks::WAITING_MIGRATION,
    accounts::REVOCATION_MIGRATION,
];
