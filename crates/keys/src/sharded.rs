//! A small map by key id, split so that requests with different keys rarely wait for each other.

use std::sync::{Mutex, MutexGuard, PoisonError};

use model::KeyId;

use crate::parts::RandomKeyMap;

const SHARDS: usize = 16;

/// Per-key state that requests write.
#[derive(Debug)]
pub(crate) struct Sharded<V>([Mutex<RandomKeyMap<KeyId, V>>; SHARDS]);

impl<V> Default for Sharded<V> {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Mutex::default()))
    }
}

impl<V> Sharded<V> {
    /// Locks the part that holds `key`.
    pub(crate) fn of(&self, key: KeyId) -> MutexGuard<'_, RandomKeyMap<KeyId, V>> {
        // From the middle of the random half. A part's own table uses both ends.
        let [.., byte, _, _, _, _] = key.to_bytes();
        lock(&self.0[usize::from(byte) % SHARDS])
    }

    /// Locks all parts, one after the other.
    pub(crate) fn parts(&self) -> impl Iterator<Item = MutexGuard<'_, RandomKeyMap<KeyId, V>>> {
        self.0.iter().map(lock)
    }
}

/// Safe after a panic: each write is a single insert, so the map is always complete.
fn lock<V>(part: &Mutex<RandomKeyMap<KeyId, V>>) -> MutexGuard<'_, RandomKeyMap<KeyId, V>> {
    part.lock().unwrap_or_else(PoisonError::into_inner)
}
