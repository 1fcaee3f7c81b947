//! `/v1/webhooks/`: list, create, retrieve, update, delete (contract section 4.3).

use bytes::Bytes;
use gateway::{Caller, errors};
use http::{Request, Response, StatusCode};
use model::{Environment, EventType, InvalidWebhook, Webhook, WebhookDraft, WebhookEvents, WebhookId};
use serde::Serialize;
use webhooks::WebhookPatch;

use super::page::Query;
use super::{PublicApi, actor, body, json, negotiation, refused};

/// The webhook endpoint object (contract section 4.2).
#[derive(Serialize)]
struct WebhookObject<'a> {
    id: WebhookId,
    name: &'a str,
    webhook_url: &'a str,
    /// All of them where the webhook receives all.
    events: &'a [EventType],
    env_type: Environment,
    enabled: bool,
    created_at: String,
    updated_at: String,
}

/// A page by number (contract section 2.4).
#[derive(Serialize)]
struct NumberedPage<'a> {
    count: usize,
    next: Option<String>,
    previous: Option<String>,
    results: Vec<WebhookObject<'a>>,
}

impl<'a> WebhookObject<'a> {
    fn of(webhook: &'a Webhook) -> Self {
        Self {
            id: webhook.id,
            name: &webhook.name,
            webhook_url: &webhook.url,
            events: match &webhook.events {
                WebhookEvents::All => EventType::ALL,
                WebhookEvents::Only(types) => types,
            },
            env_type: webhook.environment,
            enabled: webhook.enabled,
            created_at: webhook.created_at.to_rfc3339(),
            updated_at: webhook.updated_at.to_rfc3339(),
        }
    }
}

impl PublicApi {
    /// The webhooks of the secret's environment, oldest first.
    pub(super) async fn list(&self, caller: &Caller, request: &Request<Bytes>) -> Response<Bytes> {
        let webhooks = match self
            .webhooks
            .webhooks_in(caller.company.id, caller.environment)
            .await
        {
            Ok(webhooks) => webhooks,
            Err(error) => return refused(&error),
        };
        let query = Query::of(request);
        let size = query.page_size() as usize;
        let last = webhooks.len().div_ceil(size).max(1);
        let number = match query.get("page").unwrap_or("1") {
            "last" => Some(last),
            text => text.parse::<usize>().ok(),
        };
        let Some(number) = number.filter(|number| (1..=last).contains(number)) else {
            return errors::not_found();
        };
        let link = |number: usize| query.link(self.scheme, request, "page", &number.to_string());
        let page = NumberedPage {
            count: webhooks.len(),
            next: (number < last).then(|| link(number + 1)),
            previous: (number > 1).then(|| link(number - 1)),
            results: webhooks
                .iter()
                .skip((number - 1) * size)
                .take(size)
                .map(WebhookObject::of)
                .collect(),
        };
        json(StatusCode::OK, &page)
    }

    /// 201 with the webhook; 403 for another environment than the secret's.
    pub(super) async fn create(&self, caller: &Caller, request: &Request<Bytes>) -> Response<Bytes> {
        if let Some(response) = negotiation::refuse_other_than_json(request.headers()) {
            return response;
        }
        let read = match body::complete(request.body()) {
            Ok(read) => read,
            Err(faults) => return incorrect(&faults),
        };
        let environment = read.env_type.unwrap_or(caller.environment);
        if environment != caller.environment {
            return other_environment(caller);
        }
        let draft = WebhookDraft {
            name: read.name.unwrap_or_default(),
            url: read.webhook_url.unwrap_or_default(),
            environment,
            events: read.events.unwrap_or(WebhookEvents::All),
            enabled: read.enabled.unwrap_or(true),
        };
        match self
            .webhooks
            .create(caller.company.id, &draft, &actor(caller))
            .await
        {
            Ok(webhook) => json(StatusCode::CREATED, &WebhookObject::of(&webhook)),
            Err(error) => refused(&error),
        }
    }

    pub(super) async fn retrieve(&self, caller: &Caller, id: WebhookId) -> Response<Bytes> {
        match self
            .webhooks
            .webhook(caller.company.id, Some(caller.environment), id)
            .await
        {
            Ok(webhook) => json(StatusCode::OK, &WebhookObject::of(&webhook)),
            Err(error) => refused(&error),
        }
    }

    /// 200 with the webhook as it is now. What the body does not name stays.
    pub(super) async fn update(
        &self,
        caller: &Caller,
        id: WebhookId,
        request: &Request<Bytes>,
    ) -> Response<Bytes> {
        if let Some(response) = negotiation::refuse_other_than_json(request.headers()) {
            return response;
        }
        // Whether it exists comes first: a fault of the body would tell that it does.
        if let Err(error) = self
            .webhooks
            .webhook(caller.company.id, Some(caller.environment), id)
            .await
        {
            return refused(&error);
        }
        let read = match body::partial(request.body()) {
            Ok(read) => read,
            Err(faults) => return incorrect(&faults),
        };
        if read
            .env_type
            .is_some_and(|environment| environment != caller.environment)
        {
            return other_environment(caller);
        }
        let patch = WebhookPatch {
            name: read.name,
            url: read.webhook_url,
            events: read.events,
            enabled: read.enabled,
        };
        let environment = Some(caller.environment);
        match self
            .webhooks
            .patch(caller.company.id, environment, id, patch, &actor(caller))
            .await
        {
            Ok(webhook) => json(StatusCode::OK, &WebhookObject::of(&webhook)),
            Err(error) => refused(&error),
        }
    }

    /// 204 without a body.
    pub(super) async fn delete(&self, caller: &Caller, id: WebhookId) -> Response<Bytes> {
        match self
            .webhooks
            .delete(caller.company.id, Some(caller.environment), id, &actor(caller))
            .await
        {
            Ok(()) => {
                let mut response = Response::new(Bytes::new());
                *response.status_mut() = StatusCode::NO_CONTENT;
                response
            }
            Err(error) => refused(&error),
        }
    }
}

fn incorrect(faults: &[InvalidWebhook]) -> Response<Bytes> {
    errors::incorrect_parameters(
        faults
            .iter()
            .map(|fault| (fault.field.as_str(), fault.message.as_str())),
    )
}

fn other_environment(caller: &Caller) -> Response<Bytes> {
    errors::not_authenticated(&format!("This secret acts in {} only.", caller.environment))
}
