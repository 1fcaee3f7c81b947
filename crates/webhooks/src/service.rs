//! What people and programs do with webhooks. The page's port, the public API and the operator API call [`Webhooks`].
//! [`crate::Worker`] delivers what it makes due.

use std::sync::Arc;
use std::time::Duration;

use clock::Clock;
use live::{Bus, Topic};
use model::{
    Actor, AttemptId, AuditAction, AuditEntry, AuditId, CompanyId, DeliveryHeaders, Environment, EventId,
    InvalidWebhook, Timestamp, Webhook, WebhookDraft, WebhookEvents, WebhookId,
};
use redact::Names;
use tokio::sync::Mutex;
use tokio::time::Instant;
use vault::{InstallId, MasterKey, SealPlace, SealPurpose, Sealed};

use crate::counts::{AttemptCounts, Counts};
use crate::doorbell::Doorbell;
use crate::event_types::{KnownTypes, PayloadCheck, PayloadCounts, Payloads};
use crate::pressure::Pressure;
use crate::publishing::Publishing;
use crate::storage::{Backlog, ChangedUrl, NewWebhook, WebhookChange, Written};
use crate::{
    EventTypes, Policy, Resolver, SentHeaders, SigningSecrets, Stores, WebhooksError, draft, own_secret,
};

/// How often the backlog is counted at most. It reads every delivery that waits.
const COUNT_EVERY: Duration = Duration::from_secs(1);

/// The webhooks of one installation. Cheap to clone.
#[derive(Clone)]
pub struct Webhooks(Arc<Inner>);

struct Inner {
    parts: Parts,
    bell: Doorbell,
    publishing: Publishing,
    pressure: Pressure,
    payloads: Payloads,
    counts: Counts,
    backlog: Mutex<Option<(Instant, Backlog)>>,
}

/// The components that [`Webhooks`] and [`crate::Worker`] use.
pub struct Parts {
    pub store: Stores,
    /// Seals event bodies and the webhooks' own secrets.
    pub master_key: Arc<MasterKey>,
    pub install: InstallId,
    pub signing: Arc<dyn SigningSecrets>,
    pub policy: Policy,
    pub resolver: Arc<dyn Resolver>,
    /// The User-Agent and the name of the signature header on every delivery.
    pub headers: SentHeaders,
    pub bus: Bus,
    /// The names whose values are redacted in receivers' responses.
    pub names: Arc<Names>,
    pub event_types: EventTypes,
    /// What publishing does with a payload that the schema of its type does not allow.
    pub payload_check: PayloadCheck,
    pub clock: Clock,
}

/// A program's change to some fields. Fields that are `None` keep their values.
#[derive(Clone, Debug, Default)]
pub struct WebhookPatch {
    pub name: Option<String>,
    pub url: Option<String>,
    pub events: Option<WebhookEvents>,
    pub enabled: Option<bool>,
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts")
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Webhooks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Webhooks").field(&self.0.parts).finish()
    }
}

