//! The PostgreSQL programs on this machine, and how to run them.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The newest installed version, or the one that was specified.
pub(crate) fn folder() -> PathBuf {
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

/// The words to put before a PostgreSQL command. PostgreSQL refuses to run as root, so as root `setpriv` switches to
/// the user that PostgreSQL's package created, replaces itself with the command, and makes it quit when its parent is
/// killed.
pub(crate) fn unprivileged() -> &'static [&'static str] {
    if is_root() {
        &[
            "setpriv",
            "--reuid=postgres",
            "--regid=postgres",
            "--init-groups",
            "--pdeathsig=QUIT",
        ]
    } else {
        &["env"]
    }
}

/// Makes a new folder belong to the user that PostgreSQL will run as.
pub(crate) fn hand_over(folder: &Path) {
    if is_root() {
        run_to_end(Command::new("chown").arg("postgres:postgres").arg(folder));
    }
}

pub(crate) fn run_to_end(command: &mut Command) {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?} does not run: {error}"));
    assert!(
        output.status.success(),
        "{command:?} failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().expect("id runs");
    id.stdout.trim_ascii() == b"0"
}
