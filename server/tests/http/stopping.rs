//! How a server ends when it is told to: the first signal lets open answers end and writes what is in memory, the second
//! ends everything at once.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};

use tempfile::TempDir;

use crate::process::Installation;

#[test]
fn the_first_sigterm_lets_an_open_answer_end_and_writes_its_log_entry() {
    let Draining {
        folder,
        installation,
        upstream,
        mut server,
        mut call,
        said: _said,
    } = Draining::begin();
    // Nobody new is let in, from a moment on that nobody announces.
    while TcpStream::connect(installation.listeners[1]).is_ok() {
        assert!(
            server.try_wait().expect("its state").is_none(),
            "the call is waited for"
        );
        std::thread::yield_now();
    }
    upstream.answer.send(()).expect("the upstream waits");
    let mut answer = String::new();
    call.read_to_string(&mut answer).expect("an answer");
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.ends_with("late"),
        "{answer}"
    );
    assert_eq!(server.wait().expect("it ends").code(), Some(0));

    let written = std::fs::read_dir(folder.path().join("data/logs"))
        .expect("the log")
        .map(|file| std::fs::read(file.expect("a file").path()).expect("its bytes"))
        .any(|bytes| bytes.windows(9).any(|bytes| bytes == b"/v1/late/"));
    assert!(written, "the call is in the log");
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
        "the call is waited for"
    );
    signal(&server, "TERM");
    assert_eq!(server.wait().expect("it ends").code(), Some(1));
    let mut answer = Vec::new();
    // Cut off: an empty answer or an error, as the system likes it.
    call.read_to_end(&mut answer).ok();
    assert!(answer.is_empty());
}

/// A server that was told once to stop, while a call waits for its upstream.
struct Draining {
    folder: TempDir,
    installation: Installation,
    upstream: SlowUpstream,
    server: Child,
    call: TcpStream,
    /// Kept open: the server goes on writing there.
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
        upstream.asked.recv().expect("the upstream is asked");
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

/// An API that takes one call and answers it when it is told to.
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
            // The test may end without an answer.
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

/// A call through the gateway whose answer has not been read.
fn call(installation: &Installation) -> TcpStream {
    let gateway = installation.listeners[1];
    let mut stream = TcpStream::connect(gateway).expect("the gateway listens");
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
        assert!(read > 0, "it ended without saying {part:?}");
    }
}
