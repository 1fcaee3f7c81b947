//! Copies an installation on SQLite while it is in use: a consistent copy of each of its two databases. `gatehouse admin
//! backup` calls it.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use sqlx::{AnyConnection, Connection};
use thiserror::Error;

use crate::StoreError;
use crate::db::sqlite_url;

/// Why a copy is not complete.
#[derive(Debug, Error)]
pub enum BackupError {
    #[error("the database could not be copied")]
    Database(#[source] StoreError),
    #[error("{what}")]
    Files {
        what: String,
        #[source]
        cause: io::Error,
    },
}

/// Copies the database in `from` as it is at one moment to the new file `to`, which only its owner can read. Others can
/// write to `from` in the meantime. When this returns, the copy survives a power cut. Returns its size in bytes.
pub async fn copy_database(from: &Path, to: &Path) -> Result<u64, BackupError> {
    // SQLite fills an empty file that exists, and would make one that others can read.
    let created = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(to);
    created.map_err(fault("creating", to))?;
    vacuum_into(from, to).await.map_err(BackupError::Database)?;
    let copy = File::open(to).map_err(fault("opening", to))?;
    copy.sync_all().map_err(fault("flushing", to))?;
    let found = copy.metadata().map_err(fault("reading", to))?;
    Ok(found.len())
}

async fn vacuum_into(from: &Path, to: &Path) -> Result<(), StoreError> {
    sqlx::any::install_default_drivers();
    let to = to
        .to_str()
        .ok_or_else(|| StoreError::Unusable(format!("{} is not UTF-8", to.display())))?
        .to_owned();
    // A connection of its own, so that no one waits for it.
    let mut connection = AnyConnection::connect(&format!("{}?mode=rw", sqlite_url(from)?)).await?;
    let copied = async {
        sqlx::raw_sql("PRAGMA busy_timeout = 5000")
            .execute(&mut connection)
            .await?;
        sqlx::query("VACUUM INTO $1")
            .bind(to)
            .execute(&mut connection)
            .await?;
        Ok::<(), StoreError>(())
    };
    let copied = copied.await;
    connection.close().await?;
    copied
}

/// Makes the names of new files in this folder survive a power cut.
pub fn flush_folder(folder: &Path) -> Result<(), BackupError> {
    let flushed = File::open(folder).and_then(|folder| folder.sync_all());
    flushed.map_err(fault("flushing", folder))
}

pub(crate) fn fault(doing: &str, path: &Path) -> impl FnOnce(io::Error) -> BackupError {
    let what = format!("{doing} {}", path.display());
    |cause| BackupError::Files { what, cause }
}
