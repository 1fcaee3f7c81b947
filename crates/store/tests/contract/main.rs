//! The contract suite: what every store must do, run on SQLite and on PostgreSQL alike (invariant 10). One module per
//! slice; each names its cases once, in [`contract!`]. Cases of webhooks that speak no SQL also run on the store in memory
//! (`crates/test_webhooks`), on which the scheduler is simulated.

/// Turns each case into two tests, one per database, each with its own database: `keys::sqlite::a_third_key_is_refused`
/// and `keys::postgres::a_third_key_is_refused`. A case that is missing from the list is an unused function, which is
/// an error.
///
/// ```ignore
/// contract!(store::MAIN_MIGRATIONS, [a_third_key_is_refused, …]);
/// async fn a_third_key_is_refused(db: &TestDb) { … }
/// ```
macro_rules! contract {
    ($migrations:expr, [$($case:ident),+ $(,)?]) => {
        contract!(postgres only: $migrations, [$($case),+]);

        mod sqlite {
            $(#[test]
            fn $case() {
                $crate::test_db::run($crate::test_db::Engine::Sqlite, super::MIGRATIONS, |db| Box::pin(super::$case(db)));
            })+
        }
    };
    // The cases of the second list run in memory too: they speak no SQL.
    ($migrations:expr, [$($case:ident),* $(,)?], in memory too: [$($everywhere:ident),+ $(,)?]) => {
        contract!($migrations, [$($case,)* $($everywhere),+]);

        mod memory {
            $(#[test]
            fn $everywhere() {
                $crate::test_db::run_in_memory(|memory| Box::pin(super::$everywhere(memory)));
            })+
        }
    };
    // For behaviour that only several nodes on one database can show.
    (postgres only: $migrations:expr, [$($case:ident),+ $(,)?]) => {
        const MIGRATIONS: &[store::Migration] = $migrations;

        mod postgres {
            $(#[test]
            fn $case() {
                $crate::test_db::run($crate::test_db::Engine::Postgres, super::MIGRATIONS, |db| Box::pin(super::$case(db)));
            })+
        }
    };
}

mod test_db;

mod account_log;
mod account_revocation;
mod accounts;
mod event_types;
mod key_confirmed;
mod key_deletion;
mod key_feed;
mod key_import;
mod key_model;
mod key_nodes;
mod key_rotation;
mod key_rotation_model;
mod key_terms;
mod key_terms_nodes;
mod key_world;
mod keys;
mod log_crash;
mod log_damage;
mod log_directory;
mod log_groups;
mod log_kept;
mod log_key_use;
mod log_model;
mod log_nodes;
mod log_runs;
mod log_sent;
mod log_trouble;
mod log_walk;
mod log_world;
mod logs;
mod migrations;
mod news;
mod old_log;
mod old_log_crash;
mod old_log_moving;
mod old_log_rows;
#[path = "../../../webhooks/tests/receiver/mod.rs"]
#[expect(dead_code, reason = "parts of it are only used by the sender's own tests")]
mod receiver;
mod views;
mod webhook_brake;
mod webhook_brake_many;
mod webhook_delivery;
mod webhook_events;
mod webhook_list;
mod webhook_locks;
mod webhook_options;
mod webhook_outage;
mod webhook_requests;
mod webhook_rotation;
mod webhook_secret;
mod webhook_stall;
mod webhook_tables;
mod webhook_waiting;
mod webhook_work;
mod webhook_world;
mod webhooks;
