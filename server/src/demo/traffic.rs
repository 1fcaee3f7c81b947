//! The traffic while the demo runs: about one request a second with the brands' keys through the real gateway, a try of
//! the deleted key now and then, and an event every ten seconds.

use std::net::SocketAddr;
use std::time::Duration;

use accounts::Company;
use bytes::Bytes;
use http::{HeaderValue, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use model::{Actor, ClientId, CompanyId, Environment, EventType};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use webhooks::Publication;

use super::history::{CALLS, Dice, STALE_ADDRESS, STALE_AGENT};
use super::state::State;
use super::world;
use crate::services::Services;

const STALE_EVERY_SECONDS: u64 = 47;
const EVENT_EVERY_SECONDS: u64 = 10;
/// The event types, sent in turn: those that no request causes. The last two go to the failing webhook.
const EVENTS: [EventType; 6] = [
    EventType::from_static("order-status-updated"),
    EventType::from_static("certification-completed"),
    EventType::from_static("order-finalized"),
    EventType::from_static("order-status-updated"),
    EventType::from_static("link-disconnected"),
    EventType::from_static("task-status-updated"),
];

struct Traffic {
    services: Services,
    state: State,
    gateway: SocketAddr,
    client: Client<HttpConnector, Full<Bytes>>,
    dice: Dice,
}

/// Sends traffic until `stop`.
pub(super) async fn send(services: Services, state: State, gateway: SocketAddr, stop: CancellationToken) {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let Some(parent) = world::company_id(&services, state.company).await else {
        return;
    };
    let mut traffic = Traffic {
        services,
        state,
        gateway,
        client,
        dice: Dice::new(7),
    };
    let mut ticks = interval(Duration::from_secs(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut second: u64 = 0;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        if second.is_multiple_of(EVENT_EVERY_SECONDS) {
            let turn = usize::try_from(second / EVENT_EVERY_SECONDS).unwrap_or_default();
            publish(&traffic.services, parent, &EVENTS[turn % EVENTS.len()]).await;
        }
        if second % STALE_EVERY_SECONDS == STALE_EVERY_SECONDS - 1 {
            traffic.stale(parent).await;
        }
        traffic.request(parent).await;
        second += 1;
    }
}

/// Publishes an example event of the company in Sandbox. Nothing if the catalogue does not offer the type.
pub(super) async fn publish(services: &Services, company: CompanyId, event_type: &EventType) {
    let known = services.webhooks.event_types();
    let Some(entry) = known.offered(event_type) else {
        return;
    };
    let publication = Publication {
        company,
        environment: Environment::Sandbox,
        event_type: event_type.clone(),
        payload: &entry.sample,
        happened_at: None,
        request_id: None,
        idempotency_key: None,
    };
    if let Err(error) = services.webhooks.publish(publication, &Actor::system()).await {
        tracing::warn!(
            error = crate::error::chain(&error),
            "could not publish a demo event"
        );
    }
}

impl Traffic {
    /// Makes one call for one brand, with any of its active keys.
    async fn request(&mut self, parent: CompanyId) {
        let Ok(brands) = self.services.core.accounts.brands(parent).await else {
            return;
        };
        let Some(brand) = self.dice.pick(&brands, |_| 1) else {
            return;
        };
        let Some(secret) = self.secret(brand).await else {
            return;
        };
        let (method, path, _, _) = self.dice.pick(&CALLS, |call| call.3).copied().unwrap_or(CALLS[0]);
        let address = format!("203.0.113.{}", 20 + self.dice.below(5));
        self.call(
            method,
            path,
            brand.client_id,
            &secret,
            &address,
            "northwind-api/4.2 (python-requests/2.32)",
        )
        .await;
    }

    async fn secret(&self, company: &Company) -> Option<vault::AccessSecret> {
        let secrets = self
            .services
            .core
            .keys
            .signing_secrets(company.id, Environment::Sandbox)
            .await
            .ok()?;
        Some(secrets.into_iter().next()?.secret)
    }

    async fn stale(&mut self, parent: CompanyId) {
        let Some(deleted) = &self.state.deleted else {
            return;
        };
        if let Some(secret) = world::open(&self.services, parent, deleted) {
            let client_id = self.state.company;
            self.call(
                "GET",
                "/v1/users/",
                client_id,
                &secret,
                STALE_ADDRESS,
                STALE_AGENT,
            )
            .await;
        }
    }

    async fn call(
        &self,
        method: &str,
        path: &str,
        client_id: ClientId,
        secret: &vault::AccessSecret,
        address: &str,
        agent: &str,
    ) {
        let Ok(mut header) = HeaderValue::from_str(secret.expose()) else {
            return;
        };
        header.set_sensitive(true);
        let body = if method == "POST" {
            Bytes::from_static(b"{\"products\":[\"income\"]}")
        } else {
            Bytes::new()
        };
        let form = self.services.core.keys.form();
        let request = Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.gateway))
            .header(form.client_id.header(), client_id.to_string())
            .header(form.secret.header(), header)
            .header("x-forwarded-for", address)
            .header("user-agent", agent)
            .header("content-type", "application/json")
            .body(Full::new(body));
        let Ok(request) = request else { return };
        match self.client.request(request).await {
            // Read the rest of the response, so that the connection can be reused.
            Ok(response) => drop(response.into_body().collect().await),
            Err(error) => tracing::debug!(%error, "a demo request got no response"),
        }
    }
}
