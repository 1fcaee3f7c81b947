//! Which tests failed, read from the reports that the test runners write. They are told at the end of `cargo xtask test`, where
//! they are found also if only the end of the output is kept.

use std::fs;
use std::path::PathBuf;

use anyhow::{Result, anyhow};
use serde_json::Value;

use crate::project::Project;

/// A report that a test runner writes, and how the failed tests are read from it.
#[derive(Debug)]
pub(crate) struct Report {
    path: PathBuf,
    read: fn(&str) -> Vec<String>,
}

/// What cargo-nextest writes (`.config/nextest.toml`). Cargo's own runner writes none.
pub(crate) fn rust(project: &Project) -> Report {
    Report {
        path: project.target.join("nextest/default/junit.xml"),
        read: in_junit,
    }
}

/// What Playwright writes (`playwright.config.ts`).
pub(crate) fn browser(project: &Project) -> Report {
    Report {
        path: project.leptos.end2end_dir.join("test-results/report.json"),
        read: in_playwright,
    }
}

/// Runs tests. If some failed, the error names them.
pub(crate) fn named(report: Report, run: impl FnOnce() -> Result<()>) -> Result<()> {
    // One of an earlier run says nothing of this one.
    fs::remove_file(&report.path).ok();
    run().map_err(|error| {
        let text = fs::read_to_string(&report.path).unwrap_or_default();
        let failed = (report.read)(&text);
        if failed.is_empty() {
            error
        } else {
            anyhow!("{error:#}\n{}", failed.join("\n"))
        }
    })
}

fn in_junit(report: &str) -> Vec<String> {
    let cases = report.split("<testcase ").skip(1);
    cases
        .filter(|case| case.contains("<failure") || case.contains("<error"))
        .filter_map(|case| {
            let (_, rest) = case.split_once("name=\"")?;
            let (name, _) = rest.split_once('"')?;
            Some(name.to_owned())
        })
        .collect()
}

fn in_playwright(report: &str) -> Vec<String> {
    let mut failed = Vec::new();
    if let Ok(report) = serde_json::from_str::<Value>(report) {
        collect(&report, &mut failed);
    }
    failed
}

/// Suites are nested: files have groups of tests.
fn collect(suite: &Value, failed: &mut Vec<String>) {
    let list = |name: &str| suite[name].as_array().map_or(&[] as &[Value], Vec::as_slice);
    for inner in list("suites") {
        collect(inner, failed);
    }
    for spec in list("specs") {
        if spec["ok"].as_bool() != Some(false) {
            continue;
        }
        let (file, line, title) = (&spec["file"], &spec["line"], &spec["title"]);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        failed.push(format!("{}:{line} {}", text(file), text(title)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_tests_are_named_by_both_reports() {
        let junit = r#"<testsuites><testsuite name="server::http">
            <testcase name="wiped::passwords" classname="server::http" time="4"></testcase>
            <testcase name="wiped::tokens" classname="server::http" time="4"><failure type="test failure"/></testcase>
            </testsuite></testsuites>"#;
        assert_eq!(in_junit(junit), ["wiped::tokens"]);
        let playwright = r#"{"suites": [{"specs": [], "suites": [{"specs": [
            {"title": "a burst", "ok": true, "file": "a.spec.ts", "line": 3},
            {"title": "a lost stream", "ok": false, "file": "a.spec.ts", "line": 9}]}]}]}"#;
        assert_eq!(in_playwright(playwright), ["a.spec.ts:9 a lost stream"]);
    }

    #[test]
    fn a_failure_without_a_report_keeps_its_error_and_an_old_report_is_not_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("report");
        fs::write(&path, "old").expect("written");
        let report = || Report {
            path: path.clone(),
            read: |text| {
                vec![text.to_owned()]
                    .into_iter()
                    .filter(|text| !text.is_empty())
                    .collect()
            },
        };
        let failed = named(report(), || Err(anyhow!("it failed"))).unwrap_err();
        assert_eq!(failed.to_string(), "it failed");
        let written = named(report(), || {
            fs::write(&path, "this one")?;
            Err(anyhow!("it failed"))
        });
        assert_eq!(written.unwrap_err().to_string(), "it failed\nthis one");
    }
}
