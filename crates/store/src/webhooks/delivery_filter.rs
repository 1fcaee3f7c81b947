//! A [`DeliveryFilter`] as a condition in SQL: for the list of deliveries, for counts and for recoveries.
//! [`DeliveryFilter::matches`] says the same of one row.

use std::fmt::Write;

use model::{AnswerFilter, DeliveryFilter, DeliveryStateFilter, IdFilter, StatusFilter};

use super::Statement;

/// What a filter demands of a row of `deliveries` as `d`.
pub(super) struct Conditions {
    /// ` AND …` for each condition. Empty for a filter that leaves nothing out.
    sql: String,
    /// The values of its placeholders, in their order.
    values: Vec<Value>,
    first: usize,
}

enum Value {
    Text(String),
    Int(i64),
}

/// The filter's conditions. Their placeholders begin with `$first`, and no other statement part may have these.
pub(super) fn conditions(filter: &DeliveryFilter, first: usize) -> Conditions {
    let mut conditions = Conditions {
        sql: String::new(),
        values: Vec::new(),
        first,
    };
    if !filter.states.is_empty() {
        let any: Vec<&str> = filter.states.iter().map(|one| is_in(*one)).collect();
        conditions.demand(&format!("({})", any.join(" OR ")));
    }
    if let Some(event_type) = &filter.event_type {
        let value = conditions.text(event_type.to_string());
        conditions.demand(&format!(
            "EXISTS (SELECT 1 FROM events f WHERE f.id = d.event_id AND f.event_type = {value})"
        ));
    }
    match filter.answer {
        None => {}
        Some(AnswerFilter::Status(status)) => conditions.last_status(status),
        Some(AnswerFilter::Failure(class)) => {
            let value = conditions.text(class.as_str().to_owned());
            conditions.demand(&format!("d.last_failure = {value}"));
        }
    }
    if let Some(attempts) = filter.attempts {
        let value = conditions.int(i64::from(attempts));
        conditions.demand(&format!("d.attempts = {value}"));
    }
    if let Some(from) = filter.from {
        let value = conditions.int(from.as_millis());
        conditions.demand(&format!("d.created_at >= {value}"));
    }
    if let Some(until) = filter.until {
        let value = conditions.int(until.as_millis());
        conditions.demand(&format!("d.created_at < {value}"));
    }
    if let Some(IdFilter { delivery, event }) = filter.id {
        // Found by their own indexes, however many deliveries the webhook has.
        let (delivery, event) = (
            conditions.text(delivery.to_string()),
            conditions.text(event.to_string()),
        );
        conditions.demand(&format!(
            "d.id IN (SELECT f.id FROM deliveries f WHERE f.id = {delivery} \
             UNION ALL SELECT f.id FROM deliveries f WHERE f.event_id = {event})"
        ));
    }
    if let Some(tests) = filter.tests {
        let value = conditions.int(i64::from(tests));
        conditions.demand(&format!("d.test = {value}"));
    }
    conditions
}

/// As [`DeliveryStateFilter::of`] names a delivery.
const fn is_in(state: DeliveryStateFilter) -> &'static str {
    use DeliveryStateFilter as S;
    match state {
        S::Waiting => "(d.state = 'pending' AND d.brake IS NULL AND d.attempts = 0)",
        S::Failing => "(d.state = 'pending' AND d.brake IS NULL AND d.attempts > 0)",
        S::Held => "(d.state = 'held' AND d.brake IS NULL)",
        S::OnHold => "d.brake = 'hold'",
        S::Delivered => "d.state = 'delivered'",
        S::Exhausted => "d.state = 'exhausted'",
        S::Skipped => "(d.state = 'skipped' AND d.brake IS NULL)",
        S::Cancelled => "d.brake = 'cancelled'",
    }
}

impl Conditions {
    pub(super) fn sql(&self) -> &str {
        &self.sql
    }

    /// How the placeholder after the last of these is written.
    pub(super) fn next(&self) -> String {
        format!("${}", self.first + self.values.len())
    }

    /// Binds the values. Those of the placeholders before `$first` have been bound.
    pub(super) fn bind<'q>(self, mut query: Statement<'q>) -> Statement<'q> {
        for value in self.values {
            query = match value {
                Value::Text(text) => query.bind(text),
                Value::Int(number) => query.bind(number),
            };
        }
        query
    }

    /// Also demands this.
    pub(super) fn demand(&mut self, condition: &str) {
        // Writing to a string cannot fail.
        let _ = write!(self.sql, " AND {condition}");
    }

    /// The placeholder of another value.
    pub(super) fn text(&mut self, text: String) -> String {
        self.value(Value::Text(text))
    }

    /// The placeholder of another value.
    pub(super) fn int(&mut self, number: i64) -> String {
        self.value(Value::Int(number))
    }

    fn value(&mut self, value: Value) -> String {
        let placeholder = self.next();
        self.values.push(value);
        placeholder
    }

    fn last_status(&mut self, status: StatusFilter) {
        let (least, below) = status.bounds();
        let (least, below) = (self.int(i64::from(least)), self.int(i64::from(below)));
        self.demand(&format!("d.last_status >= {least} AND d.last_status < {below}"));
    }
}
