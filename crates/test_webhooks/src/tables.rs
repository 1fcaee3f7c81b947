//! The rows, and the two indexes by which deliveries are found.

use std::collections::{BTreeMap, BTreeSet};

use model::{
    AttemptId, AttemptOutcome, AuditEntry, CompanyId, DeliveryId, DeliveryRow, DeliveryState, Environment,
    EventEntry, EventId, KeyId, Timestamp, Webhook, WebhookId,
};
use vault::Sealed;
use webhooks::decide::{self, Outlook, Shelf, StoredOptions};
use webhooks::{
    Endpoint, FinishedAttempt, FormerSecret, LastTest, NewEvent, OwnSecrets, Replay, Standing, StorageFailure,
};

/// A company's environment.
pub(crate) type Scope = (CompanyId, Environment);

#[derive(Debug, Default)]
pub(crate) struct Tables {
    pub(crate) companies: BTreeMap<CompanyId, Company>,
    pub(crate) webhooks: BTreeMap<WebhookId, StoredWebhook>,
    /// The webhooks of each scope that are not deleted.
    pub(crate) of_scope: BTreeMap<Scope, BTreeSet<WebhookId>>,
    pub(crate) events: BTreeMap<EventId, StoredEvent>,
    pub(crate) published: BTreeMap<String, EventId>,
    /// By `seq`.
    pub(crate) attempts: BTreeMap<i64, StoredAttempt>,
    pub(crate) audit: Vec<AuditEntry>,
    pub(crate) event_types: (i64, Vec<EventEntry>),
    deliveries: BTreeMap<DeliveryId, StoredDelivery>,
    /// What is pending, by webhook and time.
    waiting: BTreeMap<WebhookId, BTreeSet<(Timestamp, DeliveryId)>>,
    /// What is held, by webhook.
    held: BTreeMap<WebhookId, BTreeSet<DeliveryId>>,
    last_seq: i64,
    last_number: u128,
}

#[derive(Debug)]
pub(crate) struct Company {
    pub(crate) name: String,
    pub(crate) parent: Option<CompanyId>,
}

#[derive(Debug)]
pub(crate) struct StoredWebhook {
    pub(crate) company: CompanyId,
    pub(crate) webhook: Webhook,
    pub(crate) normal_url: String,
    pub(crate) deleted: bool,
    /// `None` once it is deleted.
    pub(crate) secret: Option<Sealed>,
    pub(crate) former: Option<FormerSecret>,
    pub(crate) failing_since: Option<Timestamp>,
    pub(crate) undelivered_since: Option<Timestamp>,
    pub(crate) warned_at: Option<Timestamp>,
    pub(crate) last_key: Option<KeyId>,
    pub(crate) last_test: Option<LastTest>,
    pub(crate) options: StoredOptions,
    /// Up to when the attempts of a rate limit are used up.
    pub(crate) used_to: i64,
}

impl StoredWebhook {
    pub(crate) fn standing(&self) -> Standing {
        if self.deleted {
            Standing::Deleted
        } else {
            Standing::of(self.webhook.disabled)
        }
    }

    /// `None` for a deleted webhook, which has no secrets.
    pub(crate) fn endpoint(&self) -> Option<Endpoint> {
        Some(Endpoint {
            url: self.webhook.url.clone(),
            own_secrets: OwnSecrets {
                current: self.secret.clone()?,
                former: self.former.clone(),
            },
            last_key: self.last_key,
            headers: self.options.headers.clone().into(),
            rate_limit: self.options.rate_limit,
        })
    }

    pub(crate) fn scope(&self) -> Scope {
        (self.company, self.webhook.environment)
    }
}

#[derive(Debug)]
pub(crate) struct StoredEvent {
    pub(crate) event: NewEvent,
    pub(crate) deliveries: Vec<DeliveryId>,
}

impl StoredEvent {
    pub(crate) fn happened_at(&self) -> Timestamp {
        self.event.happened_at.unwrap_or(self.event.created_at)
    }
}

#[derive(Clone, Debug)]
pub(crate) struct StoredDelivery {
    pub(crate) webhook: WebhookId,
    pub(crate) event: EventId,
    pub(crate) company: CompanyId,
    pub(crate) test: bool,
    pub(crate) state: DeliveryState,
    pub(crate) on_hold: bool,
    pub(crate) lease: Option<AttemptId>,
    pub(crate) due_at: Option<Timestamp>,
    pub(crate) attempts: u32,
    pub(crate) replays: u32,
    pub(crate) replay: Option<Replay>,
    pub(crate) created_at: Timestamp,
    pub(crate) last: Option<LastAttempt>,
}

