//! `cargo xtask test`: everything, on a machine with only the prerequisites. It continues after a failure where it can,
//! and ends with a summary of how each part went.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::commands::{cargo, on_path};
use crate::filters::Filters;
use crate::packages::{self, Packages};
use crate::prerequisites::{self, Needs};
use crate::project::Project;
use crate::stages::{Stages, spoken};
use crate::{build, failures, npm};

pub(crate) fn run(project: &Project, filters: &[String], timings: bool) -> Result<()> {
    let filters = Filters::of(filters);
    filters.check_browser(&project.leptos.end2end_dir.join("tests"))?;
    let plan = Plan {
        names: !filters.rust.is_empty(),
        rust: filters.are_empty() || !filters.rust.is_empty(),
        browser: filters.are_empty() || !filters.browser.is_empty(),
    };
    let mut stages = Stages::new(plan.stages(), timings);
    stages.stage("prerequisites", "", |_| {
        prerequisites::check(Needs::CompilingAndNode)
    })?;
    stages.stage("npm packages", "half a minute the first time", |clock| {
        npm::install(project, clock)
    })?;
    let packages = stages.stage(
        "Chromium, PostgreSQL, valgrind",
        "two minutes the first time",
        packages::all,
    )?;

    let mut run = Run {
        project,
        packages,
        stages,
        report: Report::default(),
    };
    let named = !plan.names || run.names(&filters);
    let rust_passed = plan.rust && named && run.rust(&filters.rust);
    if plan.browser {
        // The browser tests still run if the Rust tests do not compile.
        let server = if rust_passed {
            build::Server::BesideTests
        } else {
            build::Server::Development
        };
        run.browser(server, &filters.browser);
    }
    run.stages.finish();
    run.report.close()
}

/// What there is to do under a filter.
#[derive(Debug, Clone, Copy)]
struct Plan {
    /// Whether to look for the filters among the names of the Rust tests first.
    names: bool,
    rust: bool,
    browser: bool,
}

impl Plan {
    fn stages(self) -> usize {
        3 + usize::from(self.names)
            + if self.rust { 2 } else { 0 }
            + if self.browser { build::STAGES + 1 } else { 0 }
    }
}

/// A test run in progress.
struct Run<'project> {
    project: &'project Project,
    packages: Packages,
    stages: Stages,
    report: Report,
}

impl Run<'_> {
    /// Whether each filter is in the name of some test. If not, no Rust test is run.
    fn names(&mut self, filters: &Filters<'_>) -> bool {
        let runner = Runner::here();
        let usually = "6 min the first time";
        let found = self.report.part("Names of the Rust tests", || {
            self.stages.stage("names of the Rust tests", usually, |clock| {
                let mut names = Vec::new();
                for workspace in [true, false] {
                    let mut list = runner.list(&self.project.root, workspace);
                    names.extend(runner.names(&clock.read_aloud(&mut list)?));
                }
                filters.check_rust(&names)
            })
        });
        if !found {
            self.report.skip("Rust tests", "see above");
        }
        found
    }

    fn rust(&mut self, filters: &[&str]) -> bool {
        let runner = Runner::here();
        let mut passed = true;
        for (name, usually, workspace) in [
            (
                "Rust tests, on SQLite and PostgreSQL",
                "6 min the first time",
                true,
            ),
            ("xtask's own tests", "half a minute the first time", false),
        ] {
            passed &= self.report.part(name, || {
                self.stages.stage(name, usually, |clock| {
                    let mut command = runner.command(&self.project.root, filters, workspace);
                    command.env("GATEHOUSE_TEST_POSTGRES_BIN", &self.packages.postgres);
                    failures::named(failures::rust(self.project), || clock.run_aloud(&mut command))
                })
            });
        }
        passed
    }

    fn browser(&mut self, server: build::Server, filters: &[&str]) {
        let Self {
            project,
            packages,
            stages,
            report,
        } = self;
        let built = report.part("Build of the site and the server", || {
            build::everything(project, stages, server)
        });
        if !built {
            return report.skip("Playwright", "there is nothing to test");
        }
        report.part("Playwright, with JavaScript and without", || {
            stages.stage("Playwright", "5 min", |clock| {
                let mut command = playwright(project, &packages.chromium);
                failures::named(failures::browser(project), || {
                    clock.run_aloud(command.args(filters))
                })
            })
        });
    }
}

