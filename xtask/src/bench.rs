//! `cargo xtask bench`: the benchmarks of redaction, of the log store and of the gateway, in a release build. `docs/BENCHMARKS.md` has the
//! results.

use anyhow::Result;

use crate::build;
use crate::commands::{cargo, run};
use crate::project::Project;

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

/// Passes all options on to the benchmark. Its `serve` measures the released server, which is built first.
pub(crate) fn run_logs(project: &Project, options: &[String]) -> Result<()> {
    let asks_for_help = options.iter().any(|option| option == "--help" || option == "-h");
    if options.first().is_some_and(|option| option == "serve") && !asks_for_help {
        build::run(project, true, false)?;
    }
    run(cargo(&project.root)
        .args(["run", "--release", "--package", "bench_logs", "--"])
        .args(options))
}

/// Passes all options on to the benchmark. The released server is built first, unless `--binary` names one.
pub(crate) fn run_gateway(project: &Project, options: &[String]) -> Result<()> {
    let has_binary = |option: &String| option == "--binary" || option.starts_with("--binary=");
    let asks_for_help = options.iter().any(|option| option == "--help" || option == "-h");
    if !asks_for_help && !options.iter().any(has_binary) {
        build::run(project, true, false)?;
    }
    run(cargo(&project.root)
        .args(["run", "--release", "--package", "bench_gateway", "--"])
        .args(options))
}
