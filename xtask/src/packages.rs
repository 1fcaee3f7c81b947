//! Chromium, PostgreSQL and valgrind, which the tests need from the system. They are looked for in the usual places. If one is
//! missing, it is installed when we are root on Debian; elsewhere the error says what to install. So is valgrind, which counts
//! instructions, but only on Linux: there is none for a Mac, where those tests count nothing.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::commands::{answer, on_path};
use crate::prerequisites::System;
use crate::stages::Clock;

/// Where those are that can be in several places.
#[derive(Debug)]
pub(crate) struct Packages {
    pub(crate) chromium: PathBuf,
    /// The directory with `initdb`, `pg_ctl` and `postgres`.
    pub(crate) postgres: PathBuf,
}

/// Only Chromium, for the tasks that start no database.
pub(crate) fn chromium(clock: &Clock) -> Result<PathBuf> {
    if find_chromium().is_none() {
        install(clock, &[("Chromium", "chromium")])?;
    }
    match find_chromium() {
        Some(chromium) => Ok(chromium),
        None => bail!("Chromium was installed, but is not at /usr/bin/chromium; set CHROMIUM to its path"),
    }
}

/// Finds all and installs what is missing, with a single `apt-get update`.
pub(crate) fn all(clock: &Clock) -> Result<Packages> {
    let mut missing = Vec::new();
    if find_chromium().is_none() {
        missing.push(("Chromium", "chromium"));
    }
    if find_postgres().is_none() {
        missing.push(("PostgreSQL", "postgresql"));
    }
    if cfg!(target_os = "linux") && on_path("valgrind").is_none() {
        missing.push(("valgrind", "valgrind"));
        if System::this() == System::Debian {
            missing.push(("symbols of libc", "libc6-dbg"));
        }
    }
    install(clock, &missing)?;
    match (find_chromium(), find_postgres()) {
        (Some(chromium), Some(postgres)) => Ok(Packages { chromium, postgres }),
        (None, _) => {
            bail!("Chromium was installed, but is not at /usr/bin/chromium; set CHROMIUM to its path")
        }
        (_, None) => bail!(
            "PostgreSQL was installed, but initdb was not found; set GATEHOUSE_TEST_POSTGRES_BIN to its directory"
        ),
    }
}

/// Each is a name for people and its package.
pub(crate) fn install(clock: &Clock, missing: &[(&str, &str)]) -> Result<()> {
    if missing.is_empty() {
        return Ok(());
    }
    let names = missing
        .iter()
        .map(|(name, _)| *name)
        .collect::<Vec<_>>()
        .join(" and ");
    let packages: Vec<&str> = missing.iter().map(|(_, package)| *package).collect();
    if !can_install() {
        bail!(
            "The tests need {names}. Install this, then try again:\n    {}",
            by_hand(&packages)
        );
    }
    clock.line(format!("Installing {names} from Debian's packages."));
    clock.doing("apt-get update");
    clock.run(apt_get().args(["update", "-qq"]))?;
    clock.doing(format!("apt-get install {}", packages.join(" ")));
    clock.run(
        apt_get()
            .args(["install", "-y", "-qq", "--no-install-recommends"])
            .args(packages),
    )
}

fn can_install() -> bool {
    System::this() == System::Debian
        && on_path("apt-get").is_some()
        && answer("id", &["-u"]).as_deref() == Some("0")
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

fn by_hand(packages: &[&str]) -> String {
    let packages = packages.join(" ");
    match System::this() {
        System::Debian => format!("sudo apt-get install --no-install-recommends {packages}"),
        System::Fedora => format!(
            "sudo dnf install {}",
            packages.replace("postgresql", "postgresql-server")
        ),
        System::Mac => format!("brew install {}", packages.replace("postgresql", "postgresql@17")),
        System::Other => {
            format!(
                "(with this system's package manager: {packages}; then set CHROMIUM and GATEHOUSE_TEST_POSTGRES_BIN if they are not in the usual places)"
            )
        }
    }
}

fn find_chromium() -> Option<PathBuf> {
    if let Some(given) = std::env::var_os("CHROMIUM") {
        return Some(given.into());
    }
    ["chromium", "chromium-browser", "google-chrome"]
        .into_iter()
        .find_map(on_path)
        .or_else(|| {
            let mac = PathBuf::from("/Applications/Chromium.app/Contents/MacOS/Chromium");
            mac.is_file().then_some(mac)
        })
}

fn find_postgres() -> Option<PathBuf> {
    if let Some(given) = std::env::var_os("GATEHOUSE_TEST_POSTGRES_BIN") {
        return Some(given.into());
    }
    newest_debian_postgres(Path::new("/usr/lib/postgresql"))
        .or_else(|| {
            answer("pg_config", &["--bindir"])
                .map(PathBuf::from)
                .filter(|directory| has_server(directory))
        })
        .or_else(|| on_path("initdb").and_then(|initdb| initdb.parent().map(Path::to_owned)))
}

/// Debian keeps several versions side by side: `/usr/lib/postgresql/15/bin`.
fn newest_debian_postgres(versions: &Path) -> Option<PathBuf> {
    std::fs::read_dir(versions)
        .ok()?
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let version: u32 = entry.file_name().to_str()?.parse().ok()?;
            let directory = entry.path().join("bin");
            has_server(&directory).then_some((version, directory))
        })
        .max()
        .map(|(_, directory)| directory)
}

fn has_server(directory: &Path) -> bool {
    ["initdb", "pg_ctl", "postgres"]
        .iter()
        .all(|program| directory.join(program).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_complete_postgresql_is_chosen() {
        let versions = tempfile::tempdir().unwrap();
        for (version, programs) in [("9", 3), ("15", 3), ("17", 1)] {
            let directory = versions.path().join(version).join("bin");
            std::fs::create_dir_all(&directory).unwrap();
            for program in ["initdb", "pg_ctl", "postgres"].iter().take(programs) {
                std::fs::write(directory.join(program), "").unwrap();
            }
        }
        assert_eq!(
            newest_debian_postgres(versions.path()),
            Some(versions.path().join("15/bin"))
        );
    }
}
