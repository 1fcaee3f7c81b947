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

/// The first names, and how many others there are: "Brand 01, Brand 02" and "and 17 more". What does not fit is cut from the
/// names, never from the number.
pub(super) struct InShort {
    pub(super) names: String,
    /// Empty if all are named.
    pub(super) rest: String,
    /// Every name that is known.
    pub(super) whole: String,
}

/// Names beside which the others are only counted.
const NAMED: usize = 2;

pub(super) fn affected(affected: &Affected) -> InShort {
    let Affected {
        names,
        number,
        is_more,
    } = affected;
    let named = names.len().min(NAMED);
    InShort {
        names: match named {
            0 => "None".to_owned(),
            named => names[..named].join(", "),
        },
        rest: and_more(number.saturating_sub(named as u64), *is_more),
        whole: match names.len() {
            0 => "None".to_owned(),
            all => {
                let rest = and_more(number.saturating_sub(all as u64), *is_more);
                format!("{} {rest}", names.join(", ")).trim_end().to_owned()
            }
        },
    }
}

fn and_more(number: u64, is_more: bool) -> String {
    match (number, is_more) {
        (0, false) => String::new(),
        (0, true) => "and more".to_owned(),
        (number, false) => format!("and {} more", grouped(number)),
        (number, true) => format!("and at least {} more", grouped(number)),
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
    fn two_are_named_and_the_others_counted() {
        let of = |names: &[&str], number, is_more| {
            let short = affected(&Affected {
                names: names.iter().map(|name| (*name).to_owned()).collect(),
                number,
                is_more,
            });
            [short.names, short.rest, short.whole]
        };
        assert_eq!(of(&[], 0, false), ["None", "", "None"]);
        assert_eq!(of(&["…ab6d"], 1, false), ["…ab6d", "", "…ab6d"]);
        assert_eq!(of(&["a", "b"], 2, false), ["a, b", "", "a, b"]);
        assert_eq!(of(&["a", "b", "c"], 3, false), ["a, b", "and 1 more", "a, b, c"]);
        assert_eq!(
            of(&["a", "b", "c"], 50, true),
            ["a, b", "and at least 48 more", "a, b, c and at least 47 more"]
        );
    }
}
