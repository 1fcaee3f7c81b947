//! `cargo xtask bench redact`: the benchmark of redaction, in a release build. `docs/BENCHMARKS.md` has the results.

use anyhow::Result;

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
