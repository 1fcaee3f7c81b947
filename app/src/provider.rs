//! The company that runs this installation, by the name its customers know. The server writes it into
//! `<html data-provider>`, where a component of any page finds it without asking for anything.

use model::Provider;

/// Use `provider().name()` inside a sentence and `provider().name_at_start()` to begin one.
pub fn provider() -> Provider {
    #[cfg(feature = "hydrate")]
    let name = leptos::prelude::document()
        .document_element()
        .and_then(|root| root.get_attribute("data-provider"))
        .and_then(|name| Provider::named(&name));
    #[cfg(not(feature = "hydrate"))]
    let name = leptos::prelude::use_context::<Provider>();
    name.unwrap_or_default()
}
