//! The filters of `cargo xtask test`. A filter that matches nothing is an error: a misspelt name must not look like a
//! passed test.

use std::path::Path;

use anyhow::{Context, Result, bail};

/// The tests that the words after `cargo xtask test` select. Without any words, all tests run.
#[derive(Debug)]
pub(crate) struct Filters<'words> {
    /// Parts of the names of Rust tests.
    pub(crate) rust: Vec<&'words str>,
    /// Parts of the paths of Playwright's files.
    pub(crate) browser: Vec<&'words str>,
}

impl<'words> Filters<'words> {
    pub(crate) fn of(words: &'words [String]) -> Self {
        let (browser, rust) = words
            .iter()
            .map(String::as_str)
            .partition(|word| word.contains(".spec"));
        Self { rust, browser }
    }

    pub(crate) fn are_empty(&self) -> bool {
        self.rust.is_empty() && self.browser.is_empty()
    }

    /// An error if a filter for Playwright matches no file in `tests`. Playwright itself only complains if none of
    /// them matches anything, and only after the server has been built.
    pub(crate) fn check_browser(&self, tests: &Path) -> Result<()> {
        if self.browser.is_empty() {
            return Ok(());
        }
        let files = std::fs::read_dir(tests)
            .and_then(|entries| {
                entries
                    .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
                    .collect::<std::io::Result<Vec<_>>>()
            })
            .with_context(|| format!("{} cannot be read", tests.display()))?;
        let files: Vec<String> = files.iter().map(|file| format!("tests/{file}")).collect();
        let paths: Vec<&str> = self.browser.iter().map(|filter| without_line(filter)).collect();
        match unmatched(&paths, &files) {
            Some(filter) => bail!("no file in end2end/tests has `{filter}` in its path"),
            None => Ok(()),
        }
    }

    /// An error if a filter for Rust tests is in no test's name.
    pub(crate) fn check_rust(&self, names: &[String]) -> Result<()> {
        match unmatched(&self.rust, names) {
            Some(filter) => bail!("no Rust test has `{filter}` in its name"),
            None => Ok(()),
        }
    }
}

fn unmatched<'filter>(filters: &[&'filter str], names: &[String]) -> Option<&'filter str> {
    filters
        .iter()
        .find(|filter| !names.iter().any(|name| name.contains(**filter)))
        .copied()
}

/// Playwright accepts a line and a column after the path: `logs.spec.ts:42`.
fn without_line(filter: &str) -> &str {
    filter.trim_end_matches(|end: char| end.is_ascii_digit() || end == ':')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|&word| word.to_owned()).collect()
    }

    #[test]
    fn a_filter_that_matches_no_rust_test_is_refused_even_next_to_one_that_matches() {
        let names = words(&["keys::sqlite::a_third_key_is_refused"]);
        let given = words(&["third_key", "keys::sqlite"]);
        Filters::of(&given).check_rust(&names).expect("both match");
        let given = words(&["third_key", "thrid"]);
        let error = Filters::of(&given).check_rust(&names).unwrap_err();
        assert_eq!(error.to_string(), "no Rust test has `thrid` in its name");
    }

    #[test]
    fn a_filter_that_matches_no_browser_test_is_refused_even_next_to_one_that_matches() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../end2end/tests");
        let given = words(&["logs.spec", "tests/keys.spec.ts:12:3"]);
        Filters::of(&given).check_browser(&folder).expect("both match");
        let given = words(&["logs.spec", "nosuch.spec"]);
        let error = Filters::of(&given).check_browser(&folder).unwrap_err();
        assert_eq!(
            error.to_string(),
            "no file in end2end/tests has `nosuch.spec` in its path"
        );
    }
}
