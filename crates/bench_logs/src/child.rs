//! Measurements in a process of their own: memory, and what valgrind counts.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use clock::Clock;
use logs::{Names, RecorderOptions, redact};
use model::Timestamp;

use crate::asking;
use crate::fill::{self, Pace};
use crate::memory::Memory;
use crate::messages;
use crate::questions;
use crate::subject::Subject;
use crate::world::{Variant, World};

#[derive(Debug, clap::Args)]
pub(crate) struct ChildOptions {
    #[arg(long)]
    pub(crate) part: Part,
    /// Where files are. For what writes, an empty folder.
    #[arg(long)]
    pub(crate) folder: PathBuf,
    #[arg(long)]
    pub(crate) variant: Variant,
    #[arg(long)]
    pub(crate) rows: u64,
    /// The end of the rows' time, in milliseconds since 1970.
    #[arg(long)]
    pub(crate) end: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Stores all rows.
    Write,
    /// Asks every question once.
    Read,
    /// Makes rows with headers and bodies and redacts them.
    Redact,
    /// Makes rows with headers and bodies.
    Make,
    /// Makes rows.
    MakeRows,
}

impl Part {
    const fn name(self) -> &'static str {
        match self {
            Self::Write => "write",
            Self::Read => "read",
            Self::Redact => "redact",
            Self::Make => "make",
            Self::MakeRows => "make-rows",
        }
    }
}

impl ChildOptions {
    /// The arguments with which this program does this.
    pub(crate) fn arguments(&self) -> Vec<String> {
        [
            "child",
            "--part",
            self.part.name(),
            "--folder",
            &self.folder.to_string_lossy(),
            "--variant",
            self.variant.name(),
            "--rows",
            &self.rows.to_string(),
            "--end",
            &self.end.to_string(),
        ]
        .map(str::to_owned)
        .to_vec()
    }

    /// Does this in a process of its own and returns the most memory it used.
    pub(crate) fn memory(&self) -> Result<Memory> {
        let output = Command::new(std::env::current_exe()?)
            .args(self.arguments())
            .output()?;
        ensure!(
            output.status.success(),
            "{self:?} failed: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_slice(&output.stdout).context("the memory of a child")
    }
}

pub(crate) async fn run(options: &ChildOptions) -> Result<()> {
    let end = Timestamp::from_millis(options.end);
    let world = World::new(options.variant, options.rows, end);
    match options.part {
        Part::Write => write(options, &world).await?,
        Part::Read => {
            let store = Subject::Files(options.folder.clone()).open().await?;
            asking::ask_each(&store, &questions::all(&world)).await?;
            store.close().await;
        }
        Part::Redact => make(&world, |entry| {
            std::hint::black_box(redact(entry, &Names::default()));
        }),
        Part::Make => make(&world, |entry| drop(std::hint::black_box(entry))),
        Part::MakeRows => (0..world.chunks()).for_each(|chunk| {
            std::hint::black_box(world.chunk(chunk));
        }),
    }
    serde_json::to_writer(std::io::stdout().lock(), &Memory::of_this_process()?)?;
    Ok(())
}

async fn write(options: &ChildOptions, world: &World) -> Result<()> {
    let store = Subject::new_files(options.folder.clone())?.open().await?;
    let batch = RecorderOptions::new(Clock::machine()).batch_rows;
    // One chunk at a time, so that the rows of this program take little of the memory.
    fill::fill(&store, world, Pace { batch, burst: 1 }).await?;
    store.close().await;
    Ok(())
}

fn make(world: &World, consume: impl Fn(logs::Entry)) {
    for chunk in 0..world.chunks() {
        for (number, row) in world.chunk(chunk).into_iter().enumerate() {
            consume(messages::entry(row, number));
        }
    }
}
