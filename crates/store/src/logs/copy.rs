//! Copies the files of segments, for a backup. They are copied byte by byte although they never change: a second name of
//! the same file would share its fate, and a backup must not.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use segments::{Day, Kind, SegmentId};
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

use super::blocking;
use super::files::Files;
use crate::backup::{BackupError, fault, flush_folder};
use crate::{Columns, Db, StoreError};

/// Keeps files of segments from being removed while a backup copies them. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Removals(Arc<RwLock<()>>);

impl Removals {
    /// Until the guard is dropped, no file is removed of a segment that the catalogue has now.
    pub async fn pause(&self) -> OwnedRwLockReadGuard<()> {
        Arc::clone(&self.0).read_owned().await
    }

    /// Held while files are removed.
    pub(super) async fn begin(&self) -> OwnedRwLockWriteGuard<()> {
        Arc::clone(&self.0).write_owned().await
    }
}

/// What was copied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CopiedSegments {
    pub segments: u64,
    pub bytes: u64,
    /// Files that should be there and are not.
    pub missing: Vec<PathBuf>,
}

/// Copies the files of all closed segments that the catalogue in the file `catalogue` has, from the folder `from` to the
/// folder `to`. When this returns, the copies survive a power cut.
pub async fn copy_segments(catalogue: &Path, from: &Path, to: &Path) -> Result<CopiedSegments, BackupError> {
    let db = Db::open_to_read(catalogue).await.map_err(BackupError::Database)?;
    let listed = listed(&db).await;
    db.close().await;
    let listed = listed.map_err(BackupError::Database)?;
    let (from, to) = (Files::new(from.to_owned()), Files::new(to.to_owned()));
    blocking(move || copy_all(listed, &from, &to))
        .await
        .map_err(BackupError::Database)?
}

struct Listed {
    day: Day,
    segment: SegmentId,
    has_bodies: bool,
}

async fn listed(db: &Db) -> Result<Vec<Listed>, StoreError> {
    let rows = sqlx::query("SELECT id, day, bodies_bytes, bodies_removed FROM log_segments ORDER BY day, id")
        .fetch_all(db.reader())
        .await?;
    rows.iter()
        .map(|row| {
            Ok(Listed {
                day: super::catalogue::day(row)?,
                segment: SegmentId(row.int("id")?),
                has_bodies: row.int("bodies_bytes")? > 0 && !row.flag("bodies_removed")?,
            })
        })
        .collect()
}

fn copy_all(listed: Vec<Listed>, from: &Files, to: &Files) -> Result<CopiedSegments, BackupError> {
    let mut copied = CopiedSegments::default();
    let mut folder: Option<PathBuf> = None;
    for one in listed {
        let days = to
            .make_day(one.day)
            .map_err(fault("creating a folder in", to.folder()))?;
        if folder.as_ref() != Some(&days)
            && let Some(done) = folder.replace(days)
        {
            flush_folder(&done)?;
        }
        copied.segments += 1;
        for kind in [Kind::Rows, Kind::Bodies] {
            if kind == Kind::Bodies && !one.has_bodies {
                continue;
            }
            let file = from.path(one.day, one.segment, kind);
            match copy(&file, &to.path(one.day, one.segment, kind)) {
                Ok(bytes) => copied.bytes += bytes,
                Err(error) if error.kind() == io::ErrorKind::NotFound => copied.missing.push(file),
                Err(error) => return Err(fault("copying", &file)(error)),
            }
        }
    }
    if let Some(done) = folder {
        flush_folder(&done)?;
    }
    Ok(copied)
}

/// Also copies the permissions, which let only the owner read.
fn copy(from: &Path, to: &Path) -> io::Result<u64> {
    let bytes = fs::copy(from, to)?;
    File::open(to)?.sync_all()?;
    Ok(bytes)
}
