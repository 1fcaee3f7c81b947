//! Expiry, deletion, allow-list, read-only and requests a minute against a naive model: a list of terms and of the requests
//! that were accepted, asked about each request from the beginning.

use std::net::IpAddr;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use keys::{KeyChange, Keys, KeysError, Recognition, Setting};
use model::{Environment, GeneratedKey, KeyTerms, SecretText, Timestamp, Verdict};
use test_logs::Dice;

use crate::key_world::{START, World, ana};
use crate::test_db::TestDb;

mod one_node {
    use super::*;

    contract!(store::MAIN_MIGRATIONS, [one_node_judges_as_the_model_does]);

    async fn one_node_judges_as_the_model_does(db: &TestDb) {
        compare(db, 1).await;
    }
}

mod two_nodes {
    use super::*;

    contract!(
        postgres only: store::MAIN_MIGRATIONS,
        [two_nodes_judge_as_the_model_does]
    );

    async fn two_nodes_judge_as_the_model_does(db: &TestDb) {
        compare(db, 2).await;
    }
}

const ADDRESSES: [&str; 9] = [
    "10.0.0.1",
    "10.0.1.1",
    "::ffff:10.0.0.1",
    "192.0.2.200",
    "192.0.2.3",
    "2001:db8::1",
    "2001:db8:8000::1",
    "::1",
    "0.0.0.0",
];
const NETWORKS: [(&str, u32, u32); 8] = [
    // The text, the bits that every address has, and how many addresses of ADDRESSES are within: written by hand.
    ("10.0.0.0/24", 24, 2),
    ("10.0.0.0/15", 15, 3),
    ("192.0.2.128/25", 25, 1),
    ("192.0.2.3/32", 32, 1),
    ("0.0.0.0/0", 0, 6),
    ("2001:db8::/33", 33, 1),
    ("2001:db8::/32", 32, 2),
    ("::/0", 0, 3),
];
const METHODS: [&str; 9] = [
    "GET", "HEAD", "OPTIONS", "POST", "PUT", "get", "TRACE", "CONNECT", "PURGE",
];
const HEADERS: [(&str, bool); 16] = [
    ("accept", true),
    ("x-http-method-overrides", true),
    ("x-method", true),
    ("x-http-method-override", false),
    ("x_http_method_override", false),
    ("x-method-override", false),
    ("x-http_method", false),
    ("x-http-method", false),
    ("method-override", false),
    ("x-http-verb-override", false),
    ("http_verb-override", false),
    ("x.http.verb", false),
    ("method", true),
    ("x-verb", true),
    ("access-control-request-method", true),
    ("upgrade", false),
];

/// A network as its bits, compared one by one.
fn bits(address: IpAddr) -> Vec<bool> {
    let bytes = match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => v4.octets().to_vec(),
            None => v6.octets().to_vec(),
        },
    };
    let of = |byte: u8| (0..8).rev().map(move |bit| byte & (1 << bit) != 0);
    bytes.into_iter().flat_map(of).collect()
}

fn is_within(address: IpAddr, network: &str) -> bool {
    let (first, length) = network.split_once('/').expect("a network");
    let (first, address) = (bits(first.parse().expect("an address")), bits(address));
    let length: usize = length.parse().expect("a length");
    first.len() == address.len() && first[..length] == address[..length]
}

/// A bucket, filled a little at each request.
#[derive(Clone, Copy)]
struct Bucket {
    /// How much is missing, in microseconds of refilling.
    missing: i64,
    at: Timestamp,
}

impl Bucket {
    fn new() -> Self {
        Self {
            missing: 0,
            at: START,
        }
    }

    fn has_room(&mut self, a_minute: u32, now: Timestamp) -> bool {
        self.missing = (self.missing - now.millis_since(self.at) * 1000).max(0);
        self.at = now;
        let interval = 60_000_000 / i64::from(a_minute);
        self.missing = self.missing.min(interval * i64::from(a_minute));
        self.missing + interval <= interval * i64::from(a_minute)
    }
}

