//! Two complete servers on one PostgreSQL database. A change on one reaches pages and programs on the other.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use http::{Method, StatusCode};
use model::{Actor, Environment, GeneratedKey};
use serde_json::json;
use server::config::{self, Config, Database};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::live::Stream;
use crate::receiver::{Receiver, Reply};
use crate::world::{Acme, Answer, Ask, To, World};

struct Nodes {
    a: World,
    b: World,
    database: test_postgres::Database,
}

impl Nodes {
    async fn start() -> Self {
        let database = test_postgres::Database::create().await;
        let (a, b) = (node(database.url()).await, node(database.url()).await);
        for node in [&a, &b] {
            test_wait::in_time(
                "a node receives notifications",
                node.running().hears_other_nodes(),
            )
            .await;
        }
        Self { a, b, database }
    }

    async fn stop(mut self) {
        self.a.stop().await;
        self.b.stop().await;
        self.database.remove().await;
    }
}

/// A server with the same secrets as all others here. On PostgreSQL they must be configured; the server does not
/// generate them.
pub(crate) async fn node(url: String) -> World {
    node_with(url, |_| {}).await
}

async fn node_with(url: String, change: impl FnOnce(&mut Config)) -> World {
    World::start_with(|config| {
        let data_dir = config.place.data_dir.clone();
        write_secret(&config::master_key_file(&data_dir), "11");
        write_secret(&config::pepper_file(&data_dir), "22");
        config.place.database = Database::Postgres(url);
        config.allow_networks = vec!["127.0.0.0/8".parse().expect("a network")];
        change(config);
    })
    .await
}

fn write_secret(file: &Path, byte: &str) {
    let mut options = std::fs::OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(file);
    file.expect("a new file")
        .write_all(byte.repeat(32).as_bytes())
        .expect("is written");
}

async fn as_program(ask: Ask<'_>, acme: &Acme, key: &GeneratedKey) -> Answer {
    ask.to(To::Gateway)
        .header("x-access-client-id", &acme.client_id.to_string())
        .header("x-access-secret", key.secret.expose())
        .send()
        .await
}

/// The status of a request from the company's program to this node's gateway.
async fn call(node: &World, acme: &Acme, key: &GeneratedKey) -> StatusCode {
    as_program(node.get("/v1/webhooks/"), acme, key).await.status
}

/// Returns once this node's gateway accepts the key.
async fn accepted(node: &World, acme: &Acme, key: &GeneratedKey) {
    test_wait::until("the key is accepted", async || {
        call(node, acme, key).await == StatusCode::OK
    })
    .await;
}

/// Behaves like a page: refetches from this node whenever the stream announces the topic, until it sees what it
/// expects.
async fn told_until(stream: &mut Stream, topic: &str, sees: impl AsyncFn() -> bool) {
    let looking = async {
        loop {
            stream.told(topic).await;
            if sees().await {
                return;
            }
        }
    };
    test_wait::in_time("the page shows the change", looking).await;
}

async fn page(node: &World, acme: &Acme, tab: &str) -> String {
    let path = format!("/c/{}/development/{tab}", acme.client_id);
    let page = node.get(&path).cookie(&acme.owner).send().await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    page.body
}

#[tokio::test]
async fn a_logs_page_on_one_node_updates_for_a_request_on_the_other() {
    let nodes = Nodes::start().await;
    let acme = nodes.a.acme("Acme").await;
    let key = nodes.a.key(acme.id, Environment::Sandbox).await;
    let mut stream = Stream::open(&nodes.b, &acme).await;
    let answer = as_program(nodes.a.get("/v1/webhooks/"), &acme, &key).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let request = answer.header("x-request-id").to_owned();
    told_until(&mut stream, "logs", async || {
        page(&nodes.b, &acme, "logs").await.contains(&request)
    })
    .await;
    drop(stream);
    nodes.stop().await;
}

/// What the node says is new for the company's page since then: the number, and the next cursor.
async fn new_requests(node: &World, acme: &Acme, after: i64) -> (u64, i64) {
    let path = format!(
        "/rpc/logs/new?company={}&filter=&after={after}&most=20",
        acme.client_id
    );
    let answer = node.get(&path).cookie(&acme.owner).send().await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let new = answer.json();
    let count = new["count"].as_u64().expect("a number");
    (count, new["page"]["as_of"].as_i64().expect("a number"))
}

#[tokio::test]
async fn a_page_that_follows_gets_each_request_once_whichever_node_it_asks() {
    let nodes = Nodes::start().await;
    let acme = nodes.a.acme("Acme").await;
    let key = nodes.a.key(acme.id, Environment::Sandbox).await;
    accepted(&nodes.b, &acme, &key).await;
    for node in [&nodes.a, &nodes.b] {
        node.running().services.recorder.flush().await;
    }
    let (_, mut after) = new_requests(&nodes.a, &acme, 0).await;
    for (calls, asks) in [(&nodes.a, &nodes.b), (&nodes.b, &nodes.a), (&nodes.a, &nodes.a)] {
        assert_eq!(call(calls, &acme, &key).await, StatusCode::OK);
        calls.running().services.recorder.flush().await;
        let (count, next) = new_requests(asks, &acme, after).await;
        assert_eq!(count, 1);
        after = next;
    }
    nodes.stop().await;
}

