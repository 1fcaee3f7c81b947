//! Publishes events. An event and its deliveries are written in one transaction before anyone is told that the event
//! was accepted (invariant 6). Test events and replays are here too, because they make deliveries due in the same way.

use std::sync::Arc;

use model::{
    Actor, AuditAction, CompanyId, DeliveryId, Environment, EventId, EventType, RequestId, Timestamp,
    WebhookId,
};
use sha2::{Digest, Sha256};

use crate::decide::ReplayRefused;
use crate::storage::{Idempotency, NewEvent, NewTest, PublishedEvent, Replayed, Tested};
use crate::{PublishError, Webhooks, WebhooksError, draft, event_body};

/// How far a publisher's clock may be ahead.
const MOST_AHEAD_SECONDS: i64 = 300;

/// An event to publish.
#[derive(Clone, Debug)]
pub struct Publication<'a> {
    pub company: CompanyId,
    pub environment: Environment,
    pub event_type: EventType,
    /// A JSON object as sent.
    pub payload: &'a str,
    /// When it happened. Otherwise it is the time at which it is accepted.
    pub happened_at: Option<Timestamp>,
    /// The request that caused it.
    pub request_id: Option<RequestId>,
    pub idempotency_key: Option<&'a str>,
}

/// The result of a publication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    pub event: EventId,
    /// How many webhooks subscribe to it, including paused and disabled ones.
    pub deliveries: u64,
}

impl Webhooks {
    /// Returns once the event and its deliveries are committed. A repeat of the same request with the same idempotency
    /// key gets the first response again and publishes nothing.
    pub async fn publish(
        &self,
        publication: Publication<'_>,
        actor: &Actor,
    ) -> Result<Published, PublishError> {
        let idempotency = idempotency(&publication)?;
        let Publication {
            company,
            environment,
            event_type,
            payload,
            happened_at,
            request_id,
            ..
        } = publication;
        let known = self.event_types();
        if known.offered(&event_type).is_none() {
            return Err(PublishError::UnknownEventType);
        }
        self.pressure()
            .admit(company)
            .await
            .map_err(|_| PublishError::Behind)?;
        let parts = self.parts();
        let now = parts.clock.now();
        let id = EventId::time_ordered(now, vault::random());
        if happened_at.is_some_and(|at| at > now.plus_seconds(MOST_AHEAD_SECONDS)) {
            return Err(PublishError::InTheFuture);
        }
        let body = event_body::build(id, &event_type, happened_at.unwrap_or(now), payload)?;
        self.payloads()
            .check(parts.payload_check, &known, (id, &event_type), payload, now)
            .await
            .map_err(PublishError::PayloadInvalid)?;
        let body = parts
            .master_key
            .seal(&self.body_place(company, environment, id), &body);
        let event = NewEvent {
            id,
            company,
            environment,
            event_type,
            created_at: now,
            happened_at,
            request_id,
            body: Arc::new(body),
            idempotency,
            published_by: actor.clone(),
        };
        match self.store_event(event).await? {
            PublishedEvent::Stored { deliveries, .. } => {
                self.tell(company);
                Ok(Published {
                    event: id,
                    deliveries,
                })
            }
            PublishedEvent::Before { event, deliveries } => Ok(Published { event, deliveries }),
            PublishedEvent::Conflict => Err(PublishError::IdempotencyConflict),
        }
    }

    /// Sends an example of `event_type` to one webhook: a single attempt, marked as a test, not retried and left out of
    /// the statistics. The webhook must be enabled but need not subscribe to the type,
    /// which the catalogue must offer.
    pub async fn send_test(
        &self,
        company: CompanyId,
        webhook: WebhookId,
        event_type: EventType,
        actor: &Actor,
    ) -> Result<DeliveryId, WebhooksError> {
        let target = self.webhook(company, None, webhook).await?;
        let (parts, environment) = (self.parts(), target.environment);
        let now = parts.clock.now();
        let id = EventId::time_ordered(now, vault::random());
        let known = self.event_types();
        let Some(entry) = known.offered(&event_type) else {
            let fault = draft::not_a_choice("event_type", event_type.as_str());
            return Err(WebhooksError::Invalid(vec![fault]));
        };
        let body = event_body::build(id, &event_type, now, &entry.sample).map_err(|error| {
            tracing::error!(%error, %event_type, "could not publish the sample of an event type");
            WebhooksError::Seal
        })?;
        let body = parts
            .master_key
            .seal(&self.body_place(company, environment, id), &body);
        let audit = self.audit(
            company,
            actor,
            AuditAction::WebhookTested,
            webhook,
            format!("{event_type} to {}", target.name),
        );
        let event = NewEvent {
            id,
            company,
            environment,
            event_type,
            created_at: now,
            happened_at: None,
            request_id: None,
            body: Arc::new(body),
            idempotency: None,
            published_by: actor.clone(),
        };
        let delivery = DeliveryId::time_ordered(now, vault::random());
        let test = NewTest {
            event,
            webhook,
            delivery,
            audit,
        };
        match parts.store.publish.send_test(test).await? {
            Tested::Due => {}
            Tested::NotFound => return Err(WebhooksError::NotFound),
            Tested::WebhookOff => {
                return Err(WebhooksError::Conflict(ReplayRefused::WebhookOff.sentence()));
            }
        }
        self.bell().ring(company, [webhook], Vec::new());
        self.tell(company);
        Ok(delivery)
    }

    /// Tries a delivery once more, at once and with the same `webhook_id`. This uses up no scheduled attempt. If it
    /// fails, a waiting delivery keeps its due time, and one that has ended keeps its state.
    pub async fn replay(
        &self,
        company: CompanyId,
        delivery: DeliveryId,
        actor: &Actor,
    ) -> Result<(), WebhooksError> {
        let now: Timestamp = self.parts().clock.now();
        let audit = self.audit(
            company,
            actor,
            AuditAction::DeliveryReplayed,
            delivery,
            "Replay".to_owned(),
        );
        match self
            .parts()
            .store
            .publish
            .replay(company, delivery, now, audit)
            .await?
        {
            Replayed::Due(webhook) => {
                self.bell().ring(company, [webhook], Vec::new());
                self.tell(company);
                Ok(())
            }
            Replayed::NotFound => Err(WebhooksError::NotFound),
            Replayed::Refused(refused) => Err(WebhooksError::Conflict(refused.sentence())),
        }
    }
}

/// The checked key, with a hash of everything the response depends on. Each part is prefixed with its length, so that
/// different requests cannot produce the same hash input.
fn idempotency(publication: &Publication<'_>) -> Result<Option<Idempotency>, PublishError> {
    let Some(key) = publication.idempotency_key else {
        return Ok(None);
    };
    if key.is_empty() || key.len() > 255 || !key.bytes().all(|byte| (b'!'..=b'~').contains(&byte)) {
        return Err(PublishError::InvalidIdempotencyKey);
    }
    let request_id = publication
        .request_id
        .map(|id| id.to_string())
        .unwrap_or_default();
    let company = publication.company.to_string();
    let happened_at = publication
        .happened_at
        .map(|at| at.to_rfc3339())
        .unwrap_or_default();
    let mut parts = vec![
        company.as_str(),
        publication.environment.as_str(),
        publication.event_type.as_str(),
        request_id.as_str(),
        publication.payload,
    ];
    if !happened_at.is_empty() {
        // Only then, so that a key of an earlier version still matches its request.
        parts.push(&happened_at);
    }
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    Ok(Some(Idempotency {
        key: key.to_owned(),
        request_hash: hash.finalize().into(),
    }))
}
