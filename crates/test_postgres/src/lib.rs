//! Empty PostgreSQL databases for tests, in one server that all tests of a run share. Only tests and
//! benchmarks depend on this crate.
//!
//! Each test may run in its own process, and starting a server takes longer than most tests. So the first test that
//! needs a database starts a server, and the others find it. A guardian process stops the server and removes its
//! files once its last user has ended, even if that user crashed.

mod cluster;
mod programs;

pub use cluster::Cluster;

use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// An empty database for one test, in the cluster that all tests of this run share. It belongs to a user of its own, who is
/// no superuser, because a superuser's statements reach every database: a test that ended its own listening connections
/// once ended those of all tests, since `pg_stat_activity` lists them all and PostgreSQL evaluates conditions in any order.
pub struct Database {
    cluster: &'static Cluster,
    name: String,
}

impl Database {
    /// Creates a database, and starts the cluster if no other test has.
    ///
    /// # Panics
    ///
    /// If PostgreSQL is not installed or does not start: a test that needs it cannot pass.
    pub async fn create() -> Self {
        static CLUSTER: OnceLock<Cluster> = OnceLock::new();
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let cluster = CLUSTER.get_or_init(Cluster::of_this_run);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("test_{}_{number}", std::process::id());
        let mut connection = connect(cluster).await;
        execute(&mut connection, format!("CREATE USER {name}")).await;
        // Copies the template's files instead of logging each page. This saves 50 ms in each test.
        let strategy = match connection.server_version_num() {
            Some(version) if version >= 150_000 => "STRATEGY FILE_COPY",
            _ => "",
        };
        let create = format!("CREATE DATABASE {name} OWNER {name} TEMPLATE template0 {strategy}");
        execute(&mut connection, create).await;
        close(connection).await;
        Self { cluster, name }
    }

    /// The address to connect to. It names a socket in the file system; there is no password and no network.
    pub fn url(&self) -> String {
        self.cluster.url_as(&self.name, &self.name)
    }

    /// Removes the database and closes its connections. Without this it stays until the cluster ends, so a failed
    /// test does not have to call it.
    pub async fn remove(self) {
        let mut connection = connect(self.cluster).await;
        execute(
            &mut connection,
            format!("DROP DATABASE {} WITH (FORCE)", self.name),
        )
        .await;
        execute(&mut connection, format!("DROP USER {}", self.name)).await;
        close(connection).await;
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Database").field(&self.name).finish()
    }
}

async fn connect(cluster: &Cluster) -> PgConnection {
    PgConnection::connect(&cluster.url("postgres"))
        .await
        .expect("the shared PostgreSQL accepts a connection")
}

async fn execute(connection: &mut PgConnection, sql: String) {
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(connection)
        .await
        .expect("the shared PostgreSQL runs the statement");
}

async fn close(connection: PgConnection) {
    connection.close().await.expect("the connection closes");
}
