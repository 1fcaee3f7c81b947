//! A webhook's own secret: reads it with an audit row, and replaces it with an overlap.

use async_trait::async_trait;
use model::{AuditEntry, CompanyId, Timestamp, WebhookId};
use sqlx::AssertSqlSafe;
use vault::Sealed;
use webhooks::{OwnSecretStore, StorageFailure};

use super::StoredWebhooks;
use crate::{Columns, Urgency, audit};

#[async_trait]
impl OwnSecretStore for StoredWebhooks {
    async fn own_secret(
        &self,
        company: CompanyId,
        id: WebhookId,
        entry: AuditEntry,
    ) -> Result<Option<Sealed>, StorageFailure> {
        // The lock keeps a simultaneous deletion from erasing the secret under us.
        let sql = format!(
            "SELECT sealed_secret FROM webhooks WHERE id = $1 AND company_id = $2 AND deleted_at IS NULL{}",
            self.db.dialect().for_share()
        );
        self.write(Urgency::Interactive, move |connection| {
            Box::pin(async move {
                let row = sqlx::query(AssertSqlSafe(sql))
                    .bind(id.to_string())
                    .bind(company.to_string())
                    .fetch_optional(&mut *connection)
                    .await?;
                let Some(row) = row else { return Ok(None) };
                audit::record(connection, &entry).await?;
                Ok(Some(Sealed::from_bytes(row.blob("sealed_secret")?)))
            })
        })
        .await
    }

    async fn rotate_secret(
        &self,
        company: CompanyId,
        id: WebhookId,
        new: Sealed,
        until: Timestamp,
        entry: AuditEntry,
    ) -> Result<bool, StorageFailure> {
        self.write(Urgency::Interactive, move |connection| {
            Box::pin(async move {
                let rotated = sqlx::query(
                    "UPDATE webhooks SET previous_secret = sealed_secret, previous_until = $4, sealed_secret = $3 \
                     WHERE id = $1 AND company_id = $2 AND deleted_at IS NULL",
                )
                .bind(id.to_string())
                .bind(company.to_string())
                .bind(new.as_bytes().to_vec())
                .bind(until.as_millis())
                .execute(&mut *connection)
                .await?;
                if rotated.rows_affected() == 0 {
                    return Ok(false);
                }
                audit::record(connection, &entry).await?;
                Ok(true)
            })
        })
        .await
    }
}
