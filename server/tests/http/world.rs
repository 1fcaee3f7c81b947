//! A whole server for a test, and a client to call it. The server stops when the world is dropped.

use std::net::SocketAddr;
use std::path::Path;

use accounts::{Email, Password, Passwords};
use bytes::Bytes;
use clock::{Clock, ManualClock};
use http::header::{HOST, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use model::{Actor, ClientId, CompanyId, Environment, GeneratedKey, Role};
use server::config::{Config, Database, ListenAddress, Place, RateLimit};
use server::serve::{self, Running};
use tempfile::TempDir;
use webhooks::Publication;

pub(crate) const PASSWORD: &str = "correct horse";

pub(crate) struct World {
    running: Option<Running>,
    dir: TempDir,
    client: Client<HttpConnector, Full<Bytes>>,
}

/// The listener to call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum To {
    Dashboard,
    Gateway,
    Operator,
}

/// A response that was read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    /// A header's text. Empty if it is missing.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// `name=value` of the cookie it sets.
    pub(crate) fn cookie(&self) -> String {
        self.header(SET_COOKIE.as_str())
            .split(';')
            .next()
            .unwrap_or_default()
            .to_owned()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

/// A company with its two people.
#[derive(Clone, Debug)]
pub(crate) struct Acme {
    pub(crate) id: CompanyId,
    pub(crate) client_id: ClientId,
    /// Session cookies.
    pub(crate) owner: String,
    pub(crate) viewer: String,
}

pub(crate) fn config(data_dir: &Path) -> Config {
    let anywhere = ListenAddress {
        address: SocketAddr::from(([127, 0, 0, 1], 0)),
        is_default: false,
    };
    Config {
        provider: model::Provider::default(),
        place: Place {
            data_dir: data_dir.to_owned(),
            database: Database::Embedded,
            credentials: keys::CredentialForm::default(),
            retention: logs::Retention::default(),
        },
        listen: anywhere,
        gateway_listen: anywhere,
        operator_listen: anywhere,
        operator_hosts: Vec::new(),
        public_url: None,
        gateway_url: None,
        upstreams: Vec::new(),
        upstream_http2: gateway::UpstreamHttp2::default(),
        tls: None,
        gateway_tls: None,
        allow_networks: Vec::new(),
        trusted_proxies: Vec::new(),
        verify_peers: Vec::new(),
        completion: None,
        open: gateway::Open::default(),
        webhook_headers: webhooks::SentHeaders::default(),
        event_payloads: webhooks::PayloadCheck::default(),
        connections_per_address: 1024,
        gateway: server::config::GatewayLimits::default(),
        names: std::sync::Arc::new(logs::Names::default()),
        rate_limit: RateLimit::Requests(300),
        log: "info".to_owned(),
        demo: None,
        leptos_config: "nowhere/Leptos.toml".into(),
    }
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub(crate) async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        Self::open(change, Clock::machine()).await
    }

    /// A server whose time the test moves.
    pub(crate) async fn start_by(clock: &ManualClock, change: impl FnOnce(&mut Config)) -> Self {
        Self::open(change, Clock::from(clock)).await
    }

    async fn open(change: impl FnOnce(&mut Config), clock: Clock) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let mut config = config(dir.path());
        change(&mut config);
        let running = serve::start(config, Passwords::cheap(), clock)
            .await
            .expect("starts");
        Self {
            running: Some(running),
            dir,
            client: Client::builder(TokioExecutor::new()).build_http(),
        }
    }

    pub(crate) fn running(&self) -> &Running {
        self.running.as_ref().expect("it runs")
    }

    pub(crate) fn data_dir(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) async fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.stop().await;
        }
    }

    pub(crate) async fn company(&self, name: &str) -> (CompanyId, ClientId) {
        let core = &self.running().services.core;
        let created = core
            .accounts
            .create_company(name, None, &Actor::command_line())
            .await
            .expect("a company");
        core.keys.company_changed().await.expect("reloads");
        (created.id, created.client_id)
    }

    pub(crate) async fn member(&self, company: ClientId, email: &str, role: Role) {
        let email: Email = email.parse().expect("an address");
        let password = Password::new(PASSWORD.to_owned()).expect("long enough");
        let accounts = &self.running().services.core.accounts;
        accounts
            .create_member(company, email, role, password, &Actor::command_line())
            .await
            .expect("a member");
    }

    /// A company with an owner and a viewer, both signed in.
    pub(crate) async fn acme(&self, name: &str) -> Acme {
        let (id, client_id) = self.company(name).await;
        let (owner, viewer) = (
            format!("owner-{client_id}@example.com"),
            format!("viewer-{client_id}@example.com"),
        );
        self.member(client_id, &owner, Role::Owner).await;
        self.member(client_id, &viewer, Role::Viewer).await;
        let (owner, viewer) = (self.sign_in(&owner).await, self.sign_in(&viewer).await);
        Acme {
            id,
            client_id,
            owner,
            viewer,
        }
    }

    /// The session cookie.
    pub(crate) async fn sign_in(&self, email: &str) -> String {
        let answer = self
            .ask(Method::POST, "/sign-in")
            .form(&[("email", email), ("password", PASSWORD)])
            .send()
            .await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{answer:?}");
        answer.cookie()
    }

    pub(crate) async fn key(&self, company: CompanyId, environment: Environment) -> GeneratedKey {
        let keys = &self.running().services.core.keys;
        keys.generate(company, environment, &Actor::command_line())
            .await
            .expect("a key")
    }

    /// Publishes an event of the company in Sandbox.
    pub(crate) async fn publish(&self, company: CompanyId) {
        let publication = Publication {
            company,
            environment: Environment::Sandbox,
            event_type: "order-created".parse().expect("a type"),
            payload: "{}",
            happened_at: None,
            request_id: None,
            idempotency_key: None,
        };
        let webhooks = &self.running().services.webhooks;
        webhooks
            .publish(publication, &Actor::command_line())
            .await
            .expect("published");
    }

    pub(crate) fn address(&self, to: To) -> SocketAddr {
        match to {
            To::Dashboard => self.running().dashboard,
            To::Gateway => self.running().gateway,
            To::Operator => self.running().operator,
        }
    }

    pub(crate) fn ask(&self, method: Method, path: &str) -> Ask<'_> {
        Ask {
            world: self,
            to: To::Dashboard,
            method,
            path: path.to_owned(),
            headers: HeaderMap::new(),
            body: String::new(),
        }
    }

    pub(crate) fn get(&self, path: &str) -> Ask<'_> {
        self.ask(Method::GET, path)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // The test's runtime ends with the test, and the listeners end with it.
        drop(self.running.take());
    }
}

