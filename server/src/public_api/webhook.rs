//! `/v1/webhooks/`: list, create, retrieve, update, delete (contract section 4.3).

use bytes::Bytes;
use gateway::Caller;
use http::{Request, Response, StatusCode};
use model::{Environment, EventType, InvalidWebhook, Webhook, WebhookDraft, WebhookEvents, WebhookId};
use serde::Serialize;
use webhooks::event_types::KnownTypes;
use webhooks::{WebhookPatch, WebhooksError};

use super::body::WebhookBody;
use super::page::Query;
use super::{Answer, PublicApi, actor, body, json, refused};
use crate::api_error::ApiError;

/// The webhook endpoint object (contract section 4.2).
#[derive(Serialize)]
struct WebhookObject<'a> {
    id: WebhookId,
    name: &'a str,
    webhook_url: &'a str,
    /// Lists every event type if the webhook receives all of them.
    events: Vec<&'a EventType>,
    env_type: Environment,
    enabled: bool,
    created_at: String,
    updated_at: String,
}

/// A page of a numbered list (contract section 2.4).
#[derive(Serialize)]
struct NumberedPage<'a> {
    count: usize,
    next: Option<String>,
    previous: Option<String>,
    results: Vec<WebhookObject<'a>>,
}

impl<'a> WebhookObject<'a> {
    fn of(webhook: &'a Webhook, known: &'a KnownTypes) -> Self {
        Self {
            id: webhook.id,
            name: &webhook.name,
            webhook_url: &webhook.url,
            events: match &webhook.events {
                WebhookEvents::All => known
                    .catalogue()
                    .offered()
                    .map(|entry| &entry.event_type)
                    .collect(),
                WebhookEvents::Only(types) => types.iter().collect(),
            },
            env_type: webhook.environment,
            enabled: webhook.enabled,
            created_at: webhook.created_at.to_rfc3339(),
            updated_at: webhook.updated_at.to_rfc3339(),
        }
    }
}

impl PublicApi {
    fn one(&self, status: StatusCode, webhook: &Webhook) -> Answer {
        json(status, &WebhookObject::of(webhook, &self.webhooks.event_types()))
    }

    /// The webhooks of the secret's environment, newest first.
    pub(super) async fn list(&self, caller: &Caller, request: &Request<Bytes>) -> Answer {
        let webhooks = self
            .webhooks
            .webhooks_in(caller.company.id, caller.environment)
            .await
            .map_err(refused)?;
        let known = self.webhooks.event_types();
        let query = Query::of(request);
        let size = query.page_size() as usize;
        let last = webhooks.len().div_ceil(size).max(1);
        let number = match query.get("page").unwrap_or("1") {
            "last" => Some(last),
            text => text.parse::<usize>().ok(),
        };
        let number = number
            .filter(|number| (1..=last).contains(number))
            .ok_or(ApiError::NotFound)?;
        let origin = caller.reached.url();
        let link = |number: usize| query.link(&origin, request, "page", &number.to_string());
        let page = NumberedPage {
            count: webhooks.len(),
            next: (number < last).then(|| link(number + 1)),
            previous: (number > 1).then(|| link(number - 1)),
            results: webhooks
                .iter()
                .rev()
                .skip((number - 1) * size)
                .take(size)
                .map(|webhook| WebhookObject::of(webhook, &known))
                .collect(),
        };
        json(StatusCode::OK, &page)
    }

    /// Responds 201 with the webhook, or 403 if the body names a different environment from the secret's.
    pub(super) async fn create(&self, caller: &Caller, request: &Request<Bytes>) -> Answer {
        ApiError::unless_json(request.headers())?;
        let (read, faults) = body::complete(request.body(), &self.webhooks.event_types());
        let environment = read.env_type.unwrap_or(caller.environment);
        self.refuse_faults(caller, environment, &read, faults, None)
            .await?;
        let draft = WebhookDraft {
            name: read.name.clone().unwrap_or_default(),
            url: read.webhook_url.clone().unwrap_or_default(),
            environment,
            events: read.events.clone().unwrap_or(WebhookEvents::All),
            enabled: read.enabled.unwrap_or(true),
        };
        match self
            .webhooks
            .create(caller.company.id, &draft, &actor(caller))
            .await
        {
            Ok(webhook) => self.one(StatusCode::CREATED, &webhook),
            Err(error) => Err(self
                .with_all_faults(caller, environment, &read, None, error)
                .await),
        }
    }

