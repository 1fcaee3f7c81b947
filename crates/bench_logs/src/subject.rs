//! The store under measurement, over one of its two containers.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use store::logs::{Container, LOG_MIGRATIONS, Logs, LogsOptions};
use store::{Db, DbOptions, Durability};

/// Connections to PostgreSQL.
const CONNECTIONS: u32 = 8;

/// Where rows are stored.
#[derive(Clone, Debug)]
pub(crate) enum Subject {
    /// Files beside a small SQLite database in this folder.
    Files(PathBuf),
    /// A PostgreSQL database of its own.
    Postgres(String),
}

/// An open store.
#[derive(Debug)]
pub(crate) struct Opened {
    db: Db,
    pub(crate) logs: Logs,
    /// How long opening took.
    pub(crate) took: Duration,
}

impl Subject {
    /// An empty folder.
    pub(crate) fn new_files(folder: PathBuf) -> Result<Self> {
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(folder.join("segments"))?;
        Ok(Self::Files(folder))
    }

    /// An empty database in this cluster.
    pub(crate) async fn new_postgres(cluster: &test_postgres::Cluster, name: &str) -> Result<Self> {
        let mut connection = PgConnection::connect(&cluster.url("postgres")).await?;
        for statement in [
            format!("DROP DATABASE IF EXISTS {name}"),
            format!("CREATE DATABASE {name}"),
        ] {
            sqlx::raw_sql(AssertSqlSafe(statement))
                .execute(&mut connection)
                .await?;
        }
        connection.close().await?;
        Ok(Self::Postgres(cluster.url(name)))
    }

    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Files(_) => "files",
            Self::Postgres(_) => "PostgreSQL",
        }
    }

    /// Opens the store with empty caches, as at a start.
    pub(crate) async fn open(&self) -> Result<Opened> {
        let (options, container) = match self {
            Self::Files(folder) => {
                let file = folder.join("logs.db");
                let durability = Durability::Full;
                (
                    DbOptions::Sqlite { file, durability },
                    Container::Folder(folder.join("segments")),
                )
            }
            Self::Postgres(url) => {
                let options = DbOptions::Postgres {
                    url: url.clone(),
                    schema: None,
                    connections: CONNECTIONS,
                };
                (options, Container::Tables)
            }
        };
        Opened::of(&options, container).await
    }

    /// Bytes on the disk.
    pub(crate) async fn bytes(&self) -> Result<u64> {
        match self {
            Self::Files(folder) => folder_bytes(folder),
            Self::Postgres(url) => {
                let mut connection = PgConnection::connect(url).await?;
                // What a page of a table has room for is not free before this.
                sqlx::raw_sql("CHECKPOINT").execute(&mut connection).await?;
                let bytes: i64 = sqlx::query_scalar("SELECT pg_database_size(current_database())")
                    .fetch_one(&mut connection)
                    .await?;
                connection.close().await?;
                u64::try_from(bytes).context("a size")
            }
        }
    }
}

impl Opened {
    async fn of(options: &DbOptions, container: Container) -> Result<Self> {
        let begun = Instant::now();
        let db = Db::open(options, LOG_MIGRATIONS).await?;
        let logs = Logs::open(db.clone(), LogsOptions::new(container)).await?;
        let took = begun.elapsed();
        Ok(Self { db, logs, took })
    }

    /// The log of an installation that no server uses at the moment.
    pub(crate) async fn of_installation(data_dir: &Path) -> Result<Self> {
        let folder = data_dir.join("logs");
        let options = DbOptions::Sqlite {
            file: folder.join("logs.db"),
            durability: Durability::Full,
        };
        Self::of(&options, Container::Folder(folder)).await
    }

    pub(crate) async fn close(self) {
        drop(self.logs);
        self.db.close().await;
    }
}

fn folder_bytes(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let about = entry.metadata()?;
        bytes += if about.is_dir() {
            folder_bytes(&entry.path())?
        } else {
            about.len()
        };
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_in_folders_of_a_folder_are_counted() {
        let folder = std::env::temp_dir().join(format!("bench-logs-{}", std::process::id()));
        fs::create_dir_all(folder.join("a/b")).unwrap();
        fs::write(folder.join("one"), [0; 10]).unwrap();
        fs::write(folder.join("a/b/two"), [0; 32]).unwrap();
        let bytes = folder_bytes(&folder);
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(bytes.unwrap(), 42);
    }
}