struct Model {
    terms: KeyTerms,
    deleted: bool,
    /// One pair for each node: of the installation, and of the key.
    buckets: Vec<(Bucket, Bucket)>,
}

impl Model {
    fn verdict(&mut self, node: usize, request: (&str, Option<&str>, IpAddr), now: Timestamp) -> Verdict {
        let (method, header, address) = request;
        let terms = &self.terms;
        if self.deleted || terms.delete_at.is_some_and(|at| at <= now) {
            self.deleted = true;
            return Verdict::DeletedKey;
        }
        if terms.expires_at.is_some_and(|at| at <= now) {
            return Verdict::ExpiredKey;
        }
        if !terms.networks.is_empty() && !terms.networks.iter().any(|network| is_within(address, network)) {
            return Verdict::AddressNotAllowed;
        }
        let reads = ["GET", "HEAD", "OPTIONS"].contains(&method);
        let is_harmless = header.is_none_or(|name| HEADERS.contains(&(name, true)));
        if terms.read_only && !(reads && is_harmless) {
            return Verdict::ReadOnlyKey;
        }
        let (all, own) = &mut self.buckets[node];
        let all_has_room = all.has_room(300, now);
        let own_has_room = terms
            .requests_a_minute
            .is_none_or(|a_minute| own.has_room(a_minute, now));
        if !(all_has_room && own_has_room) {
            return Verdict::RateLimited;
        }
        all.missing += 60_000_000 / 300;
        if let Some(a_minute) = terms.requests_a_minute {
            own.missing += 60_000_000 / i64::from(a_minute);
        }
        Verdict::Accepted
    }
}

fn setting<T>(dice: &mut Dice, value: impl FnOnce(&mut Dice) -> T) -> Setting<T> {
    match dice.roll(5) {
        0 | 1 => Setting::Keep,
        2 => Setting::Clear,
        _ => Setting::To(value(dice)),
    }
}

fn some_change(dice: &mut Dice, now: Timestamp) -> KeyChange {
    let later = |dice: &mut Dice| now.plus_millis(1 + i64::try_from(dice.skewed(60_000)).expect("small"));
    KeyChange {
        name: dice.once_in(3).then(|| format!("name {}", dice.roll(9))),
        note: None,
        expires_at: setting(dice, later),
        delete_at: if dice.once_in(4) {
            setting(dice, later)
        } else {
            Setting::Clear
        },
        read_only: dice.once_in(2).then(|| dice.once_in(2)),
        networks: dice.once_in(2).then(|| {
            let many = dice.roll(4);
            (0..many).map(|_| dice.one_of(&NETWORKS).0.to_owned()).collect()
        }),
        requests_a_minute: setting(dice, |dice| dice.one_of(&[1, 3, 60, 299, 300, 301, 5000])),
    }
}

fn judged(keys: &Keys, sent: &HeaderMap, method: &str, address: IpAddr) -> Verdict {
    match keys.recognise(sent) {
        Recognition::Refused { verdict, .. } => verdict,
        Recognition::Active(key) => match keys.admit(&key, method, sent, address) {
            Ok(()) => Verdict::Accepted,
            Err(refused) => refused.verdict,
        },
    }
}

async fn compare(db: &TestDb, nodes: usize) {
    for (network, _, within) in NETWORKS {
        let found = ADDRESSES
            .iter()
            .filter(|address| is_within(address.parse().expect("an address"), network))
            .count();
        assert_eq!(
            u32::try_from(found),
            Ok(within),
            "the model is wrong about {network}"
        );
    }
    let world = World::create(db).await;
    let mut all = Vec::new();
    for _ in 0..nodes {
        all.push(world.open(&db.open_again().await).await);
    }
    let dice = &mut Dice(15);
    let mut seen = std::collections::BTreeMap::new();
    for _ in 0..25 {
        one_key(&world, &all, dice, &mut seen).await;
    }
    for verdict in [
        Verdict::Accepted,
        Verdict::DeletedKey,
        Verdict::ExpiredKey,
        Verdict::AddressNotAllowed,
        Verdict::ReadOnlyKey,
        Verdict::RateLimited,
    ] {
        assert!(seen.get(&verdict).copied().unwrap_or_default() > 20, "{seen:?}");
    }
}

