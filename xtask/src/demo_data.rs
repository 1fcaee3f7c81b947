//! `--fresh`: removes the demo's data and nothing else. The server decides what a data directory contains
//! (`server/src/data_dir.rs` and `server/src/config/secrets.rs`).

use std::fs::{File, TryLockError};
use std::path::Path;

use anyhow::{Context, Result, bail};

/// The process that uses the directory holds this lock for as long as it lives.
const LOCK: &str = "gatehouse.lock";
/// Only `gatehouse serve --demo` writes this file.
const DEMO: &str = "demo";

/// What Gatehouse writes into a data directory. Anything else there belongs to someone else.
fn is_gatehouses(name: &str) -> bool {
    const NAMES: [&str; 6] = [LOCK, "control.sock", "logs", "master.key", "pepper.key", DEMO];
    NAMES.contains(&name) || name.starts_with("gatehouse.db")
}

/// Removes a demo's data directory. Returns `false` if there is none.
///
/// # Errors If the directory contains a file that is not Gatehouse's, is not a demo's, or is used by a running server.
pub(crate) fn remove(data: &Path) -> Result<bool> {
    if !data.exists() {
        return Ok(false);
    }
    let mut is_a_demo = false;
    for entry in std::fs::read_dir(data).with_context(|| format!("reading {}", data.display()))? {
        let name = entry?.file_name();
        let name = name.to_string_lossy();
        is_a_demo |= name == DEMO;
        if !is_gatehouses(&name) {
            bail!(
                "{} contains {name}, which is not Gatehouse's. --fresh removed nothing.",
                data.display()
            );
        }
    }
    if !is_a_demo {
        bail!(
            "{} is not the data of a demo, or its creation was interrupted. --fresh removed nothing. \
             If you do not need it, remove it yourself.",
            data.display()
        );
    }
    let lock_path = data.join(LOCK);
    let lock = File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&lock_path);
    let lock = lock.with_context(|| format!("opening {}", lock_path.display()))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            bail!(
                "A Gatehouse is running on {}. Stop it, then run this again.",
                data.display()
            )
        }
        Err(TryLockError::Error(error)) => {
            return Err(error).with_context(|| format!("locking {}", lock_path.display()));
        }
    }
    std::fs::remove_dir_all(data).with_context(|| format!("removing {}", data.display()))?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory_with(names: &[&str]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        for name in names {
            std::fs::write(directory.path().join(name), "").unwrap();
        }
        directory
    }

    #[test]
    fn a_demo_is_removed_and_a_missing_one_is_no_error() {
        let directory = directory_with(&[
            "gatehouse.db",
            "gatehouse.db-wal",
            "gatehouse.lock",
            "master.key",
            "demo",
        ]);
        assert!(remove(directory.path()).unwrap());
        assert!(!directory.path().exists());
        assert!(!remove(directory.path()).unwrap());
    }

    #[test]
    fn a_directory_with_a_foreign_file_is_left_alone() {
        let directory = directory_with(&["gatehouse.db", "thesis.odt"]);
        assert!(
            remove(directory.path())
                .unwrap_err()
                .to_string()
                .contains("thesis.odt")
        );
        assert!(directory.path().join("gatehouse.db").exists());
    }

    #[test]
    fn data_that_is_not_a_demo_is_left_alone() {
        let directory = directory_with(&["gatehouse.db", "master.key"]);
        assert!(
            remove(directory.path())
                .unwrap_err()
                .to_string()
                .contains("not the data of a demo")
        );
        assert!(directory.path().join("gatehouse.db").exists());
    }

    #[test]
    fn a_demo_that_is_running_is_left_alone() {
        let directory = directory_with(&["gatehouse.db", "gatehouse.lock", "demo"]);
        let held = File::options()
            .write(true)
            .open(directory.path().join("gatehouse.lock"))
            .unwrap();
        held.try_lock().unwrap();
        assert!(
            remove(directory.path())
                .unwrap_err()
                .to_string()
                .contains("is running")
        );
        assert!(directory.path().join("gatehouse.db").exists());
    }
}
