//! Shows progress: "stage 2 of 5: WASM, usually 3 min", with a running clock. On a terminal this is one line that is
//! redrawn. In a log it is a line at the start, one each minute, and one at the end.

use std::io::{BufRead, BufReader, IsTerminal, Write};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::commands::spelled;

/// The stages of one task, in order.
#[derive(Debug)]
pub(crate) struct Stages {
    total: usize,
    begun: Instant,
    taken: Vec<(String, Duration)>,
    show_timings: bool,
}

impl Stages {
    pub(crate) fn new(total: usize, show_timings: bool) -> Self {
        Self {
            total,
            begun: Instant::now(),
            taken: Vec::new(),
            show_timings,
        }
    }

    /// Runs one stage with a clock. `usually` says in words how long it takes; empty if that is not worth mentioning.
    pub(crate) fn stage<T>(
        &mut self,
        name: &str,
        usually: &str,
        work: impl FnOnce(&Clock) -> Result<T>,
    ) -> Result<T> {
        let number = self.taken.len() + 1;
        let usually = if usually.is_empty() {
            String::new()
        } else {
            format!(", usually {usually}")
        };
        let clock = Clock::start(format!("stage {number} of {}: {name}{usually}", self.total));
        let begun = Instant::now();
        let outcome = work(&clock);
        let taken = begun.elapsed();
        let word = if outcome.is_ok() {
            "done in"
        } else {
            "failed after"
        };
        clock.stop(&format!(
            "stage {number} of {}: {name}, {word} {}",
            self.total,
            spoken(taken)
        ));
        self.taken.push((name.to_owned(), taken));
        outcome
    }

    /// With `--timings`, prints how long each stage took.
    pub(crate) fn finish(&self) {
        if !self.show_timings {
            return;
        }
        eprintln!("\nHow long each stage took:");
        for (name, taken) in &self.taken {
            eprintln!("  {:>8.1} s  {name}", taken.as_secs_f64());
        }
        eprintln!("  {:>8.1} s  everything", self.begun.elapsed().as_secs_f64());
    }
}

/// The running clock of one stage. All of the stage's output goes through it until [`Clock::hand_over`].
#[derive(Debug)]
pub(crate) struct Clock {
    messages: Sender<Message>,
    printer: thread::JoinHandle<()>,
}

enum Message {
    /// What is being done now, shown next to the clock.
    Doing(String),
    /// A line that stays.
    Line(String),
    /// Another program uses the terminal from here on. Replied to once the line is clear.
    HandOver(Sender<()>),
    Stop(String),
}

impl Clock {
    fn start(heading: String) -> Self {
        let (messages, received) = channel();
        let printer = thread::spawn(move || Printer::new(heading).run(&received));
        Self { messages, printer }
    }

    fn stop(self, last_line: &str) {
        self.send(Message::Stop(last_line.to_owned()));
        // If the printer panicked, only the display is affected. The work still counts.
        self.printer.join().ok();
    }

    fn send(&self, message: Message) {
        // The printer lives until `Stop`. If it is gone, there is no one to tell.
        self.messages.send(message).ok();
    }

    pub(crate) fn doing(&self, what: impl Into<String>) {
        self.send(Message::Doing(what.into()));
    }

    pub(crate) fn line(&self, line: impl Into<String>) {
        self.send(Message::Line(line.into()));
    }

    /// Runs a command that reports its own progress, such as a test runner, with full use of the terminal.
    pub(crate) fn run_aloud(&self, command: &mut Command) -> Result<()> {
        self.hand_over();
        crate::commands::run(command)
    }

    /// Returns what a command prints. Its messages have full use of the terminal.
    pub(crate) fn read_aloud(&self, command: &mut Command) -> Result<String> {
        self.hand_over();
        crate::commands::printed(command)
    }

    fn hand_over(&self) {
        let (cleared, wait) = channel();
        self.send(Message::HandOver(cleared));
        wait.recv().ok();
    }

    /// Runs a command and shows its progress next to the clock. Its warnings and errors are printed in full as they
    /// come.
    pub(crate) fn run(&self, command: &mut Command) -> Result<()> {
        if std::io::stderr().is_terminal() {
            command.env("CARGO_TERM_COLOR", "always");
        }
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("`{}` did not start", spelled(command)))?;
        if let Some(stderr) = child.stderr.take() {
            for line in BufReader::new(stderr).split(b'\n') {
                let line = String::from_utf8_lossy(&line?).trim_end().to_owned();
                match progress_of(&line) {
                    Some(progress) => self.doing(progress),
                    None => self.line(line),
                }
            }
        }
        let status = child.wait()?;
        if !status.success() {
            bail!("`{}` failed ({status})", spelled(command));
        }
        Ok(())
    }
}

/// Words that mark Cargo's progress lines. All its other output is for a person to read.
const CARGO_PROGRESS: [&str; 14] = [
    "Adding",
    "Blocking",
    "Building",
    "Checking",
    "Compiling",
    "Downloaded",
    "Downloading",
    "Finished",
    "Fresh",
    "Locking",
    "Running",
    "Unpacking",
    "Updating",
    "Executable",
];

