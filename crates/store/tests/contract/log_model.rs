//! Random rows and questions, compared with a log that is a list in memory: on files, and on tables with two writers.

use std::sync::Arc;

use logs::{Batch, Found, Ledger, Origin, Question, Reader, Run, Scope, Sink, StoredEntry};
use model::{LogEntry, RequestId};
use store::logs::{LOG_MIGRATIONS, Logs};
use test_logs::{Store, Trial};

use crate::log_world::{NOW, open, report};
use crate::test_db::TestDb;

contract!(
    LOG_MIGRATIONS,
    [
        every_answer_is_that_of_a_list,
        every_answer_is_that_of_a_list_after_a_restart
    ]
);

/// Each node writes its own rows, and questions go to any of them.
struct Nodes(Vec<Node>);

struct Node {
    logs: Logs,
    run: Run,
    next: u64,
}

impl Nodes {
    async fn start(db: &TestDb, rows_per_segment: usize) -> Self {
        // SQLite has only one process.
        let many = if db.folder().is_some() { 1 } else { 2 };
        let mut nodes = Vec::new();
        for _ in 0..many {
            let handle = db.open_again().await;
            let logs = open(db, &handle, |options| options.rows_per_segment = rows_per_segment).await;
            let run = logs.start_run(NOW).await.expect("a run");
            nodes.push(Node { logs, run, next: 0 });
        }
        Self(nodes)
    }

    fn any(&self, question: usize) -> &Logs {
        &self.0[question % self.0.len()].logs
    }
}

impl Store for Nodes {
    fn writers(&self) -> usize {
        self.0.len()
    }

    async fn append(&mut self, writer: usize, rows: Vec<StoredEntry>) {
        let node = &mut self.0[writer];
        let first = node.next;
        node.next += rows.len() as u64;
        let batch = Batch {
            first,
            entries: Arc::new(rows),
            report: report(node.run, NOW),
            origin: Origin::Recorded,
        };
        node.logs.append(batch).await.expect("the batch is stored");
    }

    async fn close(&mut self, writer: usize) {
        let node = &self.0[writer];
        node.logs.close_segments(node.run).await.expect("closed");
    }

    async fn find(&self, scope: Scope, question: &Question) -> Found {
        self.any(question.rows)
            .find(scope, question)
            .await
            .expect("an answer")
    }

    async fn entry(&self, scope: Scope, request: RequestId) -> Option<LogEntry> {
        self.any(0).entry(scope, request).await.expect("a look")
    }
}

/// Other rows and questions than in every run, to look longer: one number a process.
fn seed() -> u64 {
    std::env::var("GATEHOUSE_MODEL_SEED").map_or(11, |text| text.parse().expect("a number"))
}

async fn every_answer_is_that_of_a_list(db: &TestDb) {
    let mut nodes = Nodes::start(db, 2_500).await;
    let mut trial = Trial::new(seed());
    for _ in 0..4 {
        trial.grow(&mut nodes, 1_500).await;
        trial.check(&nodes, 12).await;
    }
}

async fn every_answer_is_that_of_a_list_after_a_restart(db: &TestDb) {
    let mut trial = Trial::new(seed() + 1);
    for _ in 0..3 {
        let mut nodes = Nodes::start(db, 1_100).await;
        trial.grow(&mut nodes, 900).await;
        for node in &nodes.0 {
            node.logs
                .end_run(report(node.run, NOW))
                .await
                .expect("the run ends");
        }
    }
    let nodes = Nodes::start(db, 1_100).await;
    trial.check(&nodes, 20).await;
}
