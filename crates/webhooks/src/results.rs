//! Writes finished attempts, many in one transaction. While one transaction is written, the next attempts gather. Their
//! lanes go on in the meantime.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::decide::Consequence;
use crate::scheduler::Input;
use crate::storage::{FinishedAttempt, Then};
use crate::{StorageFailure, Webhooks};

/// The most attempts in one transaction.
pub const AT_ONCE: usize = 128;
/// How many attempts may wait for the next transaction. When as many do, a lane waits with its next attempt. After a
/// crash, those that were not written are made again.
pub const MOST_WAITING: usize = 128;
/// How long to try again while the database fails. Less than a lease lasts, since then the deliveries are sent again.
const KEEP_TRYING: Duration = Duration::from_secs(15);
/// How long to wait between two tries.
const BETWEEN_TRIES: Duration = Duration::from_millis(250);

/// What becomes of attempts that could not be written together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unwritten {
    /// They are written together again after this time.
    AgainAfter(Duration),
    /// Each is written alone, once. One of them may be what cannot be written.
    Alone,
}

/// The first try was this long ago.
pub fn unwritten(since: Duration) -> Unwritten {
    if since > KEEP_TRYING {
        Unwritten::Alone
    } else {
        Unwritten::AgainAfter(BETWEEN_TRIES)
    }
}

/// What the scheduler is told once the attempts are written.
pub fn written(
    attempts: &[FinishedAttempt],
    consequences: &[Option<Consequence>],
) -> impl Iterator<Item = Input> {
    attempts
        .iter()
        .zip(consequences)
        .flat_map(|(attempt, consequence)| {
            let claimed = &attempt.claimed;
            let due = match attempt.then {
                Then::RetryAt(at) => Some(Input::Due {
                    at,
                    webhook: claimed.webhook,
                    company: claimed.company,
                }),
                Then::Ended(_) => None,
            };
            let halted = matches!(consequence, Some(Consequence::Disabled(_))).then_some(Input::Halted {
                webhook: claimed.webhook,
            });
            due.into_iter().chain(halted)
        })
}

/// Starts the task that writes what is sent to it. It ends when all senders are gone and everything is written.
pub(crate) fn start(
    webhooks: Webhooks,
    worker: mpsc::UnboundedSender<Input>,
) -> (mpsc::Sender<FinishedAttempt>, JoinHandle<()>) {
    let (results, mut waiting) = mpsc::channel(MOST_WAITING);
    let task = tokio::spawn(async move {
        let mut batch = Vec::new();
        while waiting.recv_many(&mut batch, AT_ONCE).await > 0 {
            write(&webhooks, &worker, std::mem::take(&mut batch)).await;
        }
    });
    (results, task)
}

async fn write(webhooks: &Webhooks, worker: &mpsc::UnboundedSender<Input>, batch: Vec<FinishedAttempt>) {
    let batch: Arc<[FinishedAttempt]> = batch.into();
    let started = Instant::now();
    loop {
        let error = match write_together(webhooks, worker, Arc::clone(&batch)).await {
            Ok(()) => return,
            Err(error) => error,
        };
        let Unwritten::AgainAfter(pause) = unwritten(started.elapsed()) else {
            break;
        };
        tracing::error!(%error, attempts = batch.len(), "could not write finished attempts; trying again");
        tokio::time::sleep(pause).await;
    }
    let alone = batch.iter().map(async |attempt| {
        let one = Arc::from([attempt.clone()]);
        if let Err(error) = write_together(webhooks, worker, one).await {
            // The lease expires, and then a worker picks the delivery up again.
            tracing::error!(%error, delivery = %attempt.claimed.delivery, "could not write a finished attempt; its lease will expire and it will be made again");
        }
    });
    join_all(alone).await;
}

async fn write_together(
    webhooks: &Webhooks,
    worker: &mpsc::UnboundedSender<Input>,
    batch: Arc<[FinishedAttempt]>,
) -> Result<(), StorageFailure> {
    let consequences = webhooks.parts().store.attempts.finish(Arc::clone(&batch)).await?;
    for input in written(&batch, &consequences) {
        // No one listens any more once the worker has stopped.
        let _ = worker.send(input);
    }
    for (attempt, consequence) in batch.iter().zip(consequences) {
        webhooks.counts().note(&attempt.outcome, attempt.duration_ms);
        let webhook = attempt.claimed.webhook;
        match consequence {
            None => {}
            Some(Consequence::Disabled(reason)) => {
                tracing::warn!(%webhook, reason = reason.as_str(), "a webhook was disabled");
            }
            Some(Consequence::Warned) => {
                tracing::warn!(%webhook, "a webhook has failed for half the time after which it will be disabled");
            }
        }
    }
    let companies: HashSet<_> = batch.iter().map(|attempt| attempt.claimed.company).collect();
    for company in companies {
        webhooks.tell(company);
    }
    Ok(())
}
