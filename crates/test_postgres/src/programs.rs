//! PostgreSQL's programs on this machine, and how to run them.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The newest installed version, or the one that is named.
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

/// The words before a program of PostgreSQL's. It refuses to run as root: then it runs as the user its package made, in
/// the place of `setpriv`, and is told to quit when its parent is killed.
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
