//! A request beside the list it is in: the same as its page, with the way to the next one and back to the list.

use leptos::ev::MouseEvent;
use leptos::prelude::*;
use model::{LogEntry, LogFilter, RequestId};

use super::pivot::short;
use super::{CopyLinks, EntryParts, load, trail};
use crate::browser;
use crate::browser::drawer::{Beside, Press};
use crate::pages::loaded::Loaded;
use crate::pages::logs::address;
use crate::pages::logs::hold::LIST;
use crate::pages::logs::opened::{self, InDrawer};
use crate::ui::{Button, ButtonKind, ButtonLink, ButtonSize, IconName, status_number, status_word};

const BESIDE: Beside = Beside {
    list: LIST,
    drawer: "request-drawer",
    heading: "request-drawer-heading",
};

pub(crate) fn drawer(part: InDrawer) -> impl IntoView {
    view! { <Drawer part /> }
}

#[component]
fn Drawer(part: InDrawer) -> impl IntoView {
    let listing = part.listing;
    let (scope, filter) = (listing.scope, listing.filter);
    // While it closes, what was open stays.
    let open = Memo::new(move |before: Option<&Option<RequestId>>| {
        listing.open.get().or_else(|| before.copied().flatten())
    });
    let entry = Resource::new(
        move || (scope.client_id(), open.get()),
        |(company, request)| load(company, request),
    );
    let steps = trail::steps_of(scope, open);
    let company = untrack(|| scope.client_id());
    let way = Way::new(part);
    work(way, open);
    let said = RwSignal::new(String::new());
    let page = move || {
        let request = open.get();
        request.map(|request| filter.with(|filter| address::of_entry(company, request, filter)))
    };
    view! {
        // Text in it that is pressed must leave the focus here, where the keys are heard.
        <aside class="logs-drawer" id=BESIDE.drawer aria-labelledby=BESIDE.heading tabindex="-1">
            <header class="logs-drawer__head">
                <h2 id=BESIDE.heading tabindex="-1">"Request"</h2>
                <span class="visually-hidden" role="status">{said}</span>
                <Ways way />
            </header>
            <div class="logs-drawer__body">
                <Loaded
                    resource=entry
                    render=move |entry: LogEntry| {
                        let filter = filter.get_untracked();
                        let request = entry.row.request_id;
                        view! {
                            <Line entry=entry.clone() said />
                            <div class="cluster">
                                <a class="logs-drawer__page" href=page>"Open as a page"</a>
                                <CopyLinks company request />
                            </div>
                            <EntryParts scope company filter steps entry in_drawer=true />
                        }
                        .into_any()
                    }
                />
            </div>
        </aside>
    }
    .into_any()
}

/// Which request it is; read out when the next one comes.
#[component]
fn Line(entry: LogEntry, said: RwSignal<String>) -> impl IntoView {
    let row = entry.row;
    let words = format!(
        "{} {} {} {}",
        short(&row.method),
        short(&row.path),
        status_number(row.status),
        status_word(row.status)
    );
    Effect::new(move || said.set(words.clone()));
    view! {
        <p class="logs-drawer__line mono">
            <bdi>{row.method} " " {row.path}</bdi>
        </p>
    }
    .into_any()
}

/// To the one before, the next one, and back to the list. Without scripts only that.
#[component]
fn Ways(way: Way) -> impl IntoView {
    let close = move |event: MouseEvent| {
        let is_plain = !(event.ctrl_key() || event.meta_key() || event.shift_key());
        if is_plain {
            event.prevent_default();
            way.close();
        }
    };
    let step = |back: bool, words: &'static str, name: &'static str| {
        view! {
            <Button
                kind=ButtonKind::Quiet
                size=ButtonSize::Small
                needs_script=true
                aria_label=name
                on_press=Callback::new(move |()| way.step(back))
            >
                {words}
            </Button>
        }
    };
    view! {
        <div class="logs-drawer__ways">
            {step(true, "Previous", "Previous request (K)")} {step(false, "Next", "Next request (J)")}
            <ButtonLink
                href=move || way.list()
                kind=ButtonKind::Quiet
                size=ButtonSize::Small
                icon=IconName::Cross
                on:click=close
            >
                "Close"
            </ButtonLink>
        </div>
    }
    .into_any()
}

