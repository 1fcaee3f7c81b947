//! A running gateway with a company, its brand and its keys, and a client to call it with.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use accounts::{AccountStore, Company};
use async_trait::async_trait;
use bytes::Bytes;
use clock::{Clock, ManualClock};
use gateway::{Caller, Gateway, GatewayOptions, LocalApi};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use keys::{Keys, KeysOptions, KeysParts, RateLimit};
use live::Bus;
use logs::{Reading, Recorder, RecorderOptions, Scope};
use model::{
    Actor, AuditAction, AuditEntry, AuditId, ClientId, CompanyId, Environment, KeyId, LogEntry, LogFilter,
    RequestId, Timestamp,
};
use store::logs::{Container, LOG_MIGRATIONS, Logs, LogsOptions};
use store::{Db, DbOptions, Durability};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use url::Url;
use vault::{MasterKey, Pepper};
use wire::Plane;

use crate::upstream::Upstream;

pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_767_614_400_000);

/// A key and its secret.
#[derive(Clone)]
pub(crate) struct TestKey {
    pub(crate) id: KeyId,
    pub(crate) secret: String,
}

pub(crate) struct World {
    pub(crate) gateway: Gateway,
    pub(crate) address: SocketAddr,
    pub(crate) upstream: Upstream,
    pub(crate) keys: Keys,
    pub(crate) recorder: Recorder,
    pub(crate) reading: Reading,
    pub(crate) clock: ManualClock,
    pub(crate) company: Company,
    pub(crate) brand: Company,
    /// Another company, which has no key yet.
    pub(crate) other: Company,
    pub(crate) key: TestKey,
    pub(crate) folder: TempDir,
    /// Told of each request that the public API never answers, one at a time.
    pub(crate) hanging: Arc<Notify>,
    pub(crate) stop: CancellationToken,
    pub(crate) serving: Option<JoinHandle<()>>,
}

/// Answers every request with the caller's identity and what was sent, or never.
#[derive(Default)]
struct Echo {
    /// Told of each request that hangs.
    hanging: Arc<Notify>,
}

#[async_trait]
impl LocalApi for Echo {
    fn takes(&self, path: &str) -> bool {
        path.starts_with("/v1/webhooks")
    }

    async fn answer(&self, caller: Caller, request: Request<Bytes>) -> Response<Bytes> {
        assert!(!request.uri().path().ends_with("/panic"), "on purpose");
        if request.uri().path().ends_with("/hang") {
            self.hanging.notify_one();
            std::future::pending::<()>().await;
        }
        let seen = serde_json::json!({
            "company": &*caller.company.name,
            "environment": caller.environment.as_str(),
            "request_id": caller.request_id,
            "has_secret": request.headers().contains_key("x-access-secret"),
            "body": String::from_utf8_lossy(request.body()),
        });
        let mut response = Response::new(Bytes::from(seen.to_string()));
        *response.status_mut() = StatusCode::CREATED;
        response
            .headers_mut()
            .insert("content-type", HeaderValue::from_static("application/json"));
        response
    }
}

fn company(number: u8, parent: Option<CompanyId>) -> Company {
    Company {
        id: CompanyId::from_random([number; 16]),
        client_id: ClientId::from_random([number; 16]),
        name: format!("Company {number}"),
        parent,
        created_at: NOW,
        log_days: None,
    }
}

