//! The public API for webhooks, which customers' programs call: the documented `/v1/webhooks/` and `/v1/webhook-requests/`
//! (contract sections 4.2, 4.3, 4.8), and `/v1/webhook-deliveries/` for what the documentation has no path for. The gateway checks credentials and rate limits before it calls this code, and
//! writes the log entry afterwards.
//!
//! A secret acts only in its own environment. If the request names a brand, it acts in the brand's company.

mod body;
mod deliveries;
mod history;
mod negotiation;
mod options;
mod page;
mod webhook;

use async_trait::async_trait;
use bytes::Bytes;
use gateway::{Caller, LocalApi};
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use model::{Actor, ActorKind, DeliveryId, WebhookId};
use serde::Serialize;
use webhooks::{Webhooks, WebhooksError};

use crate::api_error::ApiError;

/// A response, or the error that becomes one.
type Answer = Result<Response<Bytes>, ApiError>;

/// The public API for this installation's webhooks.
#[derive(Debug)]
pub struct PublicApi {
    webhooks: Webhooks,
}

/// The resource a path names.
enum Resource {
    Webhooks,
    Webhook(Option<WebhookId>),
    Requests,
    Deliveries,
    Delivery(Option<DeliveryId>),
    /// The headers and the rate limit of a webhook.
    Options(Option<WebhookId>),
}

impl PublicApi {
    pub fn new(webhooks: Webhooks) -> Self {
        Self { webhooks }
    }

    async fn route(&self, caller: &Caller, resource: Resource, request: &Request<Bytes>) -> Answer {
        match (resource, request.method().as_str()) {
            (Resource::Webhooks, "GET" | "HEAD") => self.list(caller, request).await,
            (Resource::Webhooks, "POST") => self.create(caller, request).await,
            (Resource::Webhooks, _) => Err(not_allowed(request, &[Method::GET, Method::HEAD, Method::POST])),
            (Resource::Webhook(id), "GET" | "HEAD" | "PATCH" | "DELETE") => match id {
                None => Err(ApiError::NotFound),
                Some(id) => match request.method().as_str() {
                    "PATCH" => self.update(caller, id, request).await,
                    "DELETE" => self.delete(caller, id).await,
                    _ => self.retrieve(caller, id).await,
                },
            },
            (Resource::Webhook(_), _) => Err(not_allowed(
                request,
                &[Method::GET, Method::HEAD, Method::PATCH, Method::DELETE],
            )),
            (Resource::Options(None), "GET" | "HEAD" | "PATCH") => Err(ApiError::NotFound),
            (Resource::Options(Some(id)), "GET" | "HEAD") => self.options(caller, id).await,
            (Resource::Options(Some(id)), "PATCH") => self.change_options(caller, id, request).await,
            (Resource::Options(_), _) => {
                Err(not_allowed(request, &[Method::GET, Method::HEAD, Method::PATCH]))
            }
            (Resource::Requests, "GET" | "HEAD") => self.history(caller, request).await,
            (Resource::Deliveries, "GET" | "HEAD") => self.deliveries(caller, request).await,
            (Resource::Delivery(None), "GET" | "HEAD") => Err(ApiError::NotFound),
            (Resource::Delivery(Some(id)), "GET" | "HEAD") => self.delivery(caller, id).await,
            (Resource::Requests | Resource::Deliveries | Resource::Delivery(_), _) => {
                Err(not_allowed(request, &[Method::GET, Method::HEAD]))
            }
        }
    }
}

