//! The list of a webhook's deliveries: a page of those that match a filter, how many are newer, and rows by their ids.

use model::{CompanyId, DeliveryCursor, DeliveryId, DeliveryPlace, DeliveryRow, WebhookId};
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;
use webhooks::{DeliveryList, StorageFailure};

use super::delivery_filter::{Conditions, conditions};
use super::rows::{self, DELIVERY_COLUMNS};
use super::{Statement, StoredWebhooks};
use crate::{Columns, StoreError, statement};

/// The placeholders before those of the filter: webhook and company.
const OF_WEBHOOK: &str = "d.webhook_id = $1 AND d.company_id = $2";
const FIRST_OF_FILTER: usize = 3;

impl StoredWebhooks {
    /// Reads the index `deliveries_of_webhook` from the edge of the page in its direction, until the page is full. Only then does it
    /// join what a row shows.
    pub(super) async fn listed(
        &self,
        list: DeliveryList<'_>,
        cursor: DeliveryCursor,
        at_most: u32,
    ) -> Result<Vec<DeliveryRow>, StorageFailure> {
        let mut conditions = conditions(list.filter, FIRST_OF_FILTER);
        let order = match cursor {
            DeliveryCursor::Newest => "DESC",
            DeliveryCursor::Before(place) => {
                beyond(&mut conditions, "<", place);
                "DESC"
            }
            DeliveryCursor::After(place) => {
                beyond(&mut conditions, ">", place);
                "ASC"
            }
        };
        let limit = conditions.int(i64::from(at_most));
        let sql = format!(
            "SELECT {DELIVERY_COLUMNS} FROM (SELECT d.id FROM deliveries d WHERE {OF_WEBHOOK}{} \
             ORDER BY d.created_at {order}, d.id {order} LIMIT {limit}) found \
             JOIN deliveries d ON d.id = found.id JOIN events e ON e.id = d.event_id JOIN webhooks w ON w.id = d.webhook_id \
             ORDER BY d.created_at DESC, d.id DESC",
            conditions.sql()
        );
        let query = of_webhook(sqlx::query(AssertSqlSafe(sql)), list);
        self.all(conditions.bind(query), rows::delivery).await
    }

    /// Like [`Self::listed`], up to a number.
    pub(super) async fn counted(
        &self,
        list: DeliveryList<'_>,
        newer_than: Option<DeliveryPlace>,
        at_most: u64,
    ) -> Result<u64, StorageFailure> {
        let mut conditions = conditions(list.filter, FIRST_OF_FILTER);
        if let Some(place) = newer_than {
            beyond(&mut conditions, ">", place);
        }
        let limit = conditions.int(i64::try_from(at_most).unwrap_or(i64::MAX));
        let sql = format!(
            "SELECT CAST(COUNT(*) AS BIGINT) AS deliveries FROM (SELECT d.id FROM deliveries d WHERE {OF_WEBHOOK}{} \
             LIMIT {limit}) found",
            conditions.sql()
        );
        let query = of_webhook(sqlx::query(AssertSqlSafe(sql)), list);
        let read = |row: &AnyRow| rows::number(row.int("deliveries")?, "deliveries");
        Ok(self.one(conditions.bind(query), read).await?.unwrap_or(0))
    }

    /// By their ids alone: with a condition on the webhook as well, SQLite would rather read all of its deliveries.
    pub(super) async fn listed_now(
        &self,
        company: CompanyId,
        webhook: WebhookId,
        ids: &[DeliveryId],
    ) -> Result<Vec<DeliveryRow>, StorageFailure> {
        let mut found = Vec::new();
        for part in statement::filled_parts(ids) {
            let sql = format!(
                "SELECT {DELIVERY_COLUMNS}, d.company_id FROM deliveries d JOIN events e ON e.id = d.event_id \
                 JOIN webhooks w ON w.id = d.webhook_id WHERE d.id IN ({})",
                self.db.dialect().placeholders(1, part.len())
            );
            let mut query = sqlx::query(AssertSqlSafe(sql));
            for id in part {
                query = query.bind(id.to_string());
            }
            let rows = self.all(query, |row| read_with_company(row, company)).await?;
            found.extend(rows.into_iter().flatten().filter(|row| row.webhook_id == webhook));
        }
        Ok(found)
    }
}

/// Only what is on that side of the place.
fn beyond(conditions: &mut Conditions, side: &str, place: DeliveryPlace) {
    let (at, id) = (
        conditions.int(place.at.as_millis()),
        conditions.text(place.id.to_string()),
    );
    conditions.demand(&format!("(d.created_at, d.id) {side} ({at}, {id})"));
}

fn of_webhook<'q>(query: Statement<'q>, list: DeliveryList<'_>) -> Statement<'q> {
    query
        .bind(list.webhook.to_string())
        .bind(list.company.to_string())
}

/// None if it is another company's.
fn read_with_company(row: &AnyRow, company: CompanyId) -> Result<Option<DeliveryRow>, StoreError> {
    let is_its: CompanyId = row.parsed("company_id")?;
    if is_its == company {
        rows::delivery(row).map(Some)
    } else {
        Ok(None)
    }
}
