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
use crate::storage::{FinishedAttempt, Then};
use crate::worker::Message;
use crate::{StorageFailure, Webhooks};

/// The most attempts in one transaction.
const AT_ONCE: usize = 128;
/// How many attempts may wait for the next transaction. When as many do, a lane waits with its next attempt. After a
/// crash, those that were not written are made again.
const MOST_WAITING: usize = 128;
/// How long to try again while the database fails. Less than a lease lasts, since then the deliveries are sent again.
const KEEP_TRYING: Duration = Duration::from_secs(15);
/// How long to wait between two tries.
const BETWEEN_TRIES: Duration = Duration::from_millis(250);

/// Starts the task that writes what is sent to it. It ends when all senders are gone and everything is written.
pub(crate) fn start(
    webhooks: Webhooks,
    worker: mpsc::UnboundedSender<Message>,
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

async fn write(webhooks: &Webhooks, worker: &mpsc::UnboundedSender<Message>, batch: Vec<FinishedAttempt>) {
    let batch: Arc<[FinishedAttempt]> = batch.into();
    let started = Instant::now();
    loop {
        let error = match write_together(webhooks, worker, Arc::clone(&batch)).await {
            Ok(()) => return,
            Err(error) => error,
        };
        if started.elapsed() > KEEP_TRYING {
            break;
        }
        tracing::error!(%error, attempts = batch.len(), "could not write finished attempts; trying again");
        tokio::time::sleep(BETWEEN_TRIES).await;
    }
    // One of them may be what cannot be written.
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
    worker: &mpsc::UnboundedSender<Message>,
    batch: Arc<[FinishedAttempt]>,
) -> Result<(), StorageFailure> {
    let consequences = webhooks.parts().store.attempts.finish(Arc::clone(&batch)).await?;
    for (attempt, consequence) in batch.iter().zip(consequences) {
        let claimed = &attempt.claimed;
        webhooks.counts().note(&attempt.outcome, attempt.duration_ms);
        if let Then::RetryAt(at) = attempt.then {
            // No one listens any more once the worker has stopped.
            let _ = worker.send(Message::Due {
                at,
                webhook: claimed.webhook,
                company: claimed.company,
            });
        }
        match consequence {
            None => {}
            Some(Consequence::Disabled(reason)) => {
                tracing::warn!(webhook = %claimed.webhook, reason = reason.as_str(), "a webhook was disabled");
                let _ = worker.send(Message::Disabled {
                    webhook: claimed.webhook,
                });
            }
            Some(Consequence::Warned) => {
                tracing::warn!(webhook = %claimed.webhook, "a webhook has failed for half the time after which it will be disabled");
            }
        }
    }
    let companies: HashSet<_> = batch.iter().map(|attempt| attempt.claimed.company).collect();
    for company in companies {
        webhooks.tell(company);
    }
    Ok(())
}
