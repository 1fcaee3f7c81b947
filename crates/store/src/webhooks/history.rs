//! The public API's history: one row per attempt.

use async_trait::async_trait;
use model::{CompanyId, Environment, Timestamp};
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;
use vault::Sealed;
use webhooks::{HistoryFilter, HistoryPage, HistoryRow, HistoryStore, StorageFailure};

use super::{StoredWebhooks, rows};
use crate::{Columns, StoreError};

#[async_trait]
impl HistoryStore for StoredWebhooks {
    /// Uses the index `attempts_history`, from the edge of the page in its direction.
    async fn history(
        &self,
        company: CompanyId,
        environment: Environment,
        filter: HistoryFilter,
    ) -> Result<Vec<HistoryRow>, StorageFailure> {
        let (before, after, order) = match filter.page {
            HistoryPage::Newest => (i64::MAX, i64::MIN, "DESC"),
            HistoryPage::Before(seq) => (seq, i64::MIN, "DESC"),
            HistoryPage::After(seq) => (i64::MAX, seq, "ASC"),
        };
        let sql = format!(
            "SELECT a.seq, a.event_id, a.event_type, a.status, a.failure, a.url, COALESCE(e.happened_at, e.created_at) AS event_created_at, e.body \
             FROM attempts a JOIN events e ON e.id = a.event_id \
             WHERE a.company_id = $1 AND a.environment = $2 AND a.seq < $3 AND a.seq > $4 AND a.ended_at >= $5 \
             AND a.ended_at <= $6 AND ($7 = '' OR a.event_type = $7) AND ($8 = 0 OR a.status = $8) \
             ORDER BY a.seq {order} LIMIT $9"
        );
        let statement = sqlx::query(AssertSqlSafe(sql))
            .bind(company.to_string())
            .bind(environment.as_str())
            .bind(before)
            .bind(after)
            .bind(filter.from.as_millis())
            .bind(filter.to.map_or(i64::MAX, Timestamp::as_millis))
            .bind(
                filter
                    .event_type
                    .map(|one| one.as_str().to_owned())
                    .unwrap_or_default(),
            )
            .bind(filter.status.map_or(0, i64::from))
            .bind(i64::from(filter.size));
        let mut rows = self.all(statement, read_history).await?;
        if matches!(filter.page, HistoryPage::After(_)) {
            rows.reverse();
        }
        Ok(rows)
    }
}

fn read_history(row: &AnyRow) -> Result<HistoryRow, StoreError> {
    Ok(HistoryRow {
        seq: row.int("seq")?,
        event_id: row.parsed("event_id")?,
        event_type: row.parsed("event_type")?,
        event_created_at: row.time("event_created_at")?,
        outcome: rows::outcome(row)?,
        url: row.text("url")?,
        body: Sealed::from_bytes(row.blob("body")?),
    })
}
