//! The list: every question is answered by looking at every row.

use std::collections::BTreeMap;

use logs::{Choice, Conditions, Facets, Question, Scope, StoredEntry};
use model::{Caller, LogEntry, LogRow, RequestId, StatusFilter, Verdict, path_template};

/// Stored rows, by ascending `seq`.
#[derive(Debug, Default)]
pub struct List {
    rows: Vec<(i64, StoredEntry)>,
}

/// A field with a condition that its facet ignores.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Field {
    Status,
    Client,
    Environment,
    Key,
    Method,
    Verdict,
    Recorded,
    Duration,
}

impl List {
    /// `seq` must be greater than that of every row so far.
    pub fn push(&mut self, seq: i64, row: StoredEntry) {
        assert!(self.last_seq() < seq, "{seq} is not above {}", self.last_seq());
        self.rows.push((seq, row));
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// 0 if there is no row.
    pub fn last_seq(&self) -> i64 {
        self.rows.last().map_or(0, |(seq, _)| *seq)
    }

    /// The row with this index, in the order in which they were stored.
    pub fn row(&self, index: usize) -> (i64, &StoredEntry) {
        let (seq, row) = &self.rows[index];
        (*seq, row)
    }

    /// All rows that match but for the cursor, newest first.
    pub fn matching(&self, scope: Scope, question: &Question) -> Vec<LogRow> {
        let matching = self.rows.iter().rev().filter(|(seq, row)| {
            in_question(*seq, row, scope, question) && misses(&question.conditions, *seq, row).is_empty()
        });
        matching
            .map(|(seq, row)| log_row(*seq, row, question.callers))
            .collect()
    }

    /// The matching rows, as they are stored.
    pub(crate) fn stored_matching<'a>(
        &'a self,
        scope: Scope,
        question: &'a Question,
    ) -> impl Iterator<Item = &'a StoredEntry> + 'a {
        let matching = self.rows.iter().filter(move |(seq, row)| {
            in_question(*seq, row, scope, question) && misses(&question.conditions, *seq, row).is_empty()
        });
        matching.map(|(_, row)| row)
    }

    /// For each part of the range, the matching rows by the first digit of their status.
    pub fn histogram(&self, scope: Scope, question: &Question) -> Vec<[u64; 6]> {
        let parts = question.histogram.unwrap_or(0) as usize;
        let mut histogram = vec![[0; 6]; parts];
        if parts == 0 {
            return histogram;
        }
        for row in self.matching(scope, question) {
            let into = i128::from(row.at.as_millis()) - i128::from(question.from.as_millis());
            let range = i128::from(question.to.as_millis()) - i128::from(question.from.as_millis());
            // Without a status, it is counted like one of no class.
            let digit = usize::from(row.status.unwrap_or_default() / 100);
            let digit = if digit <= 5 { digit } else { 0 };
            histogram[(into * parts as i128 / range) as usize][digit] += 1;
        }
        histogram
    }

    /// The facets: each field's values among the rows that match all conditions but that field's own.
    pub fn facets(&self, scope: Scope, question: &Question) -> Facets {
        let mut counted = Counted::default();
        for (seq, row) in &self.rows {
            if !in_question(*seq, row, scope, question) {
                continue;
            }
            let misses = misses(&question.conditions, *seq, row);
            let counts_for = |field| match misses.as_slice() {
                [] => true,
                [only] => *only == Some(field),
                _ => false,
            };
            counted.add(row, counts_for);
        }
        counted.facets()
    }

    /// The entry with this id, if the scope may read it.
    pub fn entry(&self, scope: Scope, id: RequestId) -> Option<LogEntry> {
        let (seq, row) = self.rows.iter().find(|(_, row)| row.request_id == id)?;
        in_scope(row, scope).then(|| LogEntry {
            row: log_row(*seq, row, false),
            recorded: row.recorded,
            address: row.address.clone(),
            user_agent: row.user_agent.clone(),
            verdict_detail: row.verdict_detail.clone(),
            upstream_us: row.upstream_us,
            request_headers: row.request_headers.clone(),
            request_body: row.request_body.clone(),
            response_headers: row.response_headers.clone(),
            response_body: row.response_body.clone(),
            events: Vec::new(),
        })
    }
}

fn in_scope(row: &StoredEntry, scope: Scope) -> bool {
    match scope {
        Scope::WithBrands { company, .. } => row.place.root == company,
        Scope::Brand { company, .. } => row.place.company == company,
    }
}

/// Whether scope, range, `as_of` and `after` hold.
fn in_question(seq: i64, row: &StoredEntry, scope: Scope, question: &Question) -> bool {
    in_scope(row, scope)
        && row.at >= question.from
        && row.at < question.to
        && question.as_of.is_none_or(|as_of| seq <= as_of)
        && question.after.is_none_or(|after| seq > after)
}

fn chosen<T>(choice: &Choice<T>, is: impl Fn(&T) -> bool) -> bool {
    (choice.any_of.is_empty() || choice.any_of.iter().any(&is)) && !choice.none_of.iter().any(&is)
}

fn has_status(row: &StoredEntry, filter: &StatusFilter) -> bool {
    let (from, to) = filter.bounds();
    (from..to).contains(&row.status)
}