impl StoredDelivery {
    /// Where it waits.
    pub(crate) fn shelf(&self) -> Option<Shelf> {
        match self.state {
            _ if self.on_hold => Some(Shelf::OnHold),
            DeliveryState::Pending => Some(Shelf::Due),
            DeliveryState::Held => Some(Shelf::NoKey),
            _ => None,
        }
    }
}

/// A delivery's latest attempt.
#[derive(Clone, Debug)]
pub(crate) struct LastAttempt {
    pub(crate) at: Timestamp,
    pub(crate) outcome: AttemptOutcome,
    pub(crate) duration_ms: u64,
    pub(crate) signed_by: Option<KeyId>,
}

#[derive(Debug)]
pub(crate) struct StoredAttempt {
    pub(crate) attempt: FinishedAttempt,
    /// Among the scheduled attempts or among the replays.
    pub(crate) number: u32,
}

/// A delivery as it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeliveryNow {
    pub delivery: DeliveryId,
    pub webhook: WebhookId,
    pub event: EventId,
    pub state: DeliveryState,
    pub attempts: u32,
    pub due_at: Option<Timestamp>,
    pub lease: Option<AttemptId>,
}

impl Tables {
    /// Bytes that no other id has.
    pub(crate) fn unique(&mut self) -> [u8; 10] {
        self.last_number += 1;
        let bytes = self.last_number.to_be_bytes();
        std::array::from_fn(|at| bytes[6 + at])
    }

    pub(crate) fn next_seq(&mut self) -> i64 {
        self.last_seq += 1;
        self.last_seq
    }

    /// The webhook of this company, unless it is deleted.
    pub(crate) fn webhook_of(&mut self, company: CompanyId, id: WebhookId) -> Option<&mut StoredWebhook> {
        let found = self.webhooks.get_mut(&id)?;
        (found.company == company && !found.deleted).then_some(found)
    }

    pub(crate) fn delivery(&self, id: DeliveryId) -> Option<&StoredDelivery> {
        self.deliveries.get(&id)
    }

    pub(crate) fn deliveries(&self) -> impl DoubleEndedIterator<Item = (DeliveryId, &StoredDelivery)> {
        self.deliveries.iter().map(|(id, delivery)| (*id, delivery))
    }

    pub(crate) fn add_delivery(&mut self, id: DeliveryId, delivery: StoredDelivery) {
        if let Some(event) = self.events.get_mut(&delivery.event) {
            event.deliveries.push(id);
        }
        self.index(id, &delivery);
        self.deliveries.insert(id, delivery);
    }

    pub(crate) fn remove_delivery(&mut self, id: DeliveryId) {
        if let Some(delivery) = self.deliveries.remove(&id) {
            self.forget(id, &delivery);
        }
    }

    /// Every change of a delivery goes through here, so that the indexes agree with the rows.
    pub(crate) fn change_delivery<T>(
        &mut self,
        id: DeliveryId,
        change: impl FnOnce(&mut StoredDelivery) -> T,
    ) -> Option<T> {
        let mut delivery = self.deliveries.remove(&id)?;
        self.forget(id, &delivery);
        let result = change(&mut delivery);
        self.index(id, &delivery);
        self.deliveries.insert(id, delivery);
        Some(result)
    }

    fn index(&mut self, id: DeliveryId, delivery: &StoredDelivery) {
        match (delivery.shelf(), delivery.due_at) {
            (Some(Shelf::Due), Some(at)) => {
                self.waiting.entry(delivery.webhook).or_default().insert((at, id));
            }
            (Some(Shelf::NoKey), _) => {
                self.held.entry(delivery.webhook).or_default().insert(id);
            }
            _ => {}
        }
    }

    fn forget(&mut self, id: DeliveryId, delivery: &StoredDelivery) {
        if let Some(at) = delivery.due_at
            && let Some(of_webhook) = self.waiting.get_mut(&delivery.webhook)
        {
            of_webhook.remove(&(at, id));
            if of_webhook.is_empty() {
                self.waiting.remove(&delivery.webhook);
            }
        }
        if let Some(of_webhook) = self.held.get_mut(&delivery.webhook) {
            of_webhook.remove(&id);
            if of_webhook.is_empty() {
                self.held.remove(&delivery.webhook);
            }
        }
    }