/// What keys do, and where the reader goes on.
fn work(way: Way, open: Memo<Option<RequestId>>) {
    let listing = way.part.listing;
    let company = untrack(|| listing.scope.client_id());
    let path = move |request| address::of_entry(company, request, &LogFilter::default());
    listing.hold.open_beside(true);
    BESIDE.on_press(move |press| match press {
        Press::Next => way.step(false),
        Press::Previous => way.step(true),
        Press::Close => way.close(),
    });
    Effect::new(move |before: Option<Option<RequestId>>| {
        let now = open.get();
        match (before, now) {
            (None, Some(now)) if way.part.by_press => BESIDE.opened(path(now)),
            (Some(before), Some(now)) if before != Some(now) => BESIDE.moved(path(now)),
            _ => (),
        }
        now
    });
    Effect::new(move |before: Option<()>| {
        listing.older.track();
        if before.is_some() && way.waits.try_update_value(std::mem::take) == Some(true) {
            way.step(false);
        }
    });
    on_cleanup(move || {
        listing.hold.open_beside(false);
        if let Some(last) = open.try_get_untracked().flatten() {
            BESIDE.closed(path(last));
        }
    });
}

/// The way through the rows, and back.
#[derive(Clone, Copy)]
struct Way {
    part: InDrawer,
    /// The next row is asked for, and below those that are loaded.
    waits: StoredValue<bool>,
}

impl Way {
    fn new(part: InDrawer) -> Self {
        Self {
            part,
            waits: StoredValue::new(false),
        }
    }

    /// The address of the list without the request.
    fn list(self) -> String {
        let listing = self.part.listing;
        listing
            .filter
            .with(|filter| address::of_list(listing.scope.client_id(), filter))
    }

    /// Opens the next row or, if `back`, the one before.
    fn step(self, back: bool) {
        let listing = self.part.listing;
        let now = listing.open.get_untracked();
        let found = listing.hold.with_kept(|shown| {
            let first = &shown.page.rows;
            listing.older.with_untracked(|older| {
                let below = older.iter().flat_map(|older| older.below(first));
                let mut rows = first.iter().chain(below).map(|row| row.request);
                beside(&mut rows, now, back)
            })
        });
        match found {
            Some(Found::Row(row)) => opened::open(listing, row),
            Some(Found::End) => self.ask_for_older(),
            _ => (),
        }
    }

    fn ask_for_older(self) {
        let listing = self.part.listing;
        let next = listing.older.with_untracked(|older| match older {
            Some(older) => older.next,
            None => listing.hold.with_kept(|shown| shown.page.older).flatten(),
        });
        if let (Some(next), true) = (next, listing.has_room()) {
            self.waits.set_value(true);
            self.part.add_older.run(next);
        }
    }

    /// Opening it by a press was a step in the history, so closing it is the step back.
    fn close(self) {
        if self.part.by_press {
            browser::back();
        } else {
            let list = untrack(|| self.list());
            self.part.listing.go.run((list, true));
        }
    }
}

/// What is next to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Row(RequestId),
    /// Nothing before the first row.
    Begin,
    /// Nothing after the last one.
    End,
}

/// The row after `now`, or before it. A request that is not among the rows is above them.
fn beside(rows: &mut impl Iterator<Item = RequestId>, now: Option<RequestId>, back: bool) -> Found {
    let (mut before, mut first) = (Found::Begin, None);
    for row in rows.by_ref() {
        first = first.or(Some(row));
        if Some(row) == now {
            return if back {
                before
            } else {
                rows.next().map_or(Found::End, Found::Row)
            };
        }
        before = Found::Row(row);
    }
    match first {
        Some(first) if !back => Found::Row(first),
        _ => Found::Begin,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_row_is_below_and_a_request_that_is_not_listed_is_above_all() {
        let id = |number: u8| RequestId::from_random([number; 16]);
        let found = |now: u8, back| beside(&mut (1..=3).map(id), Some(id(now)), back);
        assert_eq!(
            (found(1, false), found(1, true)),
            (Found::Row(id(2)), Found::Begin)
        );
        assert_eq!((found(3, false), found(3, true)), (Found::End, Found::Row(id(2))));
        assert_eq!(
            (found(9, false), found(9, true)),
            (Found::Row(id(1)), Found::Begin)
        );
        assert_eq!(beside(&mut std::iter::empty(), Some(id(1)), false), Found::Begin);
    }
}
