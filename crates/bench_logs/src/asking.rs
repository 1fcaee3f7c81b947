//! Asks every question of every store, after a restart and warm, in rounds in which the stores take turns.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use logs::{Question, Reader, Scope};
use model::RequestId;

use crate::agreement::Outcome;
use crate::peer::{Answer, Peer};
use crate::questions::{Ask, Named};
use crate::spread::Samples;
use crate::sql;
use crate::subject::{Opened, Subject};

/// How often a question is repeated in a round.
const WARM: usize = 10;

/// How often a question is repeated in a round for the peer, which is slower.
const WARM_PEER: usize = 4;

/// The times of one question in one store.
#[derive(Clone, Debug, Default)]
pub(crate) struct Times {
    /// The first question after a restart.
    pub(crate) first: Samples,
    pub(crate) warm: Samples,
}

/// One question with the times of all stores.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) named: Named,
    /// In the order of the subjects.
    pub(crate) ours: Vec<Times>,
    pub(crate) peer: Times,
    /// Where two stores gave different answers.
    pub(crate) difference: Option<String>,
}

/// All questions, and how long the stores took to open.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    pub(crate) lines: Vec<Line>,
    pub(crate) starts: Vec<Samples>,
}

/// Where a page begins, in a store's own numbers.
#[derive(Clone, Copy, Debug, Default)]
struct Cursor {
    before: Option<i64>,
    as_of: Option<i64>,
    /// The last row of the page before.
    last: Option<RequestId>,
}

/// Asks all questions `rounds` times.
pub(crate) async fn ask_all(
    subjects: &[Subject],
    mut peer: Option<&mut Peer>,
    questions: Vec<Named>,
    rounds: usize,
) -> Result<Asked> {
    let mut asked = Asked {
        lines: questions
            .into_iter()
            .map(|named| Line::new(named, subjects))
            .collect(),
        starts: vec![Samples::default(); subjects.len()],
    };
    for round in 0..rounds {
        for line in &mut asked.lines {
            let mut outcomes = Vec::new();
            let mut last = None;
            for ((subject, times), starts) in subjects.iter().zip(&mut line.ours).zip(&mut asked.starts) {
                let (outcome, cursor) = measure(subject, &line.named, times, starts)
                    .await
                    .with_context(|| format!("“{}” of {}", line.named.name, subject.name()))?;
                outcomes.push(outcome);
                last = cursor.last;
            }
            if let Some(peer) = peer.as_deref_mut() {
                outcomes.push(measure_peer(peer, &line.named, last, &mut line.peer)?);
            }
            if round == 0 {
                line.difference = outcomes.windows(2).find_map(|pair| pair[0].difference(&pair[1]));
            }
        }
    }
    Ok(asked)
}

/// Asks all questions once, as a server does for its first pages.
pub(crate) async fn ask_each(store: &Opened, questions: &[Named]) -> Result<()> {
    for named in questions {
        let cursor = walk(store, named).await?;
        ask(store, named, cursor).await?;
    }
    Ok(())
}

impl Line {
    fn new(named: Named, subjects: &[Subject]) -> Self {
        Self {
            named,
            ours: vec![Times::default(); subjects.len()],
            peer: Times::default(),
            difference: None,
        }
    }
}

async fn measure(
    subject: &Subject,
    named: &Named,
    times: &mut Times,
    starts: &mut Samples,
) -> Result<(Outcome, Cursor)> {
    let mut cursor = Cursor::default();
    if named.begins_later() {
        // Walking to a page warms the caches, so it is done before the restart.
        let before = subject.open().await?;
        cursor = walk(&before, named).await?;
        before.close().await;
    }
    let store = subject.open().await?;
    starts.add(store.took);
    let (took, outcome) = ask(&store, named, cursor).await?;
    times.first.add(took);
    for _ in 0..WARM {
        times.warm.add(ask(&store, named, cursor).await?.0);
    }
    store.close().await;
    Ok((outcome, cursor))
}

/// Goes through the pages before the one that is asked for.
async fn walk(store: &Opened, named: &Named) -> Result<Cursor> {
    let mut cursor = Cursor::default();
    let Ask::Page { question, number } = &named.ask else {
        return Ok(cursor);
    };
    for _ in 1..*number {
        let mut question = at(question, cursor);
        question.count = false;
        let found = store.logs.find(named.scope, &question).await?;
        let last = found.rows.last();
        cursor = Cursor {
            before: last.map(|row| row.seq),
            as_of: Some(found.as_of),
            last: last.map(|row| row.request_id),
        };
    }
    Ok(cursor)
}

fn at(question: &Question, cursor: Cursor) -> Question {
    Question {
        before: cursor.before,
        as_of: cursor.as_of,
        ..question.clone()
    }
}

async fn ask(store: &Opened, named: &Named, cursor: Cursor) -> Result<(Duration, Outcome)> {
    match &named.ask {
        Ask::Page { question, .. } => {
            let question = at(question, cursor);
            let begun = Instant::now();
            let found = store.logs.find(named.scope, &question).await?;
            let took = begun.elapsed();
            if let Some(back) = found.looked_back_to {
                bail!("it took {took:?} and looked back only to {:?}", back.at);
            }
            Ok((took, Outcome::of_found(&found)))
        }
        Ask::Entry(request) => {
            let begun = Instant::now();
            let entry = store.logs.entry(named.scope, *request).await?;
            let took = begun.elapsed();
            let id = entry.map(|entry| entry.row.request_id.to_string());
            Ok((took, Outcome::of_entry(id)))
        }
    }
}

fn measure_peer(
    peer: &mut Peer,
    named: &Named,
    last: Option<RequestId>,
    times: &mut Times,
) -> Result<Outcome> {
    let before = match last {
        Some(request) => Some(seq_of(peer, request)?),
        None => None,
    };
    let statements = statements(named.scope, &named.ask, before);
    let answer = peer.ask(true, &statements)?;
    times.first.add(answer.took());
    for _ in 0..WARM_PEER {
        times.warm.add(peer.ask(false, &statements)?.took());
    }
    outcome(&answer, &named.ask)
}

fn seq_of(peer: &mut Peer, request: RequestId) -> Result<i64> {
    let answer = peer.ask(false, &sql::seq_of(request))?;
    let value = answer
        .results
        .first()
        .and_then(|rows| rows.first()?.first()?.as_i64());
    value.with_context(|| format!("DuckDB has no row {request}"))
}

fn statements(scope: Scope, ask: &Ask, before: Option<i64>) -> Vec<String> {
    match ask {
        Ask::Page { question, .. } => sql::page(scope, question, before),
        Ask::Entry(request) => sql::entry(scope, *request),
    }
}

fn outcome(answer: &Answer, ask: &Ask) -> Result<Outcome> {
    match ask {
        Ask::Page { question, .. } => Outcome::of_page(&answer.results, question),
        Ask::Entry(_) => {
            let row = answer.results.first().and_then(|rows| rows.first());
            let id = row.and_then(|row| row.get(1)?.as_str());
            Ok(Outcome::of_entry(id.map(str::to_owned)))
        }
    }
}
