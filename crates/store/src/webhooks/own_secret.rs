//! The secret of a webhook's own: read with its audit row, replaced with an overlap, and the former one erased.

use model::{AuditEntry, CompanyId, Timestamp, WebhookId};
use sqlx::AssertSqlSafe;
use vault::Sealed;

use crate::{Columns, Db, StoreError, Urgency, audit};

pub(super) async fn read(
    db: &Db,
    company: CompanyId,
    id: WebhookId,
    entry: AuditEntry,
) -> Result<Option<Sealed>, StoreError> {
    // Against a deletion in the same moment, which erases it.
    let sql = format!(
        "SELECT sealed_secret FROM webhooks WHERE id = $1 AND company_id = $2 AND deleted_at IS NULL{}",
        db.dialect().for_share()
    );
    db.write(Urgency::Interactive, move |connection| {
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

pub(super) async fn rotate(
    db: &Db,
    company: CompanyId,
    id: WebhookId,
    new: Sealed,
    until: Timestamp,
    entry: AuditEntry,
) -> Result<bool, StoreError> {
    db.write(Urgency::Interactive, move |connection| {
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

pub(super) async fn erase_former(db: &Db, now: Timestamp) -> Result<(), StoreError> {
    db.write(Urgency::Background, move |connection| {
        Box::pin(async move {
            sqlx::query(
                "UPDATE webhooks SET previous_secret = NULL, previous_until = NULL WHERE previous_until <= $1",
            )
            .bind(now.as_millis())
            .execute(connection)
            .await?;
            Ok(())
        })
    })
    .await
}
