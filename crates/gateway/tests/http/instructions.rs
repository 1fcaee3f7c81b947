//! How many instructions the gateway's thread executes for one request, counted by valgrind's callgrind: reading it, checking
//! it, forwarding it, streaming the response and handing the entry to the log. The caller, the upstream and the log's
//! writer run on other threads, which are not counted.

use std::fs;
use std::path::Path;

use bytes::Bytes;
use gateway::{CompletionOptions, Gateway, GatewayOptions, Profile};
use http::{Method, Request};
use http_body_util::Full;
use keys::RateLimit;
use model::ClientId;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use wire::Plane;

use crate::world::{Client, World};

/// How often each request is sent before it is counted, so that connections and tables exist,
const WARM_UP: u64 = 20;
/// and then while it is counted.
const COUNTED: u64 = 100;

/// Each request and how many instructions it may take: a tenth more than was counted when the bound was written. Runs differ by
/// less than a hundredth. Less than three quarters of a bound fails too, because then it would notice only large changes.
/// `CONTRIBUTING.md` says when to raise one. The code is not optimised here: a release, which `cargo xtask bench gateway`
/// counts, takes a fraction of this.
const BUDGETS: [(&str, u64); 6] = [
    ("accepted", 712_000),
    ("refused: wrong secret", 423_000),
    ("refused: no such Client ID", 464_000),
    ("verify: accepted", 278_000),
    ("verify: refused", 275_000),
    ("verify: accepted, and its entry waits", 278_000),
];

/// From here on is counted: callgrind drops what it counted before.
#[inline(never)]
fn begin_counting() {
    std::hint::black_box(());
}

/// Callgrind writes down what it counted since the beginning.
#[inline(never)]
fn write_count() {
    std::hint::black_box(());
}

/// One thread that serves the world's gateway on a port of its own.
struct Counted {
    world: World,
    plane: Plane,
    client: Client,
}

impl Counted {
    async fn start() -> Self {
        let world = World::with(|_| {}, RateLimit::off()).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        // It runs until this process ends.
        let (plane, _) = Plane::start(1).expect("a thread");
        let (gateway, serving) = (world.gateway.clone(), plane.clone());
        tokio::spawn(async move { gateway.serve(&serving, listener, CancellationToken::new()).await });
        let client = Client::connect(address).await;
        Self { world, plane, client }
    }

    fn request(&self, path: &str) -> Request<Full<Bytes>> {
        self.world.request(Method::GET, path, &ORDINARY, Full::default())
    }

    /// On the counted thread, since callgrind does what it is told for the thread that tells it.
    async fn there(&self, mark: fn()) {
        let (done, is_done) = oneshot::channel();
        self.plane.spawn_on(0, async move {
            mark();
            done.send(()).expect("it is waited for");
        });
        is_done.await.expect("it ran");
    }

    async fn send(&mut self, request: &Request<Full<Bytes>>, expected: u16) {
        for (times, mark) in [(WARM_UP, begin_counting as fn()), (COUNTED, write_count)] {
            for _ in 0..times {
                assert_eq!(self.client.send(request.clone()).await.status, expected);
            }
            self.there(mark).await;
        }
    }

    async fn verify(&self, gateway: &Gateway, request: &Request<Full<Bytes>>, expected: u16) {
        let mut headers = request.headers().clone();
        headers.insert("x-forwarded-method", "GET".parse().expect("a value"));
        headers.insert("x-forwarded-uri", "/small".parse().expect("a value"));
        for (times, mark) in [(WARM_UP, begin_counting as fn()), (COUNTED, write_count)] {
            let (gateway, headers) = (gateway.clone(), headers.clone());
            let (done, is_done) = oneshot::channel();
            self.plane.spawn_on(0, async move {
                let peer = gateway.peer([127, 0, 0, 1].into());
                let query = format!("environment=sandbox&profile={}", Profile::Caddy.as_str());
                for _ in 0..times {
                    let answer = gateway.verify(Some(&query), headers.clone(), &peer).await;
                    assert_eq!(answer.status(), expected);
                }
                done.send(()).expect("it is waited for");
            });
            is_done.await.expect("it ran");
            self.there(mark).await;
        }
    }
}

/// What a program sends with a request.
const ORDINARY: [(&str, &str); 4] = [
    ("user-agent", "orders/1.2"),
    ("accept", "application/json"),
    ("accept-encoding", "gzip"),
    ("x-forwarded-for", "192.0.2.7"),
];

/// What is counted, in the order of [`BUDGETS`].
#[tokio::test]
#[ignore = "run by the other test, under valgrind"]
async fn requests_to_count() {
    let mut counted = Counted::start().await;
    let accepted = counted.request("/small");
    let with = |name: &'static str, value: &str| {
        let mut request = accepted.clone();
        let value = value.parse().expect("a value");
        request.headers_mut().insert(name, value);
        request
    };
    let wrong_secret = with("x-access-secret", &"0".repeat(counted.world.key.secret.len()));
    let unknown = with("x-access-client-id", &ClientId::from_random([77; 16]).to_string());
    counted.send(&accepted, 200).await;
    counted.send(&wrong_secret, 401).await;
    counted.send(&unknown, 401).await;
    for (request, expected) in [(&accepted, 200), (&wrong_secret, 401)] {
        counted.verify(&counted.world.gateway, request, expected).await;
    }
    let waits = |options: &mut GatewayOptions| options.completion = Some(CompletionOptions::default());
    let waiting = World::with(waits, RateLimit::off()).await;
    let request = waiting.request(Method::GET, "/small", &ORDINARY, Full::default());
    counted.verify(&waiting.gateway, &request, 200).await;
}

#[test]
fn a_request_takes_no_more_instructions_than_it_did() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = [
        "--separate-threads=yes",
        "--zero-before=*instructions::begin_counting*",
        "--dump-before=*instructions::write_count*",
    ];
    let test = "instructions::requests_to_count";
    if !test_valgrind::count(test, &folder.path().join("profile"), &options) {
        return;
    }
    let mut wrong = Vec::new();
    for (number, (name, budget)) in BUDGETS.into_iter().enumerate() {
        let each = instructions(folder.path(), number + 1) / COUNTED;
        if each > budget || each * 4 < budget * 3 {
            wrong.push(format!("{name}: {each}, its bound is {budget}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The total of this dump, a file such as `profile.1-11`.
fn instructions(folder: &Path, dump: usize) -> u64 {
    let beginning = format!("profile.{dump}-");
    let counts: Vec<u64> = fs::read_dir(folder)
        .expect("the folder is readable")
        .map(|file| file.expect("a file"))
        .filter(|file| file.file_name().to_string_lossy().starts_with(&beginning))
        .map(|file| fs::read_to_string(file.path()).expect("a profile"))
        .filter_map(|profile| {
            let total = profile.lines().find_map(|line| line.strip_prefix("totals: "))?;
            total.trim().parse().ok()
        })
        .collect();
    assert_eq!(counts.len(), 1, "dump {dump}: {counts:?}");
    counts[0]
}