#[tokio::test]
async fn an_event_published_on_one_node_is_delivered_once_and_updates_a_page_on_the_other() {
    let nodes = Nodes::start().await;
    let acme = nodes.a.acme("Acme").await;
    let key = nodes.a.key(acme.id, Environment::Sandbox).await;
    accepted(&nodes.b, &acme, &key).await;
    let receiver = Receiver::start(|_| Reply::status(200)).await;
    let draft = json!({ "name": "Orders", "webhook_url": receiver.url("/hook"), "env_type": "sandbox" });
    let create = nodes.a.ask(Method::POST, "/v1/webhooks/").json(&draft);
    let created = as_program(create, &acme, &key).await;
    assert_eq!(created.status, StatusCode::CREATED, "{}", created.body);

    let mut stream = Stream::open(&nodes.b, &acme).await;
    nodes.a.publish(acme.id).await;
    let history = async || {
        let history = as_program(nodes.b.get("/v1/webhook-requests/"), &acme, &key)
            .await
            .json();
        history["results"].as_array().expect("a list").len()
    };
    told_until(&mut stream, "webhooks", async || history().await == 1).await;
    // Both workers have polled the database since then and found nothing left to do.
    let mut seen = 0;
    while seen < 3 {
        nodes.b.publish(acme.id).await;
        seen += 1;
        receiver.wait_for(1 + seen).await;
    }
    test_wait::until("all are delivered", async || history().await > seen).await;
    assert_eq!((receiver.received().len(), history().await), (1 + seen, 1 + seen));
    drop(stream);
    nodes.stop().await;
}

#[tokio::test]
async fn a_key_generated_on_one_node_is_accepted_on_the_other_until_it_is_deleted() {
    let nodes = Nodes::start().await;
    let acme = nodes.a.acme("Acme").await;
    let mut stream = Stream::open(&nodes.b, &acme).await;
    let key = nodes.a.key(acme.id, Environment::Sandbox).await;
    told_until(&mut stream, "keys", async || {
        page(&nodes.b, &acme, "keys").await.contains(&key.key.last_four)
    })
    .await;
    accepted(&nodes.b, &acme, &key).await;
    let keys = &nodes.a.running().services.core.keys;
    keys.delete(acme.id, key.key.id, &Actor::command_line())
        .await
        .expect("deleted");
    assert_eq!(call(&nodes.b, &acme, &key).await, StatusCode::UNAUTHORIZED);
    drop(stream);
    nodes.stop().await;
}

#[tokio::test]
async fn a_key_deleted_on_one_node_cuts_its_open_response_on_the_other() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    let first = format!("{head}9\r\ndata: 1\n\n\r\n");
    let upstream = Receiver::start(move |_| Reply::Silence(first.clone().into_bytes())).await;
    let database = test_postgres::Database::create().await;
    let mut a = node(database.url()).await;
    let url = upstream.url("/");
    let mut b = node_with(database.url(), |config| {
        let url = url.parse().expect("an address");
        config.upstreams = vec![(Environment::Sandbox, url)];
    })
    .await;
    for node in [&a, &b] {
        let hears = node.running().hears_other_nodes();
        test_wait::in_time("a node receives notifications", hears).await;
    }
    let acme = a.acme("Acme").await;
    let key = a.key(acme.id, Environment::Sandbox).await;
    accepted(&b, &acme, &key).await;
    let mut caller = TcpStream::connect(b.address(To::Gateway))
        .await
        .expect("a connection");
    let request = format!(
        "GET /events HTTP/1.1\r\nhost: x.test\r\nx-access-client-id: {}\r\nx-access-secret: {}\r\n\r\n",
        acme.client_id,
        key.secret.expose()
    );
    caller.write_all(request.as_bytes()).await.expect("it is read");
    let mut read = Vec::new();
    let event = async {
        while !read.ends_with(b"data: 1\n\n\r\n") {
            assert_ne!(
                caller.read_buf(&mut read).await.expect("it is open"),
                0,
                "{}",
                read.escape_ascii()
            );
        }
    };
    test_wait::in_time("the first event", event).await;
    // Long enough that the response watches its key.
    tokio::time::sleep(Duration::from_millis(400)).await;
    let keys = &a.running().services.core.keys;
    keys.delete(acme.id, key.key.id, &Actor::command_line())
        .await
        .expect("deleted");
    read.clear();
    let rest = test_wait::within(Duration::from_secs(1), "it is cut", caller.read_to_end(&mut read)).await;
    assert!(rest.is_err() || read.is_empty(), "{}", read.escape_ascii());
    a.stop().await;
    b.stop().await;
    database.remove().await;
}

#[tokio::test]
async fn signing_out_on_one_node_ends_the_stream_on_the_other() {
    let nodes = Nodes::start().await;
    let acme = nodes.a.acme("Acme").await;
    let (stream, mut colleague) = (
        Stream::open(&nodes.b, &acme).await,
        Stream::open_as(&nodes.b, &acme, &acme.viewer).await,
    );
    let out = nodes
        .a
        .ask(Method::POST, "/sign-out")
        .cookie(&acme.owner)
        .send()
        .await;
    assert_eq!(out.status, StatusCode::SEE_OTHER);
    stream.read_to_end().await;
    nodes.a.key(acme.id, Environment::Sandbox).await;
    colleague.told("keys").await;
    nodes.stop().await;
}
