//! The Webhooks tab: the list, one webhook, the forms that make and change it, and one delivery. `routes.rs` says which
//! address shows which page.

mod actions;
mod address;
mod all_deliveries;
mod attempt;
mod choice;
mod curl;
pub(in crate::pages) mod current;
mod delete;
mod deliveries;
mod delivery;
mod details;
mod event_choice;
mod fields;
mod form;
mod list;
mod long_text;
mod on_hold;
mod options;
mod own_secret;
mod save;
mod test_event;
mod timeline;
mod webhook;
mod words;

use leptos::prelude::*;
use leptos_router::hooks::use_params_map;
use model::WebhookId;

pub use all_deliveries::DeliveriesPage;
pub use curl::of_delivery as curl_of;
pub use delete::DeleteWebhookPage;
pub use delivery::DeliveryPage;
pub use fields::WebhookFields;
pub use list::WebhooksPage;
pub use save::{EditWebhookPage, NewWebhookPage};
pub use webhook::WebhookPage;

use crate::AppError;
use crate::pages::company::LoadedInCompany;
use crate::pages::loaded::Outcome;

/// An id from the address. A text that is not an id is treated like an unknown one.
fn id_of_address<I>(name: &'static str) -> Memo<Outcome<I>>
where
    I: std::str::FromStr + PartialEq + Send + Sync + 'static,
{
    let params = use_params_map();
    Memo::new(move |_| {
        params
            .with(|params| params.get_str(name).and_then(|text| text.parse().ok()))
            .ok_or(AppError::NotFound)
    })
}

/// The webhook of the address.
fn webhook_of_address() -> Memo<Outcome<WebhookId>> {
    id_of_address("webhook")
}
