//! Measures what keys cost with many companies: `bench_keys [COMPANIES [WRITES [postgres]]]`, by default 100,000 companies
//! with a key each, and 20,000 writes by 32 callers on SQLite. The database is in the directory for temporary files, so
//! `TMPDIR` says on which disk.
//!
//! A write is a key generated, a key deleted or a company created, with everything that the server does for it.

#![expect(clippy::print_stdout, reason = "a program that prints what it measures")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use accounts::{AccountStore, Company};
use clock::Clock;
use http::{HeaderMap, HeaderValue};
use keys::{Keys, KeysOptions, KeysParts, RateLimit, Recognition};
use live::Bus;
use model::{Actor, AuditAction, AuditEntry, AuditId, ClientId, CompanyId, Environment, KeyId, Timestamp};
use store::accounts::Accounts;
use store::keys::StoredKeys;
use store::{Db, DbOptions, Durability, StoreError, Urgency};
use test_postgres::Database;
use vault::{AccessSecret, InstallId, MasterKey, Pepper};

const CALLERS: usize = 32;
const TIMES: usize = 200;
const ENVIRONMENT: Environment = Environment::Sandbox;

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |index: usize, otherwise: usize| {
        let argument = arguments.get(index);
        argument.map_or(otherwise, |text| text.parse().expect("a number"))
    };
    let (companies, writes) = (number(0, 100_000), number(1, 20_000));
    if arguments.get(2).is_some_and(|engine| engine == "postgres") {
        let database = Database::create().await;
        let options = DbOptions::Postgres {
            url: database.url(),
            schema: None,
            connections: 32,
        };
        measure(&options, companies, writes).await;
        database.remove().await;
    } else {
        let folder = tempfile::tempdir().expect("a directory");
        let options = DbOptions::Sqlite {
            file: folder.path().join("gatehouse.db"),
            durability: Durability::Full,
        };
        measure(&options, companies, writes).await;
    }
}

async fn measure(options: &DbOptions, companies: usize, writes: usize) {
    let db = Db::open(options, store::MAIN_MIGRATIONS).await.expect("opens");
    let world = World::fill(&db, companies).await;
    println!("{companies} companies with a key each");
    let watch = Watch::start();
    let keys = world.open().await;
    println!("{:<24} {}", "start: all are loaded", watch.read());
    world.recognise(&keys);
    each("a commit of one row", async |_| world.commit().await).await;
    let mut made = Vec::new();
    each("generate", async |turn| {
        made.push(world.generate(&keys, turn).await)
    })
    .await;
    each("delete", async |turn| {
        let (company, key) = made[turn];
        keys.delete(company, key, &actor()).await.expect("deleted");
    })
    .await;
    each("create a company", async |turn| {
        world.create_company(&keys, turn).await;
    })
    .await;
    world.many(&keys, writes).await;
    db.close().await;
}

struct World {
    db: Db,
    accounts: Accounts,
    pepper: Arc<Pepper>,
    master_key: Arc<MasterKey>,
    companies: Vec<CompanyId>,
    credentials: Vec<Sent>,
}

impl World {
    async fn fill(db: &Db, companies: usize) -> Self {
        let pepper = Arc::new(Pepper::generate());
        let mut world = Self {
            db: db.clone(),
            accounts: Accounts::new(db.clone()),
            pepper,
            master_key: Arc::new(MasterKey::generate()),
            companies: Vec::with_capacity(companies),
            credentials: Vec::with_capacity(companies),
        };
        while world.companies.len() < companies {
            let rows: Vec<Row> = (world.companies.len()..companies)
                .take(1000)
                .map(|_| Row::new())
                .collect();
            world.companies.extend(rows.iter().map(|row| row.company));
            world.credentials.extend(rows.iter().map(Row::sent));
            let pepper = Arc::clone(&world.pepper);
            let write = db.write::<(), StoreError, _>(Urgency::Interactive, move |connection| {
                Box::pin(async move {
                    for row in rows {
                        row.insert(&pepper, connection).await?;
                    }
                    Ok(())
                })
            });
            write.await.expect("written");
        }
        world
    }

