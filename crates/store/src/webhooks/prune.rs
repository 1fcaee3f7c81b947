//! Removes what is no longer kept.

use async_trait::async_trait;
use model::{EventId, Timestamp};
use webhooks::{PruneStore, StorageFailure};

use super::StoredWebhooks;
use crate::{Columns, DbConnection, StoreError, Urgency};

#[async_trait]
impl PruneStore for StoredWebhooks {
    /// Removes events in small steps, so that no other write waits long. The worker decides how long events are kept.
    /// The condition selects events of that age that have no waiting deliveries and were not tried again since. Uses
    /// the index `events_by_age`.
    async fn prune(&self, before: Timestamp, at_most: u32) -> Result<u64, StorageFailure> {
        self.write(Urgency::Background, move |connection| {
            Box::pin(async move {
                let old = sqlx::query(
                    "SELECT e.id FROM events e WHERE e.created_at < $1 AND NOT EXISTS (SELECT 1 FROM deliveries d \
                     WHERE d.event_id = e.id AND (d.state IN ('pending', 'held') OR d.last_attempt_at >= $1)) \
                     ORDER BY e.created_at LIMIT $2",
                )
                .bind(before.as_millis())
                .bind(i64::from(at_most))
                .fetch_all(&mut *connection)
                .await?;
                for row in &old {
                    remove_event(connection, row.parsed("id")?).await?;
                }
                Ok(old.len() as u64)
            })
        })
        .await
    }

    async fn erase_former_secrets(&self, now: Timestamp) -> Result<(), StorageFailure> {
        self.write(Urgency::Background, move |connection| {
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
}

async fn remove_event(connection: &mut DbConnection, event: EventId) -> Result<(), StoreError> {
    for sql in [
        "DELETE FROM attempts WHERE delivery_id IN (SELECT id FROM deliveries WHERE event_id = $1)",
        "DELETE FROM deliveries WHERE event_id = $1",
        "DELETE FROM events WHERE id = $1",
    ] {
        sqlx::query(sql)
            .bind(event.to_string())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}
