//! What brands and keys are called, for filters of the log by their names: [`logs::Directory`] on the main database.

use async_trait::async_trait;
use logs::{Directory, LogStoreError, NamedKey, Scope};
use model::Brand;
use sqlx::any::AnyRow;

use crate::{Columns, Db, StoreError};

/// [`Directory`] on a [`Db`].
#[derive(Clone, Debug)]
pub struct StoredDirectory {
    db: Db,
}

impl StoredDirectory {
    pub const fn new(db: Db) -> Self {
        Self { db }
    }
}

#[async_trait]
impl Directory for StoredDirectory {
    /// Uses the index `companies_by_parent`.
    async fn brands(&self, scope: Scope) -> Result<Vec<Brand>, LogStoreError> {
        let Scope::WithBrands { company, .. } = scope else {
            return Ok(Vec::new());
        };
        let rows =
            sqlx::query("SELECT client_id, name FROM companies WHERE parent_id = $1 ORDER BY name, id")
                .bind(company.to_string())
                .fetch_all(self.db.reader())
                .await
                .map_err(StoreError::from)?;
        Ok(rows.iter().map(read_brand).collect::<Result<_, _>>()?)
    }

    /// Uses the indexes `api_keys_by_company` and `companies_by_parent`. A brand's requests can have its parent's keys: the
    /// parent names the brand in a header.
    async fn keys(&self, scope: Scope) -> Result<Vec<NamedKey>, LogStoreError> {
        let of_others = match scope {
            Scope::WithBrands { .. } => "c.parent_id = $1",
            Scope::Brand { .. } => "c.id = (SELECT parent_id FROM companies WHERE id = $1)",
        };
        let sql = format!(
            "SELECT k.id, k.last_four, k.environment, k.deleted_at, c.client_id FROM api_keys k \
             JOIN companies c ON c.id = k.company_id WHERE c.id = $1 OR {of_others} ORDER BY k.created_at, k.id"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(scope.company().to_string())
            .fetch_all(self.db.reader())
            .await
            .map_err(StoreError::from)?;
        Ok(rows.iter().map(read_key).collect::<Result<_, _>>()?)
    }
}

fn read_brand(row: &AnyRow) -> Result<Brand, StoreError> {
    Ok(Brand {
        client_id: row.parsed("client_id")?,
        name: row.text("name")?,
    })
}

fn read_key(row: &AnyRow) -> Result<NamedKey, StoreError> {
    Ok(NamedKey {
        id: row.parsed("id")?,
        last_four: row.text("last_four")?,
        environment: row.parsed("environment")?,
        client_id: row.parsed("client_id")?,
        is_deleted: row.maybe_int("deleted_at")?.is_some(),
    })
}
