//! Into which buckets a histogram divides a range, and the questions that fill them.

use model::{LogHistogram, Timestamp};

use crate::{Conditions, Found, LookedBack, Question};

/// How many buckets there are at most. Widths are chosen so that there are seldom less than 60.
const MOST_BUCKETS: i64 = 100;

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Widths that people count in, in milliseconds.
const WIDTHS: [i64; 34] = [
    10,
    20,
    50,
    100,
    200,
    500,
    SECOND,
    2 * SECOND,
    5 * SECOND,
    10 * SECOND,
    15 * SECOND,
    30 * SECOND,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    4 * HOUR,
    6 * HOUR,
    8 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
    5 * DAY,
    10 * DAY,
    20 * DAY,
    50 * DAY,
    100 * DAY,
    200 * DAY,
    500 * DAY,
];

/// Equal buckets whose edges are at multiples of their width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Buckets {
    from: i64,
    to: i64,
    width: i64,
}

impl Buckets {
    /// `from` is before `to`.
    pub(crate) fn over(from: Timestamp, to: Timestamp) -> Self {
        let (from, to) = (from.as_millis(), to.as_millis());
        let fits = |width: &i64| count(from, to, *width) <= MOST_BUCKETS;
        let widest = WIDTHS[WIDTHS.len() - 1];
        let width = WIDTHS.into_iter().find(fits).unwrap_or_else(|| {
            let mut width = widest;
            while !fits(&width) {
                width *= 2;
            }
            width
        });
        Self { from, to, width }
    }

    fn first(self) -> i64 {
        self.from.div_euclid(self.width)
    }

    /// The questions whose histograms, one after the other, are the buckets: one bucket each for the edges that the range
    /// cuts off, and one for all whole buckets between them.
    pub(crate) fn questions(self, ask: impl Fn(Timestamp, Timestamp, u32) -> Question) -> Vec<Question> {
        let first_edge = -(-self.from).div_euclid(self.width) * self.width;
        let last_edge = self.to.div_euclid(self.width) * self.width;
        if first_edge > last_edge {
            return vec![self.question(&ask, self.from, self.to, 1)];
        }
        let whole = (last_edge - first_edge) / self.width;
        [
            (self.from, first_edge, 1),
            (first_edge, last_edge, whole),
            (last_edge, self.to, 1),
        ]
        .into_iter()
        .filter(|(from, to, _)| from < to)
        .map(|(from, to, parts)| self.question(&ask, from, to, parts))
        .collect()
    }

    fn question(
        self,
        ask: impl Fn(Timestamp, Timestamp, u32) -> Question,
        from: i64,
        to: i64,
        parts: i64,
    ) -> Question {
        ask(
            Timestamp::from_millis(from),
            Timestamp::from_millis(to),
            // There are 100 at most.
            parts as u32,
        )
    }

    /// The histogram of the answers to [`Self::questions`].
    pub(crate) fn histogram(self, answers: Vec<Found>, now: Timestamp) -> LogHistogram {
        let looked_back_to = (answers.iter())
            .filter_map(|found| found.looked_back_to)
            .map(|LookedBack { at, .. }| at)
            .max();
        LogHistogram {
            from: Timestamp::from_millis(self.first() * self.width),
            width: self.width,
            buckets: answers.into_iter().flat_map(|found| found.histogram).collect(),
            looked_back_to,
            now,
        }
    }
}

const fn count(from: i64, to: i64, width: i64) -> i64 {
    (to - 1).div_euclid(width) - from.div_euclid(width) + 1
}

/// How many parts a look for the beginning has.
const PARTS: u32 = 1000;

/// The question that finds where rows begin: its histogram's first part that is not empty has the oldest row.
pub(crate) fn beginning(question: Question) -> Question {
    Question {
        conditions: Conditions::default(),
        histogram: Some(PARTS),
        ..question
    }
}

