//! A PostgreSQL server for tests: how it is started, found and stopped.
//!
//! A process that looks for the cluster holds a file lock, so only one process starts it. Its users are registered by
//! process id in its folder. `guardian.sh` runs the server and stops it once no user is alive.

use std::fs::{self, File};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, parent_id};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::programs;

/// How long PostgreSQL may take to start on a busy machine.
const START_LIMIT: Duration = Duration::from_secs(60);

/// What a test's server gives up to be fast.
const FAST: &str = "-c fsync=off -c full_page_writes=off -c synchronous_commit=off -c autovacuum=off \
                    -c wal_level=minimal -c max_wal_senders=0 -c shared_buffers=32MB";

/// PostgreSQL's own defaults.
const DURABLE: &str = "";

/// A running server. Its data and socket are in one folder, and it does not listen on any network.
#[derive(Debug)]
pub struct Cluster {
    folder: PathBuf,
}

impl Cluster {
    /// The cluster shared by all tests of this run, next to the compiled tests.
    pub(crate) fn of_this_run() -> Self {
        let program = std::env::current_exe().expect("a test knows its own program");
        let folder = program.parent().expect("it is in a folder");
        // A runner that starts a process for each test uses the cluster from the first test to the last. So the
        // runner is a user too; otherwise the cluster could end between two tests that need it.
        let runner = ["NEXTEST", "CARGO"]
            .iter()
            .any(|name| std::env::var_os(name).is_some());
        let mut users = vec![std::process::id()];
        users.extend(runner.then(parent_id));
        Self::shared(&folder.join("test-postgres"), &users)
    }

    /// Like [`Cluster::shared`], with PostgreSQL's own settings: it survives a power cut, and is as slow as that makes it.
    /// For benchmarks.
    ///
    /// # Panics
    ///
    /// If PostgreSQL is not installed or does not start.
    pub fn durable(meeting_place: &Path, users: &[u32]) -> Self {
        Self::meet(meeting_place, users, DURABLE)
    }

    /// The cluster that `meeting_place` points to. Starts it if there is none, and keeps it until all `users`
    /// (process ids) have ended.
    ///
    /// # Panics
    ///
    /// If PostgreSQL is not installed or does not start.
    pub fn shared(meeting_place: &Path, users: &[u32]) -> Self {
        Self::meet(meeting_place, users, FAST)
    }

    fn meet(meeting_place: &Path, users: &[u32], settings: &str) -> Self {
        fs::create_dir_all(meeting_place).expect("a folder");
        let lock = File::create(meeting_place.join("lock")).expect("a lock file");
        lock.lock().expect("locked");
        let address = meeting_place.join("address");
        if let Some(found) = Self::find(&address, users) {
            return found;
        }
        Self::start(&address, users, settings)
    }

    fn find(address: &Path, users: &[u32]) -> Option<Self> {
        let folder = PathBuf::from(fs::read_to_string(address).ok()?);
        let cluster = Self { folder };
        cluster.enter(users).ok()?;
        // The guardian removes the address before it looks for users one last time.
        let still_there = fs::read_to_string(address).is_ok_and(|now| Path::new(&now) == cluster.folder);
        (still_there && cluster.answers()).then_some(cluster)
    }

    fn start(address: &Path, users: &[u32], settings: &str) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("gatehouse-pg-")
            .tempdir()
            .expect("a folder");
        programs::hand_over(folder.path());
        let programs = programs::folder();
        programs::run_to_end(
            postgres(&programs.join("initdb"))
                .arg("--pgdata")
                .arg(folder.path().join("data"))
                .args(["--encoding=UTF8", "--locale=C", "--auth=trust"])
                .args(["--username=postgres", "--no-sync", "--no-instructions"]),
        );
        fs::create_dir(folder.path().join("users")).expect("a folder for the users");
        let cluster = Self {
            // From here on, the guardian removes the folder.
            folder: folder.keep(),
        };
        cluster.enter(users).expect("the users are entered");
        let mut guardian = cluster.start_guardian(address, &programs, settings);
        cluster.wait_until_it_answers(&mut guardian);
        fs::write(address, cluster.folder.as_os_str().as_encoded_bytes()).expect("the address is written");
        cluster
    }

    /// Runs in its own process group, so that signals to a test's group (Ctrl-C, a timeout) do not stop it.
    fn start_guardian(&self, address: &Path, programs: &Path, settings: &str) -> Child {
        Command::new("sh")
            .args(["-c", include_str!("guardian.sh"), "guardian"])
            .arg(&self.folder)
            .arg(address)
            .arg(programs)
            .arg(settings)
            .args(programs::unprivileged())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("the guardian starts")
    }

    fn enter(&self, users: &[u32]) -> std::io::Result<()> {
        users
            .iter()
            .try_for_each(|user| File::create(self.folder.join("users").join(user.to_string())).map(drop))
    }

    fn answers(&self) -> bool {
        UnixStream::connect(self.folder.join(".s.PGSQL.5432")).is_ok()
    }

    /// Panics with the server's log if it ends or takes too long.
    #[expect(
        clippy::disallowed_methods,
        reason = "nothing signals that another process is ready, so this polls"
    )]
    fn wait_until_it_answers(&self, guardian: &mut Child) {
        let begun = Instant::now();
        // The server writes this word to its file once it accepts connections.
        let is_ready = || {
            fs::read_to_string(self.folder.join("data/postmaster.pid"))
                .is_ok_and(|state| state.lines().nth(7).is_some_and(|word| word.trim() == "ready"))
        };
        while !(is_ready() && self.answers()) {
            let ended = guardian.try_wait().expect("its state is known").is_some();
            if ended || begun.elapsed() > START_LIMIT {
                let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
                panic!("PostgreSQL did not start:\n{log}");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The address of one of its databases. `postgres` always exists.
    pub fn url(&self, database: &str) -> String {
        self.url_as("postgres", database)
    }

    pub(crate) fn url_as(&self, user: &str, database: &str) -> String {
        format!(
            "postgres://{user}@localhost/{database}?host={}",
            self.folder.display()
        )
    }

    /// The folder with its files, until it ends.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

fn postgres(program: &Path) -> Command {
    let (first, others) = programs::unprivileged().split_first().expect("one word at least");
    let mut command = Command::new(first);
    command.args(others).arg(program).current_dir("/");
    command
}
