//! Parses what follows `cargo xtask`. Written by hand, because every dependency of xtask makes a newcomer wait longer.

use anyhow::{Result, bail};

pub(crate) const USAGE: &str = "\
cargo xtask <command>

  serve [--fresh] [--demo=empty] [-- <gatehouse options>]
                      build what is missing and start Gatehouse with its demo
      --fresh         begin again: remove the demo's data first
      --demo=empty    a bare company instead of one with a history
  build [--release]   the site and the server; --release makes one optimised file with the site in it
  build --release --profile-guided
                      the same, faster under load: compiled twice, the second time by counts of what a load runs
  test [<filter>…]    everything: Rust, SQLite, PostgreSQL and a browser. A filter with `.spec` in it picks
                      Playwright files, any other picks Rust tests by name
  test --peers [<proxy>…]
                      the configurations of docs/integrations in nginx, HAProxy, Caddy, Traefik and Envoy
  lint                formatting and clippy
  bench redact        what redacting the log costs, in a release build, with ordinary and hostile input
  bench logs [<options>…]
                      the log store with 10 million rows: rates, sizes, and 70 questions, which DuckDB answers too.
                      `bench logs --help` lists the options
  bench logs serve [<options>…]
                      the released server under load by wrk: what was seen, stored and dropped
  bench gateway [<options>…]
                      the released gateway side by side with nginx and Lua: requests a second, CPU time, latency, memory.
                      `bench gateway --help` lists the options
  bench webhooks [<options>…]
                      the released server publishes and delivers events, on SQLite and on PostgreSQL: rates, latency,
                      slow receivers, kills, memory. `bench webhooks --help` lists the options
  bench logs page [<options>…]
                      the Logs tab in Chromium over 10 million rows: a change of the filter until it is painted
  screenshots         take the pictures in docs/images again

  --timings           with any of them: say at the end how long each stage took";

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Invocation {
    pub(crate) task: Task,
    pub(crate) timings: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Task {
    Serve(ServeOptions),
    Build { release: bool },
    BuildProfileGuided,
    Test { filters: Vec<String> },
    TestPeers { filters: Vec<String> },
    Lint,
    Bench(Bench),
    Screenshots,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Bench {
    Redact,
    /// With the benchmark's own options.
    Logs(Vec<String>),
    /// With the benchmark's own options.
    Gateway(Vec<String>),
    /// With the benchmark's own options.
    Webhooks(Vec<String>),
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ServeOptions {
    pub(crate) fresh: bool,
    pub(crate) demo: Demo,
    /// Passed on to `gatehouse serve` unchanged.
    pub(crate) extra: Vec<String>,
}

#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub(crate) enum Demo {
    Full,
    Empty,
}

/// Parses the command line. Returns `None` if help was requested.
pub(crate) fn parse(words: impl Iterator<Item = String>) -> Result<Option<Invocation>> {
    let words: Vec<String> = words.collect();
    let (ours, extra) = match words.iter().position(|word| word == "--") {
        Some(at) => (&words[..at], words[at + 1..].to_vec()),
        None => (&words[..], Vec::new()),
    };
    let with_own_options = match ours.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["bench", "logs", ..] => Some(Bench::Logs(ours[2..].to_vec())),
        ["bench", "gateway", ..] => Some(Bench::Gateway(ours[2..].to_vec())),
        ["bench", "webhooks", ..] => Some(Bench::Webhooks(ours[2..].to_vec())),
        _ => None,
    };
    if let Some(bench) = with_own_options {
        return Ok(Some(Invocation {
            task: Task::Bench(bench),
            timings: false,
        }));
    }
    if ours.is_empty()
        || ours
            .iter()
            .any(|word| word == "--help" || word == "-h" || word == "help")
    {
        return Ok(None);
    }
    let mut rest = Rest {
        words: ours[1..].to_vec(),
    };
    let timings = rest.take("--timings");
    let task = match ours[0].as_str() {
        "serve" => {
            let fresh = rest.take("--fresh");
            let demo = if rest.take("--demo=empty") {
                Demo::Empty
            } else {
                Demo::Full
            };
            // `--demo` is the default; passing it is not an error.
            rest.take("--demo");
            Task::Serve(ServeOptions {
                fresh,
                demo,
                extra: extra.clone(),
            })
        }
        "build" => match (rest.take("--release"), rest.take("--profile-guided")) {
            (false, true) => bail!("`--profile-guided` goes with `--release`.\n\n{USAGE}"),
            (true, true) => Task::BuildProfileGuided,
            (release, false) => Task::Build { release },
        },
        "test" if rest.take("--peers") => Task::TestPeers {
            filters: rest.filters(),
        },
        "test" => Task::Test {
            filters: rest.filters(),
        },
        "lint" => Task::Lint,
        "bench" if rest.take("redact") => Task::Bench(Bench::Redact),
        "bench" => bail!(
            "The benchmarks are `cargo xtask bench redact`, `bench logs`, `bench gateway` and `bench webhooks`."
        ),
        "screenshots" => Task::Screenshots,
        other => bail!("There is no command `{other}`.\n\n{USAGE}"),
    };
    if let Some(word) = rest.words.first() {
        bail!("`cargo xtask {}` does not accept `{word}`.\n\n{USAGE}", ours[0]);
    }
    if !extra.is_empty() && !matches!(task, Task::Serve(_)) {
        bail!("Only `cargo xtask serve` accepts arguments after `--`.\n\n{USAGE}");
    }
    Ok(Some(Invocation { task, timings }))
}

/// The arguments that nothing has taken yet.
struct Rest {
    words: Vec<String>,
}

impl Rest {
    fn take(&mut self, flag: &str) -> bool {
        let before = self.words.len();
        self.words.retain(|word| word != flag);
        self.words.len() < before
    }

    fn filters(&mut self) -> Vec<String> {
        let (filters, others) = std::mem::take(&mut self.words)
            .into_iter()
            .partition(|word| !word.starts_with('-'));
        self.words = others;
        filters
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Option<Invocation>> {
        parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn serve_keeps_what_follows_two_dashes_for_gatehouse() {
        let invocation = parsed("serve --fresh --demo=empty -- --listen 127.0.0.1:4000")
            .unwrap()
            .unwrap();
        assert_eq!(
            invocation.task,
            Task::Serve(ServeOptions {
                fresh: true,
                demo: Demo::Empty,
                extra: vec!["--listen".into(), "127.0.0.1:4000".into()],
            })
        );
    }

    #[test]
    fn a_profile_guided_build_is_a_release() {
        let task = |line| parsed(line).unwrap().unwrap().task;
        assert_eq!(task("build --profile-guided --release"), Task::BuildProfileGuided);
        assert_eq!(task("build --release"), Task::Build { release: true });
        assert!(parsed("build --profile-guided").is_err());
    }

    #[test]
    fn timings_may_appear_anywhere_before_two_dashes() {
        let invocation = parsed("test keys --timings webhooks").unwrap().unwrap();
        assert!(invocation.timings);
        assert_eq!(
            invocation.task,
            Task::Test {
                filters: vec!["keys".into(), "webhooks".into()]
            }
        );
    }

    #[test]
    fn peers_are_tested_only_when_asked_for() {
        let task = |line: &str| parsed(line).unwrap().unwrap().task;
        let filters = || vec!["nginx".to_owned()];
        assert_eq!(task("test --peers nginx"), Task::TestPeers { filters: filters() });
        assert_eq!(task("test nginx"), Task::Test { filters: filters() });
        assert!(parsed("lint --peers").is_err());
    }

    #[test]
    fn the_error_names_an_unknown_command_or_flag() {
        assert!(parsed("deploy").unwrap_err().to_string().contains("`deploy`"));
        assert!(
            parsed("build --fast")
                .unwrap_err()
                .to_string()
                .contains("`--fast`")
        );
        assert!(
            parsed("lint -- --fix")
                .unwrap_err()
                .to_string()
                .contains("after `--`")
        );
    }

    #[test]
    fn a_benchmark_has_a_name() {
        assert_eq!(
            parsed("bench redact").unwrap().unwrap().task,
            Task::Bench(Bench::Redact)
        );
        assert!(parsed("bench").is_err() && parsed("bench other").is_err());
    }

    #[test]
    fn most_benchmarks_have_options_of_their_own() {
        assert_eq!(
            parsed("bench logs --rows 1000 --help").unwrap().unwrap().task,
            Task::Bench(Bench::Logs(vec!["--rows".into(), "1000".into(), "--help".into()]))
        );
        assert_eq!(
            parsed("bench gateway --only a").unwrap().unwrap().task,
            Task::Bench(Bench::Gateway(vec!["--only".into(), "a".into()]))
        );
        assert_eq!(
            parsed("bench webhooks --only a").unwrap().unwrap().task,
            Task::Bench(Bench::Webhooks(vec!["--only".into(), "a".into()]))
        );
    }

    #[test]
    fn no_arguments_and_help_both_show_help() {
        assert_eq!(parsed("").unwrap(), None);
        assert_eq!(parsed("serve --help").unwrap(), None);
    }
}