    async fn open(&self) -> Keys {
        let parts = KeysParts {
            store: Arc::new(StoredKeys::new(self.db.clone())),
            pepper: Arc::clone(&self.pepper),
            master_key: Arc::clone(&self.master_key),
            install: InstallId::generate(),
            bus: Bus::default(),
            clock: Clock::machine(),
            options: KeysOptions::new(RateLimit::off(), self.db.dialect() == store::Dialect::Postgres),
        };
        let keys = Keys::open(parts).await.expect("the keys are loaded");
        keys.follow().await.expect("the database responds");
        keys
    }

    /// All keys in random order, as requests with different keys arrive.
    fn recognise(&self, keys: &Keys) {
        let mut order = self.credentials.clone();
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
        (1..order.len()).for_each(|last| order.swap(last, dice.roll(last + 1)));
        let rounds = (500_000 / order.len()).max(1);
        let (mut headers, mut fastest) = (HeaderMap::new(), f64::MAX);
        let value = |text: &[u8]| HeaderValue::from_bytes(text).expect("hex digits");
        for _ in 0..9 {
            let watch = Watch::start();
            for _ in 0..rounds {
                for (client_id, secret) in &order {
                    headers.insert("x-access-client-id", value(client_id));
                    headers.insert("x-access-secret", value(secret));
                    assert!(matches!(keys.recognise(&headers), Recognition::Active(_)));
                }
            }
            fastest = fastest.min(watch.worked() * 1000.0 / (rounds * order.len()) as f64);
        }
        println!("{:<24} {fastest:>9.3} µs", "recognise a request");
    }

    /// One changed row of a table that has nothing to do with keys.
    async fn commit(&self) {
        let write = self
            .db
            .write::<(), StoreError, _>(Urgency::Interactive, |connection| {
                Box::pin(async move {
                    let sql = "INSERT INTO nodes (id, applied_version, lease_until) VALUES ('bench', 0, 1) \
                     ON CONFLICT (id) DO UPDATE SET lease_until = nodes.lease_until + 1";
                    sqlx::query(sql).execute(connection).await?;
                    Ok(())
                })
            });
        write.await.expect("committed");
    }

    async fn generate(&self, keys: &Keys, turn: usize) -> (CompanyId, KeyId) {
        // Far apart, as companies that write at the same time are.
        let company = self.companies[turn * 7919 % self.companies.len()];
        let environment = Environment::ALL[1 + turn / self.companies.len() % 2];
        let generated = keys.generate(company, environment, &actor()).await;
        (company, generated.expect("a free slot").key.id)
    }

    async fn create_company(&self, keys: &Keys, turn: usize) -> CompanyId {
        let now = Clock::machine().now();
        let company = Company {
            id: CompanyId::time_ordered(now, vault::random()),
            client_id: ClientId::from_random(vault::random()),
            name: format!("New company {turn}"),
            parent: None,
            created_at: now,
            log_days: None,
        };
        let audit = AuditEntry {
            id: AuditId::time_ordered(now, vault::random()),
            at: now,
            company: Some(company.id),
            actor: actor(),
            action: AuditAction::CompanyCreated,
            subject: company.id.to_string(),
            detail: company.name.clone(),
        };
        let (id, client_id) = (company.id, company.client_id);
        self.accounts
            .create_company(company, audit)
            .await
            .expect("created");
        keys.company_changed().await.expect("the company is read");
        assert!(keys.snapshot().company(client_id).is_some());
        id
    }

    /// Each caller creates a company, generates a key for it, deletes the key and begins again.
    async fn many(&self, keys: &Keys, writes: usize) {
        let watch = Watch::start();
        let caller = async |number: usize| {
            for turn in 0..writes / CALLERS / 3 {
                let company = self.create_company(keys, number * writes + turn).await;
                let generated = keys
                    .generate(company, ENVIRONMENT, &actor())
                    .await
                    .expect("a free slot");
                keys.delete(company, generated.key.id, &actor())
                    .await
                    .expect("deleted");
            }
        };
        futures_util::future::join_all((0..CALLERS).map(caller)).await;
        let writes = writes / CALLERS / 3 * CALLERS * 3;
        println!("{writes} writes by {CALLERS} callers: {}", watch.read());
    }
}

