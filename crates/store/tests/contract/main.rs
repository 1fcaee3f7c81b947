//! The contract suite: what every store must do, run on SQLite and on PostgreSQL alike (invariant 10). One module per
//! slice; each names its cases once, in [`contract!`].

/// Makes the two tests of a module, one per database, each of which runs all cases, every case on a database of its own.
///
/// ```ignore
/// contract!(store::MAIN_MIGRATIONS, [a_third_key_is_refused, …]);
/// async fn a_third_key_is_refused(db: &TestDb) { … }
/// ```
macro_rules! contract {
    ($migrations:expr, [$($case:ident),+ $(,)?]) => {
        const CASES: &[$crate::test_db::Case] = &[$((stringify!($case), |db| Box::pin($case(db)))),+];

        #[test]
        fn sqlite_keeps_this_contract() {
            $crate::test_db::run($crate::test_db::Engine::Sqlite, $migrations, CASES);
        }

        #[test]
        fn postgres_keeps_this_contract() {
            $crate::test_db::run($crate::test_db::Engine::Postgres, $migrations, CASES);
        }
    };
    // What only several nodes on one database can show.
    (postgres only: $migrations:expr, [$($case:ident),+ $(,)?]) => {
        const CASES: &[$crate::test_db::Case] = &[$((stringify!($case), |db| Box::pin($case(db)))),+];

        #[test]
        fn postgres_keeps_this_contract() {
            $crate::test_db::run($crate::test_db::Engine::Postgres, $migrations, CASES);
        }
    };
}

mod test_db;

mod account_revocation;
mod accounts;
mod key_deletion;
mod key_nodes;
mod key_world;
mod keys;
mod log_runs;
mod log_world;
mod logs;
#[path = "../../../webhooks/tests/receiver/mod.rs"]
#[expect(dead_code, reason = "some of it is for the sender's own tests")]
mod receiver;
mod webhook_delivery;
mod webhook_secret;
mod webhook_waiting;
mod webhook_work;
mod webhook_world;
mod webhooks;
