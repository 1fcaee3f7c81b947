//! `/c/{client_id}/development/logs`: the list of requests.

use leptos::ev::MouseEvent;
use leptos::prelude::*;
use leptos_router::components::Redirect;

use super::chart::{self, Chart};
use super::drawn::{self, Part};
use super::facets::Facets;
use super::filters::{self, Filters};
use super::groups::Groups;
use super::hold::LIST;
use super::listed::Listed;
use super::listing::{Face, Listing};
use super::live_bar::Unseen;
use super::opened::{self, Opened};
use super::panels::{self, FoldedPanels};
use super::summary::{Count, GeneratedUntil, IgnoredFilters};
use super::table::{OlderLink, RequestTable};
use super::views::Views;
use super::zone_switch::ZoneSwitch;
use crate::browser::copying;
use crate::browser::html::{Markup, ShowMarkup};
use crate::on_demand::Coming;
use crate::pages::company::CompanyScope;
use crate::pages::live_control::LiveControl;
use crate::pages::loaded::{Failure, Loading, read_from};
use crate::pages::next_steps::HelpLinks;
use crate::ui::{PageHeader, Title};

/// What loads the parts of the page that are loaded when they are used.
#[derive(Clone, Copy, Debug)]
pub struct LogsTools {
    pub(crate) chart: chart::Loader,
    pub(crate) filters: filters::Loader,
    pub(crate) panels: panels::Loaders,
    pub(crate) drawer: opened::Loader,
    /// [`copying::copy`]
    pub(crate) copy: fn(MouseEvent) -> Coming<()>,
}

/// The list, its filters above it, and what it says about itself.
#[component]
pub fn LogsPage(tools: LogsTools) -> impl IntoView {
    let scope = CompanyScope::here();
    let listing = Listing::new(scope);
    let chart = drawn::asked_for(listing, Part::Chart, Signal::stored(true));
    let facets = drawn::asked_for(listing, Part::Facets, listing.more.into());
    let shows_rows = Memo::new(move |_| listing.shows_rows());
    let groups = drawn::asked_for(listing, Part::Groups, Signal::derive(move || !shows_rows.get()));
    if let Some(path) = filters::without_line(listing) {
        return view! { <Redirect path /> }.into_any();
    }
    view! {
        <Title text="Logs" />
        <PageHeader
            title="Logs"
            lead="Every API request, its response, and why it was accepted or refused."
        />
        <IgnoredFilters listing />
        <div class="logs-head">
            <Folds />
            <Filters listing load=tools.filters />
            <Transition fallback=|| ()>
                <Facets drawing=facets />
                <Chart listing drawing=chart load=tools.chart />
            </Transition>
            <FoldedPanels listing load=tools.panels />
        </div>
        <Views listing />
        <Transition fallback=|| view! { <Loading /> }>
            {move || match shows_rows.get() {
                true => view! { <List listing copy=tools.copy /> }.into_any(),
                false => view! { <Groups drawing=groups /> }.into_any(),
            }}
        </Transition>
        <Opened listing load=tools.drawer />
        <HelpLinks client_id=untrack(|| scope.client_id()) />
    }
    .into_any()
}

/// What moves: the bar above the rows, the rows, and what is said below them.
#[component]
fn List(listing: Listing, copy: fn(MouseEvent) -> Coming<()>) -> impl IntoView {
    let attention = listing.hold.attention;
    view! {
        <div class="logs" aria-busy=move || listing.is_late().then_some("true")>
            <div class="logs-bar">
                <Count listing />
                <Unseen listing />
                <ZoneSwitch />
                <LiveControl
                    is_live=listing.scope.is_live()
                    paused=listing.paused
                    can_move=Signal::derive(move || listing.can_move())
                    resume=Callback::new(move |()| listing.resume())
                />
            </div>
            <ShowMarkup markup=said(listing, |page| &page.notices) class="logs-said" />
            <div
                id=LIST
                on:pointerenter=move |_| attention.pointer_entered()
                on:pointerleave=move |_| attention.pointer_left()
                on:focusout=move |_| attention.focus_left()
                on:click=move |event| {
                    if copying::is_pressed(&event) {
                        leptos::task::spawn_local(async move {
                            // If it could not be loaded, the next press tries again.
                            let _ = copy(event).await;
                        });
                    } else {
                        opened::follow(listing, &event);
                    }
                }
            >
                <Requests listing />
            </div>
            <ShowMarkup markup=read_from(move || listing.looked_back()) class="logs-said" />
            <NotAdded listing />
            <OlderLink listing />
            <ShowMarkup markup=said(listing, |page| &page.kept) class="logs-said" />
            <GeneratedUntil listing />
        </div>
    }
    .into_any()
}

/// Why *Show older requests* added none. The rows stay above it.
#[component]
fn NotAdded(listing: Listing) -> impl IntoView {
    move || {
        let error = listing.not_added.get();
        error.map(|error| view! { <div role="alert"><Failure error /></div> }.into_any())
    }
}

/// What the server has drawn around the rows.
fn said(listing: Listing, read: fn(&Listed) -> &Markup) -> Signal<Markup> {
    read_from(move || {
        listing
            .with(|shown| read(&shown.page).clone())
            .unwrap_or_default()
    })
}

/// On a phone: what is above the rows is folded, and these unfold it. They are boxes to tick, so that it works without
/// scripts; wider windows show everything and do not have them.
#[component]
fn Folds() -> impl IntoView {
    view! {
        <input type="checkbox" id="show-filters" class="logs-fold visually-hidden" autocomplete="off" />
        <label class="button logs-fold__label" data-size="small" for="show-filters">
            "Filters"
        </label>
        <input type="checkbox" id="show-chart" class="logs-fold visually-hidden" autocomplete="off" />
        <label class="button logs-fold__label" data-size="small" for="show-chart">
            "Chart"
        </label>
    }
    .into_any()
}

/// Rows keep their place in the page while they come and go; only another face replaces them.
#[component]
fn Requests(listing: Listing) -> impl IntoView {
    let face = read_from(move || listing.face());
    move || match face.get() {
        None => ().into_any(),
        Some(Face::Rows) => view! { <RequestTable listing /> }.into_any(),
        Some(Face::Nothing) => {
            view! { <ShowMarkup markup=said(listing, |page| &page.nothing) class="logs-nothing" /> }
                .into_any()
        }
        Some(Face::Failed(error)) => {
            let retry = Callback::new(move |()| listing.refetch());
            view! { <Failure error retry /> }.into_any()
        }
    }
}
