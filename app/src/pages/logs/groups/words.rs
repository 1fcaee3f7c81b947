//! Groups in words.

use model::{Affected, Beyond, EndpointOrder, ErrorReason, LogFilter};

use crate::pages::logs::words::{requests, within};
use crate::ui::grouped;

/// "3 kinds of errors in the last 24 hours".
pub(super) fn counted(listed: usize, beyond: Beyond, [one, many]: [&str; 2], filter: &LogFilter) -> String {
    let all = listed as u64 + beyond.groups;
    let more = if beyond.requests > 0 { "+" } else { "" };
    let words = if all == 1 && more.is_empty() { one } else { many };
    format!("{}{more} {words} {}", grouped(all), within(filter.range))
}

/// What is not in the table; empty if nothing is missing.
pub(super) fn left_out(beyond: Beyond, order: EndpointOrder) -> String {
    let mut words = String::new();
    if beyond.groups > 0 {
        let which = if order == EndpointOrder::Requests {
            "with fewer requests"
        } else {
            "that follow"
        };
        words = format!("{} more {which} are not listed. ", grouped(beyond.groups));
    }
    if beyond.requests > 0 {
        let are = if beyond.requests == 1 { "is" } else { "are" };
        let counted = requests(beyond.requests);
        words += &format!(
            "{counted} {are} in further groups, too many to tell apart. Narrow the filter to see them."
        );
    }
    words
}

/// The code, or what happened.
pub(super) fn reason(reason: &ErrorReason) -> &str {
    match reason {
        ErrorReason::Code(code) => code.as_str(),
        ErrorReason::Refused(verdict) => verdict.label(),
        ErrorReason::Unknown => "No code",
    }
}

/// "…ab6d, …00ff and 2 more".
pub(super) fn affected(affected: &Affected) -> String {
    let named = affected.names.join(", ");
    let rest = affected.number.saturating_sub(affected.names.len() as u64);
    let at_least = if affected.is_more { "at least " } else { "" };
    match rest {
        0 if named.is_empty() => "None".to_owned(),
        0 => named,
        rest => format!("{named} and {at_least}{} more", grouped(rest)),
    }
}

/// "2.4 %", "<0.1 %".
pub(super) fn share(part: u64, all: u64) -> String {
    // A thousand times a number of requests fits.
    match (part, (part * 1000 + all / 2) / all.max(1)) {
        (0, _) => "0 %".to_owned(),
        (_, 0) => "<0.1 %".to_owned(),
        (_, tenths) if tenths.is_multiple_of(10) => format!("{} %", tenths / 10),
        (_, tenths) => format!("{}.{} %", tenths / 10, tenths % 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_have_one_figure_after_the_point_and_few_are_not_none() {
        for (part, all, text) in [
            (0, 10, "0 %"),
            (1, 100_000, "<0.1 %"),
            (1, 3, "33.3 %"),
            (1, 2, "50 %"),
            (7, 7, "100 %"),
        ] {
            assert_eq!(share(part, all), text);
        }
    }

    #[test]
    fn what_is_left_out_is_said() {
        assert_eq!(left_out(Beyond::default(), EndpointOrder::Requests), "");
        let beyond = Beyond {
            groups: 1200,
            requests: 1,
        };
        assert_eq!(
            left_out(beyond, EndpointOrder::Requests),
            "1,200 more with fewer requests are not listed. 1 request is in further groups, too many to tell \
             apart. Narrow the filter to see them."
        );
    }

    #[test]
    fn a_few_are_named_and_the_others_counted() {
        let of = |names: &[&str], number, is_more| {
            affected(&Affected {
                names: names.iter().map(|name| (*name).to_owned()).collect(),
                number,
                is_more,
            })
        };
        assert_eq!(of(&[], 0, false), "None");
        assert_eq!(of(&["…ab6d"], 1, false), "…ab6d");
        assert_eq!(of(&["a", "b", "c"], 5, false), "a, b, c and 2 more");
        assert_eq!(of(&["a", "b", "c"], 50, true), "a, b, c and at least 47 more");
    }
}
