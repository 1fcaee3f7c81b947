//! The services of a running server, connected to each other: the log's recorder, webhooks with their worker, and the
//! gateway. [`crate::serve`] starts them, and stops them in an order that loses nothing.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clock::Clock;
use gateway::{CompletionOptions, Gateway, GatewayOptions, Limits, LocalApi};
use logs::{Reading, Recorder, RecorderOptions};
use store::logs::{Logs, LogsOptions, MoveOptions};
use store::{RelayPace, RunningRelay, StoredDirectory};
use tokio_util::sync::CancellationToken;
use webhooks::{
    Parts, Policy, RunningWorker, Sender, Stores, SystemResolver, Webhooks, Worker, WorkerOptions,
};
use wire::Tls;

use crate::config::{CertificateFiles, Config, ConfigError, Database};
use crate::core::Core;
use crate::descriptors::Descriptors;
use crate::error::StartError;
use crate::public_api::PublicApi;
use crate::signing::KeysThatSign;

/// How many questions about the log may be answered at once.
const LOG_READS: usize = 4;
const TIDY_EVERY: Duration = Duration::from_secs(3600);
/// How long an open stream may outlive a session that another node has ended, whatever becomes of the news of it: the node
/// may die between its commit and telling, and `admin` on a machine without a server cannot tell the nodes.
const WATCH_SESSIONS_EVERY: Duration = Duration::from_secs(1);

/// Handles on everything a request may need. Cheap to clone.
#[derive(Clone)]
pub struct Services {
    pub core: Arc<Core>,
    pub log: Logs,
    pub reading: Reading,
    pub recorder: Recorder,
    pub webhooks: Webhooks,
    pub gateway: Gateway,
    /// The dashboard's certificate.
    pub tls: Option<Tls>,
    /// Cancelled when the server stops, which ends open streams and background tasks.
    pub stopping: CancellationToken,
}

impl std::fmt::Debug for Services {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Services")
            .field("core", &self.core)
            .finish_non_exhaustive()
    }
}

/// The background tasks, which have to be stopped.
#[derive(Debug)]
pub struct Background {
    worker: RunningWorker,
    keys: keys::Running,
    /// Where other nodes may share the database.
    relay: Option<RunningRelay>,
}

impl Background {
    /// Returns when this node hears of what the others do; at once where there can be no other.
    pub async fn hears_other_nodes(&self) {
        if let Some(relay) = &self.relay {
            relay.heard().await;
        }
    }
}

