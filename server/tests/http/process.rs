//! A server in its own process, on a data directory that outlives it. For tests of what happens when the process ends.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

const GATEHOUSE: &str = env!("CARGO_BIN_EXE_gatehouse");

/// An installation whose server can be started, stopped and killed.
pub(crate) struct Installation {
    data: PathBuf,
    /// Dashboard, gateway, operator.
    pub(crate) listeners: [SocketAddr; 3],
    pub(crate) client_id: String,
    pub(crate) secret: String,
    pub(crate) token: String,
}

impl Installation {
    pub(crate) fn create(folder: &Path) -> Self {
        let data = folder.join("data");
        let company = admin(&data, &["create-company", "--name", "Acme"]);
        let client_id = text(&company, "client_id");
        let key = admin(
            &data,
            &[
                "create-key",
                "--client-id",
                &client_id,
                "--environment",
                "sandbox",
            ],
        );
        let token = admin(
            &data,
            &["create-operator-token", "--name", "backend", "--scope", "events"],
        );
        let free = || TcpListener::bind("127.0.0.1:0").expect("a free port");
        let held = [free(), free(), free()];
        let listeners = held.map(|listener| listener.local_addr().expect("an address"));
        Self {
            data,
            listeners,
            client_id,
            secret: text(&key, "secret"),
            token: text(&token, "token"),
        }
    }

    /// Starts the server with these additional arguments and returns when all listeners respond. Its messages go to
    /// `stderr`.
    pub(crate) fn start(&self, arguments: &[&str], stderr: Stdio) -> Child {
        self.wait_until_it_listens(self.spawn(arguments, stderr))
    }

    /// Starts the server in a process that may open this many files and cannot raise the limit.
    pub(crate) fn start_with_open_files(&self, limit: u32, stderr: Stdio) -> Child {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("ulimit -n {limit}; exec \"$0\" \"$@\""), GATEHOUSE]);
        self.wait_until_it_listens(self.spawn_by(shell, &[], stderr))
    }

    /// Runs `admin` on the data directory.
    pub(crate) fn admin(&self, args: &[&str]) -> Value {
        admin(&self.data, args)
    }

    /// Like [`Self::start`], but does not wait.
    pub(crate) fn spawn(&self, arguments: &[&str], stderr: Stdio) -> Child {
        self.spawn_by(Command::new(GATEHOUSE), arguments, stderr)
    }

    fn spawn_by(&self, mut command: Command, arguments: &[&str], stderr: Stdio) -> Child {
        let [dashboard, gateway, operator] = self.listeners.map(|address| address.to_string());
        command
            .args(["serve", "--allow-network", "127.0.0.0/8", "--data-dir"])
            .arg(&self.data)
            .args([
                "--listen",
                &dashboard,
                "--gateway-listen",
                &gateway,
                "--operator-listen",
                &operator,
            ])
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(stderr)
            .spawn()
            .expect("the server starts")
    }

    pub(crate) fn wait_until_it_listens(&self, mut child: Child) -> Child {
        // The listeners are bound long before the server responds on them. A signal sent before that would abort the
        // start.
        let began = Instant::now();
        while !self.is_ready() {
            assert!(
                began.elapsed() < Duration::from_secs(60),
                "the server does not respond"
            );
            assert!(
                child.try_wait().expect("its state can be read").is_none(),
                "the server has exited"
            );
            std::thread::yield_now();
        }
        child
    }
}

impl Installation {
    fn is_ready(&self) -> bool {
        let [_, _, operator] = self.listeners;
        let answer = TcpStream::connect(operator).and_then(|mut stream| {
            let asked = format!("GET /readyz HTTP/1.1\r\nHost: {operator}\r\nConnection: close\r\n\r\n");
            stream.write_all(asked.as_bytes())?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer)
        });
        answer.is_ok_and(|answer| answer.contains(" 200 OK"))
    }
}

/// The exit status of a process that was told to stop. Fails if it keeps running.
pub(crate) fn ended(child: &mut Child) -> ExitStatus {
    let mut status = None;
    test_wait::blocking_until("the process ends", || {
        status = child.try_wait().expect("its state can be read");
        status.is_some()
    });
    status.expect("it has ended")
}

fn admin(data: &Path, args: &[&str]) -> Value {
    let output = Command::new(GATEHOUSE)
        .arg("admin")
        .args(args)
        .args(["--json", "--data-dir"])
        .arg(data)
        .output();
    let output = output.expect("it runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).expect("JSON")
}

pub(crate) fn text(value: &Value, name: &str) -> String {
    value[name]
        .as_str()
        .unwrap_or_else(|| panic!("no {name} in {value}"))
        .to_owned()
}
