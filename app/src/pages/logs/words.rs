//! Counts and ranges in words.

use model::DateRange;

pub(in crate::pages) use crate::ui::grouped;

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
