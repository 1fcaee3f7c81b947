//! What the benchmark needs besides Rust. It says what is missing and installs nothing.

use std::path::Path;

use anyhow::{Result, bail};

use crate::{Database, Options};

pub(crate) fn check(options: &Options) -> Result<()> {
    let mut missing = Vec::new();
    if !options.binary.is_file() {
        missing.push(format!("the released server, {}", options.binary.display()));
    }
    if !Path::new("/proc/self/stat").exists() {
        missing.push("Linux: CPU time and memory are read from /proc".to_owned());
    }
    if options.databases.contains(&Database::Postgresql) && !has_postgres(options.postgres_bin.as_deref()) {
        missing.push(
            "PostgreSQL (Debian: apt-get install postgresql), or --postgres-bin with the folder of its initdb, or \
             --databases sqlite"
                .to_owned(),
        );
    }
    if missing.is_empty() {
        return Ok(());
    }
    bail!("This benchmark needs:\n- {}", missing.join("\n- "));
}

fn has_postgres(named: Option<&Path>) -> bool {
    if let Some(folder) = named {
        return folder.join("initdb").is_file();
    }
    let versions = std::fs::read_dir("/usr/lib/postgresql");
    let mut folders = versions.into_iter().flatten().flatten();
    folders.any(|version| version.path().join("bin/initdb").is_file())
}
