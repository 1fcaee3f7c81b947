//! Errors that end the program before it serves, with their exit codes.

use std::error::Error;
use std::process::ExitCode;

use thiserror::Error;

use crate::config::ConfigError;

/// What can stop a start or an `admin` command.
#[derive(Debug, Error)]
pub enum StartError {
    /// The person who started the program has to change something. The exit code is 2.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// `admin` was asked for something that is not possible. The exit code is 1.
    #[error("{0}")]
    Refused(String),
    /// A component failed. The text lists the causes. The exit code is 1.
    #[error("{what}: {}", chain(.cause.as_ref()))]
    Failed {
        what: String,
        cause: Box<dyn Error + Send + Sync>,
    },
}

impl StartError {
    /// For use with `map_err`. `what` reads like "opening the database".
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

/// The error and its causes on one line.
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
