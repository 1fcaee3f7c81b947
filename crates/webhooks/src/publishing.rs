//! Writes publications, many in one transaction. While one transaction is written, the next publications gather.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::join_all;
use model::AttemptId;
use tokio::sync::oneshot;

use crate::scheduler::lease_until;
use crate::storage::{ClaimAtBirth, NewEvent, NewEvents, PublishedEvent};
use crate::{StorageFailure, Webhooks};

/// The most events in one transaction.
const EVENTS_AT_ONCE: usize = 256;
/// The most bytes of bodies in one transaction, unless a single event has more.
const BYTES_AT_ONCE: usize = 4 * 1024 * 1024;

/// Publications that wait for a transaction.
#[derive(Debug, Default)]
pub(crate) struct Publishing {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Waiting>,
    /// Whether a task writes what waits.
    writing: bool,
}

#[derive(Debug)]
struct Waiting {
    event: NewEvent,
    answer: oneshot::Sender<Result<PublishedEvent, StorageFailure>>,
}

impl Publishing {
    /// Returns whether a task has to be started.
    fn add(&self, waiting: Waiting) -> bool {
        let mut state = self.lock();
        state.waiting.push_back(waiting);
        !std::mem::replace(&mut state.writing, true)
    }

    /// The next to write together. When nothing waits, the task ends.
    fn take(&self) -> Option<Vec<Waiting>> {
        let mut state = self.lock();
        let (mut taken, mut bytes) = (Vec::new(), 0);
        while let Some(next) = state.waiting.front() {
            bytes += next.event.body.as_bytes().len();
            if taken.len() >= EVENTS_AT_ONCE || (bytes > BYTES_AT_ONCE && !taken.is_empty()) {
                break;
            }
            taken.extend(state.waiting.pop_front());
        }
        state.writing = !taken.is_empty();
        state.writing.then_some(taken)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// If the task panics, the next publication starts another one.
struct Ending<'a>(&'a Publishing);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.lock().writing = false;
        }
    }
}

impl Webhooks {
    /// Returns once the event and its deliveries are committed. A caller that leaves does not undo it.
    pub(crate) async fn store_event(&self, event: NewEvent) -> Result<PublishedEvent, StorageFailure> {
        let (answer, answered) = oneshot::channel();
        if self.publishing().add(Waiting { event, answer }) {
            tokio::spawn(self.clone().write_publications());
        }
        answered
            .await
            .unwrap_or_else(|_| Err("the publication was given up".into()))
    }

    async fn write_publications(self) {
        let _ending = Ending(self.publishing());
        while let Some(batch) = self.publishing().take() {
            let (events, answers): (Vec<_>, Vec<_>) = batch
                .into_iter()
                .map(|waiting| (waiting.event, waiting.answer))
                .unzip();
            let results = self.write_together(events).await;
            for (answer, result) in answers.into_iter().zip(results) {
                // The caller may have left.
                let _ = answer.send(result);
            }
        }
    }

    /// One result for each event, in the same order. If the transaction fails, each event gets one of its own, so that
    /// one cannot make others fail.
    async fn write_together(&self, events: Vec<NewEvent>) -> Vec<Result<PublishedEvent, StorageFailure>> {
        match self.write_events(events.clone()).await {
            Ok(stored) => stored.into_iter().map(Ok).collect(),
            Err(error) if events.len() == 1 => vec![Err(error)],
            Err(_) => {
                let alone = events.into_iter().map(async |event| {
                    let stored = self.write_events(vec![event]).await?;
                    stored
                        .into_iter()
                        .next()
                        .ok_or_else(|| "the event has no result".into())
                });
                join_all(alone).await
            }
        }
    }

    /// Writes the events and hands to the worker what was claimed for it.
    async fn write_events(&self, events: Vec<NewEvent>) -> Result<Vec<PublishedEvent>, StorageFailure> {
        let companies: Vec<_> = events.iter().map(|event| event.company).collect();
        let now = self.parts().clock.now();
        // Held until what was claimed has been handed over.
        let loan = self.bell().room();
        let claim = loan.as_ref().map(|loan| ClaimAtBirth {
            lease: AttemptId::time_ordered(now, vault::random()),
            until: lease_until(now),
            room: loan.room.clone(),
        });
        let new = Arc::new(NewEvents { events, claim });
        let mut stored = self.parts().store.publish.publish(new).await?;
        for (company, event) in companies.into_iter().zip(&mut stored) {
            if let PublishedEvent::Stored { waking, claimed, .. } = event {
                self.bell()
                    .ring(company, waking.drain(..), std::mem::take(claimed));
            }
        }
        Ok(stored)
    }
}