/// The conditions that do not hold; `None` stands for one that no facet ignores.
fn misses(conditions: &Conditions, seq: i64, row: &StoredEntry) -> Vec<Option<Field>> {
    let Conditions {
        status,
        client,
        environment,
        key,
        method,
        verdict,
        error,
        recorded,
        path,
        endpoint,
        address,
        duration_us,
        row: row_choice,
    } = conditions;
    let key_is = |id: &_| row.key.as_ref().is_some_and(|key| key.id == *id);
    let holds = [
        (
            Some(Field::Status),
            chosen(status, |filter| has_status(row, filter)),
        ),
        (
            Some(Field::Client),
            chosen(client, |id| row.place.client_id == *id),
        ),
        (
            Some(Field::Environment),
            chosen(environment, |value| row.environment == Some(*value)),
        ),
        (Some(Field::Key), chosen(key, key_is)),
        (Some(Field::Method), chosen(method, |value| row.method == *value)),
        (
            Some(Field::Verdict),
            chosen(verdict, |value| row.verdict == *value),
        ),
        (
            Some(Field::Recorded),
            chosen(recorded, |value| row.recorded == *value),
        ),
        (None, chosen(error, |code| row.error_code == *code)),
        (None, chosen(path, |part| row.path.contains(part.as_str()))),
        (None, chosen(endpoint, |value| path_template(&row.path) == *value)),
        (None, chosen(address, |value| row.address == *value)),
        (
            Some(Field::Duration),
            chosen(duration_us, |(from, to)| (*from..*to).contains(&row.duration_us)),
        ),
        (None, chosen(row_choice, |one| *one == seq)),
    ];
    holds
        .into_iter()
        .filter(|(_, holds)| !holds)
        .map(|(field, _)| field)
        .collect()
}

fn log_row(seq: i64, row: &StoredEntry, callers: bool) -> LogRow {
    LogRow {
        seq,
        request_id: row.request_id,
        at: row.at,
        method: row.method.clone(),
        path: row.path.clone(),
        status: model::known_status(row.status),
        verdict: row.verdict,
        error_code: row.error_code.clone(),
        environment: row.environment,
        client_id: row.place.client_id,
        brand: row.place.brand.clone(),
        key_id: row.key.as_ref().map(|key| key.id),
        key_last_four: row.key.as_ref().map(|key| key.last_four.clone()),
        duration_us: row.duration_us,
        caller: callers.then(|| Caller {
            address: row.address.clone(),
            user_agent: row.user_agent.clone(),
        }),
    }
}

#[derive(Default)]
struct Counted {
    status: BTreeMap<u16, u64>,
    client: BTreeMap<model::ClientId, u64>,
    environment: BTreeMap<model::Environment, u64>,
    key: BTreeMap<model::KeyId, u64>,
    method: BTreeMap<String, u64>,
    /// By the place in the list of all.
    verdict: BTreeMap<usize, u64>,
    recorded: BTreeMap<usize, u64>,
    duration: BTreeMap<u8, u64>,
}

const RECORDED: [model::Recorded; 4] = model::Recorded::ALL;

impl Counted {
    fn add(&mut self, row: &StoredEntry, counts_for: impl Fn(Field) -> bool) {
        if counts_for(Field::Status) {
            *self.status.entry(row.status).or_default() += 1;
        }
        if counts_for(Field::Client) {
            *self.client.entry(row.place.client_id).or_default() += 1;
        }
        if let Some(environment) = row.environment.filter(|_| counts_for(Field::Environment)) {
            *self.environment.entry(environment).or_default() += 1;
        }
        if let Some(key) = row.key.as_ref().filter(|_| counts_for(Field::Key)) {
            *self.key.entry(key.id).or_default() += 1;
        }
        if counts_for(Field::Method) {
            *self.method.entry(row.method.clone()).or_default() += 1;
        }
        if counts_for(Field::Verdict) {
            let place = Verdict::ALL.iter().position(|one| *one == row.verdict);
            *self
                .verdict
                .entry(place.expect("every verdict is in the list"))
                .or_default() += 1;
        }
        if counts_for(Field::Recorded) {
            let place = RECORDED.iter().position(|one| *one == row.recorded);
            *self
                .recorded
                .entry(place.expect("every kind is in the list"))
                .or_default() += 1;
        }
        if counts_for(Field::Duration) {
            // How often 1 ms must be doubled until it is longer.
            let is_longer = |class: &u8| u128::from(row.duration_us) < 1000_u128 << class;
            let class = (0..=64).find(is_longer).expect("64 bits are enough");
            *self.duration.entry(class).or_default() += 1;
        }
    }

    fn facets(self) -> Facets {
        Facets {
            status: most_frequent_first(self.status),
            client: most_frequent_first(self.client),
            environment: most_frequent_first(self.environment),
            key: most_frequent_first(self.key),
            method: most_frequent_first(self.method),
            verdict: most_frequent_first(self.verdict)
                .into_iter()
                .map(|(place, rows)| (Verdict::ALL[place], rows))
                .collect(),
            recorded: most_frequent_first(self.recorded)
                .into_iter()
                .map(|(place, rows)| (RECORDED[place], rows))
                .collect(),
            duration: most_frequent_first(self.duration),
        }
    }
}

fn most_frequent_first<T: Ord>(counted: BTreeMap<T, u64>) -> Vec<(T, u64)> {
    let mut values: Vec<(T, u64)> = counted.into_iter().collect();
    values.sort_by(|(a, rows_a), (b, rows_b)| rows_b.cmp(rows_a).then_with(|| a.cmp(b)));
    values
}
