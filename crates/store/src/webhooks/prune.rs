//! Removes what is no longer kept.

use async_trait::async_trait;
use model::Timestamp;
use sqlx::AssertSqlSafe;
use webhooks::{PruneStore, StorageFailure};

use super::StoredWebhooks;
use crate::{Columns, DbConnection, Dialect, StoreError, Urgency, statement};

#[async_trait]
impl PruneStore for StoredWebhooks {
    /// The worker decides how long events are kept. The condition selects events of that age that have no waiting
    /// deliveries and were not tried again since. Uses the indexes `events_by_age`, `deliveries_of_event` and
    /// `attempts_of_delivery`. Nodes that do this at the same time take different events.
    async fn prune(&self, before: Timestamp, at_most: u32) -> Result<u64, StorageFailure> {
        let dialect = self.db.dialect();
        let skip = dialect.on_postgres(" FOR UPDATE OF e SKIP LOCKED");
        self.write(Urgency::Background, move |connection| {
            Box::pin(async move {
                let sql = format!(
                    "SELECT e.id FROM events e WHERE e.created_at < $1 AND NOT EXISTS (SELECT 1 FROM deliveries d \
                     WHERE d.event_id = e.id AND (d.state IN ('pending', 'held') OR d.last_attempt_at >= $1)) \
                     ORDER BY e.created_at LIMIT $2{skip}"
                );
                let old = sqlx::query(AssertSqlSafe(sql))
                    .bind(before.as_millis())
                    .bind(i64::from(at_most))
                    .fetch_all(&mut *connection)
                    .await?;
                let old: Vec<String> = old.iter().map(|row| row.text("id")).collect::<Result<_, _>>()?;
                for part in statement::filled_parts(&old) {
                    remove_events(connection, dialect, &part).await?;
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

async fn remove_events(
    connection: &mut DbConnection,
    dialect: Dialect,
    events: &[&String],
) -> Result<(), StoreError> {
    let these = dialect.placeholders(1, events.len());
    for sql in [
        format!(
            "DELETE FROM attempts WHERE delivery_id IN (SELECT id FROM deliveries WHERE event_id IN ({these}))"
        ),
        format!("DELETE FROM deliveries WHERE event_id IN ({these})"),
        format!("DELETE FROM events WHERE id IN ({these})"),
    ] {
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for event in events {
            query = query.bind(event.to_string());
        }
        query.execute(&mut *connection).await?;
    }
    Ok(())
}
