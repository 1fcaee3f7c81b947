//! Tells this process's worker about a commit. Usually the transaction that stored the event also claimed its
//! deliveries for the worker, so nothing more has to be written before the first byte goes to the receiver. Otherwise
//! the worker learns which webhooks have something due and claims their deliveries in order.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::{CompanyId, WebhookId};
use tokio::sync::Notify;

use crate::storage::{Claimed, Room};

/// Rung after a commit that made deliveries due. [`crate::Worker`] listens for it.
#[derive(Debug, Default)]
pub(crate) struct Doorbell {
    door: Mutex<Door>,
    bell: Notify,
}

/// What waits at the door for the worker, and how many deliveries publications may claim for it.
#[derive(Debug, Default)]
pub struct Door {
    waiting: HashMap<WebhookId, CompanyId>,
    claimed: Vec<Claimed>,
    /// How many of `claimed` are counted in `admission`.
    counted: usize,
    changed: Vec<WebhookId>,
    /// How many deliveries publications may claim. `None` if no worker runs, or it claims itself.
    admission: Option<Room>,
    /// Whether a publication claims.
    lent: bool,
    worker_runs: bool,
}

/// What the worker finds when the bell has rung.
#[derive(Debug, Default)]
pub struct Visitors {
    pub waiting: HashMap<WebhookId, CompanyId>,
    pub claimed: Vec<Claimed>,
    /// Webhooks that were paused, changed or deleted.
    pub changed: Vec<WebhookId>,
}

impl Door {
    /// These webhooks of a company have deliveries due, and these deliveries are already claimed. Returns whether the
    /// bell rings.
    pub fn ring(
        &mut self,
        company: CompanyId,
        webhooks: impl IntoIterator<Item = WebhookId>,
        claimed: Vec<Claimed>,
    ) -> bool {
        let before = (self.waiting.len(), self.claimed.len());
        let webhooks = webhooks.into_iter().map(|webhook| (webhook, company));
        self.waiting.extend(webhooks);
        self.claimed.extend(claimed);
        before != (self.waiting.len(), self.claimed.len())
    }

    /// A webhook was paused, changed or deleted. Returns whether the bell rings.
    pub fn changed(&mut self, webhook: WebhookId) -> bool {
        if self.worker_runs {
            self.changed.push(webhook);
        }
        self.worker_runs
    }

    /// How many deliveries a publication may claim now, until [`Door::returned`].
    pub fn lend(&mut self) -> Option<Room> {
        self.count_claimed();
        let room = self.admission.clone().filter(|_| !self.lent)?;
        self.lent = true;
        Some(room)
    }

    /// The publication has handed over what it claimed. Returns whether the bell rings, because the worker waits for it.
    pub fn returned(&mut self) -> bool {
        self.lent = false;
        self.admission.is_none()
    }

    /// Publications get no room from now on. Returns whether none has any.
    pub fn close(&mut self) -> bool {
        self.admission = None;
        !self.lent
    }

    /// Sets the room from now on. `None` means that no worker runs. What was handed over and not taken yet is counted.
    pub fn admit(&mut self, room: Option<Room>) {
        self.worker_runs = room.is_some();
        self.admission = room;
        self.counted = 0;
    }

    /// Takes everything that waits.
    pub fn take(&mut self) -> Visitors {
        self.count_claimed();
        self.counted = 0;
        Visitors {
            waiting: std::mem::take(&mut self.waiting),
            claimed: std::mem::take(&mut self.claimed),
            changed: std::mem::take(&mut self.changed),
        }
    }

    /// Takes what was handed over out of the room.
    fn count_claimed(&mut self) {
        let new = &self.claimed[self.counted.min(self.claimed.len())..];
        let Some(room) = self.admission.as_mut().filter(|_| !new.is_empty()) else {
            return;
        };
        let (webhooks, companies) = (
            Arc::make_mut(&mut room.webhooks),
            Arc::make_mut(&mut room.companies),
        );
        for one in new {
            let of_webhook = webhooks.entry(one.webhook).or_insert(room.each_webhook);
            *of_webhook = of_webhook.saturating_sub(1);
            let of_company = companies.entry(one.company).or_insert(room.each_company);
            *of_company = of_company.saturating_sub(1);
            room.in_all = room.in_all.saturating_sub(1);
        }
        self.counted = self.claimed.len();
    }
}

/// Room for a publication until it is dropped.
#[derive(Debug)]
pub(crate) struct Loan<'a> {
    bell: &'a Doorbell,
    pub(crate) room: Room,
}

impl Drop for Loan<'_> {
    fn drop(&mut self) {
        let rings = self.bell.lock().returned();
        self.bell.sound(rings);
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
        let rings = self.lock().ring(company, webhooks, claimed);
        self.sound(rings);
    }

    /// Reports that a webhook was paused, changed or deleted, so that nothing claimed before is still sent.
    pub(crate) fn changed(&self, webhook: WebhookId) {
        let rings = self.lock().changed(webhook);
        self.sound(rings);
    }

    /// How many deliveries a publication may claim now. `None` if no worker runs, the worker itself claims, or another
    /// publication does. What was handed over since the worker said how many is counted.
    pub(crate) fn room(&self) -> Option<Loan<'_>> {
        let room = self.lock().lend()?;
        Some(Loan { bell: self, room })
    }

    /// Publications get no room from now on. Returns whether none has any: otherwise the bell rings when it has ended.
    pub(crate) fn close(&self) -> bool {
        self.lock().close()
    }

    /// Sets the room from now on. `None` means that no worker runs. What was handed over and not taken yet is counted.
    pub(crate) fn admit(&self, room: Option<Room>) {
        self.lock().admit(room);
    }

    /// Returns once the bell has rung since the last [`Doorbell::take`]. The bell remembers one ring, so a ring between
    /// taking and waiting is not lost.
    pub(crate) async fn heard(&self) {
        self.bell.notified().await;
    }

    /// Takes everything that waits.
    pub(crate) fn take(&self) -> Visitors {
        self.lock().take()
    }

    fn sound(&self, rings: bool) {
        if rings {
            self.bell.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Door> {
        self.door.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lanes::tests::{alone, claimed};

    #[test]
    fn what_was_handed_over_and_not_taken_counts_against_the_room() {
        let door = Doorbell::default();
        assert!(door.room().is_none(), "no worker runs");
        let room = Room {
            in_all: 10,
            each_webhook: 4,
            webhooks: Arc::default(),
            each_company: 5,
            companies: Arc::default(),
        };
        door.admit(Some(room));
        let (webhook, company) = alone(1);
        door.ring(company, [], vec![claimed(alone(1)), claimed(alone(1))]);
        let left = door.room().expect("a worker runs").room.clone();
        assert_eq!(left.in_all, 8);
        assert_eq!(left.webhooks.get(&webhook), Some(&2));
        assert_eq!(left.companies.get(&company), Some(&3));
        assert_eq!(door.take().claimed.len(), 2);
        assert_eq!(
            door.room().expect("a worker runs").room.in_all,
            8,
            "until the worker says how many it has room for now"
        );
        door.admit(None);
        assert!(door.room().is_none());
    }

    #[tokio::test]
    async fn either_one_publication_or_the_worker_claims() {
        let door = Doorbell::default();
        door.admit(Some(Room::default()));
        let lent = door.room().expect("a worker runs");
        assert!(door.room().is_none(), "one at a time");
        assert!(!door.close(), "the worker waits for it");
        drop(lent);
        door.heard().await;
        assert!(door.close());
        assert!(door.room().is_none(), "the worker claims");
        door.admit(Some(Room::default()));
        assert!(door.room().is_some());
    }
}
