//! What the pages and the public API's history show: webhooks with counts, deliveries with every attempt, and the
//! diagnosis.

use model::{
    CompanyId, Delivery, DeliveryCursor, DeliveryFilter, DeliveryId, Environment, EventId, RequestDelivery,
    RequestId, SigningKey, WebhookDetail, WebhookHealth, WebhookId, WebhookRow,
};

use crate::storage::{DeliveryList, EventRecord, HistoryFilter, HistoryRow, WebhookFacts};
use crate::{Webhooks, WebhooksError, evidence, health, signing};

/// The deliveries on a webhook's page; the list of all is a page of its own.
const DELIVERIES_SHOWN: u32 = 10;
/// The most deliveries of one event in the operator API.
const DELIVERIES_OF_EVENT: u32 = 1_000;
const DAY_SECONDS: i64 = 24 * 3600;

/// An attempt in the public API's history, with the payload that was sent.
#[derive(Clone, Debug)]
pub struct HistoryEntry {
    pub row: HistoryRow,
    /// JSON.
    pub payload: String,
}

impl Webhooks {
    /// A company's webhooks in all environments. Failing ones come first, then by name.
    pub async fn list(&self, company: CompanyId) -> Result<Vec<WebhookRow>, WebhooksError> {
        let mut rows: Vec<WebhookRow> = self.facts(company, None).await?.iter().map(health::row).collect();
        rows.sort_by_cached_key(|row| {
            let failing = matches!(row.health, WebhookHealth::Failing { .. });
            (!failing, row.webhook.name.to_lowercase(), row.webhook.id)
        });
        Ok(rows)
    }

    /// An event of any company with its deliveries, for the operator.
    pub async fn event(&self, id: EventId) -> Result<Option<EventRecord>, WebhooksError> {
        let operator = &self.parts().store.operator;
        Ok(operator.event(id, DELIVERIES_OF_EVENT).await?)
    }

    /// Everything on a webhook's page.
    pub async fn detail(
        &self,
        company: CompanyId,
        webhook: WebhookId,
    ) -> Result<WebhookDetail, WebhooksError> {
        let store = &self.parts().store.pages;
        let facts = self.facts_of(company, webhook).await?;
        let diagnosis = match facts.failing_since {
            Some(since) => {
                let failures = store.failures(company, webhook, since).await?;
                health::diagnosis(since, &failures, facts.webhook.enabled)
            }
            None => String::new(),
        };
        let latest = DeliveryList {
            company,
            webhook,
            filter: &DeliveryFilter::default(),
        };
        let deliveries = store
            .deliveries(latest, DeliveryCursor::Newest, DELIVERIES_SHOWN)
            .await?;
        let signing_key = self.signing_key(company, &facts).await?;
        let options = self.parts().store.options.options(company, webhook).await?;
        Ok(WebhookDetail {
            row: health::row(&facts),
            signing_key,
            former_secret_until: facts
                .former_secret_until
                .filter(|until| *until > self.parts().clock.now()),
            options: options.unwrap_or_default(),
            diagnosis,
            deliveries,
        })
    }

    /// One delivery with its body and every attempt.
    pub async fn delivery(&self, company: CompanyId, id: DeliveryId) -> Result<Delivery, WebhooksError> {
        let stored = self
            .parts()
            .store
            .pages
            .delivery(company, id)
            .await?
            .ok_or(WebhooksError::NotFound)?;
        let mut attempts = stored.attempts;
        for attempt in &mut attempts {
            let place = self.evidence_place(company, stored.environment, attempt.id);
            evidence::open(&mut attempt.hops, &self.parts().master_key, &place);
        }
        let place = self.body_place(company, stored.environment, stored.row.event_id);
        Ok(Delivery {
            body: self.open_body(&place, &stored.body)?,
            row: stored.row,
            webhook_name: stored.webhook_name,
            environment: stored.environment,
            event_created_at: stored.event_created_at,
            request_id: stored.request_id,
            attempts,
        })
    }

    /// Events of the company and its brands with this request id, oldest first, whether or not any webhook subscribes to
    /// them.
    pub async fn events_of_request(
        &self,
        company: CompanyId,
        request: RequestId,
    ) -> Result<Vec<EventId>, WebhooksError> {
        Ok(self
            .parts()
            .store
            .pages
            .events_of_request(company, request)
            .await?)
    }

    /// Deliveries of the events with this request id, the company's and its brands', newest first.
    pub async fn deliveries_of_request(
        &self,
        company: CompanyId,
        request: RequestId,
    ) -> Result<Vec<RequestDelivery>, WebhooksError> {
        Ok(self
            .parts()
            .store
            .pages
            .deliveries_of_request(company, request)
            .await?)
    }

    /// The attempts of one environment, newest first (contract section 4.8).
    pub async fn history(
        &self,
        company: CompanyId,
        environment: Environment,
        filter: HistoryFilter,
    ) -> Result<Vec<HistoryEntry>, WebhooksError> {
        let rows = self
            .parts()
            .store
            .history
            .history(company, environment, filter)
            .await?;
        rows.into_iter()
            .map(|row| {
                let payload =
                    self.open_body(&self.body_place(company, environment, row.event_id), &row.body)?;
                Ok(HistoryEntry { row, payload })
            })
            .collect()
    }

    pub(crate) async fn facts_of(
        &self,
        company: CompanyId,
        webhook: WebhookId,
    ) -> Result<WebhookFacts, WebhooksError> {
        let mut found = self.facts(company, Some(webhook)).await?;
        found.pop().ok_or(WebhooksError::NotFound)
    }

    async fn facts(
        &self,
        company: CompanyId,
        only: Option<WebhookId>,
    ) -> Result<Vec<WebhookFacts>, WebhooksError> {
        let parts = self.parts();
        let since = parts.clock.now().minus_seconds(DAY_SECONDS);
        Ok(parts.store.pages.facts(company, only, since).await?)
    }

    async fn signing_key(
        &self,
        company: CompanyId,
        facts: &WebhookFacts,
    ) -> Result<Option<SigningKey>, WebhooksError> {
        let secrets = self
            .parts()
            .signing
            .signing_secrets(company, facts.webhook.environment)
            .await;
        let secrets = secrets.map_err(WebhooksError::SigningSecrets)?;
        let active_keys = secrets.len();
        Ok(
            signing::choose(secrets, facts.last_key, None).map(|plan| SigningKey {
                key_id: plan.first.key_id,
                last_succeeded: facts.last_key == Some(plan.first.key_id),
                last_four: plan.first.last_four,
                active_keys,
            }),
        )
    }
}
