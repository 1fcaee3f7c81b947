//! The whole benchmark: fills each log in each container, asks all questions, and writes the results.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use clock::Clock;
use model::Timestamp;
use test_postgres::Cluster;

use crate::asking::{self, Asked};
use crate::child::{ChildOptions, Part};
use crate::fill::{self, Filled, Pace};
use crate::memory::Memory;
use crate::messages;
use crate::peer::{self, Peer};
use crate::questions;
use crate::rows::CHUNK;
use crate::spread::millis;
use crate::subject::Subject;
use crate::table;
use crate::world::{DAY_MILLIS, Variant, World};
use crate::{Container, Options};

/// Chunks that are made in advance: a million rows, which take half a gigabyte.
const BURST: u64 = 122;

/// Rows of a batch, as many as the server's recorder puts into one.
const BATCH: usize = CHUNK as usize;

/// Rows for what is measured with headers and bodies, at most.
const FEW: u64 = 300_000;

/// Rows for the memory of the writer, at most.
const WRITTEN: u64 = 1_000_000;

/// What was measured of one store besides its answers.
struct Stored {
    name: &'static str,
    filled: Filled,
    bytes: u64,
    /// Rows a second with headers, and a body on one in ten, through the server's recorder.
    with_messages: f64,
}

pub(crate) async fn run(options: &Options) -> Result<()> {
    fs::create_dir_all(&options.folder)?;
    let folder = options.folder.canonicalize()?;
    // The last midnight, so that the rows of one day's runs are the same.
    let now = Clock::machine().now().as_millis();
    let end = Timestamp::from_millis(now - now % DAY_MILLIS);
    let mut differences = 0;
    for variant in &options.variants {
        let world = World::new(*variant, options.rows, end);
        differences += measure(options, &folder, &world).await?;
    }
    ensure!(
        differences == 0,
        "{differences} questions have different answers, so these figures mean nothing"
    );
    Ok(())
}

/// Measures one log, and returns how many questions had different answers.
async fn measure(options: &Options, folder: &Path, world: &World) -> Result<usize> {
    let name = world.variant.name();
    say(&format!(
        "{}: {} rows, {}",
        name,
        world.rows,
        world.variant.description()
    ))?;
    let mut subjects = Vec::new();
    let mut stored = Vec::new();
    for container in &options.containers {
        let subject = new_subject(*container, folder, name).await?;
        stored.push(store(&subject, *container, folder, world).await?);
        subjects.push(subject);
    }
    let mut peer = if options.no_peer {
        None
    } else {
        load_peer(folder, world)?
    };
    let questions = questions::all(world);
    let asked = asking::ask_all(&subjects, peer.as_mut(), questions, options.rounds).await?;
    let memory = memory(&subjects, folder, world)?;
    let text = document(world, &subjects, &stored, &asked, peer.as_ref(), &memory);
    fs::write(folder.join(format!("{name}.md")), &text)?;
    say(&text)?;
    let different = asked.lines.iter().filter_map(|line| {
        let difference = line.difference.as_ref()?;
        Some(format!("DIFFERENT: {}: {difference}", line.named.name))
    });
    let different: Vec<String> = different.collect();
    different.iter().try_for_each(|line| say(line))?;
    Ok(different.len())
}

async fn new_subject(container: Container, folder: &Path, name: &str) -> Result<Subject> {
    match container {
        Container::Files => Subject::new_files(folder.join(format!("{name}-files"))),
        Container::Postgres => {
            let cluster = Cluster::durable(&folder.join("postgres"), &[std::process::id()]);
            Subject::new_postgres(&cluster, &format!("bench_{name}")).await
        }
    }
}

async fn store(subject: &Subject, container: Container, folder: &Path, world: &World) -> Result<Stored> {
    let store = subject.open().await?;
    store.close().await;
    let empty = subject.bytes().await?;
    let store = subject.open().await?;
    let filled = fill::fill(&store, world, pace(BATCH)).await?;
    store.close().await;
    let bytes = subject.bytes().await?.saturating_sub(empty);
    say(&format!(
        "{}: {:.0} rows a second in batches of {BATCH}, the last segments closed in {:.0} ms, {:.1} bytes a row",
        subject.name(),
        filled.rows_per_second(),
        filled.ending.as_secs_f64() * 1e3,
        bytes as f64 / world.rows as f64,
    ))?;
    let few = World::new(world.variant, world.rows.min(FEW), world.end);
    let store = new_subject(container, folder, "messages").await?.open().await?;
    let with_messages = messages::rows_per_second(&store, &few).await?;
    store.close().await;
    Ok(Stored {
        name: subject.name(),
        filled,
        bytes,
        with_messages,
    })
}

