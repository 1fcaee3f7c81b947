//! Starts a real proxy with the files of `docs/integrations`. Only addresses are replaced in them.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

/// The addresses in the shipped files: the proxy's own, the API's and Gatehouse's.
const SHIPPED: [&str; 3] = ["8080", "8000", "9090"];

/// Where the access log goes in them: to Gatehouse over UDP, or into a file.
const LOG: [&str; 2] = ["127.0.0.1:5514", "./access.json"];

/// A proxy whose configuration is shipped.
#[derive(Clone, Copy)]
pub(super) struct Shipped {
    pub(super) name: &'static str,
    /// Copied into one directory.
    files: &'static [&'static str],
    /// The program and its arguments, started in that directory.
    command: &'static [&'static str],
    /// A file of the test that holds the paths of this run, and its text.
    around: Option<(&'static str, &'static str)>,
    /// Can remove headers by a part of their name. The others remove the names that Gatehouse uses.
    pub(super) removes_by_pattern: bool,
    /// The status if Gatehouse does not respond.
    pub(super) without_gatehouse: u16,
    /// Passes on all of Gatehouse's 503. The others make one of their own.
    pub(super) passes_503: bool,
    /// Its access log says when the API began to respond.
    pub(super) tells_upstream: bool,
    /// Tells the caller of an accepted request the id that it has in Gatehouse's log.
    pub(super) tells_request_id: bool,
}

pub(super) const NGINX: Shipped = Shipped {
    name: "nginx",
    files: &["nginx.conf"],
    command: &["nginx", "-p", ".", "-e", "stderr", "-c", "around.conf"],
    around: Some((
        "around.conf",
        "daemon off; master_process off; pid nginx.pid; error_log stderr warn; events { worker_connections 256; }\n\
         http { access_log off; client_body_temp_path b; proxy_temp_path p; fastcgi_temp_path f; \
         uwsgi_temp_path u; scgi_temp_path s; include nginx.conf; }\n",
    )),
    removes_by_pattern: false,
    without_gatehouse: 503,
    passes_503: true,
    tells_upstream: true,
    tells_request_id: true,
};

pub(super) const HAPROXY: Shipped = Shipped {
    name: "haproxy",
    files: &["haproxy.cfg", "gatehouse.lua"],
    command: &["haproxy", "-db", "-f", "haproxy.cfg"],
    around: None,
    removes_by_pattern: true,
    without_gatehouse: 503,
    passes_503: true,
    tells_upstream: true,
    tells_request_id: true,
};

pub(super) const CADDY: Shipped = Shipped {
    name: "caddy",
    files: &["Caddyfile"],
    command: &[
        "caddy",
        "run",
        "--adapter",
        "caddyfile",
        "--config",
        "around.caddy",
    ],
    around: Some((
        "around.caddy",
        "{\n\tadmin off\n\tpersist_config off\n\tauto_https off\n\tstorage file_system ./caddy\n}\nimport Caddyfile\n",
    )),
    removes_by_pattern: true,
    without_gatehouse: 503,
    passes_503: true,
    tells_upstream: false,
    tells_request_id: true,
};

pub(super) const TRAEFIK: Shipped = Shipped {
    name: "traefik",
    files: &["traefik.yml", "traefik-dynamic.yml"],
    command: &["traefik", "--configFile=traefik.yml"],
    around: None,
    removes_by_pattern: true,
    without_gatehouse: 500,
    passes_503: true,
    tells_upstream: false,
    tells_request_id: false,
};

pub(super) const ENVOY: Shipped = Shipped {
    name: "envoy",
    files: &["envoy.yaml"],
    command: &[
        "envoy",
        "--disable-hot-restart",
        "--concurrency",
        "1",
        "--log-level",
        "warning",
        // Otherwise each row is there after ten seconds.
        "--file-flush-interval-msec",
        "200",
        "-c",
        "envoy.yaml",
    ],
    around: None,
    removes_by_pattern: true,
    without_gatehouse: 503,
    passes_503: false,
    tells_upstream: true,
    tells_request_id: true,
};

/// Where a proxy's access log goes.
pub(super) struct AccessLog {
    pub(super) syslog: SocketAddr,
    pub(super) file: PathBuf,
}

/// A running proxy. Ends when dropped, and then shows its messages if the test has failed.
pub(super) struct Proxy {
    pub(super) address: SocketAddr,
    directory: TempDir,
    child: Child,
}

