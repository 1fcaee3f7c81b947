//! The starting point of the webhook tests: a company, a clock and keys that the tests move, receivers on loopback, and
//! workers.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use clock::{Clock, ManualClock};
use live::Bus;
use model::{
    Actor, ActorKind, CompanyId, Delivery, DeliveryCursor, DeliveryFilter, DeliveryId, DeliveryRow,
    DeliveryState, Environment, EventId, EventType, KeyId, Timestamp, Webhook, WebhookDraft, WebhookEvents,
    WebhookId, WebhookRow,
};
use store::Db;
use tokio::sync::watch;
use vault::{AccessSecret, InstallId, MasterKey};
use webhooks::{
    DeliveryList, EventTypes, Parts, PayloadCheck, Policy, Publication, PublishError, Published,
    RunningWorker, Sender, SentHeaders, SigningSecret, SigningSecrets, StorageFailure, Stores,
    SystemResolver, WebhookPatch, Webhooks, Worker, WorkerOptions,
};

use crate::test_db::TestCompany;
use crate::webhook_tables::{Tables, WebhookTables};

pub(crate) const START: Timestamp = Timestamp::from_millis(1_767_614_400_000);
pub(crate) const SANDBOX: Environment = Environment::Sandbox;

/// Far longer than anything on loopback takes, but short enough for a receiver that hangs.
const DEADLINE: Duration = Duration::from_secs(5);

/// Keys that a test adds and removes. They are the same for every company and environment.
#[derive(Default)]
pub(crate) struct TestKeys {
    keys: Mutex<Vec<SigningSecret>>,
    pub(crate) changes: watch::Sender<u64>,
}

impl TestKeys {
    /// Adds a key that is newer than all others.
    pub(crate) fn add(&self) -> SigningSecret {
        let secret = AccessSecret::generate(SANDBOX);
        let (key_id, last_four) = (KeyId::from_random(vault::random()), secret.last_four().to_owned());
        let key = SigningSecret {
            key_id,
            last_four,
            secret,
        };
        self.keys.lock().expect("no panic").push(key.clone());
        self.changes.send_modify(|changes| *changes += 1);
        key
    }

    pub(crate) fn take_away(&self, key: &SigningSecret) {
        let mut keys = self.keys.lock().expect("no panic");
        keys.retain(|one| one.key_id != key.key_id);
        drop(keys);
        self.changes.send_modify(|changes| *changes += 1);
    }

    pub(crate) fn take_all_away(&self) {
        self.keys.lock().expect("no panic").clear();
        self.changes.send_modify(|changes| *changes += 1);
    }
}

#[async_trait]
impl SigningSecrets for TestKeys {
    async fn signing_secrets(
        &self,
        _: CompanyId,
        _: Environment,
    ) -> Result<Vec<SigningSecret>, StorageFailure> {
        Ok(self.keys.lock().expect("no panic").clone())
    }
}

/// One installation with two companies, whose webhooks may reach loopback.
pub(crate) struct World {
    pub(crate) clock: ManualClock,
    pub(crate) company: TestCompany,
    pub(crate) other: TestCompany,
    pub(crate) keys: Arc<TestKeys>,
    pub(crate) webhooks: Webhooks,
    pub(crate) event_types: EventTypes,
    pub(crate) store: Stores,
    pub(crate) tables: Tables,
    pub(crate) deadline: Duration,
    master_key: Arc<MasterKey>,
    install: InstallId,
}

pub(crate) fn policy() -> Policy {
    Policy::new(vec!["127.0.0.0/8".parse().expect("a network")], Vec::new())
}

pub(crate) fn ana() -> Actor {
    Actor {
        kind: ActorKind::Member,
        name: "ana@example.com".to_owned(),
        address: None,
    }
}

impl World {
    /// Has no key.
    pub(crate) async fn without_key(db: &impl WebhookTables) -> Self {
        let (clock, keys) = (ManualClock::at(START), Arc::new(TestKeys::default()));
        let (master_key, install) = (Arc::new(MasterKey::generate()), InstallId::generate());
        let tables = db.tables();
        let store = tables.stores();
        let event_types = EventTypes::open(tables.catalogue(), Bus::default(), Clock::from(&clock))
            .await
            .expect("the event types");
        let parts = Parts {
            store: store.clone(),
            master_key: master_key.clone(),
            install,
            signing: keys.clone(),
            policy: policy(),
            headers: SentHeaders::default(),
            resolver: Arc::new(SystemResolver::default()),
            bus: Bus::default(),
            names: Arc::default(),
            event_types: event_types.clone(),
            payload_check: PayloadCheck::default(),
            clock: Clock::from(&clock),
        };
        Self {
            clock,
            company: db.company(1, None).await,
            other: db.company(2, None).await,
            keys,
            webhooks: Webhooks::new(parts),
            event_types,
            store,
            tables,
            deadline: DEADLINE,
            master_key,
            install,
        }
    }

    /// Has one key.
    pub(crate) async fn create(db: &impl WebhookTables) -> Self {
        let world = Self::without_key(db).await;
        world.keys.add();
        world
    }

    /// Another node of the same installation.
    pub(crate) fn node(&self, tables: &Tables) -> Webhooks {
        Webhooks::new(Parts {
            store: tables.stores(),
            master_key: self.master_key.clone(),
            install: self.install,
            signing: self.keys.clone(),
            policy: policy(),
            headers: SentHeaders::default(),
            resolver: Arc::new(SystemResolver::default()),
            bus: Bus::default(),
            names: Arc::default(),
            event_types: self.event_types.clone(),
            payload_check: PayloadCheck::default(),
            clock: Clock::from(&self.clock),
        })
    }

