//! What ends when its key is deleted, although it was accepted before: WebSockets, and responses that are still open.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use keys::{ActiveKey, Keys};

/// A response that is over before this never asks about its key.
pub(crate) const MOMENT: Duration = Duration::from_millis(250);

/// How often a response is asked for its next piece before it asks about its key. Most are over by then.
const EARLY_PIECES: u8 = 3;

/// Returns when the key is no longer active. Every change of a key on this node is looked at as soon as it is applied.
pub(crate) async fn deleted(keys: Keys, key: Arc<ActiveKey>) {
    let mut changes = keys.changes();
    while keys.snapshot().accepts(&key) {
        if changes.changed().await.is_err() {
            return;
        }
    }
}

/// Tells an open response that its key was deleted. Watching a key takes memory and locks that all threads share, which an
/// ordinary response, one or two pieces in a few milliseconds, should not pay for. So only a response that is still open
/// after [`MOMENT`] or after several pieces watches its key.
pub(crate) struct Revocation {
    key: Arc<ActiveKey>,
    early: u8,
    deleted: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Revocation {
    /// For a response that has begun after `waited`.
    pub(crate) const fn new(key: Arc<ActiveKey>, waited: Duration) -> Self {
        let is_late = waited.as_millis() >= MOMENT.as_millis();
        Self {
            key,
            early: if is_late { 0 } else { EARLY_PIECES },
            deleted: None,
        }
    }

    pub(crate) const fn is_watched(&self) -> bool {
        self.deleted.is_some()
    }

    /// Ready if the key was deleted. Called before each piece of the response.
    pub(crate) fn poll(&mut self, keys: &Keys, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.deleted {
            Some(deleted) => deleted.as_mut().poll(cx),
            None if self.early > 0 => {
                self.early -= 1;
                Poll::Pending
            }
            None => self.watch(keys, cx),
        }
    }

    /// Watches the key from now on. Ready if it was deleted already.
    pub(crate) fn watch(&mut self, keys: &Keys, cx: &mut Context<'_>) -> Poll<()> {
        let key = &self.key;
        let deleted = self
            .deleted
            .get_or_insert_with(|| Box::pin(deleted(keys.clone(), Arc::clone(key))));
        deleted.as_mut().poll(cx)
    }
}
