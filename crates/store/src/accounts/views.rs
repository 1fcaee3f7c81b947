//! Saved views of the log.

use accounts::{ViewRenamed, ViewSaved, ViewsOf};
use model::{AuditEntry, SavedView, Timestamp, ViewId, ViewQuery};
use sqlx::AssertSqlSafe;

use crate::{Columns, Db, Migration, StoreError, Urgency, audit};

/// The table.
pub const MIGRATION: Migration = Migration {
    name: "0013_saved_views",
    sql: include_str!("../../migrations/0013_saved_views.sql"),
};

/// Uses the index of (person, company, name).
pub(super) async fn list(db: &Db, of: ViewsOf) -> Result<Vec<SavedView>, StoreError> {
    let rows =
        sqlx::query("SELECT id, name, query FROM saved_views WHERE person_id = $1 AND company_id = $2")
            .bind(of.person.to_string())
            .bind(of.company.to_string())
            .fetch_all(db.reader())
            .await?;
    let read = |row: &sqlx::any::AnyRow| {
        Ok(SavedView {
            id: row.parsed("id")?,
            name: row.text("name")?,
            query: ViewQuery::of(&row.text("query")?),
        })
    };
    rows.iter().map(read).collect()
}

/// Holds the membership, so that views changed at the same moment are changed one after the other, and none outlives it.
fn holding_the_membership(db: &Db) -> String {
    format!(
        "SELECT id FROM members WHERE person_id = $1 AND company_id = $2{}",
        db.dialect().for_update()
    )
}

pub(super) async fn save(
    db: &Db,
    of: ViewsOf,
    view: SavedView,
    most: usize,
    at: Timestamp,
    entry: AuditEntry,
) -> Result<ViewSaved, StoreError> {
    let held = holding_the_membership(db);
    db.write::<ViewSaved, StoreError, _>(Urgency::Interactive, move |connection| {
        Box::pin(async move {
            let (person, company) = (of.person.to_string(), of.company.to_string());
            let member = sqlx::query(AssertSqlSafe(held))
                .bind(person.clone())
                .bind(company.clone())
                .fetch_optional(&mut *connection)
                .await?;
            if member.is_none() {
                return Ok(ViewSaved::NoMember);
            }
            let others = sqlx::query(
                "SELECT CAST(COUNT(*) AS BIGINT) AS others FROM saved_views \
                 WHERE person_id = $1 AND company_id = $2 AND name <> $3",
            )
            .bind(person.clone())
            .bind(company.clone())
            .bind(view.name.clone())
            .fetch_one(&mut *connection)
            .await?
            .int("others")?;
            if usize::try_from(others).is_ok_and(|others| others >= most) {
                return Ok(ViewSaved::TooMany);
            }
            sqlx::query(
                "INSERT INTO saved_views (id, company_id, person_id, name, query, created_at) \
                 VALUES ($1, $2, $3, $4, $5, $6) \
                 ON CONFLICT (person_id, company_id, name) DO UPDATE SET id = excluded.id, query = excluded.query",
            )
            .bind(view.id.to_string())
            .bind(company)
            .bind(person)
            .bind(view.name)
            .bind(view.query.to_string())
            .bind(at.as_millis())
            .execute(&mut *connection)
            .await?;
            audit::record(connection, &entry).await?;
            Ok(ViewSaved::Done)
        })
    })
    .await
}

/// Writes both names into the audit row. Both statements that look for a name use the index of (person, company, name).
pub(super) async fn rename(
    db: &Db,
    of: ViewsOf,
    view: ViewId,
    name: String,
    mut entry: AuditEntry,
) -> Result<ViewRenamed, StoreError> {
    let held = holding_the_membership(db);
    db.write::<ViewRenamed, StoreError, _>(Urgency::Interactive, move |connection| {
        Box::pin(async move {
            let (person, company) = (of.person.to_string(), of.company.to_string());
            sqlx::query(AssertSqlSafe(held))
                .bind(person.clone())
                .bind(company.clone())
                .fetch_optional(&mut *connection)
                .await?;
            let views = sqlx::query(
                "SELECT id, name FROM saved_views WHERE person_id = $1 AND company_id = $2 AND (id = $3 OR name = $4)",
            )
            .bind(person)
            .bind(company)
            .bind(view.to_string())
            .bind(name.clone())
            .fetch_all(&mut *connection)
            .await?;
            let mut before = None;
            let mut is_taken = false;
            for found in &views {
                if found.parsed::<ViewId>("id")? == view {
                    before = Some(found.text("name")?);
                } else {
                    is_taken = true;
                }
            }
            let Some(before) = before else {
                return Ok(ViewRenamed::NoView);
            };
            if is_taken {
                return Ok(ViewRenamed::Taken);
            }
            sqlx::query("UPDATE saved_views SET name = $1 WHERE id = $2")
                .bind(name.clone())
                .bind(view.to_string())
                .execute(&mut *connection)
                .await?;
            entry.detail = format!("{before}, now {name}");
            audit::record(connection, &entry).await?;
            Ok(ViewRenamed::Done)
        })
    })
    .await
}

/// Writes the view's name into the audit row. Returns whether there was one.
pub(super) async fn delete(
    db: &Db,
    of: ViewsOf,
    view: ViewId,
    mut entry: AuditEntry,
) -> Result<bool, StoreError> {
    db.write::<bool, StoreError, _>(Urgency::Interactive, move |connection| {
        Box::pin(async move {
            let deleted = sqlx::query(
                "DELETE FROM saved_views WHERE id = $1 AND person_id = $2 AND company_id = $3 RETURNING name",
            )
            .bind(view.to_string())
            .bind(of.person.to_string())
            .bind(of.company.to_string())
            .fetch_optional(&mut *connection)
            .await?;
            let Some(deleted) = deleted else {
                return Ok(false);
            };
            entry.detail = deleted.text("name")?;
            audit::record(connection, &entry).await?;
            Ok(true)
        })
    })
    .await
}
