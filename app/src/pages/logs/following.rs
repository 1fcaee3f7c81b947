//! How the list follows the log. A whole page is loaded when the list is opened; from then on only what is new is asked for,
//! by the `seq` up to which the page knows the log. While the list holds still, only the number of new requests is.

use std::time::Duration;

use leptos::prelude::*;
use model::{DateRange, LogFilter, LogPage, LogView, Timestamp};

use super::listed::{Listed, NewListed};
use super::listing::{Listing, Shown};
use super::older::Older;
use super::pace::Pace;
use crate::api;
use crate::browser::clock;
use crate::browser::html::Markup;
use crate::browser::timers::Timer;
use crate::pages::company::Topic;

/// New requests are asked for once a second at most, however many arrive.
const EVERY: Duration = Duration::from_secs(1);

/// How many rows a second the moving list takes. More cannot be read.
const ROWS_A_SECOND: i64 = 20;

/// When this long no request was put into a list that is a sample, the requests that it lacks are loaded.
const CALM: Duration = Duration::from_secs(5);

/// What is known of the requests that are not on the page yet.
#[derive(Clone, Copy)]
pub(super) struct Following {
    pub(super) waiting: RwSignal<Waiting>,
    pub(super) sample: RwSignal<Option<Sample>>,
    calm: Timer,
    pace: Pace,
    /// The number of the latest question, for new rows or for a whole page. Only its answer counts.
    question: StoredValue<u64>,
    is_asking: StoredValue<bool>,
    /// Something has arrived since that question.
    ask_again: StoredValue<bool>,
    /// When rows were last put into the list.
    moved_at: StoredValue<Option<Timestamp>>,
    /// Rows above this `seq` arrived live.
    fresh_above: StoredValue<i64>,
}

/// The new requests that are counted while the list holds still.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Waiting {
    pub(super) count: u64,
    /// There was no time to count all of them.
    pub(super) and_more: bool,
    /// Those up to this `seq` are counted.
    counted_to: Option<i64>,
}

/// More requests arrive than are put into the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sample {
    /// How many were put into the list
    pub(super) shown: u64,
    /// of this number
    pub(super) new: u64,
    /// since then.
    pub(super) since: Timestamp,
    /// How many were put into the list since one was passed over.
    in_a_row: u64,
}

/// What to ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ask {
    /// Only the number.
    Count,
    /// At most this many rows, for a list that moves.
    Rows(usize),
    /// A page of rows, for a list that held still.
    Page { pressed: bool },
}

impl Following {
    /// `sample` is what a list that was left says of itself.
    pub(super) fn new(sample: Option<Sample>) -> Self {
        Self {
            waiting: RwSignal::new(Waiting::default()),
            sample: RwSignal::new(sample),
            calm: Timer::new(),
            pace: Pace::new(EVERY),
            question: StoredValue::new(0),
            is_asking: StoredValue::new(false),
            ask_again: StoredValue::new(false),
            moved_at: StoredValue::new(None),
            fresh_above: StoredValue::new(i64::MAX),
        }
    }

    /// A whole page is on its way. Of its rows, those above this `seq` arrived live.
    pub(super) fn begin_anew(self, fresh_above: i64) {
        self.begin();
        self.sample.set(None);
        self.waiting.set(Waiting::default());
        self.fresh_above.set_value(fresh_above);
    }

    /// Whether a row that is drawn now arrived live, and was not asked for by the reader.
    #[cfg(feature = "hydrate")]
    pub(super) fn is_fresh(self, seq: i64) -> bool {
        self.fresh_above.with_value(|above| seq > *above)
    }

    /// Begins a question; the answer to the one before no longer counts.
    fn begin(self) -> u64 {
        self.is_asking.set_value(true);
        self.question.update_value(|number| *number += 1);
        self.question.get_value()
    }

