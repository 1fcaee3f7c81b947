//! Silent connections from strangers, against a process that may open only a few files.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::process::{Installation, text};

/// Silent connections to each listener. Together they exceed the process's limit of open files.
const SILENT: usize = 200;
const OPEN_FILES: u32 = 256;

/// The response. Empty if the connection ends without one.
fn ask(address: SocketAddr, request: &str) -> String {
    let Ok(mut tcp) = TcpStream::connect(address) else {
        return String::new();
    };
    tcp.set_read_timeout(Some(Duration::from_secs(5)))
        .expect("a time limit");
    let mut answer = String::new();
    if tcp.write_all(request.as_bytes()).is_ok() {
        // A connection that is reset delivers no response, or part of one.
        let _ = tcp.read_to_string(&mut answer);
    }
    answer
}

/// Asks until there is a response. A connection that was refused because no slot was free may be tried again.
fn answer(address: SocketAddr, request: &str) -> String {
    let since = Instant::now();
    loop {
        let answer = ask(address, request);
        if !answer.is_empty() {
            return answer;
        }
        assert!(
            since.elapsed() < Duration::from_secs(20),
            "no answer to {request}"
        );
    }
}

#[test]
fn silent_connections_beyond_the_open_file_limit_block_no_listener() {
    let folder = tempfile::tempdir().expect("a directory");
    let installation = Installation::create(folder.path());
    let said = folder.path().join("stderr");
    let stderr = Stdio::from(File::create(&said).expect("a file"));
    let mut child = installation.start_with_open_files(OPEN_FILES, stderr);
    let silent: Vec<TcpStream> = installation
        .listeners
        .iter()
        .flat_map(|address| std::iter::repeat_n(*address, SILENT))
        .map(|address| TcpStream::connect(address).expect("the kernel accepts it"))
        .collect();

    let [dashboard, gateway, operator] = installation.listeners;
    let head = |address: SocketAddr| format!("host: {address}\r\nconnection: close\r\n\r\n");
    let health = answer(operator, &format!("GET /healthz HTTP/1.1\r\n{}", head(operator)));
    assert!(health.starts_with("HTTP/1.1 200"), "{health}");
    let page = answer(
        dashboard,
        &format!("GET /sign-in HTTP/1.1\r\n{}", head(dashboard)),
    );
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    let list = format!(
        "GET /v1/webhooks/ HTTP/1.1\r\nx-access-client-id: {}\r\nx-access-secret: {}\r\n{}",
        installation.client_id,
        installation.secret,
        head(gateway)
    );
    let list = answer(gateway, &list);
    assert!(list.starts_with("HTTP/1.1 200"), "{list}");
    let token = installation.admin(&["create-operator-token", "--name", "another"]);
    assert!(!text(&token, "token").is_empty(), "the control socket responds");

    let open = std::fs::read_dir(format!("/proc/{}/fd", child.id())).map(Iterator::count);
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    drop(silent);
    let said = std::fs::read_to_string(said).expect("its output");
    assert!(
        !said.contains("could not accept") && !said.contains("could not be accepted"),
        "{said}"
    );
    if let Ok(open) = open {
        assert!(open < OPEN_FILES as usize, "{open} of {OPEN_FILES} are open");
    }
}

#[test]
fn a_process_that_may_open_too_few_files_says_so_and_exits() {
    let dir = tempfile::tempdir().expect("a directory");
    let output = std::process::Command::new("sh")
        .args(["-c", "ulimit -n 100; exec \"$0\" \"$@\""])
        .args([
            env!("CARGO_BIN_EXE_gatehouse"),
            "serve",
            "--listen",
            "127.0.0.1:0",
        ])
        .current_dir(dir.path())
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("LimitNOFILE"), "{said}");
}
