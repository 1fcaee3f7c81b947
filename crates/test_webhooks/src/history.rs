//! The public API's history, and what the operator asks about any company.

use async_trait::async_trait;
use model::{AttemptOutcome, CompanyId, Environment, EventId, Timestamp};
use webhooks::decide::Shelf;
use webhooks::{
    Backlog, EventDelivery, EventRecord, HistoryFilter, HistoryPage, HistoryRow, HistoryStore, OperatorStore,
    StorageFailure,
};

use crate::MemoryWebhooks;
use crate::tables::StoredAttempt;

#[async_trait]
impl HistoryStore for MemoryWebhooks {
    async fn history(
        &self,
        company: CompanyId,
        environment: Environment,
        filter: HistoryFilter,
    ) -> Result<Vec<HistoryRow>, StorageFailure> {
        let tables = self.lock();
        let matches = |stored: &StoredAttempt| {
            let (attempt, claimed) = (&stored.attempt, &stored.attempt.claimed);
            claimed.company == company
                && claimed.environment == environment
                && attempt.ended_at >= filter.from
                && filter.to.is_none_or(|to| attempt.ended_at <= to)
                && filter
                    .event_type
                    .as_ref()
                    .is_none_or(|wanted| claimed.event_type == *wanted)
                && filter
                    .status
                    .is_none_or(|status| status_of(&attempt.outcome) == Some(status))
        };
        let on_page = |seq: i64| match filter.page {
            HistoryPage::Newest => true,
            HistoryPage::Before(edge) => seq < edge,
            HistoryPage::After(edge) => seq > edge,
        };
        let found = tables
            .attempts
            .iter()
            .filter(|(seq, stored)| on_page(**seq) && matches(stored));
        let size = usize::try_from(filter.size).unwrap_or(usize::MAX);
        let mut page: Vec<(&i64, &StoredAttempt)> = if matches!(filter.page, HistoryPage::After(_)) {
            found.take(size).collect()
        } else {
            found.rev().take(size).collect()
        };
        page.sort_by_key(|(seq, _)| std::cmp::Reverse(**seq));
        let row = |(seq, stored): (&i64, &StoredAttempt)| {
            let claimed = &stored.attempt.claimed;
            let event = tables.events.get(&claimed.event)?;
            Some(HistoryRow {
                seq: *seq,
                event_id: claimed.event,
                event_type: claimed.event_type.clone(),
                event_created_at: event.happened_at(),
                outcome: stored.attempt.outcome.clone(),
                url: claimed.endpoint.url.clone(),
                body: (*event.event.body).clone(),
            })
        };
        Ok(page.into_iter().filter_map(row).collect())
    }
}

const fn status_of(outcome: &AttemptOutcome) -> Option<u16> {
    match outcome {
        AttemptOutcome::Succeeded { status } => Some(*status),
        AttemptOutcome::Failed { status, .. } => *status,
    }
}

#[async_trait]
impl OperatorStore for MemoryWebhooks {
    async fn backlog(&self, now: Timestamp) -> Result<Backlog, StorageFailure> {
        let tables = self.lock();
        let mut backlog = Backlog::default();
        for (_, delivery) in tables.deliveries() {
            let enabled = tables
                .webhooks
                .get(&delivery.webhook)
                .is_some_and(|stored| stored.webhook.enabled);
            let due = delivery.due_at.is_some_and(|at| at <= now);
            let count = match delivery.shelf() {
                None => continue,
                Some(Shelf::OnHold) => &mut backlog.on_hold,
                Some(Shelf::NoKey) => &mut backlog.no_key,
                Some(Shelf::Due) if delivery.lease.is_some() && !due => &mut backlog.under_way,
                Some(Shelf::Due) if !enabled => &mut backlog.webhook_off,
                Some(Shelf::Due) if due => &mut backlog.due,
                Some(Shelf::Due) => &mut backlog.scheduled,
            };
            *count += 1;
        }
        Ok(backlog)
    }

    async fn event(&self, id: EventId, deliveries: u32) -> Result<Option<EventRecord>, StorageFailure> {
        let tables = self.lock();
        let Some(stored) = tables.events.get(&id) else {
            return Ok(None);
        };
        let mut ids = stored.deliveries.clone();
        ids.sort_unstable();
        let mut rows = Vec::new();
        for delivery in ids
            .into_iter()
            .take(usize::try_from(deliveries).unwrap_or(usize::MAX))
        {
            let row = tables.row(delivery)?;
            let webhook = tables.webhooks.get(&row.webhook_id).ok_or("it has no webhook")?;
            rows.push(EventDelivery {
                row,
                webhook_name: webhook.webhook.name.clone(),
                url: webhook.webhook.url.clone(),
            });
        }
        let event = &stored.event;
        Ok(Some(EventRecord {
            id,
            company: event.company,
            environment: event.environment,
            event_type: event.event_type.clone(),
            accepted_at: event.created_at,
            happened_at: stored.happened_at(),
            published_by: Some(event.published_by.name.clone()),
            request_id: event.request_id,
            deliveries: rows,
        }))
    }
}
