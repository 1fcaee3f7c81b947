//! `/c/{client_id}/development/webhooks/{webhook}/deliveries`: every delivery of a webhook, newest first, with its filters. The
//! address is authoritative: the list shows what it says, and changing a filter changes the address.

mod filters;
mod following;
mod listing;
mod nothing;
mod words;

use leptos::prelude::*;
use model::{
    Catalogue, CompanyContext, DeliveryCursor, DeliveryId, DeliveryListing, DeliveryPlace, DeliveryRow,
    DeliveryView,
};

use self::filters::Filters;
use self::listing::{LIST, Listing, left_here, view_of_address};
use self::nothing::Nothing;
use super::deliveries::DeliveryTable;
use super::on_hold::OnHold;
use super::{LoadedInCompany, address, webhook_of_address};
use crate::browser::focus;
use crate::pages::company::CompanyScope;
use crate::pages::live_control::LiveControl;
use crate::pages::loaded::Failure;
use crate::pages::logs::words::grouped;
use crate::pages::logs::zone_switch::ZoneSwitch;
use crate::ui::{
    BackLink, Button, ButtonLink, ButtonSize, EnvironmentBadge, IconName, PageHeader, Title, ZoneNote,
};
use crate::{AppError, api};

#[component]
pub fn DeliveriesPage() -> impl IntoView {
    let scope = CompanyScope::here();
    let webhook = webhook_of_address();
    let view_in_address = view_of_address();
    let first = Resource::new(
        move || (scope.client_id(), webhook.get()),
        move |(company, webhook)| {
            let view = untrack(move || view_in_address.with(|(view, _)| view.clone()));
            let left = webhook
                .as_ref()
                .ok()
                .and_then(|webhook| left_here(scope, *webhook, &view));
            async move {
                let listing = match left {
                    Some(left) => left.listing(),
                    None => api::webhooks::deliveries(company, webhook?, view).await?,
                };
                Ok::<_, AppError>((listing, api::webhooks::event_types(true).await?))
            }
        },
    );
    view! {
        <LoadedInCompany
            resource=first
            render=move |company: CompanyContext, (listing, catalogue): (DeliveryListing, Catalogue)| {
                let (name, environment) = (listing.webhook.name.clone(), listing.webhook.environment);
                let listing = Listing::new(company.client_id, listing, view_in_address);
                let own = scope.path(&format!("webhooks/{}", listing.webhook));
                let back = name.clone();
                view! {
                    <Title text=format!("Deliveries of {name}") />
                    <PageHeader
                        title="Deliveries"
                        above=move || view! { <BackLink href=own to=back /> }
                    />
                    <div class="webhook-standing"><b>{name}</b> <EnvironmentBadge environment=environment /></div>
                    <All listing=listing catalogue=catalogue />
                }
                .into_any()
            }
        />
    }
}

#[component]
fn All(listing: Listing, catalogue: Catalogue) -> impl IntoView {
    let attention = listing.attention;
    let on_hold = Memo::new(move |_| listing.shown.with(|shown| shown.on_hold));
    let retry = Callback::new(move |()| listing.load(listing.view.get_untracked(), false));
    view! {
        {move || view! { <OnHold webhook=listing.webhook count=on_hold.get() /> }}
        <Filters listing=listing catalogue=catalogue />
        <div class="deliveries" aria-busy=move || listing.is_behind().then_some("true")>
            <div class="logs-bar">
                <Unseen listing=listing />
                <ZoneSwitch />
                <LiveControl
                    is_live=listing.scope.is_live()
                    paused=listing.paused
                    can_move=Signal::derive(move || listing.can_move())
                    resume=Callback::new(move |()| listing.resume())
                />
            </div>
            <div
                id=LIST
                on:pointerenter=move |_| attention.pointer_entered()
                on:pointerleave=move |_| attention.pointer_left()
                on:focusout=move |_| attention.focus_left()
            >
                {move || match listing.failed.get() {
                    Some(error) => view! { <Failure error=error retry=retry /> }.into_any(),
                    None => view! { <Rows listing=listing /> }.into_any(),
                }}
            </div>
            {move || {
                listing.not_added.get().map(|error| view! { <div role="alert"><Failure error=error /></div> })
            }}
            <Pages listing=listing />
            <p class="logs-foot muted">
                <ZoneNote />
            </p>
        </div>
    }
}

