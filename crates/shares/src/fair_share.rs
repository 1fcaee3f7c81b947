//! A semaphore that divides its places fairly between holders.

use std::collections::VecDeque;
use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::Ledger;

/// Hands out places by the rule of [`Ledger`]. A caller that cannot have one yet waits in its holder's line. A freed
/// place goes to the waiting holder that has the fewest; holders with equally many take turns. Cheap to clone; all
/// clones share the same places.
pub struct FairShare<H: Eq + Hash + Clone> {
    state: Arc<Mutex<State<H>>>,
}

struct State<H: Eq + Hash + Clone> {
    ledger: Ledger<H>,
    waiting: VecDeque<Line<H>>,
}

/// One holder's waiting callers, oldest first.
struct Line<H: Eq + Hash + Clone> {
    holder: H,
    callers: VecDeque<oneshot::Sender<Share<H>>>,
}

/// One place. Dropping it gives it back.
pub struct Share<H: Eq + Hash + Clone> {
    of: Option<(Arc<Mutex<State<H>>>, H)>,
}

impl<H: Eq + Hash + Clone> FairShare<H> {
    pub fn new(places: usize) -> Self {
        Self::with(Ledger::new(places))
    }

    /// Uses a ledger with settings of its own.
    pub fn with(ledger: Ledger<H>) -> Self {
        Self {
            state: Arc::new(Mutex::new(State {
                ledger,
                waiting: VecDeque::new(),
            })),
        }
    }

    /// Takes a place if one is available now.
    pub fn try_take(&self, holder: &H) -> Option<Share<H>> {
        let taken = lock(&self.state).ledger.take(holder, 1);
        taken.then(|| Share::new(&self.state, holder.clone()))
    }

    /// Waits for a place. Callers with limited patience wrap this in a timeout; giving up leaves nothing behind.
    pub async fn take(&self, holder: H) -> Share<H> {
        loop {
            let turn = {
                let mut state = lock(&self.state);
                if state.ledger.take(&holder, 1) {
                    return Share::new(&self.state, holder);
                }
                state.line_up(&holder)
            };
            // The sender is dropped without sending only if all places are dropped too.
            if let Ok(share) = turn.await {
                return share;
            }
        }
    }

    /// Places that this holder has now.
    pub fn held(&self, holder: &H) -> usize {
        lock(&self.state).ledger.held(holder)
    }

    /// Places that are free now.
    pub fn free(&self) -> usize {
        lock(&self.state).ledger.free()
    }
}

impl<H: Eq + Hash + Clone> State<H> {
    fn line_up(&mut self, holder: &H) -> oneshot::Receiver<Share<H>> {
        let (caller, turn) = oneshot::channel();
        match self.waiting.iter_mut().find(|line| line.holder == *holder) {
            Some(line) => {
                // Callers that gave up are mostly the oldest. If they were not removed here, a jam would fill the
                // memory.
                while line.callers.front().is_some_and(oneshot::Sender::is_closed) {
                    line.callers.pop_front();
                }
                line.callers.push_back(caller);
            }
            None => self.waiting.push_back(Line {
                holder: holder.clone(),
                callers: VecDeque::from([caller]),
            }),
        }
        turn
    }

    /// The line to serve next: among holders that may take a place, the one that holds fewest; among equals, the first
    /// in line.
    fn next_line(&mut self) -> Option<Line<H>> {
        let ledger = &self.ledger;
        let allowed = self.waiting.iter().enumerate();
        let allowed = allowed.filter(|(_, line)| ledger.room(&line.holder) > 0);
        let (index, _) = allowed.min_by_key(|(_, line)| ledger.held(&line.holder))?;
        self.waiting.remove(index)
    }

    /// Hands out every place that may be handed out now.
    fn serve(&mut self, places: &Arc<Mutex<Self>>) {
        while let Some(mut line) = self.next_line() {
            while let Some(caller) = line.callers.pop_front() {
                if caller.is_closed() {
                    continue;
                }
                if !self.ledger.take(&line.holder, 1) {
                    line.callers.push_front(caller);
                    break;
                }
                let Err(mut unwanted) = caller.send(Share::new(places, line.holder.clone())) else {
                    break;
                };
                // The caller gave up just now. Dropping the share as it is would lock the mutex that this function
                // already holds.
                unwanted.of = None;
                self.ledger.give_back(&line.holder, 1);
            }
            if !line.callers.is_empty() {
                self.waiting.push_back(line);
            }
        }
    }
}

impl<H: Eq + Hash + Clone> Share<H> {
    fn new(places: &Arc<Mutex<State<H>>>, holder: H) -> Self {
        Self {
            of: Some((Arc::clone(places), holder)),
        }
    }
}