#[async_trait]
impl LocalApi for PublicApi {
    fn takes(&self, path: &str) -> bool {
        let own = ["/v1/webhooks", "/v1/webhook-requests", "/v1/webhook-deliveries"];
        own.into_iter().any(|own| {
            path.strip_prefix(own)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }

    async fn answer(&self, caller: Caller, request: Request<Bytes>) -> Response<Bytes> {
        let answer = match resource(request.uri().path()) {
            None => Err(ApiError::NotFound),
            Some(_) if !negotiation::accepts_json(request.headers()) => Err(ApiError::NotAcceptable),
            Some(resource) => self.route(&caller, resource, &request).await,
        };
        answer.unwrap_or_else(ApiError::response)
    }
}

/// Accepts paths with and without a trailing slash. A malformed id is treated like an id that does not exist.
fn resource(path: &str) -> Option<Resource> {
    let path = path.strip_suffix('/').unwrap_or(path);
    match path.strip_prefix("/v1/")? {
        "webhooks" => Some(Resource::Webhooks),
        "webhook-requests" => Some(Resource::Requests),
        "webhook-deliveries" => Some(Resource::Deliveries),
        rest => {
            let id = |of: &str| rest.strip_prefix(of).filter(|id| !id.contains('/'));
            if let Some(id) = id("webhooks/") {
                Some(Resource::Webhook(id.parse().ok()))
            } else if let Some(id) = id("webhook-deliveries/webhooks/") {
                Some(Resource::Options(id.parse().ok()))
            } else {
                // `webhooks` alone is no delivery.
                let id = id("webhook-deliveries/").filter(|id| *id != "webhooks")?;
                Some(Resource::Delivery(id.parse().ok()))
            }
        }
    }
}

fn not_allowed(request: &Request<Bytes>, allowed: &[Method]) -> ApiError {
    ApiError::MethodNotAllowed {
        method: request.method().clone(),
        allowed: allowed.to_vec(),
    }
}

/// A response with a JSON body.
fn json(status: StatusCode, body: &impl Serialize) -> Answer {
    let bytes = serde_json::to_vec(body).map_err(|error| failed(&error))?;
    let mut response = Response::new(Bytes::from(bytes));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

/// Maps an error of the webhooks crate to a response.
fn refused(error: WebhooksError) -> ApiError {
    match error {
        WebhooksError::NotFound => ApiError::NotFound,
        WebhooksError::Invalid(faults) => ApiError::Incorrect(faults),
        WebhooksError::Conflict(sentence) => ApiError::other(StatusCode::CONFLICT, "conflict", sentence),
        WebhooksError::Seal | WebhooksError::SigningSecrets(_) | WebhooksError::Storage(_) => failed(&error),
    }
}

fn failed(error: &dyn std::error::Error) -> ApiError {
    ApiError::failed("a request of the public API could not be answered", error)
}

/// The actor for the audit trail.
fn actor(caller: &Caller) -> Actor {
    Actor {
        kind: ActorKind::Key,
        name: format!("key …{}", caller.key.last_four),
        address: Some(caller.address.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trailing_slash_does_not_change_the_resource() {
        let id = "48427a36d43c4d5aa6324bc06c692456";
        for slash in ["", "/"] {
            assert!(matches!(
                resource(&format!("/v1/webhooks{slash}")),
                Some(Resource::Webhooks)
            ));
            assert!(matches!(
                resource(&format!("/v1/webhooks/{id}{slash}")),
                Some(Resource::Webhook(Some(_)))
            ));
            assert!(matches!(
                resource(&format!("/v1/webhooks/none{slash}")),
                Some(Resource::Webhook(None))
            ));
            assert!(matches!(
                resource(&format!("/v1/webhook-requests{slash}")),
                Some(Resource::Requests)
            ));
            assert!(matches!(
                resource(&format!("/v1/webhook-deliveries/webhooks/{id}{slash}")),
                Some(Resource::Options(Some(_)))
            ));
            assert!(matches!(
                resource(&format!("/v1/webhook-deliveries{slash}")),
                Some(Resource::Deliveries)
            ));
            assert!(matches!(
                resource(&format!("/v1/webhook-deliveries/{id}{slash}")),
                Some(Resource::Delivery(Some(_)))
            ));
        }
        for path in [
            "/v1/webhooks/a/b",
            "/v1/webhook-requests/x",
            "/v1/webhook-deliveries/webhooks/",
            "/v1/webhook-deliveries/a/b",
            "/v1",
            "/",
            "/v2/webhooks/",
            "/v1/webhooks-old/",
        ] {
            assert!(resource(path).is_none(), "{path}");
        }
    }
}