/// The rows keep their place in the document while they come and go.
#[component]
fn Rows(listing: Listing) -> impl IntoView {
    let shown = listing.shown;
    let is_empty = Memo::new(move |_| shown.with(|shown| shown.rows.is_empty()));
    let href = Callback::new(move |id: DeliveryId| {
        let view = shown.with_untracked(|shown| shown.view.clone());
        address::of_delivery(listing.scope, listing.webhook, id, &view)
    });
    let is_fresh = Callback::new(move |row: DeliveryRow| {
        let above = listing.fresh_above.get_value();
        above.is_some_and(|above| DeliveryPlace::of(&row) > above)
    });
    move || {
        if is_empty.get() {
            let (view, loosened) = shown.with(|shown| (shown.view.clone(), shown.loosened.clone()));
            view! { <Nothing listing=listing view=view loosened=loosened /> }.into_any()
        } else {
            let rows = Signal::derive(move || shown.with(|shown| shown.rows.clone()));
            view! { <DeliveryTable rows=rows href=href is_fresh=is_fresh /> }.into_any()
        }
    }
}

/// "12 new": shows them when pressed. It has its place in the bar above the list, so that nothing moves when it comes.
#[component]
fn Unseen(listing: Listing) -> impl IntoView {
    let waits = Memo::new(move |_| listing.newer.with(|newer| newer.count > 0));
    let words = move || {
        let newer = listing.newer.get();
        let more = if newer.and_more { "+" } else { "" };
        format!("{}{more} new", grouped(newer.count))
    };
    let show = Callback::new(move |()| {
        listing.resume();
        focus::into_view(LIST);
        focus::soon("live-switch");
    });
    view! {
        <p class="logs-unseen" role="status">
            {move || {
                waits.get().then(|| {
                    view! {
                        <Button size=ButtonSize::Small icon=IconName::Inbox on_press=show>
                            {words}
                            <span class="visually-hidden">" deliveries"</span>
                        </Button>
                    }
                })
            }}
        </p>
    }
}

/// *Older* adds rows below, or leads to a page of its own without scripts and once there are very many rows.
#[component]
fn Pages(listing: Listing) -> impl IntoView {
    let at = Memo::new(move |_| {
        listing
            .shown
            .with(|shown| (shown.view.clone(), shown.newer, shown.older))
    });
    move || {
        let (view, newer, older) = at.get();
        let to = |cursor: DeliveryCursor| {
            listing.href(&DeliveryView {
                cursor,
                ..view.clone()
            })
        };
        let add = move |event: leptos::ev::MouseEvent| {
            if listing.shown.with_untracked(|shown| shown.has_room()) {
                event.prevent_default();
                listing.add_older();
            }
        };
        let first = (view.cursor != DeliveryCursor::Newest).then(|| listing.href(&view.first_page()));
        let newer = newer.map(|place| to(DeliveryCursor::After(place)));
        let older = older.map(|place| to(DeliveryCursor::Before(place)));
        let leads_on = first.is_some() || newer.is_some() || older.is_some();
        leads_on.then(|| {
            view! {
                <nav class="logs-pages" aria-label="Pages of deliveries">
                    {first.map(|href| view! { <ButtonLink href=href>"Newest"</ButtonLink> })}
                    {newer.map(|href| view! { <ButtonLink href=href>"Newer"</ButtonLink> })}
                    {older
                        .map(|href| {
                            view! {
                                <ButtonLink href=href id="older" on:click=add>
                                    {move || if listing.adding.get() { "Loading…" } else { "Show older deliveries" }}
                                </ButtonLink>
                            }
                        })}
                </nav>
            }
        })
    }
}
