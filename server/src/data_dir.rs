//! The data directory: made private, locked by one process at a time. Used by `serve` and by `admin`.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use crate::config::ConfigError;

/// A data directory this process holds alone; the lock ends with the value, or with the process however it ends.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    _lock: File,
}

/// Whether it could be had.
#[derive(Debug)]
pub enum Claim {
    Held(DataDir),
    /// Another process holds it: a server, or another `admin`.
    Taken,
}

impl DataDir {
    /// Creates what is missing (readable by its owner alone) and takes the lock.
    pub fn claim(path: &Path) -> Result<Claim, ConfigError> {
        let fault = |what: &str, error: std::io::Error| {
            ConfigError::new(format!(
                "data-dir is {}, which cannot be {what}: {error}.",
                path.display()
            ))
        };
        create_private(path).map_err(|error| fault("created", error))?;
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false);
        let lock = options
            .open(path.join("gatehouse.lock"))
            .map_err(|error| fault("written to", error))?;
        match lock.try_lock() {
            Ok(()) => Ok(Claim::Held(Self {
                path: path.to_owned(),
                _lock: lock,
            })),
            Err(TryLockError::WouldBlock) => Ok(Claim::Taken),
            Err(TryLockError::Error(error)) => Err(fault("locked", error)),
        }
    }

    /// A folder in it, made when it is missing.
    pub fn private_folder(&self, name: &str) -> Result<PathBuf, ConfigError> {
        let folder = self.path.join(name);
        create_private(&folder)
            .map_err(|error| ConfigError::new(format!("{} cannot be created: {error}.", folder.display())))?;
        Ok(folder)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

pub fn control_socket(data_dir: &Path) -> PathBuf {
    data_dir.join("control.sock")
}

fn create_private(path: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holds_it_at_a_time() {
        let dir = tempfile::tempdir().expect("a directory");
        let first = DataDir::claim(dir.path()).expect("claims");
        assert!(matches!(first, Claim::Held(_)));
        assert!(matches!(
            DataDir::claim(dir.path()).expect("claims"),
            Claim::Taken
        ));
        drop(first);
        assert!(matches!(
            DataDir::claim(dir.path()).expect("claims"),
            Claim::Held(_)
        ));
    }
}