    /// How many rows the moving list takes now.
    fn room(self) -> usize {
        let rest = self
            .moved_at
            .get_value()
            .map_or(i64::MAX, |at| clock::now().millis_since(at));
        let rows = rest.saturating_mul(ROWS_A_SECOND) / 1000;
        rows.clamp(ROWS_A_SECOND, LogPage::ROWS as i64) as usize
    }
}

impl Waiting {
    fn add(&mut self, new: &NewListed) {
        self.count += new.count;
        self.and_more |= new.and_more;
        self.counted_to = Some(new.page.as_of);
    }
}

impl Sample {
    /// After new rows were put above those of `before`. It ends when none was passed over for a whole page, unless there are rows
    /// below that page.
    fn after(sample: Option<Self>, before: &Listed, new: &NewListed, has_older: bool) -> Option<Self> {
        let rows = new.page.rows.len() as u64;
        let fills_page = rows >= LogPage::ROWS as u64;
        let passes_over = !fills_page && (new.and_more || new.count > rows);
        let is_whole =
            |sample: Self| !has_older && rows > 0 && sample.in_a_row + rows >= LogPage::ROWS as u64;
        if !passes_over && sample.is_none_or(is_whole) {
            return None;
        }
        let sample = sample.unwrap_or(Self {
            shown: 0,
            new: 0,
            since: before.newest,
            in_a_row: 0,
        });
        Some(Self {
            shown: sample.shown + rows,
            new: sample.new + new.count,
            in_a_row: if passes_over { rows } else { sample.in_a_row + rows },
            ..sample
        })
    }
}

impl Listing {
    /// Looks for new requests when the server says that there are some.
    pub(super) fn follow(self) {
        let changes = self.scope.changes(Topic::Logs);
        Effect::new(move |before: Option<u64>| {
            let now = changes.get();
            if before.is_some_and(|before| before != now) {
                self.catch_up_soon();
            }
            now
        });
        self.hold.on_release(move || {
            let waiting = self.following.waiting.try_get_untracked();
            if waiting.is_some_and(|waiting| waiting.count > 0)
                && !self.holds_still()
                && let Some(shown) = self.on_page()
            {
                self.ask(shown, Ask::Page { pressed: false });
            }
            self.complete_when_calm();
        });
    }

    /// Loads what a sample lacks once nothing moves any more: unless the reader aims at a row; the next release of the list begins
    /// this anew.
    pub(super) fn complete_when_calm(self) {
        let following = self.following;
        let is_sample = move || following.sample.try_with_untracked(Option::is_some) == Some(true);
        if !is_sample() {
            return following.calm.cancel();
        }
        following.calm.after(CALM, move || {
            if is_sample() && !self.holds_still() {
                self.complete();
            }
        });
    }

    /// Loads the newest page in place of a sample. Rows that were added below it may lack some too.
    pub(super) fn complete(self) {
        self.older.set(None);
        self.refetch();
    }

    /// Shows what has arrived, and goes on following.
    pub(super) fn resume(self) {
        self.paused.set(false);
        match self.on_page() {
            Some(shown) => self.ask(shown, Ask::Page { pressed: true }),
            None => self.refetch(),
        }
    }

    /// What was asked for is there, or could not be had.
    pub(super) fn answered(self) {
        self.following.is_asking.set_value(false);
        self.ask_again();
    }

    fn ask_again(self) {
        let following = self.following;
        if following.ask_again.try_update_value(std::mem::take) == Some(true) {
            self.catch_up_soon();
        }
    }

    pub(super) fn catch_up(self) {
        // The page may have been left during the wait.
        let Some(filter) = self.filter.try_get_untracked() else {
            return;
        };
        let following = self.following;
        if !is_open(&filter) || filter.view != LogView::Requests {
            return;
        }
        if following.is_asking.get_value() {
            following.ask_again.set_value(true);
            return;
        }
        match self.on_page() {
            Some(shown) if self.holds_still() => self.ask(shown, Ask::Count),
            // What the page says in place of rows depends on more than new ones.
            Some(shown) if !shown.page.rows.is_empty() => self.ask(shown, Ask::Rows(following.room())),
            _ => self.refetch(),
        }
    }

