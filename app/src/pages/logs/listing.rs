//! What the list shows and how it is updated: the filter in the address, the server's rows for it, and whether the reader
//! wants to see new rows live.

use std::time::Duration;

use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_location, use_navigate, use_query_map};
use model::{ClientId, InvalidFilter, LogFilter, LogView, RequestId, search_line};
use serde::{Deserialize, Serialize};

use super::address;
use super::following::{self, Following, Sample};
use super::hold::Hold;
use super::listed::{Listed, ListedRow};
use super::more::has_more;
use super::older::Older;
use super::opened;
use crate::browser::html::Markup;
use crate::browser::timers::{SETTLE, Timer};
use crate::pages::company::CompanyScope;
use crate::pages::loaded::Outcome;
use crate::{AppError, api};

/// How long the rows of the filter before stay as they are while the next ones are on their way.
const LATE: Duration = Duration::from_millis(120);

/// The parameter of an address that opens *More filters* without scripts.
const MORE: &str = "more";

/// The state of the Logs tab. Everything on it reads this.
#[derive(Clone, Copy)]
pub(crate) struct Listing {
    pub(super) scope: CompanyScope,
    /// What the address says.
    pub(super) filter: Memo<LogFilter>,
    /// The parts of it that are not valid filters.
    pub(super) ignored: Memo<Vec<InvalidFilter>>,
    pub(super) paused: RwSignal<bool>,
    /// What keeps the rows where they are while the reader aims at one.
    pub(super) hold: Hold,
    pub(super) following: Following,
    /// The rows on the page arrived live: nothing to announce, nothing to dim.
    pub(super) quiet: RwSignal<bool>,
    /// What was added below the first page.
    pub(super) older: RwSignal<Option<Older>>,
    /// A page of older rows is on its way.
    pub(super) adding: RwSignal<bool>,
    /// Why the last page of older rows could not be added.
    pub(super) not_added: RwSignal<Option<AppError>>,
    /// The filter whose rows have been painted, or for whose rows the reader has waited for [`LATE`].
    settled: RwSignal<LogFilter>,
    shown: Resource<Outcome<Shown>>,
    /// Counts up when the page is asked for once more.
    pub(super) asked: RwSignal<u64>,
    /// The request that the address opens beside the list.
    pub(super) open: Memo<Option<RequestId>>,
    /// Whether *More filters* is open.
    pub(super) more: RwSignal<bool>,
    /// The search line that the page was opened with.
    pub(super) line: StoredValue<String>,
    /// Goes to an address of this page; with `true`, in place of the current entry of the history.
    pub(super) go: Callback<(String, bool)>,
}

/// One response of the server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Shown {
    pub(super) filter: LogFilter,
    pub(super) page: Listed,
}

/// The list as it was when another page was opened. Coming back shows these rows first, so that the one that was opened is
/// where it was.
#[derive(Clone)]
struct Left {
    company: ClientId,
    shown: Shown,
    older: Option<Older>,
    sample: Option<Sample>,
}

/// What the list shows.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Face {
    Rows,
    /// None of these; the page says why.
    Nothing,
    Failed(AppError),
}

