//! A small map by key id, split so that requests with different keys rarely wait for each other.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use model::KeyId;

const SHARDS: usize = 16;

/// Per-key state that requests write.
#[derive(Debug)]
pub(crate) struct Sharded<V>([Mutex<HashMap<KeyId, V>>; SHARDS]);

impl<V> Default for Sharded<V> {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Mutex::default()))
    }
}

impl<V> Sharded<V> {
    /// Locks the part that holds `key`.
    pub(crate) fn of(&self, key: KeyId) -> MutexGuard<'_, HashMap<KeyId, V>> {
        let [.., last] = key.to_bytes();
        lock(&self.0[usize::from(last) % SHARDS])
    }

    /// Locks all parts, one after the other.
    pub(crate) fn parts(&self) -> impl Iterator<Item = MutexGuard<'_, HashMap<KeyId, V>>> {
        self.0.iter().map(lock)
    }
}

/// Safe after a panic: each write is a single insert, so the map is always complete.
fn lock<V>(part: &Mutex<HashMap<KeyId, V>>) -> MutexGuard<'_, HashMap<KeyId, V>> {
    part.lock().unwrap_or_else(PoisonError::into_inner)
}
