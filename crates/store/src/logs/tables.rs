//! Closed segments in PostgreSQL: a table for each day, with one row for each blob. Blobs are not compressed again, so that
//! the database reads a part of one without the rest.

use std::collections::BTreeMap;

use bytes::Bytes;
use segments::{Container, Day, Kind, ReadError, SegmentId, Wanted};
use sqlx::AssertSqlSafe;
use tokio::runtime::Handle;

use super::catalogue;
use super::removing::{Gone, What};
use crate::{Columns, Db, DbConnection, StoreError, Urgency};

/// The tables of a database. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Tables {
    db: Db,
    runtime: Handle,
}

impl Tables {
    /// `runtime` is the one on which `db` was opened.
    pub(super) const fn new(db: Db, runtime: Handle) -> Self {
        Self { db, runtime }
    }

    /// Creates the table of a day if it is missing.
    pub(super) async fn prepare(&self, day: Day) -> Result<(), StoreError> {
        let name = table(day);
        if exists(&self.db, &name).await? {
            return Ok(());
        }
        self.db
            .write(Urgency::Background, move |connection| {
                Box::pin(async move {
                    // Two nodes that create the same table at the same time would be refused. The second one waits here
                    // and then finds it.
                    let create = format!(
                        "SELECT pg_advisory_xact_lock(7106003); \
                         CREATE TABLE IF NOT EXISTS {name} (segment BIGINT NOT NULL, kind BIGINT NOT NULL, \
                         data BYTEA NOT NULL, PRIMARY KEY (segment, kind)); \
                         ALTER TABLE {name} ALTER COLUMN data SET STORAGE EXTERNAL"
                    );
                    sqlx::raw_sql(AssertSqlSafe(create)).execute(connection).await?;
                    Ok(())
                })
            })
            .await
    }

    async fn fetch(&self, wanted: &[Wanted]) -> Result<Vec<Bytes>, ReadError> {
        let by_day = by_day(wanted);
        let mut query = sqlx::query(AssertSqlSafe(select(&by_day))).persistent(false);
        for lists in by_day.values() {
            for list in lists.texts() {
                query = query.bind(list);
            }
        }
        let rows = match query.fetch_all(self.db.reader()).await {
            Ok(rows) => rows,
            Err(error) if is_undefined_table(&error) => return Err(self.which_is_missing(wanted).await),
            Err(error) => return Err(unavailable(StoreError::from(error))),
        };
        let mut found = vec![None; wanted.len()];
        for row in rows {
            let (at, bytes) = (row.int("at"), row.blob("data"));
            let at = usize::try_from(at.map_err(unavailable)?).ok();
            if let Some(place) = at.and_then(|at| found.get_mut(at)) {
                *place = Some(Bytes::from(bytes.map_err(unavailable)?));
            }
        }
        found
            .into_iter()
            .zip(wanted)
            .map(|(bytes, wanted)| whole(bytes, wanted))
            .collect()
    }

    /// Which of the blobs is of a day whose table has been dropped.
    async fn which_is_missing(&self, wanted: &[Wanted]) -> ReadError {
        for one in wanted {
            match exists(&self.db, &table(one.day)).await {
                Ok(true) => {}
                Ok(false) => return ReadError::Missing { segment: one.segment },
                Err(error) => return unavailable(error),
            }
        }
        unavailable(StoreError::corrupt(
            "a table of the log appeared while it was read",
        ))
    }
}

impl Container for Tables {
    fn read(&self, wanted: &[Wanted]) -> Result<Vec<Bytes>, ReadError> {
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        self.runtime.block_on(self.fetch(wanted))
    }
}

