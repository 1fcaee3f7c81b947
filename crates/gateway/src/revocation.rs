//! What ends when its key is deleted, although it was accepted before: WebSockets, and responses over HTTP/2, which may be
//! one side of a conversation without an end.

use std::sync::Arc;

use keys::{ActiveKey, Keys};

/// Returns when the key is no longer active. Every change of a key on this node is looked at as soon as it is applied.
pub(crate) async fn deleted(keys: Keys, key: Arc<ActiveKey>) {
    let mut changes = keys.changes();
    while keys.snapshot().accepts(&key) {
        if changes.changed().await.is_err() {
            return;
        }
    }
}
