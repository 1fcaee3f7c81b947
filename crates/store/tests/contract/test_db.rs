//! Databases for the contract suite. Each test gets a SQLite file in its own folder, or its own database in the
//! PostgreSQL cluster that all tests of a run share.

use std::path::Path;
use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use model::{ClientId, CompanyId};
use store::keys::feed::{self, Changed};
use store::{Db, DbOptions, Durability, Migration, StoreError, Urgency};
use tempfile::TempDir;
use test_postgres::Database;
use test_webhooks::MemoryWebhooks;

/// A case that takes longer than this hangs.
const CASE_LIMIT: Duration = Duration::from_secs(120);

#[derive(Clone, Copy)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

/// A database with its tables and no rows.
pub(crate) struct TestDb {
    pub(crate) db: Db,
    options: DbOptions,
    migrations: &'static [Migration],
    place: Place,
}

/// What to remove after the case.
enum Place {
    Sqlite(TempDir),
    Postgres(Database),
}

/// A company as stored in its row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TestCompany {
    pub(crate) id: CompanyId,
    pub(crate) client_id: ClientId,
}

/// Runs one case on a database without rows.
pub(crate) fn run(
    engine: Engine,
    migrations: &'static [Migration],
    case: impl for<'a> FnOnce(&'a TestDb) -> LocalBoxFuture<'a, ()>,
) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let db = TestDb::create(engine, migrations).await;
        in_time(case(&db)).await;
        db.db.close().await;
        if let Place::Postgres(database) = db.place {
            database.remove().await;
        }
    });
    runtime.shutdown_timeout(Duration::from_secs(5));
}

/// Runs one case of webhooks on the store in memory, without rows.
pub(crate) fn run_in_memory(case: impl for<'a> FnOnce(&'a MemoryWebhooks) -> LocalBoxFuture<'a, ()>) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(in_time(case(&MemoryWebhooks::default())));
    runtime.shutdown_timeout(Duration::from_secs(5));
}

async fn in_time(case: LocalBoxFuture<'_, ()>) {
    tokio::time::timeout(CASE_LIMIT, case)
        .await
        .expect("the case finishes");
}

impl TestDb {
    async fn create(engine: Engine, migrations: &'static [Migration]) -> Self {
        let (options, place) = match engine {
            Engine::Postgres => {
                let database = Database::create().await;
                let options = DbOptions::Postgres {
                    url: database.url(),
                    schema: Some("contract".to_owned()),
                    connections: 12,
                };
                (options, Place::Postgres(database))
            }
            Engine::Sqlite => {
                let folder = tempfile::tempdir().expect("a folder");
                let options = DbOptions::Sqlite {
                    file: folder.path().join("gatehouse.db"),
                    durability: Durability::Full,
                };
                (options, Place::Sqlite(folder))
            }
        };
        let db = Db::open(&options, migrations).await.expect("the database opens");
        Self {
            db,
            options,
            migrations,
            place,
        }
    }

    /// The same database, opened by a program with other migrations.
    pub(crate) async fn open_with(&self, migrations: &[Migration]) -> Result<Db, StoreError> {
        Db::open(&self.options, migrations).await
    }

    /// Opens the same database once more, like another node or the next start.
    pub(crate) async fn open_again(&self) -> Db {
        Db::open(&self.options, self.migrations)
            .await
            .expect("the database opens again")
    }

    /// Where it is on PostgreSQL.
    pub(crate) fn url(&self) -> &str {
        match &self.options {
            DbOptions::Postgres { url, .. } => url,
            DbOptions::Sqlite { .. } => panic!("SQLite has no address"),
        }
    }

    /// SQLite's files, to search them for what they must not contain. `None` on PostgreSQL.
    pub(crate) fn folder(&self) -> Option<&Path> {
        match &self.place {
            Place::Sqlite(folder) => Some(folder.path()),
            Place::Postgres(_) => None,
        }
    }

    /// Stores a company derived from `number`, as a brand if there is a `parent`.
    pub(crate) async fn company(&self, number: u8, parent: Option<TestCompany>) -> TestCompany {
        let company = TestCompany {
            id: CompanyId::from_random([number; 16]),
            client_id: ClientId::from_random([number; 16]),
        };
        let written = self.db.write::<(), StoreError, _>(Urgency::Interactive, move |connection| {
            Box::pin(async move {
                let sql = "INSERT INTO companies (id, client_id, name, parent_id, created_at) VALUES ($1, $2, $3, $4, 0)";
                sqlx::query(sql)
                    .bind(company.id.to_string())
                    .bind(company.client_id.to_string())
                    .bind(format!("Company {number}"))
                    .bind(parent.map(|parent| parent.id.to_string()))
                    .execute(&mut *connection)
                    .await?;
                feed::record(connection, Changed::Company(company.id)).await?;
                Ok(())
            })
        });
        written.await.expect("the company is stored");
        company
    }
}
