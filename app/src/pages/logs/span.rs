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
}

impl Span {
    pub(super) const fn begin_of(self, bucket: usize) -> Timestamp {
        self.from.plus_millis(self.width * bucket as i64)
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
        between(self.from.plus_millis(-length), self.to().plus_millis(length))
    }

    #[cfg(feature = "ssr")]
    pub(super) const fn earlier(self) -> DateRange {
        between(self.from.plus_millis(-self.length()), self.from)
    }

    #[cfg(feature = "ssr")]
    pub(super) const fn later(self) -> DateRange {
        between(self.to(), self.to().plus_millis(self.length()))
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
        };
        assert_eq!(span.of(0, 5), between(at(1000), at(1060)));
        assert_eq!(span.of(2, 2), between(at(1020), at(1030)));
        assert_eq!(span.earlier(), between(at(940), at(1000)));
        assert_eq!(span.later(), between(at(1060), at(1120)));
        assert_eq!(span.wider(), between(at(940), at(1120)));
    }
}
