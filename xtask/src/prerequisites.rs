//! Checks what a machine needs before anything is compiled, and names the command that installs what is missing. Every
//! task runs this first, so that nobody waits ten minutes to find out. Only the WASM target is installed here:
//! `rust-toolchain.toml` lists it, but rustup does not install it with `RUSTUP_AUTO_INSTALL=0`.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use crate::commands::{answer, on_path};

/// The oldest major version of Node that can run the browser tests and wasm-opt.
const OLDEST_NODE: u32 = 20;

const WASM_TARGET: &str = "wasm32-unknown-unknown";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    /// For compiling: the WASM target and a C compiler with headers.
    Compiling,
    /// For compiling, plus Node for npm and Playwright.
    CompilingAndNode,
}

/// Fails with one sentence for each thing that is missing.
pub(crate) fn check(needs: Needs) -> Result<()> {
    let mut missing = Vec::new();
    if !wasm_target_is_installed() && !install_wasm_target() {
        missing.push(format!(
            "Rust's WASM target. Install it:\n    rustup target add {WASM_TARGET}"
        ));
    }
    if !c_compiler_works() {
        missing.push(format!(
            "A C compiler with its headers (for SQLite and ring). Install it:\n    {}",
            c_compiler()
        ));
    }
    if needs == Needs::CompilingAndNode {
        missing.extend(node_problem());
    }
    if missing.is_empty() {
        return Ok(());
    }
    bail!("This machine still needs:\n\n- {}", missing.join("\n\n- "));
}

fn wasm_target_is_installed() -> bool {
    answer("rustc", &["--print", "sysroot"]).is_some_and(|sysroot| {
        Path::new(&sysroot)
            .join("lib/rustlib")
            .join(WASM_TARGET)
            .join("lib")
            .is_dir()
    })
}

/// Whether the target is installed afterwards. Rustup's messages go to the terminal, since it may be offline.
fn install_wasm_target() -> bool {
    on_path("rustup").is_some()
        && Command::new("rustup")
            .args(["target", "add", WASM_TARGET])
            .stdin(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
        && wasm_target_is_installed()
}

/// Compiles something with a C library header. A compiler without the headers would fail minutes later.
fn c_compiler_works() -> bool {
    let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    let child = Command::new(compiler)
        .args(["-E", "-x", "c", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut child) = child else { return false };
    let asked = child
        .stdin
        .take()
        .is_some_and(|mut input| input.write_all(b"#include <stdlib.h>\n").is_ok());
    child.wait().is_ok_and(|status| asked && status.success())
}

fn node_problem() -> Option<String> {
    let version = answer("node", &["--version"]);
    let major = version.as_deref().and_then(node_major);
    let problem = match (&version, major) {
        (_, Some(major)) if major >= OLDEST_NODE && answer("npm", &["--version"]).is_some() => return None,
        (_, Some(major)) if major >= OLDEST_NODE => "npm, which comes with Node".to_owned(),
        (Some(version), _) => format!("Node {OLDEST_NODE} or newer (found {version})"),
        (None, _) => format!("Node {OLDEST_NODE} or newer"),
    };
    Some(format!(
        "{problem}, for the browser tests. Install it:\n    {}",
        node()
    ))
}

fn node_major(version: &str) -> Option<u32> {
    version.strip_prefix('v')?.split('.').next()?.parse().ok()
}

fn c_compiler() -> &'static str {
    match System::this() {
        System::Debian => "sudo apt-get install build-essential",
        System::Fedora => "sudo dnf install gcc make glibc-devel",
        System::Mac => "xcode-select --install",
        System::Other => "(with this system's package manager: gcc or clang, and the C library's headers)",
    }
}

fn node() -> &'static str {
    match System::this() {
        System::Debian => {
            "sudo apt-get install nodejs npm    (Debian 13 or later; otherwise see https://nodejs.org/en/download)"
        }
        System::Fedora => "sudo dnf install nodejs npm",
        System::Mac => "brew install node",
        System::Other => "see https://nodejs.org/en/download",
    }
}

/// The families of systems whose package commands we know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum System {
    Debian,
    Fedora,
    Mac,
    Other,
}

impl System {
    pub(crate) fn this() -> Self {
        if cfg!(target_os = "macos") {
            return Self::Mac;
        }
        std::fs::read_to_string("/etc/os-release").map_or(Self::Other, |text| Self::from_os_release(&text))
    }

    fn from_os_release(text: &str) -> Self {
        let names: Vec<&str> = text
            .lines()
            .filter_map(|line| line.strip_prefix("ID=").or_else(|| line.strip_prefix("ID_LIKE=")))
            .flat_map(|value| value.trim_matches('"').split(' '))
            .collect();
        if names.contains(&"debian") {
            Self::Debian
        } else if names.contains(&"fedora") {
            Self::Fedora
        } else {
            Self::Other
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debian_and_its_derivatives_are_recognised() {
        assert_eq!(System::from_os_release("NAME=x\nID=debian\n"), System::Debian);
        assert_eq!(
            System::from_os_release("ID=ubuntu\nID_LIKE=debian\n"),
            System::Debian
        );
        assert_eq!(
            System::from_os_release("ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n"),
            System::Fedora
        );
        assert_eq!(System::from_os_release("ID=arch\n"), System::Other);
    }

    #[test]
    fn the_major_version_of_node_is_parsed() {
        assert_eq!(node_major("v20.20.2"), Some(20));
        assert_eq!(node_major("20"), None);
    }

    #[test]
    fn a_machine_that_runs_this_test_can_compile() {
        assert!(c_compiler_works());
    }
}
