//! Which addresses webhooks of this installation may have. As with [`crate::provider`], the server writes what differs from
//! the default into `<html>`, where a component of any page finds it.

use model::DeliveryReach;

/// What the webhook form says of a URL.
pub fn delivery_reach() -> DeliveryReach {
    #[cfg(feature = "hydrate")]
    let reach = leptos::prelude::document()
        .document_element()
        .and_then(|root| root.get_attribute("data-delivery-reach"))
        .map(|networks| DeliveryReach::from_text(&networks));
    #[cfg(not(feature = "hydrate"))]
    let reach = leptos::prelude::use_context::<DeliveryReach>();
    reach.unwrap_or_default()
}
