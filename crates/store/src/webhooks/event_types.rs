//! The catalogue of event types.

use async_trait::async_trait;
use model::{EventEntry, Timestamp};
use sqlx::any::AnyRow;
use webhooks::event_types::names;
use webhooks::{CatalogueChanges, EventTypeStore, Rewrite, Rewritten, StorageFailure};

use super::StoredWebhooks;
use crate::{Columns, DbConnection, StoreError, Urgency, audit};

const TYPES: &str = "SELECT event_type, group_name, description, sample, json_schema, removed FROM event_types ORDER BY place";
const VERSION: &str = "SELECT version FROM event_catalogue WHERE id = 1";

#[async_trait]
impl EventTypeStore for StoredWebhooks {
    async fn version(&self) -> Result<i64, StorageFailure> {
        let version = self.one(sqlx::query(VERSION), |row| row.int("version")).await?;
        Ok(version.unwrap_or_default())
    }

    /// The version comes first: if the types change in between, the next look finds a higher one.
    async fn read(&self) -> Result<(i64, Vec<EventEntry>), StorageFailure> {
        let version = self.version().await?;
        Ok((version, self.all(sqlx::query(TYPES), entry).await?))
    }

    async fn fill(&self, entries: Vec<EventEntry>, at: Timestamp) -> Result<(), StorageFailure> {
        if self.version().await? > 0 {
            return Ok(());
        }
        self.write(Urgency::Interactive, move |connection| {
            Box::pin(async move {
                let first =
                    sqlx::query("UPDATE event_catalogue SET version = 1 WHERE id = 1 AND version = 0")
                        .execute(&mut *connection)
                        .await?;
                if first.rows_affected() > 0 {
                    write(connection, &entries, at).await?;
                }
                Ok(())
            })
        })
        .await
    }

    /// The row of the version is locked first, so that two changes go one after the other.
    async fn rewrite(&self, decide: Rewrite) -> Result<CatalogueChanges, StorageFailure> {
        self.write(Urgency::Interactive, move |connection| {
            Box::pin(async move {
                sqlx::query("UPDATE event_catalogue SET version = version + 1 WHERE id = 1")
                    .execute(&mut *connection)
                    .await?;
                let rows = sqlx::query(TYPES).fetch_all(&mut *connection).await?;
                let before: Vec<_> = rows.iter().map(entry).collect::<Result<_, _>>()?;
                let Rewritten {
                    write: entries,
                    audit: audited,
                    changes,
                } = decide(&before);
                if let Some(first) = audited.first() {
                    write(connection, &entries, first.at).await?;
                }
                audit::record_all(connection, &audited).await?;
                Ok(changes)
            })
        })
        .await
    }
}

async fn write(
    connection: &mut DbConnection,
    entries: &[EventEntry],
    at: Timestamp,
) -> Result<(), StoreError> {
    for entry in entries {
        sqlx::query(
            "INSERT INTO event_types (event_type, place, group_name, description, sample, json_schema, removed, changed_at) \
             VALUES ($1, (SELECT COALESCE(MAX(place), 0) + 1 FROM event_types), $2, $3, $4, $5, $6, $7) \
             ON CONFLICT (event_type) DO UPDATE SET group_name = excluded.group_name, description = excluded.description, \
             sample = excluded.sample, json_schema = excluded.json_schema, removed = excluded.removed, \
             changed_at = excluded.changed_at",
        )
        .bind(entry.event_type.to_string())
        .bind(entry.group.clone())
        .bind(entry.description.clone())
        .bind(entry.sample.clone())
        .bind(entry.schema.clone())
        .bind(i64::from(entry.removed))
        .bind(at.as_millis())
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

fn entry(row: &AnyRow) -> Result<EventEntry, StoreError> {
    let sample = row.text("sample")?;
    Ok(EventEntry {
        event_type: row.parsed("event_type")?,
        group: row.text("group_name")?,
        description: row.text("description")?,
        fields: names(&sample),
        sample,
        schema: row.maybe_text("json_schema")?,
        removed: row.flag("removed")?,
    })
}
