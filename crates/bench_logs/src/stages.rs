//! `stages`: how many instructions a row takes, by stage, as callgrind counts them. Each stage is run with few and with
//! more rows; the difference is what the additional rows took, without the start of the process.

use std::io::Write;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::child::{ChildOptions, Part};
use crate::world::Variant;

/// Rows of the two runs. Segments are closed at 65,536 rows, so the additional rows fill two.
const FEW: u64 = 65_536;
const MORE: u64 = 3 * 65_536;

/// Redaction is slower by far, and its rows do not depend on each other.
const FEW_MESSAGES: u64 = 2_000;
const MORE_MESSAGES: u64 = 10_000;

pub(crate) fn run(folder: &Path) -> Result<()> {
    let found = Command::new("valgrind").arg("--version").output();
    let mut out = std::io::stdout().lock();
    let Ok(version) = found else {
        writeln!(out, "valgrind is not installed, so no instructions are counted.")?;
        return Ok(());
    };
    writeln!(out, "{}", String::from_utf8_lossy(&version.stdout).trim())?;
    let rows = |part| per_row(folder, part, FEW, MORE);
    let messages = |part| per_row(folder, part, FEW_MESSAGES, MORE_MESSAGES);
    let made = rows(Part::MakeRows)?;
    let written = rows(Part::Write)?;
    let made_with_messages = messages(Part::Make)?;
    let redacted = messages(Part::Redact)?;
    writeln!(out, "| stage | instructions a row |\n| --- | --- |")?;
    writeln!(
        out,
        "| store, close and encode, without headers and bodies | {} |",
        written.saturating_sub(made)
    )?;
    writeln!(
        out,
        "| redact, with headers, and a 400-byte body on one in ten | {} |",
        redacted.saturating_sub(made_with_messages)
    )?;
    Ok(())
}

fn per_row(folder: &Path, part: Part, few: u64, more: u64) -> Result<u64> {
    let (fewer, all) = (
        instructions(folder, part, few)?,
        instructions(folder, part, more)?,
    );
    Ok(all.saturating_sub(fewer) / (more - few))
}

fn instructions(folder: &Path, part: Part, rows: u64) -> Result<u64> {
    let child = ChildOptions {
        part,
        folder: folder.join("stages"),
        variant: Variant::Plain,
        rows,
        end: 1_800_000_000_000,
    };
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe()?)
        .args(child.arguments())
        .output()?;
    let messages = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "valgrind failed: {messages}");
    collected(&messages).with_context(|| format!("no count in what valgrind says: {messages}"))
}

/// `==1234== Collected : 567`
fn collected(messages: &str) -> Option<u64> {
    let line = messages.lines().find(|line| line.contains("Collected :"))?;
    line.rsplit(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valgrinds_count_is_read() {
        let messages = "==7== Events    : Ir\n==7== Collected : 26843546\n==7==\n";
        assert_eq!(collected(messages), Some(26_843_546));
        assert_eq!(collected("==7== killed\n"), None);
    }
}
