//! The conditions of a filter in words: in chips, menus and sentences.

use model::{AnswerFilter, DateRange, DeliveryStateFilter, DeliveryView};

use crate::pages::logs::words::status_label;

/// A state as the list names it.
pub(super) const fn state_word(state: DeliveryStateFilter) -> &'static str {
    match state {
        DeliveryStateFilter::Waiting => "Waiting",
        DeliveryStateFilter::Failing => "Retrying",
        DeliveryStateFilter::Held => "No API key",
        DeliveryStateFilter::OnHold => "On hold",
        DeliveryStateFilter::Delivered => "Delivered",
        DeliveryStateFilter::Exhausted => "Exhausted",
        DeliveryStateFilter::Skipped => "Skipped",
        DeliveryStateFilter::Cancelled => "Cancelled",
    }
}

/// One condition: its name, its value in words, and the list without it.
#[derive(Debug)]
pub(super) struct Condition {
    pub(super) name: &'static str,
    pub(super) value: Value,
    pub(super) without: DeliveryView,
}

/// Times are shown in the page's zone.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Value {
    Words(String),
    Times {
        from: Option<model::Timestamp>,
        until: Option<model::Timestamp>,
    },
}

/// In the order of [`DeliveryView::looser`].
pub(super) fn conditions(view: &DeliveryView) -> Vec<Condition> {
    let (filter, mut said) = (&view.filter, Vec::new());
    let mut say = |name, value| said.push((name, value));
    for state in &filter.states {
        say("State", Value::Words(state_word(*state).to_owned()));
    }
    if let Some(event_type) = &filter.event_type {
        say("Event", Value::Words(event_type.to_string()));
    }
    match filter.answer {
        Some(AnswerFilter::Status(status)) => say("Response", Value::Words(status_label(status))),
        Some(AnswerFilter::Failure(class)) => say("What failed", Value::Words(class.label().to_owned())),
        None => {}
    }
    if let Some(attempts) = filter.attempts {
        say("Attempts made", Value::Words(attempts.to_string()));
    }
    let (from, until) = (filter.from, filter.until);
    let preset = DateRange::PRESETS
        .iter()
        .find(|(.., range)| Some(*range) == view.range);
    match preset {
        _ if from.is_some() || until.is_some() => say("Time", Value::Times { from, until }),
        Some((_, words, _)) => say("Time", Value::Words((*words).to_owned())),
        None => {}
    }
    if let Some(id) = filter.id {
        say("ID", Value::Words(id.delivery.to_string()));
    }
    if let Some(tests) = filter.tests {
        let words = if tests { "only" } else { "none" };
        say("Test events", Value::Words(words.to_owned()));
    }
    said.into_iter()
        .zip(view.looser())
        .map(|((name, value), without)| Condition { name, value, without })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(query: &str) -> Vec<(&'static str, String, String)> {
        let (view, wrong) = DeliveryView::parse_lenient(query);
        assert!(wrong.is_empty(), "{wrong:?}");
        let text = |value| match value {
            Value::Words(words) => words,
            Value::Times { from, until } => format!("{from:?} {until:?}"),
        };
        conditions(&view)
            .into_iter()
            .map(|one| (one.name, text(one.value), one.without.to_string()))
            .collect()
    }

    #[test]
    fn each_condition_has_its_words_and_the_list_without_it() {
        let all =
            said("state=failing&state=on_hold&event=order-created&status=5xx&attempts=3&range=24h&test=none");
        let words: Vec<(&str, &str)> = all
            .iter()
            .map(|(name, value, _)| (*name, value.as_str()))
            .collect();
        assert_eq!(
            words,
            [
                ("State", "Retrying"),
                ("State", "On hold"),
                ("Event", "order-created"),
                ("Response", "5xx Server error"),
                ("Attempts made", "3"),
                ("Time", "Last 24 hours"),
                ("Test events", "none"),
            ]
        );
        assert_eq!(
            all[2].2,
            "state=failing&state=on_hold&status=5xx&attempts=3&test=none&range=24h"
        );
        assert_eq!(said("failure=timeout_headers")[0].1, "No response in time");
        let time = said("from=2026-01-05T11:00:00Z");
        assert_eq!((time.len(), time[0].0, time[0].2.as_str()), (1, "Time", ""));
        assert!(said("").is_empty());
    }
}