/// A request under construction.
pub(crate) struct Ask<'w> {
    world: &'w World,
    to: To,
    method: Method,
    path: String,
    headers: HeaderMap,
    body: String,
}

impl Ask<'_> {
    pub(crate) fn to(mut self, to: To) -> Self {
        self.to = to;
        self
    }

    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.append(
            HeaderName::from_static(name),
            HeaderValue::from_str(value).expect("a header"),
        );
        self
    }

    /// Sends this session cookie.
    pub(crate) fn cookie(self, cookie: &str) -> Self {
        self.header("cookie", cookie)
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub(crate) fn form(mut self, fields: &[(&str, &str)]) -> Self {
        let mut text = url::form_urlencoded::Serializer::new(String::new());
        text.extend_pairs(fields);
        self.body = text.finish();
        self.header("content-type", "application/x-www-form-urlencoded")
    }

    pub(crate) fn json(mut self, body: &serde_json::Value) -> Self {
        self.body = body.to_string();
        self.header("content-type", "application/json")
    }

    pub(crate) fn raw(mut self, body: &str) -> Self {
        self.body = body.to_owned();
        self
    }

    pub(crate) async fn send(self) -> Answer {
        let address = self.world.address(self.to);
        let mut request = Request::builder()
            .method(self.method)
            .uri(format!("http://{address}{}", self.path));
        let host = self.headers.get(HOST).cloned();
        *request.headers_mut().expect("a request") = self.headers;
        if host.is_none() {
            request = request.header(HOST, address.to_string());
        }
        let request = request
            .body(Full::new(Bytes::from(self.body)))
            .expect("a request");
        let response = self.world.client.request(request).await.expect("an answer");
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("a body").to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8_lossy(&body).into_owned(),
        }
    }
}
