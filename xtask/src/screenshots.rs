//! `cargo xtask screenshots`: retakes the pictures in `docs/images` from a demo that it starts.

use anyhow::Result;

use crate::prerequisites::{self, Needs};
use crate::project::Project;
use crate::stages::Stages;
use crate::test::playwright;
use crate::{build, npm, packages};

pub(crate) fn run(project: &Project, timings: bool) -> Result<()> {
    let images = project.root.join("docs").join("images");
    let mut stages = Stages::new(build::STAGES + 4, timings);
    stages.stage("prerequisites", "", |_| {
        prerequisites::check(Needs::CompilingAndNode)
    })?;
    stages.stage("npm packages", "half a minute the first time", |clock| {
        npm::install(project, clock)
    })?;
    let chromium = stages.stage("Chromium", "a minute the first time", packages::chromium)?;
    build::everything(project, &mut stages, build::Server::Development)?;
    stages.stage("pictures", "a minute", |clock| {
        std::fs::create_dir_all(&images)?;
        let mut command = playwright(project, &chromium);
        clock.run_aloud(
            command
                .args(["--project", "screenshots"])
                .env("GATEHOUSE_SCREENSHOTS", &images),
        )
    })?;
    stages.finish();
    eprintln!("\nThe screenshots are in {}.", images.display());
    Ok(())
}
