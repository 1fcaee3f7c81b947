//! A webhook's own headers and its rate limit.

use async_trait::async_trait;
use model::{AuditEntry, CompanyId, WebhookId, WebhookOptions};
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;
use webhooks::decide::{self, StoredOptions};
use webhooks::{OptionsChange, OptionsStore, OptionsWritten, StorageFailure};

use super::{StoredWebhooks, rows};
use crate::{StoreError, Urgency, audit};

const SELECT: &str =
    "SELECT headers, rate_limit FROM webhooks WHERE id = $1 AND company_id = $2 AND deleted_at IS NULL";

#[async_trait]
impl OptionsStore for StoredWebhooks {
    async fn options(
        &self,
        company: CompanyId,
        id: WebhookId,
    ) -> Result<Option<WebhookOptions>, StorageFailure> {
        let statement = sqlx::query(SELECT).bind(id.to_string()).bind(company.to_string());
        let found = self.one(statement, stored).await?;
        Ok(found.map(|options| options.shown()))
    }

    async fn change_options(
        &self,
        company: CompanyId,
        id: WebhookId,
        change: OptionsChange,
        entry: AuditEntry,
    ) -> Result<OptionsWritten, StorageFailure> {
        let locked = format!("{SELECT}{}", self.db.dialect().for_update());
        self.write(Urgency::Interactive, move |connection| {
            Box::pin(async move {
                let row = sqlx::query(AssertSqlSafe(locked))
                    .bind(id.to_string())
                    .bind(company.to_string())
                    .fetch_optional(&mut *connection)
                    .await?;
                let Some(row) = row else {
                    return Ok(OptionsWritten::NotFound);
                };
                let Some(after) = decide::options_after(stored(&row)?, change) else {
                    return Ok(OptionsWritten::TooManyHeaders);
                };
                sqlx::query(
                    "UPDATE webhooks SET headers = $2, rate_limit = $3, updated_at = $4 WHERE id = $1",
                )
                .bind(id.to_string())
                .bind(rows::headers_text(&after.headers)?)
                .bind(after.rate_limit.map(i64::from))
                .bind(entry.at.as_millis())
                .execute(&mut *connection)
                .await?;
                audit::record(connection, &entry).await?;
                Ok(OptionsWritten::Done(after.shown()))
            })
        })
        .await
    }
}

fn stored(row: &AnyRow) -> Result<StoredOptions, StoreError> {
    Ok(StoredOptions {
        headers: rows::headers_column(row)?,
        rate_limit: rows::rate_limit(row)?,
    })
}