fn audit(number: u8) -> AuditEntry {
    AuditEntry {
        id: AuditId::from_random([number; 16]),
        at: NOW,
        company: None,
        actor: Actor::system(),
        action: AuditAction::CompanyCreated,
        subject: String::new(),
        detail: String::new(),
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}, RateLimit::default()).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut GatewayOptions), rate_limit: RateLimit) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let open = async |name: &str, migrations| {
            let options = DbOptions::Sqlite {
                file: folder.path().join(name),
                durability: Durability::Normal,
            };
            Db::open(&options, migrations).await.expect("the database opens")
        };
        let main = open("gatehouse.db", store::MAIN_MIGRATIONS).await;
        let options = LogsOptions::new(Container::Folder(folder.path().to_owned()));
        let log = Logs::open(open("logs.db", LOG_MIGRATIONS).await, options).await;
        let log = Arc::new(log.expect("the log opens"));
        let accounts = store::accounts::Accounts::new(main.clone());
        let (ours, other) = (company(1, None), company(9, None));
        let brand = company(2, Some(ours.id));
        for (number, company) in [&ours, &brand, &other].into_iter().enumerate() {
            accounts
                .create_company(company.clone(), audit(number as u8))
                .await
                .expect("a company");
        }
        let clock = ManualClock::at(NOW);
        let keys = Keys::open(KeysParts {
            store: Arc::new(store::keys::StoredKeys::new(main)),
            pepper: Arc::new(Pepper::generate()),
            master_key: Arc::new(MasterKey::generate()),
            install: "00112233445566778899aabbccddeeff".parse().expect("an id"),
            bus: Bus::default(),
            clock: Clock::from(&clock),
            options: KeysOptions::new(rate_limit, false),
        });
        let keys = keys.await.expect("the keys open");
        let recorder = Recorder::start(
            log.clone(),
            log.clone(),
            Bus::default(),
            RecorderOptions::new(Clock::from(&clock)),
        );
        let recorder = recorder.await.expect("the recorder starts");
        let upstream = Upstream::start().await;
        let mut options = GatewayOptions::default();
        let url: Url = format!("http://{}", upstream.address)
            .parse()
            .expect("an address");
        options.upstreams = HashMap::from([(Environment::Sandbox, url)]);
        change(&mut options);
        let echo = Echo::default();
        let hanging = echo.hanging.clone();
        let gateway = Gateway::new(
            options,
            keys.clone(),
            recorder.clone(),
            Arc::new(echo),
            Clock::from(&clock),
        );
        let gateway = gateway.expect("the gateway is made");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let stop = CancellationToken::new();
        let serving = tokio::spawn({
            let (gateway, stop) = (gateway.clone(), stop.clone());
            let (plane, threads) = Plane::start(2).expect("threads");
            async move {
                gateway.serve(&plane, listener, stop).await;
                threads.stop();
            }
        });
        let key = generate(&keys, &ours, Environment::Sandbox).await;
        Self {
            gateway,
            address,
            upstream,
            keys,
            recorder,
            reading: Reading::new(log.clone(), log, 4),
            clock,
            company: ours,
            brand,
            other,
            key,
            folder,
            hanging,
            stop,
            serving: Some(serving),
        }
    }

    pub(crate) async fn generate(&self, environment: Environment) -> TestKey {
        generate(&self.keys, &self.company, environment).await
    }

    /// Sends a request as the other company, with a key of its own.
    pub(crate) async fn get_as_other(&self, key: &TestKey, path: &str) -> Answer {
        let client_id = self.other.client_id.to_string();
        let headers = [
            ("x-access-client-id", client_id.as_str()),
            ("x-access-secret", key.secret.as_str()),
        ];
        let request = request(Method::GET, path, &headers, Full::new(Bytes::new()));
        self.connect().await.send(request).await
    }

    pub(crate) async fn generate_for_other(&self) -> TestKey {
        generate(&self.keys, &self.other, Environment::Sandbox).await
    }

    pub(crate) async fn connect(&self) -> Client {
        Client::connect(self.address).await
    }

    /// `GET` with the test company's key.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, &[], "").await
    }

    /// A call with the test company's key and these extra headers.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let request = self.request(method, path, headers, Full::new(Bytes::from(body.to_owned())));
        self.connect().await.send(request).await
    }

    pub(crate) fn request<B>(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: B,
    ) -> Request<B> {
        let client_id = self.company.client_id.to_string();
        let mut all = vec![
            ("x-access-client-id", client_id.as_str()),
            ("x-access-secret", self.key.secret.as_str()),
        ];
        all.extend_from_slice(headers);
        request(method, path, &all, body)
    }

    /// Everything recorded for the company and its brand, newest first.
    pub(crate) async fn entries(&self) -> Vec<LogEntry> {
        self.recorder.flush().await;
        let scope = Scope::WithBrands {
            company: self.company.id,
            client_id: self.company.client_id,
        };
        let page = self
            .reading
            .page(scope, &LogFilter::default(), self.clock.now())
            .await
            .expect("a page");
        let mut entries = Vec::new();
        for row in page.rows {
            let entry = self
                .reading
                .entry(scope, row.request_id, self.clock.now())
                .await
                .expect("the log is readable");
            entries.push(entry.expect("the entry exists"));
        }
        entries
    }

    /// The only entry.
    pub(crate) async fn entry(&self) -> LogEntry {
        let mut entries = self.entries().await;
        assert_eq!(entries.len(), 1, "{entries:#?}");
        entries.remove(0)
    }

    /// The entry of a request that is about to end. Waits until the log has it.
    pub(crate) async fn entry_when_ended(&self) -> LogEntry {
        test_wait::until("the request is recorded", async || {
            self.recorder.totals().seen > 0
        })
        .await;
        self.entry().await
    }
}

async fn generate(keys: &Keys, company: &Company, environment: Environment) -> TestKey {
    let made = keys
        .generate(company.id, environment, &Actor::system())
        .await
        .expect("a key");
    TestKey {
        id: made.key.id,
        secret: made.secret.expose().to_owned(),
    }
}

pub(crate) fn request<B>(method: Method, path: &str, headers: &[(&str, &str)], body: B) -> Request<B> {
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = path.parse().expect("a path");
    for (name, value) in headers.iter().copied().chain([("host", "gateway.test")]) {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a header name");
        request
            .headers_mut()
            .append(name, HeaderValue::from_str(value).expect("a header value"));
    }
    request
}

/// A response, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    pub(crate) fn request_id(&self) -> RequestId {
        self.headers["x-request-id"]
            .to_str()
            .expect("text")
            .parse()
            .expect("a request id")
    }
}

/// A keep-alive connection. Dropping it closes it.
pub(crate) struct Client<B = Full<Bytes>> {
    sender: http1::SendRequest<B>,
    connection: JoinHandle<()>,
}

impl<B> Drop for Client<B> {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

impl<B> Client<B>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: std::error::Error + Send + Sync,
{
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let tcp = TcpStream::connect(address).await.expect("a connection");
        let (sender, connection) = http1::handshake(TokioIo::new(tcp)).await.expect("a handshake");
        let connection = tokio::spawn(async move {
            // The test decides how it should end.
            let _ = connection.await;
        });
        Self { sender, connection }
    }

    pub(crate) async fn begin(&mut self, request: Request<B>) -> Result<Response<Incoming>, hyper::Error> {
        self.sender.ready().await?;
        self.sender.send_request(request).await
    }

    pub(crate) async fn send(&mut self, request: Request<B>) -> Answer {
        let (parts, body) = self.begin(request).await.expect("an answer").into_parts();
        let body = body.collect().await.expect("a whole body").to_bytes();
        let body = String::from_utf8_lossy(&body).into_owned();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body,
        }
    }
}
