//! What ends when its key is deleted or expires, although it was accepted before: responses that are still open.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use keys::{ActiveKey, Keys};
use model::Verdict;

/// A response that is over before this never asks about its key.
pub(crate) const MOMENT: Duration = Duration::from_millis(250);

/// How often a response is asked for its next piece before it asks about its key. Most are over by then.
const EARLY_PIECES: u8 = 3;

/// Tells an open response that its key was deleted or has expired. Watching a key takes memory and locks that all threads share, which an
/// ordinary response, one or two pieces in a few milliseconds, should not pay for. So only a response that is still open
/// after [`MOMENT`] or after several pieces watches its key.
pub(crate) struct Revocation {
    /// `None` for a response that no key asked for, which nothing revokes.
    key: Option<Arc<ActiveKey>>,
    early: u8,
    ended: Option<Pin<Box<dyn Future<Output = Verdict> + Send>>>,
}

impl Revocation {
    /// For a response that has begun after `waited`.
    pub(crate) const fn new(key: Option<Arc<ActiveKey>>, waited: Duration) -> Self {
        let is_late = waited.as_millis() >= MOMENT.as_millis();
        Self {
            key,
            early: if is_late { 0 } else { EARLY_PIECES },
            ended: None,
        }
    }

    pub(crate) const fn is_watched(&self) -> bool {
        self.ended.is_some()
    }

    /// Ready, with the verdict, if the key is no longer accepted. Called before each piece of the response.
    pub(crate) fn poll(&mut self, keys: &Keys, cx: &mut Context<'_>) -> Poll<Verdict> {
        match &mut self.ended {
            Some(ended) => ended.as_mut().poll(cx),
            None if self.early > 0 => {
                self.early -= 1;
                Poll::Pending
            }
            None => self.watch(keys, cx),
        }
    }

    /// Watches the key from now on. Ready if it is no longer accepted.
    pub(crate) fn watch(&mut self, keys: &Keys, cx: &mut Context<'_>) -> Poll<Verdict> {
        let Some(key) = &self.key else {
            return Poll::Pending;
        };
        let ended = self.ended.get_or_insert_with(|| {
            let (keys, key) = (keys.clone(), Arc::clone(key));
            Box::pin(async move { keys.ended(key).await })
        });
        ended.as_mut().poll(cx)
    }
}
