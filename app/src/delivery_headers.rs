//! The header names and values of this installation's deliveries. As with [`crate::provider`], the server writes what differs
//! from the default into `<html>`, where a component of any page finds it.

use model::DeliveryHeaders;

/// The value of `User-Agent`, and the name of the signature's header.
pub fn delivery_headers() -> DeliveryHeaders {
    #[cfg(feature = "hydrate")]
    let headers = {
        let root = leptos::prelude::document().document_element();
        let attribute = |name: &str| root.as_ref().and_then(|root| root.get_attribute(name));
        let usual = DeliveryHeaders::default();
        DeliveryHeaders {
            user_agent: attribute("data-webhook-agent").unwrap_or(usual.user_agent),
            sign: attribute("data-webhook-sign").unwrap_or(usual.sign),
        }
    };
    #[cfg(not(feature = "hydrate"))]
    let headers = leptos::prelude::use_context::<DeliveryHeaders>().unwrap_or_default();
    headers
}

/// For the two attributes: what differs from the usual.
#[cfg(feature = "ssr")]
pub(crate) fn unusual() -> (Option<String>, Option<String>) {
    let DeliveryHeaders { user_agent, sign } = delivery_headers();
    (
        (user_agent != DeliveryHeaders::USER_AGENT).then_some(user_agent),
        (sign != DeliveryHeaders::SIGN).then_some(sign),
    )
}
