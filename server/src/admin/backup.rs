//! `gatehouse admin backup DIR`: copies the installation while it is in use. The process that holds the data directory does
//! it. `gatehouse.db` is copied last, so a directory without it is a backup that was not finished.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use store::backup::{copy_database, flush_folder};
use store::logs::{Removals, copy_segments};

use super::answer::{Answer, Object};
use crate::config::{Database, Place, secret_sources};
use crate::error::StartError;

/// Copies the installation of `place` to `dir`, which must be empty or not exist.
pub(super) async fn carry_out(place: &Place, removals: &Removals, dir: &Path) -> Result<Answer, StartError> {
    if place.database != Database::Embedded {
        return Err(StartError::Refused(
            "This installation is in PostgreSQL: use pg_dump, which copies all its tables as of one moment, or your database's \
             own backups."
                .to_owned(),
        ));
    }
    if is_within(dir, &place.data_dir) {
        return Err(StartError::Refused(format!(
            "{} is in the data directory. A backup there would be lost together with it.",
            dir.display()
        )));
    }
    make_empty(dir)?;
    let copied = copy_into(place, removals, dir).await;
    if !dir.join("gatehouse.db").exists() {
        // It was empty, so everything in it is of this backup. What cannot be removed is in the way of the next try, which
        // says so.
        let _ = fs::remove_dir_all(dir.join("logs"));
        let _ = fs::remove_file(dir.join("unfinished.db"));
    }
    copied
}

/// Whether the directory is the other one, or below it.
fn is_within(dir: &Path, other: &Path) -> bool {
    // What does not exist yet has no canonical path; its nearest ancestor that exists has one.
    let real = |path: &Path| {
        let path = std::path::absolute(path).ok()?;
        path.ancestors().find_map(|ancestor| ancestor.canonicalize().ok())
    };
    match (real(dir), real(other)) {
        (Some(dir), Some(other)) => dir.starts_with(other),
        _ => false,
    }
}

async fn copy_into(place: &Place, removals: &Removals, dir: &Path) -> Result<Answer, StartError> {
    let (from, to) = (place.data_dir.join("logs"), dir.join("logs"));
    make_private(&to)?;
    // Until every file is copied that the copy of the catalogue names.
    let paused = removals.pause().await;
    let log_bytes = copy_database(&from.join("logs.db"), &to.join("logs.db"))
        .await
        .map_err(failed)?;
    let segments = copy_segments(&to.join("logs.db"), &from, &to)
        .await
        .map_err(failed)?;
    drop(paused);
    flush_folder(&to).map_err(failed)?;
    let unfinished = dir.join("unfinished.db");
    let bytes = copy_database(&place.data_dir.join("gatehouse.db"), &unfinished)
        .await
        .map_err(failed)?;
    fs::rename(&unfinished, dir.join("gatehouse.db")).map_err(failed)?;
    flush_folder(dir).map_err(failed)?;
    let copied = Object::new()
        .with("directory", dir.display())
        .with("gatehouse.db", format!("{bytes} bytes"))
        .with("logs.db", format!("{log_bytes} bytes"))
        .with(
            "log segments",
            format!("{}, {} bytes", segments.segments, segments.bytes),
        );
    let copied = with_secrets(copied, place)?;
    match segments.missing.first() {
        None => Ok(Answer::One(copied)),
        Some(first) => Err(StartError::Refused(format!(
            "The backup in {} has everything but {} files of log segments, which are missing from the installation too, such as \
             {}.",
            dir.display(),
            segments.missing.len(),
            first.display()
        ))),
    }
}

fn failed<E: std::error::Error + Send + Sync + 'static>(error: E) -> StartError {
    StartError::failed("copying the installation")(error)
}

/// Says where the secrets are, which are not copied: a backup and the secrets together are everything.
fn with_secrets(mut copied: Object, place: &Place) -> Result<Object, StartError> {
    for (name, source) in secret_sources(&place.data_dir)? {
        let source = match source {
            Some(source) if source.contains('/') => std::path::absolute(&source)
                .unwrap_or_else(|_| source.into())
                .display()
                .to_string(),
            Some(variable) => format!("the variable {variable}"),
            None => "the server's environment".to_owned(),
        };
        copied = copied.with(
            name,
            format!("not copied; keep it, apart from the backup: {source}"),
        );
    }
    Ok(copied)
}

fn make_empty(dir: &Path) -> Result<(), StartError> {
    match fs::read_dir(dir) {
        Ok(mut entries) => match entries.next() {
            Some(_) => Err(StartError::Refused(format!(
                "{} is not empty. Use a directory that is empty or does not exist yet.",
                dir.display()
            ))),
            None => make_private(dir),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => make_private(dir),
        Err(error) => Err(StartError::Refused(format!(
            "{} cannot be used: {error}.",
            dir.display()
        ))),
    }
}

/// Only its owner can read it, also if it existed before.
fn make_private(dir: &Path) -> Result<(), StartError> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(dir);
    let private = <fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o700);
    made.and_then(|()| fs::set_permissions(dir, private))
        .map_err(|error| StartError::Refused(format!("{} cannot be created: {error}.", dir.display())))
}
