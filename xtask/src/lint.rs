//! `cargo xtask lint`: formatting, and clippy for each of the three ways this workspace is compiled.

use anyhow::Result;

use crate::commands::cargo;
use crate::project::Project;
use crate::stages::Stages;

/// What is linted, with Cargo's arguments. The server and the front end are separate, so that the features `ssr` and
/// `hydrate` never meet. xtask is linted in its own profile, whose dependencies are already compiled.
const CLIPPY: [(&str, &[&str]); 3] = [
    ("clippy: server and crates", &["--all-targets"]),
    (
        "clippy: front end",
        &[
            "--package",
            "frontend",
            "--features",
            "split",
            "--target",
            "wasm32-unknown-unknown",
        ],
    ),
    (
        "clippy: xtask",
        &["--package", "xtask", "--profile", "xtask", "--all-targets"],
    ),
];

pub(crate) fn run(project: &Project, timings: bool) -> Result<()> {
    let mut stages = Stages::new(1 + CLIPPY.len(), timings);
    stages.stage("formatting", "", |clock| {
        clock.run_aloud(cargo(&project.root).args(["fmt", "--all", "--", "--check"]))
    })?;
    for (name, selection) in CLIPPY {
        stages.stage(name, "2 min the first time", |clock| {
            clock.run(
                cargo(&project.root)
                    .arg("clippy")
                    .args(selection)
                    .args(["--", "-D", "warnings"]),
            )
        })?;
    }
    stages.finish();
    Ok(())
}