impl Listing {
    pub(super) fn new(scope: CompanyScope) -> Self {
        let parsed = parsed_address(scope);
        let filter = Memo::new(move |_| parsed.with(|(filter, _)| filter.clone()));
        let ignored = Memo::new(move |_| parsed.with(|(_, ignored)| ignored.clone()));
        let asked = RwSignal::new(0);
        let hold = Hold::new();
        let open = opened::in_address(scope);
        let line =
            use_query_map().with_untracked(|query| query.get(search_line::PARAMETER).unwrap_or_default());
        let left = left_here(scope, filter);
        let is_return = left.is_some();
        let sample = left.as_ref().and_then(|left| left.sample);
        let (first, older) = left.map(|left| (left.shown, left.older)).unzip();
        let (first, older) = (StoredValue::new(first), RwSignal::new(older.flatten()));
        let shown = Resource::new(
            move || (scope.client_id(), filter.get(), asked.get()),
            move |(company, filter, _)| {
                let first = first.try_update_value(Option::take).flatten();
                // Later the page marks the row itself.
                let open = open.get_untracked().filter(|_| cfg!(feature = "ssr"));
                async move {
                    match first {
                        Some(first) => Ok(first),
                        None => join(older, hold, load(company, filter, open).await),
                    }
                }
            },
        );
        let listing = Self {
            scope,
            filter,
            ignored,
            paused: RwSignal::new(false),
            hold,
            following: Following::new(sample),
            quiet: RwSignal::new(false),
            older,
            adding: RwSignal::new(false),
            not_added: RwSignal::new(None),
            settled: RwSignal::new(filter.get_untracked()),
            shown,
            asked,
            open,
            more: RwSignal::new(opens_more(filter, &line)),
            line: StoredValue::new(line),
            go: going(),
        };
        listing.watch_filter();
        listing.watch_answers();
        listing.watch_settling();
        listing.follow();
        listing.remember();
        if is_return {
            // Once the focus is back on its row.
            Timer::new().after(SETTLE, move || listing.catch_up());
            listing.complete_when_calm();
        }
        listing
    }

    /// Whether the view is the list. Otherwise rows are not asked for.
    pub(super) fn shows_rows(self) -> bool {
        self.filter.with(|filter| filter.view == LogView::Requests)
    }

    /// Must be read inside the `Transition` around the list. Nothing before the first answer, and where no rows are asked for.
    pub(super) fn face(self) -> Option<Face> {
        self.shown.with(|shown| {
            let asked = shown
                .as_ref()
                .filter(|shown| !matches!(shown, Ok(shown) if shown.filter.view != LogView::Requests));
            asked.map(|shown| match shown {
                Err(error) => Face::Failed(error.clone()),
                Ok(shown) if shown.page.rows.is_empty() => Face::Nothing,
                Ok(_) => Face::Rows,
            })
        })
    }

    /// There has never been a request. Must be read inside the `Transition`.
    pub(super) fn waits_for_first(self) -> bool {
        self.with(|shown| shown.filter.view == LogView::Requests && shown.page.waits_for_first)
            .unwrap_or(false)
    }

    /// The rows on the page are those of another filter than the address has. Must be read inside the `Transition`.
    pub(super) fn is_behind(self) -> bool {
        self.with(|shown| self.filter.with(|filter| *filter != shown.filter))
            .unwrap_or(false)
    }

    /// A part of the latest answer; must be read inside the `Transition` around the list.
    pub(super) fn with<T>(self, read: impl FnOnce(&Shown) -> T) -> Option<T> {
        self.shown
            .with(|shown| shown.as_ref().and_then(|shown| shown.as_ref().ok()).map(read))
    }

    /// What is shown, with all of its rows. Must be read inside the `Transition` around the list.
    pub(super) fn with_rows<T>(
        self,
        read: impl FnOnce(&Shown, &mut dyn Iterator<Item = &ListedRow>) -> T,
    ) -> Option<T> {
        let older = self.older.read();
        self.with(|shown| {
            let first = &shown.page.rows;
            let below = older.iter().flat_map(|older| older.below(first));
            read(shown, &mut first.iter().chain(below))
        })
    }

    /// The cursor of the next older page. Must be read inside the `Transition` around the list.
    pub(super) fn next(self) -> Option<i64> {
        self.older.with(|older| match older {
            Some(older) => older.next,
            None => self.with(|shown| shown.page.older).flatten(),
        })
    }

    /// What is said below the rows, how far back a search looked that ran out of time: of the last page. Must be read inside the
    /// `Transition` around the list.
    pub(super) fn looked_back(self) -> Markup {
        self.older
            .with(|older| match older {
                Some(older) => Some(older.looked_back.clone()),
                None => self.with(|shown| shown.page.looked_back.clone()),
            })
            .unwrap_or_default()
    }