impl Services {
    /// `own` lists this installation's listeners, which no delivery may reach. The gateway does not forward a path that
    /// begins with one of `withheld`.
    pub async fn start(
        config: &Config,
        core: Arc<Core>,
        bounds: &Descriptors,
        own: Vec<SocketAddr>,
        withheld: BTreeSet<String>,
    ) -> Result<(Self, Background), StartError> {
        let options = LogsOptions {
            removals: core.log_removals.clone(),
            ..LogsOptions::new(core.log_container.clone())
        };
        let log = Logs::open(core.log_db.clone(), options)
            .await
            .map_err(StartError::failed("opening the log"))?;
        let shared = Arc::new(log.clone());
        let reading = Reading::new(shared.clone(), shared.clone(), LOG_READS)
            .naming(Arc::new(StoredDirectory::new(core.db.clone())));
        // Commands that this server carries out read as its pages do.
        core.log_reading.get_or_init(|| reading.clone());
        let mut options = RecorderOptions::new(core.clock.clone());
        options.names = Arc::clone(&config.names);
        if let Some(completion) = &config.completion {
            options.held_before = completion.wait;
        }
        let recorder = Recorder::start(shared.clone(), shared, core.bus.clone(), options)
            .await
            .map_err(StartError::failed("beginning a run of the log"))?;
        let resolver = SystemResolver::new(bounds.lookups);
        let webhooks = webhooks(config, &core, resolver.clone(), own.clone());
        let api: Arc<dyn LocalApi> = Arc::new(PublicApi::new(webhooks.clone()));
        let options = GatewayOptions {
            upstreams: config.upstreams.iter().cloned().collect(),
            gateway_url: config.gateway_url.clone(),
            public_api_url: config.public_url.clone(),
            public_api_tls: config.tls.is_some(),
            trusted_proxies: config.trusted_proxies.clone(),
            verify_peers: config.verify_peers.clone(),
            completion: config.completion.as_ref().map(|completion| CompletionOptions {
                wait: completion.wait,
                ..CompletionOptions::default()
            }),
            open: config.open.clone(),
            withheld,
            tls: loaded(&config.gateway_tls, config)?,
            upstream_http2: config.upstream_http2,
            timeouts: config.gateway.timeouts,
            limits: Limits {
                connections: at_most(config.gateway.connections, bounds.gateway),
                connections_per_address: config.connections_per_address,
                streams: config.gateway.streams,
                requests: at_most(config.gateway.requests, bounds.requests),
                upstream_idle: bounds.upstream_idle,
                head_bytes: config.gateway.head_bytes,
                public_api_body_bytes: config.gateway.public_api_body_bytes,
                ..Limits::default()
            },
        };
        let tls = loaded(&config.tls, config)?;
        let gateway = Gateway::new(
            options,
            core.keys.clone(),
            recorder.clone(),
            api,
            core.clock.clone(),
        )
        .map_err(|fault| ConfigError::new(format!("upstream cannot be used: {fault}.")))?;
        if config.place.database == Database::Embedded {
            // This process holds the data directory, so any earlier owner of these leases has ended.
            let left = webhooks
                .take_over_alone()
                .await
                .map_err(StartError::failed("taking up deliveries"))?;
            if left > 0 {
                tracing::info!(
                    left,
                    "deliveries were in progress when the server last stopped; they will be sent again"
                );
            }
        }
        let worker = start_worker(config, &webhooks, &core, bounds, resolver, own)?;
        let background = Background {
            worker,
            keys: core.keys.start(),
            relay: match &config.place.database {
                Database::Embedded => None,
                Database::Postgres(url) => Some(store::start_relay(
                    url,
                    &core.db,
                    core.install,
                    &core.bus,
                    RelayPace::default(),
                )),
            },
        };
        Ok((
            Self {
                core,
                log,
                reading,
                recorder,
                webhooks,
                gateway,
                tls,
                stopping: CancellationToken::new(),
            },
            background,
        ))
    }

    /// Removes expired sessions, now and every hour until the server stops.
    pub async fn tidy(self) {
        let mut hours = self.core.clock.every(TIDY_EVERY);
        loop {
            if let Err(error) = self.core.accounts.remove_dead_sessions().await {
                tracing::warn!(
                    error = crate::error::chain(&error),
                    "could not remove expired sessions"
                );
            }
            tokio::select! {
                () = self.stopping.cancelled() => return,
                () = hours.tick() => {}
            }
        }
    }

    /// Moves the log rows of a version before to where this version reads them, and ends when there are none left.
    pub async fn move_old_log_rows(self) {
        let options = MoveOptions::default();
        tokio::select! {
            () = self.stopping.cancelled() => {}
            () = self.log.move_old_rows(&options) => {}
        }
    }

    /// For several nodes on one database. Whenever any node has ended sessions, open streams check theirs again.
    pub async fn watch_sessions(self) {
        let accounts = &self.core.accounts;
        let mut seconds = self.core.clock.every(WATCH_SESSIONS_EVERY);
        let mut elsewhere = self.core.bus.sessions_elsewhere();
        let mut seen = None;
        loop {
            // A failed query ends no session. The next second asks again.
            if let Ok(version) = accounts.sessions_version().await
                && seen.replace(version).is_some_and(|before| before != version)
            {
                self.core.bus.sessions_ended_elsewhere();
            }
            tokio::select! {
                () = self.stopping.cancelled() => return,
                () = seconds.tick() => {}
                Ok(()) = elsewhere.changed() => {}
            }
        }
    }

