//! Looks again at segments that are set aside. Where what was damaged has been put back, or a disk only failed for a time,
//! they are taken into answers again.

use std::sync::Arc;

use segments::{Head, SegmentId};

use super::{Inner, blocking, catalogue};
use crate::{Columns, StoreError, Urgency};

impl Inner {
    /// Reads every segment that is set aside, and takes back those whose rows are as they were written.
    pub(super) async fn recheck(self: &Arc<Self>) -> Result<(), StoreError> {
        let damaged = sqlx::query("SELECT id, head FROM log_segments WHERE damaged = 1 ORDER BY id")
            .fetch_all(self.db.reader())
            .await?;
        for row in &damaged {
            let (segment, head) = (SegmentId(row.int("id")?), row.blob("head")?);
            let inner = Arc::clone(self);
            let verified = blocking(move || {
                // Headers and bodies hide nothing but themselves, so they do not count here.
                Head::parse(segment, &head).and_then(|head| segments::verify(&head, &inner.blobs, false))
            })
            .await?;
            match verified {
                Ok(()) => self.take_back(segment).await?,
                Err(error) => {
                    tracing::warn!(segment = segment.0, %error, "a segment of the log still cannot be read");
                }
            }
        }
        Ok(())
    }

    async fn take_back(&self, segment: SegmentId) -> Result<(), StoreError> {
        let dialect = self.db.dialect();
        self.db
            .write::<_, StoreError, _>(Urgency::Background, move |connection| {
                Box::pin(async move {
                    catalogue::hold_order(connection, dialect).await?;
                    let change = catalogue::next_change(connection).await?;
                    sqlx::query(
                        "UPDATE log_segments SET damaged = 0, change = $2 WHERE id = $1 AND damaged = 1",
                    )
                    .bind(segment.0)
                    .bind(change)
                    .execute(connection)
                    .await?;
                    Ok(())
                })
            })
            .await?;
        tracing::info!(
            segment = segment.0,
            "a segment of the log that was set aside can be read again"
        );
        Ok(())
    }
}
