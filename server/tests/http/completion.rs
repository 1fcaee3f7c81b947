//! How requests end that only `/verify` saw: what a proxy tells the server, and what the server says about it.

use std::net::UdpSocket;
use std::time::Duration;

use accounts::{Scope, Scopes};
use http::{Method, StatusCode};
use model::{Actor, ClientId, CompanyId, Environment};
use serde_json::{Value, json};
use server::config::{Completion, Config};

use crate::world::{To, World};

fn on(config: &mut Config) {
    config.completion = Some(Completion {
        syslog: Some("127.0.0.1:0".parse().expect("an address")),
        files: Vec::new(),
        wait: Duration::from_secs(600),
    });
}

struct Called<'a> {
    world: &'a World,
    company: CompanyId,
    client_id: ClientId,
    secret: String,
}

impl<'a> Called<'a> {
    async fn new(world: &'a World) -> Self {
        let (company, client_id) = world.company("Acme").await;
        let key = world.key(company, Environment::Prod).await;
        Self {
            world,
            company,
            client_id,
            secret: key.secret.expose().to_owned(),
        }
    }

    /// A request that passes. Returns its id.
    async fn pass(&self) -> String {
        let asked = self
            .world
            .get("/verify?environment=prod&profile=caddy")
            .to(To::Operator);
        let asked = asked
            .header("x-forwarded-method", "GET")
            .header("x-forwarded-uri", "/v1/users")
            .header("x-access-client-id", &self.client_id.to_string())
            .header("x-access-secret", &self.secret);
        let answer = asked.send().await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        answer.header("x-request-id").to_owned()
    }

    /// The statuses of the stored rows, by id, under a filter.
    async fn statuses(&self, world: &World, filter: &str) -> Vec<(String, Value)> {
        let services = &world.running().services;
        services.recorder.flush().await;
        let scopes = Scopes::new(vec![Scope::Logs]);
        let token = services
            .core
            .accounts
            .create_operator_token("test", scopes, &Actor::command_line())
            .await
            .expect("a token");
        let path = format!("/operator/v1/requests?client_id={}&{filter}", self.client_id);
        let ask = world.get(&path).to(To::Operator).bearer(token.text().as_str());
        let answer = ask.send().await.json();
        let rows = answer["requests"].as_array().expect("a list");
        rows.iter()
            .map(|row| {
                let id = row["request_id"].as_str().expect("an id").to_owned();
                (id, row["status"].clone())
            })
            .collect()
    }
}

fn line(id: &str, status: u16) -> String {
    format!(r#"{{"request_id":"{id}","status":{status},"duration_ms":12}}"#)
}

#[tokio::test]
async fn a_proxy_tells_over_http_and_syslog_and_what_it_does_not_tell_is_not_known_after_a_stop() {
    let mut world = World::start_with(on).await;
    let called = Called::new(&world).await;
    let (first, second, third) = (called.pass().await, called.pass().await, called.pass().await);
    let post = |body: String| {
        let ask = world.ask(Method::POST, "/verify/completions").to(To::Operator);
        // By any name, as `/verify`.
        ask.header("host", "gatehouse:9090").raw(&body).send()
    };
    let told = post(format!("{}\n\n{}\n", line(&first, 404), line(&first, 200))).await;
    assert_eq!(
        (told.status, told.json()),
        (
            StatusCode::OK,
            json!({ "taken": 1, "unknown": 1, "malformed": 0 })
        )
    );
    assert_eq!(told.header("cache-control"), "no-store");
    let long = post("x".repeat((1 << 20) + 1)).await;
    assert_eq!(long.status, StatusCode::PAYLOAD_TOO_LARGE);
    let other = world.get("/verify/completions").to(To::Operator).send().await;
    assert_eq!(
        (other.status, other.header("allow")),
        (StatusCode::METHOD_NOT_ALLOWED, "POST")
    );

    let syslog = world.running().completion_syslog.expect("it listens");
    let proxy = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    proxy
        .send_to(line(&second, 503).as_bytes(), syslog)
        .expect("sent");
    let gateway = world.running().services.gateway.clone();
    let completions = gateway.completions().expect("they are on");
    test_wait::until("the datagram is taken", async || completions.counts().taken == 2).await;
    let mut told = vec![(second.clone(), json!(503)), (first.clone(), json!(404))];
    assert_eq!(called.statuses(&world, "").await, told);
    let metrics = world.get("/metrics").to(To::Operator).send().await.body;
    for line in [
        "gatehouse_completion_lines_total{result=\"taken\"} 2",
        "gatehouse_completion_lines_total{result=\"unknown\"} 1",
        "gatehouse_completion_waiting 1",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }

    let (client_id, company, secret) = (called.client_id, called.company, called.secret.clone());
    let data_dir = world.data_dir().to_owned();
    world.stop().await;
    let again = World::start_with(|config| config.place.data_dir = data_dir).await;
    let called = Called {
        world: &again,
        company,
        client_id,
        secret,
    };
    told.insert(0, (third.clone(), Value::Null));
    assert_eq!(called.statuses(&again, "").await, told);
    assert_eq!(
        called.statuses(&again, "status=unknown").await,
        [(third, Value::Null)]
    );
    assert_eq!(
        called.statuses(&again, "-status=unknown&status=5xx").await,
        [(second, json!(503))]
    );
    let off = again.ask(Method::POST, "/verify/completions").to(To::Operator);
    assert_eq!(off.raw("{}").send().await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_address_that_is_taken_is_named_at_the_start() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address");
    let dir = tempfile::tempdir().expect("a directory");
    let mut config = crate::world::config(dir.path());
    config.completion = Some(Completion {
        syslog: Some(address),
        files: Vec::new(),
        wait: Duration::from_secs(1),
    });
    let started = server::serve::start(config, accounts::Passwords::cheap(), clock::Clock::machine()).await;
    let error = started.expect_err("it does not start").to_string();
    assert!(
        error.contains(&format!("completion-syslog is {address}")),
        "{error}"
    );
}