    /// The certificates, each with the listener that has it.
    pub fn certificates(&self) -> impl Iterator<Item = (&'static str, &Tls)> {
        let all = [("dashboard", self.tls.as_ref()), ("gateway", self.gateway.tls())];
        all.into_iter()
            .filter_map(|(listener, tls)| Some((listener, tls?)))
    }

    pub fn clock(&self) -> Clock {
        self.core.clock.clone()
    }

    /// Call it after the listeners have drained. Stops the deliveries first, then writes what requests left in memory.
    pub async fn stop(&self, background: Background) {
        background.worker.stop().await;
        background.keys.stop().await;
        if let Some(completions) = self.gateway.completions() {
            completions.close();
        }
        self.recorder.shutdown().await;
        if let Some(relay) = background.relay {
            relay.stop().await;
        }
        self.core.close().await;
    }
}

fn loaded(files: &Option<CertificateFiles>, config: &Config) -> Result<Option<Tls>, ConfigError> {
    let load = |files: &CertificateFiles| files.load(config.gateway.timeouts.handshake);
    files.as_ref().map(load).transpose()
}

/// What was set, as far as the limit of open files allows.
fn at_most(set: Option<usize>, bound: usize) -> usize {
    set.map_or(bound, |set| set.min(bound))
}

fn webhooks(config: &Config, core: &Core, resolver: SystemResolver, own: Vec<SocketAddr>) -> Webhooks {
    let webhooks = Webhooks::new(Parts {
        store: Stores::of(store::webhooks::StoredWebhooks::new(core.db.clone())),
        master_key: Arc::clone(&core.secrets.master_key),
        install: core.install,
        signing: Arc::new(KeysThatSign(core.keys.clone())),
        policy: policy(config, own),
        headers: config.webhook_headers.clone(),
        resolver: Arc::new(resolver),
        bus: core.bus.clone(),
        names: Arc::clone(&config.names),
        event_types: core.event_types.clone(),
        payload_check: config.event_payloads,
        clock: core.clock.clone(),
    });
    // Commands that this server carries out tell its worker.
    core.worker_brake.get_or_init(|| webhooks.brake());
    webhooks
}

fn start_worker(
    config: &Config,
    webhooks: &Webhooks,
    core: &Core,
    bounds: &Descriptors,
    resolver: SystemResolver,
    own: Vec<SocketAddr>,
) -> Result<RunningWorker, StartError> {
    let policy = policy(config, own);
    let sender = Sender::new(
        policy,
        Arc::new(resolver),
        webhooks::native_roots(),
        webhooks::DEADLINE,
    )
    .map_err(StartError::failed("preparing to deliver webhooks"))?
    .keeping(bounds.receiver_idle);
    let worker = Worker::new(
        webhooks.clone(),
        Arc::new(sender),
        core.keys.changes(),
        WorkerOptions {
            at_once: u32::try_from(bounds.attempts).unwrap_or(u32::MAX),
            ..WorkerOptions::default()
        },
    );
    Ok(worker.start())
}

/// Which addresses deliveries may reach. Includes what the operator allows, and never this installation itself.
fn policy(config: &Config, mut own: Vec<SocketAddr>) -> Policy {
    if let Database::Postgres(url) = &config.place.database {
        own.extend(database_addresses(url));
    }
    Policy::new(config.allow_networks.clone(), own)
}

/// The database's addresses, as far as its name resolves now.
fn database_addresses(url: &str) -> Vec<SocketAddr> {
    let Ok(url) = url.parse::<url::Url>() else {
        return Vec::new();
    };
    url.socket_addrs(|| Some(5432)).unwrap_or_default()
}
