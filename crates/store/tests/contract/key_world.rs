//! The starting point of the key tests: companies, a clock that the tests move, and nodes with the same pepper and
//! master key.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use clock::{Clock, ManualClock};
use http::{HeaderMap, HeaderValue};
use keys::{Keys, KeysError, KeysOptions, KeysParts, RateLimit, Recognition};
use live::Bus;
use model::{Actor, ActorKind, CompanyId, Environment, GeneratedKey, SecretText, Timestamp, Verdict};
use store::keys::StoredKeys;
use store::{Columns, Db};
use vault::{InstallId, MasterKey, Pepper};

use crate::test_db::{TestCompany, TestDb};

pub(crate) const START: Timestamp = Timestamp::from_millis(1_767_614_400_000);

/// One installation with two companies.
pub(crate) struct World {
    pub(crate) clock: ManualClock,
    pub(crate) company: TestCompany,
    pub(crate) other: TestCompany,
    pepper: Arc<Pepper>,
    master_key: Arc<MasterKey>,
    install: InstallId,
}

impl World {
    pub(crate) async fn create(db: &TestDb) -> Self {
        Self {
            clock: ManualClock::at(START),
            company: db.company(1, None).await,
            other: db.company(2, None).await,
            pepper: Arc::new(Pepper::generate()),
            master_key: Arc::new(MasterKey::generate()),
            install: InstallId::generate(),
        }
    }

    /// A node whose clock this world moves. It has a lease if it needs one.
    pub(crate) async fn open(&self, db: &Db) -> Keys {
        let keys = self
            .open_with(db, Clock::from(&self.clock), keys::lease::LEASE)
            .await;
        keys.follow().await.expect("the database responds");
        assert!(keys.is_ready());
        keys
    }

    /// A node that has done nothing yet.
    pub(crate) async fn open_with(&self, db: &Db, clock: Clock, lease: Duration) -> Keys {
        let store = Arc::new(StoredKeys::new(db.clone()));
        let shared = keys::KeyStore::is_shared(&*store);
        let parts = KeysParts {
            store,
            pepper: Arc::clone(&self.pepper),
            master_key: Arc::clone(&self.master_key),
            install: self.install,
            bus: Bus::default(),
            clock,
            options: KeysOptions {
                lease,
                ..KeysOptions::new(RateLimit::default(), shared)
            },
        };
        Keys::open(parts).await.expect("the keys are loaded")
    }

    /// The headers a program of the company sends.
    pub(crate) fn headers(&self, secret: &SecretText) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let client_id = HeaderValue::from_str(&self.company.client_id.to_string()).expect("hex digits");
        headers.insert("X-Access-Client-Id", client_id);
        headers.insert(
            "X-Access-Secret",
            HeaderValue::from_str(secret.expose()).expect("hex digits"),
        );
        headers
    }

    /// The verdict on a request of the company with this secret.
    pub(crate) fn verdict(&self, keys: &Keys, secret: &SecretText) -> Verdict {
        verdict(keys, &self.headers(secret))
    }
}

pub(crate) fn verdict(keys: &Keys, headers: &HeaderMap) -> Verdict {
    match keys.recognise(headers) {
        Recognition::Active(_) => Verdict::Accepted,
        Recognition::Refused { verdict, .. } => verdict,
    }
}

pub(crate) fn ana() -> Actor {
    Actor {
        kind: ActorKind::Member,
        name: "ana@example.com".to_owned(),
        address: Some("192.0.2.1".to_owned()),
    }
}

/// Threads that send the same request again and again and count the verdicts.
pub(crate) struct Hammer {
    shared: Arc<Counts>,
    threads: Vec<std::thread::JoinHandle<()>>,
}

#[derive(Default)]
struct Counts {
    deleted: AtomicBool,
    stop: AtomicBool,
    accepted: AtomicU64,
    accepted_after: AtomicU64,
    judged_after: AtomicU64,
}

impl Hammer {
    pub(crate) fn start(keys: &Keys, world: &World, secret: &SecretText) -> Self {
        let shared = Arc::new(Counts::default());
        let threads = (0..3).map(|_| {
            let (keys, headers, shared) = (keys.clone(), world.headers(secret), Arc::clone(&shared));
            std::thread::spawn(move || {
                while !shared.stop.load(Ordering::Acquire) {
                    // Read this before the request is judged. A request counts as "after" only if it began after Delete
                    // returned.
                    let after = shared.deleted.load(Ordering::SeqCst);
                    let accepted = u64::from(verdict(&keys, &headers) == Verdict::Accepted);
                    let (count, of) = if after {
                        (&shared.accepted_after, &shared.judged_after)
                    } else {
                        (&shared.accepted, &shared.accepted)
                    };
                    count.fetch_add(accepted, Ordering::SeqCst);
                    of.fetch_add(u64::from(after), Ordering::SeqCst);
                }
            })
        });
        Self {
            threads: threads.collect(),
            shared,
        }
    }

    pub(crate) async fn wait_until_accepted(&self) {
        let accepted = || self.shared.accepted.load(Ordering::SeqCst);
        test_wait::until("requests are accepted", async || accepted() > 10).await;
    }

    /// Call this when Delete has returned.
    pub(crate) fn deleted(&self) {
        self.shared.deleted.store(true, Ordering::SeqCst);
    }

    /// How many of at least two hundred requests that began after [`Self::deleted`] were accepted.
    pub(crate) async fn accepted_after_deletion(self) -> u64 {
        let judged = || self.shared.judged_after.load(Ordering::SeqCst);
        test_wait::until("200 requests are judged", async || judged() > 200).await;
        self.shared.stop.store(true, Ordering::Release);
        for thread in self.threads {
            thread.join().expect("no panic");
        }
        self.shared.accepted_after.load(Ordering::SeqCst)
    }
}

/// A row of the audit trail, in order of time.
pub(crate) struct AuditRow {
    pub(crate) at: i64,
    pub(crate) company: String,
    pub(crate) actor: String,
    pub(crate) action: String,
    pub(crate) subject: String,
    pub(crate) detail: String,
}

pub(crate) async fn audit_rows(db: &Db) -> Vec<AuditRow> {
    let sql =
        "SELECT at, company_id, actor_name, address, action, subject, detail FROM audit ORDER BY at, id";
    let rows = sqlx::query(sql).fetch_all(db.reader()).await.expect("audit rows");
    let text = |row: &sqlx::any::AnyRow, name: &str| row.text(name).expect("a text");
    let read = |row: &sqlx::any::AnyRow| AuditRow {
        at: row.int("at").expect("a time"),
        company: text(row, "company_id"),
        actor: match row.maybe_text("address").expect("a text") {
            Some(address) => format!("{} from {address}", text(row, "actor_name")),
            None => text(row, "actor_name"),
        },
        action: text(row, "action"),
        subject: text(row, "subject"),
        detail: text(row, "detail"),
    };
    rows.iter().map(read).collect()
}

/// Tries to generate a Sandbox key `times` times at once, and returns those that were made. The others find two active.
pub(crate) async fn generate_at_once(keys: &Keys, company: CompanyId, times: usize) -> Vec<GeneratedKey> {
    let tries: Vec<_> = (0..times)
        .map(|_| {
            let keys = keys.clone();
            tokio::spawn(async move { keys.generate(company, Environment::Sandbox, &ana()).await })
        })
        .collect();
    let mut made = Vec::new();
    for one in tries {
        match one.await.expect("no panic") {
            Ok(generated) => made.push(generated),
            Err(error) => assert!(matches!(error, KeysError::TwoActive), "{error:?}"),
        }
    }
    made
}
