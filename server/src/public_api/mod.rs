//! The documented public API for webhooks, as customers' programs call it: `/v1/webhooks/` and `/v1/webhook-requests/`
//! (contract sections 4.2, 4.3, 4.8). The gateway has checked credentials and budget and writes the log; this answers.
//!
//! A secret acts in its own environment, and in the brand's company where the request names a brand.

mod body;
mod history;
mod negotiation;
mod page;
mod webhook;

use async_trait::async_trait;
use bytes::Bytes;
use gateway::{Caller, LocalApi, errors};
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use model::{Actor, ActorKind, WebhookId};
use serde::Serialize;
use url::Url;
use webhooks::{Webhooks, WebhooksError};

/// The public API on the installation's webhooks.
#[derive(Debug)]
pub struct PublicApi {
    webhooks: Webhooks,
    /// Of the links to other pages; the host is the one the caller asked.
    scheme: &'static str,
}

/// What a path names.
enum Resource {
    Webhooks,
    Webhook(Option<WebhookId>),
    Requests,
}

impl PublicApi {
    /// `public_url` tells whether callers come by https.
    pub fn new(webhooks: Webhooks, public_url: Option<&Url>) -> Self {
        let https = public_url.is_some_and(|url| url.scheme() == "https");
        Self {
            webhooks,
            scheme: if https { "https" } else { "http" },
        }
    }

    async fn route(&self, caller: &Caller, resource: Resource, request: &Request<Bytes>) -> Response<Bytes> {
        match (resource, request.method().as_str()) {
            (Resource::Webhooks, "GET" | "HEAD") => self.list(caller, request).await,
            (Resource::Webhooks, "POST") => self.create(caller, request).await,
            (Resource::Webhooks, _) => not_allowed(request, &[Method::GET, Method::POST]),
            (Resource::Webhook(id), "GET" | "HEAD" | "PATCH" | "DELETE") => match id {
                None => errors::not_found(),
                Some(id) => match request.method().as_str() {
                    "PATCH" => self.update(caller, id, request).await,
                    "DELETE" => self.delete(caller, id).await,
                    _ => self.retrieve(caller, id).await,
                },
            },
            (Resource::Webhook(_), _) => not_allowed(request, &[Method::GET, Method::PATCH, Method::DELETE]),
            (Resource::Requests, "GET" | "HEAD") => self.history(caller, request).await,
            (Resource::Requests, _) => not_allowed(request, &[Method::GET]),
        }
    }
}

#[async_trait]
impl LocalApi for PublicApi {
    fn takes(&self, path: &str) -> bool {
        ["/v1/webhooks", "/v1/webhook-requests"].into_iter().any(|own| {
            path.strip_prefix(own)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }

    async fn answer(&self, caller: Caller, request: Request<Bytes>) -> Response<Bytes> {
        match resource(request.uri().path()) {
            None => errors::not_found(),
            Some(_) if !negotiation::accepts_json(request.headers()) => negotiation::not_acceptable(),
            Some(resource) => self.route(&caller, resource, &request).await,
        }
    }
}

/// With and without the trailing slash. An id that is none is one that nobody has.
fn resource(path: &str) -> Option<Resource> {
    let path = path.strip_suffix('/').unwrap_or(path);
    match path.strip_prefix("/v1/")? {
        "webhooks" => Some(Resource::Webhooks),
        "webhook-requests" => Some(Resource::Requests),
        rest => {
            let id = rest.strip_prefix("webhooks/")?;
            (!id.contains('/')).then(|| Resource::Webhook(id.parse().ok()))
        }
    }
}

fn not_allowed(request: &Request<Bytes>, allowed: &[Method]) -> Response<Bytes> {
    errors::method_not_allowed(request.method(), allowed)
}

/// An answer with a JSON body.
fn json(status: StatusCode, body: &impl Serialize) -> Response<Bytes> {
    match serde_json::to_vec(body) {
        Ok(bytes) => {
            let mut response = Response::new(Bytes::from(bytes));
            *response.status_mut() = status;
            response
                .headers_mut()
                .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            response
        }
        Err(error) => failed(&error),
    }
}

/// A refusal of the rules in the documented shape.
fn refused(error: &WebhooksError) -> Response<Bytes> {
    match error {
        WebhooksError::NotFound => errors::not_found(),
        WebhooksError::Invalid(faults) => errors::incorrect_parameters(
            faults
                .iter()
                .map(|fault| (fault.field.as_str(), fault.message.as_str())),
        ),
        WebhooksError::Conflict(sentence) => errors::error(StatusCode::CONFLICT, "conflict", sentence),
        WebhooksError::Seal | WebhooksError::SigningSecrets(_) | WebhooksError::Storage(_) => failed(error),
    }
}

/// A fault of ours: the cause goes to the log under an id, the id to the caller.
fn failed(error: &dyn std::error::Error) -> Response<Bytes> {
    let incident = crate::ports::incident();
    tracing::error!(
        incident,
        error = crate::error::chain(error),
        "a request of the public API could not be answered"
    );
    let message = format!("Something failed. Quote {incident}.");
    errors::error(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", &message)
}

/// Whom the audit trail names.
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
    fn a_path_names_the_same_with_and_without_its_slash() {
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
        }
        for path in [
            "/v1/webhooks/a/b",
            "/v1/webhook-requests/x",
            "/v1",
            "/",
            "/v2/webhooks/",
            "/v1/webhooks-old/",
        ] {
            assert!(resource(path).is_none(), "{path}");
        }
    }
}