impl Webhooks {
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(Inner {
            parts,
            bell: Doorbell::default(),
            publishing: Publishing::default(),
            pressure: Pressure::default(),
            payloads: Payloads::default(),
            counts: Counts::default(),
            backlog: Mutex::default(),
        }))
    }

    /// Every error that [`Webhooks::create`] would return, or, with `editing`, a change of that webhook. Resolves the
    /// name in the URL, for two seconds at most.
    pub async fn check(
        &self,
        company: CompanyId,
        draft: &WebhookDraft,
        editing: Option<WebhookId>,
    ) -> Result<Vec<InvalidWebhook>, WebhooksError> {
        let fields = WebhookPatch {
            name: Some(draft.name.clone()),
            url: Some(draft.url.clone()),
            events: Some(draft.events.clone()),
            enabled: None,
        };
        self.faults(company, Some(draft.environment), &fields, editing)
            .await
    }

    /// Every error in these fields. Also checks whether another webhook of `environment` has the URL.
    pub async fn faults(
        &self,
        company: CompanyId,
        environment: Option<Environment>,
        fields: &WebhookPatch,
        editing: Option<WebhookId>,
    ) -> Result<Vec<InvalidWebhook>, WebhooksError> {
        let parts = self.parts();
        let mut faults = Vec::new();
        faults.extend(fields.name.as_deref().and_then(|name| draft::name(name).err()));
        if let Some(given) = fields.url.as_deref() {
            match (
                draft::url(company, given.trim(), &parts.policy, parts.resolver.as_ref()).await,
                environment,
            ) {
                (Err(fault), _) => faults.push(fault),
                (Ok(target), Some(environment))
                    if parts
                        .store
                        .config
                        .url_taken(company, environment, target.as_str(), editing)
                        .await? =>
                {
                    faults.push(draft::url_taken(environment));
                }
                (Ok(_), _) => {}
            }
        }
        if let Some(events) = fields.events.clone() {
            let before = match editing {
                Some(id) => parts.store.config.webhook(company, id).await?,
                None => None,
            };
            let before = before.as_ref().map(|webhook| &webhook.events);
            let refused = draft::events(events, &self.event_types(), before).err();
            faults.extend(refused.into_iter().flatten());
        }
        Ok(faults)
    }

    /// Creates a webhook with its own secret for the Standard Webhooks headers. [`WebhooksError::Invalid`] lists every
    /// error in the draft.
    pub async fn create(
        &self,
        company: CompanyId,
        draft: &WebhookDraft,
        actor: &Actor,
    ) -> Result<Webhook, WebhooksError> {
        let checked = self
            .checked(company, draft)
            .await
            .map_err(WebhooksError::Invalid)?;
        let parts = self.parts();
        let now = parts.clock.now();
        let webhook = Webhook {
            id: WebhookId::time_ordered(now, vault::random()),
            name: checked.name,
            url: checked.url,
            environment: checked.environment,
            events: checked.events,
            enabled: checked.enabled,
            disabled: (!checked.enabled).then_some(model::DisabledReason::ByHand),
            paused_by: (!checked.enabled).then(|| actor.name.clone()),
            created_at: now,
            updated_at: now,
        };
        let place = self.secret_place(company, checked.environment, webhook.id);
        let secret = parts.master_key.seal(&place, &own_secret::generate());
        let audit = self.audit(
            company,
            actor,
            AuditAction::WebhookCreated,
            webhook.id,
            describe(&webhook),
        );
        let new = NewWebhook {
            company,
            webhook: webhook.clone(),
            normal_url: checked.target.as_str().to_owned(),
            secret,
        };
        let written = parts.store.config.create(new, audit).await?;
        self.written(company, checked.environment, written)?;
        Ok(webhook)
    }

    /// Changes the fields in the patch. A caller that acts in a single environment passes it as `environment`, and
    /// webhooks of other environments are not found.
    pub async fn patch(
        &self,
        company: CompanyId,
        environment: Option<Environment>,
        id: WebhookId,
        patch: WebhookPatch,
        actor: &Actor,
    ) -> Result<Webhook, WebhooksError> {
        let before = self.webhook(company, environment, id).await?;
        let change = self
            .checked_patch(company, &before.events, patch)
            .await
            .map_err(WebhooksError::Invalid)?;
        let audit = self.audit(
            company,
            actor,
            AuditAction::WebhookChanged,
            id,
            describe_change(&before, &change),
        );
        let written = self
            .parts()
            .store
            .config
            .change(company, id, change, audit)
            .await?;
        let after = self.written(company, before.environment, written)?;
        self.bell().changed(id);
        if after.enabled {
            // Deliveries that waited while the webhook was disabled are now due.
            self.bell().ring(company, [id], Vec::new());
        }
        Ok(after)
    }

    /// Replaces all fields of the form. The environment cannot change.
    pub async fn change(
        &self,
        company: CompanyId,
        id: WebhookId,
        draft: WebhookDraft,
        actor: &Actor,
    ) -> Result<Webhook, WebhooksError> {
        let before = self.webhook(company, None, id).await?;
        if draft.environment != before.environment {
            let fault = draft::fault(
                "env_type",
                "The environment of a webhook cannot be changed; create another one.",
            );
            return Err(WebhooksError::Invalid(vec![fault]));
        }
        let WebhookDraft {
            name,
            url,
            events,
            // The form does not show this field. Its value is from when the page was opened and may be out of date.
            enabled: _,
            environment: _,
        } = draft;
        let patch = WebhookPatch {
            name: Some(name),
            url: Some(url),
            events: Some(events),
            enabled: None,
        };
        self.patch(company, None, id, patch, actor).await
    }

    /// Nothing more is sent to it. Its history stays.
    pub async fn delete(
        &self,
        company: CompanyId,
        environment: Option<Environment>,
        id: WebhookId,
        actor: &Actor,
    ) -> Result<(), WebhooksError> {
        let webhook = self.webhook(company, environment, id).await?;
        let audit = self.audit(
            company,
            actor,
            AuditAction::WebhookDeleted,
            id,
            describe(&webhook),
        );
        if !self.parts().store.config.delete(company, id, audit).await? {
            return Err(WebhooksError::NotFound);
        }
        self.bell().changed(id);
        self.tell(company);
        Ok(())
    }

    /// One webhook. A caller that acts in a single environment passes it as `environment`.
    pub async fn webhook(
        &self,
        company: CompanyId,
        environment: Option<Environment>,
        id: WebhookId,
    ) -> Result<Webhook, WebhooksError> {
        let found = self.parts().store.config.webhook(company, id).await?;
        found
            .filter(|webhook| environment.is_none_or(|environment| environment == webhook.environment))
            .ok_or(WebhooksError::NotFound)
    }

    /// The webhooks of one environment, oldest first.
    pub async fn webhooks_in(
        &self,
        company: CompanyId,
        environment: Environment,
    ) -> Result<Vec<Webhook>, WebhooksError> {
        Ok(self.parts().store.config.webhooks(company, environment).await?)
    }

    /// Makes the deliveries due that the previous process was working on when it ended, instead of waiting for its
    /// leases to expire. Call it only before the worker starts and if no other process uses the same database. Returns
    /// how many there were.
    pub async fn take_over_alone(&self) -> Result<u64, WebhooksError> {
        Ok(self.parts().store.queue.forget_leases(self.now()).await?)
    }

    /// The User-Agent and the name of the signature header on every delivery.
    pub fn headers(&self) -> &DeliveryHeaders {
        self.parts().headers.shown()
    }

    /// The current time, by the clock that deliveries use.
    pub fn now(&self) -> Timestamp {
        self.parts().clock.now()
    }

    async fn checked(
        &self,
        company: CompanyId,
        draft: &WebhookDraft,
    ) -> Result<draft::CheckedDraft, Vec<InvalidWebhook>> {
        let parts = self.parts();
        let known = self.event_types();
        draft::check(company, draft, &known, &parts.policy, parts.resolver.as_ref()).await
    }

    /// Returns all errors at once.
    async fn checked_patch(
        &self,
        company: CompanyId,
        before: &WebhookEvents,
        patch: WebhookPatch,
    ) -> Result<WebhookChange, Vec<InvalidWebhook>> {
        let parts = self.parts();
        let name = patch.name.as_deref().map(draft::name).transpose();
        let events = patch
            .events
            .map(|events| draft::events(events, &self.event_types(), Some(before)))
            .transpose();
        let url = match patch.url.as_deref().map(str::trim) {
            None => Ok(None),
            Some(given) => draft::url(company, given, &parts.policy, parts.resolver.as_ref())
                .await
                .map(|target| {
                    Some(ChangedUrl {
                        given: given.to_owned(),
                        normal: target.as_str().to_owned(),
                    })
                }),
        };
        match (name, url, events) {
            (Ok(name), Ok(url), Ok(events)) => Ok(WebhookChange {
                name,
                url,
                events,
                enabled: patch.enabled,
            }),
            (name, url, events) => Err(draft::all_faults(name.err(), url.err(), events.err())),
        }
    }

    fn written<T>(
        &self,
        company: CompanyId,
        environment: Environment,
        written: Written<T>,
    ) -> Result<T, WebhooksError> {
        match written {
            Written::Done(value) => {
                self.tell(company);
                Ok(value)
            }
            Written::UrlTaken => Err(WebhooksError::Invalid(vec![draft::url_taken(environment)])),
            Written::NotFound => Err(WebhooksError::NotFound),
        }
    }

    /// The installation's event types as they are now.
    pub fn event_types(&self) -> Arc<KnownTypes> {
        self.parts().event_types.known()
    }

    pub(crate) fn parts(&self) -> &Parts {
        &self.0.parts
    }

    pub(crate) fn bell(&self) -> &Doorbell {
        &self.0.bell
    }

    pub(crate) fn pressure(&self) -> &Pressure {
        &self.0.pressure
    }

    pub(crate) fn payloads(&self) -> &Payloads {
        &self.0.payloads
    }

    /// How many payloads were checked since the process started.
    pub fn payload_counts(&self) -> PayloadCounts {
        self.payloads().counts()
    }

    pub(crate) fn counts(&self) -> &Counts {
        &self.0.counts
    }

    /// The attempts that this process has made.
    pub fn attempts(&self) -> AttemptCounts {
        self.0.counts.read()
    }

    /// For how long, in milliseconds, the oldest delivery that this process's worker could start has been due. 0 while
    /// none has waited for a second.
    pub fn oldest_startable_millis(&self) -> u64 {
        let waiting = self
            .pressure()
            .oldest()
            .map(|since| self.now().millis_since(since));
        waiting.and_then(|millis| u64::try_from(millis).ok()).unwrap_or(0)
    }

    /// How much waits, of all companies and nodes. Counts at most once a second, however many ask.
    pub async fn backlog(&self) -> Result<Backlog, WebhooksError> {
        let mut latest = self.0.backlog.lock().await;
        if let Some((counted_at, backlog)) = *latest
            && counted_at.elapsed() < COUNT_EVERY
        {
            return Ok(backlog);
        }
        let counted_at = Instant::now();
        let backlog = self.parts().store.operator.backlog(self.now()).await?;
        *latest = Some((counted_at, backlog));
        Ok(backlog)
    }

    pub(crate) fn publishing(&self) -> &Publishing {
        &self.0.publishing
    }

    /// Notifies the company's open pages.
    pub(crate) fn tell(&self, company: CompanyId) {
        self.parts().bus.publish(company, Topic::Webhooks);
    }

    pub(crate) fn audit(
        &self,
        company: CompanyId,
        actor: &Actor,
        action: AuditAction,
        subject: impl ToString,
        detail: String,
    ) -> AuditEntry {
        let at = self.parts().clock.now();
        let id = AuditId::time_ordered(at, vault::random());
        AuditEntry {
            id,
            at,
            company: Some(company),
            actor: actor.clone(),
            action,
            subject: subject.to_string(),
            detail,
        }
    }

    pub(crate) fn secret_place(
        &self,
        company: CompanyId,
        environment: Environment,
        webhook: WebhookId,
    ) -> SealPlace {
        let id = webhook.to_bytes();
        SealPlace {
            purpose: SealPurpose::WebhookSecret,
            install: self.parts().install,
            company,
            environment,
            id,
        }
    }

    pub(crate) fn evidence_place(
        &self,
        company: CompanyId,
        environment: Environment,
        attempt: AttemptId,
    ) -> SealPlace {
        SealPlace {
            purpose: SealPurpose::Evidence,
            install: self.parts().install,
            company,
            environment,
            id: attempt.to_bytes(),
        }
    }

    pub(crate) fn body_place(
        &self,
        company: CompanyId,
        environment: Environment,
        event: EventId,
    ) -> SealPlace {
        let id = event.to_bytes();
        SealPlace {
            purpose: SealPurpose::Event,
            install: self.parts().install,
            company,
            environment,
            id,
        }
    }

    /// The body of an event as text. It was text when it was sealed, so it is valid UTF-8.
    pub(crate) fn open_body(&self, place: &SealPlace, sealed: &Sealed) -> Result<String, WebhooksError> {
        let plain = self.parts().master_key.open(place, sealed).map_err(|error| {
            tracing::error!(%error, "could not unseal the body of an event");
            WebhooksError::Seal
        })?;
        String::from_utf8(plain.to_vec()).map_err(|_| WebhooksError::Seal)
    }
}

