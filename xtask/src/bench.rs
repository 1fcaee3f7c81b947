//! `cargo xtask bench`: the benchmarks of redaction, of the log store, of the gateway and of webhooks, in a release build.
//! `docs/BENCHMARKS.md` has the results.

use anyhow::Result;

use crate::commands::{cargo, run};
use crate::project::Project;
use crate::stages::Stages;
use crate::{build, npm, packages};

pub(crate) fn run_redact(project: &Project) -> Result<()> {
    run(cargo(&project.root).args([
        "run",
        "--release",
        "--package",
        "logs",
        "--example",
        "bench_redact",
    ]))
}

/// Passes all options on to the benchmark. Its `serve` and `page` measure the released server, which is built first; `page` in
/// a browser.
pub(crate) fn run_logs(project: &Project, options: &[String]) -> Result<()> {
    let asks_for_help = options.iter().any(|option| option == "--help" || option == "-h");
    let measures = |task: &str| options.first().is_some_and(|option| option == task) && !asks_for_help;
    if measures("serve") || measures("page") {
        build::run(project, true, false)?;
    }
    let mut bench = cargo(&project.root);
    bench
        .args(["run", "--release", "--package", "bench_logs", "--"])
        .args(options);
    if measures("page") {
        let mut stages = Stages::new(2, false);
        stages.stage("npm packages", "half a minute the first time", |clock| {
            npm::install(project, clock)
        })?;
        let chromium = stages.stage("Chromium", "a minute the first time", packages::chromium)?;
        bench.env("CHROMIUM", chromium);
    }
    run(&mut bench)
}

pub(crate) fn run_gateway(project: &Project, options: &[String]) -> Result<()> {
    run_with_server(project, "bench_gateway", options)
}

pub(crate) fn run_webhooks(project: &Project, options: &[String]) -> Result<()> {
    run_with_server(project, "bench_webhooks", options)
}

/// Passes all options on to the benchmark. The released server is built first, unless `--binary` names one.
fn run_with_server(project: &Project, package: &str, options: &[String]) -> Result<()> {
    let has_binary = |option: &String| option == "--binary" || option.starts_with("--binary=");
    let asks_for_help = options.iter().any(|option| option == "--help" || option == "-h");
    if !asks_for_help && !options.iter().any(has_binary) {
        build::run(project, true, false)?;
    }
    run(cargo(&project.root)
        .args(["run", "--release", "--package", package, "--"])
        .args(options))
}
