//! Creates, changes and deletes webhooks, reads their configuration, and rotates their own secrets.

use async_trait::async_trait;
use model::{AuditEntry, CompanyId, DeliveryId, DeliveryState, Environment, Timestamp, Webhook, WebhookId};
use vault::Sealed;
use webhooks::decide::{self, StoredOptions, Waiting};
use webhooks::{
    ConfigStore, FormerSecret, NewWebhook, OwnSecretStore, Replay, Standing, StorageFailure, WebhookChange,
    Written,
};

use crate::MemoryWebhooks;
use crate::tables::{Scope, StoredWebhook, Tables};

#[async_trait]
impl ConfigStore for MemoryWebhooks {
    async fn create(&self, new: NewWebhook, audit: AuditEntry) -> Result<Written<()>, StorageFailure> {
        let mut tables = self.lock();
        let (id, scope) = (new.webhook.id, (new.company, new.webhook.environment));
        if holder(&tables, scope, &new.normal_url).is_some() {
            return Ok(Written::UrlTaken);
        }
        let stored = StoredWebhook {
            company: new.company,
            webhook: new.webhook,
            normal_url: new.normal_url,
            deleted: false,
            secret: Some(new.secret),
            former: None,
            failing_since: None,
            undelivered_since: None,
            warned_at: None,
            last_key: None,
            last_test: None,
            options: StoredOptions::default(),
            used_to: 0,
        };
        tables.webhooks.insert(id, stored);
        tables.of_scope.entry(scope).or_default().insert(id);
        tables.audit.push(audit);
        Ok(Written::Done(()))
    }

    async fn change(
        &self,
        company: CompanyId,
        id: WebhookId,
        change: WebhookChange,
        audit: AuditEntry,
    ) -> Result<Written<Webhook>, StorageFailure> {
        let mut tables = self.lock();
        let Some(stored) = tables.webhook_of(company, id) else {
            return Ok(Written::NotFound);
        };
        let scope = stored.scope();
        let changed = decide::changed(stored.webhook.clone(), change, &audit.actor.name, audit.at);
        if let Some(url) = &changed.normal_url
            && holder(&tables, scope, url).is_some_and(|holder| holder != id)
        {
            return Ok(Written::UrlTaken);
        }
        if let Some(stored) = tables.webhook_of(company, id) {
            stored.webhook = changed.webhook.clone();
            if let Some(url) = changed.normal_url {
                stored.normal_url = url;
            }
            if changed.forgets_headers {
                stored.options.headers.clear();
            }
            if changed.forgets_failures {
                (stored.failing_since, stored.warned_at) = (None, None);
            }
        }
        settle_waiting(&mut tables, id, changed.waiting);
        tables.audit.push(audit);
        Ok(Written::Done(changed.webhook))
    }

    async fn delete(
        &self,
        company: CompanyId,
        id: WebhookId,
        audit: AuditEntry,
    ) -> Result<bool, StorageFailure> {
        let mut tables = self.lock();
        let Some(stored) = tables.webhook_of(company, id) else {
            return Ok(false);
        };
        (stored.deleted, stored.secret, stored.former) = (true, None, None);
        stored.options.headers.clear();
        let scope = stored.scope();
        if let Some(of_scope) = tables.of_scope.get_mut(&scope) {
            of_scope.remove(&id);
        }
        settle_waiting(&mut tables, id, Waiting::of(Standing::Deleted, false));
        tables.audit.push(audit);
        Ok(true)
    }

    async fn webhook(&self, company: CompanyId, id: WebhookId) -> Result<Option<Webhook>, StorageFailure> {
        let mut tables = self.lock();
        Ok(tables
            .webhook_of(company, id)
            .map(|stored| stored.webhook.clone()))
    }

    async fn webhooks(
        &self,
        company: CompanyId,
        environment: Environment,
    ) -> Result<Vec<Webhook>, StorageFailure> {
        let tables = self.lock();
        let of_scope = tables.of_scope.get(&(company, environment)).into_iter().flatten();
        let mut found: Vec<Webhook> = of_scope
            .filter_map(|id| tables.webhooks.get(id))
            .map(|stored| stored.webhook.clone())
            .collect();
        found.sort_by_key(|webhook| (webhook.created_at, webhook.id));
        Ok(found)
    }

    async fn url_taken(
        &self,
        company: CompanyId,
        environment: Environment,
        normal_url: &str,
        except: Option<WebhookId>,
    ) -> Result<bool, StorageFailure> {
        let holder = holder(&self.lock(), (company, environment), normal_url);
        Ok(holder.is_some() && holder != except)
    }
}

/// The webhook of this scope that has the URL.
fn holder(tables: &Tables, scope: Scope, normal_url: &str) -> Option<WebhookId> {
    let mut of_scope = tables.of_scope.get(&scope)?.iter().copied();
    of_scope.find(|id| {
        let stored = tables.webhooks.get(id);
        stored.is_some_and(|stored| stored.normal_url == normal_url)
    })
}

/// Applies the decision to all deliveries that wait for a webhook.
fn settle_waiting(tables: &mut Tables, webhook: WebhookId, waiting: Waiting) {
    let pending: Vec<DeliveryId> = tables.waiting_of(webhook).map(|(_, id)| id).collect();
    match waiting {
        Waiting::Stays => {}
        Waiting::GoesOut => {
            for id in pending {
                tables.change_delivery(id, |delivery| {
                    if delivery.lease.is_none() && delivery.replay.is_none() {
                        delivery.due_at = Some(delivery.created_at);
                    }
                });
            }
        }
        Waiting::Ends => {
            let held: Vec<DeliveryId> = tables.held_of(webhook).collect();
            let on_hold = tables
                .deliveries()
                .filter(|(_, one)| one.webhook == webhook && one.on_hold);
            let on_hold: Vec<DeliveryId> = on_hold.map(|(id, _)| id).collect();
            for id in pending.into_iter().chain(held).chain(on_hold) {
                tables.change_delivery(id, |delivery| {
                    delivery.on_hold = false;
                    let tried = delivery.attempts + delivery.replays > 0;
                    delivery.state = ends_as(delivery.replay, tried);
                    (delivery.due_at, delivery.lease, delivery.replay) = (None, None, None);
                });
            }
        }
    }
}

fn ends_as(replay: Option<Replay>, tried: bool) -> DeliveryState {
    decide::ends_as(replay.map(|replay| replay.from), tried)
}

#[async_trait]
impl OwnSecretStore for MemoryWebhooks {
    async fn own_secret(
        &self,
        company: CompanyId,
        id: WebhookId,
        audit: AuditEntry,
    ) -> Result<Option<Sealed>, StorageFailure> {
        let mut tables = self.lock();
        let secret = tables
            .webhook_of(company, id)
            .and_then(|stored| stored.secret.clone());
        if secret.is_some() {
            tables.audit.push(audit);
        }
        Ok(secret)
    }

    async fn rotate_secret(
        &self,
        company: CompanyId,
        id: WebhookId,
        new: Sealed,
        until: Timestamp,
        audit: AuditEntry,
    ) -> Result<bool, StorageFailure> {
        let mut tables = self.lock();
        let Some(stored) = tables.webhook_of(company, id) else {
            return Ok(false);
        };
        let former = stored.secret.replace(new);
        stored.former = former.map(|sealed| FormerSecret { sealed, until });
        tables.audit.push(audit);
        Ok(true)
    }
}