const fn pace(batch: usize) -> Pace {
    Pace { batch, burst: BURST }
}

/// Without Python or a package index there is no peer, and a line says so.
fn load_peer(folder: &Path, world: &World) -> Result<Option<Peer>> {
    let python = match peer::python(folder) {
        Ok(python) => python,
        Err(error) => {
            say(&format!(
                "DuckDB cannot be installed, so there is no peer: {error:#}"
            ))?;
            return Ok(None);
        }
    };
    let begun = Instant::now();
    let peer = Peer::load(&python, folder, world)?;
    say(&format!(
        "DuckDB {}: loaded in {:.0} s, {:.1} bytes a row",
        peer.version,
        begun.elapsed().as_secs_f64(),
        peer.bytes as f64 / world.rows as f64
    ))?;
    Ok(Some(peer))
}

/// The memory of a process that writes, and of one that answers. Of files only.
fn memory(subjects: &[Subject], folder: &Path, world: &World) -> Result<Option<(Memory, Memory)>> {
    let Some(Subject::Files(files)) = subjects.first() else {
        return Ok(None);
    };
    let child = |part, folder: &Path, rows| ChildOptions {
        part,
        folder: folder.to_owned(),
        variant: world.variant,
        rows,
        end: world.end.as_millis(),
    };
    let written = folder.join("written");
    let writer = child(Part::Write, &written, world.rows.min(WRITTEN)).memory()?;
    fs::remove_dir_all(&written)?;
    let reader = child(Part::Read, files, world.rows).memory()?;
    Ok(Some((writer, reader)))
}

fn document(
    world: &World,
    subjects: &[Subject],
    stored: &[Stored],
    asked: &Asked,
    peer: Option<&Peer>,
    memory: &Option<(Memory, Memory)>,
) -> String {
    let mut text = format!("### {} rows, {}\n\n", world.rows, world.variant.description());
    text.push_str(&about_stores(world, stored, asked));
    // Writing to a String cannot fail.
    if let Some((writer, reader)) = memory {
        let _ = writeln!(
            text,
            "\nMemory at its highest: {} MiB while writing, {} MiB after each question was asked once.",
            writer.most, reader.most
        );
    }
    if let Some(peer) = peer {
        let _ = writeln!(
            text,
            "\nPeer: DuckDB {}, 2 threads, {:.1} bytes a row.",
            peer.version,
            peer.bytes as f64 / world.rows as f64
        );
    }
    let many_paths = world.variant == Variant::Paths;
    let table = table::questions(&asked.lines, subjects, peer.is_some(), many_paths);
    let _ = writeln!(text, "\n{table}\n");
    for sentence in table::summary(&asked.lines, subjects, many_paths) {
        let _ = writeln!(text, "* {sentence}");
    }
    text
}

fn about_stores(world: &World, stored: &[Stored], asked: &Asked) -> String {
    let mut text = "| container | rows stored a second | with headers, and a body on one in ten, redaction included | bytes a row \
                    | start, ms |\n| --- | --- | --- | --- | --- |\n"
        .to_owned();
    for (store, starts) in stored.iter().zip(&asked.starts) {
        let _ = writeln!(
            text,
            "| {} | {:.0} | {:.0} | {:.1} | {} / {} |",
            store.name,
            store.filled.rows_per_second(),
            store.with_messages,
            store.bytes as f64 / world.rows as f64,
            millis(starts.percentile(50)),
            millis(starts.percentile(95)),
        );
    }
    text
}

fn say(line: &str) -> Result<()> {
    writeln!(std::io::stdout().lock(), "{line}").context("standard output")
}

/// The rows of a burst, which the documentation names.
const _: () = assert!(BURST * CHUNK > 990_000 && BURST * CHUNK < 1_010_000);
