//! Invariant 6, from the outside. A server in its own process is killed while events are published and deliveries are
//! in progress. Every event it accepted must reach its receiver after the next start.

use std::collections::BTreeSet;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use crate::process::{Installation, text};
use crate::receiver::{Receiver, Reply};

const PUBLISHERS: usize = 4;
/// The limit for a silent connection. A killed server closes its connections, so only a server that hangs takes this
/// long.
const SILENCE: Duration = Duration::from_secs(30);
/// A delivery whose attempt was cut off waits for its lease to expire. One that failed waits for its next attempt.
const ARRIVAL: Duration = Duration::from_secs(150);

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_loses_no_accepted_event() {
    let folder = tempfile::tempdir().expect("a folder");
    let world = Installation::create(folder.path());
    let answers = Arc::new(AtomicBool::new(false));
    let answering = Arc::clone(&answers);
    let receiver = Receiver::start(move |_| match answering.load(Ordering::SeqCst) {
        true => Reply::status(200),
        false => Reply::Silence(Vec::new()),
    })
    .await;
    let server = Server(world.start(&["--log", "warn"], Stdio::null()));
    world.create_webhook(&receiver.url("/"));

    // The first kill comes while attempts wait for a response, the second while deliveries come and go.
    let mut accepted = publish_until_killed(&world, server, 60).await;
    answers.store(true, Ordering::SeqCst);
    let server = Server(world.start(&["--log", "warn"], Stdio::null()));
    accepted.extend(publish_until_killed(&world, server, 120).await);
    let _server = Server(world.start(&["--log", "warn"], Stdio::null()));

    let all_arrive = async {
        let mut seen = 0;
        while !accepted.is_subset(&arrived(&receiver)) {
            seen = receiver.wait_for(seen + 1).await.len();
        }
    };
    test_wait::within(ARRIVAL, "every accepted event arrives", all_arrive).await;
}

/// The events that the receiver got.
fn arrived(receiver: &Receiver) -> BTreeSet<String> {
    let received = receiver.received();
    let ids = received.iter().filter_map(|one| one.header("webhook-id"));
    ids.map(str::to_owned).collect()
}

/// The requests these tests make.
impl Installation {
    fn create_webhook(&self, url: &str) {
        let headers = format!(
            "X-Access-Client-Id: {}\r\nX-Access-Secret: {}\r\n",
            self.client_id, self.secret
        );
        let draft = json!({ "name": "Orders", "webhook_url": url, "env_type": "sandbox" });
        post(self.listeners[1], "/v1/webhooks/", &headers, &draft).expect("the webhook is created");
    }

    /// Returns the event's id once it is accepted.
    fn publish(&self) -> Option<String> {
        let headers = format!("Authorization: Bearer {}\r\n", self.token);
        let event = json!({ "client_id": self.client_id, "env_type": "sandbox", "event_type": "order-created", "payload": {} });
        Some(text(
            &post(self.listeners[2], "/operator/v1/events", &headers, &event)?,
            "webhook_id",
        ))
    }
}

/// Publishes from several threads, kills the server once this many events are accepted, and returns every accepted
/// event.
async fn publish_until_killed(world: &Installation, server: Server, enough: usize) -> BTreeSet<String> {
    let (accepted, more) = (Mutex::new(BTreeSet::new()), Condvar::new());
    let mut were_enough = false;
    tokio::task::block_in_place(|| {
        std::thread::scope(|scope| {
            for _ in 0..PUBLISHERS {
                scope.spawn(|| {
                    // The loop ends when the server does.
                    while let Some(event) = world.publish() {
                        accepted.lock().expect("no panic").insert(event);
                        more.notify_one();
                    }
                });
            }
            let few = |events: &mut BTreeSet<String>| events.len() < enough;
            let waited = more.wait_timeout_while(accepted.lock().expect("no panic"), test_wait::LIMIT, few);
            were_enough = !waited.expect("no panic").1.timed_out();
            // Kill the server in any case, because the publishers only stop when it does.
            drop(server);
        });
    });
    assert!(were_enough, "{enough} events are accepted in time");
    accepted.into_inner().expect("no panic")
}

/// Sends SIGKILL when dropped, whatever the server is doing. This also happens if the test fails, so nothing is left
/// running.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        self.0.kill().expect("killed");
        self.0.wait().expect("ended");
    }
}

/// Returns the body of a 2xx, or `None` if the server goes away.
fn post(to: SocketAddr, path: &str, headers: &str, body: &Value) -> Option<Value> {
    let body = body.to_string();
    let mut stream = TcpStream::connect(to).ok()?;
    stream.set_read_timeout(Some(SILENCE)).ok()?;
    stream.set_write_timeout(Some(SILENCE)).ok()?;
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: {to}\r\n{headers}Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    if let Err(error) = stream.read_to_string(&mut answer) {
        let silent = matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
        assert!(!silent, "the server neither answers nor goes away");
        return None;
    }
    let (head, body) = answer.split_once("\r\n\r\n")?;
    assert!(head.starts_with("HTTP/1.1 2"), "{answer}");
    serde_json::from_str(body).ok()
}
