//! Brings tables up to date: numbered texts, each run once, in order, and never changed afterwards.

use sqlx::AnyConnection;
use sqlx::Row;

use crate::{Dialect, StoreError};

/// One step. `name` is its file's name (`0001_accounts`); `sql` may use the names of [`Dialect::render`].
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    pub name: &'static str,
    pub sql: &'static str,
}

/// Runs what has not run. A database with a step this program does not know is refused: an older program must not
/// write into a newer database.
pub(crate) async fn run(
    connection: &mut AnyConnection,
    dialect: Dialect,
    migrations: &[Migration],
) -> Result<(), StoreError> {
    sqlx::raw_sql("CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY)")
        .execute(&mut *connection)
        .await?;
    let done: Vec<String> = sqlx::query("SELECT name FROM migrations ORDER BY name")
        .fetch_all(&mut *connection)
        .await?
        .iter()
        .map(|row| row.try_get("name"))
        .collect::<Result<_, _>>()?;
    if let Some(unknown) = done
        .iter()
        .find(|name| migrations.iter().all(|migration| migration.name != name.as_str()))
    {
        return Err(StoreError::Unusable(format!(
            "it was written by a newer version of Gatehouse ({unknown})"
        )));
    }
    for migration in migrations
        .iter()
        .filter(|migration| !done.iter().any(|name| name == migration.name))
    {
        let sql = format!(
            "BEGIN; {}; INSERT INTO migrations (name) VALUES ('{}'); COMMIT",
            dialect.render(migration.sql).trim_end().trim_end_matches(';'),
            migration.name
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql))
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}
