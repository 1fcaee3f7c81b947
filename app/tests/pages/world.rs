//! Fixed data for the pages, behind the ports that the server has.

use std::sync::Arc;

use app::AppError;
use app::ports::{
    Allowed, CompanyAccess, DeletedKeyRow, KeepViews, SeeKeys, SeeLogs, SeeWebhooks, SeenKey, Visitor,
};
use async_trait::async_trait;
use model::{
    Attempt, AttemptId, AttemptOutcome, Brand, Catalogue, ClientId, CompanyContext, DeletionFacts, Delivery,
    DeliveryId, DeliveryListing, DeliveryNeighbours, DeliveryNews, DeliveryPlace, DeliveryView, DemoContext,
    DisabledReason, Environment, EventEntry, EventType, FailureClass, HeaderField, HopRecord, KeyGroup,
    KeyId, KeyName, KeySummary, KeyTerms, LogEntry, LogFilter, LogPage, LogParts, NewRows, Permission,
    RequestDelivery, RequestId, Role, SavedView, SigningKey, Timestamp, TimingRecord, ViewId, ViewQuery,
    Webhook, WebhookDetail, WebhookEvents, WebhookHealth, WebhookId, WebhookOptions, WebhookRow,
};

use crate::deliveries::{delivery_rows, listing};
use crate::untouched::Untouched;

pub(crate) const NOON: Timestamp = Timestamp::from_millis(1_767_614_400_000);
pub(crate) const LONG_URL: &str =
    "https://hooks.example.com/tenants/0123456789abcdef/environments/production/orders";
pub(crate) const RECEIVER: &str = "http://127.0.0.1:3000/demo/receiver";

pub(crate) fn company() -> ClientId {
    ClientId::from_random([7; 16])
}

pub(crate) fn webhook_id(number: u8) -> WebhookId {
    WebhookId::time_ordered(NOON, [number; 10])
}

pub(crate) fn delivery_id(number: u8) -> DeliveryId {
    DeliveryId::time_ordered(NOON, [number; 10])
}

/// Everything a page can ask for, the same for every caller.
pub(crate) struct World {
    pub(crate) role: Role,
    pub(crate) empty: bool,
    /// What the list of requests shows.
    pub(crate) log: Option<LogPage>,
    /// The page of a request.
    pub(crate) entry: Option<LogEntry>,
    /// What it triggered.
    pub(crate) triggered: Vec<RequestDelivery>,
}

impl World {
    fn context(&self) -> CompanyContext {
        CompanyContext {
            client_id: company(),
            name: "Acme Lending".to_owned(),
            brands: Vec::new(),
            member_email: "ana@example.com".to_owned(),
            role: self.role,
            gateway_url: "http://127.0.0.1:8080".to_owned(),
            upstreams: vec![Environment::Sandbox],
            demo: Some(DemoContext {
                receiver_url: RECEIVER.to_owned(),
                real_since: None,
            }),
        }
    }
}

fn webhook(number: u8, name: &str, url: &str, environment: Environment, events: WebhookEvents) -> Webhook {
    Webhook {
        id: webhook_id(number),
        name: name.to_owned(),
        url: url.to_owned(),
        environment,
        events,
        enabled: true,
        disabled: None,
        paused_by: None,
        created_at: NOON.minus_seconds(400_000),
        updated_at: NOON.minus_seconds(40_000),
    }
}

fn row(webhook: Webhook, health: WebhookHealth) -> WebhookRow {
    WebhookRow {
        webhook,
        health,
        last_delivery_at: Some(NOON.minus_seconds(12)),
        next_attempt_at: None,
        delivered_24_hours: 1284,
        failed_24_hours: 0,
        pending: 0,
        on_hold: 0,
    }
}

