//! The rows below the first page: *Show older requests* adds a page of them at a time, so that thousands can be scrolled
//! through. They stay below what arrives live.

use super::listed::{Listed, ListedRow};
use super::listing::Shown;
use crate::browser::html::Markup;

/// With this many rows on the page, the next older ones get a page of their own, and rows that arrive push out the last.
const MOST_ROWS: usize = 5_000;

/// What was added below the first page.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Older {
    /// By descending `seq`.
    rows: Vec<ListedRow>,
    /// The cursor of the next page.
    pub(super) next: Option<i64>,
    /// How far back the search for the last page looked, if it ran out of time.
    pub(super) looked_back: Markup,
}

impl Older {
    /// The page at this cursor is on its way.
    pub(super) fn begin(older: &mut Option<Self>, cursor: i64) {
        older.get_or_insert_with(|| Self {
            rows: Vec::new(),
            next: Some(cursor),
            looked_back: Markup::default(),
        });
    }

    /// Adds a page below `older`, unless there is a gap by now.
    pub(super) fn add(older: &mut Option<Self>, page: Listed) {
        if let Some(older) = older {
            older.rows.extend(page.rows);
            older.next = page.older;
            older.looked_back = page.looked_back;
        }
    }

    pub(super) const fn has_room(&self) -> bool {
        self.rows.len() < MOST_ROWS
    }

    /// Those that belong below the first page. While a new first page is on its way, some may be on both.
    pub(super) fn below(&self, first_page: &[ListedRow]) -> impl Iterator<Item = &ListedRow> {
        let last = first_page.last().map(|row| row.seq);
        let is_below = move |row: &&ListedRow| last.is_none_or(|last| row.seq < last);
        self.rows.iter().filter(is_below)
    }

    /// The first page is about to be replaced by a newer one. Rows that it no longer has are kept here; if more have arrived
    /// than fit on a page, there would be a gap, and nothing below it is kept.
    pub(super) fn follow(older: &mut Option<Self>, before: &Shown, now: &Shown) {
        let Some(mut joined) = older.take().filter(|_| before.filter == now.filter) else {
            return;
        };
        let (before, now) = (&before.page.rows, &now.page.rows);
        let (Some(newest_before), Some(last)) = (before.first(), now.last()) else {
            return;
        };
        if newest_before.seq < last.seq {
            return;
        }
        let fallen = before.iter().filter(|row| row.seq < last.seq).cloned();
        joined.rows.splice(0..0, fallen);
        if joined.rows.len() > MOST_ROWS {
            joined.rows.truncate(MOST_ROWS);
            joined.next = joined.rows.last().map(|row| row.seq);
            joined.looked_back = Markup::default();
        }
        *older = Some(joined);
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use model::{LogFilter, RequestId, Timestamp};

    fn row(seq: i64) -> ListedRow {
        ListedRow {
            seq,
            request: RequestId::from_random([1; 16]),
            html: Markup::default(),
        }
    }

    pub(in super::super) fn page(newest: i64, count: i64) -> Listed {
        Listed {
            rows: (0..count).map(|at| row(newest - at)).collect(),
            older: Some(newest - count + 1),
            newest: Timestamp::from_millis(newest),
            ..Listed::default()
        }
    }

    fn add(older: &mut Option<Older>, page: Listed) {
        Older::begin(older, page.rows[0].seq + 1);
        Older::add(older, page);
    }

    fn shown(newest: i64) -> Shown {
        Shown {
            filter: LogFilter::default(),
            page: page(newest, 3),
        }
    }

    fn all(older: Option<&Older>, first: &Shown) -> Vec<i64> {
        let rows = first.page.rows.iter();
        let below = older.into_iter().flat_map(|older| older.below(&first.page.rows));
        rows.chain(below).map(|row| row.seq).collect()
    }

    #[test]
    fn rows_that_leave_the_first_page_stay_above_the_older_ones() {
        let mut older = None;
        add(&mut older, page(7, 3));
        assert_eq!(all(older.as_ref(), &shown(10)), [10, 9, 8, 7, 6, 5]);
        Older::follow(&mut older, &shown(10), &shown(12));
        assert_eq!(
            all(older.as_ref(), &shown(10)),
            [10, 9, 8, 7, 6, 5],
            "until it is replaced"
        );
        assert_eq!(all(older.as_ref(), &shown(12)), [12, 11, 10, 9, 8, 7, 6, 5]);
        assert_eq!(older.and_then(|older| older.next), Some(5));
    }

    #[test]
    fn rows_that_arrive_push_out_the_last_of_very_many() {
        let mut older = None;
        add(&mut older, page(10_000, MOST_ROWS as i64));
        Older::follow(&mut older, &shown(10_003), &shown(10_005));
        let rows = all(older.as_ref(), &shown(10_005));
        assert_eq!(rows.len(), MOST_ROWS + 3);
        assert_eq!(older.and_then(|older| older.next), rows.last().copied());
    }

    #[test]
    fn rows_that_leave_the_first_page_while_older_ones_are_on_their_way_are_kept() {
        let mut older = None;
        Older::begin(&mut older, 8);
        Older::follow(&mut older, &shown(10), &shown(12));
        Older::add(&mut older, page(7, 3));
        assert_eq!(all(older.as_ref(), &shown(12)), [12, 11, 10, 9, 8, 7, 6, 5]);
        Older::begin(&mut older, 5);
        Older::follow(&mut older, &shown(12), &shown(20));
        Older::add(&mut older, page(4, 3));
        assert_eq!(older, None, "there is a gap");
    }

    #[test]
    fn nothing_is_kept_below_a_gap_or_of_another_filter() {
        let mut older = None;
        add(&mut older, page(7, 3));
        Older::follow(&mut older, &shown(10), &shown(14));
        assert_eq!(older, None);
        add(&mut older, page(7, 3));
        let other = Shown {
            filter: "status=4xx".parse().expect("a filter"),
            ..shown(10)
        };
        Older::follow(&mut older, &shown(10), &other);
        assert_eq!(older, None);
    }

    #[test]
    fn without_older_rows_the_first_page_keeps_its_length() {
        let mut older = None;
        Older::follow(&mut older, &shown(10), &shown(11));
        assert_eq!(older, None);
    }
}
