//! Which build of Gatehouse rendered the page. The server writes it into `<html data-build>`, and names its own build at
//! the start of each live stream.

/// The build of the open page; empty on the server.
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
