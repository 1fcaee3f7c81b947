//! What the operator holds: said on the webhook's page and in the list of its deliveries.

use leptos::prelude::*;
use model::{DeliveryFilter, DeliveryStateFilter, DeliveryView, WebhookId};

use super::address;
use crate::pages::company::CompanyScope;
use crate::pages::logs::words::grouped;
use crate::provider;
use crate::ui::{Notice, Tone};

/// Nothing where no delivery is on hold.
#[component]
pub(super) fn OnHold(webhook: WebhookId, count: u64) -> impl IntoView {
    (count > 0).then(|| {
        let view = DeliveryView {
            filter: DeliveryFilter {
                states: vec![DeliveryStateFilter::OnHold],
                ..DeliveryFilter::default()
            },
            ..DeliveryView::default()
        };
        let href = address::of_list(CompanyScope::here(), webhook, &view);
        let (deliveries, them, sent) = match count {
            1 => (
                "1 delivery is on hold.".to_owned(),
                "it",
                "It is sent once it is resumed.",
            ),
            count => (
                format!("{} deliveries are on hold.", grouped(count)),
                "them",
                "They are sent once they are resumed.",
            ),
        };
        let why = format!(" {} has put {them} on hold. {sent} ", provider().name_at_start());
        view! {
            <Notice tone=Tone::Hold title=deliveries>
                {why} <a href=href>"Show what is on hold"</a>
            </Notice>
        }
    })
}
