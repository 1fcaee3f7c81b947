//! The access logs of proxies that ask `/verify`: listening for them, and following them in files.

use std::net::SocketAddr;
use std::path::PathBuf;

use gateway::Syslog;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::{Config, ConfigError};
use crate::error::StartError;
use crate::services::Services;

/// What is configured.
#[derive(Debug)]
pub(crate) struct AccessLogs {
    syslog: Option<Syslog>,
    files: Vec<PathBuf>,
}

impl AccessLogs {
    pub(crate) async fn bind(config: &Config) -> Result<Self, StartError> {
        let completion = config.completion.as_ref();
        let syslog = match completion.and_then(|completion| completion.syslog) {
            None => None,
            Some(address) => Some(Syslog::bind(address).await.map_err(|error| {
                ConfigError::new(format!(
                    "completion-syslog is {address}, but Gatehouse cannot listen there: {error}."
                ))
            })?),
        };
        let files = completion.map(|completion| completion.files.clone());
        Ok(Self {
            syslog,
            files: files.unwrap_or_default(),
        })
    }

    pub(crate) fn syslog_address(&self) -> Result<Option<SocketAddr>, StartError> {
        let address = self.syslog.as_ref().map(Syslog::address).transpose();
        address.map_err(StartError::failed("asking a listener for its address"))
    }

    /// Takes what they tell until `stop`.
    pub(crate) fn take(self, services: &Services, stop: &CancellationToken, tasks: &TaskTracker) {
        let Some(completions) = services.gateway.completions() else {
            return;
        };
        tasks.spawn(completions.clone().run(stop.clone()));
        if let Some(syslog) = self.syslog {
            tasks.spawn(syslog.serve(completions.clone(), stop.clone()));
        }
        for file in self.files {
            tasks.spawn(gateway::follow(file, completions.clone(), stop.clone()));
        }
    }
}
