//! Tells this process's worker about a commit. Usually the transaction that stored the event also claimed its
//! deliveries for the worker, so nothing more has to be written before the first byte goes to the receiver. Otherwise
//! the worker learns which webhooks have something due and claims their deliveries in order.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::{CompanyId, WebhookId};
use tokio::sync::Notify;

use crate::storage::Claimed;

/// Rung after a commit that made deliveries due. [`crate::Worker`] listens for it.
#[derive(Debug, Default)]
pub(crate) struct Doorbell {
    state: Mutex<State>,
    bell: Notify,
}

#[derive(Debug, Default)]
struct State {
    waiting: HashMap<WebhookId, CompanyId>,
    claimed: Vec<Claimed>,
    /// Publications that may claim deliveries and have not handed them over yet.
    publishing: u32,
    admission: Admission,
}

/// For which webhooks publications may claim deliveries, and how many publications may do so. One publication creates
/// at most one delivery per webhook. With no more passes than the fullest lane has free slots, no lane can get more
/// deliveries than it has room for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Admission {
    /// Webhooks whose lane is full or has a backlog. Their deliveries wait in order.
    pub(crate) busy: Arc<HashSet<WebhookId>>,
    /// Companies that already have their share of the running attempts.
    pub(crate) full: Arc<HashSet<CompanyId>>,
    pub(crate) passes: u32,
}

/// What the worker finds when the bell has rung.
#[derive(Debug, Default)]
pub(crate) struct Visitors {
    pub(crate) waiting: HashMap<WebhookId, CompanyId>,
    pub(crate) claimed: Vec<Claimed>,
}

/// Permission to claim deliveries for the worker while publishing. Dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Pass<'a> {
    door: &'a Doorbell,
    pub(crate) busy: Arc<HashSet<WebhookId>>,
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        self.door.lock().publishing -= 1;
    }
}

impl Doorbell {
    /// Reports that these webhooks of a company have deliveries due, and hands over deliveries that are already
    /// claimed.
    pub(crate) fn ring(
        &self,
        company: CompanyId,
        webhooks: impl IntoIterator<Item = WebhookId>,
        claimed: Vec<Claimed>,
    ) {
        let mut state = self.lock();
        let before = (state.waiting.len(), state.claimed.len());
        let webhooks = webhooks.into_iter().map(|webhook| (webhook, company));
        state.waiting.extend(webhooks);
        state.claimed.extend(claimed);
        let more = before != (state.waiting.len(), state.claimed.len());
        drop(state);
        if more {
            self.bell.notify_one();
        }
    }

    /// Returns a pass if a publication of this company may claim deliveries for the worker. There is none if no worker
    /// runs or the worker has enough to do.
    pub(crate) fn pass(&self, company: CompanyId) -> Option<Pass<'_>> {
        let mut state = self.lock();
        if state.admission.full.contains(&company) {
            return None;
        }
        state.admission.passes = state.admission.passes.checked_sub(1)?;
        state.publishing += 1;
        Some(Pass {
            door: self,
            busy: state.admission.busy.clone(),
        })
    }

    /// Sets the limits that apply from now on. Passes in use and claims that wait here count against them.
    pub(crate) fn admit(&self, mut admission: Admission) {
        let mut state = self.lock();
        let out = state.publishing + u32::try_from(state.claimed.len()).unwrap_or(u32::MAX);
        admission.passes = admission.passes.saturating_sub(out);
        state.admission = admission;
    }

    /// Returns once the bell has rung since the last [`Doorbell::take`]. The bell remembers one ring, so a ring between
    /// taking and waiting is not lost.
    pub(crate) async fn heard(&self) {
        self.bell.notified().await;
    }

    /// Takes everything that waits.
    pub(crate) fn take(&self) -> Visitors {
        let mut state = self.lock();
        Visitors {
            waiting: std::mem::take(&mut state.waiting),
            claimed: std::mem::take(&mut state.claimed),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn company(byte: u8) -> CompanyId {
        CompanyId::from_random([byte; 16])
    }

    fn passes(door: &Doorbell) -> Vec<Pass<'_>> {
        std::iter::from_fn(|| door.pass(company(1))).take(1000).collect()
    }

    #[test]
    fn no_one_claims_for_a_worker_that_is_not_running_or_is_busy() {
        let door = Doorbell::default();
        assert!(door.pass(company(1)).is_none());
        let three = || Admission {
            busy: Arc::default(),
            full: Arc::new(HashSet::from([company(9)])),
            passes: 3,
        };
        door.admit(three());
        assert!(door.pass(company(9)).is_none(), "it already has its share");
        let out = passes(&door);
        assert_eq!(out.len(), 3);
        door.admit(three());
        assert!(door.pass(company(1)).is_none(), "passes in use count");
        drop(out);
        assert!(
            door.pass(company(1)).is_none(),
            "the worker may not know yet about their claims"
        );
        door.admit(three());
        assert_eq!(passes(&door).len(), 3);
        door.admit(Admission::default());
        assert!(door.pass(company(1)).is_none());
    }
}
