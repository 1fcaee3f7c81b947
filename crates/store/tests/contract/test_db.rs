//! Databases for the contract suite: a file in a folder of its own, or a schema of its own in a PostgreSQL cluster that is
//! started for the test and removed after it, whatever happens in between.

use std::fs::File;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use model::{ClientId, CompanyId};
use store::{Db, DbOptions, Durability, Migration, StoreError, Urgency};
use tempfile::TempDir;

/// A case by its name.
pub(crate) type Case = (&'static str, for<'a> fn(&'a TestDb) -> BoxFuture<'a, ()>);

/// A case that has not ended by then hangs.
const CASE_LIMIT: Duration = Duration::from_secs(120);

#[derive(Clone, Copy)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

/// An empty database with its tables.
pub(crate) struct TestDb {
    pub(crate) db: Db,
    options: DbOptions,
    migrations: &'static [Migration],
    /// Where SQLite's file is; removed with this.
    folder: Option<TempDir>,
}

/// A company as its row has it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TestCompany {
    pub(crate) id: CompanyId,
    pub(crate) client_id: ClientId,
}

/// Runs every case, also after one has failed, and then fails with the names of those that did.
pub(crate) fn run(engine: Engine, migrations: &'static [Migration], cases: &[Case]) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let cluster = match engine {
        Engine::Sqlite => None,
        Engine::Postgres => Some(Cluster::start()),
    };
    let mut failed = Vec::new();
    for (number, (name, case)) in cases.iter().enumerate() {
        eprintln!("case {name}");
        let outcome = runtime.block_on(async {
            let db = TestDb::create(cluster.as_ref(), number, migrations).await;
            let outcome = AssertUnwindSafe(tokio::time::timeout(CASE_LIMIT, case(&db)))
                .catch_unwind()
                .await;
            db.db.close().await;
            outcome
        });
        if !matches!(outcome, Ok(Ok(()))) {
            failed.push(*name);
        }
    }
    runtime.shutdown_timeout(Duration::from_secs(5));
    assert!(
        failed.is_empty(),
        "of {} cases, these failed: {failed:#?}",
        cases.len()
    );
}

impl TestDb {
    async fn create(cluster: Option<&Cluster>, number: usize, migrations: &'static [Migration]) -> Self {
        let (options, folder) = match cluster {
            Some(cluster) => {
                let schema = Some(format!("case_{number}"));
                (
                    DbOptions::Postgres {
                        url: cluster.url(),
                        schema,
                        connections: 12,
                    },
                    None,
                )
            }
            None => {
                let folder = tempfile::tempdir().expect("a folder");
                let file = folder.path().join("gatehouse.db");
                (
                    DbOptions::Sqlite {
                        file,
                        durability: Durability::Full,
                    },
                    Some(folder),
                )
            }
        };
        let db = Db::open(&options, migrations).await.expect("the database opens");
        Self {
            db,
            options,
            migrations,
            folder,
        }
    }

    /// The same database, opened once more: another node, or the next start.
    pub(crate) async fn open_again(&self) -> Db {
        Db::open(&self.options, self.migrations)
            .await
            .expect("the database opens again")
    }

    /// SQLite's files, to be searched for what must not stand in them. None on PostgreSQL.
    pub(crate) fn folder(&self) -> Option<&Path> {
        self.folder.as_ref().map(TempDir::path)
    }

    /// Stores a company made of `number`, as a brand of `parent` where there is one.
    pub(crate) async fn company(&self, number: u8, parent: Option<TestCompany>) -> TestCompany {
        let company = TestCompany {
            id: CompanyId::from_random([number; 16]),
            client_id: ClientId::from_random([number; 16]),
        };
        let written = self.db.write::<(), StoreError, _>(Urgency::Interactive, move |connection| {
            Box::pin(async move {
                let sql = "INSERT INTO companies (id, client_id, name, parent_id, created_at) VALUES ($1, $2, $3, $4, 0)";
                sqlx::query(sql)
                    .bind(company.id.to_string())
                    .bind(company.client_id.to_string())
                    .bind(format!("Company {number}"))
                    .bind(parent.map(|parent| parent.id.to_string()))
                    .execute(connection)
                    .await?;
                Ok(())
            })
        });
        written.await.expect("the company is stored");
        company
    }
}

