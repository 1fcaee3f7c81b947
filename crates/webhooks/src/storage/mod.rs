//! The database operations this crate needs: one small trait for each user, and the types it exchanges with the
//! database. `store` implements all of them on the tables `webhooks`, `events`, `deliveries` and `attempts`.
//!
//! Every method called on behalf of a person or a program takes the company, and does not find rows of other companies.
//! Changes write their audit row in the same transaction. If a method has to decide something, the store reads the
//! facts in the transaction, asks [`crate::decide`], and writes the result.

mod attempts;
mod brake;
mod config;
mod event_types;
mod history;
mod operator;
mod options;
mod pages;
mod prune;
mod publish;
mod queue;
mod secrets;

use std::fmt;
use std::sync::Arc;

pub use attempts::{AttemptStore, FinishedAttempt, Then};
pub use brake::{BrakeCount, BrakeSelection, BrakeStep, BrakeStepDone, BrakeStore, ShelfPlace};
pub use config::{ChangedUrl, ConfigStore, NewWebhook, WebhookChange, Written};
pub use event_types::{CatalogueChanges, EventTypeStore, Rewrite, Rewritten};
pub use history::{HistoryFilter, HistoryPage, HistoryRow, HistoryStore};
pub use operator::{Backlog, EventDelivery, EventRecord, OperatorStore};
pub use options::{OptionsChange, OptionsStore, OptionsWritten, SealedHeader};
pub use pages::{DeliveryList, FailureCount, LastTest, PageStore, StoredDelivery, WebhookFacts};
pub use prune::PruneStore;
pub use publish::{
    ClaimAtBirth, Idempotency, NewEvent, NewEvents, NewTest, PublishStore, PublishedEvent, Replayed, Room,
    Tested,
};
pub use queue::{
    Claimed, DeliveryQueue, Endpoint, FormerSecret, HeldScope, LastFailure, Overdue, OwnSecrets, Paced,
    Replay, Taken,
};
pub use secrets::OwnSecretStore;

/// The storage of one installation, divided by user. Cheap to clone.
#[derive(Clone)]
pub struct Stores {
    pub config: Arc<dyn ConfigStore>,
    pub options: Arc<dyn OptionsStore>,
    pub publish: Arc<dyn PublishStore>,
    pub queue: Arc<dyn DeliveryQueue>,
    pub attempts: Arc<dyn AttemptStore>,
    pub secrets: Arc<dyn OwnSecretStore>,
    pub pages: Arc<dyn PageStore>,
    pub history: Arc<dyn HistoryStore>,
    pub prune: Arc<dyn PruneStore>,
    pub operator: Arc<dyn OperatorStore>,
    pub brake: Arc<dyn BrakeStore>,
}

impl fmt::Debug for Stores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stores").finish_non_exhaustive()
    }
}

impl Stores {
    /// Builds all of them on one database.
    pub fn of<S>(database: S) -> Self
    where
        S: ConfigStore
            + OptionsStore
            + PublishStore
            + DeliveryQueue
            + AttemptStore
            + OwnSecretStore
            + PageStore
            + HistoryStore
            + PruneStore
            + OperatorStore
            + BrakeStore
            + 'static,
    {
        let database = Arc::new(database);
        Self {
            config: database.clone(),
            options: database.clone(),
            publish: database.clone(),
            queue: database.clone(),
            attempts: database.clone(),
            secrets: database.clone(),
            pages: database.clone(),
            history: database.clone(),
            prune: database.clone(),
            operator: database.clone(),
            brake: database,
        }
    }
}