    pub(super) async fn retrieve(&self, caller: &Caller, id: WebhookId) -> Answer {
        let webhook = self
            .webhooks
            .webhook(caller.company.id, Some(caller.environment), id)
            .await
            .map_err(refused)?;
        self.one(StatusCode::OK, &webhook)
    }

    /// Responds 200 with the updated webhook. Members missing from the body keep their values.
    pub(super) async fn update(&self, caller: &Caller, id: WebhookId, request: &Request<Bytes>) -> Answer {
        ApiError::unless_json(request.headers())?;
        // Check first whether the webhook exists. An error about the body would tell a stranger that it does.
        self.webhooks
            .webhook(caller.company.id, Some(caller.environment), id)
            .await
            .map_err(refused)?;
        let (read, faults) = body::partial(request.body(), &self.webhooks.event_types());
        let environment = read.env_type.unwrap_or(caller.environment);
        self.refuse_faults(caller, environment, &read, faults, Some(id))
            .await?;
        match self
            .webhooks
            .patch(
                caller.company.id,
                Some(caller.environment),
                id,
                patch(&read),
                &actor(caller),
            )
            .await
        {
            Ok(webhook) => self.one(StatusCode::OK, &webhook),
            Err(error) => Err(self
                .with_all_faults(caller, environment, &read, Some(id), error)
                .await),
        }
    }

    /// Responds 204 without a body.
    pub(super) async fn delete(&self, caller: &Caller, id: WebhookId) -> Answer {
        self.webhooks
            .delete(caller.company.id, Some(caller.environment), id, &actor(caller))
            .await
            .map_err(refused)?;
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = StatusCode::NO_CONTENT;
        Ok(response)
    }

    /// If the body has errors, adds the errors from the webhook rules, so that one response lists them all. Otherwise
    /// responds 403 if the body is for a different environment from the secret's.
    async fn refuse_faults(
        &self,
        caller: &Caller,
        environment: Environment,
        read: &WebhookBody,
        mut faults: Vec<InvalidWebhook>,
        editing: Option<WebhookId>,
    ) -> Result<(), ApiError> {
        if !faults.is_empty() {
            faults.extend(self.faults_of(caller, environment, read, editing).await?);
            return Err(ApiError::Incorrect(body::in_order(faults)));
        }
        if environment != caller.environment {
            let message = format!("This secret works in {} only.", caller.environment);
            return Err(ApiError::forbidden(message));
        }
        Ok(())
    }

    /// The rules stop at the first kind of error. The caller should see all of them.
    async fn with_all_faults(
        &self,
        caller: &Caller,
        environment: Environment,
        read: &WebhookBody,
        editing: Option<WebhookId>,
        error: WebhooksError,
    ) -> ApiError {
        let WebhooksError::Invalid(found) = error else {
            return refused(error);
        };
        match self.faults_of(caller, environment, read, editing).await {
            // If two requests use the same URL at once, only the write notices. Then the list is empty and the write's
            // own error counts.
            Ok(all) => ApiError::Incorrect(body::in_order(if all.is_empty() { found } else { all })),
            Err(error) => error,
        }
    }

    async fn faults_of(
        &self,
        caller: &Caller,
        environment: Environment,
        read: &WebhookBody,
        editing: Option<WebhookId>,
    ) -> Result<Vec<InvalidWebhook>, ApiError> {
        // Without an environment, the check of the URL is skipped. A secret must not learn which URLs another
        // environment uses.
        let environment = (environment == caller.environment).then_some(environment);
        self.webhooks
            .faults(caller.company.id, environment, &patch(read), editing)
            .await
            .map_err(refused)
    }
}

fn patch(read: &WebhookBody) -> WebhookPatch {
    WebhookPatch {
        name: read.name.clone(),
        url: read.webhook_url.clone(),
        events: read.events.clone(),
        enabled: read.enabled,
    }
}
