use std::collections::HashMap;
use std::sync::Arc;
use accounts::{AccountStore, Company};
use async_trait::async_trait;
use bytes::Bytes;
use clock::Clock;
use gateway::{Caller, Gateway, GatewayOptions, LocalApi};
use http::{Request, Response};
use keys::{Keys, KeysOptions, KeysParts, RateLimit};
use live::Bus;
use logs::{Recorder, RecorderOptions};
use model::*;
use store::logs::{Container, LOG_MIGRATIONS, Logs, LogsOptions};
use store::{Db, DbOptions, Durability};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use vault::{MasterKey, Pepper};
use wire::Plane;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

struct Nothing;
#[async_trait]
impl LocalApi for Nothing {
    fn takes(&self, path: &str) -> bool { path.starts_with("/v1/webhooks") }
    async fn answer(&self, _: Caller, _: Request<Bytes>) -> Response<Bytes> { Response::new(Bytes::new()) }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let upstream = std::env::args().nth(1).expect("upstream");
    let folder = tempfile::tempdir().expect("a folder");
    let open = async |name: &str, migrations| {
        let options = DbOptions::Sqlite { file: folder.path().join(name), durability: Durability::Normal };
        Db::open(&options, migrations).await.expect("the database opens")
    };
    let main = open("gatehouse.db", store::MAIN_MIGRATIONS).await;
    let options = LogsOptions::new(Container::Folder(folder.path().to_owned()));
    let log = Arc::new(Logs::open(open("logs.db", LOG_MIGRATIONS).await, options).await.expect("log"));
    let accounts = store::accounts::Accounts::new(main.clone());
    let clock = Clock::machine();
    let company = Company { id: CompanyId::from_random([1; 16]), client_id: ClientId::from_random([1; 16]), name: "A".into(), parent: None, created_at: clock.now(), log_days: None };
    let audit = AuditEntry { id: AuditId::from_random([1; 16]), at: clock.now(), company: None, actor: Actor::system(), action: AuditAction::CompanyCreated, subject: String::new(), detail: String::new() };
    accounts.create_company(company.clone(), audit).await.expect("a company");
    let keys = Keys::open(KeysParts {
        store: Arc::new(store::keys::StoredKeys::new(main)),
        pepper: Arc::new(Pepper::generate()), master_key: Arc::new(MasterKey::generate()),
        install: "00112233445566778899aabbccddeeff".parse().expect("an id"), bus: Bus::default(), clock: clock.clone(),
        options: KeysOptions::new(RateLimit::off(), false),
    }).await.expect("keys");
    let recorder = Recorder::start(log.clone(), log.clone(), Bus::default(), RecorderOptions::new(clock.clone())).await.expect("rec");
    let mut options = GatewayOptions::default();
    options.upstreams = HashMap::from([(Environment::Sandbox, upstream.parse().expect("url"))]);
    let gateway = Gateway::new(options, keys.clone(), recorder.clone(), Arc::new(Nothing), clock).expect("gateway");
    let listener = TcpListener::bind("127.0.0.1:18080").await.expect("a port");
    let (plane, threads) = Plane::start_on_each_core().expect("threads");
    let made = keys.generate(company.id, Environment::Sandbox, &Actor::system()).await.expect("a key");
    println!("{} {}", company.client_id, made.secret.expose());
    let stop = CancellationToken::new();
    let s = stop.clone();
    tokio::spawn(async move { let _ = tokio::signal::ctrl_c().await; s.cancel(); });
    gateway.serve(&plane, listener, stop).await;
    threads.stop();
    recorder.shutdown().await;
    println!("{:?}", recorder.totals());
}