/// A PostgreSQL server of the test's own: data in a folder, a socket in the same folder, no network.
struct Cluster {
    server: Child,
    binaries: PathBuf,
    folder: TempDir,
}

impl Cluster {
    fn start() -> Self {
        let binaries = find_binaries();
        let folder = tempfile::Builder::new()
            .prefix("gatehouse-pg-")
            .tempdir()
            .expect("a folder");
        if is_root() {
            run_to_end(Command::new("chown").arg("postgres:postgres").arg(folder.path()));
        }
        let data = folder.path().join("data");
        let encoding = [
            "--encoding=UTF8",
            "--locale=C",
            "--auth=trust",
            "--username=postgres",
            "--no-sync",
        ];
        run_to_end(
            unprivileged(&binaries.join("initdb"))
                .arg("--pgdata")
                .arg(&data)
                .args(encoding),
        );
        let log = File::create(folder.path().join("log")).expect("a log file");
        let server = unprivileged(&binaries.join("postgres"))
            .arg("-D")
            .arg(&data)
            .arg("-k")
            .arg(folder.path())
            .args([
                "-c",
                "listen_addresses=",
                "-c",
                "fsync=off",
                "-c",
                "full_page_writes=off",
            ])
            .args(["-c", "shared_buffers=32MB", "-c", "max_connections=80"])
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("postgres starts");
        let mut cluster = Self {
            server,
            binaries,
            folder,
        };
        cluster.wait_until_ready();
        cluster
    }

    fn url(&self) -> String {
        format!(
            "postgres://postgres@localhost/postgres?host={}",
            self.folder.path().display()
        )
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "another process tells nobody when it is ready"
    )]
    fn wait_until_ready(&mut self) {
        let started = Instant::now();
        let ready = |cluster: &Self| {
            let mut ask = Command::new(cluster.binaries.join("pg_isready"));
            ask.arg("-h")
                .arg(cluster.folder.path())
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            ask.status().expect("pg_isready runs").success()
        };
        while !ready(self) {
            let ended = self.server.try_wait().expect("its state is known").is_some();
            if ended || started.elapsed() > Duration::from_secs(60) {
                let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
                panic!("PostgreSQL does not start:\n{log}");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let stopped = unprivileged(&self.binaries.join("pg_ctl"))
            .arg("stop")
            .args(["-m", "immediate", "-D"])
            .arg(self.folder.path().join("data"))
            .stdout(Stdio::null())
            .status();
        if !stopped.is_ok_and(|status| status.success()) {
            eprintln!(
                "PostgreSQL did not stop when asked; it is killed: {:?}",
                self.server.kill()
            );
        }
        if let Err(error) = self.server.wait() {
            eprintln!("PostgreSQL did not end: {error}");
        }
    }
}

/// The newest installed version, or the one that is named.
fn find_binaries() -> PathBuf {
    if let Some(folder) = std::env::var_os("GATEHOUSE_TEST_POSTGRES_BIN") {
        return folder.into();
    }
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let mut found: Vec<(u32, PathBuf)> = versions
        .filter_map(|entry| {
            Some((
                entry.file_name().to_str()?.parse().ok()?,
                entry.path().join("bin"),
            ))
        })
        .filter(|(_, folder)| folder.join("initdb").exists())
        .collect();
    found.sort();
    let (_, folder) = found.pop().expect(
        "PostgreSQL is needed: install Debian's package postgresql, or name the folder of initdb in \
         GATEHOUSE_TEST_POSTGRES_BIN",
    );
    folder
}

/// PostgreSQL refuses to run as root: then it runs as the user its package made. The command takes the place of
/// `setpriv`, so that it is this process's own child.
fn unprivileged(program: &Path) -> Command {
    let mut command = if is_root() {
        let mut command = Command::new("setpriv");
        command
            .args([
                "--reuid=postgres",
                "--regid=postgres",
                "--init-groups",
                "--pdeathsig=QUIT",
            ])
            .arg(program);
        command
    } else {
        Command::new(program)
    };
    command.current_dir("/");
    command
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().expect("id runs");
    id.stdout.trim_ascii() == b"0"
}

fn run_to_end(command: &mut Command) {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?} does not run: {error}"));
    assert!(
        output.status.success(),
        "{command:?} failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}
