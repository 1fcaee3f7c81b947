//! How a commit wakes the worker of this process: the webhooks that have something due, and a bell.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use model::WebhookId;
use tokio::sync::Notify;

/// Rung after a commit that made deliveries due; [`crate::Worker`] answers.
#[derive(Debug, Default)]
pub(crate) struct Doorbell {
    waiting: Mutex<HashSet<WebhookId>>,
    bell: Notify,
}

impl Doorbell {
    /// These webhooks have something due.
    pub(crate) fn ring(&self, webhooks: impl IntoIterator<Item = WebhookId>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let before = waiting.len();
        waiting.extend(webhooks);
        let more = waiting.len() > before;
        drop(waiting);
        if more {
            self.bell.notify_one();
        }
    }

    /// Returns when it has rung since the last [`Doorbell::take`]; the bell keeps one ring, so that one which comes
    /// between taking and waiting is heard.
    pub(crate) async fn heard(&self) {
        self.bell.notified().await;
    }

    /// Who is waiting, once.
    pub(crate) fn take(&self) -> HashSet<WebhookId> {
        std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
