//! What the list of deliveries shows and how it is kept current: the filter in the address, the rows that were asked for, and how
//! many newer ones there are while it holds still.

use std::time::Duration;

use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_location, use_navigate};
use model::{
    ClientId, DeliveryCursor, DeliveryListing, DeliveryPage, DeliveryPlace, DeliveryRow, DeliveryView,
    InvalidFilter, Loosened, WebhookId,
};

use crate::AppError;
use crate::browser::attention::Attention;
use crate::pages::company::CompanyScope;
use crate::pages::logs::pace::Pace;
use crate::pages::webhooks::address;

/// The id of the element around the rows.
pub(super) const LIST: &str = "delivery-list";

/// The list asks once a second at most, however much changes.
const EVERY: Duration = Duration::from_secs(1);

/// With this many rows on the page, the next older ones get a page of their own.
const MOST_ROWS: usize = 1_000;

/// The state of the page. Everything on it reads this.
#[derive(Clone, Copy)]
pub(super) struct Listing {
    pub(super) scope: CompanyScope,
    pub(super) company: ClientId,
    pub(super) webhook: WebhookId,
    /// What the address says.
    pub(super) view: Memo<DeliveryView>,
    /// The parts of it that are no filter.
    pub(super) ignored: Memo<Vec<InvalidFilter>>,
    pub(super) shown: RwSignal<Shown>,
    /// Why what the address asks for could not be loaded.
    pub(super) failed: RwSignal<Option<AppError>>,
    pub(super) paused: RwSignal<bool>,
    pub(super) newer: RwSignal<Newer>,
    /// A page of older rows is on its way.
    pub(super) adding: RwSignal<bool>,
    /// Why the last page of older rows could not be added.
    pub(super) not_added: RwSignal<Option<AppError>>,
    pub(super) attention: Attention,
    /// Rows above this place arrived live.
    pub(super) fresh_above: StoredValue<Option<DeliveryPlace>>,
    pub(super) pace: Pace,
    /// The number of the latest question. Only its answer counts.
    pub(super) question: StoredValue<u64>,
    pub(super) is_asking: StoredValue<bool>,
    pub(super) ask_again: StoredValue<bool>,
    go: StoredValue<Callback<(String, bool)>>,
}

/// The rows on the page and what is known about them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Shown {
    /// Whose rows these are.
    pub(super) view: DeliveryView,
    /// Newest first: the first page, and what was added below it.
    pub(super) rows: Vec<DeliveryRow>,
    pub(super) older: Option<DeliveryPlace>,
    pub(super) newer: Option<DeliveryPlace>,
    pub(super) loosened: Vec<Loosened>,
    pub(super) on_hold: u64,
}

/// The list as it was when another page was opened. Coming back shows these rows first, so that the one that was opened is where it
/// was.
#[derive(Clone)]
pub(super) struct Left {
    company: ClientId,
    webhook: WebhookId,
    listing: DeliveryListing,
    shown: Shown,
}

/// How many newer deliveries match while the list holds still.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Newer {
    pub(super) count: u64,
    pub(super) and_more: bool,
}

impl Shown {
    pub(super) fn of(view: DeliveryView, listing: &DeliveryListing) -> Self {
        Self {
            view,
            rows: listing.page.rows.clone(),
            older: listing.page.older,
            newer: listing.page.newer,
            loosened: listing.loosened.clone(),
            on_hold: listing.on_hold,
        }
    }

    pub(super) fn newest(&self) -> Option<DeliveryPlace> {
        self.rows.first().map(DeliveryPlace::of)
    }

    /// The newest page in place of the one before. Rows below it stay, unless there is a gap by now.
    pub(super) fn followed_by(&self, mut now: Self) -> Self {
        let (Some(newest_before), Some(last)) = (self.newest(), now.rows.last().map(DeliveryPlace::of))
        else {
            return now;
        };
        if self.view != now.view || newest_before < last || self.rows.len() <= DeliveryPage::ROWS as usize {
            return now;
        }
        let below = self.rows.iter().filter(|row| DeliveryPlace::of(row) < last);
        now.rows.extend(below.cloned());
        now.older = self.older;
        if now.rows.len() > MOST_ROWS {
            now.rows.truncate(MOST_ROWS);
            now.older = now.rows.last().map(DeliveryPlace::of);
        }
        now
    }

    /// Rows as they are now, in place of what they were.
    pub(super) fn renew(&mut self, known: &[DeliveryRow]) {
        for row in &mut self.rows {
            if let Some(now) = known.iter().find(|now| now.id == row.id)
                && now != row
            {
                row.clone_from(now);
            }
        }
    }

    pub(super) fn has_room(&self) -> bool {
        self.rows.len() < MOST_ROWS
    }
}

/// What the address of a list says, and the parts of it that were ignored. While the reader moves to another page, the address is
/// already that page's and is not read.
pub(super) fn view_of_address() -> Memo<(DeliveryView, Vec<InvalidFilter>)> {
    let location = use_location();
    let (path, search) = (location.pathname, location.search);
    Memo::new(move |before: Option<&(DeliveryView, Vec<InvalidFilter>)>| {
        let ours = path.with(|path| path.trim_end_matches('/').ends_with("/deliveries"));
        match before {
            Some(before) if !ours => before.clone(),
            _ => search.with(|search| DeliveryView::parse_lenient(search)),
        }
    })
}