    /// What the page shows, unless another filter's answer is on its way.
    fn on_page(self) -> Option<Shown> {
        let filter = self.filter.try_get_untracked()?;
        self.hold.kept().filter(|shown| shown.filter == filter)
    }

    fn catch_up_soon(self) {
        self.following.pace.run(move || self.catch_up());
    }

    /// Whether the rows stay where they are, whatever arrives.
    fn holds_still(self) -> bool {
        self.paused.try_get_untracked() != Some(false)
            || self.hold.is_on()
            || !untrack(move || self.can_move())
    }

    /// Asks for what is newer than what is on the page.
    fn ask(self, shown: Shown, ask: Ask) {
        let (following, company) = (self.following, untrack(move || self.scope.client_id()));
        let counted_to = following.waiting.with_untracked(|waiting| waiting.counted_to);
        let (most, after) = match ask {
            Ask::Count => (0, counted_to.unwrap_or(shown.page.as_of)),
            Ask::Rows(most) => (most, shown.page.as_of),
            Ask::Page { .. } => (LogPage::ROWS, shown.page.as_of),
        };
        let (number, asked_at) = (following.begin(), clock::now());
        leptos::task::spawn_local(async move {
            let answer = api::logs::new_requests(company, shown.filter.first_page(), after, most).await;
            let is_wanted = self.filter.try_get_untracked().as_ref() == Some(&shown.filter);
            if !is_wanted || following.question.get_value() != number {
                return;
            }
            following.pace.took(clock::now().millis_since(asked_at));
            following.is_asking.set_value(false);
            match answer {
                Ok(new) => self.take(shown, new, ask),
                // When the server is back, so is its stream, and that asks again.
                Err(error) if error.is_passing() => {}
                Err(_) => self.refetch(),
            }
            self.ask_again();
        });
    }

    fn take(self, shown: Shown, new: NewListed, ask: Ask) {
        let waiting = self.following.waiting;
        if ask != (Ask::Page { pressed: true }) && self.holds_still() {
            waiting.update(|waiting| {
                if ask != Ask::Count {
                    *waiting = Waiting::default();
                }
                waiting.add(&new);
            });
        } else if new.page.as_of < shown.page.as_of {
            // It is another log than before, or the latest rows were removed.
            self.refetch();
        } else if ask == Ask::Count {
            // The list was let go before the number came.
            self.ask(shown, Ask::Page { pressed: false });
        } else {
            self.put(shown, new);
        }
    }

    /// Puts new rows above those on the page.
    fn put(self, before: Shown, new: NewListed) {
        let following = self.following;
        following.waiting.set(Waiting::default());
        following.fresh_above.set_value(before.page.as_of);
        if !new.page.rows.is_empty() {
            following.moved_at.set_value(Some(clock::now()));
        }
        let now = Shown {
            page: joined(&before.page, &new),
            filter: before.filter.clone(),
        };
        self.older.update(|older| Older::follow(older, &before, &now));
        let has_older = self.older.with_untracked(Option::is_some);
        following
            .sample
            .update(|sample| *sample = Sample::after(*sample, &before.page, &new, has_older));
        self.complete_when_calm();
        self.quiet.set(true);
        self.show(now);
    }
}

/// Whether requests can still arrive in the range.
pub(super) const fn is_open(filter: &LogFilter) -> bool {
    !matches!(filter.range, DateRange::Between { to: Some(_), .. })
}

/// The page with what is new.
fn joined(before: &Listed, new: &NewListed) -> Listed {
    let mut page = Listed {
        matching: new
            .page
            .matching
            .or(before.matching.map(|matching| matching + new.count)),
        at_least: before.at_least + new.count,
        older: before.older,
        looked_back: before.looked_back.clone(),
        waits_for_first: false,
        ..new.page.clone()
    };
    if page.rows.is_empty() {
        page.newest = before.newest;
    }
    page.rows.extend_from_slice(&before.rows);
    if page.rows.len() > LogPage::ROWS {
        page.rows.truncate(LogPage::ROWS);
        page.older = page.rows.last().map(|row| row.seq);
        page.looked_back = Markup::default();
    }
    page
}

