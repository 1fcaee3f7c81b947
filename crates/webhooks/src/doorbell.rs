//! How a commit reaches the worker of this process. Mostly the event was claimed for it in the very transaction that stored
//! it, so that nothing has to be written between the answer and the first byte to the receiver; else the worker is told
//! which webhooks have something due, and claims in order.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::{CompanyId, WebhookId};
use tokio::sync::Notify;

use crate::storage::Claimed;

/// Rung after a commit that made deliveries due; [`crate::Worker`] answers.
#[derive(Debug, Default)]
pub(crate) struct Doorbell {
    state: Mutex<State>,
    bell: Notify,
}

#[derive(Debug, Default)]
struct State {
    waiting: HashMap<WebhookId, CompanyId>,
    claimed: Vec<Claimed>,
    /// Publications that may claim and have not yet handed over.
    publishing: u32,
    admission: Admission,
}

/// Whose deliveries publications may claim, and how many publications may. A publication makes one delivery for a webhook
/// at most, so that with as many passes as the fullest lane has places no lane gets more than it has.
#[derive(Clone, Debug, Default)]
pub(crate) struct Admission {
    /// Webhooks whose lane is full or has a backlog: theirs wait in order.
    pub(crate) busy: Arc<HashSet<WebhookId>>,
    /// Companies that have their share of the attempts under way.
    pub(crate) full: Arc<HashSet<CompanyId>>,
    pub(crate) passes: u32,
}

/// What the worker finds at the door.
#[derive(Debug, Default)]
pub(crate) struct Visitors {
    pub(crate) waiting: HashMap<WebhookId, CompanyId>,
    pub(crate) claimed: Vec<Claimed>,
}

/// The right to claim for the worker while publishing. Given back when dropped.
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
    /// These webhooks of a company have something due, and these deliveries are claimed already.
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

    /// Whether a publication of this company may claim for the worker; not when none runs, or when it has enough to do.
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

    /// What holds from now on. Passes that are out, and claims that wait here, count against it.
    pub(crate) fn admit(&self, mut admission: Admission) {
        let mut state = self.lock();
        let out = state.publishing + u32::try_from(state.claimed.len()).unwrap_or(u32::MAX);
        admission.passes = admission.passes.saturating_sub(out);
        state.admission = admission;
    }

    /// Returns when it has rung since the last [`Doorbell::take`]; the bell keeps one ring, so that one which comes
    /// between taking and waiting is heard.
    pub(crate) async fn heard(&self) {
        self.bell.notified().await;
    }

    /// Who is at the door, once.
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
    fn nobody_claims_for_a_worker_that_does_not_run_or_has_enough() {
        let door = Doorbell::default();
        assert!(door.pass(company(1)).is_none());
        let three = || Admission {
            busy: Arc::default(),
            full: Arc::new(HashSet::from([company(9)])),
            passes: 3,
        };
        door.admit(three());
        assert!(door.pass(company(9)).is_none(), "it has its share");
        let out = passes(&door);
        assert_eq!(out.len(), 3);
        door.admit(three());
        assert!(door.pass(company(1)).is_none(), "those that are out count");
        drop(out);
        assert!(
            door.pass(company(1)).is_none(),
            "the worker may not know yet what they brought"
        );
        door.admit(three());
        assert_eq!(passes(&door).len(), 3);
        door.admit(Admission::default());
        assert!(door.pass(company(1)).is_none());
    }
}