/// The rows that were left with this view, as an answer and as the page had them.
pub(super) fn left_here(scope: CompanyScope, webhook: WebhookId, view: &DeliveryView) -> Option<Left> {
    let company = untrack(move || scope.client_id());
    scope
        .left::<Left>()
        .filter(|left| left.company == company && left.webhook == webhook && left.shown.view == *view)
}

impl Left {
    pub(super) fn listing(&self) -> DeliveryListing {
        self.listing.clone()
    }
}

impl Listing {
    /// Begins with the answer for the view in the address, or with the rows that were left.
    pub(super) fn new(
        company: ClientId,
        first: DeliveryListing,
        address: Memo<(DeliveryView, Vec<InvalidFilter>)>,
    ) -> Self {
        let (scope, webhook) = (CompanyScope::here(), first.webhook.id);
        let view = Memo::new(move |_| address.with(|(view, _)| view.clone()));
        let ignored = Memo::new(move |_| address.with(|(_, ignored)| ignored.clone()));
        let at_first = view.get_untracked();
        let left = left_here(scope, webhook, &at_first);
        let is_return = left.is_some();
        let shown = left.map_or_else(|| Shown::of(at_first, &first), |left| left.shown);
        let listing = Self {
            scope,
            company,
            webhook,
            view,
            ignored,
            shown: RwSignal::new(shown),
            failed: RwSignal::new(None),
            paused: RwSignal::new(false),
            newer: RwSignal::new(Newer::default()),
            adding: RwSignal::new(false),
            not_added: RwSignal::new(None),
            attention: Attention::to(LIST),
            fresh_above: StoredValue::new(None),
            pace: Pace::new(EVERY),
            question: StoredValue::new(0),
            is_asking: StoredValue::new(false),
            ask_again: StoredValue::new(false),
            go: StoredValue::new(going()),
        };
        listing.follow(is_return);
        listing.remember(first);
        listing
    }

    /// The rows on the page belong to another view than the address has.
    pub(super) fn is_behind(self) -> bool {
        self.shown
            .with(|shown| self.view.with(|view| shown.view != *view))
    }

    /// Whether new deliveries belong on the page that is open: the newest one, of a time that has not ended.
    pub(super) fn can_move(self) -> bool {
        self.view
            .with(|view| view.cursor == DeliveryCursor::Newest && view.filter.until.is_none())
    }

    /// The address of the list with another view.
    pub(super) fn href(self, view: &DeliveryView) -> String {
        address::of_list(self.scope, self.webhook, view)
    }

    pub(super) fn go(self, view: &DeliveryView) {
        self.go.get_value().run((self.href(view), false));
    }

    /// Leaves the rows for the reader's return.
    fn remember(self, first: DeliveryListing) {
        on_cleanup(move || {
            if let Some(shown) = self.shown.try_get_untracked() {
                let listing = DeliveryListing {
                    page: DeliveryPage {
                        rows: shown.rows.clone(),
                        older: shown.older,
                        newer: shown.newer,
                    },
                    ..first
                };
                self.scope.leave(Left {
                    company: self.company,
                    webhook: self.webhook,
                    listing,
                    shown,
                });
            }
        });
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::webhooks::words::tests::row;
    use model::{DeliveryId, DeliveryState, Timestamp};

    fn rows(newest: i64, count: i64) -> Vec<DeliveryRow> {
        let row = |at: i64| DeliveryRow {
            id: DeliveryId::time_ordered(Timestamp::from_millis(at), [1; 10]),
            created_at: Timestamp::from_millis(at),
            ..row(DeliveryState::Delivered, 1, 10)
        };
        (0..count).map(|below| row(newest - below)).collect()
    }

    fn shown(newest: i64, count: i64) -> Shown {
        Shown {
            view: DeliveryView::default(),
            rows: rows(newest, count),
            older: None,
            newer: None,
            loosened: Vec::new(),
            on_hold: 0,
        }
    }

    fn times(shown: &Shown) -> Vec<i64> {
        shown.rows.iter().map(|row| row.created_at.as_millis()).collect()
    }

    #[test]
    fn rows_that_were_added_stay_below_a_newer_page_until_there_is_a_gap() {
        let before = shown(1_000, 80);
        let now = before.followed_by(shown(1_010, 50));
        let expected: Vec<i64> = (0..90).map(|below| 1_010 - below).collect();
        assert_eq!(times(&now), expected);
        assert_eq!(before.followed_by(shown(1_060, 50)).rows.len(), 50, "a gap");
        assert_eq!(shown(1_000, 50).followed_by(shown(1_010, 50)).rows.len(), 50);
    }

    #[test]
    fn very_many_rows_lose_the_last_ones() {
        let before = shown(10_000, MOST_ROWS as i64);
        let now = before.followed_by(shown(10_010, 50));
        assert_eq!(now.rows.len(), MOST_ROWS);
        assert_eq!(now.older, now.rows.last().map(DeliveryPlace::of));
    }

    #[test]
    fn a_row_is_renewed_where_it_is() {
        let mut list = shown(1_000, 3);
        let mut failed = list.rows[1].clone();
        failed.state = DeliveryState::Exhausted;
        list.renew(&[failed.clone()]);
        assert_eq!(times(&list), [1_000, 999, 998]);
        assert_eq!(list.rows[1], failed);
    }
}
