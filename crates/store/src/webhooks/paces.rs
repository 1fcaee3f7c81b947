//! Up to when the attempts of webhooks with a rate limit are used up. All nodes count in the same rows, so the limit holds for the
//! whole installation.

use std::collections::BTreeMap;

use model::WebhookId;
use sqlx::AssertSqlSafe;

use crate::{Columns, DbConnection, Dialect, StoreError, statement};

/// What is stored for these webhooks, locked until the commit: 0 for one without a row yet. Only claims lock these rows, in the
/// order of their ids, so no two transactions can lock each other out.
pub(super) async fn locked(
    connection: &mut DbConnection,
    dialect: Dialect,
    webhooks: &[WebhookId],
) -> Result<BTreeMap<WebhookId, i64>, StoreError> {
    let mut paces = BTreeMap::new();
    for part in statement::filled_parts(webhooks) {
        let sql = format!(
            "SELECT webhook_id, used_to FROM webhook_paces WHERE webhook_id IN ({}) ORDER BY webhook_id{}",
            dialect.placeholders(1, part.len()),
            dialect.for_update()
        );
        let mut found = read(connection, &sql, &part).await?;
        if part.iter().any(|webhook| !found.contains_key(webhook)) {
            insert(connection, &part).await?;
            found = read(connection, &sql, &part).await?;
        }
        paces.extend(found);
    }
    Ok(paces)
}

async fn read(
    connection: &mut DbConnection,
    sql: &str,
    webhooks: &[&WebhookId],
) -> Result<BTreeMap<WebhookId, i64>, StoreError> {
    let mut query = sqlx::query(AssertSqlSafe(sql.to_owned()));
    for webhook in webhooks {
        query = query.bind(webhook.to_string());
    }
    let found = query.fetch_all(connection).await?;
    found
        .iter()
        .map(|row| Ok((row.parsed("webhook_id")?, row.int("used_to")?)))
        .collect()
}

async fn insert(connection: &mut DbConnection, webhooks: &[&WebhookId]) -> Result<(), StoreError> {
    for webhook in webhooks {
        sqlx::query("INSERT INTO webhook_paces (webhook_id, used_to) VALUES ($1, 0) ON CONFLICT (webhook_id) DO NOTHING")
            .bind(webhook.to_string())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

pub(super) async fn write(
    connection: &mut DbConnection,
    webhook: WebhookId,
    used_to: i64,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE webhook_paces SET used_to = $2 WHERE webhook_id = $1")
        .bind(webhook.to_string())
        .bind(used_to)
        .execute(connection)
        .await?;
    Ok(())
}
