//! The request that is open beside the list. The address names it, so Back closes it and a link opens it. What shows it is
//! loaded when it is used.

use leptos::ev::MouseEvent;
use leptos::prelude::*;
use leptos_router::hooks::use_location;
use model::{LogFilter, RequestId};

use super::address;
use super::listing::Listing;
use crate::browser::{drawer, width};
use crate::on_demand::{Part, now};
use crate::pages::company::CompanyScope;
use crate::pages::loaded::Loading;

/// What shows the open request.
pub(crate) type Loader = Part<InDrawer>;

/// What the drawer needs of the list.
#[derive(Clone, Copy)]
pub(crate) struct InDrawer {
    pub(super) listing: Listing,
    /// The reader opened it here, by a step in the history, and goes on in it. Otherwise it came with the page.
    pub(super) by_press: bool,
    /// Adds the page at a cursor below the rows.
    pub(super) add_older: Callback<i64>,
}

/// The request that the address opens. While the reader moves to another page, the address is already that page's and is not
/// read.
pub(super) fn in_address(scope: CompanyScope) -> Memo<Option<RequestId>> {
    let location = use_location();
    let (path, search) = (location.pathname, location.search);
    Memo::new(move |before: Option<&Option<RequestId>>| {
        let list = address::of_list(scope.client_id(), &LogFilter::default());
        match before {
            Some(before) if path.with(|path| path.trim_end_matches('/') != list) => *before,
            _ => search.with(|search| address::opened(search)),
        }
    })
}

/// A plain click on a row opens it beside the list, where there is room for both. Any other click is the link's own.
pub(super) fn follow(listing: Listing, event: &MouseEvent) {
    let is_plain = event.button() == 0
        && !(event.ctrl_key() || event.meta_key() || event.shift_key() || event.alt_key());
    if !is_plain || event.default_prevented() || !width::is_room_beside() {
        return;
    }
    if let Some(request) = drawer::row_of(event) {
        event.prevent_default();
        open(listing, request);
    }
}

/// With one step in the history, whatever is opened after it.
pub(super) fn open(listing: Listing, request: RequestId) {
    let is_open = listing.open.get_untracked().is_some();
    let address = listing
        .filter
        .with_untracked(|filter| address::of_open(untrack(|| listing.scope.client_id()), filter, request));
    listing.go.run((address, is_open));
}

/// The open request beside the list, or nothing.
#[component]
pub(super) fn Opened(listing: Listing, load: Loader) -> impl IntoView {
    let came_with_page = StoredValue::new(listing.open.get_untracked());
    let is_open = Memo::new(move |_| listing.open.get().is_some());
    let (ended, failed) = (RwSignal::new(0_u32), RwSignal::new(false));
    move || {
        is_open.get().then(|| {
            ended.track();
            let by_press = came_with_page.try_update_value(Option::take).flatten().is_none();
            let part = InDrawer {
                listing,
                by_press,
                add_older: Callback::new(move |cursor| listing.add_older(cursor)),
            };
            let shown = match now((load.load)()) {
                _ if failed.get_untracked() => None,
                Ok(Ok(())) => now((load.view)(part)).ok().and_then(Result::ok),
                Ok(Err(_)) => None,
                Err(coming) => {
                    leptos::task::spawn_local(async move {
                        failed.try_set(coming.await.is_err());
                        ended.try_update(|ended| *ended += 1);
                    });
                    Some(view! { <Loading /> }.into_any())
                }
            };
            view! { <div class="logs-beside">{shown.unwrap_or_else(|| not_loaded(listing))}</div> }.into_any()
        })
    }
}

/// The request's own page can be loaded as a whole.
fn not_loaded(listing: Listing) -> AnyView {
    let href = move || {
        let company = listing.scope.client_id();
        let open = listing.open.get();
        open.map(|request| {
            listing
                .filter
                .with(|filter| address::of_entry(company, request, filter))
        })
    };
    view! {
        <p class="logs-drawer__failed" role="alert">
            "This request could not be shown here. "
            <a href=href rel="external">"Open its page"</a>
        </p>
    }
    .into_any()
}
