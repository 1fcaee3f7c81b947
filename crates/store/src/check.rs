//! What a check of an installation reads: whether a file of SQLite is sound, and every sealed value with its place.
//! `gatehouse admin check` calls it.

use model::{AttemptId, CompanyId, Environment, EventId, HopRecord, KeyId, WebhookId};
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;
use vault::{InstallId, SealPlace, SealPurpose, Sealed};

use crate::webhooks::headers_column;
use crate::{Columns, Db, Migration, StoreError, migrate};

/// Faults of one kind that are kept as sentences.
const KEPT: usize = 20;

/// What was found of one kind.
#[derive(Debug, Default)]
pub struct Findings {
    /// How many could be read, or were looked at.
    pub checked: u64,
    pub faults: u64,
    /// The first ones, as sentences without secrets.
    pub first: Vec<String>,
}

impl Findings {
    /// Counts a fault, and keeps its sentence if it is one of the first.
    pub fn fault(&mut self, sentence: impl Into<String>) {
        self.faults += 1;
        if self.first.len() < KEPT {
            self.first.push(sentence.into());
        }
    }
}

/// Rows that are read at once.
const ROWS: i64 = 200;

/// What SQLite finds wrong with a file: broken pages, indexes that disagree with their tables, rows that refer to none.
pub async fn database(db: &Db) -> Result<Vec<String>, StoreError> {
    let mut faults = Vec::new();
    let found = sqlx::query_scalar::<_, String>("SELECT integrity_check FROM pragma_integrity_check")
        .fetch_all(db.reader())
        .await?;
    faults.extend(found.into_iter().filter(|line| line != "ok"));
    let orphans =
        sqlx::query("SELECT \"table\" AS name, COUNT(*) AS found FROM pragma_foreign_key_check GROUP BY 1")
            .fetch_all(db.reader())
            .await?;
    for row in orphans {
        let (table, found) = (row.text("name")?, row.int("found")?);
        faults.push(format!("{found} rows of {table} refer to rows that do not exist"));
    }
    Ok(faults)
}

/// Whether all of these migrations have run. An error if others have: the file is of a newer version.
pub async fn is_up_to_date(db: &Db, migrations: &[Migration]) -> Result<bool, StoreError> {
    migrate::all_done(db.reader(), migrations).await
}

/// A row with what is sealed in it.
#[derive(Debug)]
pub struct SealedRow {
    /// The id of the key, webhook, event or attempt.
    pub id: String,
    pub place: SealPlace,
    /// `None` for a value that cannot be read as sealed bytes.
    pub values: Vec<Option<Sealed>>,
}

/// The next rows with something sealed for this purpose whose ids follow `after`. Empty after the last one. Uses primary
/// keys, and for attempts the unique index on their ids.
pub async fn sealed(
    db: &Db,
    install: InstallId,
    purpose: SealPurpose,
    after: &str,
) -> Result<Vec<SealedRow>, StoreError> {
    let (columns, table) = match purpose {
        SealPurpose::AccessSecret => ("sealed, NULL AS former", "api_keys"),
        SealPurpose::WebhookSecret => ("sealed_secret AS sealed, previous_secret AS former", "webhooks"),
        SealPurpose::Event => ("body AS sealed, NULL AS former", "events"),
        SealPurpose::Evidence => ("hops", "attempts"),
        SealPurpose::WebhookHeader => ("headers", "webhooks"),
    };
    let sql = format!(
        "SELECT id, company_id, environment, {columns} FROM {table} WHERE id > $1 ORDER BY id LIMIT {ROWS}"
    );
    let rows = sqlx::query(AssertSqlSafe(sql))
        .bind(after.to_owned())
        .fetch_all(db.reader())
        .await?;
    rows.iter().map(|row| sealed_row(row, install, purpose)).collect()
}

fn sealed_row(row: &AnyRow, install: InstallId, purpose: SealPurpose) -> Result<SealedRow, StoreError> {
    let (id, values) = match purpose {
        SealPurpose::AccessSecret => (row.parsed::<KeyId>("id")?.to_bytes(), blobs(row)?),
        SealPurpose::WebhookSecret => (row.parsed::<WebhookId>("id")?.to_bytes(), blobs(row)?),
        SealPurpose::Event => (row.parsed::<EventId>("id")?.to_bytes(), blobs(row)?),
        SealPurpose::Evidence => (row.parsed::<AttemptId>("id")?.to_bytes(), responses(row)?),
        SealPurpose::WebhookHeader => (row.parsed::<WebhookId>("id")?.to_bytes(), headers(row)?),
    };
    Ok(SealedRow {
        id: row.text("id")?,
        place: SealPlace {
            purpose,
            install,
            company: row.parsed::<CompanyId>("company_id")?,
            environment: row.parsed::<Environment>("environment")?,
            id,
        },
        values,
    })
}

fn blobs(row: &AnyRow) -> Result<Vec<Option<Sealed>>, StoreError> {
    let blobs = [row.maybe_blob("sealed")?, row.maybe_blob("former")?];
    Ok(blobs
        .into_iter()
        .flatten()
        .map(|bytes| Some(Sealed::from_bytes(bytes)))
        .collect())
}

fn responses(row: &AnyRow) -> Result<Vec<Option<Sealed>>, StoreError> {
    let hops: Vec<HopRecord> = serde_json::from_str(&row.text("hops")?)
        .map_err(|error| StoreError::corrupt(format!("hops: {error}")))?;
    Ok(webhooks::sealed_responses(&hops))
}

fn headers(row: &AnyRow) -> Result<Vec<Option<Sealed>>, StoreError> {
    let headers = headers_column(row)?;
    Ok(headers.into_iter().map(|header| Some(header.value)).collect())
}
