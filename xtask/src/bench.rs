//! `cargo xtask bench redact`: the benchmark of redaction, optimised. `docs/BENCHMARKS.md` has what it measured.

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