/// A documented prefix and 40 digits.
const SECRET: usize = "sandbox-".len() + 40;

/// The two credentials of a request. In one piece, so that reading them costs the same however many there are.
type Sent = ([u8; 32], [u8; SECRET]);

/// A company with a key.
struct Row {
    company: CompanyId,
    client_id: ClientId,
    key: KeyId,
    secret: AccessSecret,
}

impl Row {
    fn new() -> Self {
        let now = Timestamp::from_millis(1_767_614_400_000);
        Self {
            company: CompanyId::time_ordered(now, vault::random()),
            client_id: ClientId::from_random(vault::random()),
            key: KeyId::time_ordered(now, vault::random()),
            secret: AccessSecret::generate(ENVIRONMENT),
        }
    }

    fn sent(&self) -> Sent {
        let client_id = self.client_id.to_string();
        let bytes = |text: &str| text.as_bytes().to_vec();
        (
            bytes(&client_id).try_into().expect("32 digits"),
            bytes(self.secret.expose()).try_into().expect("one length"),
        )
    }

    async fn insert(self, pepper: &Pepper, connection: &mut store::DbConnection) -> Result<(), StoreError> {
        sqlx::query("INSERT INTO companies (id, client_id, name, created_at) VALUES ($1, $2, $3, 0)")
            .bind(self.company.to_string())
            .bind(self.client_id.to_string())
            .bind(format!("Company {}", self.client_id))
            .execute(&mut *connection)
            .await?;
        sqlx::query(
            "INSERT INTO api_keys (id, company_id, environment, slot, lookup_hash, sealed, last_four, created_at, created_by) \
             VALUES ($1, $2, $3, 1, $4, $5, $6, 0, 'ana@example.com')",
        )
        .bind(self.key.to_string())
        .bind(self.company.to_string())
        .bind(ENVIRONMENT.as_str())
        .bind(pepper.lookup(&self.secret).as_bytes().to_vec())
        .bind(vec![7_u8; 90])
        .bind(self.secret.last_four().to_owned())
        .execute(connection)
        .await?;
        Ok(())
    }
}

async fn each(what: &str, mut once: impl AsyncFnMut(usize)) {
    let (watch, mut times) = (Watch::start(), Vec::with_capacity(TIMES));
    for turn in 0..TIMES {
        let started = Instant::now();
        once(turn).await;
        times.push(millis(started.elapsed()));
    }
    times.sort_by(f64::total_cmp);
    println!(
        "{what:<24} {:>9.2} ms, 95 % within {:.2} ms, {:.2} ms of processor time",
        times[TIMES / 2],
        times[TIMES * 95 / 100],
        watch.worked() / TIMES as f64
    );
}

/// Time that passed, and processor time of this process, which does not depend on what else the machine does.
struct Watch {
    started: Instant,
    processor: Duration,
}

impl Watch {
    fn start() -> Self {
        Self {
            started: Instant::now(),
            processor: processor(),
        }
    }

    fn worked(&self) -> f64 {
        millis(processor() - self.processor)
    }

    fn read(&self) -> String {
        let passed = millis(self.started.elapsed());
        format!("{passed:>9.1} ms, {:.1} ms of processor time", self.worked())
    }
}

/// What all threads of this process have used.
fn processor() -> Duration {
    let tasks = std::fs::read_dir("/proc/self/task").expect("Linux");
    let worked = |task: std::fs::DirEntry| -> u64 {
        let text = std::fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
        text.split(' ')
            .next()
            .and_then(|text| text.parse().ok())
            .unwrap_or(0)
    };
    Duration::from_nanos(tasks.flatten().map(worked).sum())
}

struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides as u64).expect("small")
    }
}

fn actor() -> Actor {
    Actor::command_line()
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