    /// Whether *Show older requests* adds rows to this page, or leads to a page of its own.
    pub(super) fn has_room(self) -> bool {
        self.older
            .with_untracked(|older| older.as_ref().is_none_or(Older::has_room))
    }

    /// Adds the page at this cursor below the rows, which stay if it cannot be loaded.
    pub(super) fn add_older(self, cursor: i64) {
        if self.adding.get_untracked() {
            return;
        }
        self.adding.set(true);
        self.not_added.set(None);
        // Rows that leave the first page before the answer comes are kept.
        self.older.update(|older| Older::begin(older, cursor));
        let (company, filter) = (
            untrack(move || self.scope.client_id()),
            self.filter.get_untracked(),
        );
        let asked = LogFilter {
            before: Some(cursor),
            ..filter.clone()
        };
        leptos::task::spawn_local(async move {
            let answer = api::logs::list_requests(company, asked, None).await;
            if self.filter.try_get_untracked() != Some(filter) {
                return;
            }
            self.adding.set(false);
            match answer {
                Ok(page) => {
                    self.quiet.set(false);
                    self.older.update(|older| Older::add(older, page));
                }
                Err(error) => self.not_added.set(Some(error)),
            }
        });
    }

    /// Goes to the first page of the changed filter, which it returns. With `replace` the former one leaves no trace in the
    /// history.
    pub(super) fn change(self, replace: bool, change: impl FnOnce(&mut LogFilter)) -> LogFilter {
        let before = self.filter.get_untracked();
        let mut after = before.first_page();
        change(&mut after);
        if after != before {
            self.go
                .run((address::of_list(self.scope.client_id(), &after), replace));
        }
        after
    }

    /// Whether new requests belong on the page that is open: the newest page, of a range that is still open.
    pub(super) fn can_move(self) -> bool {
        self.filter
            .with(|filter| filter.before.is_none() && following::is_open(filter))
    }

    /// Loads the page that is open once more.
    pub(super) fn refetch(self) {
        self.quiet.set(true);
        let known = self.hold.kept().map_or(i64::MAX, |shown| shown.page.as_of);
        self.following.begin_anew(known);
        self.asked.update(|asked| *asked += 1);
    }

    /// Shows these rows in place of those on the page.
    pub(super) fn show(self, shown: Shown) {
        self.hold.keep(Some(shown.clone()));
        self.shown.set(Some(Ok(shown)));
    }

    /// Another filter begins anew: what it brings is announced, and nothing of it has been seen.
    fn watch_filter(self) {
        Effect::new(move |before: Option<LogFilter>| {
            let filter = self.filter.get();
            if before.is_some_and(|before| before != filter) {
                self.quiet.set(false);
                self.older.set(None);
                self.adding.set(false);
                self.not_added.set(None);
                self.following.begin_anew(i64::MAX);
            }
            filter
        });
    }

    /// Notes what is on the page.
    fn watch_answers(self) {
        Effect::new(move |_| {
            let shown = self.with(Shown::clone);
            // Rows have settled once they are painted.
            match &shown {
                Some(shown) if !shown.page.rows.is_empty() => {}
                Some(shown) => self.settle(&shown.filter),
                None => self.settle(&self.filter.get_untracked()),
            }
            self.hold.keep(shown);
            if self.shown.with(Option::is_some) {
                self.answered();
            }
        });
    }

    /// Another filter has [`LATE`] to bring its rows.
    fn watch_settling(self) {
        let wait = Timer::new();
        Effect::new(move |before: Option<LogFilter>| {
            let filter = self.filter.get();
            if before.is_some_and(|before| before != filter) {
                let late = filter.clone();
                wait.after(LATE, move || self.settle(&late));
            }
            filter
        });
    }

