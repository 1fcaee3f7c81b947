//! A question in the words of segments: which values of which fields, and which rows at all.

use logs::{Choice, Question, Scope};
use model::{ClientId, ErrorCode, StatusFilter, Timestamp, write_path_template};
use roaring::RoaringBitmap;

use crate::{Column, Dictionary, Erased, Field, Texts, ValueKey};

/// What is looked for.
#[derive(Debug)]
pub(super) struct Plan {
    /// Whose rows. Always the first condition of all.
    pub(super) scope: (Field, ValueKey),
    /// Of these Client IDs, only rows that arrived later, in milliseconds.
    pub(super) hidden: Vec<(ValueKey, i64)>,
    pub(super) clauses: Vec<Clause>,
    /// Rows by their `seq`.
    pub(super) row: Choice<i64>,
    /// Arrival in milliseconds: from (included) and to (excluded).
    pub(super) from: i64,
    pub(super) to: i64,
    /// Only rows with this `seq` or a larger one count at all
    pub(super) start: i64,
    /// and of these only rows with a smaller one.
    pub(super) end: i64,
    /// Only rows with a smaller `seq` are returned. Never above `end`.
    pub(super) before: i64,
    pub(super) rows: usize,
    pub(super) callers: bool,
    pub(super) count: bool,
    pub(super) histogram: Option<u32>,
    pub(super) facets: bool,
    /// Whether the rows are divided into groups.
    pub(super) groups: bool,
}

/// One condition.
#[derive(Debug)]
pub(super) enum Clause {
    Values(ValueClause),
    /// Microseconds: from (included) and to (excluded).
    Duration(Choice<(u64, u64)>),
    Texts(TextClause),
}

/// A condition on an indexed field.
#[derive(Debug)]
pub(super) struct ValueClause {
    pub(super) field: Field,
    /// Empty: every value.
    pub(super) any_of: Vec<Wish>,
    pub(super) none_of: Vec<Wish>,
}

/// A value or several.
#[derive(Debug)]
pub(super) enum Wish {
    Value(ValueKey),
    /// Statuses: from (included) and to (excluded).
    Statuses(u16, u16),
}

/// A condition on the texts of a dictionary.
#[derive(Debug)]
pub(super) struct TextClause {
    /// The indexed field that this is about, if it is one.
    pub(super) field: Option<Field>,
    pub(super) column: Column,
    pub(super) dictionary: Dictionary,
    how: How,
    choice: Choice<String>,
}

#[derive(Clone, Copy, Debug)]
enum How {
    Contains,
    Equals,
    /// The text's template as a path equals.
    Template,
}

impl Clause {
    /// The field whose facet ignores this condition.
    pub(super) const fn field(&self) -> Option<Field> {
        match self {
            Self::Values(clause) => Some(clause.field),
            Self::Duration(_) => Some(Field::DurationClass),
            Self::Texts(clause) => clause.field,
        }
    }
}

impl Plan {
    /// `last_seq` is the largest `seq` that there is.
    pub(super) fn of(scope: Scope, question: &Question, last_seq: i64, erased: &Erased) -> Self {
        let end = question.as_of.unwrap_or(i64::MAX).min(last_seq).saturating_add(1);
        Self {
            scope: scope_key(scope),
            hidden: erased.hidden_from(scope),
            clauses: clauses(question),
            row: question.conditions.row.clone(),
            from: question.from.as_millis(),
            to: question.to.as_millis(),
            start: question.after.map_or(i64::MIN, |after| after.saturating_add(1)),
            end,
            before: question.before.unwrap_or(i64::MAX).min(end),
            rows: question.rows,
            callers: question.callers,
            count: question.count,
            histogram: question.histogram.filter(|parts| *parts > 0),
            facets: question.facets,
            groups: question.groups.is_some(),
        }
    }

    /// Whether every matching row must be looked at, and not only those of the page.
    pub(super) const fn counts(&self) -> bool {
        self.count || self.histogram.is_some() || self.facets || self.groups
    }

    /// Whether the count may stop once it is large: a text can match a great many values, and looking at each row takes
    /// long. Where a histogram, facets or groups need every row anyway, the count is exact. So is the number of new rows: they
    /// are few compared to all.
    pub(super) fn count_may_stop(&self) -> bool {
        let texts = self
            .clauses
            .iter()
            .any(|clause| matches!(clause, Clause::Texts(_)));
        let needs_all = self.histogram.is_some() || self.facets || self.groups;
        self.count && texts && self.start == i64::MIN && !needs_all
    }

    /// The condition on the duration.
    pub(super) fn duration(&self) -> Option<&Choice<(u64, u64)>> {
        self.clauses.iter().find_map(|clause| match clause {
            Clause::Duration(choice) => Some(choice),
            _ => None,
        })
    }

