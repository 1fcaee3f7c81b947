//! Server runs, what they lost, and the gaps left by unclean stops (invariant 8).

use logs::{LogStoreError, Run, RunReport, Scope};
use model::{Gap, LogTotals, Timestamp};
use sqlx::AssertSqlSafe;

use super::catalogue;
use super::state::Torn;
use crate::{Columns, Db, DbConnection, Dialect, StoreError, Urgency};

/// A run of another node that has been silent for this long is dead. SQLite has only one process, so there every
/// unfinished run is dead.
const SILENCE_SECONDS: i64 = 30;

/// Gaps that are looked at for one page, and those that it names.
const MOST_GAPS: i64 = 10_000;
const SHOWN_GAPS: usize = 5;

/// Rows are stored within this time, so a batch that was lost had rows from this long before it was written.
const DELAY_SECONDS: i64 = 1;

pub(super) async fn start(db: &Db, at: Timestamp) -> Result<Run, LogStoreError> {
    let dialect = db.dialect();
    let dead_before = match dialect {
        Dialect::Sqlite => Timestamp::from_millis(i64::MAX),
        Dialect::Postgres => at.minus_seconds(SILENCE_SECONDS),
    };
    db.write(Urgency::Interactive, move |connection| {
        Box::pin(async move {
            catalogue::hold_order(connection, dialect).await?;
            end_dead_runs(connection, None, dead_before, at).await?;
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
    let dialect = db.dialect();
    db.write(Urgency::Interactive, move |connection| {
        Box::pin(async move {
            catalogue::hold_order(connection, dialect).await?;
            update(connection, &report).await?;
            sqlx::query("UPDATE log_runs SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL")
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

/// Whether a run may store rows. Its next row is the one after the last that it has stored.
pub(super) enum Standing {
    Running {
        next_row: i64,
    },
    /// It ended, or another node declared it dead.
    Ended {
        next_row: i64,
    },
}

impl Standing {
    pub(super) const fn next_row(&self) -> i64 {
        match self {
            Self::Running { next_row } | Self::Ended { next_row } => *next_row,
        }
    }
}

/// Call it after [`catalogue::hold_order`], without which another node may end the run at the same time.
pub(super) async fn standing(connection: &mut DbConnection, run: Run) -> Result<Standing, StoreError> {
    let row = sqlx::query("SELECT ended_at, next_row FROM log_runs WHERE id = $1")
        .bind(run.0)
        .fetch_one(connection)
        .await?;
    let next_row = row.int("next_row")?;
    Ok(match row.maybe_int("ended_at")? {
        None => Standing::Running { next_row },
        Some(_) => Standing::Ended { next_row },
    })
}

pub(super) async fn set_next_row(
    connection: &mut DbConnection,
    run: Run,
    next_row: i64,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE log_runs SET next_row = $2 WHERE id = $1")
        .bind(run.0)
        .bind(next_row)
        .execute(connection)
        .await?;
    Ok(())
}

/// Writes the counters of a run.
pub(super) async fn update(connection: &mut DbConnection, report: &RunReport) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE log_runs SET alive_at = $2, stored = $3, dropped = $4, suppressed = $5 WHERE id = $1",
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

/// Ends the runs of other nodes that died while this one is running.
pub(super) async fn notice_dead_nodes(
    connection: &mut DbConnection,
    own: Run,
    at: Timestamp,
) -> Result<(), StoreError> {
    end_dead_runs(connection, Some(own), at.minus_seconds(SILENCE_SECONDS), at).await
}

async fn end_dead_runs(
    connection: &mut DbConnection,
    except: Option<Run>,
    dead_before: Timestamp,
    at: Timestamp,
) -> Result<(), StoreError> {
    // No run has the number 0.
    let except = except.map_or(0, |run| run.0);
    // If the clock was set back, a gap must not end before it begins.
    sqlx::query(
        "INSERT INTO log_gaps (run_id, gap_from, gap_to) \
         SELECT id, alive_at, CASE WHEN alive_at > $2 THEN alive_at ELSE $2 END FROM log_runs \
         WHERE ended_at IS NULL AND alive_at < $1 AND id <> $3 \
         ON CONFLICT (run_id) DO UPDATE SET gap_from = excluded.gap_from, gap_to = excluded.gap_to",
    )
    .bind(dead_before.as_millis())
    .bind(at.as_millis())
    .bind(except)
    .execute(&mut *connection)
    .await?;
    sqlx::query("UPDATE log_runs SET ended_at = $2 WHERE ended_at IS NULL AND alive_at < $1 AND id <> $3")
        .bind(dead_before.as_millis())
        .bind(at.as_millis())
        .bind(except)
        .execute(&mut *connection)
        .await?;
    Ok(())
}

/// Counts rows as lost that a run had stored, and covers them with a gap.
pub(super) async fn lose(connection: &mut DbConnection, run: i64, torn: Torn) -> Result<(), StoreError> {
    sqlx::query("UPDATE log_runs SET stored = stored - $2, dropped = dropped + $2 WHERE id = $1")
        .bind(run)
        .bind(torn.rows)
        .execute(&mut *connection)
        .await?;
    sqlx::query(
        "INSERT INTO log_gaps (run_id, gap_from, gap_to) VALUES ($1, $2, $3) ON CONFLICT (run_id) DO UPDATE SET \
         gap_from = CASE WHEN excluded.gap_from < log_gaps.gap_from THEN excluded.gap_from ELSE log_gaps.gap_from END, \
         gap_to = CASE WHEN excluded.gap_to > log_gaps.gap_to THEN excluded.gap_to ELSE log_gaps.gap_to END",
    )
    .bind(run)
    .bind(torn.from.minus_seconds(DELAY_SECONDS).as_millis())
    .bind(torn.to.as_millis())
    .execute(connection)
    .await?;
    Ok(())
}

/// See [`logs::Ledger::totals`].
pub(super) async fn totals(
    db: &Db,
    scope: Scope,
    from: Timestamp,
    to: Timestamp,
) -> Result<LogTotals, StoreError> {
    let whose = match scope {
        Scope::WithBrands { .. } => "root_id",
        Scope::Brand { .. } => "company_id",
    };
    let losses = format!(
        "SELECT CAST(COALESCE(SUM(dropped), 0) AS BIGINT) AS dropped, \
         CAST(COALESCE(SUM(suppressed), 0) AS BIGINT) AS suppressed FROM log_losses \
         WHERE {whose} = $1 AND run_id IN \
         (SELECT id FROM log_runs WHERE started_at < $3 AND (ended_at IS NULL OR ended_at >= $2))"
    );
    let losses = sqlx::query(AssertSqlSafe(losses))
        .bind(scope.company().to_string())
        .bind(from.as_millis())
        .bind(to.as_millis())
        .fetch_one(db.reader())
        .await?;
    let gaps = sqlx::query(
        "SELECT gap_from, gap_to FROM log_gaps WHERE gap_to >= $1 AND gap_from < $2 ORDER BY gap_from LIMIT $3",
    )
    .bind(from.as_millis())
    .bind(to.as_millis())
    .bind(MOST_GAPS)
    .fetch_all(db.reader())
    .await?;
    let gaps = gaps.iter().map(|gap| {
        Ok(Gap {
            from: gap.time("gap_from")?,
            to: gap.time("gap_to")?,
        })
    });
    let mut gaps = joined(gaps.collect::<Result<_, StoreError>>()?);
    gaps.reverse();
    let more_gaps = gaps.len().saturating_sub(SHOWN_GAPS) as u64;
    gaps.truncate(SHOWN_GAPS);
    Ok(LogTotals {
        dropped: losses.int("dropped")?.unsigned_abs(),
        suppressed: losses.int("suppressed")?.unsigned_abs(),
        gaps,
        more_gaps,
    })
}

/// Makes one of those that overlap. They must be in the order of their beginnings.
fn joined(gaps: Vec<Gap>) -> Vec<Gap> {
    let mut joined: Vec<Gap> = Vec::new();
    for gap in gaps {
        match joined.last_mut() {
            Some(last) if gap.from <= last.to => last.to = last.to.max(gap.to),
            _ => joined.push(gap),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_that_overlap_become_one() {
        let gaps = |bounds: &[(i64, i64)]| -> Vec<Gap> {
            let gap = |(from, to): &(i64, i64)| Gap {
                from: Timestamp::from_millis(*from),
                to: Timestamp::from_millis(*to),
            };
            bounds.iter().map(gap).collect()
        };
        assert_eq!(
            joined(gaps(&[(0, 5), (1, 3), (5, 7), (8, 9)])),
            gaps(&[(0, 7), (8, 9)])
        );
    }
}
