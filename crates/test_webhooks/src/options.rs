//! A webhook's own headers and its rate limit.

use async_trait::async_trait;
use model::{AuditEntry, CompanyId, WebhookId, WebhookOptions};
use webhooks::decide;
use webhooks::{OptionsChange, OptionsStore, OptionsWritten, StorageFailure};

use crate::MemoryWebhooks;

#[async_trait]
impl OptionsStore for MemoryWebhooks {
    async fn options(
        &self,
        company: CompanyId,
        id: WebhookId,
    ) -> Result<Option<WebhookOptions>, StorageFailure> {
        let mut tables = self.lock();
        Ok(tables
            .webhook_of(company, id)
            .map(|stored| stored.options.shown()))
    }

    async fn change_options(
        &self,
        company: CompanyId,
        id: WebhookId,
        change: OptionsChange,
        audit: AuditEntry,
    ) -> Result<OptionsWritten, StorageFailure> {
        let mut tables = self.lock();
        let Some(stored) = tables.webhook_of(company, id) else {
            return Ok(OptionsWritten::NotFound);
        };
        let Some(after) = decide::options_after(stored.options.clone(), change) else {
            return Ok(OptionsWritten::TooManyHeaders);
        };
        stored.webhook.updated_at = audit.at;
        stored.options = after;
        let shown = stored.options.shown();
        tables.audit.push(audit);
        Ok(OptionsWritten::Done(shown))
    }
}
