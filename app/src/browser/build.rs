//! Which build of Gatehouse made the page. The server writes it into `<html data-build>`, and says with each live stream
//! which build it is itself.

/// Of the page that is open; empty on the server.
pub fn of_this_page() -> String {
    #[cfg(feature = "hydrate")]
    if let Some(build) = leptos::prelude::document()
        .document_element()
        .and_then(|root| root.get_attribute("data-build"))
    {
        return build;
    }
    String::new()
}