    /// Notes that the reader has the rows of this filter, or has waited for them.
    pub(super) fn settle(self, filter: &LogFilter) {
        if self.settled.try_with_untracked(|settled| settled != filter) == Some(true) {
            self.settled.set(filter.clone());
        }
    }

    /// Whether the reader has the rows of the filter in the address, or has waited for them.
    pub(super) fn has_settled(self) -> bool {
        self.settled
            .with(|settled| self.filter.with(|filter| settled == filter))
    }

    /// Whether the rows of another filter are still on the page and should be marked. Not from the first moment: a mark that goes as
    /// soon as it has come would be work for the browser at the very time when it should draw the rows. Must be read inside the
    /// `Transition`.
    pub(super) fn is_late(self) -> bool {
        self.is_behind() && self.has_settled()
    }

    /// Leaves the rows for the reader's return.
    fn remember(self) {
        let company = untrack(move || self.scope.client_id());
        on_cleanup(move || {
            if let Some(shown) = self.hold.kept() {
                let older = self.older.try_get_untracked().flatten();
                let sample = self.following.sample.try_get_untracked().flatten();
                self.scope.leave(Left {
                    company,
                    shown,
                    older,
                    sample,
                });
            }
        });
    }
}

/// The rows that were left with this filter.
fn left_here(scope: CompanyScope, filter: Memo<LogFilter>) -> Option<Left> {
    let (company, filter) = (untrack(move || scope.client_id()), filter.get_untracked());
    scope
        .left::<Left>()
        .filter(|left| left.company == company && left.shown.filter == filter)
}

/// Before an answer replaces the first page: the rows below it must follow on.
fn join(older: RwSignal<Option<Older>>, hold: Hold, answer: Outcome<Shown>) -> Outcome<Shown> {
    if older.try_with_untracked(Option::is_some) == Some(true)
        && let (Some(before), Ok(now)) = (hold.kept(), &answer)
    {
        older.try_update(|older| Older::follow(older, &before, now));
    }
    answer
}

/// Goes to an address of this page; with `true`, in place of the current entry of the history.
fn going() -> Callback<(String, bool)> {
    let navigate = use_navigate();
    Callback::new(move |(path, replace): (String, bool)| {
        navigate(
            &path,
            NavigateOptions {
                replace,
                scroll: false,
                ..NavigateOptions::default()
            },
        );
    })
}

/// The filter in the address, and the parts of it that were ignored. While the reader moves to another page, the address
/// is already that page's and is not read.
fn parsed_address(scope: CompanyScope) -> Memo<(LogFilter, Vec<InvalidFilter>)> {
    let location = use_location();
    let (path, search) = (location.pathname, location.search);
    Memo::new(move |before: Option<&(LogFilter, Vec<InvalidFilter>)>| {
        let ours = path.with(|path| {
            path.trim_end_matches('/') == address::of_list(scope.client_id(), &LogFilter::default())
        });
        match before {
            Some(before) if !ours => before.clone(),
            _ => search.with(|search| LogFilter::parse_lenient(search)),
        }
    })
}

async fn load(company: ClientId, filter: LogFilter, open: Option<RequestId>) -> Outcome<Shown> {
    let page = match filter.view {
        LogView::Requests => api::logs::list_requests(company, filter.clone(), open).await?,
        LogView::Errors | LogView::Endpoints | LogView::Addresses => Listed::default(),
    };
    Ok(Shown { filter, page })
}

/// Whether *More filters* is open when the page is opened: one of its filters is set, or the address says so, or it has a
/// search line.
fn opens_more(filter: Memo<LogFilter>, line: &str) -> bool {
    let says_so =
        || use_query_map().with_untracked(|query| query.get_str(MORE).is_some_and(|value| !value.is_empty()));
    !line.is_empty() || filter.with_untracked(has_more) || says_so()
}
