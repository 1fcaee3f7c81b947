//! `cargo xtask build --release --profile-guided`: the server compiled twice. The first one counts how often each part of the code
//! runs while the benchmarks of the gateway and of webhooks load it. The compiler then lays out the second one by these
//! counts. `docs/BENCHMARKS.md` says what that brings.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::build::{self, Server};
use crate::commands::{answer, cargo, on_path};
use crate::prerequisites::{self, Needs};
use crate::project::Project;
use crate::stages::Stages;
use crate::{site, wasm};

/// What the benchmarks load the counting server with, and for how long. It is several times slower than the other, so the
/// targets of the benchmarks mean nothing here.
const LOADS: [(&str, &[&str]); 2] = [
    (
        "bench_gateway",
        &["--only", "a,b,d", "--rounds", "1", "--seconds", "4"],
    ),
    (
        "bench_webhooks",
        &[
            "--only",
            "a,c",
            "--rounds",
            "1",
            "--seconds",
            "4",
            "--databases",
            "sqlite",
        ],
    ),
];

pub(crate) fn run(project: &Project, timings: bool) -> Result<()> {
    let mut stages = Stages::new(7, timings);
    let tools = stages.stage("prerequisites", "", |_| {
        prerequisites::check(Needs::Compiling)?;
        Tools::find()
    })?;
    stages.stage("WASM", "3 min", |clock| wasm::compile(project, clock))?;
    stages.stage("site", "half a minute", |clock| site::make(project, clock))?;
    let folder = project.target.join("profile-guided");
    let (counts, profile) = (folder.join("counts"), folder.join("server.profdata"));
    // Counts of an earlier server do not belong to this one.
    if counts.exists() {
        fs::remove_dir_all(&counts).context("removing the counts of an earlier build")?;
    }
    let counting = stages.stage("server that counts", "8 min", |clock| {
        let flag = format!("-Cprofile-generate={}", counts.display());
        compile(project, &folder, &tools, &flag, |command| clock.run(command))
    })?;
    stages.stage("load", "3 min", |clock| {
        for (package, options) in LOADS {
            clock.doing(package);
            let mut load = cargo(&project.root);
            load.args(["run", "--release", "--package", package, "--"])
                .args(options)
                .arg("--binary")
                .arg(&counting)
                .arg("--folder")
                .arg(folder.join(package));
            clock.run(&mut load)?;
        }
        Ok(())
    })?;
    stages.stage("profile", "", |clock| {
        let mut merge = Command::new(&tools.profdata);
        merge.args(["merge", "--output"]).arg(&profile).arg(&counts);
        clock.run(&mut merge)
    })?;
    let binary = stages.stage("server", "8 min", |clock| {
        let flag = format!("-Cprofile-use={}", profile.display());
        let built = compile(project, &folder, &tools, &flag, |command| clock.run(command))?;
        // Not where the next build overwrites it.
        let kept = folder.join(built.file_name().unwrap_or_default());
        fs::copy(&built, &kept).context("keeping the server")?;
        Ok(kept)
    })?;
    stages.finish();
    eprintln!("\n{}", binary.display());
    Ok(())
}

/// Compiles the released server with one more flag, and returns where it is. With a target named, build scripts and macros,
/// which run while compiling, do not get the flag.
fn compile(
    project: &Project,
    folder: &Path,
    tools: &Tools,
    flag: &str,
    run: impl FnOnce(&mut Command) -> Result<()>,
) -> Result<PathBuf> {
    let mut command = build::server_command(project, Server::Release);
    // Flags that are given like this are added to those in `.cargo/config.toml`.
    command
        .args(["--target", &tools.host, "--target-dir"])
        .arg(folder)
        .args(["--config", &format!("build.rustflags = [{flag:?}]")]);
    run(&mut command)?;
    let name = format!("{}{}", project.leptos.bin_target, std::env::consts::EXE_SUFFIX);
    let binary = folder.join(&tools.host).join("release").join(name);
    ensure!(
        binary.is_file(),
        "Cargo succeeded, but {} does not exist",
        binary.display()
    );
    Ok(binary)
}

/// What this build needs beyond others.
struct Tools {
    /// What this machine compiles for, such as `x86_64-unknown-linux-gnu`.
    host: String,
    /// The toolchain's `llvm-profdata`.
    profdata: PathBuf,
}

impl Tools {
    /// Fails with the command that installs what is missing.
    fn find() -> Result<Self> {
        let version = answer("rustc", &["--version", "--verbose"]).context("`rustc` does not work")?;
        let host = version
            .lines()
            .find_map(|line| line.strip_prefix("host: "))
            .context("`rustc` does not say what it compiles for")?
            .to_owned();
        let sysroot = answer("rustc", &["--print", "sysroot"]).context("`rustc` does not work")?;
        let profdata = Path::new(&sysroot)
            .join("lib/rustlib")
            .join(&host)
            .join("bin")
            .join(format!("llvm-profdata{}", std::env::consts::EXE_SUFFIX));
        let mut missing = Vec::new();
        if !profdata.is_file() {
            missing.push("`llvm-profdata` of the toolchain:\n    rustup component add llvm-tools");
        }
        if on_path("wrk").is_none() {
            missing.push("`wrk`, nginx and its Lua module, for the load (Debian):\n    apt-get install wrk nginx libnginx-mod-http-lua");
        }
        if !missing.is_empty() {
            bail!(
                "A profile-guided build still needs:\n\n- {}",
                missing.join("\n\n- ")
            );
        }
        Ok(Self { host, profdata })
    }
}
