//! Heads and bodies from a grammar of what parsers disagree about, with bytes changed at random. Whatever the gateway makes of
//! them, its upstream reads only whole requests that the gateway has judged, its callers only whole responses.
//!
//! `GATEHOUSE_FUZZ_SECONDS=600` runs longer, `GATEHOUSE_FUZZ_SEED` repeats a run.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::raw::{upstream, world_with};
use crate::strict;
use crate::world::World;

/// Connections at the same time.
const CALLERS: u64 = 48;

/// How long a caller waits for more once it has sent everything.
const SILENCE: Duration = Duration::from_millis(30);

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Splitmix64.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.roll() % end as u64).expect("below the end")
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    fn pick<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }
}

const METHODS: &[&str] = &[
    "GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT", "PATCH", "get", "X", "PRI",
];
const TARGETS: &[&str] = &[
    "/",
    "/a?b=c",
    "/v1/webhooks",
    "//x",
    "/../x",
    "/%00",
    "*",
    "http://x/y",
    "x:80",
    "/a b",
    "/\u{e9}",
    "",
];
const VERSIONS: &[&str] = &[
    "HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/1.2", "http/1.1", "",
];
const ENDS: &[&str] = &[
    "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\n", "\r", "\r\r\n", "\0\r\n",
];
const FRAMING: &[&str] = &[
    "content-length: 5",
    "content-length: 0",
    "content-length: 100",
    "content-length: +5",
    "content-length: 5, 5",
    "content-length: 5, 6",
    "content-length: 0x5",
    "content-length: 5 ",
    "content-length:5",
    "content-length : 5",
    "content-length: 18446744073709551616",
    "content-length: -1",
    "content-length: ",
    "Content-Length: 5\t",
    "content_length: 5",
    "transfer-encoding: chunked",
    "transfer-encoding: chunked",
    "Transfer-Encoding: CHUNKED",
    "transfer-encoding: chunked, chunked",
    "transfer-encoding: gzip, chunked",
    "transfer-encoding: identity",
    "transfer-encoding:\tchunked",
    "transfer-encoding : chunked",
    "transfer-encoding: \"chunked\"",
    "transfer-encoding: xchunked",
    "transfer-encoding:\r\n chunked",
    "transfer-encoding: chunked\u{b}",
    "transfer_encoding: chunked",
    "x: y\r\n transfer-encoding: chunked",
];
const OTHERS: &[&str] = &[
    "host: second.test",
    "connection: close",
    "connection: keep-alive",
    "connection: x-gatehouse-company",
    "connection: content-length",
    "connection: transfer-encoding",
    "x-gatehouse-company: forged",
    "X-Gatehouse_Company: forged",
    "expect: 100-continue",
    "expect: x",
    "upgrade: h2c",
    "upgrade: websocket",
    "te: trailers",
    "trailer: x-gatehouse-company",
    "x-forwarded-for: 1.1.1.1",
    "x: \0",
    "x: a\rb",
    "x: a\nb",
    " folded: x",
    "x:",
    ": x",
    "x y: z",
    "\u{e9}: x",
    "x: \u{e9}",
    "cookie: a=b",
    "proxy-connection: keep-alive",
];
/// What would be a request of its own to a reader that took it for one.
const HIDDEN: &str = "GET /hidden HTTP/1.1\r\nhost: x\r\nx-gatehouse-company: forged\r\n\r\n";
const BODIES: &[&str] = &[
    "",
    "hello",
    "0\r\n\r\n",
    "5\r\nhello\r\n0\r\n\r\n",
    "5;x=y\r\nhello\r\n0\r\n\r\n",
    "5\nhello\n0\n\n",
    "5 \r\nhello\r\n0\r\n\r\n",
    "05\r\nhello\r\n0\r\n\r\n",
    "+5\r\nhello\r\n0\r\n\r\n",
    "0x5\r\nhello\r\n0\r\n\r\n",
    "5\r\nhello0\r\n\r\n",
    "ffffffffffffffff\r\n",
    "10000000000000005\r\nhello\r\n0\r\n\r\n",
    "5;\nx\r\nhello\r\n0\r\n\r\n",
    "0\r\nx: y\r\n\r\n",
    "0\r\nx-gatehouse-company: forged\r\n\r\n",
    "0\r\ncontent-length: 5\r\n\r\n",
    "0\r\n",
    "5\r\nhel",
    "-1\r\n\r\n",
    "5\r\nhello\r\n0\r\nx\r\n\r\n",
];

