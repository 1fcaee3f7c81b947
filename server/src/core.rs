//! What `serve` and `admin` both need: the open database with its secrets, and the services that work on it.

use std::str::FromStr;
use std::sync::{Arc, OnceLock};

use accounts::{Accounts, Passwords, SessionLimits};
use clock::Clock;
use keys::{Keys, KeysOptions, KeysParts};
use live::Bus;
use logs::Reading;
use store::logs::{Container, Logs, LogsOptions, Removals};
use store::{Db, DbOptions, Durability, StoreError, StoredDirectory};
use tokio::sync::Notify;
use vault::InstallId;
use webhooks::{Brake, EventTypes};

use crate::config::{ConfigError, Database, Place, RateLimit, Secrets, load_secrets};
use crate::data_dir::DataDir;
use crate::error::StartError;

/// The log's connections on PostgreSQL: four answers, one batch, one segment that is closed.
const LOG_CONNECTIONS: u32 = 6;

/// An open installation.
#[derive(Debug)]
pub struct Core {
    pub place: Place,
    pub db: Db,
    /// The request log. It has its own database file beside the embedded database. On PostgreSQL it is in the same
    /// database.
    pub log_db: Db,
    /// Where its closed segments are.
    pub log_container: Container,
    /// The running server's, which shares its reads fairly. Commands without a server open the log when they need it.
    pub log_reading: OnceLock<Reading>,
    /// With which a backup keeps them from being removed.
    pub log_removals: Removals,
    pub accounts: Accounts,
    pub keys: Keys,
    pub event_types: EventTypes,
    /// The running server's, which tells its worker. Commands without a server use [`Core::brake`].
    pub worker_brake: OnceLock<Brake>,
    pub install: InstallId,
    pub secrets: Secrets,
    /// How long the log is kept.
    pub retention: logs::Retention,
    pub bus: Bus,
    /// Notified when rows of the log were erased, which are still to be removed.
    pub log_erased: Arc<Notify>,
    pub clock: Clock,
}

impl Core {
    /// Waits for open reads, then closes the databases.
    pub async fn close(&self) {
        self.db.close().await;
        self.log_db.close().await;
    }

    /// Holds, resumes and cancels deliveries.
    pub fn brake(&self) -> Brake {
        let without_worker = || {
            let store = Arc::new(store::webhooks::StoredWebhooks::new(self.db.clone()));
            Brake::without_worker(store, self.bus.clone(), self.clock.clone())
        };
        self.worker_brake.get().cloned().unwrap_or_else(without_worker)
    }

    /// Reads the log.
    pub async fn reading(&self) -> Result<Reading, StoreError> {
        if let Some(reading) = self.log_reading.get() {
            return Ok(reading.clone());
        }
        let options = LogsOptions {
            removals: self.log_removals.clone(),
            ..LogsOptions::new(self.log_container.clone())
        };
        let log = Arc::new(Logs::open(self.log_db.clone(), options).await?);
        let names = Arc::new(StoredDirectory::new(self.db.clone()));
        Ok(Reading::new(log.clone(), log, 1).naming(names))
    }

    /// Opens the database and checks that the master key and the pepper are the ones its rows were written with.
    pub async fn open(
        place: &Place,
        data_dir: &DataDir,
        passwords: Passwords,
        rate_limit: RateLimit,
        absent: Absent,
        clock: Clock,
    ) -> Result<Self, StartError> {
        let databases = open_databases(place, data_dir).await?;
        let (main, log) = (databases.main.clone(), databases.log.clone());
        let opened = Self::on(databases, place, passwords, rate_limit, absent, clock).await;
        if opened.is_err() {
            main.close().await;
            log.close().await;
        }
        opened
    }

    async fn on(
        databases: Databases,
        place: &Place,
        passwords: Passwords,
        rate_limit: RateLimit,
        absent: Absent,
        clock: Clock,
    ) -> Result<Self, StartError> {
        let Databases {
            main: db,
            keys: keys_db,
            log: log_db,
            log_container,
        } = databases;
        let rows = Arc::new(store::accounts::Accounts::new(db.clone()));
        let bus = Bus::default();
        let accounts = Accounts::new(
            rows,
            passwords,
            clock.clone(),
            SessionLimits::default(),
            bus.clone(),
        );
        let (install, secrets) = unlock(place, &accounts, absent).await?;
        let limit = match rate_limit {
            RateLimit::Off => keys::RateLimit::off(),
            RateLimit::Requests(requests) => keys::RateLimit::per_minute(requests),
        };
        let parts = KeysParts {
            store: Arc::new(store::keys::StoredKeys::new(keys_db)),
            pepper: Arc::clone(&secrets.pepper),
            master_key: Arc::clone(&secrets.master_key),
            install,
            bus: bus.clone(),
            clock: clock.clone(),
            options: KeysOptions {
                form: place.credentials.clone(),
                ..KeysOptions::new(limit, matches!(place.database, Database::Postgres(_)))
            },
        };
        let keys = Keys::open(parts)
            .await
            .map_err(StartError::failed("loading the keys"))?;
        let catalogue = Arc::new(store::webhooks::StoredWebhooks::new(db.clone()));
        let event_types = EventTypes::open(catalogue, bus.clone(), clock.clone())
            .await
            .map_err(StartError::failed("reading the event types"))?;
        Ok(Self {
            place: place.clone(),
            db,
            log_db,
            log_container,
            log_reading: OnceLock::new(),
            log_removals: Removals::default(),
            accounts,
            keys,
            event_types,
            worker_brake: OnceLock::new(),
            install,
            secrets,
            retention: place.retention,
            bus,
            log_erased: Arc::default(),
            clock,
        })
    }
}

