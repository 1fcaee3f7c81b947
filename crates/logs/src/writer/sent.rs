//! Stores what a program sent.

use std::collections::HashSet;
use std::sync::Arc;

use super::Writer;
use crate::sent::Sent;
use crate::{Fate, LogStoreError, Origin, Sought, StoredEntry};

impl Writer {
    pub(super) async fn write_sent(&mut self, sent: Sent) {
        let Sent {
            entries,
            looked_to,
            answer,
        } = sent;
        let fates = self.append_sent(&entries, looked_to).await;
        // The program may have left.
        let _ = answer.send(fates);
    }

    /// Stores those that are not stored yet. Tries until no other node stores rows between the look and the transaction; a
    /// try that fails means that another node's succeeded, and the next look is at new rows only.
    async fn append_sent(
        &mut self,
        entries: &[StoredEntry],
        mut looked_to: i64,
    ) -> Result<Vec<Fate>, LogStoreError> {
        let sought: Arc<[Sought]> = entries.iter().map(Sought::of_stored).collect();
        let mut fates = vec![None; entries.len()];
        let mut suppressed = None;
        loop {
            let traced = self.sink.trace(Arc::clone(&sought), looked_to).await?;
            looked_to = traced.as_of;
            for (fate, sought) in fates.iter_mut().zip(&*sought) {
                *fate = fate.or_else(|| traced.fate(sought.request));
            }
            let suppressed = suppressed.get_or_insert_with(|| self.suppressed(entries, &fates));
            let is_new = |index: &usize| fates[*index].is_none() && !suppressed.contains(index);
            let new: Vec<usize> = (0..entries.len()).filter(is_new).collect();
            match self.append_new(entries, &new, looked_to).await {
                Ok(()) => {
                    let suppressed = &*suppressed;
                    suppressed.iter().for_each(|index| {
                        let of = entries[*index].place.loss_of();
                        self.shared.tally.suppressed_sent(of);
                    });
                    let fate = |(index, fate): (usize, Option<Fate>)| match fate {
                        _ if suppressed.contains(&index) => Fate::Suppressed,
                        fate => fate.unwrap_or(Fate::Stored),
                    };
                    return Ok(fates.into_iter().enumerate().map(fate).collect());
                }
                Err(LogStoreError::Overtaken) => {}
                Err(error) => return Err(error),
            }
        }
    }

    async fn append_new(
        &mut self,
        entries: &[StoredEntry],
        new: &[usize],
        looked_to: i64,
    ) -> Result<(), LogStoreError> {
        if new.is_empty() {
            return Ok(());
        }
        let new = new.iter().map(|index| entries[*index].clone()).collect();
        self.append(&Arc::new(new), Origin::Sent { looked_to }, false)
            .await
    }

    /// Those that are more than is stored of their kind. The oldest are counted first, because a budget is for a second of
    /// their own time.
    fn suppressed(&self, entries: &[StoredEntry], fates: &[Option<Fate>]) -> HashSet<usize> {
        let mut new: Vec<usize> = (0..entries.len())
            .filter(|index| fates[*index].is_none())
            .collect();
        new.sort_by_key(|index| entries[*index].at);
        new.retain(|index| !self.shared.tally.admits_sent(&entries[*index]));
        new.into_iter().collect()
    }
}