/// One of them is removed.
pub(crate) fn catalogue() -> Catalogue {
    let entry = |(event_type, group, description): (&'static str, &str, &str)| EventEntry {
        event_type: EventType::from_static(event_type),
        group: group.to_owned(),
        description: description.to_owned(),
        sample: r#"{"user_id":"1","order_id":"2"}"#.to_owned(),
        schema: Some(r#"{"type":"object"}"#.to_owned()),
        fields: vec!["user_id".to_owned(), "order_id".to_owned()],
        removed: event_type == "order-finalized",
    };
    let entries = [
        ("order-created", "Orders", "An order was created."),
        ("order-status-updated", "Orders", "An order has another status."),
        ("order-refresh-failed", "Orders", "An order was not refreshed."),
        ("order-finalized", "Orders", "An order is final."),
        ("task-status-updated", "Tasks", "A task has another status."),
        ("link-connected", "Links", "A link was made."),
        ("link-disconnected", "Links", "A link stopped working."),
        ("link-deleted", "Links", "A link was deleted."),
    ];
    Catalogue::new(entries.map(entry).to_vec())
}

fn rows() -> Vec<WebhookRow> {
    let many = [
        "order-created",
        "order-status-updated",
        "order-refresh-failed",
        "order-finalized",
        "task-status-updated",
        "link-connected",
        "link-disconnected",
        "link-deleted",
    ]
    .map(EventType::from_static)
    .to_vec();
    let failing = webhook(
        1,
        "Loan origination",
        LONG_URL,
        Environment::Prod,
        WebhookEvents::Only(many),
    );
    let healthy = webhook(
        2,
        "Order mirror",
        RECEIVER,
        Environment::Sandbox,
        WebhookEvents::All,
    );
    let held = webhook(
        4,
        "Warehouse",
        "https://warehouse.example/in",
        Environment::Dev,
        WebhookEvents::All,
    );
    let mut off = webhook(
        3,
        "Old CRM",
        "https://crm.example.com/in",
        Environment::Sandbox,
        WebhookEvents::All,
    );
    (off.enabled, off.disabled) = (false, Some(DisabledReason::Gone));
    let mut paused = webhook(
        5,
        "Reports",
        "https://reports.example.com/in",
        Environment::Sandbox,
        WebhookEvents::All,
    );
    (paused.enabled, paused.disabled) = (false, Some(DisabledReason::ByHand));
    paused.paused_by = Some("ana@example.com".to_owned());
    let again = webhook(
        6,
        "Mended",
        "https://mended.example.com/in",
        Environment::Sandbox,
        WebhookEvents::All,
    );
    vec![
        WebhookRow {
            next_attempt_at: Some(NOON.plus_seconds(24)),
            failed_24_hours: 37,
            pending: 3,
            ..row(
                failing,
                WebhookHealth::Failing {
                    since: NOON.minus_seconds(3 * 3600),
                },
            )
        },
        row(healthy, WebhookHealth::Healthy),
        WebhookRow {
            delivered_24_hours: 0,
            last_delivery_at: None,
            pending: 5,
            ..row(off, WebhookHealth::Disabled)
        },
        WebhookRow {
            pending: 2,
            on_hold: 1,
            ..row(paused, WebhookHealth::Disabled)
        },
        row(
            again,
            WebhookHealth::NotDelivered {
                since: NOON.minus_seconds(6_000),
            },
        ),
        WebhookRow {
            delivered_24_hours: 0,
            last_delivery_at: None,
            pending: 8,
            ..row(held, WebhookHealth::Held)
        },
    ]
}

fn header(name: &str, value: &str) -> HeaderField {
    HeaderField {
        name: name.to_owned(),
        value: value.to_owned(),
        redacted: false,
    }
}

fn attempt(number: u32, outcome: AttemptOutcome, status: Option<u16>) -> Attempt {
    let hop = HopRecord {
        url: LONG_URL.to_owned(),
        address: Some("203.0.113.9:443".to_owned()),
        request_headers: vec![
            header("Content-Type", "application/json"),
            header("User-Agent", "Gatehouse"),
            header(
                "X-WEBHOOK-SIGN",
                "v1=47ca001bea963314d4c7c39943a67b2ebb14bff7703a213f71dc87fb96119c6f",
            ),
        ],
        status,
        response_headers: vec![header("Content-Type", "text/html"), header("Retry-After", "30")],
        response_body: if status.is_some() {
            "<h1>503 Service Unavailable</h1>".to_owned()
        } else {
            String::new()
        },
        response_truncated: status.is_some(),
        timing: TimingRecord {
            dns_ms: Some(2),
            connect_ms: Some(11),
            tls_ms: Some(24),
            first_byte_ms: status.map(|_| 46),
            body_ms: status.map(|_| 1),
        },
    };
    Attempt {
        id: AttemptId::time_ordered(NOON, [number as u8; 10]),
        number: if number == 3 { 1 } else { number },
        started_at: NOON.plus_seconds(i64::from(number) * 30),
        duration_ms: 84,
        outcome,
        signed_by_last_four: Some("a6f1".to_owned()),
        replay: number == 3,
        hops: vec![hop],
    }
}

#[async_trait]
impl SeeWebhooks for World {
    async fn list(&self) -> Result<Vec<WebhookRow>, AppError> {
        Ok(if self.empty { Vec::new() } else { rows() })
    }

    async fn detail(&self, webhook: WebhookId) -> Result<WebhookDetail, AppError> {
        let row = rows()
            .into_iter()
            .find(|row| row.webhook.id == webhook)
            .ok_or(AppError::NotFound)?;
        let failing = matches!(row.health, WebhookHealth::Failing { .. });
        let signing_key = (row.webhook.environment != Environment::Dev).then(|| SigningKey {
            key_id: KeyId::from_random([9; 16]),
            last_four: "a6f1".to_owned(),
            last_succeeded: false,
            active_keys: 2,
        });
        let diagnosis = "The last 37 attempts failed: 21 × no response in time, 16 × status 503. First failure 5 Jan 2026 \
                         09:00:00 UTC. The webhook will be disabled on 10 Jan 2026 09:00:00 UTC unless a delivery succeeds.";
        Ok(WebhookDetail {
            row,
            signing_key,
            options: WebhookOptions {
                headers: vec!["X-Tenant".to_owned()],
                rate_limit: (webhook == webhook_id(2)).then_some(20),
            },
            former_secret_until: (webhook == webhook_id(2)).then(|| NOON.plus_seconds(7_200)),
            diagnosis: if failing {
                diagnosis.to_owned()
            } else {
                String::new()
            },
            deliveries: if self.empty {
                Vec::new()
            } else {
                delivery_rows(webhook)
            },
        })
    }

    async fn deliveries(&self, webhook: WebhookId, view: &DeliveryView) -> Result<DeliveryListing, AppError> {
        let row = rows()
            .into_iter()
            .find(|row| row.webhook.id == webhook)
            .ok_or(AppError::NotFound)?;
        let all = if self.empty {
            Vec::new()
        } else {
            delivery_rows(webhook)
        };
        Ok(listing(row, &all, view))
    }

    async fn delivery_news(
        &self,
        _: WebhookId,
        _: &DeliveryView,
        _: Option<DeliveryPlace>,
        _: &[DeliveryId],
    ) -> Result<DeliveryNews, AppError> {
        panic!("the server asked what a page asks later")
    }

    async fn delivery_neighbours(
        &self,
        webhook: WebhookId,
        view: &DeliveryView,
        delivery: DeliveryId,
    ) -> Result<DeliveryNeighbours, AppError> {
        let rows = self.deliveries(webhook, view).await?.page.rows;
        let at = rows.iter().position(|row| row.id == delivery);
        let id = |at: Option<usize>| at.and_then(|at| rows.get(at)).map(|row| row.id);
        Ok(DeliveryNeighbours {
            newer: id(at.and_then(|at| at.checked_sub(1))),
            older: id(at.map(|at| at + 1)),
        })
    }

    async fn delivery(&self, delivery: DeliveryId) -> Result<Delivery, AppError> {
        let row = delivery_rows(webhook_id(1))
            .into_iter()
            .find(|row| row.id == delivery)
            .ok_or(AppError::NotFound)?;
        let timeout = AttemptOutcome::Failed {
            class: FailureClass::TimeoutHeaders,
            status: None,
        };
        let refused = AttemptOutcome::Failed {
            class: FailureClass::Status,
            status: Some(503),
        };
        Ok(Delivery {
            row,
            webhook_name: "Loan origination".to_owned(),
            environment: Environment::Prod,
            event_created_at: NOON,
            request_id: Some(RequestId::time_ordered(NOON, [5; 10])),
            body:
                r#"{"webhook_id":"019b8e5a","event_type":"order-created","order":{"id":"17","lines":[1,2]}}"#
                    .to_owned(),
            attempts: vec![
                attempt(1, timeout, None),
                attempt(2, refused.clone(), Some(503)),
                attempt(3, refused, Some(503)),
            ],
        })
    }

    async fn deliveries_of_request(&self, _: RequestId) -> Result<Vec<RequestDelivery>, AppError> {
        Ok(self.triggered.clone())
    }
}

#[async_trait]
impl SeeKeys for World {
    async fn list(&self) -> Result<Vec<KeyGroup>, AppError> {
        let key = |environment| KeySummary {
            id: KeyId::from_random([9; 16]),
            environment,
            created_at: NOON,
            created_by: "ana@example.com".to_owned(),
            last_four: "a6f1".to_owned(),
            last_used: None,
            terms: KeyTerms::default(),
        };
        let group = |environment| KeyGroup {
            environment,
            keys: if environment == Environment::Prod {
                Vec::new()
            } else {
                vec![key(environment)]
            },
            expired: Vec::new(),
            rotation: None,
            ending: Vec::new(),
        };
        Ok(Environment::ALL.map(group).to_vec())
    }

    async fn deletion_facts(&self, _: KeyId) -> Result<DeletionFacts, AppError> {
        Err(AppError::NotFound)
    }

    async fn key(&self, _: KeyId) -> Result<SeenKey, AppError> {
        Err(AppError::NotFound)
    }

    async fn deleted(&self) -> Result<Vec<DeletedKeyRow>, AppError> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl KeepViews for World {
    async fn list(&self) -> Result<Vec<SavedView>, AppError> {
        Ok(vec![SavedView {
            id: ViewId::from_random([1; 16]),
            name: "Errors <b>".to_owned(),
            query: ViewQuery::of("range=7d&status=5xx"),
        }])
    }

    async fn save(&self, _: &str, _: ViewQuery) -> Result<(), AppError> {
        Err(AppError::NotFound)
    }

    async fn rename(&self, _: ViewId, _: &str) -> Result<(), AppError> {
        Err(AppError::NotFound)
    }

    async fn delete(&self, _: ViewId) -> Result<(), AppError> {
        Err(AppError::NotFound)
    }
}

#[async_trait]
impl SeeLogs for World {
    async fn page(&self, _: &LogFilter, parts: LogParts) -> Result<LogPage, AppError> {
        let mut page = self.log.clone().ok_or(AppError::NotFound)?;
        page.histogram = page.histogram.filter(|_| parts.histogram);
        page.facets = page.facets.filter(|_| parts.facets);
        page.errors = page.errors.filter(|_| parts.errors);
        page.endpoints = page.endpoints.filter(|_| parts.endpoints);
        Ok(page)
    }

    async fn key_names(&self) -> Result<Vec<KeyName>, AppError> {
        Ok(Vec::new())
    }

    async fn new_rows(&self, _: &LogFilter, _: i64, _: usize) -> Result<NewRows, AppError> {
        Err(AppError::NotFound)
    }

    async fn entry(&self, _: RequestId) -> Result<LogEntry, AppError> {
        self.entry.clone().ok_or(AppError::NotFound)
    }
}

/// No page of these calls such a port.
const fn refused<Port: ?Sized>(role: Role, permission: Permission) -> Allowed<Port> {
    Err(AppError::Forbidden { role, permission })
}

pub(crate) struct Somebody(pub(crate) Arc<World>);

#[async_trait]
impl Visitor for Somebody {
    async fn companies(&self) -> Result<Vec<Brand>, AppError> {
        Ok(vec![Brand {
            client_id: company(),
            name: "Acme Lending".to_owned(),
        }])
    }

    async fn enter(&self, asked: ClientId) -> Result<CompanyAccess, AppError> {
        // As with a database: the answer is not there at the first look.
        tokio::task::yield_now().await;
        if asked != company() {
            return Err(AppError::NotFound);
        }
        let role = self.0.role;
        Ok(CompanyAccess {
            context: self.0.context(),
            keys: Ok(self.0.clone()),
            key_manager: refused(role, Permission::ManageKeys),
            key_secrets: refused(role, Permission::RevealKeys),
            rotations: Err(AppError::NotFound),
            rotator: refused(role, Permission::ManageKeys),
            logs: Ok(self.0.clone()),
            views: Ok(self.0.clone()),
            webhooks: Ok(self.0.clone()),
            webhook_manager: AppError::unless_may(role, Permission::ManageWebhooks)
                .map(|()| Arc::new(Untouched) as _),
            webhook_secrets: refused(role, Permission::RevealWebhookSecrets),
            replays: refused(role, Permission::ReplayDeliveries),
        })
    }

    fn event_types(&self, brief: bool) -> Catalogue {
        if brief { catalogue().brief() } else { catalogue() }
    }

    fn is_demo(&self) -> bool {
        true
    }
}

pub(crate) const fn owner() -> World {
    World {
        role: Role::Owner,
        empty: false,
        log: None,
        entry: None,
        triggered: Vec::new(),
    }
}

pub(crate) const fn viewer() -> World {
    World {
        role: Role::Viewer,
        empty: false,
        log: None,
        entry: None,
        triggered: Vec::new(),
    }
}
