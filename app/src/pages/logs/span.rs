//! The time that a chart covers, in buckets, and the ranges next to it.

use model::{DateRange, Timestamp};
use serde::{Deserialize, Serialize};

/// Equal buckets, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Span {
    /// When the first bucket begins.
    pub(super) from: Timestamp,
    /// Milliseconds of each.
    pub(super) width: i64,
    pub(super) buckets: usize,
    /// When the chart was made. Nothing leads beyond it: a range that would has no end, and follows what arrives.
    pub(super) now: Timestamp,
}

impl Span {
    pub(super) const fn begin_of(self, bucket: usize) -> Timestamp {
        self.from.plus_millis(self.width * bucket as i64)
    }

    /// Whether buckets begin within minutes.
    pub(super) const fn has_seconds(self) -> bool {
        const MINUTE: i64 = 60_000;
        self.width % MINUTE != 0 || self.from.as_millis() % MINUTE != 0
    }

    const fn to(self) -> Timestamp {
        self.begin_of(self.buckets)
    }

    const fn length(self) -> i64 {
        self.width * self.buckets as i64
    }

    /// The range of these buckets, both included.
    pub(super) const fn of(self, first: usize, last: usize) -> DateRange {
        between(self.begin_of(first), self.begin_of(last + 1))
    }

    /// Three times as long, with this one in the middle.
    pub(super) const fn wider(self) -> DateRange {
        let length = self.length();
        self.until(self.from.plus_millis(-length), self.to().plus_millis(length))
    }

    #[cfg(feature = "ssr")]
    pub(super) const fn earlier(self) -> DateRange {
        between(self.from.plus_millis(-self.length()), self.from)
    }

    /// `None` if that has not come yet.
    #[cfg(feature = "ssr")]
    pub(super) fn later(self) -> Option<DateRange> {
        let (from, to) = (self.to(), self.to().plus_millis(self.length()));
        (from < self.now).then(|| self.until(from, to))
    }

    const fn until(self, from: Timestamp, to: Timestamp) -> DateRange {
        if to.as_millis() < self.now.as_millis() {
            return between(from, to);
        }
        DateRange::Between {
            from: Some(from),
            to: None,
        }
    }
}

/// A part of the range as a range of its own.
const fn between(from: Timestamp, to: Timestamp) -> DateRange {
    DateRange::Between {
        from: Some(from),
        to: Some(to),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    #[test]
    fn ranges_beside_a_span_touch_it() {
        let span = Span {
            from: at(1000),
            width: 10_000,
            buckets: 6,
            now: at(2000),
        };
        assert_eq!(span.of(0, 5), between(at(1000), at(1060)));
        assert_eq!(span.of(2, 2), between(at(1020), at(1030)));
        assert_eq!(span.earlier(), between(at(940), at(1000)));
        assert_eq!(span.later(), Some(between(at(1060), at(1120))));
        assert_eq!(span.wider(), between(at(940), at(1120)));
    }

    #[test]
    fn nothing_leads_beyond_the_present() {
        let open = |from| DateRange::Between {
            from: Some(at(from)),
            to: None,
        };
        let until = |now| Span {
            from: at(1000),
            width: 10_000,
            buckets: 6,
            now: at(now),
        };
        assert_eq!(until(1100).later(), Some(open(1060)));
        assert_eq!(until(1100).wider(), open(940));
        assert_eq!(until(1060).later(), None);
        assert_eq!(until(1055).later(), None);
    }
}
