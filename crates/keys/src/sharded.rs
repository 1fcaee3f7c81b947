//! A small map from keys, split so that two requests with different keys rarely wait for each other.

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
    /// The part that holds `key`, locked.
    pub(crate) fn of(&self, key: KeyId) -> MutexGuard<'_, HashMap<KeyId, V>> {
        let [.., last] = key.to_bytes();
        lock(&self.0[usize::from(last) % SHARDS])
    }

    /// All parts, one after the other.
    pub(crate) fn parts(&self) -> impl Iterator<Item = MutexGuard<'_, HashMap<KeyId, V>>> {
        self.0.iter().map(lock)
    }
}

/// A thread that panicked left a whole map behind: each write is a single insert.
fn lock<V>(part: &Mutex<HashMap<KeyId, V>>) -> MutexGuard<'_, HashMap<KeyId, V>> {
    part.lock().unwrap_or_else(PoisonError::into_inner)
}
