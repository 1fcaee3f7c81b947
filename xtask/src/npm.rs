//! The npm packages of `end2end/`: Playwright, axe, and binaryen's `wasm-opt`.

use std::process::Command;

use anyhow::{Context, Result};

use crate::cache::{fingerprint, write_whole};
use crate::project::Project;
use crate::stages::Clock;

/// Installs what `package-lock.json` says into `end2end/node_modules`, unless it is there already.
pub(crate) fn install(project: &Project, clock: &Clock) -> Result<()> {
    let directory = &project.leptos.end2end_dir;
    let lock = directory.join("package-lock.json");
    let lock = std::fs::read(&lock).with_context(|| format!("reading {}", lock.display()))?;
    let wanted = fingerprint(&[&lock]);
    let stamp = directory.join("node_modules").join(".installed-from");
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    clock.doing("npm ci");
    clock.run(
        Command::new("npm")
            .args(["ci", "--no-audit", "--no-fund", "--loglevel", "error"])
            .current_dir(directory)
            // The browser is the system's: see `packages`.
            .env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1"),
    )?;
    write_whole(&stamp, wanted.as_bytes())
}
