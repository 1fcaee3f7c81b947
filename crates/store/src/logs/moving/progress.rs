//! How far the move has come: the only row of `log_move`.

use model::Moving;

use crate::{Columns, Db, DbConnection, StoreError, Urgency};

/// What is done with the former tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Moving,
    Removing,
    Removed,
    /// They stay, because not every row could be moved.
    Kept,
}

impl Stage {
    const ALL: [Self; 4] = [Self::Moving, Self::Removing, Self::Removed, Self::Kept];

    const fn number(self) -> i64 {
        match self {
            Self::Moving => 0,
            Self::Removing => 1,
            Self::Removed => 2,
            Self::Kept => 3,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Progress {
    /// Rows up to this `seq` were moved before.
    pub(super) floor: i64,
    /// The largest `seq` of those that are moved now.
    pub(super) ceiling: i64,
    /// Rows from this `seq` on are moved.
    pub(super) below: i64,
    pub(super) moved: i64,
    pub(super) unreadable: i64,
    pub(super) total: Option<i64>,
    pub(super) stage: Stage,
}

impl Progress {
    /// What the page says. `None` if no row is missing from it.
    pub(super) fn shown(&self) -> Option<Moving> {
        let moved = self.moved + self.unreadable;
        let is_moving = self.stage == Stage::Moving && self.total.is_none_or(|total| moved < total);
        is_moving.then(|| Moving {
            moved: moved.unsigned_abs(),
            total: self.total.map(i64::unsigned_abs),
        })
    }
}

pub(super) async fn read(db: &Db) -> Result<Progress, StoreError> {
    let row = sqlx::query(
        "SELECT floor, ceiling, below, moved, unreadable, total, state FROM log_move WHERE id = 1",
    )
    .fetch_one(db.reader())
    .await?;
    let state = row.int("state")?;
    Ok(Progress {
        floor: row.int("floor")?,
        ceiling: row.int("ceiling")?,
        below: row.int("below")?,
        moved: row.int("moved")?,
        unreadable: row.int("unreadable")?,
        total: row.maybe_int("total")?,
        stage: Stage::ALL
            .into_iter()
            .find(|stage| stage.number() == state)
            .ok_or_else(|| StoreError::corrupt(format!("state of the move is {state}")))?,
    })
}

/// Notes that the rows from `to.below` on are moved, in the transaction that adds their segments. Returns false if another
/// node has moved on from `from` before.
pub(super) async fn advance(
    connection: &mut DbConnection,
    from: Progress,
    to: Progress,
) -> Result<bool, StoreError> {
    let changed = sqlx::query(
        "UPDATE log_move SET floor = $1, ceiling = $2, below = $3, moved = $4, unreadable = $5, total = $6, state = $7 \
         WHERE id = 1 AND ceiling = $8 AND below = $9 AND state = $10",
    )
    .bind(to.floor)
    .bind(to.ceiling)
    .bind(to.below)
    .bind(to.moved)
    .bind(to.unreadable)
    .bind(to.total)
    .bind(to.stage.number())
    .bind(from.ceiling)
    .bind(from.below)
    .bind(from.stage.number())
    .execute(connection)
    .await?;
    Ok(changed.rows_affected() == 1)
}

/// [`advance`] where nothing else is written.
pub(super) async fn change(db: &Db, from: Progress, to: Progress) -> Result<bool, StoreError> {
    db.write(Urgency::Background, move |connection| {
        Box::pin(async move { advance(connection, from, to).await })
    })
    .await
}
