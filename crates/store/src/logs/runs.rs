//! Server runs, what they lost, and the gaps left by unclean stops (invariant 8).

use logs::{LogStoreError, Run, RunReport};
use model::Timestamp;

use crate::{Columns, Db, DbConnection, Dialect, StoreError, Urgency};

/// A run of another node that has been silent for this long is dead. SQLite has only one process, so there every
/// unfinished run is dead.
const SILENCE_SECONDS: i64 = 30;

pub(super) async fn start(db: &Db, at: Timestamp) -> Result<Run, LogStoreError> {
    let dead_before = match db.dialect() {
        Dialect::Sqlite => at.plus_seconds(1),
        Dialect::Postgres => at.minus_seconds(SILENCE_SECONDS),
    };
    db.write(Urgency::Interactive, move |connection| {
        Box::pin(async move {
            close_dead_runs(connection, dead_before, at).await?;
            let row = sqlx::query(
                "INSERT INTO log_runs (started_at, alive_at, stored, dropped, suppressed) VALUES ($1, $1, 0, 0, 0) \
                 RETURNING id",
            )
            .bind(at.as_millis())
            .fetch_one(connection)
            .await
            .map_err(StoreError::from)?;
            Ok(Run(row.int("id")?))
        })
    })
    .await
}

pub(super) async fn end(db: &Db, report: RunReport) -> Result<(), LogStoreError> {
    db.write(Urgency::Interactive, move |connection| {
        Box::pin(async move {
            update(connection, &report).await?;
            sqlx::query("UPDATE log_runs SET ended_at = $2 WHERE id = $1")
                .bind(report.run.0)
                .bind(report.at.as_millis())
                .execute(connection)
                .await
                .map_err(StoreError::from)?;
            Ok(())
        })
    })
    .await
}

/// Writes the counters of a live run. On PostgreSQL another node may have declared it dead in the meantime, so this
/// also clears `ended_at`.
pub(super) async fn update(connection: &mut DbConnection, report: &RunReport) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE log_runs SET alive_at = $2, stored = $3, dropped = $4, suppressed = $5, ended_at = NULL WHERE id = $1",
    )
    .bind(report.run.0)
    .bind(report.at.as_millis())
    .bind(report.stored as i64)
    .bind(report.dropped as i64)
    .bind(report.suppressed as i64)
    .execute(&mut *connection)
    .await?;
    for (of, loss) in &report.losses {
        sqlx::query(
            "INSERT INTO log_losses (run_id, root_id, company_id, dropped, suppressed) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (run_id, company_id) DO UPDATE SET dropped = excluded.dropped, suppressed = excluded.suppressed",
        )
        .bind(report.run.0)
        .bind(of.root.to_string())
        .bind(of.company.to_string())
        .bind(loss.dropped as i64)
        .bind(loss.suppressed as i64)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// Finds other nodes that died while this one is running.
pub(super) async fn notice_dead_nodes(
    connection: &mut DbConnection,
    at: Timestamp,
) -> Result<(), StoreError> {
    close_dead_runs(connection, at.minus_seconds(SILENCE_SECONDS), at).await
}

async fn close_dead_runs(
    connection: &mut DbConnection,
    dead_before: Timestamp,
    at: Timestamp,
) -> Result<(), StoreError> {
    // If the clock was set back, a gap must not end before it begins.
    sqlx::query(
        "INSERT INTO log_gaps (run_id, gap_from, gap_to) \
         SELECT id, alive_at, CASE WHEN alive_at > $2 THEN alive_at ELSE $2 END FROM log_runs \
         WHERE ended_at IS NULL AND alive_at < $1 \
         ON CONFLICT (run_id) DO UPDATE SET gap_from = excluded.gap_from, gap_to = excluded.gap_to",
    )
    .bind(dead_before.as_millis())
    .bind(at.as_millis())
    .execute(&mut *connection)
    .await?;
    sqlx::query("UPDATE log_runs SET ended_at = $2 WHERE ended_at IS NULL AND alive_at < $1")
        .bind(dead_before.as_millis())
        .bind(at.as_millis())
        .execute(&mut *connection)
        .await?;
    Ok(())
}