    /// Whether a part of the log with these rows (both included) can have one that counts.
    pub(super) fn may_have(&self, first_seq: i64, last_seq: i64) -> bool {
        let asked = &self.row.any_of;
        let has_some = first_seq < self.end && last_seq >= self.start;
        has_some && (asked.is_empty() || asked.iter().any(|seq| (first_seq..=last_seq).contains(seq)))
    }

    /// Leaves the rows that are asked for by their `seq`. `row_of` says which row has a `seq`.
    pub(super) fn narrow_to_asked(&self, rows: &mut RoaringBitmap, row_of: impl Fn(i64) -> Option<u32>) {
        let asked = |seqs: &[i64]| {
            seqs.iter()
                .filter_map(|seq| row_of(*seq))
                .collect::<RoaringBitmap>()
        };
        if !self.row.any_of.is_empty() {
            *rows &= asked(&self.row.any_of);
        }
        *rows -= asked(&self.row.none_of);
    }

    /// Whether any moment between these two (both included) is in the range.
    pub(super) const fn overlaps(&self, min_at: Timestamp, max_at: Timestamp) -> bool {
        min_at.as_millis() < self.to && max_at.as_millis() >= self.from
    }

    /// Whether every moment between these two (both included) is in the range.
    pub(super) const fn contains(&self, min_at: Timestamp, max_at: Timestamp) -> bool {
        min_at.as_millis() >= self.from && max_at.as_millis() < self.to
    }

    /// The part of the histogram that a moment in the range belongs to.
    pub(super) fn part_of(&self, at: i64) -> usize {
        self.part_among(at, self.histogram.unwrap_or(1))
    }

    /// The one of equal parts of the range that a moment in it belongs to.
    pub(super) fn part_among(&self, at: i64, parts: u32) -> usize {
        let whole = (at.checked_sub(self.from)).zip(self.to.checked_sub(self.from));
        let in_64_bits = whole.and_then(|(at, all)| Some((at.checked_mul(parts.into())?, all)));
        if let Some((at, all)) = in_64_bits {
            return (at / all) as usize;
        }
        let parts = i128::from(parts);
        let from = i128::from(self.from);
        ((i128::from(at) - from) * parts / (i128::from(self.to) - from)) as usize
    }

    /// The moments of one of equal parts of the range: from (included) and to (excluded).
    pub(super) fn bounds_of_part(&self, part: usize, parts: u32) -> (i64, i64) {
        let (from, parts) = (i128::from(self.from), i128::from(parts));
        let all = i128::from(self.to) - from;
        let begin = |part: i128| (from + (part * all + parts - 1) / parts) as i64;
        (begin(part as i128), begin(part as i128 + 1))
    }
}

/// Whether a choice of durations has this one.
pub(super) fn has_duration(choice: &Choice<(u64, u64)>, duration: u64) -> bool {
    let is_in = |(from, to): &(u64, u64)| (*from..*to).contains(&duration);
    (choice.any_of.is_empty() || choice.any_of.iter().any(is_in)) && !choice.none_of.iter().any(is_in)
}

/// The field and the value that all rows of a scope have.
pub(super) fn scope_key(scope: Scope) -> (Field, ValueKey) {
    match scope {
        Scope::WithBrands { company, .. } => (Field::Root, ValueKey::root(company)),
        Scope::Brand { client_id, .. } => (Field::Client, ValueKey::client(client_id)),
    }
}

fn clauses(question: &Question) -> Vec<Clause> {
    let conditions = &question.conditions;
    let mut clauses: Vec<Clause> = [
        values(Field::Status, &conditions.status, wish_of_status),
        values(Field::Client, &conditions.client, |id: &ClientId| {
            Wish::Value(ValueKey::client(*id))
        }),
        values(Field::Environment, &conditions.environment, |environment| {
            Wish::Value(ValueKey::environment(Some(*environment)))
        }),
        values(Field::Key, &conditions.key, |key| {
            Wish::Value(ValueKey::key(*key))
        }),
        values(Field::Verdict, &conditions.verdict, |verdict| {
            Wish::Value(ValueKey::verdict(*verdict))
        }),
        values(Field::Recorded, &conditions.recorded, |recorded| {
            Wish::Value(ValueKey::recorded(*recorded))
        }),
        methods(&conditions.method),
    ]
    .into_iter()
    .flatten()
    .collect();
    if !conditions.duration_us.is_everything() {
        clauses.push(Clause::Duration(conditions.duration_us.clone()));
    }
    let errors = Choice {
        any_of: conditions.error.any_of.iter().map(text_of_code).collect(),
        none_of: conditions.error.none_of.iter().map(text_of_code).collect(),
    };
    let texts = [
        (&errors, Column::Error, Dictionary::Errors, How::Equals),
        (
            &conditions.address,
            Column::Address,
            Dictionary::Addresses,
            How::Equals,
        ),
        (
            &conditions.endpoint,
            Column::Path,
            Dictionary::Paths,
            How::Template,
        ),
        (&conditions.path, Column::Path, Dictionary::Paths, How::Contains),
    ];
    for (choice, column, dictionary, how) in texts {
        if !choice.is_everything() {
            clauses.push(Clause::Texts(TextClause {
                field: None,
                column,
                dictionary,
                how,
                choice: choice.clone(),
            }));
        }
    }
    clauses
}

