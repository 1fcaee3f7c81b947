//! How a server stops. The first signal lets open responses finish and writes what is in memory. The second ends
//! everything at once.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};

use store::logs::{Container, LOG_MIGRATIONS, Logs, LogsOptions};
use store::{Db, DbOptions, Durability};
use tempfile::TempDir;

use crate::process::{Installation, ended};

#[test]
fn the_first_sigterm_lets_an_open_response_finish_and_writes_its_log_entry() {
    let Draining {
        folder,
        installation,
        upstream,
        mut server,
        mut call,
        said: _said,
    } = Draining::begin();
    // Wait until new connections are refused. Nothing announces that moment, so keep trying.
    test_wait::blocking_until("new connections are refused", || {
        assert!(
            server.try_wait().expect("its state").is_none(),
            "the server waits for the call"
        );
        TcpStream::connect(installation.listeners[1]).is_err()
    });
    upstream.answer.send(()).expect("the upstream waits");
    let mut answer = String::new();
    call.read_to_string(&mut answer).expect("an answer");
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.ends_with("late"),
        "{answer}"
    );
    assert_eq!(ended(&mut server).code(), Some(0));

    // No segment is without rows, and this was the only call.
    assert_eq!(
        closed_segments(&folder.path().join("data/logs")),
        1,
        "the call is in the log"
    );
}

/// How many segments of a stopped server's log are complete.
fn closed_segments(folder: &Path) -> usize {
    let options = DbOptions::Sqlite {
        file: folder.join("logs.db"),
        durability: Durability::Full,
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let db = Db::open(&options, LOG_MIGRATIONS)
            .await
            .expect("the database opens");
        let container = Container::Folder(folder.to_owned());
        let log = Logs::open(db, LogsOptions::new(container)).await;
        log.expect("the log opens").held().closed_segments
    })
}

#[test]
fn the_second_sigterm_ends_everything_at_once() {
    let Draining {
        mut server,
        mut call,
        folder: _folder,
        upstream: _upstream,
        said: _said,
        ..
    } = Draining::begin();
    assert!(
        server.try_wait().expect("its state").is_none(),
        "the server waits for the call"
    );
    signal(&server, "TERM");
    assert_eq!(ended(&mut server).code(), Some(1));
    let mut answer = Vec::new();
    // The connection was cut. The system reports an empty response or an error.
    call.read_to_end(&mut answer).ok();
    assert!(answer.is_empty());
}

#[test]
fn a_sigterm_during_the_start_stops_the_server_cleanly_once_it_has_started() {
    let folder = tempfile::tempdir().expect("a directory");
    let installation = Installation::create(folder.path());
    let data = folder.path().join("data");
    // Another process at work on the data directory: the start waits for it.
    let lock = File::options()
        .write(true)
        .open(data.join("gatehouse.lock"))
        .expect("the lock");
    lock.lock().expect("no other process has it");
    let mut server = installation.spawn(&[], Stdio::null());
    test_wait::blocking_until("the server handles SIGTERM", || handles_sigterm(&server));
    signal(&server, "TERM");
    drop(lock);
    assert_eq!(ended(&mut server).code(), Some(0));
    let left_open = std::fs::exists(data.join("gatehouse.db-wal")).expect("the directory can be read");
    assert!(!left_open, "the database was not closed");
}

/// By the mask of handled signals: SIGTERM is number 15.
fn handles_sigterm(process: &Child) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).expect("its status");
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("SigCgt:"))
        .expect("a mask of handled signals");
    u64::from_str_radix(mask.trim(), 16).expect("hex digits") & (1 << 14) != 0
}

/// A server that has been told once to stop, while a call waits for its upstream.
struct Draining {
    folder: TempDir,
    installation: Installation,
    upstream: SlowUpstream,
    server: Child,
    call: TcpStream,
    /// Kept open because the server still writes to it.
    said: BufReader<ChildStderr>,
}

impl Draining {
    fn begin() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let installation = Installation::create(folder.path());
        let upstream = SlowUpstream::start();
        let mut server = installation.start(
            &["--log", "info", "--upstream", &upstream.argument()],
            Stdio::piped(),
        );
        let mut said = lines_of(&mut server);
        let call = call(&installation);
        upstream
            .asked
            .recv_timeout(test_wait::LIMIT)
            .expect("the upstream is called");
        signal(&server, "TERM");
        wait_for_line(&mut said, "stopping");
        Self {
            folder,
            installation,
            upstream,
            server,
            call,
            said,
        }
    }
}

/// An API that accepts one call and responds when told to.
struct SlowUpstream {
    address: SocketAddr,
    asked: Receiver<()>,
    answer: Sender<()>,
}

impl SlowUpstream {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let (asking, asked) = channel();
        let (answer, answering) = channel();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a call");
            let mut head = BufReader::new(stream.try_clone().expect("a second handle")).lines();
            while head
                .next()
                .is_some_and(|line| line.is_ok_and(|line| !line.is_empty()))
            {}
            asking.send(()).expect("the test waits");
            // The test may end without letting the upstream respond.
            if answering.recv().is_ok() {
                stream
                    .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate")
                    .expect("the gateway reads");
            }
        });
        Self {
            address,
            asked,
            answer,
        }
    }

    fn argument(&self) -> String {
        format!("sandbox=http://{}", self.address)
    }
}

/// A call through the gateway whose response has not been read.
fn call(installation: &Installation) -> TcpStream {
    let gateway = installation.listeners[1];
    let mut stream = TcpStream::connect(gateway).expect("the gateway listens");
    stream
        .set_read_timeout(Some(test_wait::LIMIT))
        .expect("a time limit");
    write!(
        stream,
        "GET /v1/late/ HTTP/1.1\r\nHost: {gateway}\r\nX-Access-Client-Id: {}\r\nX-Access-Secret: {}\r\nConnection: close\r\n\r\n",
        installation.client_id, installation.secret
    )
    .expect("the gateway reads");
    stream
}

fn signal(server: &Child, name: &str) {
    let sent = Command::new("kill")
        .args(["-s", name, &server.id().to_string()])
        .status();
    assert!(sent.expect("kill runs").success());
}

fn lines_of(server: &mut Child) -> BufReader<ChildStderr> {
    BufReader::new(server.stderr.take().expect("it is piped"))
}

fn wait_for_line(lines: &mut BufReader<ChildStderr>, part: &str) {
    let mut line = String::new();
    while !line.contains(part) {
        line.clear();
        let read = lines.read_line(&mut line).expect("its output");
        assert!(read > 0, "it exited without saying {part:?}");
    }
}
