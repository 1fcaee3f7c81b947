//! Brings tables up to date: numbered texts, each run once, in order. A text that has run on a user's database must
//! never change, or two databases of one version would have different tables. The table `migrations` keeps a checksum of
//! each text that ran, and a database whose checksums differ is refused.

use sha2::{Digest, Sha256};
use sqlx::{AnyConnection, AnyPool};

use crate::{Columns, Dialect, StoreError};

/// One step. `name` is its file's name (`0001_accounts`); `sql` may use the names of [`Dialect::render`].
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    pub name: &'static str,
    pub sql: &'static str,
}

impl Migration {
    /// SHA-256 of the text as it is in the file, in hex, like the output of `sha256sum`.
    pub fn checksum(&self) -> String {
        let hash = Sha256::digest(self.sql.as_bytes());
        hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// A step that has run. A version of Gatehouse before checksums left none.
struct Done {
    name: String,
    checksum: Option<String>,
}

/// Runs what has not run. Refuses a database with a step this program does not know, because an older program must not
/// write into a newer database, and one with a step whose text is not this program's.
pub(crate) async fn run(
    connection: &mut AnyConnection,
    dialect: Dialect,
    migrations: &[Migration],
) -> Result<(), StoreError> {
    create_table(connection, dialect).await?;
    let done = read_done(connection).await?;
    for step in &done {
        let Some(migration) = migrations.iter().find(|one| one.name == step.name) else {
            return Err(newer(&step.name));
        };
        match &step.checksum {
            Some(checksum) if *checksum != migration.checksum() => {
                return Err(StoreError::Unusable(format!(
                    "schema migration {} differs from the one in this version of Gatehouse; use the version that wrote the \
                     database, or restore a backup",
                    step.name
                )));
            }
            Some(_) => {}
            None => add_checksum(connection, migration).await?,
        }
    }
    for migration in migrations
        .iter()
        .filter(|migration| done.iter().all(|step| step.name != migration.name))
    {
        run_step(connection, dialect, migration).await?;
    }
    Ok(())
}

/// Whether all of these have run. Like [`run`], refuses a database with a step this program does not know.
pub(crate) async fn all_done(pool: &AnyPool, migrations: &[Migration]) -> Result<bool, StoreError> {
    let rows = sqlx::query("SELECT name FROM migrations").fetch_all(pool).await?;
    let mut done = 0;
    for row in rows {
        let name = row.text("name")?;
        if migrations.iter().all(|one| one.name != name) {
            return Err(newer(&name));
        }
        done += 1;
    }
    Ok(done == migrations.len())
}

fn newer(step: &str) -> StoreError {
    StoreError::Unusable(format!(
        "it was written by a newer version of Gatehouse ({step}); use that version or a newer one"
    ))
}

async fn create_table(connection: &mut AnyConnection, dialect: Dialect) -> Result<(), StoreError> {
    sqlx::raw_sql("CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY, checksum TEXT)")
        .execute(&mut *connection)
        .await?;
    let has_checksums = sqlx::query(dialect.find_checksum_column())
        .fetch_optional(&mut *connection)
        .await?;
    if has_checksums.is_none() {
        sqlx::raw_sql("ALTER TABLE migrations ADD COLUMN checksum TEXT")
            .execute(connection)
            .await?;
    }
    Ok(())
}

async fn read_done(connection: &mut AnyConnection) -> Result<Vec<Done>, StoreError> {
    sqlx::query("SELECT name, checksum FROM migrations ORDER BY name")
        .fetch_all(connection)
        .await?
        .iter()
        .map(|row| {
            Ok(Done {
                name: row.text("name")?,
                checksum: row.maybe_text("checksum")?,
            })
        })
        .collect()
}

/// For a step that ran before there were checksums. What its text was then is unknown; from now on it cannot change.
async fn add_checksum(connection: &mut AnyConnection, migration: &Migration) -> Result<(), StoreError> {
    sqlx::query("UPDATE migrations SET checksum = $1 WHERE name = $2")
        .bind(migration.checksum())
        .bind(migration.name)
        .execute(connection)
        .await?;
    Ok(())
}

async fn run_step(
    connection: &mut AnyConnection,
    dialect: Dialect,
    migration: &Migration,
) -> Result<(), StoreError> {
    let sql = format!(
        "BEGIN; {}; INSERT INTO migrations (name, checksum) VALUES ('{}', '{}'); COMMIT",
        dialect.render(migration.sql).trim_end().trim_end_matches(';'),
        migration.name,
        migration.checksum()
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql))
        .execute(connection)
        .await?;
    Ok(())
}
