//! What the demo remembers between starts, in a small file in the data directory. The file holds no secret in plain
//! text.

use std::path::PathBuf;

use model::{ClientId, KeyId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::config::ConfigError;
use crate::data_dir::DataDir;

/// The contents of the demo's file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) port: u16,
    /// The company. Its brands are in the database.
    pub(super) company: ClientId,
    /// When real requests begin. `None` if the demo started empty.
    pub(super) real_since: Option<Timestamp>,
    /// The deleted key that the demo keeps trying.
    pub(super) deleted: Option<DeletedKey>,
}

/// A key that is no longer valid, sealed like any other.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct DeletedKey {
    pub(super) id: KeyId,
    pub(super) sealed: Vec<u8>,
}

fn file(data_dir: &DataDir) -> PathBuf {
    data_dir.path().join("demo")
}

impl State {
    pub(super) fn read(data_dir: &DataDir) -> Result<Option<Self>, ConfigError> {
        let path = file(data_dir);
        match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|_| {
                ConfigError::new(format!(
                    "data-dir holds a demo whose setup was interrupted, or that another version created ({}). Start over with cargo xtask serve --fresh, or remove the directory.",
                    path.display()
                ))
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(ConfigError::new(format!(
                "{} cannot be read: {error}.",
                path.display()
            ))),
        }
    }

    /// Marks the directory as a demo's before creating anything in it, so that the next start can tell if this one was
    /// interrupted.
    pub(super) fn begin(data_dir: &DataDir) -> Result<(), ConfigError> {
        put(data_dir, b"being made\n")
    }

    pub(super) fn write(&self, data_dir: &DataDir) -> Result<(), ConfigError> {
        let text = serde_json::to_vec(self).map_err(|error| cannot_write(data_dir, &error.into()))?;
        put(data_dir, &text)
    }
}

fn put(data_dir: &DataDir, text: &[u8]) -> Result<(), ConfigError> {
    std::fs::write(file(data_dir), text).map_err(|error| cannot_write(data_dir, &error))
}

fn cannot_write(data_dir: &DataDir, error: &std::io::Error) -> ConfigError {
    ConfigError::new(format!(
        "{} cannot be written: {error}.",
        file(data_dir).display()
    ))
}