    pub(crate) fn start(&self) -> RunningWorker {
        self.start_with(&self.webhooks, WorkerOptions::default())
    }

    pub(crate) fn start_with(&self, webhooks: &Webhooks, options: WorkerOptions) -> RunningWorker {
        let roots = rustls::RootCertStore::empty();
        let sender = Sender::new(
            policy(),
            Arc::new(SystemResolver::default()),
            roots,
            self.deadline,
        )
        .expect("a sender");
        Worker::new(
            webhooks.clone(),
            Arc::new(sender),
            self.keys.changes.subscribe(),
            options,
        )
        .start()
    }

    pub(crate) async fn webhook(&self, url: &str) -> Webhook {
        self.webhooks
            .create(self.company.id, &draft(url), &ana())
            .await
            .expect("created")
    }

    pub(crate) async fn publish(&self, payload: &str) -> Published {
        self.try_publish(payload, None).await.expect("published")
    }

    pub(crate) async fn try_publish(
        &self,
        payload: &str,
        key: Option<&str>,
    ) -> Result<Published, PublishError> {
        self.publish_at(
            &self.webhooks,
            EventType::from_static("order-created"),
            payload,
            key,
        )
        .await
    }

    /// Publishes on another node.
    pub(crate) async fn publish_on(&self, node: &Webhooks, payload: &str) -> Result<Published, PublishError> {
        self.publish_at(node, EventType::from_static("order-created"), payload, None)
            .await
    }

    pub(crate) async fn publish_as(
        &self,
        event_type: EventType,
        payload: &str,
        key: Option<&str>,
    ) -> Result<Published, PublishError> {
        self.publish_at(&self.webhooks, event_type, payload, key).await
    }

    async fn publish_at(
        &self,
        node: &Webhooks,
        event_type: EventType,
        payload: &str,
        key: Option<&str>,
    ) -> Result<Published, PublishError> {
        let publication = Publication {
            company: self.company.id,
            environment: SANDBOX,
            event_type,
            payload,
            happened_at: None,
            request_id: None,
            idempotency_key: key,
        };
        node.publish(publication, &ana()).await
    }

    pub(crate) async fn deliveries(&self, webhook: WebhookId) -> Vec<DeliveryRow> {
        self.newest_deliveries(webhook, 50).await
    }

    pub(crate) async fn newest_deliveries(&self, webhook: WebhookId, at_most: u32) -> Vec<DeliveryRow> {
        let list = DeliveryList {
            company: self.company.id,
            webhook,
            filter: &DeliveryFilter::default(),
        };
        let found = self.store.pages.deliveries(list, DeliveryCursor::Newest, at_most);
        found.await.expect("read")
    }

    pub(crate) async fn delivery(&self, id: DeliveryId) -> Delivery {
        self.webhooks
            .delivery(self.company.id, id)
            .await
            .expect("a delivery")
    }

    /// The webhook's only delivery of this event.
    pub(crate) async fn delivery_of(&self, webhook: WebhookId, event: EventId) -> DeliveryRow {
        let found = self
            .deliveries(webhook)
            .await
            .into_iter()
            .find(|row| row.event_id == event);
        found.expect("the event has a delivery")
    }

    /// Waits until the delivery of this event is in this state after this many attempts, with none in progress.
    pub(crate) async fn settled(
        &self,
        webhook: WebhookId,
        event: EventId,
        state: DeliveryState,
        attempts: u32,
    ) -> DeliveryRow {
        let what = format!("the delivery is {state:?} after {attempts} attempts");
        test_wait::eventually(&what, async || {
            let row = self.delivery_of(webhook, event).await;
            let waiting = state != DeliveryState::Pending || row.next_attempt_at.is_some();
            (row.state == state && row.attempts == attempts && waiting).then_some(row)
        })
        .await
    }

    /// Waits until this many replays have ended, with none in progress.
    pub(crate) async fn replayed(&self, delivery: DeliveryId, replays: u32) -> DeliveryRow {
        test_wait::eventually("the replay is done", async || {
            let row = self.delivery(delivery).await.row;
            let idle = row.state != DeliveryState::Pending || row.next_attempt_at.is_some();
            (row.replays == replays && idle).then_some(row)
        })
        .await
    }

    /// Pauses or enables the webhook.
    pub(crate) async fn set_enabled(&self, webhook: WebhookId, enabled: bool) -> Webhook {
        let patch = WebhookPatch {
            enabled: Some(enabled),
            ..WebhookPatch::default()
        };
        let changed = self
            .webhooks
            .patch(self.company.id, None, webhook, patch, &ana())
            .await;
        changed.expect("changed")
    }

    pub(crate) async fn row(&self, webhook: WebhookId) -> WebhookRow {
        let detail = self.webhooks.detail(self.company.id, webhook).await;
        detail.expect("a detail").row
    }

    /// For a case that speaks SQL, which does not run in memory.
    pub(crate) fn db(&self) -> &Db {
        match &self.tables {
            Tables::Database(db) => db,
            Tables::Memory(_) => panic!("there is no database in memory"),
        }
    }

    pub(crate) fn clock_now(&self) -> Timestamp {
        self.webhooks.now()
    }

    /// The actions in the audit trail, oldest first.
    pub(crate) async fn audit(&self) -> Vec<String> {
        self.tables.audit().await
    }
}

pub(crate) fn draft(url: &str) -> WebhookDraft {
    WebhookDraft {
        name: "Orders".to_owned(),
        url: url.to_owned(),
        environment: SANDBOX,
        events: WebhookEvents::All,
        enabled: true,
    }
}