/// When the first part with a row begins and ends. `None` if there is no row, or not everything was looked at.
pub(crate) fn first_part(from: Timestamp, to: Timestamp, found: &Found) -> Option<(Timestamp, Timestamp)> {
    if found.looked_back_to.is_some() {
        return None;
    }
    let part = found
        .histogram
        .iter()
        .position(|part| part.iter().any(|rows| *rows > 0))?;
    let (from, to) = (i128::from(from.as_millis()), i128::from(to.as_millis()));
    let parts = i128::from(PARTS);
    // The reader puts a moment into the part of `(at - from) * parts / (to - from)`.
    let edge = |part: i128| from + (part * (to - from) + parts - 1).div_euclid(parts);
    let bounds = (edge(part as i128), edge(part as i128 + 1));
    Some((
        Timestamp::from_millis(bounds.0 as i64),
        Timestamp::from_millis(bounds.1 as i64),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_767_614_430_123;

    fn over(length: i64) -> (Buckets, i64) {
        let buckets = Buckets::over(
            Timestamp::from_millis(NOW - length),
            Timestamp::from_millis(NOW + SECOND),
        );
        (buckets, count(buckets.from, buckets.to, buckets.width))
    }

    #[test]
    fn presets_have_sixty_to_a_hundred_buckets_of_round_widths() {
        for (length, width) in [
            (HOUR, MINUTE),
            (DAY, 15 * MINUTE),
            (7 * DAY, 2 * HOUR),
            (30 * DAY, 8 * HOUR),
        ] {
            let (buckets, count) = over(length);
            assert_eq!(buckets.width, width);
            assert!((60..=100).contains(&count), "{count}");
        }
    }

    /// What a reader would find in these rows.
    fn answer(rows: &[i64], question: &Question) -> Found {
        let (from, to) = (question.from.as_millis(), question.to.as_millis());
        let parts = i64::from(question.histogram.expect("a histogram"));
        let mut histogram = vec![[0; 6]; parts as usize];
        for at in rows.iter().filter(|at| (from..to).contains(*at)) {
            histogram[((at - from) * parts / (to - from)) as usize][2] += 1;
        }
        Found {
            histogram,
            ..Found::default()
        }
    }

    fn ask(from: Timestamp, to: Timestamp, parts: u32) -> Question {
        Question {
            from,
            to,
            conditions: Conditions::default(),
            before: None,
            as_of: None,
            after: None,
            rows: 0,
            count: false,
            histogram: Some(parts),
            callers: false,
            facets: false,
            groups: None,
            budget: std::time::Duration::from_secs(1),
        }
    }

    #[test]
    fn each_row_of_the_range_is_in_the_bucket_of_its_time_and_no_other_row_is_counted() {
        for length in [1, 2, 59, 999, 3_601, HOUR, DAY - 1, 7 * DAY, 400 * DAY] {
            let (buckets, count) = over(length);
            let edges = (0..=count).map(|edge| (buckets.first() + edge) * buckets.width);
            let rows: Vec<i64> = edges
                .flat_map(|edge| [edge - 1, edge, edge + 1])
                .chain([buckets.from - 1, buckets.from, buckets.to - 1, buckets.to])
                .collect();
            let questions = buckets.questions(ask);
            let answers = questions.iter().map(|question| answer(&rows, question));
            let histogram = buckets.histogram(answers.collect(), Timestamp::from_millis(NOW));
            let mut expected = vec![[0; 6]; count as usize];
            for at in rows.iter().filter(|at| (buckets.from..buckets.to).contains(*at)) {
                expected[(at.div_euclid(buckets.width) - buckets.first()) as usize][2] += 1;
            }
            assert_eq!(histogram.buckets, expected, "{length}");
        }
    }

    #[test]
    fn the_beginning_is_found_in_the_part_that_has_the_first_row() {
        let (from, to) = (Timestamp::default(), Timestamp::from_millis(NOW));
        for row in [0, 1, NOW / 2, NOW - 86_400_000, NOW - 1] {
            let question = beginning(ask(from, to, 1));
            let found = answer(&[row, NOW - 1], &question);
            let (begin, end) = first_part(from, to, &found).expect("a part");
            assert!((begin.as_millis()..end.as_millis()).contains(&row), "{row}");
            assert!(end.millis_since(begin) <= NOW / 1000 + 1);
        }
        assert_eq!(first_part(from, to, &answer(&[], &ask(from, to, 10))), None);
    }

    #[test]
    fn any_range_has_a_hundred_buckets_at_most() {
        let mut length = 1;
        while length < 1_000_000 * DAY {
            let (buckets, count) = over(length);
            assert!((1..=100).contains(&count), "{length}: {count} of {buckets:?}");
            length = length * 5 / 4 + 1;
        }
    }
}
