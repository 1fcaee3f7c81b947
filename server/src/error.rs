//! Why the program ends before it serves, and with which exit code.

use std::error::Error;
use std::process::ExitCode;

use thiserror::Error;

use crate::config::ConfigError;

/// What stops a start or an `admin` command.
#[derive(Debug, Error)]
pub enum StartError {
    /// Something the one who starts it has to change. Exit code 2.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// `admin` was asked for something that cannot be. Exit code 1.
    #[error("{0}")]
    Refused(String),
    /// A part failed; the causes follow in the text. Exit code 1.
    #[error("{what}: {}", chain(.cause.as_ref()))]
    Failed {
        what: String,
        cause: Box<dyn Error + Send + Sync>,
    },
}

impl StartError {
    /// For `map_err`: "opening the database: …".
    pub fn failed<E: Into<Box<dyn Error + Send + Sync>>>(what: &str) -> impl FnOnce(E) -> Self {
        let what = what.to_owned();
        move |cause| Self::Failed {
            what,
            cause: cause.into(),
        }
    }

    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Config(_) => ExitCode::from(2),
            Self::Refused(_) | Self::Failed { .. } => ExitCode::FAILURE,
        }
    }
}

/// The error and its causes, in one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
