//! The log port on [`logs::Reading`]. It is bound to one scope, so that it cannot be used for another company's rows.

use accounts::Company;
use app::AppError;
use app::ports::SeeLogs;
use async_trait::async_trait;
use clock::Clock;
use logs::{LogStoreError, Reading, Scope};
use model::{KeyName, LogEntry, LogFilter, LogPage, LogParts, NewRows, RequestId};
use webhooks::Webhooks;

use crate::incident;

/// What a member sees of the request log. A company sees its own rows and its brands' rows; a brand sees only its own.
pub(crate) struct SeenLogs {
    pub(crate) reading: Reading,
    /// For which events refer to a request.
    pub(crate) webhooks: Webhooks,
    pub(crate) clock: Clock,
    pub(crate) scope: Scope,
}

/// The rows a member of this company may see.
pub(crate) const fn scope_of(of: &Company) -> Scope {
    let (company, client_id) = (of.id, of.client_id);
    match of.parent {
        None => Scope::WithBrands { company, client_id },
        Some(_) => Scope::Brand { company, client_id },
    }
}

#[async_trait]
impl SeeLogs for SeenLogs {
    async fn page(&self, filter: &LogFilter, parts: LogParts) -> Result<LogPage, AppError> {
        self.reading
            .parts(self.scope, filter, parts, logs::PAGE, self.clock.now())
            .await
            .map_err(|error| answer(&error))
    }

    async fn key_names(&self) -> Result<Vec<KeyName>, AppError> {
        let names = self.reading.key_names(self.scope).await;
        names.map_err(|error| answer(&error))
    }

    async fn new_rows(&self, filter: &LogFilter, after: i64, most: usize) -> Result<NewRows, AppError> {
        self.reading
            .new_rows(self.scope, filter, after, most, self.clock.now())
            .await
            .map_err(|error| answer(&error))
    }

    async fn entry(&self, request: RequestId) -> Result<LogEntry, AppError> {
        let entry = self
            .reading
            .entry(self.scope, request, self.clock.now())
            .await
            .map_err(|error| answer(&error))?;
        let mut entry = entry.ok_or(AppError::NotFound)?;
        match self
            .webhooks
            .events_of_request(self.scope.company(), request)
            .await
        {
            Ok(events) => entry.events = events,
            // The entry is useful even without them.
            Err(error) => tracing::error!(
                error = crate::error::chain(&error),
                "could not read a request's events"
            ),
        }
        Ok(entry)
    }
}

fn answer(error: &LogStoreError) -> AppError {
    AppError::Internal {
        incident: incident::logged("a page about requests could not be answered", error),
    }
}
