//! `cargo xtask serve`: from a fresh clone to the demo in a browser. It builds what is missing, then becomes the
//! server, so that signals reach the server directly and its output comes last on the screen.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::arguments::{Demo, ServeOptions};
use crate::prerequisites::{self, Needs};
use crate::project::Project;
use crate::stages::Stages;
use crate::{build, demo_data};

/// The demo's data directory, unless `-- --data-dir` names another.
const DATA_DIRECTORY: &str = "gatehouse-data";

pub(crate) fn run(project: &Project, options: &ServeOptions, timings: bool) -> Result<()> {
    let data = data_directory(project, &options.extra);
    let mut stages = Stages::new(build::STAGES + 2, timings);
    stages.stage("prerequisites", "", |_| prerequisites::check(Needs::Compiling))?;
    build::everything(project, &mut stages, build::Server::Development)?;
    stages.stage("data", "", |clock| {
        if options.fresh && demo_data::remove(&data)? {
            clock.line(format!("Removed the demo in {}.", data.display()));
        }
        Ok(())
    })?;
    stages.finish();
    become_the_server(project, options, &data)
}

fn data_directory(project: &Project, extra: &[String]) -> PathBuf {
    let given = extra
        .iter()
        .enumerate()
        .find_map(|(at, word)| match word.strip_prefix("--data-dir") {
            Some("") => extra.get(at + 1).cloned(),
            Some(rest) => rest.strip_prefix('=').map(str::to_owned),
            None => None,
        });
    project.root.join(given.as_deref().unwrap_or(DATA_DIRECTORY))
}

fn become_the_server(project: &Project, options: &ServeOptions, data: &Path) -> Result<()> {
    let mut command = Command::new(project.server(false));
    command.current_dir(&project.root).arg("serve");
    command.arg(match options.demo {
        Demo::Full => "--demo",
        Demo::Empty => "--demo=empty",
    });
    if !options.extra.iter().any(|word| word.starts_with("--data-dir")) {
        command.arg("--data-dir").arg(data);
    }
    command.args(&options.extra);
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt as _;
        let error = command.exec();
        Err(error).with_context(|| format!("starting {}", project.server(false).display()))
    }
    #[cfg(not(unix))]
    crate::commands::run(&mut command)
}
