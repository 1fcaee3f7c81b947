//! Counts and ranges in words.

use model::{DateRange, StatusFilter};
#[cfg(feature = "ssr")]
use model::{DurationFilter, FilterField, Recorded};

pub(in crate::pages) use crate::ui::grouped;
use crate::ui::status_word;

/// "1 request", "214 requests".
pub(super) fn requests(count: u64) -> String {
    match count {
        1 => "1 request".to_owned(),
        count => format!("{} requests", grouped(count)),
    }
}

/// "in the last 24 hours".
pub(super) const fn within(range: DateRange) -> &'static str {
    match range {
        DateRange::LastHour => "in the last hour",
        DateRange::Last24Hours => "in the last 24 hours",
        DateRange::Last7Days => "in the last 7 days",
        DateRange::Last30Days => "in the last 30 days",
        DateRange::Between { .. } => "in this date range",
    }
}

/// "4xx Client error", "404 Not found".
pub(in crate::pages) fn status_label(status: StatusFilter) -> String {
    let word = match status {
        StatusFilter::Exactly(status) => status_word(Some(status)),
        StatusFilter::Unknown => return status_word(None).to_owned(),
        StatusFilter::AtLeast(_) | StatusFilter::AtMost(_) | StatusFilter::Between(..) => {
            return status.to_string();
        }
        StatusFilter::Class(1) => "Informational",
        StatusFilter::Class(2) => "Success",
        StatusFilter::Class(3) => "Redirect",
        StatusFilter::Class(4) => "Client error",
        StatusFilter::Class(_) => "Server error",
    };
    format!("{status} {word}")
}

/// "under 16 ms", "16 to 64 ms", "4,096 ms or longer", each of which can follow "not"; "14.9 ms or longer"; as the search line has it where a bound is
/// more exact than that.
#[cfg(feature = "ssr")]
pub(super) fn duration_label(duration: DurationFilter) -> String {
    let milliseconds = |bound: u64| match bound % 1000 {
        0 => Some(grouped(bound / 1000)),
        rest if rest.is_multiple_of(100) => Some(format!("{}.{}", grouped(bound / 1000), rest / 100)),
        _ => None,
    };
    let words = match duration.bounds() {
        (0, to) => milliseconds(to).map(|to| format!("under {to} ms")),
        (from, u64::MAX) => match (milliseconds(from), milliseconds(from - 1)) {
            (Some(from), _) => Some(format!("{from} ms or longer")),
            (None, longer) => longer.map(|than| format!("longer than {than} ms")),
        },
        (from, to) => milliseconds(from)
            .zip(milliseconds(to))
            .map(|(from, to)| format!("{from} to {to} ms")),
    };
    words.unwrap_or_else(|| duration.to_string())
}

/// What recorded a request, where there is room for a few words.
#[cfg(feature = "ssr")]
pub(super) const fn recorded_label(recorded: Recorded) -> &'static str {
    match recorded {
        Recorded::Gateway => "The gateway",
        Recorded::Verify => "Verify, for a proxy",
        Recorded::PublicApi => "The public API",
        Recorded::Sent => "Sent to the log by a program",
    }
}

/// The rest of a sentence has no capital. A name with which it may begin, such as `X-Access-Secret`, keeps its own.
pub(super) fn uncapitalised(sentence: &str) -> String {
    let first = sentence.split(' ').next().unwrap_or_default();
    let is_plain = first != "Gatehouse"
        && first
            .bytes()
            .skip(1)
            .all(|byte| byte.is_ascii_lowercase() || byte == b',');
    if is_plain {
        let (head, tail) = sentence.split_at(first.len().min(1));
        format!("{}{tail}", head.to_ascii_lowercase())
    } else {
        sentence.to_owned()
    }
}

/// A field of the filter, as its menu, its chips and its values are headed.
#[cfg(feature = "ssr")]
pub(super) const fn name_of(field: FilterField) -> &'static str {
    match field {
        FilterField::Status => "Status",
        FilterField::Brand => "Brand",
        FilterField::Environment => "Environment",
        FilterField::Key => "Key",
        FilterField::Method => "Method",
        FilterField::Verdict => "What happened",
        FilterField::Error => "Error code",
        FilterField::Recorded => "Recorded by",
        FilterField::Path => "Path contains",
        FilterField::Endpoint => "Endpoint",
        FilterField::Address => "Address",
        FilterField::Duration => "Duration",
        FilterField::Request => "Request ID",
    }
}

/// "840 B", "16 KiB", "2.1 MiB".
pub(super) fn bytes(count: u64) -> String {
    const KIB: u64 = 1024;
    const MIB: u64 = KIB * 1024;
    match count {
        0..KIB => format!("{count} B"),
        KIB..MIB => in_unit(count, KIB, "KiB"),
        _ => in_unit(count, MIB, "MiB"),
    }
}

/// One figure after the point, none where it would be zero.
fn in_unit(count: u64, unit: u64, name: &str) -> String {
    // In u128, in which no size overflows.
    let (count, unit) = (u128::from(count), u128::from(unit));
    let tenths = (count * 10 + unit / 2) / unit;
    if tenths.is_multiple_of(10) {
        format!("{} {name}", tenths / 10)
    } else {
        format!("{}.{} {name}", tenths / 10, tenths % 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_request_is_singular_and_an_uncounted_number_says_so() {
        assert_eq!(requests(1), "1 request");
        assert_eq!(requests(214), "214 requests");
    }

    #[cfg(feature = "ssr")]
    #[test]
    fn durations_are_in_milliseconds() {
        for (text, words) in [
            ("<16ms", "under 16 ms"),
            ("16ms..64ms", "16 to 64 ms"),
            (">=4096ms", "4,096 ms or longer"),
            (">=14900us", "14.9 ms or longer"),
            (">500ms", "longer than 500 ms"),
            ("<500us", "under 0.5 ms"),
            ("<450us", "<450us"),
        ] {
            assert_eq!(duration_label(text.parse().expect("a duration")), words);
        }
    }

    #[test]
    fn sizes_have_one_figure_after_the_point() {
        for (count, text) in [
            (0, "0 B"),
            (840, "840 B"),
            (16_384, "16 KiB"),
            (1_536, "1.5 KiB"),
            (2_202_010, "2.1 MiB"),
        ] {
            assert_eq!(bytes(count), text);
        }
    }
}
