//! `docs/integrations`: each shipped configuration in the real proxy, in front of a real Gatehouse. The same cases for all.
//! They need programs that the other tests do not, so `cargo xtask test --peers` runs them.

mod caller;
mod cases;
mod message;
mod odd_targets;
mod shipped;
mod told;
mod upstream;

use std::time::{Duration, Instant};

use model::{Actor, ClientId, CompanyId, Environment, LogEntry};
use server::config::{Completion, RateLimit};
use tempfile::TempDir;

use self::caller::Call;
use self::message::Message;
use self::shipped::{AccessLog, Proxy, Shipped};
use self::upstream::Upstream;
use crate::world::{To, World};

/// How long rows wait for the proxy's access log: longer than a proxy's cases take.
const WAIT: Duration = Duration::from_secs(1200);

/// How long a test waits for it.
const PATIENCE: Duration = Duration::from_secs(20);

/// Requests a minute that each key of the test has.
const BUDGET: u32 = 200;

/// A proxy between a caller and an API, with the Gatehouse that it asks.
struct Stage {
    world: World,
    api: Upstream,
    proxy: Proxy,
    log: AccessLog,
    _log_folder: TempDir,
    shipped: Shipped,
    company: CompanyId,
    /// Active in Production.
    key: Key,
    /// Active in Sandbox, of the same company.
    elsewhere: Key,
    brand: ClientId,
    /// What was found wrong. All cases run, so that the whole extent of a fault is known.
    faults: Vec<String>,
}

/// A key as its owner has it.
struct Key {
    id: String,
    client_id: ClientId,
    secret: String,
}

impl Stage {
    async fn start(shipped: Shipped) -> Self {
        let log_folder = tempfile::tempdir().expect("a folder");
        let file = log_folder.path().join("access.json");
        let completion = Completion {
            syslog: Some("127.0.0.1:0".parse().expect("an address")),
            files: vec![file.clone()],
            wait: WAIT,
        };
        let world = World::start_with(|config| {
            config.completion = Some(completion);
            config.rate_limit = RateLimit::Requests(BUDGET);
            config.trusted_proxies = vec!["127.0.0.1/32".parse().expect("a network")];
        })
        .await;
        let (company, client_id) = world.company("Acme").await;
        let core = &world.running().services.core;
        let brand = core
            .accounts
            .create_company("Acme East", Some(client_id), &Actor::command_line())
            .await
            .expect("a brand");
        core.keys.company_changed().await.expect("is loaded");
        let key = Key::of(&world, company, client_id, Environment::Prod).await;
        let elsewhere = Key::of(&world, company, client_id, Environment::Sandbox).await;
        let api = Upstream::start().await;
        let syslog = world.running().completion_syslog.expect("it listens");
        let log = AccessLog { syslog, file };
        let proxy = Proxy::start(shipped, api.address, world.address(To::Operator), &log);
        Self {
            company,
            brand: brand.client_id,
            faults: Vec::new(),
            world,
            api,
            proxy,
            log,
            _log_folder: log_folder,
            shipped,
            key,
            elsewhere,
        }
    }

    /// The response, and what the API got.
    async fn send(&self, call: &Call) -> (Option<Message>, Vec<Message>) {
        let response = caller::send(self.proxy.address, std::slice::from_ref(call)).await;
        (response, self.api.take())
    }

    /// A call that must reach the API, once, with status 200. `None` if it did not, which is then among the faults.
    async fn passes(&mut self, what: &str, call: &Call) -> Option<(Message, Message)> {
        let (response, received) = self.send(call).await;
        let status = response.as_ref().map(|response| response.head.status());
        match (response, <[Message; 1]>::try_from(received)) {
            (Some(response), Ok([request])) if response.head.status() == 200 => Some((response, request)),
            (_, received) => {
                let times = received.map_or_else(|received| received.len(), |_| 1);
                self.fault(what, format!("{status:?}, and the API got {times} requests"));
                None
            }
        }
    }

    fn fault(&mut self, what: &str, fault: impl std::fmt::Display) {
        self.faults
            .push(format!("{}, {what}: {fault}", self.shipped.name));
    }

    fn same<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, found: T, expected: T) {
        if found != expected {
            self.fault(what, format!("{found:?} instead of {expected:?}"));
        }
    }

    /// What the log has of this request, once the proxy has told how it ended.
    async fn entry(&self, request_id: &str) -> Option<LogEntry> {
        let asked = Instant::now();
        loop {
            let entry = self.entry_so_far(request_id).await;
            if entry.is_some() || asked.elapsed() > PATIENCE {
                return entry;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn entry_so_far(&self, request_id: &str) -> Option<LogEntry> {
        let services = &self.world.running().services;
        services.recorder.flush().await;
        let scope = logs::Scope::WithBrands {
            company: self.company,
            client_id: self.key.client_id,
        };
        let now = services.clock().now();
        let entry = services.reading.entry(scope, request_id.parse().ok()?, now);
        entry.await.expect("the log can be read")
    }

    fn close(self) {
        assert!(self.faults.is_empty(), "\n{}", self.faults.join("\n"));
    }
}

impl Key {
    async fn of(world: &World, company: CompanyId, client_id: ClientId, environment: Environment) -> Self {
        let key = world.key(company, environment).await;
        Self {
            id: key.key.id.to_string(),
            client_id,
            secret: key.secret.expose().to_owned(),
        }
    }
}

/// Runs all cases with this proxy.
async fn judge(shipped: Shipped) {
    let mut stage = Stage::start(shipped).await;
    cases::identity(&mut stage).await;
    cases::forged_names(&mut stage).await;
    cases::hop_by_hop(&mut stage).await;
    cases::credentials(&mut stage).await;
    cases::refusals(&mut stage).await;
    cases::bodies(&mut stage).await;
    cases::claims_about_the_request(&mut stage).await;
    cases::errors_of_the_api(&mut stage).await;
    told::what_the_access_log_tells(&mut stage).await;
    told::an_id_that_a_caller_chose(&mut stage).await;
    odd_targets::odd_targets(&mut stage).await;
    cases::gatehouse_that_cannot_say(&mut stage).await;
    stage.close();
}

#[tokio::test]
#[ignore = "needs the real proxy: `cargo xtask test --peers`"]
async fn nginx_with_the_shipped_configuration_lets_pass_what_gatehouse_accepts() {
    judge(shipped::NGINX).await;
}

#[tokio::test]
#[ignore = "needs the real proxy: `cargo xtask test --peers`"]
async fn haproxy_with_the_shipped_configuration_lets_pass_what_gatehouse_accepts() {
    judge(shipped::HAPROXY).await;
}

#[tokio::test]
#[ignore = "needs the real proxy: `cargo xtask test --peers`"]
async fn caddy_with_the_shipped_configuration_lets_pass_what_gatehouse_accepts() {
    judge(shipped::CADDY).await;
}

#[tokio::test]
#[ignore = "needs the real proxy: `cargo xtask test --peers`"]
async fn traefik_with_the_shipped_configuration_lets_pass_what_gatehouse_accepts() {
    judge(shipped::TRAEFIK).await;
}

#[tokio::test]
#[ignore = "needs the real proxy: `cargo xtask test --peers`"]
async fn envoy_with_the_shipped_configuration_lets_pass_what_gatehouse_accepts() {
    judge(shipped::ENVOY).await;
}