/// A valid request with the world's key, changed in up to three ways.
fn generate(dice: &mut Dice, credentials: &str) -> String {
    let [mut method, mut target, mut version] = ["POST", "/p", "HTTP/1.1"];
    let mut lines = vec!["host: x.test", credentials];
    let mut body = match dice.below(3) {
        0 => "",
        1 => {
            lines.push("content-length: 5");
            "hello"
        }
        _ => {
            lines.push("transfer-encoding: chunked");
            "5\r\nhello\r\n0\r\n\r\n"
        }
    };
    let (mut has_odd_ends, mut hides) = (false, false);
    for _ in 0..dice.below(4) {
        match dice.below(12) {
            0 => method = dice.pick(METHODS),
            1 => target = dice.pick(TARGETS),
            2 => version = dice.pick(VERSIONS),
            3 | 4 => lines.push(dice.pick(FRAMING)),
            5 | 6 => lines.push(dice.pick(OTHERS)),
            7 => body = dice.pick(BODIES),
            8 => has_odd_ends = true,
            9 => drop(lines.remove(dice.below(lines.len()))),
            10 => {
                let (from, to) = (dice.below(lines.len()), dice.below(lines.len()));
                lines.swap(from, to);
            }
            _ => hides = true,
        }
        if lines.is_empty() {
            break;
        }
    }
    let mut text = String::new();
    for line in [format!("{method} {target} {version}").as_str()]
        .into_iter()
        .chain(lines)
        .chain([""])
    {
        text.push_str(line);
        text.push_str(if has_odd_ends { dice.pick(ENDS) } else { "\r\n" });
    }
    text.push_str(body);
    if hides {
        text.push_str(HIDDEN);
    }
    text
}

/// Up to three requests, some with bytes changed, some cut off.
fn sequence(dice: &mut Dice, credentials: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..=dice.below(3) {
        bytes.extend(generate(dice, credentials).into_bytes());
    }
    if dice.one_in(5) {
        for _ in 0..=dice.below(3) {
            let at = dice.below(bytes.len());
            let new = b"\r\n\0 \t:;,0a\x0b\x80\xff"[dice.below(13)];
            match dice.below(3) {
                0 => bytes[at] = new,
                1 => bytes.insert(at, new),
                _ => drop(bytes.remove(at)),
            }
        }
    }
    if dice.one_in(10) {
        bytes.truncate(dice.below(bytes.len()));
    }
    bytes
}

/// Sends the bytes, in one or two pieces, and returns what came back until nothing more came.
async fn exchange(world: &World, bytes: &[u8], cut: usize) -> Vec<u8> {
    let mut tcp = TcpStream::connect(world.address).await.expect("a connection");
    let mut read = Vec::new();
    for piece in [&bytes[..cut], &bytes[cut..]] {
        // The gateway may have closed after the first.
        if tcp.write_all(piece).await.is_err() {
            break;
        }
        tokio::task::yield_now().await;
    }
    while let Ok(Ok(count)) = tokio::time::timeout(SILENCE, tcp.read_buf(&mut read)).await {
        if count == 0 {
            break;
        }
    }
    read
}

/// What the upstream has read.
#[derive(Default)]
struct Upstream {
    requests: AtomicU64,
    faults: Mutex<Vec<String>>,
    /// The value of the identity header that the gateway sends.
    company: Mutex<Option<String>>,
}

impl Upstream {
    /// Reads requests strictly and answers them.
    async fn serve(self: Arc<Self>, mut tcp: TcpStream) {
        let mut read = Vec::new();
        loop {
            match strict::request(&read) {
                Ok(Some((request, length))) => {
                    read.drain(..length);
                    self.requests.fetch_add(1, Ordering::SeqCst);
                    self.look_at(&request);
                    let head = "HTTP/1.1 200 OK\r\ncontent-length: ";
                    let body = if request.method == "HEAD" { "" } else { "ok" };
                    if tcp
                        .write_all(format!("{head}2\r\n\r\n{body}").as_bytes())
                        .await
                        .is_err()
                    {
                        return;
                    }
                }
                Ok(None) => match tcp.read_buf(&mut read).await {
                    Ok(count) if count > 0 => {}
                    _ => return,
                },
                Err(fault) => {
                    self.fault(format!("{fault} in {}", read.escape_ascii()));
                    return;
                }
            }
        }
    }

