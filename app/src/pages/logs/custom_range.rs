//! The two bounds of a custom range, as the platform's own inputs write them: in UTC, to the minute.

use model::{DateRange, Timestamp};

/// `2026-11-02T14:30`, the value of an input.
pub(super) fn input_text(at: Option<Timestamp>) -> String {
    at.map(|at| at.to_rfc3339().chars().take("2026-11-02T14:30".len()).collect())
        .unwrap_or_default()
}

/// Both bounds as input values; empty for a preset.
pub(super) fn bounds_text(range: DateRange) -> (String, String) {
    match range {
        DateRange::Between { from, to } => (input_text(from), input_text(to)),
        _ => (String::new(), String::new()),
    }
}

/// The range two inputs mean; none while both are empty.
pub(super) fn range_of(from: &str, to: &str) -> Option<DateRange> {
    let (from, to) = (from.parse().ok(), to.parse().ok());
    (from.is_some() || to.is_some()).then_some(DateRange::Between { from, to })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_survives_its_inputs_to_the_minute() {
        let at = Timestamp::from_millis(1_767_614_400_000);
        let range = DateRange::Between {
            from: Some(at),
            to: None,
        };
        assert_eq!(bounds_text(range), ("2026-01-05T12:00".to_owned(), String::new()));
        assert_eq!(range_of("2026-01-05T12:00", ""), Some(range));
    }

    #[test]
    fn empty_inputs_are_no_range() {
        assert_eq!(range_of("", ""), None);
        assert_eq!(bounds_text(DateRange::LastHour), (String::new(), String::new()));
    }
}