/// Playwright as the metadata table calls it, with the binary of this build and the system's browser.
pub(crate) fn playwright(project: &Project, chromium: &Path) -> Command {
    let mut words = project.leptos.end2end_cmd.iter();
    let mut command = Command::new(words.next().map_or("npx", String::as_str));
    command
        .args(words)
        .current_dir(&project.leptos.end2end_dir)
        .env("CHROMIUM", chromium)
        .env("GATEHOUSE_BIN", project.server(false))
        .env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1");
    command
}

/// cargo-nextest if it is installed, because it is faster; otherwise Cargo's own runner.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Runner {
    Nextest,
    Cargo,
}

impl Runner {
    pub(crate) fn here() -> Self {
        if on_path("cargo-nextest").is_some() {
            Self::Nextest
        } else {
            Self::Cargo
        }
    }

    /// With `workspace`, tests the default members. Otherwise tests xtask in its own profile, whose dependencies are
    /// already compiled.
    fn command(self, root: &Path, filters: &[&str], workspace: bool) -> Command {
        let mut command = cargo(root);
        match self {
            Self::Nextest => command.args(["nextest", "run", "--no-fail-fast"]),
            Self::Cargo => command.args(["test", "--no-fail-fast", "--lib", "--bins", "--tests"]),
        };
        self.choose(&mut command, workspace);
        match self {
            // A filter may match tests in only one of the two runs. `Run::names` has refused one that matches in neither.
            Self::Nextest if !filters.is_empty() => command.arg("--no-tests=pass").args(filters),
            Self::Cargo if !filters.is_empty() => command.arg("--").args(filters),
            _ => &mut command,
        };
        command
    }
}

impl Runner {
    /// Prints the names of all tests that [`Self::command`] would run without filters.
    fn list(self, root: &Path, workspace: bool) -> Command {
        let mut command = cargo(root);
        match self {
            Self::Nextest => command.args(["nextest", "list", "--message-format", "oneline"]),
            Self::Cargo => command.args(["test", "--lib", "--bins", "--tests"]),
        };
        self.choose(&mut command, workspace);
        if matches!(self, Self::Cargo) {
            command.args(["--", "--list"]);
        }
        command
    }

    /// The names in what [`Self::list`] prints.
    fn names(self, printed: &str) -> Vec<String> {
        let name = |line: &str| match self {
            Self::Nextest => line.split_once(' ').map(|(_binary, name)| name.to_owned()),
            Self::Cargo => line.strip_suffix(": test").map(str::to_owned),
        };
        printed.lines().filter_map(name).collect()
    }

    /// Runs the server's ignored tests whose names contain one of these.
    pub(crate) fn ignored(self, root: &Path, names: &[String]) -> Command {
        let mut command = cargo(root);
        match self {
            Self::Nextest => command.args(["nextest", "run"]),
            Self::Cargo => command.arg("test"),
        };
        command.args(["--no-fail-fast", "--package", "server", "--test", "http"]);
        match self {
            Self::Nextest => command.args(["--run-ignored", "only"]),
            Self::Cargo => command.args(["--", "--ignored"]),
        };
        command.args(names);
        command
    }

    fn choose(self, command: &mut Command, workspace: bool) {
        match (workspace, self) {
            (true, _) => {}
            (false, Self::Nextest) => {
                command.args(["--package", "xtask", "--cargo-profile", "xtask"]);
            }
            (false, Self::Cargo) => {
                command.args(["--package", "xtask", "--profile", "xtask"]);
            }
        }
    }
}