#[cfg(test)]
mod tests {
    use super::super::older::tests::page;
    use super::*;

    fn new(newest: i64, rows: i64, count: u64) -> NewListed {
        NewListed {
            count,
            and_more: false,
            page: Listed {
                matching: None,
                ..page(newest, rows)
            },
        }
    }

    fn seqs(page: &Listed) -> Vec<i64> {
        page.rows.iter().map(|row| row.seq).collect()
    }

    #[test]
    fn new_rows_come_above_the_others_and_a_page_keeps_its_length() {
        let before = Listed {
            older: None,
            matching: Some(48),
            ..page(100, 48)
        };
        let now = joined(&before, &new(101, 1, 1));
        assert_eq!(seqs(&now)[..2], [101, 100]);
        assert_eq!((now.rows.len(), now.older, now.matching), (49, None, Some(49)));
        let now = joined(&now, &new(120, 3, 3));
        assert_eq!(seqs(&now)[..4], [120, 119, 118, 101]);
        assert_eq!((now.rows.len(), now.matching), (50, Some(52)));
        assert_eq!(now.older, Some(55), "two are below the page now");
    }

    #[test]
    fn the_number_is_the_servers_if_it_counted_and_grows_by_what_is_new_if_not() {
        let before = page(100, 50);
        let counted = NewListed {
            page: Listed {
                matching: Some(7_000),
                ..page(101, 1)
            },
            ..new(101, 1, 1)
        };
        assert_eq!(joined(&before, &counted).matching, Some(7_000));
        let uncounted = Listed {
            matching: None,
            at_least: 10_000,
            ..before
        };
        let now = joined(&uncounted, &new(400, 20, 300));
        assert_eq!((now.matching, now.at_least), (None, 10_300));
    }

    #[test]
    fn a_sample_adds_up_and_ends_with_a_whole_page_of_which_nothing_is_missing() {
        let before = page(100, 50);
        let all = Sample::after(None, &before, &new(120, 20, 20), false);
        assert_eq!(all, None, "nothing was passed over");
        let first = Sample::after(all, &before, &new(400, 20, 300), false);
        let second = Sample::after(first, &page(400, 50), &new(500, 20, 100), false);
        let sample = second.expect("a sample");
        assert_eq!((sample.shown, sample.new, sample.since), (40, 400, before.newest));
        let calm = Sample::after(second, &before, &new(529, 29, 29), false);
        assert_eq!(calm.map(|sample| (sample.shown, sample.new)), Some((69, 429)));
        assert_eq!(
            Sample::after(calm, &before, &new(530, 1, 1), false),
            None,
            "50 in a row"
        );
        assert!(
            Sample::after(calm, &before, &new(530, 1, 1), true).is_some(),
            "rows below the page lack some"
        );
    }

    #[test]
    fn a_whole_page_of_new_rows_is_no_sample() {
        let sample = Sample::after(None, &page(100, 50), &new(400, 20, 300), false);
        let paused = Sample::after(sample, &page(400, 50), &new(402, 2, 2), false);
        assert_eq!(
            paused.map(|sample| (sample.shown, sample.new)),
            Some((22, 302)),
            "as little as two new rows"
        );
        assert_eq!(
            Sample::after(paused, &page(402, 50), &new(900, 50, 498), false),
            None
        );
    }

    #[test]
    fn what_waits_is_added_up() {
        let mut waiting = Waiting::default();
        waiting.add(&new(120, 0, 20));
        waiting.add(&new(3_600, 0, 3_460));
        assert_eq!((waiting.count, waiting.and_more), (3_480, false));
    }
}