    fn look_at(&self, request: &strict::Request) {
        let identity: Vec<&str> = request.values("x-gatehouse-company").collect();
        let mut company = self.company.lock().expect("a company");
        let known = company.get_or_insert_with(|| identity.concat());
        if identity != [known.as_str()] {
            self.fault(format!("identity {identity:?} of {request:?}"));
        }
        for name in [
            "x-access-secret",
            "x-gatehouse_company",
            "transfer_encoding",
            "content_length",
        ] {
            if request.values(name).next().is_some() {
                self.fault(format!("{name} in {request:?}"));
            }
        }
    }

    fn fault(&self, fault: String) {
        self.faults.lock().expect("faults").push(fault);
    }
}

/// The callers, and what came back to them.
struct Callers<'w> {
    world: &'w World,
    credentials: String,
    seed: u64,
    tried: AtomicU64,
    /// Responses by status.
    statuses: Mutex<BTreeMap<u16, u64>>,
}

impl<'w> Callers<'w> {
    fn new(world: &'w World, seed: u64) -> Self {
        let (client_id, secret) = (world.company.client_id, &world.key.secret);
        Self {
            world,
            credentials: format!("x-access-client-id: {client_id}\r\nx-access-secret: {secret}"),
            seed,
            tried: AtomicU64::new(0),
            statuses: Mutex::default(),
        }
    }

    /// Sends sequences until then.
    async fn send(&self, number: u64, until: Instant) {
        let mut dice = Dice(self.seed.wrapping_add(number << 32));
        while Instant::now() < until {
            let bytes = sequence(&mut dice, &self.credentials);
            let cut = dice.below(bytes.len() + 1);
            let read = exchange(self.world, &bytes, cut).await;
            self.tried.fetch_add(1, Ordering::Relaxed);
            match strict::statuses(&read) {
                // The upstream answers every request, so no failure is to be the gateway's own.
                Ok(all) if !all.contains(&500) => {
                    let mut statuses = self.statuses.lock().expect("statuses");
                    for status in all {
                        *statuses.entry(status).or_default() += 1;
                    }
                }
                other => {
                    let (read, bytes) = (read.escape_ascii(), bytes.escape_ascii());
                    panic!("seed {}: {other:?}: {read} after {bytes}", self.seed);
                }
            }
        }
    }
}

#[tokio::test]
#[expect(clippy::print_stdout, reason = "a long run says how much it tried")]
async fn whatever_is_sent_both_sides_read_whole_messages() {
    let time = Duration::from_secs(setting("GATEHOUSE_FUZZ_SECONDS").unwrap_or(4));
    let moment = clock::Clock::machine().now().as_millis().unsigned_abs();
    let seed = setting("GATEHOUSE_FUZZ_SEED").unwrap_or(moment);
    let seen = Arc::new(Upstream::default());
    let serving = Arc::clone(&seen);
    let address = upstream(move |tcp| Arc::clone(&serving).serve(tcp)).await;
    let world = world_with(address, |_| {}).await;
    assert_eq!(world.get("/").await.status, 200);
    let callers = Callers::new(&world, seed);
    let until = Instant::now() + time;
    futures_util::future::join_all((0..CALLERS).map(|number| callers.send(number, until))).await;

    let faults = std::mem::take(&mut *seen.faults.lock().expect("faults"));
    let first = faults.first();
    assert!(
        first.is_none(),
        "seed {seed}: {} faults, the first: {first:?}",
        faults.len()
    );
    let (requests, recorded) = (seen.requests.load(Ordering::SeqCst), world.recorder.totals().seen);
    let (tried, statuses) = (
        callers.tried.into_inner(),
        callers.statuses.into_inner().expect("statuses"),
    );
    println!("{tried} sequences, {requests} of {recorded} requests passed, {statuses:?}");
    assert!(
        requests <= recorded,
        "{requests} requests passed, {recorded} were judged"
    );
    for status in [200, 400, 401] {
        assert!(statuses.contains_key(&status), "{statuses:?}");
    }
    assert_eq!(world.get("/").await.status, 200);
}
