//! The storage of webhooks in memory, for tests. It implements the traits of [`webhooks::Stores`] with plain maps behind
//! one lock: a transaction is the time for which the lock is held. Like the SQL in `store`, it selects rows and leaves
//! every decision to [`webhooks::decide`]. The contract suite of `store` runs on it as on both databases, so what the
//! simulation of the scheduler finds out on it holds for them.

mod attempts;
mod brake;
mod config;
mod event_types;
mod history;
mod options;
mod pages;
mod prune;
mod publish;
mod queue;
mod tables;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::{AuditEntry, CompanyId, DeliveryId, WebhookId};

pub use tables::DeliveryNow;
use tables::{Company, Tables};

/// Implements all of [`webhooks::Stores`]. Cheap to clone; all clones are the same storage.
#[derive(Clone, Debug, Default)]
pub struct MemoryWebhooks(Arc<Mutex<Tables>>);

impl MemoryWebhooks {
    /// Adds a company, as a brand if there is a `parent`.
    pub fn company(&self, id: CompanyId, name: &str, parent: Option<CompanyId>) {
        let company = Company {
            name: name.to_owned(),
            parent,
        };
        self.lock().companies.insert(id, company);
    }

    /// The audit trail, oldest first.
    pub fn audit(&self) -> Vec<AuditEntry> {
        let mut entries = self.lock().audit.clone();
        entries.sort_by_key(|entry| (entry.at, entry.id));
        entries
    }

    /// Every delivery, in the order of their ids.
    pub fn deliveries_now(&self) -> Vec<DeliveryNow> {
        let tables = self.lock();
        let ids = tables.deliveries().map(|(id, _)| id);
        ids.filter_map(|id| tables.now_of(id)).collect()
    }

    pub fn delivery_now(&self, id: DeliveryId) -> Option<DeliveryNow> {
        self.lock().now_of(id)
    }

    /// How many deliveries are pending or held, by webhook.
    pub fn open(&self) -> BTreeMap<WebhookId, usize> {
        self.lock().open()
    }

    fn lock(&self) -> MutexGuard<'_, Tables> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