impl<H: Eq + Hash + Clone> Drop for Share<H> {
    fn drop(&mut self) {
        if let Some((places, holder)) = self.of.take() {
            let mut state = lock(&places);
            state.ledger.give_back(&holder, 1);
            state.serve(&places);
        }
    }
}

fn lock<H: Eq + Hash + Clone>(state: &Mutex<State<H>>) -> MutexGuard<'_, State<H>> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<H: Eq + Hash + Clone> Clone for FairShare<H> {
    fn clone(&self) -> Self {
        Self {
            state: Arc::clone(&self.state),
        }
    }
}

impl<H: Eq + Hash + Clone> fmt::Debug for FairShare<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FairShare")
            .field("free", &self.free())
            .finish_non_exhaustive()
    }
}

impl<H: Eq + Hash + Clone> fmt::Debug for Share<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Share")
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::{Pin, pin};
    use std::task::{Context, Poll, Waker};

    use super::*;

    type Taking = Pin<Box<dyn Future<Output = Share<&'static str>>>>;

    fn all(places: &FairShare<&'static str>, holder: &'static str) -> Vec<Share<&'static str>> {
        std::iter::from_fn(|| places.try_take(&holder)).collect()
    }

    fn poll(taking: Pin<&mut dyn Future<Output = Share<&'static str>>>) -> Option<Share<&'static str>> {
        match taking.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(share) => Some(share),
            Poll::Pending => None,
        }
    }

    fn waiting(places: &FairShare<&'static str>, holder: &'static str) -> Taking {
        let places = places.clone();
        let mut taking: Taking = Box::pin(async move { places.take(holder).await });
        assert!(poll(taking.as_mut()).is_none(), "{holder} must wait");
        taking
    }

    #[test]
    fn a_second_holder_gets_a_place_at_once_after_the_first_took_all_it_could() {
        let places = FairShare::new(8);
        let greedy = all(&places, "greedy");
        assert_eq!(greedy.len(), 4);
        let mut taking = pin!(places.take("second"));
        assert!(poll(taking.as_mut()).is_some(), "at once");
    }

    #[test]
    fn a_free_place_goes_to_the_holder_with_fewest_and_equals_take_turns() {
        let places = FairShare::new(1);
        let busy = places.try_take(&"x").expect("a place");
        let mut lines: Vec<_> = ["a", "a", "a", "b", "c"]
            .map(|holder| (holder, waiting(&places, holder)))
            .into();
        let (mut now, mut order) = (Some(busy), Vec::new());
        while !lines.is_empty() {
            drop(now.take());
            let served = lines
                .iter_mut()
                .enumerate()
                .find_map(|(i, (_, taking))| Some((i, poll(taking.as_mut())?)));
            let (i, share) = served.expect("a waiting caller is next");
            order.push(lines.remove(i).0);
            now = Some(share);
        }
        assert_eq!(order, ["a", "b", "c", "a", "a"]);
    }

    #[test]
    fn a_caller_that_gives_up_leaves_nothing_behind() {
        let places = FairShare::new(1);
        let held = places.try_take(&"a").expect("a place");
        let (gone, mut stays) = (waiting(&places, "b"), waiting(&places, "b"));
        drop(gone);
        drop(held);
        let share = poll(stays.as_mut()).expect("the caller still waiting gets it");
        drop(share);
        let given = waiting_then_given(&places);
        drop(given);
        assert_eq!(places.free(), 1, "a place given to a dropped future comes back");
        assert!(lock(&places.state).waiting.is_empty());
    }

    /// A future that has been given its place but has not been polled since.
    fn waiting_then_given(places: &FairShare<&'static str>) -> Taking {
        let held = places.try_take(&"a").expect("a place");
        let taking = waiting(places, "b");
        drop(held);
        assert_eq!(places.free(), 0);
        taking
    }

    #[test]
    fn callers_that_gave_up_do_not_fill_the_memory_during_a_jam() {
        let places = FairShare::new(1);
        let _held = places.try_take(&"a").expect("a place");
        for _ in 0..1000 {
            drop(waiting(&places, "b"));
        }
        let longest = lock(&places.state)
            .waiting
            .iter()
            .map(|line| line.callers.len())
            .max();
        assert!(longest <= Some(1), "{longest:?}");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn concurrent_use_neither_loses_places_nor_creates_any() {
        let places = FairShare::new(16);
        let mut tasks = Vec::new();
        for i in 0..64_u32 {
            let places = places.clone();
            tasks.push(tokio::spawn(async move {
                for round in 0..200_u32 {
                    let patience = std::time::Duration::from_micros(u64::from((i * 7 + round) % 50));
                    let taken = tokio::time::timeout(patience, places.take(i % 5)).await;
                    assert!(places.free() <= 16);
                    tokio::task::yield_now().await;
                    drop(taken);
                }
            }));
        }
        for task in tasks {
            task.await.expect("no panic");
        }
        assert_eq!(places.free(), 16);
    }
}
