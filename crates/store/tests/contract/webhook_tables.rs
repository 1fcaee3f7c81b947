//! Where the webhook tests store webhooks: in one of the databases, or in memory. A case that takes any
//! [`WebhookTables`] runs on all three. One that takes a [`TestDb`] speaks SQL, and runs on the databases only.

use std::sync::Arc;

use model::{ClientId, CompanyId};
use store::webhooks::StoredWebhooks;
use store::{Columns, Db};
use test_webhooks::MemoryWebhooks;
use webhooks::{EventTypeStore, Stores};

use crate::test_db::{TestCompany, TestDb};

/// Tables without rows.
pub(crate) trait WebhookTables {
    fn tables(&self) -> Tables;

    /// The same tables, as another node opens them.
    async fn tables_again(&self) -> Tables;

    /// Stores a company derived from `number`, as a brand if there is a `parent`.
    async fn company(&self, number: u8, parent: Option<TestCompany>) -> TestCompany;
}

#[derive(Clone)]
pub(crate) enum Tables {
    Database(Db),
    Memory(MemoryWebhooks),
}

impl Tables {
    pub(crate) fn stores(&self) -> Stores {
        match self {
            Self::Database(db) => Stores::of(StoredWebhooks::new(db.clone())),
            Self::Memory(memory) => Stores::of(memory.clone()),
        }
    }

    pub(crate) fn catalogue(&self) -> Arc<dyn EventTypeStore> {
        match self {
            Self::Database(db) => Arc::new(StoredWebhooks::new(db.clone())),
            Self::Memory(memory) => Arc::new(memory.clone()),
        }
    }

    /// The actions in the audit trail, oldest first.
    pub(crate) async fn audit(&self) -> Vec<String> {
        match self {
            Self::Database(db) => {
                let rows = sqlx::query("SELECT action FROM audit ORDER BY at, id")
                    .fetch_all(db.reader())
                    .await
                    .expect("read");
                rows.iter().map(|row| row.text("action").expect("text")).collect()
            }
            Self::Memory(memory) => {
                let entries = memory.audit().into_iter();
                entries.map(|entry| entry.action.to_string()).collect()
            }
        }
    }
}

impl WebhookTables for TestDb {
    fn tables(&self) -> Tables {
        Tables::Database(self.db.clone())
    }

    async fn tables_again(&self) -> Tables {
        match self.folder() {
            Some(_) => self.tables(),
            None => Tables::Database(self.open_again().await),
        }
    }

    async fn company(&self, number: u8, parent: Option<TestCompany>) -> TestCompany {
        Self::company(self, number, parent).await
    }
}

impl WebhookTables for MemoryWebhooks {
    fn tables(&self) -> Tables {
        Tables::Memory(self.clone())
    }

    async fn tables_again(&self) -> Tables {
        self.tables()
    }

    async fn company(&self, number: u8, parent: Option<TestCompany>) -> TestCompany {
        let company = TestCompany {
            id: CompanyId::from_random([number; 16]),
            client_id: ClientId::from_random([number; 16]),
        };
        let parent = parent.map(|parent| parent.id);
        Self::company(self, company.id, &format!("Company {number}"), parent);
        company
    }
}
