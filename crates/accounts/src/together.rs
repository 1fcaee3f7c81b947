//! One look-up for all who ask at the same time.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// Look-ups by key. An answer is never older than its question: who asks while a look-up is running gets the result of the
/// next one.
#[derive(Debug)]
pub(crate) struct Together<K, V> {
    /// Who waits for the next look-up. A task looks up while there is an entry.
    waiting: Mutex<HashMap<K, Vec<oneshot::Sender<V>>>>,
}

impl<K, V> Default for Together<K, V> {
    fn default() -> Self {
        Self {
            waiting: Mutex::default(),
        }
    }
}

impl<K, V> Together<K, V>
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Clone + Send + 'static,
{
    /// The result of a look-up that begins after this call. `None` if it failed: `look_up` says why in its own way.
    pub(crate) async fn get<F>(
        self: &Arc<Self>,
        key: K,
        look_up: impl Fn() -> F + Send + 'static,
    ) -> Option<V>
    where
        F: Future<Output = Option<V>> + Send,
    {
        let (answer, answered) = oneshot::channel();
        let first = {
            let mut waiting = self.lock();
            let first = !waiting.contains_key(&key);
            waiting.entry(key.clone()).or_default().push(answer);
            first
        };
        if first {
            // In a task of its own, so that a caller who leaves does not leave the others without an answer.
            let ending = Ending {
                together: Arc::clone(self),
                key,
            };
            tokio::spawn(async move {
                while let Some(asked) = ending.take() {
                    let Some(found) = look_up().await else {
                        continue;
                    };
                    for answer in asked {
                        // The caller may have left.
                        let _ = answer.send(found.clone());
                    }
                }
            });
        }
        answered.await.ok()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, Vec<oneshot::Sender<V>>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Removes the entry when the task ends, also by a panic.
struct Ending<K: Eq + Hash, V> {
    together: Arc<Together<K, V>>,
    key: K,
}

impl<K: Eq + Hash, V> Ending<K, V> {
    /// Who waits now. When no one does, the entry goes and the task ends.
    fn take(&self) -> Option<Vec<oneshot::Sender<V>>> {
        let mut waiting = self
            .together
            .waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let asked = waiting.get_mut(&self.key).map(std::mem::take)?;
        if asked.is_empty() {
            waiting.remove(&self.key);
            return None;
        }
        Some(asked)
    }
}

impl<K: Eq + Hash, V> Drop for Ending<K, V> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let mut waiting = self
                .together
                .waiting
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            waiting.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Semaphore;

    use super::*;

    /// Counts look-ups. Each waits for a permit, and answers with its number.
    #[derive(Clone, Debug)]
    struct Source {
        begun: Arc<AtomicUsize>,
        gate: Arc<Semaphore>,
    }

    impl Source {
        fn new() -> Self {
            Self {
                begun: Arc::default(),
                gate: Arc::new(Semaphore::new(0)),
            }
        }

        fn look_up(&self) -> impl Fn() -> futures::Answer + Send + 'static {
            let source = self.clone();
            move || {
                let source = source.clone();
                Box::pin(async move {
                    let number = source.begun.fetch_add(1, Ordering::SeqCst) + 1;
                    source.gate.acquire().await.ok()?.forget();
                    Some(number)
                })
            }
        }
    }

    mod futures {
        pub(super) type Answer = std::pin::Pin<Box<dyn Future<Output = Option<usize>> + Send>>;
    }

    async fn until(what: impl Fn() -> bool) {
        while !what() {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn who_asks_during_a_look_up_gets_the_result_of_the_next() {
        let (together, source) = (Arc::new(Together::default()), Source::new());
        let ask = || {
            let (together, look_up) = (Arc::clone(&together), source.look_up());
            tokio::spawn(async move { together.get("key", look_up).await })
        };
        let first = ask();
        until(|| source.begun.load(Ordering::SeqCst) == 1).await;
        let later: Vec<_> = (0..10).map(|_| ask()).collect();
        until(|| {
            together
                .lock()
                .get("key")
                .is_some_and(|waiting| waiting.len() == 10)
        })
        .await;
        source.gate.add_permits(2);
        assert_eq!(first.await.expect("no panic"), Some(1));
        for one in later {
            assert_eq!(one.await.expect("no panic"), Some(2));
        }
        until(|| together.lock().is_empty()).await;
        assert_eq!(source.begun.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn a_caller_who_leaves_takes_nothing_from_the_others() {
        let (together, source) = (Arc::new(Together::default()), Source::new());
        let leaving = tokio::spawn({
            let (together, look_up) = (Arc::clone(&together), source.look_up());
            async move { together.get("key", look_up).await }
        });
        until(|| source.begun.load(Ordering::SeqCst) == 1).await;
        leaving.abort();
        source.gate.add_permits(2);
        assert_eq!(together.get("key", source.look_up()).await, Some(2));
    }

    #[tokio::test]
    async fn after_a_failure_and_after_a_panic_the_next_who_asks_is_answered() {
        let together = Arc::new(Together::<&str, usize>::default());
        assert_eq!(together.get("key", || async { None }).await, None);
        let panics = together.get("key", || async {
            panic!("a look-up that panics, as the test wants")
        });
        assert_eq!(panics.await, None);
        assert_eq!(together.get("key", || async { Some(7) }).await, Some(7));
    }
}