async fn one_key(
    world: &World,
    nodes: &[Keys],
    dice: &mut Dice,
    seen: &mut std::collections::BTreeMap<Verdict, u32>,
) {
    let GeneratedKey { key, secret } = made(world, nodes).await;
    let mut model = Model {
        terms: KeyTerms::default(),
        deleted: false,
        buckets: vec![(Bucket::new(), Bucket::new()); nodes.len()],
    };
    for _ in 0..60 {
        let now = clock::Clock::from(&world.clock).now();
        match dice.roll(6) {
            0 => {
                world.clock.advance(Duration::from_millis(dice.skewed(20_000)));
                follow(nodes).await;
            }
            1 => {
                let change = some_change(dice, now);
                let by = &nodes[dice.roll(nodes.len() as u64) as usize];
                let ana = ana();
                let changed = by.change(world.company.id, key.id, change.clone(), &ana);
                let changed = while_followed(nodes, changed).await;
                match changed {
                    Ok(summary) => {
                        let change = change.checked(now).expect("a right change");
                        model.terms = change.apply(model.terms);
                        assert_eq!(summary.terms, model.terms);
                    }
                    Err(KeysError::NotFound) => {
                        assert!(model.deleted || model.terms.is_deleted(now));
                        model.deleted = true;
                    }
                    Err(error) => panic!("{error}"),
                }
            }
            2 if dice.once_in(3) => {
                nodes[0].delete_due().await.expect("deleted");
                follow(nodes).await;
            }
            _ => ask(world, nodes, &secret, &mut model, dice, seen),
        }
    }
    for node in nodes {
        // Its slot is needed for the next one.
        let _ = while_followed(nodes, node.delete(world.company.id, key.id, &ana())).await;
    }
}

async fn made(world: &World, nodes: &[Keys]) -> GeneratedKey {
    follow(nodes).await;
    let ana = ana();
    let made = nodes[0].generate(world.company.id, Environment::Sandbox, &ana);
    while_followed(nodes, made).await.expect("a free slot")
}

/// A change waits until every node has applied it, so they follow while it is made, and once more after it.
async fn while_followed<T>(nodes: &[Keys], change: impl Future<Output = T>) -> T {
    let mut change = std::pin::pin!(change);
    let changed = loop {
        tokio::select! {
            changed = &mut change => break changed,
            () = follow(nodes) => tokio::time::sleep(Duration::from_millis(1)).await,
        }
    };
    follow(nodes).await;
    changed
}

/// Each node has a lease afterwards, and has applied what was committed.
async fn follow(nodes: &[Keys]) {
    for node in nodes {
        node.follow().await.expect("followed");
    }
}

/// The same request once, or as a burst.
fn ask(
    world: &World,
    nodes: &[Keys],
    secret: &SecretText,
    model: &mut Model,
    dice: &mut Dice,
    seen: &mut std::collections::BTreeMap<Verdict, u32>,
) {
    let now = clock::Clock::from(&world.clock).now();
    let node = dice.roll(nodes.len() as u64) as usize;
    let method = if dice.once_in(2) {
        "GET"
    } else {
        dice.one_of(&METHODS)
    };
    let header = dice.once_in(2).then(|| dice.one_of(&HEADERS).0);
    let address: IpAddr = dice.one_of(&ADDRESSES).parse().expect("an address");
    let mut sent = world.headers(secret);
    if let Some(name) = header {
        let name = HeaderName::from_static(name);
        sent.insert(name, HeaderValue::from_static("GET"));
    }
    let times = if dice.once_in(6) { 310 } else { 1 + dice.roll(4) };
    for _ in 0..times {
        let expected = model.verdict(node, (method, header, address), now);
        let verdict = judged(&nodes[node], &sent, method, address);
        assert_eq!(
            verdict, expected,
            "{method} {header:?} {address} {:?} at {now}",
            model.terms
        );
        *seen.entry(verdict).or_default() += 1;
    }
}
