//! Several processes that start at once on one data directory. Each gets its turn and none fails. Also checks which
//! files they leave behind.

use std::net::TcpStream;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use crate::process::{Installation, ended};

const ROUNDS: usize = 8;

fn start_admin(data: &Path, name: &str) -> Child {
    Command::new(env!("CARGO_BIN_EXE_gatehouse"))
        .args(["admin", "create-company", "--name", name, "--json", "--data-dir"])
        .arg(data)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts")
}

fn end(child: Child) -> Output {
    child.wait_with_output().expect("ends")
}

fn succeeded(output: &Output) {
    assert!(
        output.status.success(),
        "{:?}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
}

fn stop(mut server: Child) {
    let sent = Command::new("kill")
        .args(["-s", "TERM", &server.id().to_string()])
        .status();
    assert!(sent.expect("kill runs").success());
    assert_eq!(ended(&mut server).code(), Some(0));
}

/// The order changes each round, so commands wait for the server and the server waits for commands, at the start and at
/// the stop.
#[test]
fn a_server_and_commands_that_start_together_all_get_their_turn() {
    let folder = tempfile::tempdir().expect("a folder");
    let installation = Installation::create(folder.path());
    let data = folder.path().join("data");
    for round in 0..ROUNDS {
        let before = (0..round % 3).map(|i| start_admin(&data, &format!("before {round} {i}")));
        let mut commands: Vec<Child> = before.collect();
        let server = installation.spawn(&[], Stdio::null());
        commands.extend((0..3).map(|i| start_admin(&data, &format!("beside {round} {i}"))));
        let server = installation.wait_until_it_listens(server);
        for command in commands {
            succeeded(&end(command));
        }
        let ending = start_admin(&data, &format!("while it stops {round}"));
        stop(server);
        succeeded(&end(ending));
    }
    let list = Command::new(env!("CARGO_BIN_EXE_gatehouse"))
        .args(["admin", "list-companies", "--json", "--data-dir"])
        .arg(&data)
        .output()
        .expect("runs");
    succeeded(&list);
    let list: serde_json::Value = serde_json::from_slice(&list.stdout).expect("JSON");
    let beside: usize = (0..ROUNDS).map(|round| round % 3 + 4).sum();
    assert_eq!(
        list.as_array().map(Vec::len),
        Some(beside + 1),
        "each command was carried out once"
    );
}

#[test]
fn commands_wait_for_each_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    succeeded(&end(start_admin(&data, "first")));
    let commands: Vec<Child> = (0..6)
        .map(|i| start_admin(&data, &format!("company {i}")))
        .collect();
    for command in commands {
        succeeded(&end(command));
    }
}

#[test]
fn a_second_server_learns_at_once_that_the_first_one_is_running() {
    let folder = tempfile::tempdir().expect("a folder");
    let installation = Installation::create(folder.path());
    let first = installation.start(&[], Stdio::null());
    let second = end(installation.spawn(&[], Stdio::piped()));
    assert_eq!(second.status.code(), Some(2));
    let said = String::from_utf8_lossy(&second.stderr);
    assert!(said.contains("which another process is using"), "{said}");
    stop(first);
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![folder.to_owned()];
    for entry in std::fs::read_dir(folder).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

/// systemd creates its directories with mode 0755, and a shell's umask is 022. Neither may make these files readable to
/// others.
#[test]
fn a_servers_files_are_private_and_a_clean_stop_leaves_no_database_log() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    std::fs::create_dir(&data).expect("makes");
    std::fs::set_permissions(&data, std::fs::Permissions::from_mode(0o755)).expect("opens");
    let installation = Installation::create(folder.path());
    let open = data.join("gatehouse.db");
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o644)).expect("opens");
    let server = installation.start(&[], Stdio::null());
    drop(TcpStream::connect(installation.listeners[1]).expect("it listens"));
    let running = files(&data);
    assert!(running.iter().any(|file| file.ends_with("logs/logs.db-wal")));
    for file in &running {
        let mode = std::fs::metadata(file).expect("exists").mode();
        assert_eq!(mode & 0o077, 0, "{}: {mode:o}", file.display());
    }
    stop(server);
    let left: Vec<_> = files(&data)
        .into_iter()
        .filter(|file| {
            let name = file.to_string_lossy();
            ["-wal", "-shm", ".sock"].iter().any(|end| name.ends_with(end))
        })
        .collect();
    assert_eq!(left, Vec::<PathBuf>::new());
}