/// Inserts a segment's blobs, into a table that [`Tables::prepare`] has created.
pub(super) async fn put(
    connection: &mut DbConnection,
    (day, segment): (Day, SegmentId),
    rows: Vec<u8>,
    bodies: Option<Vec<u8>>,
) -> Result<(), StoreError> {
    let blobs = [(Kind::Rows, Some(rows)), (Kind::Bodies, bodies)];
    for (kind, bytes) in blobs {
        let Some(bytes) = bytes else { continue };
        // Another node may be closing the same segment of a dead node. Then this waits for its commit.
        let sql = format!(
            "INSERT INTO {} (segment, kind, data) VALUES ($1, $2, $3) ON CONFLICT (segment, kind) DO NOTHING",
            table(day)
        );
        sqlx::query(AssertSqlSafe(sql))
            .bind(segment.0)
            .bind(number(kind))
            .bind(bytes)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// Deletes blobs, if their table is there.
pub(super) async fn remove(connection: &mut DbConnection, gone: Gone) -> Result<(), StoreError> {
    let name = table(gone.day);
    let row = sqlx::query("SELECT CAST(to_regclass($1) AS TEXT) AS name")
        .bind(name.clone())
        .fetch_one(&mut *connection)
        .await?;
    if row.maybe_text("name")?.is_none() {
        return Ok(());
    }
    let first_kind = match gone.what {
        What::Everything => Kind::Rows,
        What::Bodies => Kind::Bodies,
    };
    let sql = format!("DELETE FROM {name} WHERE segment = $1 AND kind >= $2");
    sqlx::query(AssertSqlSafe(sql))
        .bind(gone.segment.0)
        .bind(number(first_kind))
        .execute(connection)
        .await?;
    Ok(())
}

/// Drops the tables of days before `today` that no segment is in.
pub(super) async fn drop_unused(db: &Db, today: Day) -> Result<(), StoreError> {
    let rows = sqlx::query(
        "SELECT CAST(tablename AS TEXT) AS name FROM pg_tables \
         WHERE schemaname = current_schema() AND tablename LIKE 'log\\_blobs\\_________'",
    )
    .fetch_all(db.reader())
    .await?;
    let used = sqlx::query("SELECT DISTINCT day FROM log_segments")
        .fetch_all(db.reader())
        .await?;
    let used: Vec<String> = used
        .iter()
        .map(|row| Ok(table(catalogue::day(row)?)))
        .collect::<Result<_, StoreError>>()?;
    for row in &rows {
        let name = row.text("name")?;
        // Names of days sort like the days.
        if name < table(today) && !used.contains(&name) {
            drop_if_unused(db, name).await?;
        }
    }
    Ok(())
}

/// A node that closes a segment of an old day holds the table until its segment is in the catalogue. So first the table is
/// locked, and then the catalogue is asked. The node that comes later finds no table and creates it again.
async fn drop_if_unused(db: &Db, name: String) -> Result<(), StoreError> {
    let dropped = db
        .write::<(), StoreError, _>(Urgency::Background, move |connection| {
            Box::pin(async move {
                let lock =
                    format!("SET LOCAL lock_timeout = '1s'; LOCK TABLE {name} IN ACCESS EXCLUSIVE MODE");
                sqlx::raw_sql(AssertSqlSafe(lock))
                    .execute(&mut *connection)
                    .await?;
                let used = sqlx::query("SELECT DISTINCT day FROM log_segments")
                    .fetch_all(&mut *connection)
                    .await?;
                for row in &used {
                    if table(catalogue::day(row)?) == name {
                        return Ok(());
                    }
                }
                let drop = format!("DROP TABLE {name}");
                sqlx::raw_sql(AssertSqlSafe(drop)).execute(connection).await?;
                Ok(())
            })
        })
        .await;
    match dropped {
        // Someone reads it, or has dropped it. The next sweep tries again.
        Err(StoreError::Database(sqlx::Error::Database(error)))
            if matches!(error.code().as_deref(), Some("55P03" | "42P01")) =>
        {
            Ok(())
        }
        other => other,
    }
}

/// `log_blobs_20261126`.
fn table(day: Day) -> String {
    let digits: String = day.to_string().chars().filter(char::is_ascii_digit).collect();
    format!("log_blobs_{digits}")
}

const fn number(kind: Kind) -> i64 {
    match kind {
        Kind::Rows => 0,
        Kind::Bodies => 1,
    }
}

async fn exists(db: &Db, table: &str) -> Result<bool, StoreError> {
    let row = sqlx::query("SELECT CAST(to_regclass($1) AS TEXT) AS name")
        .bind(table.to_owned())
        .fetch_one(db.reader())
        .await?;
    Ok(row.maybe_text("name")?.is_some())
}

/// What is wanted of one day, as PostgreSQL writes arrays.
#[derive(Default)]
struct Lists {
    at: Vec<i64>,
    segment: Vec<i64>,
    kind: Vec<i64>,
    offset: Vec<i64>,
    length: Vec<i64>,
}

impl Lists {
    fn texts(&self) -> impl Iterator<Item = String> {
        [&self.at, &self.segment, &self.kind, &self.offset, &self.length]
            .into_iter()
            .map(|list| {
                let numbers: Vec<String> = list.iter().map(i64::to_string).collect();
                format!("{{{}}}", numbers.join(","))
            })
    }
}

fn by_day(wanted: &[Wanted]) -> BTreeMap<Day, Lists> {
    let mut by_day: BTreeMap<Day, Lists> = BTreeMap::new();
    for (at, one) in (0..).zip(wanted) {
        let lists = by_day.entry(one.day).or_default();
        lists.at.push(at);
        lists.segment.push(one.segment.0);
        lists.kind.push(number(one.kind));
        // The first byte is number 1.
        lists.offset.push(one.range.start as i64 + 1);
        lists.length.push((one.range.end - one.range.start) as i64);
    }
    by_day
}

/// One statement for all days. Uses each table's primary key.
fn select(by_day: &BTreeMap<Day, Lists>) -> String {
    let parts: Vec<String> = by_day
        .keys()
        .enumerate()
        .map(|(number, &day)| {
            let lists: Vec<String> = (1..=5)
                .map(|list| format!("CAST(${} AS BIGINT[])", number * 5 + list))
                .collect();
            format!(
                "SELECT wanted.at, substring(blobs.data FROM CAST(wanted.start AS INT) FOR CAST(wanted.length AS INT)) AS data \
                 FROM unnest({}) AS wanted (at, segment, kind, start, length) \
                 JOIN {} AS blobs ON blobs.segment = wanted.segment AND blobs.kind = wanted.kind",
                lists.join(", "),
                table(day)
            )
        })
        .collect();
    parts.join(" UNION ALL ")
}

fn whole(bytes: Option<Bytes>, wanted: &Wanted) -> Result<Bytes, ReadError> {
    let segment = wanted.segment;
    let bytes = bytes.ok_or(ReadError::Missing { segment })?;
    if bytes.len() as u64 != wanted.range.end - wanted.range.start {
        let why = "the blob is too short";
        return Err(ReadError::Damaged { segment, why });
    }
    Ok(bytes)
}

fn is_undefined_table(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Database(error) if error.code().as_deref() == Some("42P01"))
}

fn unavailable(error: StoreError) -> ReadError {
    ReadError::Unavailable(Box::new(error))
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use super::*;
    use crate::DbOptions;
    use test_postgres::Database;

    const DAY: Day = Day(20_783);

    fn wanted(segment: i64, day: Day, kind: Kind, range: Range<u64>) -> Wanted {
        Wanted {
            segment: SegmentId(segment),
            day,
            kind,
            range,
        }
    }

    /// The blobs of segment 1 on one day, and of segment 2 on the next.
    async fn filled(database: &Database) -> Tables {
        let options = DbOptions::Postgres {
            url: database.url(),
            schema: None,
            connections: 4,
        };
        let db = Db::open(&options, &[]).await.expect("it opens");
        let tables = Tables::new(db.clone(), Handle::current());
        for (segment, day) in [(1, DAY), (2, Day(DAY.0 + 1))] {
            // Twice: several nodes close segments on the same day.
            tables.prepare(day).await.expect("a table");
            tables.prepare(day).await.expect("the same table");
            db.write::<(), StoreError, _>(Urgency::Background, move |connection| {
                Box::pin(async move {
                    let rows = (0..=255).cycle().take(1_000_000).collect();
                    put(connection, (day, SegmentId(segment)), rows, Some(b"abc".to_vec())).await
                })
            })
            .await
            .expect("it is stored");
        }
        tables
    }

    async fn read(tables: &Tables, wanted: Vec<Wanted>) -> Result<Vec<Bytes>, ReadError> {
        let tables = tables.clone();
        let reading = tokio::task::spawn_blocking(move || tables.read(&wanted));
        reading.await.expect("it ends")
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn ranges_of_several_days_come_in_the_order_in_which_they_were_asked_for() {
        let database = Database::create().await;
        let tables = filled(&database).await;
        let asked = vec![
            wanted(2, Day(DAY.0 + 1), Kind::Rows, 512_000..512_003),
            wanted(1, DAY, Kind::Bodies, 0..3),
            wanted(1, DAY, Kind::Rows, 999_999..1_000_000),
        ];
        let found = read(&tables, asked).await.expect("bytes");
        assert_eq!(found, [&[0, 1, 2][..], b"abc", &[63]]);
        tables.db.close().await;
        database.remove().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn missing_blobs_and_short_ones_are_told_apart() {
        let database = Database::create().await;
        let tables = filled(&database).await;
        let error = async |wanted| read(&tables, vec![wanted]).await.expect_err("not readable");
        assert!(matches!(
            error(wanted(3, DAY, Kind::Rows, 0..1)).await,
            ReadError::Missing {
                segment: SegmentId(3)
            }
        ));
        assert!(matches!(
            error(wanted(4, Day(1), Kind::Rows, 0..1)).await,
            ReadError::Missing {
                segment: SegmentId(4)
            }
        ));
        assert!(matches!(
            error(wanted(1, DAY, Kind::Rows, 999_999..1_000_001)).await,
            ReadError::Damaged {
                segment: SegmentId(1),
                ..
            }
        ));
        tables.db.close().await;
        database.remove().await;
    }
}