impl Proxy {
    pub(super) fn start(shipped: Shipped, api: SocketAddr, gatehouse: SocketAddr, log: &AccessLog) -> Self {
        let held = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = held.local_addr().expect("an address");
        let directory = tempfile::tempdir().expect("a directory");
        let ports = [address.port(), api.port(), gatehouse.port()].map(|port| port.to_string());
        write(shipped, &ports, log, directory.path());
        let messages = File::create(directory.path().join("messages")).expect("a file");
        drop(held);
        let mut command = Command::new(program(shipped.command[0]));
        let child = command
            .args(&shipped.command[1..])
            .current_dir(directory.path())
            .stdin(Stdio::null())
            .stdout(messages.try_clone().expect("a file"))
            .stderr(messages)
            .spawn()
            .unwrap_or_else(|error| {
                panic!(
                    "{} does not start: {error}. `cargo xtask test --peers` installs it",
                    shipped.name
                )
            });
        let mut proxy = Self {
            address,
            directory,
            child,
        };
        test_wait::blocking_until("the proxy serves its routes", || {
            let ended = proxy.child.try_wait().expect("its state can be read");
            assert!(ended.is_none(), "the proxy has exited: {ended:?}");
            serves(address)
        });
        proxy
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let messages = fs::read(self.directory.path().join("messages")).unwrap_or_default();
            let messages = String::from_utf8_lossy(&messages);
            let lines: Vec<&str> = messages.lines().collect();
            let last = lines[lines.len().saturating_sub(40)..].join("\n");
            eprintln!("The proxy's last messages:\n{last}");
        }
    }
}

/// Traefik listens before it has read its routes, and responds 404 until then. A proxy that says nothing is waiting for
/// Gatehouse.
fn serves(address: SocketAddr) -> bool {
    let asked = TcpStream::connect(address).and_then(|mut stream| {
        stream.set_read_timeout(Some(Duration::from_millis(200)))?;
        stream.write_all(b"GET /ready HTTP/1.1\r\nHost: api.example\r\n\r\n")?;
        let mut line = [0; 12];
        Ok(stream.read_exact(&mut line).is_err() || !line.ends_with(b"404"))
    });
    asked.unwrap_or(false)
}

/// Writes the shipped files with these ports.
fn write(shipped: Shipped, ports: &[String; 3], log: &AccessLog, directory: &Path) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/integrations");
    let mut texts: Vec<(&str, String)> = shipped
        .files
        .iter()
        .map(|file| {
            (
                *file,
                fs::read_to_string(folder.join(file)).expect("the shipped file"),
            )
        })
        .collect();
    for (shipped_port, port) in SHIPPED.iter().zip(ports) {
        let mut found = false;
        for (_, text) in &mut texts {
            // With what precedes it, so that one port is not replaced by another and then again.
            for before in ["127.0.0.1:", "http://:", "port_value: "] {
                let pattern = format!("{before}{shipped_port}");
                found |= text.contains(&pattern);
                *text = text.replace(&pattern, &format!("{before}\u{0}{port}"));
            }
        }
        assert!(found, "no file of {} has {shipped_port}", shipped.name);
    }
    let mut is_on = false;
    for (shipped_log, used) in LOG
        .iter()
        .zip([log.syslog.to_string(), log.file.display().to_string()])
    {
        for (_, text) in &mut texts {
            // What is no comment.
            let written = text.lines().filter(|line| !line.trim_start().starts_with('#'));
            is_on |= written.into_iter().any(|line| line.contains(shipped_log));
            *text = text.replace(shipped_log, &used);
        }
    }
    assert!(is_on, "no file of {} sends an access log", shipped.name);
    for (file, text) in texts {
        fs::write(directory.join(file), text.replace('\u{0}', "")).expect("written");
    }
    if let Some((file, text)) = shipped.around {
        fs::write(directory.join(file), text).expect("written");
    }
}

/// Where xtask has installed it, or where the system has it.
fn program(name: &str) -> PathBuf {
    let given = std::env::var_os("GATEHOUSE_TEST_PEERS_BIN").map(PathBuf::from);
    let places = given.into_iter().chain(["/usr/sbin".into()]);
    places
        .map(|place| place.join(name))
        .find(|program| program.is_file())
        .unwrap_or_else(|| name.into())
}