/// What to do where there is no installation yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absent {
    Create,
    /// A command that reads or revokes would find nothing, and its user most likely named the wrong directory.
    Refuse,
}

impl Absent {
    /// The refusal. `at` says where we looked.
    pub(crate) fn refusal(at: &str) -> StartError {
        StartError::Refused(format!(
            "There is no installation in {at}. Give the server's --data-dir or --database-url, or create an installation with \
             `gatehouse serve` or `gatehouse admin create-company`."
        ))
    }
}

/// One handle per kind of work. On PostgreSQL they are the same database with separate pools, so that a burst of log
/// rows or deliveries cannot make the keys wait for a connection. A node that cannot renew its lease in time refuses
/// every request.
struct Databases {
    main: Db,
    keys: Db,
    log: Db,
    log_container: Container,
}

async fn open_databases(place: &Place, data_dir: &DataDir) -> Result<Databases, StartError> {
    let (failed, failed_log) = ("opening the database", "opening the log's database");
    match &place.database {
        Database::Embedded => {
            let main = DbOptions::Sqlite {
                file: data_dir.path().join("gatehouse.db"),
                durability: Durability::Full,
            };
            let db = Db::open(&main, store::MAIN_MIGRATIONS)
                .await
                .map_err(not_opened(failed))?;
            let folder = data_dir.private_folder("logs")?;
            let log = DbOptions::Sqlite {
                file: folder.join("logs.db"),
                durability: Durability::Full,
            };
            let log_db = Db::open(&log, store::logs::LOG_MIGRATIONS)
                .await
                .map_err(not_opened(failed_log))?;
            Ok(Databases {
                keys: db.clone(),
                main: db,
                log: log_db,
                log_container: Container::Folder(folder),
            })
        }
        Database::Postgres(url) => {
            let migrations = [store::MAIN_MIGRATIONS, store::logs::LOG_MIGRATIONS].concat();
            let open = async |connections| {
                let options = DbOptions::Postgres {
                    url: url.clone(),
                    schema: None,
                    connections,
                };
                Db::open(&options, &migrations)
                    .await
                    .map_err(not_opened("opening the database of database-url"))
            };
            Ok(Databases {
                main: open(12).await?,
                keys: open(4).await?,
                log: open(LOG_CONNECTIONS).await?,
                log_container: Container::Tables,
            })
        }
    }
}

/// A database of another version is something the person who started the program has to change.
fn not_opened(doing: &'static str) -> impl FnOnce(StoreError) -> StartError {
    move |error| match error {
        StoreError::Unusable(_) => ConfigError::new(format!("{doing}: {error}")).into(),
        error => StartError::failed(doing)(error),
    }
}

/// If rows exist, a wrong or missing secret is a configuration error. It is never a reason to generate a new one.
async fn unlock(
    place: &Place,
    accounts: &Accounts,
    absent: Absent,
) -> Result<(InstallId, Secrets), StartError> {
    let reading = "reading the installation's row";
    let standing = accounts.install().await.map_err(StartError::failed(reading))?;
    if standing.is_none() && absent == Absent::Refuse {
        return Err(Absent::refusal("this database"));
    }
    let secrets = load_secrets(place, standing.is_none())?;
    let (master_key, pepper) = (secrets.master_key.check_value(), secrets.pepper.check_value());
    let standing = match standing {
        Some(install) => install,
        None => accounts
            .create_install(&master_key, &pepper)
            .await
            .map_err(StartError::failed(reading))?,
    };
    standing
        .verify(&master_key, &pepper)
        .map_err(|mismatch| ConfigError::new(format!("Wrong secret: {mismatch}. Use the original one.")))?;
    let install = InstallId::from_str(&standing.id).map_err(StartError::failed(reading))?;
    Ok((install, secrets))
}