fn progress_of(line: &str) -> Option<String> {
    let plain = without_colour(line);
    let (verb, rest) = plain.trim_start().split_once(' ')?;
    if !CARGO_PROGRESS.contains(&verb) {
        return None;
    }
    // "Compiling sqlx v0.9.0 (/home/…)": the name is enough.
    let rest = if matches!(verb, "Compiling" | "Checking") {
        rest.split(' ').next()?
    } else {
        rest
    };
    Some(format!("{} {rest}", verb.to_lowercase()))
}

fn without_colour(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        if character == '\u{1b}' {
            // An escape sequence ends at its first letter.
            characters.by_ref().find(char::is_ascii_alphabetic);
        } else {
            plain.push(character);
        }
    }
    plain
}

struct Printer {
    heading: String,
    doing: String,
    begun: Instant,
    terminal: bool,
    columns: usize,
    handed_over: bool,
    last_log_line: Instant,
}

impl Printer {
    fn new(heading: String) -> Self {
        let now = Instant::now();
        let terminal = std::io::stderr().is_terminal();
        Self {
            heading,
            doing: String::new(),
            begun: now,
            terminal,
            columns: if terminal { columns() } else { 0 },
            handed_over: false,
            last_log_line: now,
        }
    }

    fn run(mut self, messages: &Receiver<Message>) {
        if !self.terminal {
            eprintln!("{}", self.heading);
        }
        self.draw();
        loop {
            match messages.recv_timeout(Duration::from_secs(1)) {
                Ok(Message::Doing(what)) => self.doing = what,
                Ok(Message::Line(line)) => {
                    self.clear();
                    eprintln!("{line}");
                }
                Ok(Message::HandOver(cleared)) => {
                    self.clear();
                    if self.terminal {
                        eprintln!("{}", self.heading);
                    }
                    self.handed_over = true;
                    cleared.send(()).ok();
                }
                Ok(Message::Stop(last_line)) => {
                    self.clear();
                    eprintln!("{last_line}");
                    return;
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.draw();
        }
    }

    fn clear(&self) {
        if self.terminal && !self.handed_over {
            eprint!("\r\u{1b}[2K");
        }
    }

    fn draw(&mut self) {
        if self.handed_over {
            return;
        }
        let elapsed = self.begun.elapsed();
        let doing = if self.doing.is_empty() {
            String::new()
        } else {
            format!(" · {}", self.doing)
        };
        if self.terminal {
            let line = format!("{} · {}{doing}", self.heading, face(elapsed));
            // If the line were longer than the window, it would wrap and could not be redrawn.
            let shown: String = line.chars().take(self.columns.saturating_sub(1)).collect();
            eprint!("\r\u{1b}[2K{shown}");
            std::io::stderr().flush().ok();
        } else if self.last_log_line.elapsed() >= Duration::from_secs(60) {
            self.last_log_line = Instant::now();
            eprintln!("  {}{doing}", face(elapsed));
        }
    }
}

/// The width of the window according to the terminal, or a width that fits most windows.
fn columns() -> usize {
    let asked = Command::new("stty")
        .arg("size")
        .stdin(Stdio::inherit())
        .stderr(Stdio::null())
        .output();
    let answer = asked
        .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
        .unwrap_or_default();
    answer
        .split_whitespace()
        .nth(1)
        .and_then(|columns| columns.parse().ok())
        .filter(|&columns| columns > 0)
        .unwrap_or(80)
}

/// The time on the clock: `1:07`.
fn face(elapsed: Duration) -> String {
    format!("{}:{:02}", elapsed.as_secs() / 60, elapsed.as_secs() % 60)
}

/// A duration in words: `0.4 s`, `12 s`, `3 min 5 s`.
pub(crate) fn spoken(duration: Duration) -> String {
    match duration.as_secs() {
        0..10 => format!("{:.1} s", duration.as_secs_f64()),
        seconds @ 10..60 => format!("{seconds} s"),
        seconds => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_of_cargo_is_recognised_and_its_warnings_are_kept() {
        assert_eq!(
            progress_of("\u{1b}[1m\u{1b}[32m   Compiling\u{1b}[0m sqlx v0.9.0 (registry)").as_deref(),
            Some("compiling sqlx")
        );
        assert_eq!(
            progress_of("    Blocking waiting for file lock on build directory").as_deref(),
            Some("blocking waiting for file lock on build directory")
        );
        assert_eq!(progress_of("warning: unused variable: `x`"), None);
        assert_eq!(progress_of("error[E0308]: mismatched types"), None);
    }

    #[test]
    fn durations_are_formatted_for_people() {
        assert_eq!(spoken(Duration::from_millis(430)), "0.4 s");
        assert_eq!(spoken(Duration::from_secs(42)), "42 s");
        assert_eq!(spoken(Duration::from_secs(185)), "3 min 5 s");
    }

    #[test]
    fn a_failed_stage_still_counts_and_returns_its_error() {
        let mut stages = Stages::new(1, false);
        let error = stages
            .stage("the bridge", "", |_| -> Result<()> { bail!("it is up") })
            .unwrap_err();
        assert_eq!(error.to_string(), "it is up");
        assert_eq!(stages.taken.len(), 1);
    }
}