/// How each part went.
#[derive(Debug, Default)]
pub(crate) struct Report {
    parts: Vec<(String, Outcome)>,
}

#[derive(Debug)]
enum Outcome {
    Passed(Duration),
    /// With what the error says.
    Failed(Duration, String),
    Skipped(String),
}

impl Report {
    pub(crate) fn part(&mut self, name: &str, work: impl FnOnce() -> Result<()>) -> bool {
        let begun = Instant::now();
        let outcome = work();
        let taken = begun.elapsed();
        let passed = outcome.is_ok();
        let outcome = match outcome {
            Ok(()) => Outcome::Passed(taken),
            Err(error) => {
                let error = format!("{error:#}");
                eprintln!("{error}");
                Outcome::Failed(taken, error)
            }
        };
        self.parts.push((name.to_owned(), outcome));
        passed
    }

    fn skip(&mut self, name: &str, why: &str) {
        self.parts
            .push((name.to_owned(), Outcome::Skipped(why.to_owned())));
    }

    /// Prints the summary, with what failed once more: a log may be cut to its end. Fails unless every part passed.
    pub(crate) fn close(self) -> Result<()> {
        eprintln!("\nSummary");
        for (name, outcome) in &self.parts {
            match outcome {
                Outcome::Passed(taken) => eprintln!("  passed   {name} ({})", spoken(*taken)),
                Outcome::Failed(taken, error) => {
                    eprintln!("  FAILED   {name} ({})", spoken(*taken));
                    for line in error.lines() {
                        eprintln!("             {line}");
                    }
                }
                Outcome::Skipped(why) => eprintln!("  skipped  {name}: {why}"),
            }
        }
        if self
            .parts
            .iter()
            .all(|(_, outcome)| matches!(outcome, Outcome::Passed(_)))
        {
            return Ok(());
        }
        bail!("Some tests failed or were skipped.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_failed_or_skipped_part_fails_the_run() {
        let mut report = Report::default();
        assert!(report.part("first", || Ok(())));
        assert!(report.close().is_ok());

        let mut report = Report::default();
        assert!(!report.part("first", || bail!("no")));
        assert!(report.part("second", || Ok(())));
        assert!(report.close().is_err());

        let mut report = Report::default();
        report.skip("third", "nothing to test");
        assert!(report.close().is_err());
    }

    #[test]
    fn the_announced_stages_are_the_ones_that_run() {
        assert_eq!(
            Plan {
                names: false,
                rust: true,
                browser: true
            }
            .stages(),
            9
        );
        assert_eq!(
            Plan {
                names: true,
                rust: true,
                browser: false
            }
            .stages(),
            6
        );
        assert_eq!(
            Plan {
                names: false,
                rust: false,
                browser: true
            }
            .stages(),
            7
        );
    }

    #[test]
    fn both_runners_run_xtask_in_its_own_profile() {
        let spelled = |runner: Runner, workspace| {
            crate::commands::spelled(&runner.command(Path::new("."), &["key"], workspace))
        };
        assert_eq!(
            spelled(Runner::Nextest, false),
            "cargo nextest run --no-fail-fast --package xtask --cargo-profile xtask --no-tests=pass key"
        );
        assert_eq!(
            spelled(Runner::Cargo, true),
            "cargo test --no-fail-fast --lib --bins --tests -- key"
        );
    }

    #[test]
    fn names_are_read_from_what_either_runner_prints() {
        let nextest =
            "store::contract keys::sqlite::a_third_key_is_refused\nxtask::bin/xtask test::tests::x\n";
        assert_eq!(
            Runner::Nextest.names(nextest),
            ["keys::sqlite::a_third_key_is_refused", "test::tests::x"]
        );
        let cargo = "keys::a_third_key_is_refused: test\nscan: benchmark\n\n1 test, 1 benchmark\n";
        assert_eq!(Runner::Cargo.names(cargo), ["keys::a_third_key_is_refused"]);
    }
}
