//! `cargo xtask build`, and the three build stages that the other tasks share.

use std::process::Command;

use anyhow::{Result, ensure};

use crate::commands::cargo;
use crate::prerequisites::{self, Needs};
use crate::project::Project;
use crate::stages::Stages;
use crate::{site, wasm};

/// The number of stages that [`everything`] runs.
pub(crate) const STAGES: usize = 3;

/// How the server is compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Server {
    /// Profile `dev`.
    Development,
    /// Profile `dev`, with the features that the Rust tests enable in shared dependencies (such as tokio's
    /// `test-util`). Right after those tests were compiled, this compiles nothing twice.
    BesideTests,
    /// Optimised, with the site embedded.
    Release,
}

pub(crate) fn run(project: &Project, release: bool, timings: bool) -> Result<()> {
    let server = if release {
        Server::Release
    } else {
        Server::Development
    };
    let mut stages = Stages::new(STAGES + 1, timings);
    stages.stage("prerequisites", "", |_| prerequisites::check(Needs::Compiling))?;
    everything(project, &mut stages, server)?;
    stages.finish();
    eprintln!("\n{}", project.server(release).display());
    if !release || !project.server_embeds {
        eprintln!("reading the site from {}", project.leptos.site_root.display());
    }
    Ok(())
}

/// Builds the WASM, the site and the server, in this order, because a release embeds the site.
pub(crate) fn everything(project: &Project, stages: &mut Stages, server: Server) -> Result<()> {
    let usually = if project.raw_wasm().exists() {
        "under a minute after a change"
    } else {
        "3 min"
    };
    stages.stage("WASM", usually, |clock| wasm::compile(project, clock))?;
    stages.stage("site", "half a minute after a change", |clock| {
        site::make(project, clock)
    })?;
    let release = server == Server::Release;
    let usually = match (project.server(release).exists(), release) {
        (true, _) => "under a minute after a change",
        (false, true) => "8 min",
        (false, false) => "3 min",
    };
    stages.stage("server", usually, |clock| {
        clock.run(&mut server_command(project, server))?;
        let binary = project.server(release);
        ensure!(
            binary.is_file(),
            "Cargo succeeded, but {} does not exist",
            binary.display()
        );
        Ok(())
    })
}

/// No `--package`: Cargo then selects the same features as for the tests, so that both share what they compile.
pub(crate) fn server_command(project: &Project, server: Server) -> Command {
    let mut command = cargo(&project.root);
    command.args(["build", "--bin", &project.leptos.bin_target]);
    match server {
        Server::Development => {}
        Server::BesideTests => {
            command.arg("--tests");
        }
        Server::Release => {
            command.arg("--release");
            if project.server_embeds {
                command.args(["--features", &format!("{}/embed", project.leptos.bin_package)]);
                command.env("GATEHOUSE_SITE", &project.leptos.site_root);
            }
        }
    }
    command
}
