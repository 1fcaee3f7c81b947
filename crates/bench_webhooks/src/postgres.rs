//! A throw-away PostgreSQL with its own settings, so with `fsync`: databases, a reader that keeps its transaction open, CPU time.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use test_postgres::Cluster;
use tokio::runtime::Runtime;

use crate::process::{Cpu, cpu_of_server};

/// The variable that names the folder of PostgreSQL's programs.
pub(crate) const PROGRAMS: &str = "GATEHOUSE_TEST_POSTGRES_BIN";

pub(crate) struct Postgres {
    cluster: Cluster,
    runtime: Runtime,
    databases: u32,
}

impl Postgres {
    /// It ends when this program does.
    pub(crate) fn start(folder: &Path) -> Result<Self> {
        Ok(Self {
            cluster: Cluster::durable(&folder.join("postgres"), &[std::process::id()]),
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?,
            databases: 0,
        })
    }

    /// The address of an empty database. What was in the one before is removed.
    pub(crate) fn empty(&mut self) -> Result<String> {
        let name = |number: u32| format!("bench_{}_{number}", std::process::id());
        let (old, new) = (name(self.databases), name(self.databases + 1));
        self.databases += 1;
        self.runtime.block_on(async {
            let mut connection = PgConnection::connect(&self.cluster.url("postgres")).await?;
            for statement in [
                format!("DROP DATABASE IF EXISTS {old} WITH (FORCE)"),
                format!("CREATE DATABASE {new}"),
                "CHECKPOINT".to_owned(),
            ] {
                execute(&mut connection, statement).await?;
            }
            connection.close().await?;
            anyhow::Ok(())
        })?;
        Ok(self.cluster.url(&new))
    }

    /// A transaction that has read once and stays open until this is dropped. Nothing that is deleted afterwards can be removed by
    /// autovacuum.
    pub(crate) fn reader(&self, url: &str) -> Result<Reader> {
        let connection = self.runtime.block_on(async {
            let mut connection = PgConnection::connect(url).await?;
            execute(
                &mut connection,
                "BEGIN ISOLATION LEVEL REPEATABLE READ".to_owned(),
            )
            .await?;
            execute(&mut connection, "SELECT count(*) FROM pg_class".to_owned()).await?;
            anyhow::Ok(connection)
        })?;
        Ok(Reader {
            _connection: connection,
        })
    }

    pub(crate) fn bytes(&self, url: &str) -> Result<u64> {
        self.runtime.block_on(async {
            let mut connection = PgConnection::connect(url).await?;
            let bytes: i64 = sqlx::query_scalar("SELECT pg_database_size(current_database())")
                .fetch_one(&mut connection)
                .await?;
            connection.close().await?;
            Ok(bytes.unsigned_abs())
        })
    }

    /// So far, of the server and all its processes, with those that have ended.
    pub(crate) fn cpu(&self) -> Result<Cpu> {
        let file = self.cluster.folder().join("data/postmaster.pid");
        let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        let id = text.lines().next().and_then(|line| line.trim().parse().ok());
        cpu_of_server(id.context("postmaster.pid has no process id")?)
    }
}

pub(crate) struct Reader {
    _connection: PgConnection,
}

async fn execute(connection: &mut PgConnection, sql: String) -> Result<()> {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await?;
    Ok(())
}
