//! One trial: random rows go into a store and into the list, and the store's answers must be the list's.

use std::fmt;

use logs::{Count, Found, Question, Scope, StoredEntry};
use model::{LogEntry, LogRow, RequestId};

use crate::{Dice, List, World, ask, scope};

/// Counts of a path or an address may stop here.
const COUNTED: u64 = 10_000;

/// A store under test, with one writer or several.
#[expect(async_fn_in_trait, reason = "only tests use it, and they need no Send")]
pub trait Store {
    /// How many writers there are.
    fn writers(&self) -> usize;

    /// Stores these rows in this order, above all others.
    async fn append(&mut self, writer: usize, rows: Vec<StoredEntry>);

    /// Makes what the writer has stored immutable, as at the end of a day, if the store knows such a thing.
    async fn close(&mut self, writer: usize);

    async fn find(&self, scope: Scope, question: &Question) -> Found;

    async fn entry(&self, scope: Scope, request: RequestId) -> Option<LogEntry>;
}

/// Random rows, stored in random batches by random writers, closed at random moments.
#[derive(Debug)]
pub struct Trial {
    pub world: World,
    pub list: List,
    pub dice: Dice,
    /// Rows in a batch, on average.
    pub batch: u64,
    /// After how many batches a writer closes what it has, on average.
    pub batches: u64,
}

impl Trial {
    pub fn new(seed: u64) -> Self {
        let mut dice = Dice(seed);
        Self {
            world: World::random(&mut dice),
            list: List::default(),
            batch: dice.one_of(&[3, 60, 900]),
            batches: 12,
            dice,
        }
    }

    /// Stores about this many more rows.
    pub async fn grow(&mut self, store: &mut impl Store, rows: usize) {
        let until = self.list.len() + rows;
        while self.list.len() < until {
            let writer = self.dice.skewed(store.writers() as u64) as usize;
            let batch: Vec<StoredEntry> = (0..=self.dice.roll(2 * self.batch))
                .map(|_| self.world.row(&mut self.dice))
                .collect();
            store.append(writer, batch.clone()).await;
            self.note(store, batch).await;
            if self.dice.once_in(self.batches) {
                let writer = self.dice.roll(store.writers() as u64) as usize;
                store.close(writer).await;
            }
        }
    }

    /// Adds rows that the store has just stored to the list. The store numbers the rows of a batch without gaps.
    async fn note(&mut self, store: &impl Store, batch: Vec<StoredEntry>) {
        let question = Question {
            rows: 0,
            as_of: None,
            after: None,
            count: false,
            histogram: None,
            facets: false,
            ..ask(&self.world, &self.list, &mut self.dice)
        };
        let scope = scope(&self.world, &mut self.dice);
        let last = store.find(scope, &question).await.as_of;
        let first = last - batch.len() as i64 + 1;
        for (seq, row) in (first..).zip(batch) {
            self.list.push(seq, row);
        }
    }

    /// Asks some questions, walks through the pages of some, and looks some rows up.
    pub async fn check(&mut self, store: &impl Store, questions: usize) {
        for number in 0..questions {
            let scope = scope(&self.world, &mut self.dice);
            let question = ask(&self.world, &self.list, &mut self.dice);
            let found = store.find(scope, &question).await;
            compare(&self.list, scope, &question, &found);
            if number % 4 == 0 {
                let pages = self.dice.one_of(&[2, 5, 20]);
                walk(&self.list, store, scope, &question, pages).await;
            }
            self.look_up(store, scope).await;
        }
    }

    async fn look_up(&mut self, store: &impl Store, scope: Scope) {
        let index = self.dice.roll(self.list.len() as u64) as usize;
        let (_, row) = self.list.row(index);
        let id = row.request_id;
        same(
            &store.entry(scope, id).await,
            &self.list.entry(scope, id),
            &format!("{scope:?} {id}"),
        );
        let own = Scope::WithBrands {
            company: row.place.root,
            client_id: row.place.client_id,
        };
        same(
            &store.entry(own, id).await,
            &self.list.entry(own, id),
            &format!("{own:?} {id}"),
        );
        let absent = RequestId::time_ordered(row.at, self.dice.bytes());
        same(&store.entry(own, absent).await, &None, &format!("{absent}"));
    }
}

/// The answer must be that of the list.
pub fn compare(list: &List, scope: Scope, question: &Question, found: &Found) {
    let asked = format!("{scope:?} {question:#?}");
    let matching = list.matching(scope, question);
    let below: Vec<&LogRow> = matching
        .iter()
        .filter(|row| question.before.is_none_or(|before| row.seq < before))
        .collect();
    let page: Vec<&LogRow> = below.iter().take(question.rows).copied().collect();
    same(&found.rows.iter().collect(), &page, &asked);
    if question.rows > 0 {
        same(&found.more, &(below.len() > question.rows), &asked);
    }
    count(matching.len() as u64, question, found.count, &asked);
    same(
        &found.as_of,
        &question.as_of.unwrap_or(i64::MAX).min(list.last_seq()),
        &asked,
    );
    same(&found.histogram, &list.histogram(scope, question), &asked);
    if question.facets {
        same(&found.facets, &list.facets(scope, question), &asked);
    } else {
        same(&found.facets, &logs::Facets::default(), &asked);
    }
    same(&found.looked_back_to, &None, &asked);
    same(&found.damaged, &Vec::new(), &asked);
}

fn count(matching: u64, question: &Question, count: Count, asked: &str) {
    let by_text = !question.conditions.path.is_everything() || !question.conditions.address.is_everything();
    match count {
        Count::AtLeast(rows) if by_text && question.count && question.after.is_none() => {
            assert!(
                rows >= COUNTED && rows <= matching,
                "{rows} of {matching}: {asked}"
            );
        }
        other => same(
            &other,
            &(if question.count {
                Count::Exactly(matching)
            } else {
                Count::NotAsked
            }),
            asked,
        ),
    }
}

/// Page after page must be the list's rows, each once, also if each page says that its time was over. `pages` is about
/// how many pages there are if none is cut short.
pub async fn walk(list: &List, store: &impl Store, scope: Scope, question: &Question, pages: usize) {
    let expected: Vec<LogRow> = list
        .matching(scope, question)
        .into_iter()
        .filter(|row| question.before.is_none_or(|before| row.seq < before))
        .collect();
    let mut question = Question {
        rows: (expected.len() / pages).max(1),
        facets: false,
        ..question.clone()
    };
    let mut seen: Vec<LogRow> = Vec::new();
    // More pages than there can be: each has a row, or goes on below the one before.
    for _ in 0..=list.len() {
        let found = store.find(scope, &question).await;
        seen.extend(found.rows.iter().cloned());
        let next = if found.more {
            found.rows.last().map(|row| row.seq)
        } else {
            found.looked_back_to.map(|back| back.seq)
        };
        let Some(next) = next else { break };
        let above = question.before.replace(next);
        assert!(
            above.is_none_or(|above| next < above),
            "{next} after {above:?}: {scope:?} {question:#?}"
        );
    }
    same(&seen, &expected, &format!("{scope:?} {question:#?}"));
}

fn same<T: PartialEq + fmt::Debug>(store: &T, list: &T, asked: &str) {
    assert!(
        store == list,
        "the store's answer, the list's, and the question:\n{store:#?}\n{list:#?}\n{asked}"
    );
}