fn describe(webhook: &Webhook) -> String {
    format!(
        "{} in {}: {}",
        webhook.name,
        webhook.environment.label(),
        without_query(&webhook.url)
    )
}

/// Removes the query. Receivers are often identified by a token in it, and the audit trail must not keep a copy.
fn without_query(url: &str) -> &str {
    url.split_once('?').map_or(url, |(before, _)| before)
}

/// Describes for the audit trail what has changed.
fn describe_change(before: &Webhook, change: &WebhookChange) -> String {
    let mut parts = Vec::new();
    if let Some(name) = change.name.as_ref().filter(|name| **name != before.name) {
        parts.push(format!("name {name}"));
    }
    if let Some(url) = change.url.as_ref().filter(|url| url.given != before.url) {
        parts.push(format!("URL {}", without_query(&url.given)));
    }
    match change.events.as_ref().filter(|events| **events != before.events) {
        Some(WebhookEvents::All) => parts.push("all events".to_owned()),
        Some(WebhookEvents::Only(types)) => parts.push(format!("{} event types", types.len())),
        None => {}
    }
    match change.enabled.filter(|enabled| *enabled != before.enabled) {
        Some(true) => parts.push("enabled".to_owned()),
        Some(false) => parts.push("paused".to_owned()),
        None => {}
    }
    if parts.is_empty() {
        format!("{}: nothing changed", before.name)
    } else {
        format!("{}: {}", before.name, parts.join(", "))
    }
}
