//! What is there in place of rows: nothing was sent yet, or the filter finds nothing, and what to loosen.

use leptos::prelude::*;
use model::{DeliveryView, Loosened};

use super::filters::words_of;
use super::listing::Listing;
use super::words::conditions;
use crate::pages::logs::words::grouped;
use crate::ui::{ButtonLink, EmptyState, IconName, WillAppear};

#[component]
pub(super) fn Nothing(listing: Listing, view: DeliveryView, loosened: Vec<Loosened>) -> impl IntoView {
    if !view.narrows() {
        return view! {
            <EmptyState title="Nothing sent yet" icon=IconName::Send waiting=true>
                <p>
                    <WillAppear what="The first event of a selected type" />
                    " To check your endpoint now, send a test event from the webhook's page."
                </p>
            </EmptyState>
        }
        .into_any();
    }
    let clear = listing.href(&DeliveryView::default());
    let advice = if loosened.is_empty() {
        let several = conditions(&view).len() > 1;
        let words = if several {
            "No single filter is the reason: removing one of them finds nothing either."
        } else {
            "Without filters there are no deliveries either."
        };
        view! { <p>{words}</p> }.into_any()
    } else {
        let lines = loosened
            .into_iter()
            .map(|one| line(listing, &view, one))
            .collect_view();
        view! { <ul class="delivery-loosen">{lines}</ul> }.into_any()
    };
    view! {
        <EmptyState title="No deliveries match" icon=IconName::Search>
            {advice}
            <ButtonLink href=clear>"Clear filters"</ButtonLink>
        </EmptyState>
    }
    .into_any()
}

/// "Without Response: 5xx there are 12."
fn line(listing: Listing, view: &DeliveryView, one: Loosened) -> impl IntoView + use<> {
    let condition = conditions(view)
        .into_iter()
        .find(|condition| condition.without == one.view);
    let what = condition
        .map(|condition| view! { <b>{format!("{}: ", condition.name)} {words_of(condition.value)}</b> });
    let count = match one.deliveries {
        1 => "there is 1 delivery".to_owned(),
        count if count > Loosened::COUNTED => {
            format!("there are more than {} deliveries", grouped(Loosened::COUNTED))
        }
        count => format!("there are {} deliveries", grouped(count)),
    };
    view! {
        <li>"Without " {what} ", " <a href=listing.href(&one.view)>{count}</a> "."</li>
    }
}