    /// A webhook's pending deliveries, the one that is due first in front.
    pub(crate) fn waiting_of(&self, webhook: WebhookId) -> impl Iterator<Item = (Timestamp, DeliveryId)> {
        self.waiting.get(&webhook).into_iter().flatten().copied()
    }

    /// The webhooks with pending deliveries, and when the first of them is due.
    pub(crate) fn first_waiting(&self) -> impl Iterator<Item = (WebhookId, Timestamp)> {
        let first = |(webhook, waiting): (&WebhookId, &BTreeSet<(Timestamp, DeliveryId)>)| {
            Some((*webhook, waiting.first()?.0))
        };
        self.waiting.iter().filter_map(first)
    }

    pub(crate) fn held_of(&self, webhook: WebhookId) -> impl Iterator<Item = DeliveryId> {
        self.held.get(&webhook).into_iter().flatten().copied()
    }

    /// The webhooks with held deliveries.
    pub(crate) fn holding(&self) -> impl Iterator<Item = WebhookId> {
        self.held.keys().copied()
    }

    /// All webhooks of a scope, deleted ones too.
    pub(crate) fn all_of(&self, scope: Scope) -> Vec<WebhookId> {
        let webhooks = self.webhooks.iter();
        webhooks
            .filter(|(_, stored)| stored.scope() == scope)
            .map(|(id, _)| *id)
            .collect()
    }

    /// The company and its brands; of a brand, only itself.
    pub(crate) fn is_or_is_brand_of(&self, company: CompanyId, parent: CompanyId) -> bool {
        company == parent
            || self
                .companies
                .get(&company)
                .is_some_and(|company| company.parent == Some(parent))
    }

    /// What a page shows of a delivery.
    pub(crate) fn row(&self, id: DeliveryId) -> Result<DeliveryRow, StorageFailure> {
        let delivery = self.delivery(id).ok_or("there is no such delivery")?;
        let webhook = self.webhooks.get(&delivery.webhook).ok_or("it has no webhook")?;
        let event = self.events.get(&delivery.event).ok_or("it has no event")?;
        let under_way = delivery.lease.is_some();
        let Outlook {
            next_attempt_at,
            webhook_is_off,
        } = decide::outlook(
            webhook.standing(),
            delivery.state,
            under_way,
            delivery.on_hold,
            delivery.due_at,
        );
        let (last_status, last_failure) = match delivery.last.as_ref().map(|last| &last.outcome) {
            Some(AttemptOutcome::Succeeded { status }) => (Some(*status), None),
            Some(AttemptOutcome::Failed { class, status }) => (*status, Some(*class)),
            None => (None, None),
        };
        Ok(DeliveryRow {
            id,
            webhook_id: delivery.webhook,
            event_id: delivery.event,
            event_type: event.event.event_type.clone(),
            test: delivery.test,
            state: delivery.state,
            on_hold: delivery.on_hold,
            attempts: delivery.attempts,
            attempts_at_most: decide::attempts_at_most(delivery.test),
            replays: delivery.replays,
            next_attempt_at,
            webhook_is_off,
            created_at: delivery.created_at,
            last_status,
            last_failure,
            last_duration_ms: delivery.last.as_ref().map(|last| last.duration_ms),
        })
    }

    pub(crate) fn now_of(&self, id: DeliveryId) -> Option<DeliveryNow> {
        let delivery = self.delivery(id)?;
        Some(DeliveryNow {
            delivery: id,
            webhook: delivery.webhook,
            event: delivery.event,
            state: delivery.state,
            attempts: delivery.attempts,
            due_at: delivery.due_at,
            lease: delivery.lease,
        })
    }

    /// How many deliveries are pending or held, by webhook.
    pub(crate) fn open(&self) -> BTreeMap<WebhookId, usize> {
        let mut open = BTreeMap::new();
        let waiting = self.waiting.iter().map(|(webhook, all)| (webhook, all.len()));
        for (webhook, count) in waiting.chain(self.held.iter().map(|(webhook, all)| (webhook, all.len()))) {
            *open.entry(*webhook).or_insert(0) += count;
        }
        open
    }
}