/// As the dictionary has it.
fn text_of_code(code: &Option<ErrorCode>) -> String {
    code.as_ref().map(ErrorCode::to_string).unwrap_or_default()
}

fn values<T>(field: Field, choice: &Choice<T>, wish: impl Fn(&T) -> Wish) -> Option<Clause> {
    (!choice.is_everything()).then(|| {
        Clause::Values(ValueClause {
            field,
            any_of: choice.any_of.iter().map(&wish).collect(),
            none_of: choice.none_of.iter().map(&wish).collect(),
        })
    })
}

fn wish_of_status(filter: &StatusFilter) -> Wish {
    match filter {
        StatusFilter::Exactly(status) => Wish::Value(ValueKey::status(*status)),
        _ => {
            let (from, to) = filter.bounds();
            Wish::Statuses(from, to)
        }
    }
}

/// Long methods share the key of others that begin alike, so they are looked for in the dictionary.
fn methods(choice: &Choice<String>) -> Option<Clause> {
    if choice
        .any_of
        .iter()
        .chain(&choice.none_of)
        .any(|method| ValueKey::method(method).is_shared())
    {
        return Some(Clause::Texts(TextClause {
            field: Some(Field::Method),
            column: Column::Method,
            dictionary: Dictionary::Methods,
            how: How::Equals,
            choice: choice.clone(),
        }));
    }
    values(Field::Method, choice, |method| {
        Wish::Value(ValueKey::method(method))
    })
}

/// Which numbers of a dictionary match a [`TextClause`].
#[derive(Debug)]
pub(super) enum Accepted {
    Nothing,
    Everything,
    /// By number.
    These(Vec<bool>),
}

impl TextClause {
    /// Which of these texts match.
    pub(super) fn accepted(&self, texts: &Texts) -> Accepted {
        let mut accepted = vec![false; texts.len()];
        self.accept(texts, &mut accepted);
        Accepted::of(accepted)
    }

    /// What matches in a segment that does not have the column: all rows have an empty text.
    pub(super) fn accepted_without_column(&self) -> Accepted {
        let has_empty = |texts: &[String]| texts.iter().any(String::is_empty);
        let is_included = self.choice.any_of.is_empty() || has_empty(&self.choice.any_of);
        Accepted::of(vec![is_included && !has_empty(&self.choice.none_of)])
    }

    /// Says for each text whether it matches.
    pub(super) fn accept(&self, texts: &Texts, accepted: &mut [bool]) {
        let Choice { any_of, none_of } = &self.choice;
        let mark: fn(&Texts, &str, bool, &mut [bool]) = match self.how {
            How::Template => return self.accept_templates(texts, accepted),
            How::Contains => mark_containing,
            How::Equals => mark_equal,
        };
        accepted.fill(any_of.is_empty());
        for text in any_of {
            mark(texts, text, true, accepted);
        }
        for text in none_of {
            mark(texts, text, false, accepted);
        }
    }

    fn accept_templates(&self, texts: &Texts, accepted: &mut [bool]) {
        let mut template = String::new();
        let Choice { any_of, none_of } = &self.choice;
        for (number, accepted) in (0_u16..=u16::MAX).zip(accepted) {
            write_path_template(texts.get(number).unwrap_or_default(), &mut template);
            *accepted = (any_of.is_empty() || any_of.contains(&template)) && !none_of.contains(&template);
        }
    }
}

fn mark_containing(texts: &Texts, text: &str, value: bool, accepted: &mut [bool]) {
    if text.is_empty() {
        return accepted.fill(value);
    }
    for number in texts.containing(text, usize::MAX) {
        accepted[usize::from(number)] = value;
    }
}

fn mark_equal(texts: &Texts, text: &str, value: bool, accepted: &mut [bool]) {
    if let Some(number) = texts.number_of(text) {
        accepted[usize::from(number)] = value;
    }
}

impl Accepted {
    /// By number.
    pub(super) fn of(accepted: Vec<bool>) -> Self {
        if accepted.iter().all(|one| *one) {
            Self::Everything
        } else if !accepted.contains(&true) {
            Self::Nothing
        } else {
            Self::These(accepted)
        }
    }
}
