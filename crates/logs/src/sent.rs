//! Stores requests that Gatehouse did not see itself: a program sends them afterwards, perhaps twice, perhaps to two nodes
//! at once. Each is stored once, by its request id.
//!
//! An id is looked for in all segments first, without holding anything up. Then the writer looks at what has been stored
//! since, and its transaction stores the rows only if nothing more has been: [`crate::Origin::Sent`]. So there is no table
//! of ids beside the log, and what other nodes store is seen like what this one does.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use model::{ClientId, RequestId, Timestamp};
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;

use crate::gatherer::Step;
use crate::redact::Redactor;
use crate::{Entry, LogStoreError, Names, Recorder, StoredEntry};

/// How many batches may be on their way at once. Each may have several MiB.
pub(crate) const AT_ONCE: usize = 4;

/// A request that is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sought {
    pub request: RequestId,
    /// Whose it is, and when it arrived: an erasure may cover it.
    pub client_id: ClientId,
    pub at: Timestamp,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traced {
    pub stored: HashSet<RequestId>,
    /// Those that belong to an erased part of the log, stored or not.
    pub erased: HashSet<RequestId>,
    /// Every row with this `seq` or a smaller one was looked at.
    pub as_of: i64,
}

/// What became of a request that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Stored,
    /// A request with this id was there before, or earlier in the same batch.
    AlreadyStored,
    /// Its company's log was erased up to a later moment.
    Erased,
    /// No key was recognised, and the company has had as many such requests as are stored. It is counted.
    Suppressed,
    /// Redacting it failed, so nothing of it is stored.
    NotRedacted,
}

/// Redacted entries for the writer.
pub(crate) struct Sent {
    pub(crate) entries: Vec<StoredEntry>,
    /// None of them was among the rows up to this `seq`.
    pub(crate) looked_to: i64,
    /// Gets the fates in the order of the entries.
    pub(crate) answer: oneshot::Sender<Result<Vec<Fate>, LogStoreError>>,
}

impl Sought {
    fn of(entry: &Entry) -> Self {
        Self {
            request: entry.request_id,
            client_id: entry.place.client_id,
            at: entry.at,
        }
    }

    pub(crate) fn of_stored(entry: &StoredEntry) -> Self {
        Self {
            request: entry.request_id,
            client_id: entry.place.client_id,
            at: entry.at,
        }
    }
}

impl Traced {
    /// What is known of a request that needs not be stored.
    pub(crate) fn fate(&self, request: RequestId) -> Option<Fate> {
        if self.erased.contains(&request) {
            Some(Fate::Erased)
        } else if self.stored.contains(&request) {
            Some(Fate::AlreadyStored)
        } else {
            None
        }
    }
}

impl Recorder {
    /// Stores entries that a program sent, each once by its request id, and returns what became of each. Those that are said
    /// to be stored are in the store when this returns. After an error, some may be: the same entries can be sent again.
    ///
    /// A request in a part of the log that is damaged is not found, and would be stored once more.
    pub async fn store_sent(&self, entries: Vec<Entry>) -> Result<Vec<Fate>, LogStoreError> {
        let _place = self.sent.places.acquire().await.map_err(stopped)?;
        let sought = entries.iter().map(Sought::of).collect();
        let traced = self.sent.sink.trace(sought, 0).await?;
        let mut fates = Vec::with_capacity(entries.len());
        let (mut new, mut seen) = (Vec::new(), HashSet::new());
        for entry in entries {
            let id = entry.request_id;
            let repeated = (!seen.insert(id)).then_some(Fate::AlreadyStored);
            fates.push(traced.fate(id).or(repeated));
            if fates.last() == Some(&None) {
                new.push(entry);
            }
        }
        let redacted = redact_each(new, Arc::clone(&self.sent.names)).await?;
        let kept: Vec<bool> = redacted.iter().map(Option::is_some).collect();
        let entries: Vec<StoredEntry> = redacted.into_iter().flatten().collect();
        let stored = if entries.is_empty() {
            Vec::new()
        } else {
            self.pass_on(entries, traced.as_of).await?
        };
        let (mut kept, mut stored) = (kept.into_iter(), stored.into_iter());
        let fate = |known: Option<Fate>| match known {
            Some(fate) => fate,
            None if kept.next() == Some(true) => stored.next().unwrap_or(Fate::NotRedacted),
            None => Fate::NotRedacted,
        };
        Ok(fates.into_iter().map(fate).collect())
    }

    async fn pass_on(&self, entries: Vec<StoredEntry>, looked_to: i64) -> Result<Vec<Fate>, LogStoreError> {
        let (answer, answered) = oneshot::channel();
        let sent = Sent {
            entries,
            looked_to,
            answer,
        };
        let step = Step::Sent(sent);
        self.sent.steps.send(step).await.map_err(stopped)?;
        answered.await.map_err(stopped)?
    }
}

fn stopped(_: impl Sized) -> LogStoreError {
    LogStoreError::Unavailable("the server is stopping".into())
}

/// On a thread of its own, because it may keep a CPU busy. `None` for an entry whose redaction failed.
async fn redact_each(
    entries: Vec<Entry>,
    names: Arc<Names>,
) -> Result<Vec<Option<StoredEntry>>, LogStoreError> {
    spawn_blocking(move || {
        let mut redactor = Redactor::new(&names);
        let redact = |entry| {
            // A defect in redaction must lose neither the secret nor the other rows.
            let redacted = catch_unwind(AssertUnwindSafe(|| redactor.redact(entry).0));
            if redacted.is_err() {
                tracing::error!("redacting a request that was sent to the log failed; refusing it");
            }
            redacted.ok()
        };
        entries.into_iter().map(redact).collect()
    })
    .await
    .map_err(|error| LogStoreError::Unavailable(Box::new(error)))
}
